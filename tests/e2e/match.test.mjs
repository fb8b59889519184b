// The main job: two players on two instances meet, and what stands in Redis is what the documents show.
import assert from 'node:assert/strict';
import { fleetTest, stays, waitFor } from '../lib/fleet.mjs';

const INSTANCE_ID = /^\d+-\d+$/;

fleetTest('a player on A and a player on B are matched and start', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  assert.notEqual(ann.welcome.instanceId, bob.welcome.instanceId);

  const waiting = await ann.send('joinMatchmaking', { level: 7 });
  assert.equal(waiting.status, 'waiting');
  assert.equal(waiting.level, 7);
  assert.ok(waiting.ticketId);
  assert.equal((await ann.next('waiting')).data.level, 7);
  assert.deepEqual(await redis.command('LRANGE', 'waiting:level:7', 0, -1), ['ann']);

  const matched = await bob.send('joinMatchmaking', { level: 7 });
  assert.equal(matched.status, 'matched');
  const found = await Promise.all([ann.next('matchFound'), bob.next('matchFound')]);
  const roomId = found[0].data.roomId;
  for (const [i, push] of found.entries()) {
    assert.equal(push.room, roomId);
    assert.equal(push.seq, 1);
    assert.equal(push.data.roomId, roomId);
    assert.equal(push.data.level, 7);
    assert.deepEqual(push.data.players.map((p) => p.id).sort(), ['ann', 'bob']);
    assert.equal(push.data.opponentId, ['bob', 'ann'][i]);
  }
  const started = await Promise.all([ann.next('gameStart'), bob.next('gameStart')]);
  for (const push of started) {
    assert.equal(push.data.roomId, roomId);
    assert.equal(push.seq, started[0].seq);
  }
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('Redis holds the records in the documented form', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const cli = await redis.cli();

  const before = await cli.hget('socket_mappings', ann.welcome.socketId);
  assert.deepEqual(before, {
    socketId: ann.welcome.socketId,
    instanceId: ann.welcome.instanceId,
    roomId: null,
    playerId: 'ann',
  });
  assert.deepEqual(Object.keys(before), ['socketId', 'instanceId', 'roomId', 'playerId']);
  assert.match(before.instanceId, INSTANCE_ID);

  const { roomId, level } = await fleet.match(ann, bob);
  for (const client of [ann, bob]) {
    const mapping = await cli.hget('socket_mappings', client.welcome.socketId);
    assert.deepEqual(mapping, {
      socketId: client.welcome.socketId,
      instanceId: client.welcome.instanceId,
      roomId,
      playerId: client.playerId,
    });
  }

  const state = await waitFor(
    async () => {
      const seen = await cli.hget('game_states', roomId);
      return seen.status === 'active' && seen;
    },
    { what: 'the room to be active in game_states' },
  );
  assert.equal(state.roomId, roomId);
  assert.equal(state.turn, 0);
  assert.deepEqual(state.gameData, {});
  assert.ok(Math.abs(state.createdAt - Date.now()) < 60000 && state.updatedAt >= state.createdAt);
  const seats = Object.fromEntries(state.players.map((player) => [player.id, player]));
  for (const client of [ann, bob]) {
    const { id, instanceId, socketId, state: own } = seats[client.playerId];
    assert.deepEqual(
      { id, instanceId, socketId, own },
      {
        id: client.playerId,
        instanceId: client.welcome.instanceId,
        socketId: client.welcome.socketId,
        own: {},
      },
    );
  }

  const match = await cli.hget('matches', roomId);
  assert.equal(match.roomId, roomId);
  assert.deepEqual(match.player1, { id: 'ann', level });
  assert.deepEqual(match.player2, { id: 'bob', level });
  assert.equal(await redis.command('LLEN', `waiting:level:${level}`), 0);
  assert.equal(await redis.command('TYPE', `room:${roomId}`), 'hash');
  assert.equal(await redis.command('ZCARD', 'instances'), 2);
});

