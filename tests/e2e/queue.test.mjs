// Queues: levels, leaving, dropping, joining twice, the dead at the head.
import assert from 'node:assert/strict';
import { fleetTest, stays, waitFor } from '../lib/fleet.mjs';

fleetTest('levels do not mix', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  await ann.send('joinMatchmaking', { level: 1 });
  await bob.send('joinMatchmaking', { level: 2 });
  await stays(() => ann.all('matchFound').length + bob.all('matchFound').length, { what: 'a match across levels' });
  assert.deepEqual((await redis.command('SMEMBERS', 'waiting:levels')).sort(), ['1', '2']);
  const stats = await a.stats();
  assert.ok(JSON.stringify(stats).length > 2);
});

fleetTest('who left the queue is not matched', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  await ann.send('joinMatchmaking', { level: 3 });
  assert.equal((await ann.send('leaveMatchmaking', {})).left, true);
  assert.equal((await ann.send('leaveMatchmaking', {})).left, false);
  assert.equal((await bob.send('joinMatchmaking', { level: 3 })).status, 'waiting');
  assert.deepEqual(await redis.command('LRANGE', 'waiting:level:3', 0, -1), ['bob']);
  await stays(() => ann.all('matchFound').length, { what: 'a match for who left', ms: 300 });
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('who dropped is not matched and leaves the list', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const ann = await fleet.client(a, 'ann');
  await ann.send('joinMatchmaking', { level: 3 });
  await ann.drop();
  const empty = async () => (await redis.command('LLEN', 'waiting:level:3')) === 0;
  await waitFor(empty, { what: 'the dropped player to leave the list' });
  const bob = await fleet.client(b, 'bob');
  assert.equal((await bob.send('joinMatchmaking', { level: 3 })).status, 'waiting');
});

fleetTest('joining twice is refused, joining again after leaving is not', async (fleet) => {
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis });
  const ann = await fleet.client(gateway, 'ann');
  await ann.send('joinMatchmaking', { level: 3 });
  assert.equal((await ann.fails('joinMatchmaking', { level: 3 })).code, 'ALREADY_QUEUED');
  assert.equal((await ann.fails('joinMatchmaking', { level: 4 })).code, 'ALREADY_QUEUED');
  assert.deepEqual(await redis.command('LRANGE', 'waiting:level:3', 0, -1), ['ann']);
  await ann.send('leaveMatchmaking', {});
  await ann.send('joinMatchmaking', { level: 4 });
  const bob = await fleet.client(gateway, 'bob');
  await bob.send('joinMatchmaking', { level: 4 });
  await ann.next('gameStart');
  assert.equal((await ann.fails('joinMatchmaking', { level: 4 })).code, 'ALREADY_IN_MATCH');
});

fleetTest('a player is never matched with himself, not even from two tabs', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const first = await fleet.client(a, 'ann');
  await first.send('joinMatchmaking', { level: 3 });
  const second = await fleet.client(b, 'ann');
  assert.equal((await first.closed).code, 4005);
  await second.request('joinMatchmaking', { level: 3 });
  await stays(() => second.all('matchFound').length, { what: 'a match of a player with himself', ms: 300 });
  assert.deepEqual(await redis.command('LRANGE', 'waiting:level:3', 0, -1), ['ann']);
});

fleetTest('a thousand dead entries at the head hold nobody up', async (fleet) => {
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis });
  const cli = await redis.cli();
  const dead = Array.from({ length: 1000 }, (_, i) => `dead-${i}`);
  const record = (i) => `queued|${i + 1}|5|t${i}|${Date.now()}||gone-socket|1-1`;
  await cli.command('HSET', 'players', ...dead.flatMap((id, i) => [id, record(i)]));
  await cli.command('RPUSH', 'waiting:level:5', ...dead);
  await cli.command('SADD', 'waiting:levels', 5);
  const ann = await fleet.client(gateway, 'ann');
  const bob = await fleet.client(gateway, 'bob');
  await ann.send('joinMatchmaking', { level: 5 });
  await bob.send('joinMatchmaking', { level: 5 });
  const found = await ann.next('matchFound', { timeoutMs: 2000 });
  assert.equal(found.data.opponentId, 'bob');
  assert.equal(await redis.command('LLEN', 'waiting:level:5'), 0);
});

fleetTest('queueUpdate tells who waits how many there are', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { ROOM_SEATS: 3 } });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  await ann.send('joinMatchmaking', { level: 9 });
  await bob.send('joinMatchmaking', { level: 9 });
  const update = await ann.next('queueUpdate', { filter: (push) => push.data.playersAmount === 2 });
  assert.ok(update.data.estimatedTimeMs === null || update.data.estimatedTimeMs >= 0);
});
