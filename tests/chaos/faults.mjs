// The schedule of a chaos run: faults at random moments, drawn from the seed, against a fleet of one's own (worlds.mjs).
//
// A target (an instance, its clock, its line to the store, its players' line, the store itself) has at most one fault at a time;
// faults of different targets overlap. Each fault ends by itself, with everything well again on its target. A row of KINDS says in which worlds there
// is such a fault, and how often it is drawn compared with others.
import { mkdirSync, rmSync } from 'node:fs';
import { delay, now } from '../lib/wait.mjs';

const between = (random, low, high) => low + random() * (high - low);
const DAY_MS = 86400000;

export class Faults {
  counts = {};
  journal = []; // what was done when, for the report of a run that failed
  #busy = new Set();
  #running = new Set();

  // world: see worlds.mjs. Freezes go from short ones to twice a lease. only: names of kinds, to try some out.
  constructor({ world, random, only }) {
    Object.assign(this, { world, random });
    const kinds = KINDS.filter(({ name, worlds }) => (only ? only.includes(name) : !worlds || worlds.includes(world.kind)));
    this.kinds = kinds.flatMap((kind) => Array(kind.weight ?? 2).fill(kind));
  }

  // Faults until then; resolves when the last one is over.
  // certain: the name of a kind that comes in the first half in any case, if its target is free then.
  async run(untilMs, { everyMs = 1200, certain } = {}) {
    this.from = now();
    let certainMs = certain ? this.from + between(this.random, 0.1, 0.5) * (untilMs - this.from) : Infinity;
    while (now() < untilMs) {
      await delay(between(this.random, 0.3 * everyMs, 1.7 * everyMs));
      const kind = this.kinds[Math.floor(this.random() * this.kinds.length)];
      if (now() < untilMs) this.#draw(now() < certainMs ? kind : KINDS.find(({ name }) => name === certain));
      if (now() >= certainMs) certainMs = Infinity;
    }
    await Promise.all(this.#running);
  }

  // The dice are thrown whether or not the target is free, so that a seed's choices do not depend on the course of things.
  #draw({ name, on, run }) {
    const { random } = this;
    const index = Math.floor(random() * this.world.nodes.length);
    const dice = [random(), random()];
    const subject = on === 'redis' ? 'redis' : `${on} ${index}`;
    if (this.#busy.has(subject)) return;
    this.#busy.add(subject);
    this.counts[name] = (this.counts[name] ?? 0) + 1;
    const task = this.#carryOut(name, subject, () => run.call(this, this.world.nodes[index], dice)).finally(() => {
      this.#busy.delete(subject);
      this.#running.delete(task);
    });
    this.#running.add(task);
  }

  async #carryOut(name, subject, fault) {
    const began = now();
    try {
      await fault();
    } catch (error) {
      this.world.record.violation(`the checker itself failed: ${name} at ${subject}: ${error.stack}`);
    }
    this.journal.push(`${began - this.from} to ${now() - this.from} ms: ${name} at ${subject}`);
  }

  // Short, or longer than a lease.
  freezeMs(dice) {
    return 200 + dice * 2 * this.world.leaseMs;
  }

  // Whatever the store had confirmed just before, and until this is over, may be lost.
  async losing(fault) {
    const loss = this.world.record.loss(Date.now(), Infinity); // from now on: some things are judged as they happen
    try {
      await fault();
    } finally {
      loss.to = Date.now();
    }
  }
}

const bad = (line, how) =>
  async function (node, dice) {
    const wire = node[line];
    how(wire, dice);
    await delay(100 + dice[1] * 3000);
    wire.heal();
  };

// The master goes away for good and comes back later as something else; or for a while; or on demand.
const ending = (end) =>
  function (node, [dice]) {
    const { store } = this.world;
    return this.losing(async () => {
      const { master } = await store.roles();
      await end.call(this, master, dice, store);
      await store.settle();
    });
  };

async function emptied(redis, pauseMs) {
  await redis.kill();
  rmSync(redis.dir, { recursive: true, force: true });
  mkdirSync(redis.dir);
  await delay(pauseMs);
  await redis.start();
}

const PLAIN = ['plain', 'island', 'lossy'];
const LOSSY = ['lossy'];
const SENTINEL = ['sentinel'];

