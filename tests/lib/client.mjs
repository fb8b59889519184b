// A client of the native dialect, as raw as a test wants it: every push is recorded with its exact text.
//
//   const a = await Client.open(port, { playerId: 'ann' });      // waits for welcome
//   await a.send('joinMatchmaking', { level: 2 });               // reply data; throws ReplyError on ok:false
//   const error = await a.fails('gameMessage', {...});           // the error object; throws on ok:true
//   const found = await a.next('matchFound');                    // the next push of that name not yet taken
//   a.pushes                                                     // all of them, {event, room, seq, ts, data, raw}
import WebSocket from 'ws';
import { within } from './wait.mjs';

export class ReplyError extends Error {
  constructor(event, error) {
    super(`${event}: ${error.code}: ${error.message}`);
    this.code = error.code;
    this.error = error;
  }
}

const DEFAULT_TIMEOUT_MS = 10000;

export class Client {
  pushes = [];
  frames = []; // what arrived and was neither push nor reply
  close = null; // {code, reason} after the end
  #taken = new Set();
  #waiters = [];
  #replies = new Map();
  #nextId = 1;

  // where: a port or a ws:// URL. options: playerId, token, query {}, headers {}, protocols, hello (ask the server to
  // wait for hello), wait (false: do not wait for welcome), autoPong.
  static async open(where, options = {}) {
    const client = new Client(where, options);
    await within(client.opened, options.timeoutMs ?? DEFAULT_TIMEOUT_MS, `the handshake of ${client.name}`);
    if (!options.hello && options.wait !== false) {
      client.welcome = (await client.next('welcome')).data;
      client.playerId = client.welcome.playerId;
    }
    return client;
  }

  constructor(where, { playerId, token, query = {}, headers = {}, protocols, hello, autoPong = true } = {}) {
    const url = new URL(typeof where === 'number' ? `ws://127.0.0.1:${where}/ws` : where);
    if (playerId !== undefined) url.searchParams.set('playerId', playerId);
    if (token !== undefined) url.searchParams.set('token', token);
    if (hello) url.searchParams.set('hello', '1');
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    this.name = playerId ?? 'a client';
    this.playerId = playerId;
    this.socket = new WebSocket(url, protocols ?? [], { headers, autoPong, perMessageDeflate: false });
    this.opened = new Promise((done, refuse) => {
      this.socket.on('open', done);
      this.socket.on('error', refuse);
      this.socket.on('unexpected-response', (_, response) => refuse(refusal(response)));
    });
    this.closed = new Promise((done) => {
      this.socket.on('close', (code, reason) => {
        this.close = { code, reason: reason.toString() };
        this.#end();
        done(this.close);
      });
    });
    this.opened.catch(() => {});
    this.socket.on('message', (data) => this.#receive(data.toString()));
  }

  #receive(raw) {
    const frame = JSON.parse(raw);
    if ('ok' in frame) {
      const waiting = this.#replies.get(frame.id);
      this.#replies.delete(frame.id);
      if (waiting) waiting.done({ ...frame, raw });
      else this.frames.push({ ...frame, raw });
    } else if ('event' in frame) {
      this.pushes.push({ ...frame, raw });
      this.onPush?.(this.pushes.at(-1));
      this.#wake();
    } else {
      this.frames.push({ ...frame, raw });
    }
  }

  #wake() {
    this.#waiters = this.#waiters.filter((waiter) => {
      const push = this.#take(waiter.event, waiter.filter);
      if (push) waiter.done(push);
      return !push;
    });
  }

  #take(event, filter) {
    const push = this.pushes.find((p) => p.event === event && !this.#taken.has(p) && filter(p));
    if (push) this.#taken.add(push);
    return push;
  }

  #end() {
    const why = new Error(`${this.name} was closed with ${this.close.code} ${this.close.reason}`);
    for (const waiter of this.#waiters) waiter.refuse(why);
    for (const waiting of this.#replies.values()) waiting.refuse(why);
    this.#waiters = [];
    this.#replies.clear();
  }

  // The next push of that name that no earlier next() took and that `filter` accepts.
  next(event, { timeoutMs = DEFAULT_TIMEOUT_MS, filter = () => true } = {}) {
    const push = this.#take(event, filter);
    if (push) return Promise.resolve(push);
    if (this.close) return Promise.reject(new Error(`${this.name} is closed; no ${event} will come`));
    const promise = new Promise((done, refuse) => this.#waiters.push({ event, filter, done, refuse }));
    return within(promise, timeoutMs, `${event} at ${this.name}`).catch((error) => {
      throw new Error(`${error.message}; seen: ${this.pushes.map((p) => p.event).join(' ')}`);
    });
  }

  all(event) {
    return this.pushes.filter((p) => p.event === event);
  }

  // The whole reply frame. `data` may be a string of raw JSON bytes when `rawData` is set.
  request(event, data, { timeoutMs = DEFAULT_TIMEOUT_MS, id = this.#nextId++, rawData = false } = {}) {
    const body = rawData ? data : JSON.stringify(data);
    const text = `{"event":${JSON.stringify(event)},"id":${id}${data === undefined ? '' : `,"data":${body}`}}`;
    const promise = new Promise((done, refuse) => {
      if (this.close) return refuse(new Error(`${this.name} is closed (${this.close.code})`));
      this.#replies.set(id, { done, refuse });
      this.socket.send(text);
    });
    return within(promise, timeoutMs, `the reply to ${event} at ${this.name}`);
  }

  async send(event, data, options) {
    const reply = await this.request(event, data, options);
    if (!reply.ok) throw new ReplyError(event, reply.error);
    return reply.data;
  }

  async fails(event, data, options) {
    const reply = await this.request(event, data, options);
    if (reply.ok) throw new Error(`${event} was accepted: ${reply.raw}`);
    return reply.error;
  }

  // Without id: no reply will come.
  tell(event, data) {
    this.socket.send(JSON.stringify({ event, data }));
  }

  // Any bytes as one text frame (a Buffer goes out as a binary frame unless {binary: false}).
  raw(data, options) {
    this.socket.send(data, options);
  }

  // An orderly end (Close 1000), and a cut line.
  bye() {
    this.socket.close(1000);
    return this.closed;
  }

  drop() {
    this.socket.terminate();
    return this.closed;
  }

  // Stops and resumes reading: the client that never reads.
  pause() {
    this.socket.pause();
  }

  resume() {
    this.socket.resume();
  }
}

// An HTTP answer instead of an upgrade: an error with status and body.
function refusal(response) {
  const error = new Error(`the upgrade was answered with ${response.statusCode}`);
  error.status = response.statusCode;
  error.body = new Promise((done) => {
    let text = '';
    response.on('data', (chunk) => (text += chunk));
    response.on('end', () => done(text));
  });
  return error;
}
