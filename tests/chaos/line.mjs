// A player's line: connects, says hello, resumes, asks for signs of life, comes back as PROTOCOL.md says; requests and replies.
//
// It is written from PROTOCOL.md and not from the JavaScript client, so that a mistake there cannot hide one here. What was
// asked and not yet answered is asked again with the same id if the server has taken the session up again; else the outcome is
// unknown. Who inherits (player.mjs) fills in: known() -> the rooms to resume, as [{id, view}]; arrived(frame) for each push;
// taken(data) for each welcome. How it is said stands in a wire: that of the native dialect below, that of Socket.IO's in sio_line.mjs.
import WebSocket from 'ws';
import { now } from '../lib/wait.mjs';

const HANDSHAKE_MS = 4000;
const WELCOME_MS = 6000;
const REQUEST_MS = 20000;
const PAUSE_MS = 100; // times 2^n, with full jitter
const PAUSE_MAX_MS = 2000;
const SILENCE_MS = 3000; // ask for a sign of life; as long again, and the line is given up
const ONCE = /gameMessage|updatePlayerState|updateGameData|leaveRoom|endGame/; // done once, however often they are sent
const SENT_MAX = 20;
const TRACE_MAX = 120;

// The native dialect. address(url): as what it is connected to; opened(line): the socket stands; write(request), read(text, line): frames
// as texts and back; said: what the present connection said that it had seen, room -> number.
class NativeWire {
  resends = true; // what is not answered is asked again with its id
  said = {};

  address(url) {
    url.searchParams.set('hello', '1');
  }

  opened(line) {
    const data = line.identity;
    this.said = {};
    if (line.resuming) {
      const known = line.known();
      this.said = Object.fromEntries(known.map(({ id, view }) => [id, view.upTo]));
      const epochOf = (view) => line.record.epochOf(view);
      const position = ({ view }) => (epochOf(view) > 1 ? { epoch: epochOf(view), seq: view.upTo } : view.upTo);
      const rooms = Object.fromEntries(known.map((room) => [room.id, position(room)]));
      data.resume = { session: line.session.id, token: line.session.token, rooms };
    }
    line.send({ event: 'hello', data });
  }

  // Does a hello that resumes ask for this room, if it is known?
  asks() {
    return true;
  }

  write(request) {
    return JSON.stringify(request);
  }

  read(text) {
    return JSON.parse(text);
  }
}

export class Line {
  #pending = new Map(); // id -> {text, done}
  #lastId = 0;
  #attempt = 0;
  #closedAt = null;
  #heardAt = 0;
  #waiters = [];
  #trace = []; // the last of what was said, both ways
  #sockets = new Set(); // also those left behind, until they end
  #timer = null;
  #goodbye = null;
  socket = null; // the present one
  welcome = null; // of the present connection, or null
  session = null; // {id, token} of the last welcome
  resuming = false; // the present connection was to go on with it
  silentMs = 0; // how long nothing was heard before the present welcome
  stopped = false;

  // urls(): where one may connect now. token(name): a signed token, if the fleet wants one. wire: its dialect.
  constructor({ name, urls, random, record, token, wire = new NativeWire() }) {
    Object.assign(this, { name, urls, random, record, token, wire });
    record.traces.set(name, this.#trace);
  }

  // resume: say which session and what was seen (else: a new one, as a second device would).
  connect({ resume = true } = {}) {
    if (this.stopped) return;
    clearTimeout(this.#timer);
    this.#leave();
    const urls = this.urls();
    const url = new URL(urls[Math.floor(this.random() * urls.length)]);
    this.wire.address(url);
    const socket = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: HANDSHAKE_MS });
    this.socket = socket;
    this.#sockets.add(socket);
    this.resuming = resume && this.session !== null;
    socket.on('open', () => this.socket === socket && this.wire.opened(this));
    socket.on('message', (data) => this.socket === socket && this.#receive(data.toString()));
    socket.on('error', () => {}); // close follows
    socket.on('close', (code) => {
      this.#sockets.delete(socket);
      if (this.socket === socket) this.#lost(code);
    });
    this.#timer = setTimeout(() => this.socket === socket && this.drop(), WELCOME_MS);
  }

  get identity() {
    return this.token ? { token: this.token(this.name) } : { playerId: this.name };
  }

  get said() {
    return this.wire.said;
  }

  // A request without id.
  send(request) {
    this.write(this.wire.write(request));
  }

  write(text) {
    this.#note(`> ${text}`);
    this.socket.send(text);
  }

  // The line breaks without a word; he may be quick enough to be back before the server knows. awayMs: he takes his time.
  drop({ awayMs } = {}) {
    const { socket } = this;
    this.#lost(1006, awayMs);
    socket.terminate();
  }

  // What arrives on the line that was is not listened to any more.
  #leave() {
    if (this.welcome) this.#closedAt = now();
    this.welcome = null;
    this.socket = null;
    if (!this.wire.resends) this.#forget(({ sent }) => sent > 0);
  }

