// Under load: an instance is killed, another one added, one drained, Redis restarted. Nobody is matched twice, and when the
// load ends everything fits together.
// Takes 44 s.
import assert from 'node:assert/strict';
import { delay, figures, fleetTest, now, waitFor } from '../lib/fleet.mjs';
import { generator, live, newCount } from '../lib/life.mjs';

const PLAYERS = 80;
const ENV = { GRACE_MS: 1000, CONFIRM_MS: 2000, MESSAGES_PER_SECOND: 0, LEASE_MS: 2000, HEARTBEAT_MS: 400 };
// The line breaks, the door is shut, the store is away: part of these tests.
const USUAL = /ECONNREFUSED|ECONNRESET|socket hang up|SERVICE_DEGRADED|OUTCOME_UNKNOWN|BUSY|503|UNAUTHORIZED|welcome at|handshake/;

async function underLoad(fleet, seconds, script, options = {}) {
  const redis = await fleet.redis(options.redis);
  const gateways = await fleet.gateways(3, { redis, env: ENV });
  const seed = Number(process.env.SOAK_SEED ?? Date.now() % 2 ** 32);
  const count = newCount();
  const until = now() + seconds * 1000;
  const load = { ports: () => gateways.map((g) => g.port), random: generator(seed), until, usual: USUAL };
  const players = Promise.all(Array.from({ length: PLAYERS }, (_, i) => live(`u${i}`, load, count)));
  await Promise.all([players, script({ redis, gateways, fleet })]);
  assert.deepEqual(count.faults, [], `seed ${seed}`);
  assert.ok(count.matches > 50, `${count.matches} matches`);
  const empty = async () => {
    const left = await Promise.all(['socket_mappings', 'game_states', 'matches'].map((key) => redis.command('HLEN', key)));
    return left.every((n) => n === 0);
  };
  await waitFor(empty, { what: `all rooms and mappings to be gone (seed ${seed})`, timeoutMs: 30000 });
  assert.deepEqual(await fleet.audit(redis, { settleMs: 15000 }), []);
  return count;
}

fleetTest('kill -9 one of three, add a fourth, while everybody plays', async (fleet) => {
  let later;
  const count = await underLoad(fleet, 10, async ({ redis, gateways }) => {
    await delay(3000);
    const [dead] = gateways.splice(0, 1);
    await dead.kill9();
    const fourth = await fleet.gateway({ redis, env: ENV });
    gateways.push(fourth);
    await waitFor(async () => (await redis.command('ZCARD', 'instances')) === 3, { what: 'the dead to be swept', timeoutMs: 15000 });
    const before = (await fourth.metrics()).value('matchgate_matches_total') ?? 0;
    await waitFor(async () => ((later = (await fourth.metrics()).value('matchgate_matches_total') ?? 0), later > before), {
      what: 'the fourth to make matches',
    });
  });
  figures(`killed one, added one: ${count.matches / 2} matches and ${count.moves} moves in 10 s, each ticket matched once`);
});

fleetTest('instances are drained and replaced one by one, while everybody plays', async (fleet) => {
  await underLoad(fleet, 10, async ({ redis, gateways }) => {
    for (let i = 0; i < 3; i++) {
      await delay(1500);
      const old = gateways.shift();
      assert.equal((await old.sigterm()).code, 0);
      gateways.push(await fleet.gateway({ redis, env: ENV }));
    }
  });
});

fleetTest('Redis is killed and comes back with its data, while everybody plays', async (fleet) => {
  await underLoad(
    fleet,
    14,
    async ({ redis, gateways }) => {
      await delay(3000);
      await redis.kill();
      await delay(1000);
      await redis.start();
      for (const gateway of gateways)
        await waitFor(async () => (await gateway.get('/health')).status === 200, { what: 'well again', timeoutMs: 15000 });
    },
    { redis: { aof: true, conf: { appendfsync: 'always' } } },
  );
});
