// Three instances, Redis with its file, bad lines between everything, and a crowd that plays, while at random moments
// something breaks: CHAOS_SECONDS (60) long, from CHAOS_SEED (printed; a run with the same seed draws the same faults).
//
// Redis writes each change to its file before it answers (appendfsync always), so nothing that was answered may be lost.
import assert from 'node:assert/strict';
import { figures, fleetTest, now } from '../lib/fleet.mjs';
import { freePort } from '../lib/proc.mjs';
import { generator } from '../lib/life.mjs';
import { delay } from '../lib/wait.mjs';
import { Crowd } from './crowd.mjs';
import { Faults } from './faults.mjs';
import { WILD } from './player.mjs';
import { Wire } from './wire.mjs';

const SECONDS = Number(process.env.CHAOS_SECONDS ?? 60);
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 2 ** 32);
const PLAYERS = Number(process.env.CHAOS_PLAYERS ?? 40);
const LEASE_MS = 2000;
const ENV = {
  LEASE_MS,
  HEARTBEAT_MS: 400,
  GRACE_MS: 20000, // longer than anything that is broken here stays so
  PING_MS: 2000,
  PING_QUEUED_MS: 2000,
  PONG_WAIT_MS: 1500,
  COMMAND_TIMEOUT_MS: 1500,
  ROOM_LOG_MAX: 2000,
  MESSAGES_PER_SECOND: 0,
};

// An instance with its two bad lines; it always comes back under the same address.
async function makeNode(fleet, redis) {
  const store = await Wire.open(redis.port);
  fleet.keep(store);
  const port = await freePort();
  const door = await Wire.open(port);
  fleet.keep(door);
  const node = { store, door, url: `ws://127.0.0.1:${door.port}/ws` };
  const start = async (wait) => (node.gateway = await fleet.gateway({ redis: store, port, env: ENV, wait }));
  node.restart = async (signal, pauseMs) => {
    await node.gateway.proc.end(signal, 20000);
    await delay(pauseMs);
    await start('live');
  };
  await start('ready');
  return node;
}

fleetTest(`${PLAYERS} players through ${SECONDS} s of chaos`, { timeout: (SECONDS + 240) * 1000 }, async (fleet) => {
  const redis = await fleet.redis({ aof: true, conf: { appendfsync: 'always' } });
  const nodes = [await makeNode(fleet, redis), await makeNode(fleet, redis), await makeNode(fleet, redis)];
  const crowd = new Crowd({ count: PLAYERS, seed: SEED, urls: () => nodes.map(({ url }) => url), habits: WILD });
  fleet.keep({ close: async () => crowd.stop() });
  const faults = new Faults({ fleet: { redis, nodes }, random: generator(SEED), leaseMs: LEASE_MS });
  console.log(`seed ${SEED}`);
  crowd.start();
  await faults.run(now() + SECONDS * 1000);
  const violations = await crowd.end();
  const left = await fleet.audit(redis, { settleMs: 15000 });
  const done = Object.entries(faults.counts).map(([name, n]) => `${name} ${n}`).join(', ');
  figures(`seed ${SEED}: ${faults.journal.length} faults in ${SECONDS} s: ${done}`);
  for (const line of crowd.record.figures()) figures(line);
  figures(`${violations.length + left.length} violations`);
  const stories = [...crowd.record.stories].map(([name, lines]) => `${name}:\n  ${lines.join('\n  ')}`);
  const story = [`seed ${SEED}`, ...faults.journal, ...stories].join('\n');
  assert.deepEqual([...violations, ...left], [], story);
  assert.ok(crowd.record.counts.messages > PLAYERS, 'they have played');
});
