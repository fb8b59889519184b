// The room's state: versions, conflicts, whose seat is whose, and what getGameState shows.
import assert from 'node:assert/strict';
import { fleetTest } from '../lib/fleet.mjs';

async function pair(fleet, env = {}) {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  return { redis, ann, bob, roomId };
}

fleetTest('updateGameData: versions grow, a stale write changes nothing', async (fleet) => {
  const { redis, ann, bob, roomId } = await pair(fleet);
  const first = await ann.send('updateGameData', { roomId, gameData: { board: [] }, turn: 1, expectedVersion: 0 });
  assert.equal(first.version, 1);
  const seen = await bob.next('gameDataUpdated');
  assert.deepEqual(seen.data.gameData, { board: [] });
  assert.equal(seen.data.version, 1);
  assert.equal(seen.data.turn, 1);

  const stale = await bob.fails('updateGameData', { roomId, gameData: { board: [9] }, expectedVersion: 0 });
  assert.equal(stale.code, 'STALE_VERSION');
  assert.equal(stale.version, 1);
  const cli = await redis.cli();
  assert.deepEqual((await cli.hget('game_states', roomId)).gameData, { board: [] });

  const second = await bob.send('updateGameData', { roomId, gameData: { board: [9] }, expectedVersion: stale.version });
  assert.equal(second.version, 2);
  const record = await cli.hget('game_states', roomId);
  assert.deepEqual(record.gameData, { board: [9] });
  assert.equal(record.version, 2);
  assert.equal(record.turn, 1);
});

fleetTest('of many writers with the same version exactly one wins', async (fleet) => {
  const { ann, bob, roomId } = await pair(fleet);
  for (let version = 0; version < 20; version++) {
    const write = (client) => client.request('updateGameData', { roomId, gameData: { by: client.name }, expectedVersion: version });
    const replies = await Promise.all([write(ann), write(bob), write(ann), write(bob)]);
    assert.equal(replies.filter((reply) => reply.ok).length, 1);
    for (const reply of replies.filter((r) => !r.ok)) {
      assert.equal(reply.error.code, 'STALE_VERSION');
      assert.equal(reply.error.version, version + 1);
    }
  }
});

fleetTest('updateGameData needs a version; the turn alone may change', async (fleet) => {
  const { ann, roomId } = await pair(fleet);
  assert.equal((await ann.fails('updateGameData', { roomId, gameData: {} })).code, 'BAD_REQUEST');
  assert.equal((await ann.fails('updateGameData', { roomId, expectedVersion: 0 })).code, 'BAD_REQUEST');
  assert.equal((await ann.send('updateGameData', { roomId, turn: 5, expectedVersion: 0 })).version, 1);
  assert.equal((await ann.send('getGameState', { roomId })).state.turn, 5);
});

fleetTest('updatePlayerState: only the own seat, with its own version', async (fleet) => {
  const { redis, ann, bob, roomId } = await pair(fleet);
  assert.equal((await ann.send('updatePlayerState', { roomId, state: { hp: 10 } })).version, 1);
  const seen = await bob.next('playerStateUpdated');
  assert.deepEqual(seen.data, { playerId: 'ann', state: { hp: 10 }, version: 1, roomId: seen.data.roomId });
  assert.equal((await bob.send('updatePlayerState', { roomId, state: { hp: 7 } })).version, 1);
  const stale = await ann.fails('updatePlayerState', { roomId, state: { hp: 1 }, expectedVersion: 0 });
  assert.equal(stale.code, 'STALE_VERSION');
  assert.equal(stale.version, 1);
  const record = await (await redis.cli()).hget('game_states', roomId);
  const states = Object.fromEntries(record.players.map((player) => [player.id, player.state]));
  assert.deepEqual(states, { ann: { hp: 10 }, bob: { hp: 7 } });
});

fleetTest('getGameState shows the documented record, bytes of the players untouched', async (fleet) => {
  const { ann, bob, roomId } = await pair(fleet);
  const odd = '{"n":1e999,"big":12345678901234567890,"a":[],"o":{}}';
  const data = (body) => `{"roomId":"${roomId}",${body}}`;
  await ann.send('updateGameData', data(`"gameData":${odd},"expectedVersion":0`), { rawData: true });
  await bob.send('updatePlayerState', data(`"state":${odd}`), { rawData: true });
  const reply = await bob.request('getGameState', { roomId });
  assert.equal(reply.raw.split(odd).length - 1, 2, reply.raw);
  const { state } = reply.data;
  assert.deepEqual(
    ['roomId', 'players', 'gameData', 'turn', 'status', 'createdAt', 'updatedAt', 'version', 'seq', 'epoch'].filter((key) => !(key in state)),
    [],
  );
  assert.equal(state.status, 'active');
});

fleetTest('a record that would grow past its bound is refused', async (fleet) => {
  const { ann, roomId } = await pair(fleet, { ROOM_RECORD_MAX_BYTES: 4096 });
  const gameData = { text: 'x'.repeat(8000) };
  assert.equal((await ann.fails('updateGameData', { roomId, gameData, expectedVersion: 0 })).code, 'TOO_LARGE');
  assert.equal((await ann.send('getGameState', { roomId })).state.version, 0);
});

fleetTest('a foreign room is closed to everybody else', async (fleet) => {
  const { redis, roomId } = await pair(fleet);
  const gateway = await fleet.gateway({ redis });
  const eve = await fleet.client(gateway, 'eve');
  const requests = [
    ['gameMessage', { roomId, message: 'hi' }],
    ['gameMessage', { roomId, message: 'hi', volatile: true }],
    ['updatePlayerState', { roomId, state: {} }],
    ['updateGameData', { roomId, gameData: {}, expectedVersion: 0 }],
    ['getGameState', { roomId }],
    ['confirmJoined', { roomId }],
    ['leaveRoom', { roomId }],
    ['endGame', { roomId, result: {} }],
  ];
  for (const [event, data] of requests) {
    assert.equal((await eve.fails(event, data)).code, 'NOT_IN_ROOM', event);
    assert.match((await eve.fails(event, { ...data, roomId: 'nowhere' })).code, /^(ROOM_NOT_FOUND|NOT_IN_ROOM)$/, event);
  }
});