  // What was asked is given up: it may have been done.
  #forget(which) {
    for (const [id, call] of [...this.#pending])
      if (which(call)) {
        this.#pending.delete(id);
        call.done({ unknown: true });
      }
  }

  #lost(code, awayMs) {
    this.record.count(this.record.closes, code);
    this.#note(`closed ${code}`);
    const goodbye = this.#goodbye;
    this.#goodbye = null;
    this.#leave();
    clearTimeout(this.#timer);
    if (this.stopped) return;
    const pause = this.random() * Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** this.#attempt++);
    const wait = goodbye?.delayMs > 0 && this.#attempt === 1 ? goodbye.delayMs : pause;
    this.#timer = setTimeout(() => this.connect(), awayMs ?? wait);
    this.wake();
  }

  // Browsers do not see pings: ask when it has been silent, give up when there is no answer.
  #watch() {
    this.#timer = setTimeout(() => {
      const silence = now() - this.#heardAt;
      if (silence >= 2 * SILENCE_MS) return this.drop();
      if (silence >= SILENCE_MS) this.send({ event: 'ping' });
      this.#watch();
    }, SILENCE_MS / 2);
  }

  #receive(text) {
    this.#note(`< ${text}`);
    const frame = this.wire.read(text, this);
    if (frame?.event === 'welcome') this.#welcomed(frame.data);
    if (this.welcome) this.#heardAt = now(); // a refusal is no news of the game
    if (!frame) return;
    if ('ok' in frame) this.#replied(frame);
    else this.#pushed(frame);
    this.wake();
  }

  #pushed(frame) {
    if (frame.event === 'goodbye') this.#goodbye = frame.data;
    if (frame.event === 'error') this.#fault(frame.data);
    if (frame.event !== 'welcome') this.arrived(frame);
  }

  #welcomed(data) {
    const { record } = this;
    clearTimeout(this.#timer);
    this.#attempt = 0;
    this.welcome = data;
    this.silentMs = now() - this.#heardAt;
    record.counts.connections++;
    if (this.#closedAt !== null) {
      record.gapsMs.push(now() - this.#closedAt);
      record.count(record.counts, data.recovered ? 'recovered' : 'fresh');
      record.returns.push(now());
    }
    this.#closedAt = null;
    const same = this.resuming && this.session?.id === data.sessionId;
    this.session = { id: data.sessionId, token: data.resumeToken };
    this.taken(data, { resumed: this.resuming, same });
    if (!same) this.#forget(() => true);
    for (const call of this.#pending.values()) this.#ask(call);
    this.#watch();
  }

  // What happened to this player just before is kept with his first complaint.
  complain(text) {
    this.record.violation(text, this.name);
  }

  #note(text) {
    this.#trace.push(`${new Date().toISOString().slice(11)} ${text.slice(0, 160)}`);
    if (this.#trace.length > TRACE_MAX) this.#trace.shift();
  }

  #fault({ code, message }) {
    this.record.count(this.record.errors, code);
    if (code === 'INTERNAL') this.complain(`${this.name} was answered INTERNAL: ${message}`);
  }

  // --- requests ------------------------------------------------------------------------------------------------------

  // Resolves with the reply and how often it was sent, or with {unknown: true}; never rejects.
  request(event, data) {
    const id = ++this.#lastId;
    const text = this.wire.write({ event, id, data });
    return new Promise((resolve) => {
      const call = { event, text, sent: 0 };
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        resolve({ unknown: true });
      }, REQUEST_MS);
      call.done = (reply) => {
        clearTimeout(timer);
        reply.sent = call.sent;
        if (reply.error) this.#fault(reply.error);
        resolve(reply);
      };
      this.#pending.set(id, call);
      if (this.welcome) this.#ask(call);
    });
  }

  #replied(frame) {
    const waiting = this.#pending.get(frame.id);
    if (waiting && this.#leavesOpen(waiting, frame)) return this.#later(frame.id, frame.error);
    this.#pending.delete(frame.id);
    waiting?.done(frame);
  }

  // Does this answer leave open whether the request was done? OUTCOME_UNKNOWN; and on a repeated one every error that only says that
  // nothing can be said now.
  #leavesOpen({ event, sent }, { error }) {
    if (!error || !this.wire.resends || !ONCE.test(event) || sent >= SENT_MAX) return false;
    return error.code === 'OUTCOME_UNKNOWN' || (sent > 1 && error.retryable);
  }

  // The same again with the same id, on this line; or on the next one, as everything that is unanswered.
  #later(id, { code, retryAfterMs = 200 }) {
    this.record.count(this.record.errors, code);
    const { socket } = this;
    setTimeout(() => {
      const call = this.#pending.get(id);
      if (call && this.socket === socket && this.welcome) this.#ask(call);
    }, retryAfterMs);
  }

  #ask(call) {
    if (call.sent++ > 0) this.record.counts.again++;
    this.write(call.text);
  }

  get idle() {
    return this.#pending.size === 0;
  }

  // Resolves when anything has happened, or after so many ms.
  change(ms) {
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      this.#waiters.push(() => (clearTimeout(timer), done()));
    });
  }

  wake() {
    for (const done of this.#waiters.splice(0)) done();
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.#timer);
    for (const { done } of this.#pending.values()) done({ unknown: true });
    this.#pending.clear();
    for (const socket of this.#sockets) socket.terminate();
    this.wake();
  }
}
