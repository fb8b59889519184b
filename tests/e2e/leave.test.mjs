// Leaving, dropping, coming back on another instance, and how games end.
import assert from 'node:assert/strict';
import { fleetTest, stays, waitFor } from '../lib/fleet.mjs';

async function pair(fleet, { env = {}, instances = 3 } = {}) {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(instances, { redis, env });
  const ann = await fleet.client(gateways[0], 'ann');
  const bob = await fleet.client(gateways[1], 'bob');
  const { roomId } = await fleet.match(ann, bob);
  return { redis, gateways, ann, bob, roomId };
}

// Nothing of the room is left in Redis, except its log, which has a time to live.
async function gone(redis, roomId) {
  const cli = await redis.cli();
  const left = async () => {
    const found = [];
    if (await cli.command('EXISTS', `room:${roomId}`)) found.push('room');
    if ((await cli.command('PTTL', `room:${roomId}:log`)) === -1) found.push('log without end');
    if (await cli.command('HEXISTS', 'game_states', roomId)) found.push('game_states');
    if (await cli.command('HEXISTS', 'matches', roomId)) found.push('matches');
    const due = await cli.command('ZRANGE', 'deadlines', 0, -1);
    return found.concat(due.filter((entry) => entry.includes(roomId)));
  };
  await waitFor(async () => (await left()).length === 0, { what: 'the room to be gone from Redis' }).catch(async (error) => {
    throw new Error(`${error.message}; left: ${await left()}`);
  });
}

