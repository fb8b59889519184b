// One player of a chaos run: joins, plays, drops, comes back, as the protocol says, and tells the record all he sees.
//
// He is written from PROTOCOL.md and not from the JavaScript client, so that a mistake there cannot hide one here. What he
// has asked and not yet heard of he asks again with the same id if the server has taken his session up again; else
// the outcome is unknown to him. The same seed makes the same choices, though never quite the same run.
import WebSocket from 'ws';
import { delay, now } from '../lib/wait.mjs';
import { content } from './record.mjs';

const HANDSHAKE_MS = 4000;
const WELCOME_MS = 6000;
const REQUEST_MS = 20000;
const PAUSE_MS = 100; // times 2^n, with full jitter
const PAUSE_MAX_MS = 2000;
const SILENCE_MS = 3000; // ask for a sign of life; as long again, and the line is given up
const ONCE = /gameMessage|updatePlayerState|updateGameData|leaveRoom|endGame/; // done once, however often they are sent
const SENT_MAX = 20;
const STUCK_MS = 15000;
const TRACE_MAX = 60;

export const CALM = { drop: 0, double: 0, leave: 0.01, end: 0.01, state: 0.06, data: 0.06, volatile: 0.05, thinkMs: 100 };
export const WILD = { ...CALM, drop: 0.01, double: 0.005 };

export class Player {
  #pending = new Map(); // id -> {text, done}
  #lastId = 0;
  #n = 0; // of the last tag
  #attempt = 0;
  #closedAt = null;
  #heardAt = 0;
  #waiters = [];
  #trace = []; // the last of what was said, both ways
  #sockets = new Set(); // also those left behind, until they end
  socket = null; // the present one
  welcome = null; // of the present connection, or null
  session = null; // {id, token} of the last welcome
  room = null; // {id, view, started, version, stateVersion}
  ending = new Map(); // rooms that ended while he was away, until he has been told how
  queued = false;
  stopped = false;
  paused = false;
  perhaps = false; // he may be queued: the answer was lost
  played = new Set(); // rooms in which a request of his was done

  // urls(): where one may connect now. habits: CALM, WILD or the like. token(name): a signed token, if the fleet wants one.
  constructor({ name, urls, random, record, habits = CALM, levels = 3, levelFrom = 1, token }) {
    Object.assign(this, { name, urls, random, record, habits, levels, levelFrom, token });
  }

  // --- the line ------------------------------------------------------------------------------------------------------

