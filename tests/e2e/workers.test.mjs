// --workers: several instances on one port under a supervisor.
import assert from 'node:assert/strict';
import { fleetTest, waitFor } from '../lib/fleet.mjs';

const workersOf = (gateway) => [...gateway.log.matchAll(/worker\.started pid=(\d+)/g)].map(([, pid]) => Number(pid));

async function players(fleet, gateway, count, prefix) {
  const list = [];
  for (let i = 0; i < count; i++) list.push(await fleet.client(gateway, `${prefix}${i}`));
  return list;
}

fleetTest('three workers share one port; players of all of them meet; a killed one is replaced; SIGTERM ends all', async (fleet) => {
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis, env: { WORKERS: 3, LEASE_MS: 1500, HEARTBEAT_MS: 300 } });
  await waitFor(async () => (await redis.command('ZCARD', 'instances')) === 3, { what: 'three instances to beat' });
  const list = await players(fleet, gateway, 60, 'p');
  const count = {};
  for (const { welcome } of list) count[welcome.instanceId] = (count[welcome.instanceId] ?? 0) + 1;
  assert.equal(Object.keys(count).length, 3, JSON.stringify(count));
  for (const n of Object.values(count)) assert.ok(n >= 6, `uneven: ${JSON.stringify(count)}`);
  const one = list[0];
  const other = list.find(({ welcome }) => welcome.instanceId !== one.welcome.instanceId);
  const { roomId } = await fleet.match(one, other);
  const [victim] = Object.keys(count).filter((id) => ![one, other].some(({ welcome }) => welcome.instanceId === id));
  process.kill(Number(victim.split('-')[0]), 'SIGKILL');
  await gateway.proc.sees(/worker\.ended .*signal=9/);
  await waitFor(() => workersOf(gateway).length === 4, { what: 'the worker to be started again' });
  await waitFor(async () => (await redis.command('ZSCORE', 'instances', victim)) === null, { what: 'the dead one to be swept', timeoutMs: 20000 });
  await one.send('gameMessage', { roomId, message: 'still here' });
  await other.next('gameMessage', { filter: (push) => push.data.message === 'still here' });
  assert.deepEqual(await fleet.audit(redis), []);
  assert.equal((await gateway.proc.end('SIGTERM')).code, 0);
  for (const pid of workersOf(gateway)) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  assert.equal(await redis.command('ZCARD', 'instances'), 0);
});

fleetTest('workers that cannot start end the start; without Redis there is only one', async (fleet) => {
  const redis = await fleet.redis();
  const alone = await fleet.gateway({ env: { WORKERS: 2 }, wait: false });
  alone.proc.expectExit = true;
  assert.equal((await alone.proc.ended).code, 2);
  assert.match(alone.log, /WORKERS/);
  await fleet.gateway({ redis });
  const odd = await fleet.gateway({ redis, env: { WORKERS: 2, ROOM_SEATS: 3 }, wait: false });
  odd.proc.expectExit = true;
  assert.notEqual((await odd.proc.ended).code, 0);
  assert.match(odd.log, /ROOM_SEATS/);
  assert.match(odd.log, /worker\.start_failed/);
});
