// A deploy that nobody notices: three instances behind haproxy are stopped and started one after the other, while
// ROLLING_CLIENTS (2000) players play. No match ends, no numbered message is lost, doubled or out of order.
// Alone: 2,000 players, and the rate of their return is judged.
import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { figures, fleetTest, now, waitFor } from '../lib/fleet.mjs';
import { Crowd } from './crowd.mjs';
import { CALM } from './player.mjs';

const CLIENTS = Number(process.env.ROLLING_CLIENTS ?? 2000);
const SPREAD_MS = 3000;
const ENV = {
  LEASE_MS: 6000,
  HEARTBEAT_MS: 1500,
  GRACE_MS: 30000,
  CONFIRM_MS: 20000,
  DRAIN_MS: 15000,
  DRAIN_NOTICE_MS: 2500, // two failed probes of haproxy, a second apart, and a little
  DRAIN_SPREAD_MS: SPREAD_MS,
  LOG_LEVEL: 'warn',
  DEGRADED_MATCHMAKING: 'refuse', // on a machine so busy that Redis seems away, rooms are not to go on by themselves: see worlds.mjs
};
const PLAYS_ON = { ...CALM, leave: 0, end: 0, thinkMs: 1000 };
const ENDS = /^(playerLeft|gameEnd|roomCleanup|matchCancelled) /;

const percentile = (sorted, p) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))];

// Stops it, starts it again on its port, and waits until haproxy has seen that.
async function replace(fleet, haproxy, redis, gateway) {
  const { port } = gateway;
  assert.equal((await gateway.sigterm(20000)).code, 0);
  const next = await fleet.gateway({ redis, port, env: ENV });
  await haproxy.proc.sees(/Server gateways\/gateway\d is UP/, { start: haproxy.proc.output.lastIndexOf('is DOWN') });
  return next;
}

// Returns per half second of the busiest one, and on average over those in which somebody returned.
function rate(times) {
  const buckets = new Map();
  for (const at of times) buckets.set(Math.floor(at / 500), (buckets.get(Math.floor(at / 500)) ?? 0) + 1);
  const counts = [...buckets.values()];
  return { most: Math.max(...counts), mean: times.length / (SPREAD_MS / 500) };
}

// Why the returns were piled up by others than the gateways, if they were: this process stood still, or Redis did not answer.
function pile(stallMs, logs) {
  if (stallMs > 300) return `the players stood still for ${stallMs.toFixed(0)} ms`;
  return /store\.away.*/.exec(logs)?.[0];
}

fleetTest(`three instances are replaced under ${CLIENTS} players`, { timeout: 280000 }, async (fleet) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(3, { redis, env: ENV });
  const all = [...gateways];
  const haproxy = await fleet.haproxy(gateways);
  const url = `ws://127.0.0.1:${haproxy.port}/ws`;
  const crowd = new Crowd({ count: CLIENTS, seed: 7, urls: () => [url], habits: PLAYS_ON, levels: 1 });
  fleet.keep({ close: async () => crowd.stop() });
  const { record } = crowd;
  crowd.start(CLIENTS * 5);
  await waitFor(() => crowd.playing === CLIENTS, { what: 'everybody to play', timeoutMs: 90000 });
  const began = now();
  const rates = [];
  const stalls = monitorEventLoopDelay();
  stalls.enable();
  for (const gateway of gateways) {
    const before = record.returns.length;
    all.push(await replace(fleet, haproxy, redis, gateway));
    await waitFor(() => crowd.connected === CLIENTS, { what: 'everybody to be back', timeoutMs: 60000 });
    rates.push(rate(record.returns.slice(before)));
  }
  const took = (now() - began) / 1000;
  stalls.disable();
  const piled = pile(stalls.max / 1e6, all.map(({ log }) => log).join('\n'));
  const violations = await crowd.finish({ jumps: 0 });

  const gaps = record.gapsMs.sort((x, y) => x - y);
  figures(`${gaps.length} returns in ${took.toFixed(0)} s; gap p50 ${percentile(gaps, 0.5)} ms, p99 ${percentile(gaps, 0.99)} ms, longest ${gaps.at(-1)} ms`);
  figures(`returns in half a second, most / mean, per instance: ${rates.map(({ most, mean }) => `${most} / ${mean.toFixed(0)}`).join(', ')}`);
  for (const line of record.figures()) figures(line);
  assert.deepEqual(violations, []);
  assert.equal(record.counts.rooms, CLIENTS / 2);
  const ended = [...record.rooms.values()].filter((room) => [...room.content.values()].some((text) => ENDS.test(text)));
  assert.deepEqual(ended.map(({ id }) => id), [], 'no match ended');
  assert.equal(record.counts.fresh, 0, 'every return was recovered');
  assert.ok(record.counts.messages > CLIENTS * 5, 'they have played');
  if (piled) figures(`not judged, whether they return evenly: ${piled}`);
  else for (const { most, mean } of rates) assert.ok(most < 3 * mean + 10, `flat: at most ${most} in half a second, ${mean} on average`);
  assert.deepEqual(await fleet.audit(redis, { settleMs: 15000 }), []);
});
