// Two fleets on one Redis by prefix; dead lines; what a connection is told about itself.
import assert from 'node:assert/strict';
import { fleetTest, stays, waitFor } from '../lib/fleet.mjs';

fleetTest('fleets with different prefixes share a Redis and nothing else', async (fleet) => {
  const redis = await fleet.redis();
  const red = await fleet.gateway({ redis, env: { REDIS_KEY_PREFIX: 'red:' } });
  const blue = await fleet.gateway({ redis, env: { REDIS_KEY_PREFIX: 'blue:' } });
  const ann = await fleet.client(red, 'ann');
  const bob = await fleet.client(blue, 'bob');
  await ann.send('joinMatchmaking', { level: 1 });
  await bob.send('joinMatchmaking', { level: 1 });
  await stays(() => ann.all('matchFound').length, { what: 'a match across fleets', ms: 700 });
  const cy = await fleet.client(red, 'cy');
  await cy.send('joinMatchmaking', { level: 1 });
  const { roomId } = (await ann.next('matchFound')).data;
  await ann.next('gameStart');
  await redis.command('PUBLISH', 'red:room_events', JSON.stringify({ roomId, event: 'news', data: {} }));
  await ann.next('news');
  const keys = await (await redis.cli()).keys();
  assert.ok(keys.every((key) => /^(red|blue):/.test(key)), keys.join(' '));
  assert.deepEqual(await fleet.audit(redis, { prefix: 'red:' }), []);
});

fleetTest('a client that does not answer pings is closed with 4201, one that does is not', async (fleet) => {
  const gateway = await fleet.gateway({ env: { PING_MS: 300, PING_QUEUED_MS: 300, PONG_WAIT_MS: 300 } });
  const dead = await fleet.client(gateway, { playerId: 'dead', autoPong: false });
  const alive = await fleet.client(gateway, 'alive');
  assert.equal((await dead.closed).code, 4201);
  await stays(() => alive.close, { what: 'closing a client that answers', ms: 1500 });
});

fleetTest('welcome says what a client needs to know', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const ann = await fleet.client(a, 'ann');
  const { sessionId, socketId, instanceId, serverTime, pingMs, recovered, durable, limits, queue, rooms } = ann.welcome;
  assert.ok(sessionId && socketId);
  assert.match(instanceId, /^\d+-\d+$/);
  assert.ok(Math.abs(serverTime - Date.now()) < 60000);
  assert.deepEqual({ pingMs, recovered, durable, queue, rooms }, { pingMs: 25000, recovered: false, durable: true, queue: null, rooms: [] });
  assert.deepEqual(limits, { messageMaxBytes: 16384, messagesPerSecond: 50 });
  // Taken over elsewhere, the new connection has the queue place.
  const { ticketId } = await ann.send('joinMatchmaking', { level: 4 });
  const again = await fleet.client(b, 'ann');
  assert.deepEqual(again.welcome.queue, { level: 4, ticketId });
  const bob = await fleet.client(a, 'bob');
  await bob.send('joinMatchmaking', { level: 4 });
  assert.equal((await again.next('matchFound')).data.opponentId, 'bob');
  await again.next('gameStart');
  const third = await fleet.client(a, 'ann');
  assert.deepEqual(third.welcome.rooms.map((room) => room.roomId), [again.all('matchFound')[0].room]);
});

fleetTest('a request without id gets no reply; its failure comes as a push', async (fleet) => {
  const gateway = await fleet.gateway();
  const ann = await fleet.client(gateway, 'ann');
  ann.tell('gameMessage', { roomId: 'nowhere', message: 1 });
  assert.match((await ann.next('error')).data.code, /^(ROOM_NOT_FOUND|NOT_IN_ROOM)$/);
  ann.tell('joinMatchmaking', { level: 1 });
  await ann.next('waiting');
  assert.equal(ann.frames.length, 0);
});

fleetTest('metrics count what happened', async (fleet) => {
  const gateway = await fleet.gateway();
  const ann = await fleet.client(gateway, 'ann');
  const bob = await fleet.client(gateway, 'bob');
  await fleet.match(ann, bob);
  ann.raw('nonsense');
  await ann.next('error');
  await bob.bye();
  const metrics = await waitFor(
    async () => {
      const m = await gateway.metrics();
      return m.value('matchgate_connections') === 1 && m;
    },
    { what: 'the gauge to fall' },
  );
  assert.equal(metrics.value('matchgate_connections_opened_total'), 2);
  assert.equal(metrics.value('matchgate_connections_closed_total', { code: '1000' }), 1);
  assert.equal(metrics.value('matchgate_errors_total', { code: 'BAD_REQUEST' }), 1);
  assert.equal(metrics.value('matchgate_matches_total'), 1);
  assert.equal(metrics.value('matchgate_join_to_match_seconds_count'), 2);
});
