// The session: identity, requests and their replies, pushes and whom they concern.
//
// A request waits in #calls until its reply, its deadline or the end of the line. Without a line it is held and goes out
// after the next welcome; what was sent and not answered when the line breaks rejects with OUTCOME_UNKNOWN. After a
// welcome the server's word counts: rooms it no longer lists are over, the ticket joins again if it is not held.
import { Emitter } from './emitter.js';
import { GatewayError, fail } from './errors.js';
import { Line } from './line.js';
import { Room } from './room.js';
import { Ticket } from './ticket.js';

const VOLATILE_BACKLOG_BYTES = 65536; // with more than this unsent, volatile messages are dropped

const tooLong = (text, max) => max && text.length * 3 > max && new TextEncoder().encode(text).length > max;

export class Client extends Emitter {
  status = 'connecting'; // -> 'connected' <-> 'reconnecting', and from each 'closed'
  session = null; // the last welcome's data
  ticket = null; // while one is under way
  rooms = new Map(); // by id: those in which this player sits
  rttMs = null; // of the last ping
  #options;
  #base;
  #line;
  #calls = new Map();
  #lastId = 0;
  #token;
  #ready = {};

  constructor(url, options) {
    super();
    this.#options = options;
    this.#base = new URL(url, globalThis.location?.href);
    this.#base.protocol = this.#base.protocol.replace('http', 'ws');
    if (this.#base.pathname === '/') this.#base.pathname = '/ws';
    /** Resolves at the first welcome. */
    this.ready = new Promise((resolve, reject) => Object.assign(this.#ready, { resolve, reject }));
    this.ready.catch(() => {});
    this.#line = new Line(options, {
      address: () => this.#address(),
      open: () => this.#hello(),
      text: (text) => this.#receive(text),
      silent: () => this.ping().catch((error) => error.code === 'TIMEOUT' && this.#line.drop('no answer to a ping')),
      lost: (end) => this.#lost(end),
    });
    const { signal } = options;
    signal?.addEventListener('abort', () => this.close('aborted'), { once: true });
    if (signal?.aborted) queueMicrotask(() => this.close('aborted'));
    else this.#line.open();
  }

  get playerId() {
    return this.session?.playerId ?? this.#options.playerId;
  }

  /** Asks for a match. */
  join({ level }) {
    const ticket = new Ticket(this, level);
    if (this.status === 'closed') ticket._fail(fail('CLOSED', 'this client is closed'));
    else if (this.ticket) ticket._fail(fail('ALREADY_QUEUED', 'cancel the ticket under way first'));
    else this.ticket = ticket;
    if (this.ticket === ticket && this.status === 'connected') ticket._welcome({}, false);
    return ticket;
  }

  /** Any request of PROTOCOL.md; resolves with the reply's data, rejects with GatewayError. */
  async request(event, data = {}, { timeoutMs = this.#options.timeoutMs ?? 10000 } = {}) {
    if (this.status === 'closed') throw fail('CLOSED', 'this client is closed');
    const id = ++this.#lastId;
    const text = JSON.stringify({ event, id, data });
    return new Promise((resolve, reject) => {
      const call = { text, sent: false, resolve, reject };
      call.timer = setTimeout(() => {
        const code = call.sent ? 'TIMEOUT' : 'NOT_CONNECTED';
        this.#settle(id, fail(code, `no answer to ${event} in ${timeoutMs} ms`, !call.sent));
      }, timeoutMs);
      this.#calls.set(id, call);
      if (this.status === 'connected') this.#transmit(id, call);
    });
  }

  /** Sends without id; false if it was dropped here. */
  notify(event, data = {}) {
    if (this.status !== 'connected' || this.#line.bufferedBytes > VOLATILE_BACKLOG_BYTES) return false;
    const text = JSON.stringify({ event, data });
    return !tooLong(text, this.session.limits?.messageMaxBytes) && this.#send(text);
  }

  /** Resolves with the round trip's milliseconds. */
  async ping() {
    const started = Date.now();
    await this.request('ping', {}, { timeoutMs: this.#options.pongTimeoutMs ?? 8000 });
    return (this.rttMs = Date.now() - started);
  }

  /** Ends the line for good; the server holds a seat for its grace time. */
  close(reason = 'closed by the application') {
    this.#line.close(1000, reason);
  }

  async #address() {
    const { token } = this.#options;
    const url = new URL(this.#base);
    this.#token = typeof token === 'function' ? await token() : token;
    if (this.#token) url.searchParams.set('hello', '1');
    else if (this.playerId) url.searchParams.set('playerId', this.playerId); // also one the server chose
    return url.href;
  }

  /** The token travels in the first message, not in the address, which proxies write to their logs. */
  #hello() {
    if (!this.#token) return;
    const id = ++this.#lastId;
    const reject = ({ code, message, retryable }) => {
      if (retryable) this.#line.drop(message);
      else if (code !== 'OUTCOME_UNKNOWN') this.#line.close(4001, message);
    };
    this.#calls.set(id, { sent: true, resolve() {}, reject }); // the push welcome follows the reply
    const data = { token: this.#token, playerId: this.playerId };
    this.#line.send(JSON.stringify({ event: 'hello', id, data }));
  }

  #send(text) {
    this.#debug('>', text);
    return this.#line.send(text);
  }

  #debug(direction, text) {
    const { debug } = this.#options;
    if (typeof debug === 'function') debug(direction, text);
    else if (debug) console.debug('matchgate', direction, text);
  }

  #transmit(id, call) {
    if (tooLong(call.text, this.session.limits?.messageMaxBytes))
      this.#settle(id, fail('TOO_LARGE', 'larger than limits.messageMaxBytes'));
    else call.sent = this.#send(call.text);
  }

  #settle(id, error, data) {
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    clearTimeout(call.timer);
    if (error) call.reject(error);
    else call.resolve(data);
  }

  #receive(text) {
    this.#debug('<', text);
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return;
    }
    if (frame?.ok !== undefined) this.#settle(frame.id, frame.ok ? null : new GatewayError(frame.error), frame.data);
    else if (frame?.event) this.#push(frame);
  }

  #push(frame) {
    const { event } = frame;
    const data = (frame.data ??= {});
    if (event === 'welcome') return this.#welcome(data);
    if (event === 'goodbye') this.#line.goodbye(data);
    const id = frame.room ?? data.roomId;
    if ((event === 'matchFound' || event === 'roomSnapshot') && !this.rooms.has(id)) this.#enter(id, frame);
    else if (this.rooms.has(id)) this.rooms.get(id)._push(frame);
    else if (event === 'error') this.emit('error', new GatewayError(data));
    if (event === 'waiting' || event === 'queueUpdate') this.ticket?._update(data);
    this.emit('push', frame);
  }

  #enter(id, frame) {
    const room = new Room(this, id);
    this.rooms.set(id, room);
    room._push(frame);
    this.emit('room', room);
  }

  #welcome(data) {
    const again = this.session !== null;
    this.session = data;
    this.status = 'connected';
    this.#line.ready(data.pingMs ?? 25000);
    for (const [id, room] of this.rooms)
      if (data.rooms && !data.rooms.some(({ roomId }) => roomId === id)) room._close({ reason: 'gone' });
    for (const [id, call] of [...this.#calls]) if (!call.sent) this.#transmit(id, call);
    this.ticket?._welcome(data, again);
    this.#ready.resolve(this);
    this.emit('connected', { session: data, again });
  }

  #lost({ code, reason, final, delayMs, attempt }) {
    const was = this.status;
    this.status = final ? 'closed' : 'reconnecting';
    const unknown = fail('OUTCOME_UNKNOWN', 'the connection broke before the answer');
    const closed = fail('CLOSED', `the connection ended: ${code} ${reason}`);
    for (const [id, { sent }] of [...this.#calls]) if (sent || final) this.#settle(id, sent ? unknown : closed);
    if (final) {
      this.#ready.reject(closed);
      this.ticket?._fail(closed);
    }
    if (was === 'connected' || final) this.emit('disconnected', { code, reason, final });
    if (!final) this.emit('reconnecting', { code, reason, delayMs, attempt });
  }
}
