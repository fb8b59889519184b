// One player of a chaos run: joins, plays, drops, comes back, and tells the record all he sees. The same seed makes the same
// choices, though never quite the same run.
//
// Habits are chances per action (thinkMs apart), if not said otherwise.
import { delay, now } from '../lib/wait.mjs';
import { Line } from './line.mjs';
import { content } from './record.mjs';

const STUCK_MS = 15000;
const TURN_MS = [100, 1500]; // the shortest limit of a turn, and by how much it may be longer
const ACTS = ['drop', 'gone', 'double', 'leave', 'end', 'state', 'data', 'turn', 'volatile']; // else he says something

export const CALM = { leave: 0.01, end: 0.01, state: 0.06, data: 0.06, turn: 0.04, volatile: 0.05, thinkMs: 100 };
export const WILD = { ...CALM, drop: 0.01, double: 0.005 };
// What makes timers pass, in a fleet whose times are short. sleep: share of the rooms in which nobody does anything; lonely: of
// the joins, at a level where nobody else is; unready: of the matches, not confirmed; gone: away for about awayMs.
export const LATE = { gone: 0.001, awayMs: 12000, sleep: 0.05, lonely: 0.05, unready: 0.03 };

export class Player extends Line {
  #n = 0; // of the last tag
  #tickets = new Map(); // id -> when he asked for it, or null once he was told that it has expired
  #stuckSince = null;
  room = null; // {id, view, started, version, since, unready, ...}
  ending = new Map(); // rooms that ended while he was away, until he has been told how
  seats = new Set(); // rooms in which the last welcome said he sits
  queued = false;
  lonely = false; // he waits at the level of his own
  paused = false;
  joining = false;
  perhaps = false; // he may be queued: the answer was lost
  left = null; // the last room he gave up
  played = new Set(); // rooms in which a request of his was done

  // own: a number of his own among the players, for his own level. The rest: see line.mjs.
  constructor({ habits = CALM, levels = 3, levelFrom = 1, own = 0, ...line }) {
    super(line);
    Object.assign(this, { habits, levels, levelFrom, own });
  }

  known() {
    return [...this.ending.values(), ...(this.room ? [this.room] : [])];
  }

  // --- what he is told -----------------------------------------------------------------------------------------------

  arrived(frame) {
    const { event, data } = frame;
    if (event === 'waiting') this.#waits(data.level);
    if (event === 'ticketExpired') this.#expired(data);
    const id = frame.room ?? data?.roomId;
    if (!id) return;
    if (event === 'matchFound') this.#matched(id, data);
    if (event === 'roomSnapshot') this.#snapshot(id, data);
    if (frame.seq !== undefined) this.#numbered(id, frame);
    if (event === 'gameMessage' && frame.seq === undefined) this.record.counts.volatile++;
    const ended = this.ending.get(id) ?? (this.room?.id === id ? this.room : null);
    if (frame.last && ended) this.record.ended(ended.view);
    if (event === 'roomCleanup' && ended) {
      if (frame.seq === undefined && !frame.last && data.reason !== 'left') this.#gone(ended, 'roomCleanup alone');
      if (this.room === ended) this.room = null;
    }
    if (event === 'roomCleanup' || event === 'matchCancelled') this.ending.delete(id);
    if (event === 'matchCancelled' && this.room?.id === id) {
      this.room = null;
      this.queued = data.requeued;
    }
  }

  taken(data, { resumed, same }) {
    const { record } = this;
    if (resumed && !data.recovered && this.silentMs < record.rules.goneMs)
      this.complain(`I7 ${this.name} resumed ${JSON.stringify(this.said)} after ${this.silentMs} ms, and it was not recovered`);
    this.seats = new Set(data.rooms.map(({ roomId }) => roomId)); // one may be news: matched while he was away
    this.queued = data.queue !== null;
    if (this.queued) this.level = data.queue.level;
    this.perhaps &&= !this.queued;
    for (const room of this.known()) {
      room.unheard = !same; // a new session hears of it what is, not what was
      const entry = data.rooms.find(({ roomId }) => roomId === room.id);
      if (!entry) this.#gone(room, 'not in welcome', !same || !this.wire.asks(room.id)); // else he need not be told
      else if (entry.ended) this.#ends(room);
      const how = !resumed ? 'new session' : data.recovered ? 'recovered' : 'not recovered';
      record.connected(room.view, data.recovered ? (this.said[room.id] ?? 0) : 0, how);
    }
  }

