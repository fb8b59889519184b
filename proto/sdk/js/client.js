// The session: identity, requests and their replies, pushes and whom they concern.
//
// A request waits in #queue for the line, and for its turn: WINDOW may be under way, as many as the server remembers. It
// gets its id when it goes out, and waits in #calls for the reply. While there is no line, WINDOW may wait, no more. After a break the next hello resumes the session: what
// was not answered is sent again with its id, in order, and done once; and again, while the answer says nothing of the first
// try. On another session it rejects with OUTCOME_UNKNOWN. What a room asks for is also sent again while the server's store is
// away or silent, as long as the request's time lasts; what is asked later waits behind it.
// After a welcome the server's word counts: rooms it does not list are over, the ticket joins again if it is not held.
import { Emitter } from './emitter.js';
import { GatewayError, fail } from './errors.js';
import { Line } from './line.js';
import { Room } from './room.js';
import { Ticket } from './ticket.js';

const VOLATILE_BACKLOG_BYTES = 65536; // with more than this unsent, volatile messages are dropped
const WINDOW = 64;
const ROOMS_MAX = 4; // that a hello may name
const NOT_NOW = ['BUSY', 'RATE_LIMITED', 'SERVICE_DEGRADED']; // said without looking whether it was done before
const AGAIN_MS = 200;
const LASTING = ['gameMessage', 'updatePlayerState', 'updateGameData', 'leaveRoom', 'endGame']; // done once, by their id
const UNKNOWN_MAX = 3; // answers OUTCOME_UNKNOWN in a row: it is too old to be remembered

// Pushes that one's own requests cause, and by what in the request they are known.
const OWN = {
  __proto__: null,
  gameMessage: ({ message }) => ['gameMessage', `"message":${JSON.stringify(message)}`],
  playerStateUpdated: ({ state }) => ['updatePlayerState', `"state":${JSON.stringify(state)}`],
  gameDataUpdated: ({ version }) => ['updateGameData', `"expectedVersion":${version - 1}`],
};