const KINDS = [
  { name: 'kill -9', on: 'instance', run: (node, [dice]) => node.restart('SIGKILL', dice * 3000) },
  { name: 'SIGTERM', on: 'instance', run: (node, [dice]) => node.restart('SIGTERM', dice * 1000) },
  {
    name: 'SIGSTOP',
    on: 'instance',
    async run({ gateway }, [dice]) {
      gateway.proc.stop();
      await delay(this.freezeMs(dice));
      gateway.proc.cont();
    },
  },
  {
    name: 'clock step', // forward or back, by seconds or by up to a day; and home again
    on: 'clock',
    async run({ clock }, [dice, far]) {
      clock.step((dice < 0.5 ? -1 : 1) * 1000 * (DAY_MS / 1000) ** far);
      await delay(200 + ((dice * 2) % 1) * 4000);
      clock.step(0);
    },
  },
  { name: 'store cut', on: 'store', run: async (node) => node.store.cut() },
  { name: 'store away', on: 'store', run: bad('store', (wire) => wire.refuse(true)) },
  { name: 'store half-open', on: 'store', run: bad('store', (wire) => wire.stall(true)) },
  { name: 'store slow', on: 'store', run: bad('store', (wire, [dice]) => wire.slow(10 + dice * 300)) },
  { name: 'store answers lost', on: 'store', run: bad('store', (wire) => wire.mute(true)) },
  { name: 'players cut', on: 'door', run: async (node) => node.door.cut() },
  { name: 'players half-open', on: 'door', run: bad('door', (wire) => wire.stall(true)) },
  { name: 'answers lost', on: 'door', weight: 4, run: bad('door', (wire) => wire.mute(true)) },
  { name: 'players slow', on: 'door', run: bad('door', (wire, [dice]) => wire.slow(10 + dice * 500)) },
  {
    name: 'subscribers cut', // Redis ends those who do not read fast enough; here one long message is too much for all
    on: 'limit',
    weight: 1,
    async run(_, [dice]) {
      const cli = await this.world.store.connect().catch(() => null);
      try {
        await cli?.command('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 1 1 1');
        await cli?.command('PUBLISH', 'room_events', `{"roomId":"nowhere","event":"long","data":"${'x'.repeat(40000 + dice * 100000)}"}`);
        await cli?.command('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60');
      } catch {
        // the store is away: it comes back with its own limit
      }
      cli?.close();
    },
  },
  {
    name: 'scripts flushed',
    on: 'limit',
    weight: 1,
    async run() {
      const cli = await this.world.store.connect().catch(() => null);
      await cli?.command('SCRIPT', 'FLUSH').catch(() => null);
      cli?.close();
    },
  },
  {
    name: 'Redis killed',
    on: 'redis',
    worlds: PLAIN,
    async run(_, [dice]) {
      const { master } = this.world.store;
      await master.kill();
      await delay(dice * 2000);
      await master.start();
    },
  },
  {
    name: 'Redis frozen',
    on: 'redis',
    worlds: PLAIN,
    async run(_, [dice]) {
      const { master } = this.world.store;
      master.stop();
      await delay(this.freezeMs(dice));
      master.cont();
    },
  },
  {
    name: 'Redis paused',
    on: 'redis',
    weight: 1,
    worlds: PLAIN,
    async run(_, [dice]) {
      const ms = Math.round(this.freezeMs(dice));
      await this.world.store.master.command('CLIENT', 'PAUSE', ms, 'ALL');
      await delay(ms);
    },
  },
  {
    name: 'data flushed',
    on: 'redis',
    worlds: LOSSY,
    run() {
      return this.losing(() => this.world.store.master.command('FLUSHALL'));
    },
  },
  {
    name: 'Redis emptied',
    on: 'redis',
    worlds: LOSSY,
    run(_, [dice]) {
      return this.losing(() => emptied(this.world.store.master, dice * 2000));
    },
  },
  {
    name: 'master killed',
    on: 'redis',
    worlds: SENTINEL,
    weight: 4,
    run: ending(async (master, dice) => {
      await master.kill();
      await delay(1000 + dice * 6000); // back before or after the others have agreed
      await master.start();
    }),
  },
  {
    name: 'master frozen',
    on: 'redis',
    worlds: SENTINEL,
    weight: 3,
    run: ending(async function (master, dice) {
      master.stop();
      await delay(this.freezeMs(dice));
      master.cont();
    }),
  },
  {
    name: 'failover on demand',
    on: 'redis',
    worlds: SENTINEL,
    run: ending(async (master, dice, store) => {
      await store.sentinels[Math.floor(dice * 3)].command('SENTINEL', 'FAILOVER', 'mymaster').catch(() => null);
    }),
  },
  {
    name: 'replica cut off', // what is written meanwhile is lost if the master goes
    on: 'redis',
    worlds: SENTINEL,
    run: ending(async (master, dice, store) => {
      const { replica } = await store.roles();
      replica.stop();
      await delay(500 + dice * 2500);
      replica.cont();
    }),
  },
];

export const NAMES = KINDS.map(({ name }) => name);