fleetTest('players of one level are matched in the order of their arrival', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { ROOM_SEATS: 3 } });
  const names = ['p1', 'p2', 'p3', 'p4', 'p5'];
  const players = [];
  for (const [i, name] of names.entries()) {
    players.push(await fleet.client(i % 2 ? a : b, name));
    await players[i].send('joinMatchmaking', { level: 1 });
  }
  const found = await players[0].next('matchFound');
  assert.deepEqual(
    found.data.players.map((p) => p.id),
    ['p1', 'p2', 'p3'],
  );
  assert.deepEqual(await redis.command('LRANGE', 'waiting:level:1', 0, -1), ['p4', 'p5']);
  await stays(() => players[4].all('matchFound').length, { what: 'a match of two in rooms of three', ms: 300 });
});

fleetTest('a standalone instance needs no Redis', async (fleet) => {
  const gateway = await fleet.gateway();
  const ann = await fleet.client(gateway, 'ann');
  const bob = await fleet.client(gateway, 'bob');
  assert.equal(ann.welcome.durable, false);
  const { roomId } = await fleet.match(ann, bob);
  const { seq } = await ann.send('gameMessage', { roomId, message: { hello: 'bob' } });
  const heard = await bob.next('gameMessage');
  assert.equal(heard.seq, seq);
  assert.deepEqual(heard.data.message, { hello: 'bob' });
});

fleetTest('the ready check: CONFIRM=client waits for every seat', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { CONFIRM: 'client' } });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  await ann.send('joinMatchmaking', { level: 1 });
  await bob.send('joinMatchmaking', { level: 1 });
  const { roomId } = (await ann.next('matchFound')).data;
  await bob.next('matchFound');
  assert.equal((await ann.fails('gameMessage', { roomId, message: 1 })).code, 'NOT_STARTED');
  await ann.send('confirmJoined', { roomId });
  await ann.send('confirmJoined', { roomId }); // twice is the same as once
  await stays(() => ann.all('gameStart').length, { what: 'gameStart with one seat confirmed', ms: 300 });
  await bob.send('confirmJoined', { roomId });
  await Promise.all([ann.next('gameStart'), bob.next('gameStart')]);
  await ann.send('gameMessage', { roomId, message: 1 });
});

fleetTest('a match that nobody confirms dissolves; who confirmed waits again', async (fleet) => {
  const redis = await fleet.redis();
  const env = { CONFIRM: 'client', CONFIRM_MS: 800 };
  const [a, b] = await fleet.gateways(2, { redis, env });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  await ann.send('joinMatchmaking', { level: 1 });
  await bob.send('joinMatchmaking', { level: 1 });
  const { roomId } = (await ann.next('matchFound')).data;
  await ann.send('confirmJoined', { roomId });
  const cancelled = await Promise.all([ann.next('matchCancelled'), bob.next('matchCancelled')]);
  assert.equal(cancelled[0].data.roomId, roomId);
  assert.equal(cancelled[0].data.requeued, true);
  assert.equal(cancelled[1].data.requeued, false);
  assert.deepEqual(await redis.command('LRANGE', 'waiting:level:1', 0, -1), ['ann']);
  assert.equal(await redis.command('HLEN', 'game_states'), 0);
  // The next one meets Ann at once.
  const cy = await fleet.client(b, 'cy');
  await cy.send('joinMatchmaking', { level: 1 });
  assert.equal((await ann.next('matchFound')).data.opponentId, 'cy');
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a partner who leaves during the ready check does not hold the other up', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { CONFIRM: 'client', CONFIRM_MS: 60000 } });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  await ann.send('joinMatchmaking', { level: 1 });
  await bob.send('joinMatchmaking', { level: 1 });
  const { roomId } = (await ann.next('matchFound')).data;
  await ann.send('confirmJoined', { roomId });
  await bob.drop();
  const cancelled = await ann.next('matchCancelled');
  assert.equal(cancelled.data.requeued, true);
  assert.deepEqual(await redis.command('LRANGE', 'waiting:level:1', 0, -1), ['ann']);
});
