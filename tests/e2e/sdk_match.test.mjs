// The client's tickets and rooms: from join() to a started game and its end, through reconnects. Against a scripted server.
import assert from 'node:assert/strict';
import { FakeGateway, SILENCE } from '../lib/fake_gateway.mjs';
import { codeOf, connect, test } from '../lib/sdk.mjs';
import { stays, waitFor } from '../lib/wait.mjs';

const ROOM = 'r1';

// A server that lets everybody wait, and a connected client.
async function start(t, playerId = 'ann') {
  const server = await FakeGateway.start(t);
  server.on('joinMatchmaking', ({ level }) => ({ status: 'waiting', ticketId: 't1', level, position: 3 }));
  server.on('leaveMatchmaking', () => ({ left: true }));
  const client = connect(t, server.url, { playerId });
  await client.ready;
  return { server, client, session: server.sessions[0] };
}

// Pushes of one room, numbered as the gateway numbers them.
function numbered(session, room = ROOM, from = 0) {
  let seq = from;
  return (event, data = {}) => session.push(event, { roomId: room, ...data }, { room, seq: ++seq, ts: 1000 + seq });
}

const found = (push, room = ROOM) =>
  push('matchFound', { roomId: room, level: 2, players: [{ id: 'ann' }, { id: 'bob' }], opponentId: 'bob', confirmByMs: 9 });

function record(changes = {}) {
  const seat = (id, socketId) => ({ id, instanceId: socketId && 'i', socketId, state: {} });
  const base = { roomId: ROOM, players: [seat('ann', 'k1'), seat('bob', 'k2')], gameData: {}, turn: 0 };
  return { ...base, status: 'active', createdAt: 1, updatedAt: 2, version: 0, seq: 2, epoch: 1, ...changes };
}

const snapshot = (session, changes, seq = 9) =>
  session.push('roomSnapshot', { roomId: ROOM, state: record(changes), seq }, { room: ROOM });

async function playing(t) {
  const { server, client, session } = await start(t);
  const push = numbered(session);
  const ticket = client.join({ level: 2 });
  found(push);
  push('gameStart');
  return { server, client, session, push, room: await ticket.matched };
}

test('a ticket waits with position and estimate, finds, and is matched when the game starts', async (t) => {
  const { client, session } = await start(t);
  const ticket = client.join({ level: 2 });
  const seen = [];
  ticket.on('update', ({ status, position, playersAmount, estimatedTimeMs }) =>
    seen.push([status, position, playersAmount, estimatedTimeMs]),
  );
  await waitFor(() => ticket.status === 'waiting');
  assert.equal(ticket.id, 't1');
  session.push('waiting', { level: 2, position: 2, message: 'waiting for a partner' });
  session.push('queueUpdate', { playersAmount: 4, estimatedTimeMs: 1500 });
  await waitFor(() => ticket.playersAmount === 4);
  const rooms = [];
  client.on('room', (room) => rooms.push(room.id));
  const push = numbered(session);
  found(push);
  const room = await ticket.once('found');
  assert.deepEqual([room.id, room.level, room.status, ticket.status], [ROOM, 2, 'waiting', 'found']);
  push('gameStart');
  assert.equal(await ticket.matched, room);
  assert.deepEqual(rooms, [ROOM]);
  assert.equal(room.status, 'active');
  assert.equal(room.me.id, 'ann');
  assert.deepEqual(room.opponents, [{ id: 'bob', connected: true, state: {} }]);
  assert.deepEqual(seen, [
    ['waiting', 3, null, null],
    ['waiting', 2, null, null],
    ['waiting', 2, 4, 1500],
    ['found', 2, 4, 1500],
    ['matched', 2, 4, 1500],
  ]);
  assert.equal(client.ticket, null);
});

