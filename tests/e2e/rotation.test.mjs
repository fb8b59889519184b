// What the load balancer does with the fleet: while Redis is away every instance stays in rotation; one that stops does not.
// Takes 16 s.
import assert from 'node:assert/strict';
import { delay, fleetTest, now, request, waitFor } from '../lib/fleet.mjs';

// Who answers through haproxy, by several tries: instance ids, sorted.
async function inRotation(haproxy, tries = 9) {
  const seen = new Set();
  for (let i = 0; i < tries; i++) {
    const { status, json } = await request(haproxy.port, '/health/stats');
    if (status === 200 || status === 503) seen.add(json().instance?.instanceId ?? `${status}`);
  }
  return [...seen].sort();
}

fleetTest('Redis away for many probes: all instances stay in rotation, connections stay, games go on after it', async (fleet) => {
  const redis = await fleet.redis({ aof: true, conf: { appendfsync: 'always' } });
  const gateways = await fleet.gateways(3, { redis, env: { GRACE_MS: 20000 } });
  const haproxy = await fleet.haproxy(gateways);
  const clients = [];
  for (let i = 0; i < 6; i++) clients.push(await fleet.client(haproxy.port, { playerId: `p${i}` }));
  const { roomId } = await fleet.match(clients[0], clients[1]);
  const all = await inRotation(haproxy);
  assert.equal(all.length, 3);
  await redis.kill();
  await waitFor(async () => (await gateways[0].get('/health')).status === 503, { what: 'Redis to be missed' });
  for (const until = now() + 5000; now() < until; await delay(500)) { // five probes of haproxy; two would do
    assert.deepEqual(await inRotation(haproxy, 6), all);
    for (const gateway of gateways) assert.equal((await gateway.get('/health/ready')).status, 200);
  }
  for (const client of clients) {
    assert.equal(client.close, null);
    await client.send('ping', {});
  }
  await redis.start();
  const again = () => clients[0].send('gameMessage', { roomId, message: 'again' }).then(() => true);
  await waitFor(again, { what: 'the game to go on', timeoutMs: 15000 });
  assert.equal((await clients[1].next('gameMessage')).data.message, 'again');
  assert.deepEqual(await fleet.audit(redis, { settleMs: 15000 }), []);
});

fleetTest('an instance that drains leaves the rotation during its notice: nobody meets a closed port', async (fleet) => {
  const redis = await fleet.redis();
  const env = { DRAIN_MS: 10000, DRAIN_NOTICE_MS: 3000 };
  const gateways = await fleet.gateways(3, { redis, env });
  const haproxy = await fleet.haproxy(gateways);
  assert.equal((await inRotation(haproxy)).length, 3);
  const leaving = (await gateways[0].stats()).instance.instanceId;
  assert.ok(leaving);
  const exit = gateways[0].sigterm();
  await haproxy.proc.sees(/Server gateways\/gateway1 is DOWN/);
  assert.ok(gateways[0].proc.running, 'haproxy knew it before the end');
  assert.equal((await gateways[0].get('/health/live')).status, 200);
  for (let i = 0; i < 12; i++) {
    const started = now();
    const client = await fleet.client(haproxy.port, { playerId: `p${i}` });
    assert.ok(now() - started < 900, `${now() - started} ms to connect`);
    assert.notEqual(client.welcome.instanceId, leaving);
  }
  assert.equal((await exit).code, 0);
  assert.equal((await inRotation(haproxy)).length, 2);
});

fleetTest('an instance was killed: a player whom haproxy still sends there reaches another one without a pause', async (fleet) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(3, { redis });
  const haproxy = await fleet.haproxy(gateways);
  await gateways[0].kill9();
  for (let i = 0; i < 6; i++) {
    const started = now();
    await fleet.client(haproxy.port, { playerId: `p${i}` });
    assert.ok(now() - started < 900, `${now() - started} ms to connect`);
  }
});
