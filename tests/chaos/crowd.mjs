// A crowd of players for a while, then a calm end in which everybody must get to play; resolves with what does not fit.
//
//   const crowd = new Crowd({ count: 40, seed: 7, urls: () => ['ws://localhost:3030/ws'], habits: WILD });
//   crowd.start();
//   ...                                                      // faults
//   const violations = await crowd.end();
//
// With `watch` (the options of a Watch, see there) the store is looked into all the while, and at the end it must believe of
// every player what he believes himself (I10).
import { generator } from '../lib/life.mjs';
import { delay, now, waitFor } from '../lib/wait.mjs';
import { CALM, Player } from './player.mjs';
import { Record } from './record.mjs';
import { SocketIoWire } from './sio_line.mjs';
import { Watch } from './watch.mjs';

const BUSY = { ...CALM, leave: 0.1 }; // at the end: new matches all the time, so that everybody gets one

export class Crowd {
  // name: what the players' names begin with (several crowds on one fleet need several). socketio: the share of those who speak
  // Socket.IO; who they are takes nothing from the seed. habits: see player.mjs. record: one that
  // is not as usual. patienceMs: how long at most each part of the end may take. The rest goes to Player.
  constructor({ count, seed, name = 'c', levels = 3, socketio = 0, record = new Record(), watch, patienceMs = 60000, ...options }) {
    const random = generator(seed);
    this.record = record;
    this.patienceMs = patienceMs;
    this.players = Array.from({ length: count }, (_, i) => {
      const own = generator(Math.floor(random() * 2 ** 32));
      const wire = Math.floor((i + 1) * socketio) > Math.floor(i * socketio) ? new SocketIoWire() : undefined;
      return new Player({ ...options, wire, levels, name: `${name}${i}`, own: i, random: own, record });
    });
    this.lives = [];
    this.prefix = watch?.prefix ?? '';
    this.watch = watch && new Watch({ ...watch, complain: (text) => record.violation(text) });
  }

  // They come one after the other over so many ms.
  start(overMs = 0) {
    this.watch?.start();
    const step = overMs / this.players.length;
    this.lives = this.players.map((player, i) => delay(i * step).then(() => player.live()));
    for (const life of this.lives) life.catch((error) => this.record.violation(`the checker itself failed: ${error.stack}`));
  }

  get connected() {
    return this.players.filter(({ welcome }) => welcome).length;
  }

  get playing() {
    return this.players.filter(({ room }) => room?.started).length;
  }

  // The faults are over: everybody comes back, everybody is matched again and plays; then finish().
  async end(options) {
    for (const player of this.players) {
      player.habits = { ...BUSY, thinkMs: player.habits.thinkMs };
      player.levels = 1;
      player.before = new Set(player.played);
    }
    const late = () => this.players.filter((player) => [...player.played].every((room) => player.before.has(room)));
    await this.#reach(() => late().length === 0, () => `I6 not matched again in the calm at the end: ${names(late())}`, () => late()[0]?.name);
    return this.finish(options);
  }

  // Nobody sends any more; what is on its way arrives; the record is checked (options: see there).
  async finish(options) {
    for (const player of this.players) player.paused = true;
    const loud = () => this.players.filter((player) => !player.quiet || !player.welcome);
    await this.#reach(() => loud().length === 0, () => `I7 never got all they wait for: ${names(loud())}`, () => loud()[0]?.name);
    const apart = () => this.#apart();
    await this.#reach(() => apart().length === 0, () => `I7 the members of a room do not end at the same number: ${apart().join('; ')}`);
    const astray = () => this.#astray();
    await this.#reach(() => astray().length === 0, () => `I7 would recover from elsewhere than where they are: ${astray().join('; ')}`);
    if (this.watch) await this.#compare();
    await delay(500); // pushes that are under way to those who seem complete
    this.stop();
    await Promise.allSettled(this.lives);
    await this.watch?.stop();
    return this.record.check({ ...options, able: this.watch && ((from, to) => this.watch.able(from, to)) });
  }

  // Rooms whose present members have not all come equally far.
  #apart() {
    const rooms = new Map();
    for (const { name, room } of this.players)
      if (room?.started) rooms.set(room.id, [...(rooms.get(room.id) ?? []), { name, upTo: room.view.upTo }]);
    return [...rooms].filter(([, seen]) => seen.some(({ upTo }) => upTo !== seen[0].upTo)).map(([id, seen]) => `${id}: ${seen.map(({ name, upTo }) => `${name} ${upTo}`)}`);
  }

  // Socket.IO's players whose offset is not what they have seen.
  #astray() {
    const is = ({ wire: { place }, room }) => place !== undefined && room?.started && !(place?.room === room.id && place.seq === room.view.upTo);
    const text = ({ name, wire, room }) => `${name}: ${JSON.stringify(wire.place)}, but has seen ${room.id} up to ${room.view.upTo}`;
    return this.players.filter(is).map(text);
  }

  // What the store says of a player who is connected and waits for nothing is what he believes.
  async #compare() {
    let differ = [];
    const agreed = async () => {
      const cli = await this.watch.connect();
      try {
        differ = [];
        const texts = await cli.command('HMGET', `${this.prefix}players`, ...this.players.map(({ name }) => name));
        for (const [i, player] of this.players.entries()) {
          const [state, , , , , room, socket] = (texts[i] ?? '').split('|');
          const seq = player.room && Number(await cli.command('HGET', `${this.prefix}room:${player.room.id}`, 'seq'));
          const own = player.room ? `room ${player.room.id}` : player.queued ? 'queued' : 'idle';
          if (own !== (state === 'room' ? `room ${room}` : state)) differ.push(`I10 ${player.name} believes: ${own}; the store says: ${texts[i]}`);
          else if (player.welcome?.socketId !== socket) differ.push(`I10 ${player.name} is connected as ${player.welcome?.socketId}; the store says: ${texts[i]}`);
          else if (player.room && seq !== player.room.view.upTo) differ.push(`I7 ${player.name} has seen ${own} up to ${player.room.view.upTo}; the store is at ${seq}`);
        }
      } finally {
        cli.close();
      }
      return differ.length === 0;
    };
    await this.#reach(agreed, () => differ.slice(0, 5).join('; ') || 'the store was away', () => differ[0]?.split(' ')[1]);
  }

  // who: the player whose story belongs to the complaint.
  async #reach(condition, complaint, who = () => undefined) {
    const from = now();
    try {
      await waitFor(condition, { timeoutMs: this.patienceMs });
    } catch {
      this.record.violation(`${complaint()} (after ${now() - from} ms)`, who());
    }
  }

  stop() {
    for (const player of this.players) player.stop();
  }
}

function names(players) {
  const some = players.slice(0, 5).map(({ name, welcome, room, queued }) => {
    const where = room ? `in ${room.id}${room.started ? '' : ', not started'}` : queued ? 'queued' : 'idle';
    return `${name} (${welcome ? where : 'not connected'})`;
  });
  return some.join(', ') + (players.length > 5 ? ` and ${players.length - 5} more` : '');
}