test('matchFound and gameStart may come before the reply to the join', async (t) => {
  const { server, client } = await start(t);
  server.on('joinMatchmaking', (data, session) => {
    const push = numbered(session);
    found(push);
    push('gameStart');
    return { status: 'matched', ticketId: 't7', level: 2 };
  });
  const ticket = client.join({ level: 2 });
  assert.equal((await ticket.matched).id, ROOM);
  await waitFor(() => ticket.id === 't7');
  assert.equal(ticket.status, 'matched');
});

test('a join before the welcome is sent after it; a second ticket beside the first is refused', async (t) => {
  const { server } = await start(t);
  const client = connect(t, server.url, { playerId: 'cy' });
  const ticket = client.join({ level: 5 });
  assert.equal(await codeOf(client.join({ level: 6 }).matched), 'ALREADY_QUEUED');
  await waitFor(() => ticket.status === 'waiting');
  assert.deepEqual(
    server.sessions[1].asked('joinMatchmaking').map(({ data }) => data),
    [{ level: 5 }],
  );
});

test('setup goes with every join of the ticket; those of the others stay when a snapshot replaces the room', async (t) => {
  const { server, client, session } = await start(t);
  const setup = { name: 'Ann' };
  const ticket = client.join({ level: 2, setup });
  await ticket.once('update');
  session.cut();
  await server.session(1);
  const again = await waitFor(() => server.sessions[1].asked('joinMatchmaking')[0]);
  assert.deepEqual([session.asked('joinMatchmaking')[0].data, again.data], [{ level: 2, setup }, { level: 2, setup }]);
  const push = numbered(server.sessions[1]);
  const players = [{ id: 'ann', setup }, { id: 'bob', setup: { name: 'Bob' } }];
  push('matchFound', { level: 2, players, opponentId: 'bob', confirmByMs: 9 });
  const room = await ticket.once('found');
  push('gameStart');
  await ticket.matched;
  assert.deepEqual(room.opponents, [{ id: 'bob', connected: true, state: {}, setup: { name: 'Bob' } }]);
  snapshot(server.sessions[1], {});
  await waitFor(() => !room.recovered);
  assert.deepEqual([room.me.setup, room.opponents[0].setup], [setup, { name: 'Bob' }]);
});

test('a refused join rejects, and the next may follow', async (t) => {
  const { server, client } = await start(t);
  server.on('joinMatchmaking', () => {
    throw { code: 'BAD_REQUEST', message: 'level must be 0..1000' };
  });
  assert.equal(await codeOf(client.join({ level: -1 }).matched), 'BAD_REQUEST');
  server.on('joinMatchmaking', () => {
    throw { code: 'SERVICE_DEGRADED', retryable: true };
  });
  assert.equal(await codeOf(client.join({ level: 1 }).matched), 'SERVICE_DEGRADED');
  assert.equal(client.ticket, null);
});

test('cancel leaves the queue; too late, it says so and the match stands', async (t) => {
  const { server, client, session } = await start(t);
  const first = client.join({ level: 2 });
  await first.once('update');
  assert.equal(await first.cancel(), true);
  assert.equal(await codeOf(first.matched), 'CANCELLED');
  assert.equal(session.asked('leaveMatchmaking').length, 1);
  assert.equal(await first.cancel(), false);

  const second = client.join({ level: 2 });
  server.on('leaveMatchmaking', () => ({ left: false, reason: 'matched' }));
  const push = numbered(session);
  assert.equal(await second.cancel(), false);
  found(push);
  push('gameStart');
  assert.equal((await second.matched).id, ROOM);
});

test('cancel while the line is down: nothing is joined again', async (t) => {
  const { server, client, session } = await start(t);
  const ticket = client.join({ level: 2 });
  await ticket.once('update');
  const paused = client.once('reconnecting');
  session.cut();
  await paused;
  assert.equal(await ticket.cancel(), true);
  await client.once('connected');
  await client.ping();
  assert.deepEqual(server.sessions[1].asked('joinMatchmaking'), []);
});

