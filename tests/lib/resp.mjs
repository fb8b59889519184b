// A small Redis client (RESP2) for tests: commands with replies in order, and subscriptions.
import net from 'node:net';

export class RespError extends Error {}

export class Resp {
  #socket;
  #buffer = Buffer.alloc(0);
  #waiting = [];
  #channels = new Map(); // channel -> callback(message text)

  // Resolves with a connected client; errors later reject what waits.
  static connect(port, host = '127.0.0.1') {
    const client = new Resp();
    return new Promise((done, refuse) => {
      client.#socket = net.connect({ port, host, noDelay: true }, () => done(client));
      client.#socket.on('error', refuse);
      client.#socket.on('data', (chunk) => client.#read(chunk));
      client.#socket.on('close', () => client.#fail(new Error('the connection to Redis is closed')));
    });
  }

  // command('HGET', 'matches', id): the reply; an error reply rejects with RespError.
  command(...args) {
    return new Promise((done, refuse) => {
      if (this.#socket.destroyed) return refuse(new Error('the connection to Redis is closed'));
      this.#waiting.push({ done, refuse });
      const parts = [`*${args.length}\r\n`];
      for (const arg of args) {
        const bytes = Buffer.from(String(arg));
        parts.push(`$${bytes.length}\r\n`, bytes, '\r\n');
      }
      this.#socket.write(Buffer.concat(parts.map((part) => Buffer.from(part))));
    });
  }

  // HGETALL as an object.
  async hash(key) {
    const flat = await this.command('HGETALL', key);
    const out = {};
    for (let i = 0; i < flat.length; i += 2) out[flat[i]] = flat[i + 1];
    return out;
  }

  async hget(key, field) {
    const text = await this.command('HGET', key, field);
    return text === null ? null : JSON.parse(text);
  }

  // All keys, sorted (SCAN; small test databases only).
  async keys(pattern = '*') {
    const found = new Set();
    let cursor = '0';
    do {
      const [next, some] = await this.command('SCAN', cursor, 'MATCH', pattern, 'COUNT', 1000);
      some.forEach((key) => found.add(key));
      cursor = next;
    } while (cursor !== '0');
    return [...found].sort();
  }

  async subscribe(channel, callback) {
    this.#channels.set(channel, callback);
    await this.command('SUBSCRIBE', channel);
  }

  get closed() {
    return this.#socket.destroyed;
  }

  close() {
    this.#socket.destroy();
  }

  #fail(error) {
    const waiting = this.#waiting;
    this.#waiting = [];
    waiting.forEach((call) => call.refuse(error));
  }

  #read(chunk) {
    this.#buffer = this.#buffer.length ? Buffer.concat([this.#buffer, chunk]) : chunk;
    let at = 0;
    for (;;) {
      const parsed = parse(this.#buffer, at);
      if (!parsed) break;
      at = parsed.end;
      this.#deliver(parsed.value);
    }
    this.#buffer = this.#buffer.subarray(at);
  }

  #deliver(value) {
    if (Array.isArray(value) && value[0] === 'message') return this.#channels.get(value[1])?.(value[2]);
    const call = this.#waiting.shift();
    if (!call) return;
    if (value instanceof RespError) call.refuse(value);
    else call.done(value);
  }
}

// One value at `at`: {value, end}, or null if it is not there completely.
export function parse(buffer, at) {
  const eol = buffer.indexOf('\r\n', at);
  if (eol < 0) return null;
  const text = buffer.toString('utf8', at + 1, eol);
  const end = eol + 2;
  switch (buffer[at]) {
    case 43: // +
      return { value: text, end };
    case 45: // -
      return { value: new RespError(text), end };
    case 58: // :
      return { value: Number(text), end };
    case 36: { // $
      const n = Number(text);
      if (n < 0) return { value: null, end };
      return buffer.length < end + n + 2 ? null : { value: buffer.toString('utf8', end, end + n), end: end + n + 2 };
    }
    case 42: // *
      return parseArray(buffer, Number(text), end);
    default:
      throw new Error(`not RESP: ${buffer.toString('utf8', at, at + 40)}`);
  }
}

function parseArray(buffer, count, at) {
  if (count < 0) return { value: null, end: at };
  const items = [];
  for (let i = 0; i < count; i++) {
    const item = parse(buffer, at);
    if (!item) return null;
    items.push(item.value);
    at = item.end;
  }
  return { value: items, end: at };
}