fleetTest('back within the grace time on another instance: same seat, snapshot, told to the opponent', async (fleet) => {
  const { redis, gateways, ann, bob, roomId } = await pair(fleet, { env: { GRACE_MS: 20000 } });
  await ann.send('updateGameData', { roomId, gameData: { n: 1 }, turn: 3, expectedVersion: 0 });
  await ann.drop();
  const away = await bob.next('opponentDisconnected');
  assert.equal(away.data.playerId, 'ann');
  assert.equal(away.data.graceMs, 20000);

  const again = await fleet.client(gateways[2], 'ann');
  const snapshot = await again.next('roomSnapshot');
  assert.equal(snapshot.data.state.roomId, roomId);
  assert.deepEqual(snapshot.data.state.gameData, { n: 1 });
  assert.equal(snapshot.data.state.turn, 3);
  assert.ok(snapshot.data.seq >= away.seq);
  assert.equal((await bob.next('opponentReconnected')).data.playerId, 'ann');

  await again.send('gameMessage', { roomId, message: 'back' });
  assert.equal((await bob.next('gameMessage')).data.message, 'back');
  await bob.send('gameMessage', { roomId, message: 'good' });
  assert.equal((await again.next('gameMessage')).data.message, 'good');
  const mapping = await (await redis.cli()).hget('socket_mappings', again.welcome.socketId);
  assert.equal(mapping.roomId, roomId);
  assert.equal(await redis.command('HLEN', 'socket_mappings'), 2);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('both gone and both back: the room is still there', async (fleet) => {
  const { gateways, ann, bob, roomId } = await pair(fleet, { env: { GRACE_MS: 20000 } });
  await Promise.all([ann.drop(), bob.drop()]);
  const ann2 = await fleet.client(gateways[2], 'ann');
  const bob2 = await fleet.client(gateways[0], 'bob');
  for (const client of [ann2, bob2]) assert.equal((await client.next('roomSnapshot')).data.state.roomId, roomId);
  await ann2.send('gameMessage', { roomId, message: 1 });
  await bob2.next('gameMessage');
});

fleetTest('the grace time passes: playerLeft, gameEnd, and nothing is left of the room', async (fleet) => {
  const { redis, ann, bob, roomId } = await pair(fleet, { env: { GRACE_MS: 700 } });
  await ann.drop();
  await bob.next('opponentDisconnected');
  assert.equal((await bob.next('playerLeft')).data.playerId, 'ann');
  const end = await bob.next('gameEnd');
  assert.equal(end.data.roomId, roomId);
  assert.ok(end.data.reason);
  await gone(redis, roomId);
  // The survivor is free for the next game.
  assert.equal((await bob.send('joinMatchmaking', { level: 1 })).status, 'waiting');
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('leaving by intention ends a game of two at once', async (fleet) => {
  const { redis, ann, bob, roomId } = await pair(fleet, { env: { GRACE_MS: 20000 } });
  await ann.send('leaveRoom', { roomId });
  assert.equal((await bob.next('playerLeft')).data.playerId, 'ann');
  await bob.next('gameEnd');
  await gone(redis, roomId);
  for (const client of [ann, bob]) {
    const error = await client.fails('gameMessage', { roomId, message: 1 });
    assert.match(error.code, /^(ROOM_NOT_FOUND|NOT_IN_ROOM)$/);
  }
  await ann.send('joinMatchmaking', { level: 1 });
  await bob.send('joinMatchmaking', { level: 1 });
  const next = await Promise.all([ann.next('matchFound', { filter: (p) => p.room !== roomId }), bob.next('gameStart')]);
  assert.notEqual(next[0].data.roomId, roomId);
});

fleetTest('endGame by agreement: same result from all', async (fleet) => {
  const { redis, ann, bob, roomId } = await pair(fleet);
  const result = { winner: 'ann', score: [3, 1] };
  await ann.send('endGame', { roomId, result });
  await stays(() => bob.all('gameEnd').length, { what: 'an end that only one reported', ms: 300 });
  await bob.send('endGame', { roomId, result });
  const ends = await Promise.all([ann.next('gameEnd'), bob.next('gameEnd')]);
  for (const end of ends) assert.deepEqual(end.data.result, result);
  await gone(redis, roomId);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('endGame with different results is disputed, for all to see, and the game goes on', async (fleet) => {
  const { ann, bob, roomId } = await pair(fleet);
  await ann.send('endGame', { roomId, result: { winner: 'ann' } });
  await bob.request('endGame', { roomId, result: { winner: 'bob' } });
  const disputed = { filter: (push) => push.data.code === 'RESULT_DISPUTED' };
  await Promise.all([ann.next('error', disputed), bob.next('error', disputed)]);
  assert.equal(ann.all('gameEnd').length, 0);
  await ann.send('gameMessage', { roomId, message: 'again?' });
  await bob.next('gameMessage');
  for (const client of [ann, bob]) await client.send('endGame', { roomId, result: { winner: 'ann' } });
  const ends = await Promise.all([ann.next('gameEnd'), bob.next('gameEnd')]);
  for (const end of ends) assert.deepEqual(end.data.result, { winner: 'ann' });
});

fleetTest('a second connection of the same player takes over, on the same and on another instance', async (fleet) => {
  const { redis, gateways, ann, bob, roomId } = await pair(fleet);
  const second = await fleet.client(gateways[0], 'ann');
  assert.equal((await ann.closed).code, 4005);
  await second.next('roomSnapshot');
  const third = await fleet.client(gateways[2], 'ann');
  assert.equal((await second.closed).code, 4005);
  await third.next('roomSnapshot');
  await third.send('gameMessage', { roomId, message: 'me' });
  assert.equal((await bob.next('gameMessage')).data.message, 'me');
  assert.equal(await redis.command('HLEN', 'socket_mappings'), 2);
  // The late end of the first two must not touch the third's seat.
  await stays(() => bob.all('playerLeft').length, { what: 'a replaced connection that ends its successor', ms: 500 });
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a room nobody uses ends', async (fleet) => {
  const { redis, ann, roomId } = await pair(fleet, { env: { ROOM_IDLE_MS: 1000 } });
  const end = await ann.next('gameEnd');
  assert.equal(end.data.reason, 'idle');
  await gone(redis, roomId);
});

fleetTest('a room of three goes on with two', async (fleet) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(3, { redis, env: { ROOM_SEATS: 3 } });
  const members = [];
  for (const [i, name] of ['ann', 'bob', 'cy'].entries()) members.push(await fleet.client(gateways[i], name));
  const { roomId } = await fleet.match(...members);
  const [ann, bob, cy] = members;
  await ann.send('leaveRoom', { roomId });
  await Promise.all([bob.next('playerLeft'), cy.next('playerLeft')]);
  await bob.send('gameMessage', { roomId, message: 1 });
  await cy.next('gameMessage');
  assert.equal(ann.all('gameMessage').length, 0);
});