test('a cancelled match: requeued it waits on and is matched later, else the ticket ends', async (t) => {
  const { client, session } = await start(t);
  const ticket = client.join({ level: 2 });
  const first = ticket.once('found');
  let push = numbered(session);
  found(push);
  const lost = await first;
  push('matchCancelled', { reason: 'player_gone', requeued: true });
  assert.deepEqual(await lost.closed, { reason: 'player_gone', result: undefined, requeued: true });
  assert.deepEqual([ticket.status, lost.status, ticket.room], ['waiting', 'ended', null]);
  push = numbered(session, 'r2');
  found(push, 'r2');
  push('gameStart');
  assert.equal((await ticket.matched).id, 'r2');

  push('gameEnd', { reason: 'idle', result: null });
  const other = client.join({ level: 2 });
  push = numbered(session, 'r3');
  found(push, 'r3');
  push('matchCancelled', { reason: 'confirm_timeout', requeued: false });
  assert.equal(await codeOf(other.matched), 'MATCH_CANCELLED');
});

test('dropped while queued: joins again, unless the server still holds the ticket', async (t) => {
  const { server, client } = await start(t);
  const ticket = client.join({ level: 2 });
  await ticket.once('update');
  server.sessions[0].cut();
  await waitFor(() => server.sessions[1]?.asked('joinMatchmaking').length === 1);
  await waitFor(() => ticket.status === 'waiting');
  server.welcome.queue = { level: 2, ticketId: 't9' };
  server.sessions[1].cut();
  await waitFor(() => ticket.id === 't9');
  assert.equal(ticket.status, 'waiting');
  await client.ping();
  assert.deepEqual(server.sessions[2].asked('joinMatchmaking'), []);
});

test('dropped while the join is unanswered: joins again, and ALREADY_QUEUED is good news', async (t) => {
  const { server, client } = await start(t);
  server.on('joinMatchmaking', (data, session) => {
    if (session === server.sessions[0]) return SILENCE;
    throw { code: 'ALREADY_QUEUED' };
  });
  const ticket = client.join({ level: 2 });
  await waitFor(() => server.sessions[0].asked('joinMatchmaking').length);
  server.sessions[0].cut();
  await waitFor(() => ticket.status === 'waiting');
});

test('a store that is away during the join after a reconnect: asks until it is back', async (t) => {
  const { server, client } = await start(t);
  const ticket = client.join({ level: 2 });
  await waitFor(() => ticket.status === 'waiting');
  let refused = 0;
  server.on('joinMatchmaking', () => {
    if (++refused < 3) throw { code: 'SERVICE_DEGRADED', retryable: true, retryAfterMs: 10 };
    return { status: 'waiting', ticketId: 't2' };
  });
  server.sessions[0].cut();
  await waitFor(() => ticket.id === 't2');
});

test('matched while the line was down: the snapshot fulfils the ticket', async (t) => {
  const { server, client } = await start(t);
  const ticket = client.join({ level: 2 });
  await waitFor(() => ticket.status === 'waiting');
  server.welcome.rooms = [{ roomId: ROOM }];
  server.sessions[0].cut();
  const session = await server.session(1);
  snapshot(session, { version: 4, gameData: { moves: '33' }, turn: 2 });
  const room = await ticket.matched;
  assert.deepEqual([room.version, room.state.turn, room.seq], [4, 2, 9]);
  assert.deepEqual(session.asked('joinMatchmaking'), []);
});

test('a found match that dissolved while the line was down: joins again', async (t) => {
  const { server, client, session } = await start(t);
  const ticket = client.join({ level: 2 });
  found(numbered(session));
  const room = await ticket.once('found');
  session.cut();
  assert.deepEqual(await room.closed, { reason: 'gone', result: undefined, requeued: undefined });
  await waitFor(() => server.sessions[1]?.asked('joinMatchmaking').length === 1);
  assert.equal(client.rooms.size, 0);
});

