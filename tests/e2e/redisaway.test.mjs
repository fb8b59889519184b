// Redis away: not there at the start, killed while people play, frozen, and back again.
// Takes 16 s.
import assert from 'node:assert/strict';
import { fleetTest, now, waitFor } from '../lib/fleet.mjs';

const isUp = (gateway) => async () => (await gateway.get('/health')).status === 200;

fleetTest('no Redis at the start: a clear line, 503, and ready as soon as it comes', async (fleet) => {
  const redis = await fleet.redis({ start: false });
  const gateway = await fleet.gateway({ redis, wait: 'live' });
  await gateway.proc.sees(new RegExp(`redis.*${redis.port}.*refused|refused.*${redis.port}`, 'i'));
  const health = await gateway.get('/health');
  assert.equal(health.status, 503);
  assert.equal(health.json().redis, false);
  assert.equal(health.json().details.mode, 'degraded');
  assert.equal((await gateway.get('/health/ready')).status, 503);
  await redis.start();
  await gateway.up('ready');
  const ann = await fleet.client(gateway, 'ann');
  const bob = await fleet.client(gateway, 'bob');
  await fleet.match(ann, bob);
});

fleetTest('Redis killed under play: errors at once, no crash, and play goes on when it is back', async (fleet) => {
  const redis = await fleet.redis({ aof: true, conf: { appendfsync: 'always' } });
  const [a, b] = await fleet.gateways(2, { redis });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const cy = await fleet.client(a, 'cy');
  const { roomId } = await fleet.match(ann, bob);
  await cy.send('joinMatchmaking', { level: 1 });

  await redis.kill();
  await waitFor(async () => (await a.get('/health')).status === 503, { what: 'a to notice' });
  await waitFor(async () => (await b.get('/health')).status === 503, { what: 'b to notice' });
  for (const client of [ann, bob]) {
    const started = now();
    const error = await client.fails('gameMessage', { roomId, message: 1 });
    assert.equal(error.code, 'SERVICE_DEGRADED');
    assert.equal(error.retryable, true);
    assert.ok(error.retryAfterMs > 0);
    assert.ok(now() - started < 1000, 'answered at once');
  }
  await ann.send('ping', {}); // the connection itself lives
  assert.equal((await a.metrics()).value('matchgate_redis_up'), 0);

  await redis.start();
  for (const gateway of [a, b]) await waitFor(isUp(gateway), { what: 'the gateway to be well again', timeoutMs: 20000 });
  await waitFor(
    async () => {
      const reply = await ann.request('gameMessage', { roomId, message: 'after' });
      return reply.ok;
    },
    { what: 'a message to be taken again' },
  );
  await bob.next('gameMessage', { filter: (push) => push.data.message === 'after' });
  // The fleet can see who rests, and until when.
  const resting = async () => Object.values(await (await redis.cli()).hash('instance_info')).filter((info) => JSON.parse(info).quiet).length;
  await waitFor(async () => (await resting()) === 2, { what: 'both to say that they rest' });
  await waitFor(async () => (await resting()) === 0, { what: 'both to be done with it', timeoutMs: 20000 });
  // Who waited still waits, and is matched with the next one.
  const dan = await fleet.client(b, 'dan');
  await dan.request('joinMatchmaking', { level: 1 });
  assert.equal((await cy.next('matchFound', { timeoutMs: 20000 })).data.opponentId, 'dan');
  await waitFor(async () => (await fleet.audit(redis)).length === 0, { what: 'a clean audit' });
});

fleetTest('a Redis that lost everything: new matches work, nobody hangs', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  await fleet.match(ann, bob);
  await redis.kill();
  await redis.start();
  for (const gateway of [a, b]) await waitFor(isUp(gateway), { what: 'the gateway to be well again', timeoutMs: 20000 });
  const cy = await fleet.client(a, 'cy');
  const dan = await fleet.client(b, 'dan');
  await cy.send('joinMatchmaking', { level: 1 });
  await dan.send('joinMatchmaking', { level: 1 });
  await Promise.all([cy.next('gameStart'), dan.next('gameStart')]);
  // Those who were there are registered again.
  await waitFor(async () => (await redis.command('HLEN', 'socket_mappings')) === 4, { what: 'four mappings', timeoutMs: 15000 });
});

