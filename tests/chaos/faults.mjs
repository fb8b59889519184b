// The schedule of a chaos run: faults at random moments, drawn from the seed, against a fleet of one's own.
//
// A target (an instance, its line to Redis, its players' line, Redis itself) has at most one fault at a time; faults of different
// targets overlap. Each fault ends by itself, with everything well again on its target.
import { delay, now } from '../lib/wait.mjs';

const between = (random, low, high) => low + random() * (high - low);

export class Faults {
  counts = {};
  journal = []; // what was done when, for the report of a run that failed
  #busy = new Set();
  #running = new Set();

  // fleet: {redis, nodes: [{gateway, store, door, restart()}]}; leaseMs: freezes go from short ones to twice as long.
  constructor({ fleet, random, leaseMs }) {
    Object.assign(this, { fleet, random, leaseMs });
  }

  // Faults until then; resolves when the last one is over.
  async run(untilMs, { everyMs = 1200 } = {}) {
    this.from = now();
    while (now() < untilMs) {
      await delay(between(this.random, 0.3 * everyMs, 1.7 * everyMs));
      if (now() < untilMs) this.#draw();
    }
    await Promise.all(this.#running);
  }

  // The dice are thrown whether or not the target is free, so that a seed's choices do not depend on the course of things.
  #draw() {
    const { random } = this;
    const [name, kind, target] = KINDS[Math.floor(random() * KINDS.length)];
    const index = Math.floor(random() * this.fleet.nodes.length);
    const dice = [random(), random()];
    const subject = target === 'redis' ? 'redis' : `${target} ${index}`;
    if (this.#busy.has(subject)) return;
    this.#busy.add(subject);
    this.counts[name] = (this.counts[name] ?? 0) + 1;
    const task = this.#carryOut(name, subject, () => kind.call(this, this.fleet.nodes[index], dice)).finally(() => {
      this.#busy.delete(subject);
      this.#running.delete(task);
    });
    this.#running.add(task);
  }

  async #carryOut(name, subject, fault) {
    const began = now();
    await fault();
    this.journal.push(`${began - this.from} to ${now() - this.from} ms: ${name} at ${subject}`);
  }

  // Short, or longer than a lease.
  freezeMs([dice]) {
    return 200 + dice * 2 * this.leaseMs;
  }
}

const bad = (line, how) =>
  async function (node, dice) {
    const wire = node[line];
    how(wire, dice);
    await delay(100 + dice[1] * 3000);
    wire.heal();
  };

const KINDS = [
  ['kill -9', (node, [dice]) => node.restart('SIGKILL', dice * 3000), 'instance'],
  ['SIGTERM', (node, [dice]) => node.restart('SIGTERM', dice * 1000), 'instance'],
  [
    'SIGSTOP',
    async function (node, dice) {
      const { gateway } = node;
      gateway.proc.stop();
      await delay(this.freezeMs(dice));
      gateway.proc.cont();
    },
    'instance',
  ],
  ['store cut', async (node) => node.store.cut(), 'store'],
  ['store away', bad('store', (wire) => wire.refuse(true)), 'store'],
  ['store half-open', bad('store', (wire) => wire.stall(true)), 'store'],
  ['store slow', bad('store', (wire, [dice]) => wire.slow(10 + dice * 300)), 'store'],
  ['players cut', async (node) => node.door.cut(), 'door'],
  ['players half-open', bad('door', (wire) => wire.stall(true)), 'door'],
  ['answers lost', bad('door', (wire) => wire.mute(true)), 'door'],
  ['answers lost', bad('door', (wire) => wire.mute(true)), 'door'],
  ['players slow', bad('door', (wire, [dice]) => wire.slow(10 + dice * 500)), 'door'],
  [
    'Redis killed',
    async function (node, [dice]) {
      await this.fleet.redis.kill();
      await delay(dice * 2000);
      await this.fleet.redis.start();
    },
    'redis',
  ],
  [
    'Redis frozen',
    async function (node, dice) {
      this.fleet.redis.stop();
      await delay(this.freezeMs(dice));
      this.fleet.redis.cont();
    },
    'redis',
  ],
];
