// run.mjs as an operator starts it: against a fleet that is well, one with signed identities and a prefix, and none at all.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Proc, ROOT, fleetTest } from '../lib/fleet.mjs';

async function run(fleet, args, env = {}) {
  const proc = new Proc('run.mjs', process.execPath, [join(ROOT, 'tests/chaos/run.mjs'), ...args], { env });
  fleet.adopt(proc);
  const { code } = await proc.ended;
  return { code, output: proc.output };
}

fleetTest('a fleet that is well: figures, the audit, no violation, status 0', async (fleet) => {
  const redis = await fleet.redis();
  const env = { AUTH_JWT_SECRET: 'a-secret-that-is-long-enough-for-hs256', REDIS_KEY_PREFIX: 'staging:', MESSAGES_PER_SECOND: 0, GRACE_MS: 10000 };
  const urls = (await fleet.gateways(2, { redis, env })).flatMap(({ url }) => ['--url', url]);
  const args = [...urls, '--seconds', '3', '--seed', '7', '--players', '9', '--think-ms', '20', '--level-from', '900'];
  const { code, output } = await run(fleet, [...args, '--redis', `127.0.0.1:${redis.port}/staging:`], { AUTH_JWT_SECRET: env.AUTH_JWT_SECRET });
  assert.equal(code, 0, output);
  assert.match(output, /^seed 7: 10 players for 3 s/);
  assert.match(output, /[1-9]\d* matches, [1-9]\d* numbered requests answered/);
  assert.match(output, /^0 violations; seed 7$/m);
});

fleetTest('a store that is not as it should be is found by the audit: status 1', async (fleet) => {
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis, env: { MESSAGES_PER_SECOND: 0 } });
  await redis.command('HSET', 'matches', 'r_forged', '{}');
  const args = ['--url', gateway.url, '--seconds', '1', '--players', '4', '--calm', '--redis', `127.0.0.1:${redis.port}`];
  const { code, output } = await run(fleet, args);
  assert.equal(code, 1, output);
  assert.match(output, /^VIOLATION I3 .*r_forged/m);
});

fleetTest('no address: status 2 and one line', async (fleet) => {
  const { code, output } = await run(fleet, []);
  assert.equal(code, 2);
  assert.match(output, /--url/);
});
