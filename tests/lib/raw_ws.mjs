// A WebSocket client that can misbehave: raw sockets, every bit of a frame chosen by the test.
//
//   const ws = await RawWs.open(port, {path: '/ws?playerId=ann'});
//   ws.text('hi');  ws.frame(0x1, 'half', {fin: false});  await ws.message();  await ws.end;   // {code, reason, clean}
//
// Pings of the server are answered unless `pong: false`; its Close frame is answered unless `answerClose: false`.
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { waitFor, within } from './wait.mjs';

export class RawHttp {
  constructor(port, { host = '127.0.0.1' } = {}) {
    this.received = Buffer.alloc(0);
    this.closed = false;
    this.reset = false;
    this.socket = net.connect({ port, host, allowHalfOpen: true });
    this.socket.on('data', (chunk) => (this.received = Buffer.concat([this.received, chunk])));
    this.socket.on('error', (error) => (this.reset = error.code));
    this.ended = new Promise((done) => {
      const over = () => done((this.closed = true));
      this.socket.on('end', over);
      this.socket.on('close', over);
    });
  }

  send(data) {
    this.socket.write(data);
    return this;
  }

  destroy() {
    this.socket.destroy();
  }

  get text() {
    return this.received.toString('latin1');
  }

  // Takes one response off the input: {status, headers, body}.
  async response({ timeoutMs = 5000, head = false } = {}) {
    return waitFor(() => this.#take(head), { what: 'an HTTP response', timeoutMs, stepMs: 5 });
  }

  #take(head) {
    const end = this.received.indexOf('\r\n\r\n');
    if (end < 0) {
      if (this.closed) throw new Error(`closed without a response (${this.reset || 'end of stream'}): ${this.text}`);
      return null;
    }
    const [first, ...lines] = this.received.subarray(0, end).toString('latin1').split('\r\n');
    const headers = {};
    for (const line of lines) headers[line.slice(0, line.indexOf(':')).toLowerCase()] = line.slice(line.indexOf(':') + 1).trim();
    const size = head ? 0 : Number(headers['content-length'] ?? 0);
    if (this.received.length < end + 4 + size) return null;
    const body = this.received.subarray(end + 4, end + 4 + size).toString();
    this.received = this.received.subarray(end + 4 + size);
    return { status: Number(first.split(' ')[1]), version: first.split(' ')[0], headers, body };
  }

  async over(timeoutMs = 5000) {
    await within(this.ended, timeoutMs, 'the server to end the connection');
  }
}

export const upgradeRequest = (path, headers = {}, line = `GET ${path} HTTP/1.1`) => {
  const all = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Version': '13',
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === null ? [] : [value].flat().map((one) => `${name}: ${one}`),
  );
  return [line, ...lines, '', ''].join('\r\n');
};

export class RawWs {
  static async open(port, { path = '/ws', headers, pong = true, answerClose = true, early = '' } = {}) {
    const http = new RawHttp(port);
    http.send(upgradeRequest(path, headers) + early);
    const response = await http.response();
    if (response.status !== 101) throw new Error(`refused with ${response.status}: ${response.body}`);
    return new RawWs(http, response, { pong, answerClose });
  }

  constructor(http, response, { pong, answerClose }) {
    this.http = http;
    this.socket = http.socket;
    this.response = response;
    this.pong = pong;
    this.answerClose = answerClose;
    this.messages = []; // text payloads
    this.control = []; // {opcode, payload} of pings and pongs
    this.close = null; // {code, reason} of the server's Close frame
    this.bytes = 0;
    this.socket.removeAllListeners('data');
    this.socket.on('data', (chunk) => this.#take(chunk));
    this.end = http.ended.then(() => {
      this.socket.destroy();
      return { code: this.close?.code ?? 1006, reason: this.close?.reason ?? '', clean: this.close !== null };
    });
    this.pending = http.received;
    this.#take(Buffer.alloc(0));
  }

  #take(chunk) {
    this.bytes += chunk.length;
    this.pending = this.pending.length ? Buffer.concat([this.pending, chunk]) : chunk;
    for (let frame; (frame = this.#frame()); ) this.#on(frame);
  }

  #frame() {
    const b = this.pending;
    if (b.length < 2) return null;
    let [size, at] = [b[1] & 0x7f, 2];
    if (size === 126) [size, at] = b.length < 4 ? [Infinity, 4] : [b.readUInt16BE(2), 4];
    else if (size === 127) [size, at] = b.length < 10 ? [Infinity, 10] : [Number(b.readBigUInt64BE(2)), 10];
    if (b.length < at + size) return null;
    const frame = { fin: (b[0] & 0x80) !== 0, rsv: b[0] & 0x70, opcode: b[0] & 0xf, masked: (b[1] & 0x80) !== 0 };
    frame.payload = b.subarray(at, at + size);
    this.pending = b.subarray(at + size);
    return frame;
  }

  #on(frame) {
    if (frame.masked || frame.rsv || !frame.fin || this.close) this.broken = `unexpected frame ${JSON.stringify(frame)}`;
    if (frame.opcode === 1) this.messages.push(frame.payload.toString());
    else if (frame.opcode === 8) this.#onClose(frame.payload);
    else this.control.push({ opcode: frame.opcode, payload: frame.payload.toString() });
    if (frame.opcode === 9 && this.pong) this.frame(0xa, frame.payload);
  }

  #onClose(payload) {
    this.close = {
      code: payload.length >= 2 ? payload.readUInt16BE(0) : 1005,
      reason: payload.subarray(2).toString(),
      messages: this.messages.length,
    };
    if (this.answerClose && !this.closing) this.frame(8, payload.subarray(0, 2));
  }

  static encode(opcode, payload, { fin = true, rsv = 0, mask = true, size } = {}) {
    const data = Buffer.from(payload);
    const n = BigInt(size ?? data.length);
    const head = Buffer.alloc(n < 126n ? 2 : n < 65536n ? 4 : 10);
    head[0] = (fin ? 0x80 : 0) | rsv | opcode;
    head[1] = n < 126n ? Number(n) : n < 65536n ? 126 : 127;
    if (head.length === 4) head.writeUInt16BE(Number(n), 2);
    if (head.length === 10) head.writeBigUInt64BE(n, 2);
    if (!mask) return Buffer.concat([head, data]);
    head[1] |= 0x80;
    const key = randomBytes(4);
    for (let i = 0; i < data.length; i++) data[i] ^= key[i & 3];
    return Buffer.concat([head, key, data]);
  }

  frame(opcode, payload = '', options) {
    this.socket.write(RawWs.encode(opcode, payload, options));
    return this;
  }

  text(payload) {
    return this.frame(1, payload);
  }

  // The client's own Close; resolves when the server has ended the connection.
  async bye(code, reason = '') {
    const payload = code === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);
    this.closing = true;
    this.frame(8, payload);
    return this.ended();
  }

  // The next text message not yet taken.
  async message(timeoutMs = 5000) {
    await waitFor(() => this.messages.length > 0, { what: 'a message', timeoutMs, stepMs: 2 });
    return this.messages.shift();
  }

  async ended(timeoutMs = 5000) {
    const end = await within(this.end, timeoutMs, 'the connection to end');
    if (this.broken) throw new Error(this.broken);
    return end;
  }

  pause() {
    this.socket.pause();
  }

  resume() {
    this.socket.resume();
  }

  destroy() {
    this.socket.destroy();
  }

  // Ends the connection without FIN: the server sees a reset.
  reset() {
    this.socket.resetAndDestroy();
  }
}