fleetTest('a frozen Redis counts as away, although it accepts connections', async (fleet) => {
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis, env: { COMMAND_TIMEOUT_MS: 1000 } });
  const ann = await fleet.client(gateway, 'ann');
  redis.stop();
  const started = now();
  const reply = await ann.request('joinMatchmaking', { level: 1 }, { timeoutMs: 8000 });
  assert.equal(reply.ok, false);
  assert.match(reply.error.code, /^(SERVICE_DEGRADED|OUTCOME_UNKNOWN)$/);
  assert.ok(now() - started < 5000);
  await waitFor(async () => (await gateway.get('/health')).status === 503, { what: 'health to say so' });
  redis.cont();
  await waitFor(isUp(gateway), { what: 'the gateway to be well again', timeoutMs: 20000 });
  await waitFor(
    async () => {
      const again = await ann.request('joinMatchmaking', { level: 1 });
      return again.ok || again.error.code === 'ALREADY_QUEUED';
    },
    { what: 'the join to be taken' },
  );
});

fleetTest('every instance loses Redis for longer than a lease: no room ends', async (fleet) => {
  const redis = await fleet.redis({ aof: true, conf: { appendfsync: 'always' } });
  const gateways = await fleet.gateways(2, { redis, env: { LEASE_MS: 1500, HEARTBEAT_MS: 300, GRACE_MS: 1000 } });
  const pairs = [];
  for (let i = 0; i < 5; i++) {
    const ann = await fleet.client(gateways[0], `ann${i}`);
    const bob = await fleet.client(gateways[1], `bob${i}`);
    pairs.push({ ann, bob, ...(await fleet.match(ann, bob)) });
  }
  await redis.kill();
  const dark = now() + 4000; // well past every lease and every grace time
  await waitFor(() => now() > dark, { what: 'the outage', timeoutMs: 6000 });
  await redis.start();
  for (const gateway of gateways) await waitFor(isUp(gateway), { what: 'the gateway to be well again', timeoutMs: 20000 });
  const later = now() + 3000; // two sweeps and a lease later
  await waitFor(() => now() > later, { what: 'the sweeps', timeoutMs: 6000 });
  for (const { ann, bob, roomId } of pairs) {
    assert.equal(ann.all('gameEnd').length + bob.all('gameEnd').length, 0);
    assert.equal(ann.close ?? bob.close, null);
    await ann.send('gameMessage', { roomId, message: 'still here' });
    await bob.next('gameMessage', { filter: (push) => push.data.message === 'still here' });
  }
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a connection whose attach was lost on the way to a frozen Redis leaves nothing there', async (fleet) => {
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis, env: { COMMAND_TIMEOUT_MS: 500 } });
  redis.stop();
  const lost = await fleet.client(gateway, { playerId: 'lost', wait: false });
  const gone = await fleet.client(gateway, { playerId: 'gone', wait: false });
  await gone.drop(); // before the answer could come
  assert.equal((await lost.closed).code, 4103);
  redis.cont(); // and now it does what it was asked for
  await waitFor(isUp(gateway), { what: 'the gateway to be well again', timeoutMs: 20000 });
  await waitFor(async () => (await redis.command('GET', 'fence')) === '2', { what: 'both attaches to have run' });
  const left = async () => (await (await redis.cli()).keys()).filter((key) => /^(players|socket_mappings|instance:.*)$/.test(key));
  await waitFor(async () => (await left()).length === 0, { what: 'nothing to be left of them' });
  assert.deepEqual(await fleet.audit(redis), []);
});
