// Connection state recovery with the stock socket.io-client: `recovered`, and what it then must not miss.
import assert from 'node:assert/strict';
import { fleetTest } from '../lib/fleet.mjs';
import { LONG_LEASE, adopted, began, clean, home } from '../lib/islands.mjs';
import { mixed, sio } from '../lib/socketio.mjs';

// ann's line breaks at `from`, bob goes on talking, ann comes back at `to`.
async function recovers(fleet, { from, to, bobAt, redis }) {
  const { ann, bob, room } = await mixed(fleet, from, bobAt);
  await ann.ask('gameMessage', { roomId: room, message: 'mine' });
  await bob.send('gameMessage', { roomId: room, message: 'before' });
  await ann.next('gameMessage');
  // The last that she saw of the room she saw in replies: none of it is shown again.
  await ann.ask('updatePlayerState', { roomId: room, state: { hp: 1 } });
  const [, last] = await Promise.all(['mine too', 'and mine'].map((message) => ann.ask('gameMessage', { roomId: room, message })));
  const seen = await ann.next('seen', ({ data }) => data.seq === last.seq);
  assert.deepEqual(seen.args, [{ roomId: room, seq: last.seq }, `${room}/1/${last.seq}`]);
  ann.goTo(to);
  ann.socket.io.reconnection(false);
  ann.cut();
  await ann.gone();
  await bob.next('opponentDisconnected');
  for (const message of ['one', 'two', 'three']) await bob.send('gameMessage', { roomId: room, message });
  ann.socket.io.reconnection(true);
  const before = ann.events.length;
  ann.socket.connect();
  await ann.connected(2);
  assert.equal(ann.connects[1].recovered, true);
  await bob.send('gameMessage', { roomId: room, message: 'four' });
  await ann.next('gameMessage', ({ data }) => data.message === 'four');
  const numbered = ann.events.slice(before).filter((e) => e.offset);
  const first = last.seq;
  assert.deepEqual(
    numbered.map((e) => [e.event, e.offset, e.data.message]),
    [
      ['opponentDisconnected', `${room}/1/${first + 1}`, undefined],
      ['gameMessage', `${room}/1/${first + 2}`, 'one'],
      ['gameMessage', `${room}/1/${first + 3}`, 'two'],
      ['gameMessage', `${room}/1/${first + 4}`, 'three'],
      ['opponentReconnected', `${room}/1/${first + 5}`, undefined],
      ['gameMessage', `${room}/1/${first + 6}`, 'four'],
    ],
  );
  assert.equal(ann.all('roomSnapshot').length, 0);
  assert.equal(ann.all('welcome')[1].data.sessionId, ann.all('welcome')[0].data.sessionId);
  // An id goes on growing: what is asked now is new, and done.
  assert.equal((await ann.ask('gameMessage', { roomId: room, message: 'five' })).seq, first + 7);
  assert.equal(bob.pushes.filter(({ event }) => event === 'seen').length, 0);
  if (redis) assert.deepEqual(await fleet.audit(redis), []);
}

fleetTest('recovery on another instance: nothing missed, nothing twice', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b, c] = await fleet.gateways(3, { redis });
  await recovers(fleet, { from: a, to: b, bobAt: c, redis });
});

fleetTest('recovery where the opponent sits, and on the same instance without Redis', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  await recovers(fleet, { from: a, to: b, bobAt: b, redis });
  const alone = await fleet.gateway({});
  await recovers(fleet, { from: alone, to: alone, bobAt: alone });
});