test('state: changes are applied once, by version, and each makes a new object', async (t) => {
  const { server, room, push } = await playing(t);
  server.on('updateGameData', ({ gameData, turn, expectedVersion }) => {
    push('gameDataUpdated', { playerId: 'ann', gameData, turn, version: expectedVersion + 1 });
    return { version: expectedVersion + 1 };
  });
  const states = [];
  const off = room.onState((state) => states.push(state));
  await room.updateGameData({ gameData: { moves: '3' }, turn: 1 });
  assert.deepEqual([room.version, room.state.gameData, room.state.turn], [1, { moves: '3' }, 1]);
  await room.updateGameData({ turn: 5 });
  assert.deepEqual([room.version, room.state.gameData, room.state.turn], [2, { moves: '3' }, 5]);
  push('gameDataUpdated', { playerId: 'bob', gameData: { moves: 'old' }, version: 1 });
  push('gameDataUpdated', { playerId: 'bob', gameData: null, version: 3 });
  await waitFor(() => room.version === 3);
  assert.equal(room.state.gameData, null);
  assert.equal(states.length, 4);
  assert.equal(new Set(states).size, 4);
  off();
  push('playerStateUpdated', { playerId: 'bob', state: { ready: true }, version: 1 });
  await waitFor(() => room.opponents[0].state.ready);
  server.on('updatePlayerState', () => ({ version: 1 }));
  await room.updateState({ ready: 'me' });
  assert.deepEqual(room.me.state, { ready: 'me' });
  assert.equal(states.length, 4);
});

test('STALE_VERSION rejects, and the present state is there by then', async (t) => {
  const { server, room } = await playing(t);
  server.on('updateGameData', () => {
    throw { code: 'STALE_VERSION', version: 8 };
  });
  server.on('getGameState', () => ({ state: record({ version: 8, gameData: { moves: '01' } }) }));
  assert.equal(await codeOf(room.updateGameData({ gameData: { moves: '0' } }, 7)), 'STALE_VERSION');
  assert.deepEqual([room.version, room.state.gameData], [8, { moves: '01' }]);
});

test('messages: with a number for all, volatile without a request; doubles are dropped', async (t) => {
  const { server, session, room, push } = await playing(t);
  server.on('gameMessage', () => ({ seq: 11 }));
  assert.deepEqual(await room.send({ hi: 1 }), { seq: 11 });
  assert.equal(room.send('wave', { volatile: true }), true);
  await waitFor(() => session.asked('gameMessage').length === 2);
  const [reliable, volatile] = session.asked('gameMessage');
  assert.deepEqual(reliable.data, { roomId: ROOM, message: { hi: 1 } });
  assert.deepEqual([volatile.id, volatile.data], [undefined, { roomId: ROOM, message: 'wave', volatile: true }]);

  const heard = [];
  room.on('gameMessage', ({ message }, { seq, ts }) => heard.push([message, seq, ts]));
  push('gameMessage', { sender: 'k2', playerId: 'bob', message: 'one' });
  session.push('gameMessage', { roomId: ROOM, message: 'double' }, { room: ROOM, seq: 3 });
  session.push('gameMessage', { roomId: ROOM, message: 'loose' }, { room: ROOM });
  push('gameMessage', { sender: 'k2', playerId: 'bob', message: 'two' });
  await waitFor(() => heard.length === 3);
  assert.deepEqual(heard, [
    ['one', 3, 1003],
    ['loose', undefined, undefined],
    ['two', 4, 1004],
  ]);
});

