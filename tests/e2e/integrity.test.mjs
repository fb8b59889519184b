// The audit while everything moves: at no moment under load, with an instance dying in the middle, is there a violation. And
// the clean-up, run again and again meanwhile, takes nothing away from anybody.
// Alone: how often it looks while everybody plays is judged.
import assert from 'node:assert/strict';
import { delay, figures, fleetTest, now, waitFor } from '../lib/fleet.mjs';
import { generator, live, newCount } from '../lib/life.mjs';
import { violations } from '../lib/audit.mjs';

const PLAYERS = 80;
const TOKEN = 'an-admin-token';
const ENV = { GRACE_MS: 1000, CONFIRM_MS: 2000, MESSAGES_PER_SECOND: 0, LEASE_MS: 2000, HEARTBEAT_MS: 400, ADMIN_TOKEN: TOKEN };
const USUAL = /ECONNREFUSED|ECONNRESET|socket hang up|SERVICE_DEGRADED|OUTCOME_UNKNOWN|503|welcome at|handshake/;

fleetTest('no violation at any moment, and a clean-up takes nothing that lives', async (fleet) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(3, { redis, env: ENV });
  const count = newCount();
  const until = now() + 10000;
  const seed = Number(process.env.SOAK_SEED ?? Date.now() % 2 ** 32);
  const load = { ports: () => gateways.map((g) => g.port), random: generator(seed), until, usual: USUAL };
  const players = Promise.all(Array.from({ length: PLAYERS }, (_, i) => live(`v${i}`, load, count)));
  let looks = 0;
  const look = async () => {
    for (; now() < until; looks++) {
      assert.deepEqual(await violations(redis), [], `look ${looks}, seed ${seed}`);
      await delay(20);
    }
  };
  const cleaned = [];
  const clean = async () => {
    while (now() < until) {
      const options = { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } };
      const response = await gateways.at(-1).get('/health/cleanup', options);
      assert.equal(response.status, 200, response.body);
      if (response.json().cleaned > 0 || response.json().errors > 0) cleaned.push(response.body);
      await delay(200);
    }
  };
  const kill = async () => {
    await delay(4000);
    await gateways.shift().kill9();
  };
  await Promise.all([players, look(), clean(), kill()]);
  assert.deepEqual(count.faults, [], `seed ${seed}`);
  assert.ok(count.matches > 50 && looks > 50, `${count.matches} matches, ${looks} looks`);
  // Nothing that our own scripts do leaves an orphan: the sweeper is enough.
  assert.deepEqual(cleaned, [], `seed ${seed}`);
  await waitFor(async () => (await redis.command('HLEN', 'socket_mappings')) === 0, { what: 'all to be gone', timeoutMs: 20000 });
  assert.deepEqual(await fleet.audit(redis, { settleMs: 15000 }), []);
  figures(`${looks} audits during ${count.matches / 2} matches and ${count.moves} moves: no violation`);
});
