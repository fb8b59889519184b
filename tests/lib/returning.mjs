// A player who loses his line and comes back with his session, on whichever gateway; keeps account of every number.
//
//   const bob = await Returning.open(fleet, a, 'bob');
//   await bob.client.send('joinMatchmaking', { level: 1 });      // bob.client is the raw client of the present connection
//   const { seq } = await bob.say(roomId, 'hi');                  // a numbered message; its number counts as seen
//   const welcome = await bob.back(b);                            // drops the line and resumes there
//   bob.account(roomId)                                           // throws on a gap, a double or a wrong order
import assert from 'node:assert/strict';
import { Client } from './client.mjs';
import { now } from './wait.mjs';

// What one has seen of one room: pushes by number, own replies by number, and where a snapshot made it begin.
class View {
  base = 0;
  epoch = 1;
  known = new Map(); // epoch/seq -> what was pushed with it, for ever
  pushes = new Map();
  replies = new Set();
  order = []; // numbers of pushes as they came

  // A snapshot. Of another epoch: the numbers seen so far are no more.
  begin(seq, epoch) {
    if (epoch !== this.epoch || seq < this.last) {
      this.pushes.clear();
      this.replies.clear();
      this.order = [];
    }
    this.base = seq;
    this.epoch = epoch;
  }

  get last() {
    let seq = this.base;
    while (this.pushes.has(seq + 1) || this.replies.has(seq + 1)) seq++;
    return seq;
  }

  get highest() {
    return Math.max(this.base, ...this.pushes.keys(), ...this.replies);
  }
}

export class Returning {
  views = new Map(); // by room
  faults = [];
  #fleet;
  #lastId = 0;

  static async open(fleet, where, name, options = {}) {
    const player = new Returning();
    player.#fleet = fleet;
    player.name = name;
    player.options = options;
    await player.#connect(where, {});
    return player;
  }

  async #connect(where, resume) {
    const client = await this.#fleet.client(where, { ...this.options, hello: true });
    client.name = this.name;
    client.onPush = (push) => this.client === client && this.#see(push);
    this.client = client;
    this.asked = now();
    client.tell('hello', { playerId: this.name, ...this.options.identity, ...resume });
    client.welcome = this.welcome = (await client.next('welcome', { timeoutMs: 30000 })).data;
    this.latencyMs = now() - this.asked;
    client.playerId = this.welcome.playerId;
    return this.welcome;
  }

  #see({ room, seq, event, data }) {
    if (event === 'roomSnapshot') {
      this.view(room).begin(data.seq, data.state.epoch);
    } else if (seq !== undefined) {
      const view = this.view(room);
      if (event === 'roomEpoch') view.epoch = data.epoch;
      const known = JSON.stringify([event, data]);
      const key = `${view.epoch}/${seq}`;
      if ((view.known.get(key) ?? known) !== known) this.faults.push(`${this.name}: ${key} of ${room} is ${known}, and was ${view.known.get(key)}`);
      view.known.set(key, known);
      if (view.pushes.has(seq)) this.faults.push(`${this.name} got ${seq} of ${room} twice`);
      if (seq <= view.base) this.faults.push(`${this.name} got ${seq} of ${room} behind a snapshot of ${view.base}`);
      view.pushes.set(seq, { event, data });
      view.order.push(seq);
    }
  }

  view(room) {
    if (!this.views.has(room)) this.views.set(room, new View());
    return this.views.get(room);
  }

  // {room: the last number seen}, of all rooms or of these.
  seen(...rooms) {
    const at = ({ epoch, last }) => (epoch > 1 ? { epoch, seq: last } : last);
    return Object.fromEntries((rooms.length ? rooms : [...this.views.keys()]).map((room) => [room, at(this.view(room))]));
  }

  // A request with the next id of the session; the reply's number counts as seen.
  async ask(event, data, options = {}) {
    const { id = ++this.#lastId, ...rest } = options;
    this.#lastId = Math.max(this.#lastId, id);
    const reply = await this.client.request(event, data, { id, ...rest });
    if (reply.data?.seq !== undefined && data.roomId && event !== 'getGameState') this.view(data.roomId).replies.add(reply.data.seq);
    return reply;
  }

  async say(roomId, message, options) {
    const reply = await this.ask('gameMessage', { roomId, message }, options);
    assert.ok(reply.ok, reply.raw);
    return reply.data;
  }

  get nextId() {
    return this.#lastId + 1;
  }

  // Drops the line (unless `drop` is false: the old one still stands) and resumes; resolves with the welcome.
  async back(where, { rooms = this.seen(), drop = true, session = this.welcome.sessionId, token = this.welcome.resumeToken } = {}) {
    const old = this.client;
    this.client = null; // what the old line still brings does not count
    if (drop) await old.drop();
    return this.#connect(where, { resume: { session, token, rooms } });
  }

  // Comes back without a session, as after a reload.
  async anew(where) {
    await this.client.drop();
    return this.#connect(where, {});
  }

  messages(room) {
    return [...this.view(room).pushes].filter(([, { event }]) => event === 'gameMessage').sort(([x], [y]) => x - y).map(([, { data }]) => data.message);
  }

  // Every number from the base on, each once, pushes in rising order within a connection. `upTo`: the least there must be.
  account(room, upTo = 0) {
    const view = this.view(room);
    assert.deepEqual(this.faults, []);
    assert.equal(view.last, view.highest, `${this.name} misses ${view.last + 1} of ${room}`);
    assert.ok(view.last >= upTo, `${this.name} has ${view.last} of ${room}, not ${upTo}`);
    for (let i = 1; i < view.order.length; i++)
      assert.ok(view.order[i] > view.order[i - 1], `${this.name}: ${view.order[i]} came behind ${view.order[i - 1]}`);
  }
}

// Both join one level and play: the room's id.
export async function pair(...players) {
  const level = 1 + Math.floor(Math.random() * 1000);
  for (const player of players) assert.ok((await player.ask('joinMatchmaking', { level })).ok);
  const [found] = await Promise.all(players.map(({ client }) => client.next('matchFound')));
  await Promise.all(players.map(({ client }) => client.next('gameStart')));
  return found.room;
}

export const percentile = (values, part) => [...values].sort((x, y) => x - y)[Math.min(values.length - 1, Math.floor(values.length * part))];
