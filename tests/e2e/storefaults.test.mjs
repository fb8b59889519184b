// What Redis may do to a fleet without going away: refuse, forget, evict, cut off a slow reader, come back empty.
// Takes 15 s.
import assert from 'node:assert/strict';
import { fleetTest, freePort, now, waitFor } from '../lib/fleet.mjs';

const isUp = (gateway) => async () => (await gateway.get('/health')).status === 200;

async function refused(fleet, options) {
  const gateway = await fleet.gateway({ ...options, wait: false });
  gateway.proc.expectExit = true;
  const { code } = await gateway.proc.ended;
  assert.equal(code, 1);
  const lines = gateway.log.split('\n').filter((line) => line.includes('process.refused'));
  assert.equal(lines.length, 1, gateway.log);
  return lines[0];
}

fleetTest('REDIS_REQUIRE_NOEVICTION refuses a Redis that may evict, and takes one that does not', async (fleet) => {
  const lru = await fleet.redis({ conf: { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' } });
  const env = { REDIS_REQUIRE_NOEVICTION: '1' };
  assert.match(await refused(fleet, { redis: lru, env }), /maxmemory-policy is not noeviction/);
  await fleet.gateway({ redis: lru });
  const good = await fleet.redis();
  await fleet.gateway({ redis: good, env });
});

fleetTest('a Redis Cluster is refused in one line unless the prefix is a hash tag', async (fleet) => {
  const redis = await fleet.redis({ conf: { 'cluster-enabled': 'yes', 'cluster-port': await freePort() } });
  assert.match(await refused(fleet, { redis }), /Redis Cluster.*REDIS_KEY_PREFIX/);
  await redis.command('CLUSTER', 'ADDSLOTSRANGE', 0, 16383);
  await waitFor(async () => /cluster_state:ok/.test(await redis.command('CLUSTER', 'INFO')), { what: 'the cluster' });
  const gateway = await fleet.gateway({ redis, env: { REDIS_KEY_PREFIX: '{realm1}:' } });
  await gateway.proc.sees(/store\.cluster.*prefix=\{realm1\}:/);
  await fleet.match(await fleet.client(gateway, 'ann'), await fleet.client(gateway, 'bob'));
});

fleetTest('a full Redis: SERVICE_DEGRADED at once, leaving still works, and all is well when there is room again', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  await redis.command('CONFIG', 'SET', 'maxmemory', 1);
  const asked = now();
  const error = await ann.fails('gameMessage', { roomId, message: 'no room' });
  assert.equal(error.code, 'SERVICE_DEGRADED');
  assert.ok(now() - asked < 1000);
  await waitFor(async () => /"oom"/.test((await a.get('/health')).body), { what: 'health to say oom' });
  assert.equal((await a.get('/health/ready')).status, 200, 'the load balancer keeps it');
  const dark = now() + 4000; // longer than a lease
  await waitFor(() => now() > dark, { timeoutMs: 6000 });
  await redis.command('CONFIG', 'SET', 'maxmemory', 0);
  for (const gateway of [a, b]) await waitFor(isUp(gateway), { what: 'the gateway to be well again' });
  await waitFor(async () => (await ann.request('gameMessage', { roomId, message: 'room' })).ok, { what: 'a message to be taken' });
  await bob.next('gameMessage', { filter: (push) => push.data.message === 'room' });
  assert.equal(bob.all('gameEnd').length + bob.all('playerLeft').length, 0);
  assert.equal(ann.close ?? bob.close, null);
});

fleetTest('leaving works while Redis is full', async (fleet) => {
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis });
  const ann = await fleet.client(gateway, 'ann');
  await ann.send('joinMatchmaking', { level: 3 });
  await redis.command('CONFIG', 'SET', 'maxmemory', 1);
  await waitFor(async () => /"oom"/.test((await gateway.get('/health')).body), { what: 'health to say oom' });
  await ann.send('leaveMatchmaking', {});
  assert.equal(await redis.command('EXISTS', 'waiting:level:3'), 0);
  await redis.command('CONFIG', 'SET', 'maxmemory', 0);
});