/** What JSON cannot say is the caller's mistake: a cycle, a BigInt, a function. */
function jsonOf(data) {
  let text, cause;
  try {
    text = JSON.stringify(data);
  } catch (error) {
    cause = error;
  }
  if (text === undefined) throw Object.assign(fail('BAD_REQUEST', `not JSON: ${cause?.message ?? typeof data}`), { cause });
  return text;
}

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
  #queue = new Set();
  #calls = new Map(); // by id, in their order
  #lastId = 0;
  #again; // the timer of requests whose first try is still open
  #helloId;
  #token;
  #ready = {};
  #held = null; // frames that wait until those who awaited `ready` or `matched` have had their turn

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
      ending: () => {
        while (this.#held) this.#flush();
      },
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

  /** Did the last welcome bring back everything that was missed? */
  get recovered() {
    return this.session?.recovered ?? false;
  }

  /** Asks for a match; the others of it read `setup`. Aborting `signal` cancels the ticket. */
  join({ level, setup } = {}, { signal } = {}) {
    const ticket = new Ticket(this, level, setup);
    const cancel = () => ticket.cancel().catch(() => {});
    signal?.addEventListener('abort', cancel);
    ticket.matched.catch(() => {}).then(() => signal?.removeEventListener('abort', cancel));
    if (signal?.aborted) ticket._fail(fail('CANCELLED', 'aborted before it began'));
    else if (this.status === 'closed') ticket._fail(fail('CLOSED', 'this client is closed'));
    else if (this.ticket) ticket._fail(fail('ALREADY_QUEUED', 'cancel the ticket under way first'));
    else this.ticket = ticket;
    if (this.ticket === ticket && this.status === 'connected') ticket._welcome({}, false);
    return ticket;
  }

  /** Any request of PROTOCOL.md; resolves with the reply's data, rejects with GatewayError. */
  async request(event, data, { timeoutMs = this.#options.timeoutMs ?? 10000, signal } = {}) {
    data ??= {};
    if (this.status === 'closed') throw fail('CLOSED', 'this client is closed');
    if (signal?.aborted) throw fail('ABORTED', `${event} was aborted before it began`);
    if (this.status !== 'connected' && this.#queue.size >= WINDOW) throw fail('QUEUE_FULL', `${WINDOW} requests wait for the line already`, true);
    const body = jsonOf(data);
    return new Promise((resolve, reject) => {
      const abort = () => this.#settle(call, fail('ABORTED', `${event} was aborted${call.sent ? '; it may have been done' : ''}`));
      const call = { event, data, body, resolve, reject, end: () => signal?.removeEventListener('abort', abort) };
      signal?.addEventListener('abort', abort);
      call.timer = setTimeout(() => {
        const code = call.sent ? 'TIMEOUT' : 'NOT_CONNECTED';
        this.#settle(call, call.open ? call.refused : fail(code, `no answer to ${event} in ${timeoutMs} ms`, !call.sent));
      }, timeoutMs);
      if (event === 'ping' && this.status === 'connected') return this.#transmit(call); // a sign of life does not wait
      this.#queue.add(call);
      this.#pump();
    });
  }

  /** Sends without id; false if it was dropped here. */
  notify(event, data = {}) {
    const text = jsonOf({ event, data });
    if (this.status !== 'connected' || this.#line.bufferedBytes > VOLATILE_BACKLOG_BYTES) return false;
    return !tooLong(text, this.session.limits?.messageMaxBytes) && this.#send(text);
  }

  /** Resolves with the round trip's milliseconds. */
  async ping() {
    const started = Date.now();
    await this.request('ping', {}, { timeoutMs: this.#options.pongTimeoutMs ?? 8000 });
    return (this.rttMs = Date.now() - started);
  }

  /** Drops the line and comes back at once, with the session: perhaps to another instance. In a pause, ends the pause. */
  reconnect() {
    this.#line.again();
  }

  /** Ends the line for good; the server holds a seat for its grace time. */
  close(reason = 'closed by the application') {
    this.#line.close(1000, reason);
  }

  async #address() {
    const { token } = this.#options;
    const url = new URL(this.#base);
    this.#token = typeof token === 'function' ? await token() : token;
    if (this.#token || this.session?.resumeToken) url.searchParams.set('hello', '1');
    else if (this.playerId) url.searchParams.set('playerId', this.playerId); // also one the server chose
    return url.href;
  }

  /** Tokens travel in the first message, not in the address, which proxies write to their logs. */
  #hello() {
    const { sessionId: session, resumeToken: token } = this.session ?? {};
    if (!this.#token && !token) return;
    const seen = ([id, { epoch, seq }]) => [id, epoch > 1 ? { epoch, seq } : seq];
    const rooms = Object.fromEntries([...this.rooms].slice(-ROOMS_MAX).map(seen));
    const data = { token: this.#token, playerId: this.playerId, resume: token && { session, token, rooms } };
    this.#helloId = ++this.#lastId;
    this.#line.send(JSON.stringify({ event: 'hello', id: this.#helloId, data }));
  }

  #send(text) {
    this.#debug('>', text);
    return this.#line.send(text);
  }

  #debug(direction, text) {
    const { debug } = this.#options;
    if (debug) text = text.replace(/"resumeToken":"[^"]*"/, '"resumeToken":"..."');
    if (typeof debug === 'function') debug(direction, text);
    else if (debug) console.debug('matchgate', direction, text);
  }

  #pump() {
    for (const call of this.#queue) {
      const [oldest = Infinity] = this.#calls.keys();
      if (this.status !== 'connected' || this.#again || this.#lastId - oldest >= WINDOW - 1) return;
      this.#transmit(call);
    }
  }

  #transmit(call) {
    this.#queue.delete(call);
    if (call.undone) {
      this.#calls.delete(call.id);
      Object.assign(call, { id: undefined, sent: false, undone: false });
    }
    call.id ??= ++this.#lastId;
    Object.assign(call, { repeated: call.sent, open: false });
    this.#calls.set(call.id, call);
    const text = `{"event":${JSON.stringify(call.event)},"id":${call.id},"data":${call.body}}`;
    if (tooLong(text, this.session.limits?.messageMaxBytes))
      this.#settle(call, fail('TOO_LARGE', 'larger than limits.messageMaxBytes'));
    else if (this.#send(text)) call.sent = true;
  }

  #settle(call, error, data) {
    this.#queue.delete(call);
    this.#calls.delete(call.id);
    clearTimeout(call.timer);
    call.end();
    if (this.#again && ![...this.#calls.values()].some(({ open }) => open)) {
      clearTimeout(this.#again); // nobody is left whom the others wait for
      this.#again = null;
    }
    if (error) call.reject(error);
    else call.resolve(data);
    this.#pump();
  }

  #receive(text) {
    if (this.#held) return this.#held.push(text);
    this.#debug('<', text);
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return;
    }
    if (frame?.ok !== undefined) this.#reply(frame);
    else if (frame?.event) this.#push(frame);
  }

  #askAgain() {
    this.#again = null;
    for (const call of [...this.#calls.values()])
      if (call.open && this.status === 'connected') this.#transmit(call);
    this.#pump();
  }

  /** Does the answer leave the request open? */
  #isOpen(call, code) {
    if (code === 'OUTCOME_UNKNOWN') return LASTING.includes(call.event) && (call.unknown = (call.unknown ?? 0) + 1) < UNKNOWN_MAX;
    if (call.repeated) return NOT_NOW.includes(code);
    if (!LASTING.includes(call.event) || !['BUSY', 'SERVICE_DEGRADED'].includes(code)) return false;
    call.undone = true; // for certain: the next try is a new request
    return true;
  }

  #reply({ id, ok, data, error }) {
    const call = this.#calls.get(id);
    if (id === this.#helloId) {
      if (error?.retryable) this.#line.drop(error.message);
      else if (!ok) this.#line.close(4001, error?.message); // else the push welcome follows
    } else if (call && error && this.#isOpen(call, error.code)) {
      Object.assign(call, { open: true, refused: new GatewayError(error) });
      this.#again ??= setTimeout(() => this.#askAgain(), error.retryAfterMs ?? AGAIN_MS);
    } else if (call) {
      const room = this.rooms.get(call.data.roomId);
      if (data?.seq && call.event !== 'getGameState' && !call.data.echo) room?._seen(data.seq);
      this.#settle(call, ok ? null : new GatewayError(error), data);
    }
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
    if (event === 'ticketExpired') this.ticket?._fail(fail('TICKET_EXPIRED', 'nobody was found in time', true));
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
    const resumed = data.sessionId === this.session?.sessionId;
    this.session = data;
    for (const [id, room] of this.rooms) {
      const listed = data.rooms ? data.rooms.find(({ roomId }) => roomId === id) : {};
      if (listed) Object.assign(room, { recovered: data.recovered, missed: listed.ended });
      else room._close({ reason: 'gone' });
    }
    this.status = 'connected';
    this.#line.ready(data.pingMs ?? 25000);
    for (const call of [...this.#calls.values()])
      if (resumed || !call.sent) this.#transmit(call);
      else this.#settle(call, fail('OUTCOME_UNKNOWN', 'the connection broke before the answer'));
    this.#pump();
    if (this.ticket) this.ticket._welcome(data, again);
    else if (again && data.queue) this.notify('leaveMatchmaking'); // given up while the line was down
    if (!again) this._breathe();
    this.#ready.resolve(this);
    this.emit('connected', { session: data, again });
  }

  #flush() {
    const held = this.#held ?? [];
    this.#held = null;
    for (const text of held) this.#receive(text);
  }

  #lost({ code, reason, final, delayMs, attempt }) {
    const was = this.status;
    this.status = final ? 'closed' : 'reconnecting';
    if (final) {
      clearTimeout(this.#again);
      const unknown = fail('OUTCOME_UNKNOWN', 'the connection broke before the answer');
      const closed = fail('CLOSED', `the connection ended: ${code} ${reason}`);
      for (const call of [...this.#calls.values(), ...this.#queue]) this.#settle(call, call.sent ? unknown : closed);
      this.#ready.reject(closed);
      this.ticket?._fail(closed);
    }
    if (was === 'connected' || final) this.emit('disconnected', { code, reason, final });
    if (!final) this.emit('reconnecting', { code, reason, final, delayMs, attempt });
  }

  // For Ticket and Room only:

  /** Frames may come many at once: what follows waits a moment, so that who awaits a promise can listen before it is told. */
  _breathe() {
    if (this.#held) return;
    this.#held = [];
    setTimeout(() => this.#flush());
  }

  /** Is this the push of an own request whose reply is yet to come? Then that will say so. */
  _echo(event, data) {
    const [request, known] = OWN[event]?.(data) ?? [];
    for (const call of this.#calls.values())
      if (call.event === request && !call.echoed && !call.data.echo && call.body.includes(known)) return (call.echoed = true);
    return false;
  }

  _waits(roomId) {
    return [...this.#calls.values()].some(({ data }) => data.roomId === roomId);
  }
}
