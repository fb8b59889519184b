// --workers: several instances on one port under a supervisor.
import assert from 'node:assert/strict';
import { fleetTest, parseMetrics, waitFor } from '../lib/fleet.mjs';

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

fleetTest('players spread evenly over workers; whoever of them is asked answers for each and for all', async (fleet) => {
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis, env: { WORKERS: 4, LEASE_MS: 1500, HEARTBEAT_MS: 300 } });
  const workers = async () => (await gateway.stats()).workers;
  await waitFor(async () => (await workers()).filter((w) => w.ready && w.redisUp).length === 4, { what: 'four workers to be ready' });
  const list = await players(fleet, gateway, 400, 'e');
  const expected = {};
  for (const { welcome } of list) expected[welcome.instanceId] = (expected[welcome.instanceId] ?? 0) + 1;
  // 100 each in the mean, with a standard deviation of 9: 50 is out of reach for chance
  for (const n of Object.values(expected)) assert.ok(n >= 50 && n <= 150, `uneven: ${JSON.stringify(expected)}`);
  console.log(`FIGURES: 400 players over four workers: ${Object.values(expected).join(', ')}`);

  const each = await workers();
  assert.deepEqual(Object.fromEntries(each.map((w) => [w.instanceId, w.sessions])), expected);
  assert.deepEqual(each.map((w) => w.worker), [0, 1, 2, 3]);
  const stats = await gateway.stats();
  assert.deepEqual(stats.workersSum, { running: 4, ready: 4, redisUp: 4, connections: 400, sessions: 400, queued: 0, rooms: 0 });
  assert.deepEqual((await gateway.health()).details.workers, { running: 4, ready: 4, redisUp: 4 });

  const all = await gateway.metrics();
  for (const w of each) assert.equal(all.value('matchgate_connections', { instance: w.instanceId, worker: String(w.worker) }), w.connections);
  const one = parseMetrics((await gateway.get('/metrics?worker=2')).body);
  assert.deepEqual([...new Set(one.samples.map((s) => s.labels.worker))], ['2']);
  const sum = async () => parseMetrics((await gateway.get('/metrics?worker=sum')).body);
  const before = await sum();
  assert.equal(before.value('matchgate_connections'), 400);
  assert.equal(before.samples.find((s) => s.name === 'matchgate_connections').labels.worker, undefined);
  assert.equal((await gateway.get('/metrics?worker=4')).status, 404);
  assert.equal((await gateway.get('/metrics?worker=')).status, 404);

  // a worker that falls takes its gauges along, not its counters
  process.kill(Number(each[1].instanceId.split('-')[0]), 'SIGKILL');
  await gateway.proc.sees(/worker\.ended .*signal=9/);
  await waitFor(async () => (await sum()).value('matchgate_connections') === 400 - expected[each[1].instanceId], { what: 'its connections to be gone from the sum' });
  assert.ok((await sum()).value('matchgate_connections_opened_total') >= before.value('matchgate_connections_opened_total'));
  await waitFor(async () => (await workers()).filter((w) => w.ready).length === 4, { what: 'its successor to be ready' });
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