fleetTest('an own message whose reply was lost comes as an event; one whose reply came does not', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const { ann, bob, room } = await mixed(fleet, a, b);
  const known = await ann.ask('updateGameData', { roomId: room, gameData: { n: 1 }, expectedVersion: 0 });
  await ann.next('seen', ({ data }) => data.seq === known.seq);
  ann.goTo(b);
  ann.deaf();
  const lost = ann.request('gameMessage', { roomId: room, message: 'unheard' });
  await bob.next('gameMessage');
  ann.cut();
  await assert.rejects(lost);
  await ann.connected(2);
  assert.equal(ann.connects[1].recovered, true);
  await bob.send('gameMessage', { roomId: room, message: 'on' });
  await ann.next('gameMessage', ({ data }) => data.message === 'on');
  const own = ann.all('gameMessage').map(({ data, offset }) => [data.playerId, data.message, offset]);
  assert.deepEqual(own[0], ['ann', 'unheard', `${room}/1/${known.seq + 1}`]);
  assert.equal(own.length, 2);
  assert.equal(ann.all('gameDataUpdated').length, 0);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('the outcome of a message is unknown: if it was done, it comes as an event, on the line that lives', async (fleet) => {
  const redis = await fleet.redis();
  const wire = await fleet.faultProxy(redis);
  const a = await fleet.gateway({ redis: wire });
  const { ann, bob, room } = await mixed(fleet, a, await fleet.gateway({ redis }));
  const lost = wire.loseReply('message', 'ann');
  const asked = ann.fails('gameMessage', { roomId: room, message: 'heard?' });
  await lost;
  assert.equal((await asked).code, 'OUTCOME_UNKNOWN');
  assert.equal((await bob.next('gameMessage')).data.message, 'heard?');
  const own = await ann.next('gameMessage');
  assert.deepEqual([own.data.playerId, own.data.message], ['ann', 'heard?']);
  // The next ones are told by their replies alone, each behind what came before and before what came behind.
  await bob.send('gameMessage', { roomId: room, message: 'yes' });
  const { seq } = await until(() => ann.request('gameMessage', { roomId: room, message: 'good' }));
  await bob.send('gameMessage', { roomId: room, message: 'very' });
  await ann.next('gameMessage', ({ data }) => data.message === 'very');
  assert.deepEqual(ann.all('gameMessage').map(({ data }) => data.message), ['heard?', 'yes', 'very']);
  const numbers = ann.events.filter(({ offset }) => offset?.startsWith(room)).map(({ offset }) => Number(offset.split('/')[2]));
  assert.deepEqual(numbers, numbers.map((_, i) => i + 1), 'no number is missing');
  assert.ok(numbers.includes(seq));
  assert.deepEqual(await fleet.audit(redis), []);
});

// The store is back for everybody only after a moment: what is refused meanwhile was not done.
async function until(ask) {
  for (;;) {
    const reply = await ask();
    if (reply.ok) return reply.data;
    assert.equal(reply.error.code, 'SERVICE_DEGRADED');
  }
}

fleetTest('who has left a room, or seen its end, recovers without it', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const { ann, bob, room } = await mixed(fleet, a, b);
  await ann.ask('leaveRoom', { roomId: room });
  assert.deepEqual((await ann.next('roomCleanup')).args, [{ roomId: room, reason: 'left' }, '-']);
  assert.equal((await bob.next('roomCleanup')).data.reason, 'players_left');
  assert.equal(bob.all('roomCleanup').length, 1);
  ann.goTo(b);
  ann.cut();
  await ann.connected(2);
  assert.equal(ann.connects[1].recovered, true);
  // A match that she does not hear of comes from its beginning.
  await bob.send('joinMatchmaking', { level: 8 });
  ann.goTo(a);
  ann.socket.emit('joinMatchmaking', { level: 8 });
  ann.socket.io.engine.transport.ws.pause();
  await bob.next('gameStart');
  ann.cut();
  await ann.connected(3);
  assert.equal(ann.connects[2].recovered, true);
  assert.equal((await ann.next('matchFound', ({ data }) => data.roomId !== room)).data.opponentId, 'bob');
  await ann.next('gameStart', ({ data }) => data.roomId !== room);
  assert.equal(ann.all('roomCleanup').length, 1);
});