  // resume: say which session and what was seen (else: a new one, as a second device would).
  connect({ resume = true } = {}) {
    if (this.stopped) return;
    clearTimeout(this.timer);
    this.#leaveLine();
    const urls = this.urls();
    const url = new URL(urls[Math.floor(this.random() * urls.length)]);
    url.searchParams.set('hello', '1');
    const socket = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: HANDSHAKE_MS });
    this.socket = socket;
    this.#sockets.add(socket);
    this.resuming = resume && this.session !== null;
    socket.on('open', () => this.socket === socket && this.#hello());
    socket.on('message', (data) => this.socket === socket && this.#receive(data.toString()));
    socket.on('error', () => {}); // close follows
    socket.on('close', (code) => {
      this.#sockets.delete(socket);
      if (this.socket === socket) this.#lost(code);
    });
    this.timer = setTimeout(() => this.socket === socket && this.#giveUp(), WELCOME_MS);
    return socket;
  }

  #hello() {
    const data = this.token ? { token: this.token(this.name) } : { playerId: this.name };
    if (this.resuming) {
      const known = [...this.ending.values(), ...(this.room ? [this.room] : [])];
      const rooms = Object.fromEntries(known.map(({ id, view, epoch = 1 }) => [id, epoch > 1 ? { epoch, seq: view.upTo } : view.upTo]));
      this.said = Object.fromEntries(known.map(({ id, view }) => [id, view.upTo]));
      data.resume = { session: this.session.id, token: this.session.token, rooms };
    }
    this.#send(JSON.stringify({ event: 'hello', data }));
  }

  #send(text) {
    this.#note(`> ${text}`);
    this.socket.send(text);
  }

  // Nobody is there, or nobody answers: an end nobody told us of.
  #giveUp() {
    const socket = this.socket;
    this.#lost(1006);
    socket.terminate();
  }

  // What arrives on the line that was is not listened to any more.
  #leaveLine() {
    if (this.welcome) this.#closedAt = now();
    this.welcome = null;
    this.socket = null;
  }

  #lost(code) {
    this.record.count(this.record.closes, code);
    this.#note(`closed ${code}`);
    const goodbye = this.goodbye;
    this.goodbye = null;
    this.#leaveLine();
    clearTimeout(this.timer);
    if (this.stopped) return;
    const pause = this.random() * Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** this.#attempt++);
    const wait = goodbye?.delayMs > 0 && this.#attempt === 1 ? goodbye.delayMs : pause;
    this.timer = setTimeout(() => this.connect(), wait);
    this.#wake();
  }

  // Browsers do not see pings: ask when it has been silent, give up when there is no answer.
  #watch() {
    this.timer = setTimeout(() => {
      const silence = now() - this.#heardAt;
      if (silence >= 2 * SILENCE_MS) return this.#giveUp();
      if (silence >= SILENCE_MS) this.#send('{"event":"ping"}');
      this.#watch();
    }, SILENCE_MS / 2);
  }

  #receive(text) {
    this.#heardAt = now();
    this.#note(`< ${text}`);
    const frame = JSON.parse(text);
    if ('ok' in frame) {
      const waiting = this.#pending.get(frame.id);
      if (waiting && this.#leavesOpen(waiting, frame)) return this.#later(frame.id, frame.error);
      this.#pending.delete(frame.id);
      waiting?.done(frame);
    } else this.#push(frame);
    this.#wake();
  }

  // What happened to this player just before is kept with his first complaint.
  #complain(text) {
    this.record.violation(text, this.name, this.#trace);
  }

  #note(text) {
    this.#trace.push(`${new Date().toISOString().slice(11)} ${text.slice(0, 160)}`);
    if (this.#trace.length > TRACE_MAX) this.#trace.shift();
  }

  // --- pushes --------------------------------------------------------------------------------------------------------

  #push(frame) {
    const { event, data } = frame;
    if (event === 'welcome') return this.#welcomed(data);
    if (event === 'goodbye') this.goodbye = data;
    if (event === 'waiting') this.#waits(data.level);
    if (event === 'error') this.#fault(data);
    const id = frame.room ?? data?.roomId;
    if (!id) return;
    if (event === 'matchFound') this.#matched(id, data);
    if (event === 'roomSnapshot') this.#snapshot(id, data);
    if (frame.seq !== undefined) this.#numbered(id, frame);
    if (event === 'gameMessage' && frame.seq === undefined) this.record.counts.volatile++;
    const ended = this.ending.get(id) ?? (this.room?.id === id ? this.room : null);
    if (event === 'roomCleanup' && ended) {
      if (frame.seq === undefined) this.#gone(ended, 'roomCleanup alone');
      if (this.room === ended) this.room = null;
    }
    if (event === 'roomCleanup' || event === 'matchCancelled') this.ending.delete(id);
    if (event === 'matchCancelled' && this.room?.id === id) {
      this.room = null;
      this.queued = data.requeued;
    }
  }

  #fault({ code, message }) {
    this.record.count(this.record.errors, code);
    if (code === 'INTERNAL') this.#complain(`${this.name} was answered INTERNAL: ${message}`);
  }

  #welcomed(data) {
    const { record } = this;
    clearTimeout(this.timer);
    this.#attempt = 0;
    this.welcome = data;
    record.counts.connections++;
    if (this.#closedAt !== null) {
      const gap = now() - this.#closedAt;
      record.gapsMs.push(gap);
      record.count(record.counts, data.recovered ? 'recovered' : 'fresh');
      record.returns.push(now());
    }
    this.#closedAt = null;
    const same = this.session?.id === data.sessionId;
    this.session = { id: data.sessionId, token: data.resumeToken };
    this.seats = new Set(data.rooms.map(({ roomId }) => roomId)); // one may be news: matched while he was away
    this.queued = data.queue !== null;
    if (this.queued) this.level = data.queue.level;
    this.perhaps &&= !this.queued;
    for (const room of [...this.ending.values(), ...(this.room ? [this.room] : [])]) {
      const entry = data.rooms.find(({ roomId }) => roomId === room.id);
      if (!entry) this.#gone(room, 'not in welcome');
      else if (entry.ended) this.#ends(room);
      const how = !this.resuming ? 'new session' : data.recovered ? 'recovered' : 'not recovered';
      record.connected(room.view, data.recovered ? (this.said?.[room.id] ?? 0) : 0, how);
    }
    this.said = null;
    for (const [id, waiting] of [...this.#pending])
      if (same && this.resuming) {
        this.#ask(waiting);
      } else {
        this.#pending.delete(id);
        waiting.done({ unknown: true });
      }
    this.#watch();
  }

  // He sits there no more; its last events are still to come.
  #ends(room) {
    if (this.room === room) this.room = null;
    this.ending.set(room.id, room);
  }

  // The room is over for him. why: not by his own will, and he is not told its end: what he missed there is not judged.
  #gone(room, why) {
    if (this.room === room) this.room = null;
    this.ending.delete(room.id);
    this.left = room.id;
    if (why) room.view.endUnknown = true;
  }

  #enter(id) {
    this.room = { id, view: this.record.view(this.name, id), started: false, version: 0, stateVersion: 0, since: now() };
    this.queued = false;
  }

  #matched(id, { players }) {
    if (this.room && this.room.id !== id)
      this.#complain(`I1 ${this.name} was matched into ${id} while he sat in ${this.room.id}`);
    else if (!this.queued && !this.joining && !this.perhaps && !this.room && !this.seats.has(id))
      this.#complain(`I2 ${this.name} was matched into ${id} without a ticket`);
    if (!players.some((player) => player.id === this.name)) this.#complain(`I2 ${this.name} is told of ${id}, but not in it`);
    if (this.room?.id !== id) this.#enter(id);
  }

  #snapshot(id, { state, seq }) {
    if (this.room?.id !== id) this.#enter(id);
    this.room.started = state.status === 'active';
    this.room.version = state.version;
    this.room.epoch = state.epoch;
    this.record.snapshot(this.room.view, seq);
  }

  #numbered(id, frame) {
    const room = this.ending.get(id) ?? this.room;
    if (room?.id !== id) {
      if (this.left === id) return; // what was on its way when the seat was given up
      this.#complain(`I7 ${this.name} got ${frame.event} ${frame.seq} of ${id}, in which he does not sit`);
      return;
    }
    this.record.pushed(room.view, frame);
    if (frame.event === 'gameStart') room.started = true;
    if (frame.event === 'roomEpoch') room.epoch = frame.data.epoch;
    if (frame.event === 'gameDataUpdated') room.version = frame.data.version;
  }

  // --- requests ------------------------------------------------------------------------------------------------------

  // Resolves with the reply, or with {unknown: true}; never rejects.
  request(event, data) {
    const id = ++this.#lastId;
    const text = JSON.stringify({ event, id, data });
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

  // Does this answer leave open whether the request was done? OUTCOME_UNKNOWN; and on a repeated one every error that only says that
  // nothing can be said now.
  #leavesOpen({ event, sent }, { error }) {
    if (!error || !ONCE.test(event) || sent >= SENT_MAX) return false;
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
    this.#send(call.text);
  }

  // A request whose doing must be seen by everybody: told to the record before and after. make(tag) -> [event, data] of the
  // request; seen(tag, reply) -> [event, data] of the push others get.
  async #tagged(make, seen) {
    const { record, name } = this;
    const { id: roomId, view } = this.room;
    const n = ++this.#n;
    const tag = `${name}#${n}`;
    record.sending(tag, name, n, roomId);
    const reply = await this.request(...make(tag, roomId));
    if (reply.ok) record.answered(tag, view, 'ok', reply.data.seq, content(...seen(tag, roomId, reply.data)));
    else if (reply.error && reply.error.code !== 'OUTCOME_UNKNOWN') {
      record.answered(tag, view, 'refused', 0, '', `${reply.error.code}, sent ${reply.sent} times`);
    }
    if (/ROOM_NOT_FOUND|NOT_IN_ROOM/.test(reply.error?.code) && this.room?.id === roomId) this.room.deadSince ??= now();
    if (reply.ok) this.played.add(roomId);
    return reply;
  }

  say() {
    return this.#tagged(
      (tag, roomId) => ['gameMessage', { roomId, message: { tag } }],
      (tag, roomId) => ['gameMessage', { roomId, playerId: this.name, message: { tag } }],
    );
  }

  setState() {
    return this.#tagged(
      (tag, roomId) => ['updatePlayerState', { roomId, state: { tag } }],
      (tag, roomId, { version }) => ['playerStateUpdated', { roomId, playerId: this.name, state: { tag }, version }],
    );
  }

  async setData() {
    const { room } = this;
    const reply = await this.#tagged(
      (tag, roomId) => ['updateGameData', { roomId, gameData: { tag }, expectedVersion: room.version }],
      (tag, roomId, { version }) => ['gameDataUpdated', { roomId, playerId: this.name, gameData: { tag }, version }],
    );
    const version = reply.ok ? reply.data.version : reply.error?.version;
    if (version > room.version) room.version = version;
  }

  async leave() {
    const { room } = this;
    room.leaving = true; // from now on a ROOM_NOT_FOUND is no news
    const reply = await this.request('leaveRoom', { roomId: room.id });
    if (reply.ok || /ROOM_NOT_FOUND|NOT_IN_ROOM/.test(reply.error?.code)) this.#gone(room);
  }

  async join() {
    this.joining = true;
    const level = this.levelFrom + Math.floor(this.random() * this.levels);
    const reply = await this.request('joinMatchmaking', { level });
    this.joining = false;
    if (reply.ok) this.perhaps = false;
    else if (reply.unknown || reply.error.code === 'OUTCOME_UNKNOWN') this.perhaps = true; // it may have been done
    if (this.room) return reply;
    if (reply.ok ? reply.data.status === 'waiting' : reply.error?.code === 'ALREADY_QUEUED') this.#waits(level);
    this.#lookStuck(reply.error?.code === 'ALREADY_IN_MATCH');
    return reply;
  }

  async leaveQueue() {
    const reply = await this.request('leaveMatchmaking');
    if (reply.ok && (reply.data.left || reply.data.reason === 'not_queued')) this.queued = false;
  }

  #waits(level) {
    this.queued = true;
    this.level = level;
  }

  // The server says that he plays, and never told him where.
  #lookStuck(is) {
    if (!is) this.stuckSince = null;
    else if (now() - (this.stuckSince ??= now()) > STUCK_MS)
      this.#complain(`I4 ${this.name} is told for ${STUCK_MS} ms that he sits in a match, and not in which`);
  }

  // --- what he does --------------------------------------------------------------------------------------------------

  // Until stop(): whatever comes next, again and again.
  async live() {
    this.connect();
    while (!this.stopped) {
      if (!this.welcome || this.paused) await this.#change(this.habits.thinkMs);
      else if (this.room) await this.#play();
      else if (this.queued) await this.#wait();
      else if (!(await this.join()).ok) await delay(200);
    }
  }

  // Waiting players drop and come back as well.
  async #wait() {
    await this.#change(this.habits.thinkMs * 3);
    if (!this.welcome || !this.queued) return;
    const stray = this.level < this.levelFrom || this.level >= this.levelFrom + this.levels; // they have been changed
    if (stray) await this.leaveQueue();
    else if (this.random() < this.habits.drop) this.drop();
  }

  async #play() {
    const { room } = this;
    if (!room.started) {
      await this.#change(this.habits.thinkMs);
      if (!this.welcome) room.since = now();
      if (!room.started && now() - room.since > STUCK_MS) this.record.room(room.id).stuck = true;
      return;
    }
    if (room.deadSince) return this.#mourn(room);
    await this.#act();
    await delay(this.habits.thinkMs * (0.5 + this.random()));
  }

  // A request was told that there is no such room: the news of its end must follow.
  async #mourn(room) {
    if (room.leaving) return this.#gone(room);
    await this.#change(this.habits.thinkMs);
    if (!this.welcome || this.room !== room) room.deadSince = now();
    else if (now() - room.deadSince > STUCK_MS) {
      this.#complain(`I4 ${this.name} was told that ${room.id} is no more, but never got its roomCleanup`);
      this.#gone(room, 'never told');
    }
  }

  async #act() {
    const { drop, double, leave, end, state, data, volatile } = this.habits;
    let dice = this.random();
    const falls = (chance) => (dice -= chance) < 0;
    if (falls(drop)) this.drop();
    else if (falls(double)) this.connect({ resume: this.random() < 0.5 });
    else if (falls(leave)) await this.leave();
    else if (falls(end)) await this.request('endGame', { roomId: this.room.id, result: 'draw' });
    else if (falls(state)) await this.setState();
    else if (falls(data)) await this.setData();
    else if (falls(volatile)) this.#send(JSON.stringify({ event: 'gameMessage', data: { roomId: this.room.id, message: 0, volatile: true } }));
    else await this.say();
  }

  // The line breaks without a word; sometimes he is quick enough to be back before the server knows.
  drop() {
    const { socket } = this;
    this.#lost(1006);
    socket.terminate();
  }

  // Has nothing under way, and knows all numbers of his room up to the last.
  get quiet() {
    return this.#pending.size === 0 && this.ending.size === 0 && (!this.room || this.room.view.ahead.size === 0);
  }

  // Resolves when anything has happened, or after so many ms.
  #change(ms) {
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      this.#waiters.push(() => (clearTimeout(timer), done()));
    });
  }

  #wake() {
    for (const done of this.#waiters.splice(0)) done();
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    for (const { done } of this.#pending.values()) done({ unknown: true });
    this.#pending.clear();
    for (const socket of this.#sockets) socket.terminate();
    this.#wake();
  }
}