fleetTest('SCRIPT FLUSH under load: nothing fails, nothing is lost or doubled', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { MESSAGES_PER_SECOND: 0 } });
  const games = [];
  for (let i = 0; i < 4; i++) {
    const ann = await fleet.client(a, `ann${i}`);
    const bob = await fleet.client(b, `bob${i}`);
    games.push({ ann, bob, ...(await fleet.match(ann, bob)) });
  }
  const COUNT = 2000;
  let flushes = 0;
  let playing = true;
  const flushing = (async () => {
    while (playing) {
      await redis.command('SCRIPT', 'FLUSH');
      flushes++;
      await new Promise((done) => setTimeout(done, 3));
    }
  })();
  await Promise.all(
    games.map(async ({ ann, bob, roomId }) => {
      const both = [];
      for (let i = 0; i < COUNT; i++) {
        both.push((i % 2 ? ann : bob).send('gameMessage', { roomId, message: i }));
        if (i % 20 === 19) await Promise.all(both.splice(0)); // bursts: several calls under way at each flush
      }
    }),
  );
  playing = false;
  await flushing;
  assert.ok(flushes > 20, `${flushes} flushes`);
  for (const { ann, bob } of games) {
    for (const [client, parity] of [[ann, 0], [bob, 1]]) {
      const mine = () => client.all('gameMessage').map((push) => push.data.message).filter((n) => n % 2 === parity);
      await waitFor(() => mine().length >= COUNT / 2, { what: 'all messages of the other' });
      const all = Array.from({ length: COUNT / 2 }, (_, i) => 2 * i + parity);
      assert.deepEqual(mine().sort((x, y) => x - y), all, 'each once');
      // Of calls under way together a later one may be first if the other instance loads the script between them; the
      // room's numbers are one order for all the same.
      const numbers = client.all('gameMessage').map((push) => push.seq);
      assert.deepEqual(numbers, [...numbers].sort((x, y) => x - y), 'in the order of their numbers');
      assert.equal(new Set(numbers).size, numbers.length);
    }
  }
});

fleetTest('a subscriber cut by client-output-buffer-limit gets what it missed from the log', async (fleet) => {
  const redis = await fleet.redis({ conf: { 'client-output-buffer-limit': 'pubsub 64kb 64kb 0' } });
  const env = { MESSAGES_PER_SECOND: 0, LEASE_MS: 20000, ROOM_LOG_MAX: 2000, HEARTBEAT_MS: 5000, OUTBOX_MAX_BYTES: 67108864 };
  const [a, b] = await fleet.gateways(2, { redis, env });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  a.proc.stop(); // reads nothing; the socket's buffers fill, then Redis' own
  const COUNT = 1000;
  const text = 'x'.repeat(8000);
  for (let i = 0; i < COUNT; i += 50)
    await Promise.all(Array.from({ length: 50 }, (_, k) => bob.send('gameMessage', { roomId, message: { n: i + k, text } })));
  const cut = async () => Number((await redis.command('PUBSUB', 'NUMSUB', 'room_events'))[1]) === 1;
  await waitFor(cut, { what: 'Redis to cut off the one that does not read' });
  a.proc.cont();
  const seen = () => ann.all('gameMessage').map((push) => push.data.message.n);
  await waitFor(() => seen().length >= COUNT || ann.close, { what: 'all messages', timeoutMs: 30000 });
  assert.deepEqual(seen(), Array.from({ length: COUNT }, (_, i) => i), 'each once, in order');
  assert.equal(ann.close, null);
  assert.ok((await a.metrics()).value('matchgate_room_gaps_total') >= 1);
});

fleetTest('Redis comes back empty: players are registered again, tickets handed in, lost rooms are told', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const cy = await fleet.client(a, 'cy');
  const idle = await fleet.client(b, 'idle');
  const { roomId } = await fleet.match(ann, bob);
  await cy.send('joinMatchmaking', { level: 7 });
  await redis.kill();
  for (const gateway of [a, b]) await gateway.proc.sees('store.away');
  await redis.start();
  for (const gateway of [a, b]) await waitFor(isUp(gateway), { what: 'the gateway to be well again' });
  for (const client of [ann, bob]) {
    const gone = await client.next('roomCleanup', { timeoutMs: 20000 });
    assert.deepEqual([gone.data.roomId, gone.data.reason], [roomId, 'gone']);
  }
  await waitFor(async () => (await redis.command('HLEN', 'socket_mappings')) === 4, { what: 'four mappings', timeoutMs: 20000 });
  // The first one back with a higher fence than the store's says so; perhaps each of them.
  const saying = [];
  for (const gateway of [a, b]) if ((await gateway.stats()).warnings.some((text) => /without data/.test(text))) saying.push(gateway);
  assert.ok(saying.length >= 1);
  for (const gateway of saying) assert.equal((await gateway.metrics()).value('matchgate_store_data_lost_total'), 1);
  const dan = await fleet.client(b, 'dan');
  await dan.send('joinMatchmaking', { level: 7 });
  assert.equal((await cy.next('matchFound', { timeoutMs: 20000 })).data.opponentId, 'dan');
  await ann.send('joinMatchmaking', { level: 8 });
  await bob.send('joinMatchmaking', { level: 8 });
  await Promise.all([ann.next('gameStart'), bob.next('gameStart')]);
  for (const client of [ann, bob, cy, idle]) assert.equal(client.close, null);
  await waitFor(async () => (await fleet.audit(redis)).length === 0, { what: 'a clean audit', timeoutMs: 20000 });
});