fleetTest('no recovery: the log does not reach back, the pid is not hers, or it is switched off', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { ROOM_LOG_MAX: 16, MESSAGES_PER_SECOND: 0 } });
  const { ann, bob, room } = await mixed(fleet, a, b);
  ann.socket.io.reconnection(false);
  ann.cut();
  await ann.gone();
  await bob.next('opponentDisconnected');
  for (let i = 0; i < 40; i++) await bob.send('gameMessage', { roomId: room, message: i });
  ann.socket.io.reconnection(true);
  ann.socket.connect();
  await ann.connected(2);
  assert.equal(ann.connects[1].recovered, false);
  const snapshot = await ann.next('roomSnapshot');
  assert.equal(snapshot.offset, `${room}/1/${snapshot.data.seq}`);
  assert.equal(ann.all('gameMessage').length, 0);
  // From the snapshot on she can recover again, with the new pid.
  ann.cut();
  await ann.connected(3);
  assert.equal(ann.connects[2].recovered, true);

  // The session of somebody else.
  const eve = await sio(fleet, a, { playerId: 'eve', pid: ann.socket._pid, offset: ann.socket._lastOffset });
  assert.equal(eve.connects[0].recovered, false);
  assert.notEqual(eve.all('welcome')[0].data.sessionId, ann.all('welcome')[0].data.sessionId);
  for (const pid of ['', '~', 'n_1~k_1', 'x'.repeat(500), 'a~b~c~d']) {
    const odd = await sio(fleet, a, { playerId: 'odd', pid, offset: 'nonsense' });
    assert.equal(odd.connects[0].recovered, false);
    odd.close();
  }
  const bare = await fleet.gateway({ env: { SOCKET_IO_RECOVERY: 'false', ROOM_LOG_MAX: 16 } });
  const fay = await mixed(fleet, bare, bare);
  assert.equal(fay.ann.socket._pid, undefined);
  await fay.ann.ask('gameMessage', { roomId: fay.room, message: 1 });
  await fay.ann.ask('ping');
  assert.equal(fay.ann.all('seen').length, 0);
});

fleetTest('a stop: the client comes back by itself, at once, and misses nothing', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const { ann, bob, room } = await mixed(fleet, a, b);
  ann.goTo(b);
  await a.sigterm();
  await ann.connected(2);
  assert.equal(ann.connects[1].recovered, true);
  assert.equal(ann.disconnects[0][0], 'transport close');
  assert.equal(ann.all('goodbye')[0].data.code, 4200);
  await bob.send('gameMessage', { roomId: room, message: 'still here?' });
  assert.equal((await ann.next('gameMessage')).data.message, 'still here?');
});

fleetTest('Redis goes away and comes back: a Socket.IO player plays on, and recovers behind it', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const a = await fleet.gateway({ redis: line, env: LONG_LEASE });
  const b = await fleet.gateway({ redis, env: LONG_LEASE });
  const { ann, bob, room } = await mixed(fleet, a, a);
  const before = await ann.ask('gameMessage', { roomId: room, message: 'before' });
  line.shut();
  await began(a);
  await adopted(a);
  const alone = await ann.ask('gameMessage', { roomId: room, message: 'alone' });
  assert.ok(alone.seq > before.seq); // roomEpoch stands between
  await bob.next('gameMessage', { filter: ({ data }) => data.message === 'alone' });
  await bob.send('gameMessage', { roomId: room, message: 'me too' });
  await ann.next('gameMessage', ({ data }) => data.message === 'me too');
  line.open();
  await home(a);
  assert.ok((await ann.ask('gameMessage', { roomId: room, message: 'home' })).seq > alone.seq);
  ann.goTo(b);
  ann.cut();
  await ann.connected(2);
  assert.equal(ann.connects[1].recovered, true);
  await bob.send('gameMessage', { roomId: room, message: 'welcome back' });
  await ann.next('gameMessage', ({ data }) => data.message === 'welcome back');
  assert.equal(ann.all('roomSnapshot').length, 0);
  await clean(fleet, redis);
});