test('departure, return, end', async (t) => {
  const { server, client, room, push, session } = await playing(t);
  push('opponentDisconnected', { playerId: 'bob', graceMs: 30000 });
  assert.equal((await room.once('opponentDisconnected')).graceMs, 30000);
  assert.equal(room.opponents[0].connected, false);
  push('opponentReconnected', { playerId: 'bob' });
  await room.once('opponentReconnected');
  assert.equal(room.opponents[0].connected, true);
  push('error', { code: 'RESULT_DISPUTED', message: 'report again', retryable: true });
  assert.equal((await room.once('error')).code, 'RESULT_DISPUTED');
  server.on('endGame', () => ({}));
  await room.endGame({ winner: 'ann' });
  assert.deepEqual(session.asked('endGame')[0].data, { roomId: ROOM, result: { winner: 'ann' } });
  push('gameEnd', { reason: 'agreed', result: { winner: 'ann' } });
  push('roomCleanup', { reason: 'agreed' });
  assert.deepEqual(await room.closed, { reason: 'agreed', result: { winner: 'ann' }, requeued: undefined });
  assert.deepEqual([room.status, client.rooms.size], ['ended', 0]);
});

test('leave ends the room here, also if it is gone there already', async (t) => {
  const { server, client, room } = await playing(t);
  server.on('leaveRoom', () => {
    throw { code: 'INTERNAL' };
  });
  assert.equal(await codeOf(room.leave()), 'INTERNAL');
  assert.equal(client.rooms.size, 1);
  server.on('leaveRoom', () => {
    throw { code: 'ROOM_NOT_FOUND' };
  });
  await room.leave();
  assert.equal((await room.closed).reason, 'left');
  assert.equal(client.rooms.size, 0);
});

test('a room outlives the line: the snapshot after the reconnect is its state, and the numbers go on from there', async (t) => {
  const { server, client, room } = await playing(t);
  server.welcome.rooms = [{ roomId: ROOM }];
  server.sessions[0].cut();
  const session = await server.session(1);
  const record = { version: 6, gameData: { moves: '0123' }, turn: 4 };
  const players = [
    { id: 'ann', instanceId: 'i', socketId: 'k2', state: {} },
    { id: 'bob', instanceId: null, socketId: null, state: { hat: 1 } },
  ];
  snapshot(session, { ...record, players }, 20);
  await room.once('roomSnapshot');
  assert.equal(client.rooms.get(ROOM), room);
  assert.deepEqual([room.version, room.state.gameData, room.seq], [6, { moves: '0123' }, 20]);
  assert.deepEqual([room.me.connected, room.opponents[0].connected, room.opponents[0].state], [true, false, { hat: 1 }]);
  const heard = [];
  room.on('gameMessage', ({ message }) => heard.push(message));
  numbered(session, ROOM, 19)('gameMessage', { message: 'seen in the snapshot' });
  numbered(session, ROOM, 20)('gameMessage', { message: 'new' });
  await waitFor(() => heard.length);
  assert.deepEqual(heard, ['new']);
});

test('a page that was reloaded gets its room from the snapshot; one the server does not list is over', async (t) => {
  const { server } = await start(t);
  server.welcome.rooms = [{ roomId: ROOM }];
  const client = connect(t, server.url, { playerId: 'bob' });
  const entered = client.once('room');
  snapshot(await server.session(1), { version: 2 });
  const room = await entered;
  assert.deepEqual([room.version, room.status, room.me.id], [2, 'active', 'bob']);
  server.welcome.rooms = [];
  server.sessions[1].cut();
  assert.equal((await room.closed).reason, 'gone');
  await stays(() => client.rooms.size, { ms: 50 });
});

test('pushes about rooms one is not in, and events nobody knows, harm nothing', async (t) => {
  const { client, session, room, push } = await playing(t);
  session.push('gameEnd', { roomId: 'other', reason: 'x' }, { room: 'other', seq: 1 });
  for (const event of ['constructor', '__proto__', 'toString']) push(event);
  session.push('announcement', { roomId: ROOM, text: 'from outside' }, { room: ROOM });
  assert.equal((await room.once('announcement')).text, 'from outside');
  push('playerStateUpdated', { playerId: 'nobody', state: {}, version: 1 });
  await client.ping();
  assert.deepEqual([room.status, room.players.length], ['active', 2]);
  session.push('roomCleanup', { roomId: ROOM, reason: 'gone' }); // without number and room: it ended unseen
  assert.equal((await room.closed).reason, 'gone');
});
