// A crowd of players for a while, then a calm end in which everybody must get to play; resolves with what does not fit.
//
//   const crowd = new Crowd({ count: 40, seed: 7, urls: () => ['ws://localhost:3030/ws'], habits: WILD });
//   crowd.start();
//   ...                                                      // faults
//   const violations = await crowd.end();
import { generator } from '../lib/life.mjs';
import { delay, now, waitFor } from '../lib/wait.mjs';
import { CALM, Player } from './player.mjs';
import { Record } from './record.mjs';

const BUSY = { ...CALM, leave: 0.1 }; // at the end: new matches all the time, so that everybody gets one
const END_MS = 60000;

export class Crowd {
  record = new Record();

  // name: what the players' names begin with (several crowds on one fleet need several). habits: see player.mjs. The rest goes to Player.
  constructor({ count, seed, name = 'c', levels = 3, ...options }) {
    const random = generator(seed);
    this.players = Array.from({ length: count }, (_, i) => {
      const own = generator(Math.floor(random() * 2 ** 32));
      return new Player({ ...options, levels, name: `${name}${i}`, random: own, record: this.record });
    });
    this.lives = null;
  }

  // They come one after the other over so many ms.
  start(overMs = 0) {
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
    await this.#reach(() => late().length === 0, () => `I6 not matched again in the calm at the end: ${names(late())}`);
    return this.finish(options);
  }

  // Nobody sends any more; what is on its way arrives; the record is checked (options: see there).
  async finish(options) {
    for (const player of this.players) player.paused = true;
    const loud = () => this.players.filter((player) => !player.quiet || !player.welcome);
    await this.#reach(() => loud().length === 0, () => `I7 never got all they wait for: ${names(loud())}`);
    await delay(500); // pushes that are under way to those who seem complete
    for (const player of this.players) player.stop();
    await Promise.allSettled(this.lives);
    return this.record.check(options);
  }

  async #reach(condition, complaint) {
    const from = now();
    try {
      await waitFor(condition, { timeoutMs: END_MS });
    } catch {
      this.record.violation(`${complaint()} (after ${now() - from} ms)`);
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
