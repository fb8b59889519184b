// SOAK_SECONDS (60) of joins, moves, leaves and drops on three instances; then everything is back where it began: memory,
// file descriptors, live objects, and the keys in Redis.
// Takes 105 s.
import assert from 'node:assert/strict';
import { figures, fleetTest, now, waitFor } from '../lib/fleet.mjs';
import { generator, live, newCount } from '../lib/life.mjs';

const SECONDS = Number(process.env.SOAK_SECONDS ?? 60);
const PLAYERS = 120;
// A sanitizer build holds freed memory back (256 MiB by default), which would look like a leak.
const ENV = {
  SESSION_TTL_MS: 1000,
  QUEUE_GRACE_MS: 1000,
  GRACE_MS: 1000,
  CONFIRM_MS: 2000,
  MESSAGES_PER_SECOND: 0,
  ASAN_OPTIONS: 'detect_leaks=1:halt_on_error=1:quarantine_size_mb=4:thread_local_quarantine_size_kb=64',
};
const GROWTH_KIB = 24 * 1024;
const KEYS_THAT_STAY = new Set(['fence', 'instances', 'instance_info', 'instance_epochs', 'lineage']);
const GAUGES = ['connections', 'rooms', 'sessions', 'queued_players'];

async function measure(gateways, redis) {
  const cli = await redis.cli();
  const metrics = await Promise.all(gateways.map((gateway) => gateway.metrics()));
  return {
    rssKib: gateways.map((gateway) => gateway.rssKib()),
    fds: gateways.map((gateway) => gateway.fds()),
    keys: (await cli.keys()).filter((key) => !KEYS_THAT_STAY.has(key)),
    objects: metrics.flatMap((m) => GAUGES.map((name) => m.value(`matchgate_${name}`) ?? 0)),
  };
}

fleetTest(`${SECONDS} s of play leave nothing behind`, { timeout: (SECONDS + 120) * 1000 }, async (fleet) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(3, { redis, env: ENV });
  const seed = Number(process.env.SOAK_SEED ?? Date.now() % 2 ** 32);
  const random = generator(seed);
  const count = newCount();
  const ports = () => gateways.map((gateway) => gateway.port);
  const run = (ms) => {
    const until = now() + ms;
    return Promise.all(Array.from({ length: PLAYERS }, (_, i) => live(`s${i}`, { ports, random, until }, count)));
  };
  const settled = async (what) => {
    let at;
    const gone = async () => {
      at = await measure(gateways, redis);
      return at.keys.length === 0 && at.objects.every((n) => n === 0);
    };
    await waitFor(gone, { what: `everything to be gone ${what} (seed ${seed})`, timeoutMs: 40000, stepMs: 200 }).catch((e) => {
      throw new Error(`${e.message}; left: keys ${at.keys.join(' ')}; ${GAUGES.join(', ')} of each gateway: ${at.objects.join(' ')}`);
    });
    return at;
  };
  // A first short round fills every cache and pool; what comes after it must not grow.
  await run(Math.min(10000, SECONDS * 250));
  const before = await settled('after the first round');
  await run(SECONDS * 1000);
  const after = await settled('again');
  for (let i = 0; i < gateways.length; i++) {
    assert.ok(after.fds[i] <= before.fds[i] + 2, `fds of gateway ${i}: ${before.fds[i]} -> ${after.fds[i]}`);
    assert.ok(
      after.rssKib[i] <= before.rssKib[i] + GROWTH_KIB,
      `RSS of gateway ${i}: ${before.rssKib[i]} -> ${after.rssKib[i]} KiB`,
    );
  }
  assert.deepEqual(count.faults, []);
  assert.ok(count.matches > SECONDS * 10 && count.moves > SECONDS * 10, JSON.stringify(count));
  assert.deepEqual(await fleet.audit(redis), []);
  const mib = (list) => list.map((k) => k >> 10);
  figures(
    `${SECONDS} s, ${count.lives} connections, ${count.matches / 2} matches, ${count.moves} moves (seed ${seed}); ` +
      `RSS MiB ${mib(before.rssKib)} -> ${mib(after.rssKib)}, fds ${before.fds} -> ${after.fds}`,
  );
});