  // He sits there no more; its last events are still to come.
  #ends(room) {
    if (this.room === room) this.room = null;
    this.ending.set(room.id, room);
  }

  // The room is over for him. why: not by his own will, and he is not told its end: what he missed there is not judged.
  // entitled: was he to be told?
  #gone(room, why, excused = false) {
    if (this.room === room) this.room = null;
    this.ending.delete(room.id);
    this.left = room.id;
    room.view.over ||= !why;
    if (!why) return;
    room.view.endUnknown = true;
    if (!excused && !room.unheard && !room.leaving && this.silentMs < this.record.rules.goneMs)
      this.complain(`I7 ${this.name} is not told how ${room.id} ended (${why}), though he was away for ${this.silentMs} ms only`);
  }

  #enter(id) {
    const unready = this.random() < (this.habits.unready ?? 0);
    const view = this.record.view(this.name, id);
    this.record.again(view);
    this.room = { id, view, started: false, version: 0, since: now(), unready };
    this.queued = false;
  }

  #matched(id, { players, opponentSetup }) {
    const { name, record } = this;
    if (!record.shaken) {
      if (this.room && this.room.id !== id) this.complain(`I1 ${name} was matched into ${id} while he sat in ${this.room.id}`);
      else if (!this.queued && !this.joining && !this.perhaps && !this.room && !this.seats.has(id))
        this.complain(`I2 ${name} was matched into ${id} without a ticket`);
    }
    if (!players.some((player) => player.id === name)) this.complain(`I2 ${name} is told of ${id}, but not in it`);
    for (const { id: other, setup } of players) // each says it with every join, wherever his ticket has been since
      if (setup?.of !== other) this.complain(`I10 ${name} hears in ${id} that ${other} says ${JSON.stringify(setup)} about himself`);
    const others = players.filter((player) => player.id !== name).map((player) => player.id);
    if (opponentSetup && opponentSetup.map(({ playerId, of }) => playerId === of && of).join() !== others.join())
      this.complain(`I10 ${name} hears in ${id} of ${JSON.stringify(opponentSetup)} as the setup of ${others}`);
    if (this.room?.id !== id) this.#enter(id);
  }

  #snapshot(id, { state, seq }) {
    if (this.room?.id !== id) this.#enter(id);
    this.room.started = state.status === 'active';
    this.room.version = state.version;
    this.room.unheard = false;
    this.record.snapshot(this.room.view, seq, state.epoch);
  }

  #numbered(id, frame) {
    const room = this.ending.get(id) ?? this.room;
    if (room?.id !== id) {
      if (this.left === id) return; // what was on its way when the seat was given up
      this.complain(`I7 ${this.name} got ${frame.event} ${frame.seq} of ${id}, in which he does not sit`);
      return;
    }
    room.unheard = false;
    this.record.pushed(room.view, frame);
    if (frame.event === 'gameStart') room.started = true;
    if (frame.event === 'gameDataUpdated') room.version = frame.data.version;
  }

  #waits(level) {
    this.queued = true;
    this.level = level;
  }

  #expired({ ticketId, reason }) {
    const { rules, lossy } = this.record;
    this.queued = false;
    this.record.counts.expired++;
    const asked = this.#tickets.get(ticketId);
    if (asked === null && !lossy) this.complain(`I11 ${this.name} was told twice that ${ticketId} has expired`);
    else if (asked && reason === 'ttl' && now() - asked < rules.ticketTtlMs)
      this.complain(`I11 ${ticketId} of ${this.name} expired after ${now() - asked} of ${rules.ticketTtlMs} ms`);
    this.#tickets.set(ticketId, null);
  }

  // --- what he asks --------------------------------------------------------------------------------------------------

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
    learn(room, reply);
  }

  // A limit whose answer was lost, or that was asked for twice, may stand at another time.
  async setTurn() {
    const { room } = this;
    const ms = TURN_MS[0] + Math.floor(this.random() * TURN_MS[1]);
    const data = { roomId: room.id, ms, expectedVersion: room.version };
    const reply = await this.request('setTurnDeadline', data);
    const sure = reply.sent === 1 && !reply.unknown && reply.error?.code !== 'OUTCOME_UNKNOWN';
    if (!sure) this.record.turnSet(room.id, { version: data.expectedVersion });
    else if (reply.ok) this.record.turnSet(room.id, { version: reply.data.version, dueAt: reply.data.dueAt, ms });
    learn(room, reply);
  }

  async leave() {
    const { room } = this;
    room.leaving = true; // from now on a ROOM_NOT_FOUND is no news
    const reply = await this.request('leaveRoom', { roomId: room.id });
    if (reply.ok || /ROOM_NOT_FOUND|NOT_IN_ROOM/.test(reply.error?.code)) this.#gone(room);
  }

  async join() {
    this.joining = true;
    this.lonely = this.random() < (this.habits.lonely ?? 0);
    const level = this.levelFrom + (this.lonely ? this.levels + this.own : Math.floor(this.random() * this.levels));
    const asked = now();
    const reply = await this.request('joinMatchmaking', { level, setup: { of: this.name } });
    this.joining = false;
    if (reply.ok) this.perhaps = false;
    else if (reply.unknown || reply.error.code === 'OUTCOME_UNKNOWN') this.perhaps = true; // it may have been done
    if (reply.ok && !this.#tickets.has(reply.data.ticketId)) this.#tickets.set(reply.data.ticketId, asked);
    if (this.room) return reply;
    if (reply.ok ? reply.data.status === 'waiting' : reply.error?.code === 'ALREADY_QUEUED') this.#waits(level);
    this.#lookStuck(reply.error?.code === 'ALREADY_IN_MATCH');
    return reply;
  }

  async leaveQueue() {
    const reply = await this.request('leaveMatchmaking');
    if (reply.ok && (reply.data.left || reply.data.reason === 'not_queued')) this.queued = false;
  }

  // The server says that he plays, and never told him where.
  #lookStuck(is) {
    if (!is) this.#stuckSince = null;
    else if (now() - (this.#stuckSince ??= now()) > STUCK_MS)
      this.complain(`I4 ${this.name} is told for ${STUCK_MS} ms that he sits in a match, and not in which`);
  }

  // --- what he does --------------------------------------------------------------------------------------------------

  // Until stop(): whatever comes next, again and again.
  async live() {
    this.connect();
    while (!this.stopped) {
      if (!this.welcome || this.paused) await this.change(this.habits.thinkMs);
      else if (this.room) await this.#play();
      else if (this.queued) await this.#wait();
      else if (!(await this.join()).ok) await delay(200);
    }
  }

  // Waiting players drop and come back as well.
  async #wait() {
    await this.change(this.habits.thinkMs * 3);
    if (!this.welcome || !this.queued) return;
    const outside = this.level < this.levelFrom || this.level >= this.levelFrom + this.levels;
    if (outside && !(this.lonely && this.habits.lonely)) await this.leaveQueue(); // the levels have been changed
    else if (this.random() < (this.habits.drop ?? 0)) this.drop();
  }

  async #play() {
    const { room } = this;
    if (!room.started) return this.#begin(room);
    if (room.deadSince) return this.#mourn(room);
    if (!sleepy(room.id, this.habits.sleep)) await this.#act();
    await delay(this.habits.thinkMs * (0.5 + this.random()));
  }

  // Where the gateways do it themselves, the confirmation changes nothing.
  async #begin(room) {
    if (!room.confirmed && !room.unready) room.confirmed = (await this.request('confirmJoined', { roomId: room.id })).ok;
    if (!room.started) await this.change(this.habits.thinkMs);
    if (!this.welcome) room.since = now();
    if (!room.started && now() - room.since > STUCK_MS) this.record.room(room.id).stuck = true;
  }

  // A request was told that there is no such room: the news of its end must follow.
  async #mourn(room) {
    if (room.leaving) return this.#gone(room);
    await this.change(this.habits.thinkMs);
    if (!this.welcome || this.room !== room) room.deadSince = now();
    else if (now() - room.deadSince > STUCK_MS) {
      this.complain(`I4 ${this.name} was told that ${room.id} is no more, but never got its roomCleanup`);
      this.#gone(room, 'never told', true);
    }
  }

  async #act() {
    let dice = this.random();
    const what = ACTS.find((act) => (dice -= this.habits[act] ?? 0) < 0);
    const { id: roomId } = this.room;
    if (what === 'drop') this.drop();
    else if (what === 'gone') this.drop({ awayMs: this.habits.awayMs * (0.7 + 0.6 * this.random()) });
    else if (what === 'double') this.connect({ resume: this.random() < 0.5 });
    else if (what === 'leave') await this.leave();
    else if (what === 'end') await this.request('endGame', { roomId, result: 'draw' });
    else if (what === 'state') await this.setState();
    else if (what === 'data') await this.setData();
    else if (what === 'turn') await this.setTurn();
    else if (what === 'volatile') this.send({ event: 'gameMessage', data: { roomId, message: 0, volatile: true } });
    else await this.say();
  }

  // Has nothing under way, and knows all numbers of his room up to the last.
  get quiet() {
    return this.idle && this.ending.size === 0 && (!this.room || this.room.view.ahead.size === 0);
  }
}

// What a reply to a write with an expected version says of the present one.
function learn(room, reply) {
  const version = reply.ok ? reply.data.version : reply.error?.version;
  if (version > room.version) room.version = version;
}

// The same for all members of a room.
function sleepy(roomId, share = 0) {
  let hash = 7;
  for (const letter of roomId) hash = (hash * 31 + letter.charCodeAt(0)) % 1009;
  return hash < share * 1009;
}
