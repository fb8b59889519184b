// The client's return with its session: what it says, what it sends again, and what its user sees of it. Against a scripted
// server; the last tests run against real gateways, with lines cut in the middle of everything.
import assert from 'node:assert/strict';
import { FakeGateway, SILENCE } from '../lib/fake_gateway.mjs';
import { figures, fleetTest } from '../lib/fleet.mjs';
import { Hopper } from '../lib/hopper.mjs';
import { codeOf, connect, test } from '../lib/sdk.mjs';
import { delay, stays, waitFor } from '../lib/wait.mjs';

const ROOM = 'r1';
const SESSION = { sessionId: 'n_1', resumeToken: 'k_1', resumeTtlMs: 1000 };

async function start(t, options = {}) {
  const server = await FakeGateway.start(t);
  server.welcome = { ...SESSION };
  server.on('joinMatchmaking', ({ level }) => ({ status: 'waiting', ticketId: 't1', level, position: 1 }));
  const client = connect(t, server.url, { playerId: 'ann', ...options });
  await client.ready;
  return { server, client };
}

const push = (session, seq, event, data = {}) => session.push(event, { roomId: ROOM, ...data }, { room: ROOM, seq });
const say = (session, seq, playerId, message) => push(session, seq, 'gameMessage', { playerId, message, sender: 'k' });
const found = (session) => push(session, 1, 'matchFound', { level: 2, players: [{ id: 'ann' }, { id: 'bob' }], opponentId: 'bob', confirmByMs: 9 });

async function playing(t, options) {
  const { server, client } = await start(t, options);
  const ticket = client.join({ level: 2 });
  found(server.sessions[0]);
  push(server.sessions[0], 2, 'gameStart');
  const room = await ticket.matched;
  await waitFor(() => server.sessions[0].asked('joinMatchmaking').length);
  await client.ping();
  const heard = [];
  room.on('gameMessage', ({ message }, { seq }) => heard.push([seq, message]));
  return { server, client, room, heard };
}

// The line breaks, and the session goes on; resolves with the new connection's far end.
async function comeBack(server, welcome = {}) {
  const count = server.sessions.length;
  Object.assign(server.welcome, { recovered: true, rooms: [{ roomId: ROOM }] }, welcome);
  server.sessions.at(-1).cut();
  return server.session(count);
}

test('hello.resume says session, token and the last number of each room; nothing of it stands in the address or the log', async (t) => {
  const log = [];
  const { server, client, room } = await playing(t, { debug: (direction, text) => log.push(text) });
  say(server.sessions[0], 3, 'bob', 'one');
  await room.once('gameMessage');
  const session = await comeBack(server);
  assert.equal(session.url.search, '?hello=1');
  const [{ id, data }] = session.asked('hello');
  assert.deepEqual(data, { playerId: 'ann', resume: { session: 'n_1', token: 'k_1', rooms: { [ROOM]: 3 } } });
  assert.ok(id > Math.max(...server.sessions[0].requests.map((request) => request.id)), 'ids grow');
  await client.ping();
  assert.deepEqual([client.recovered, room.recovered, client.rooms.get(ROOM)], [true, true, room]);
  assert.ok(log.length > 5 && !log.join().includes('k_1'), 'the debug log shows the token');
});

test('what was not answered is sent again with its id, in order, before what was asked meanwhile', async (t) => {
  const { server, client } = await start(t);
  server.on('move', (data, session) => (session === server.sessions[0] && data.n !== 2 ? SILENCE : { done: data.n }));
  const moves = [1, 2, 3].map((n) => client.request('move', { n }));
  assert.deepEqual(await moves[1], { done: 2 });
  await waitFor(() => server.sessions[0].asked('move').length === 3);
  const paused = client.once('reconnecting');
  server.sessions[0].cut();
  await paused;
  moves.push(client.request('move', { n: 4 }));
  assert.deepEqual(await Promise.all(moves), [1, 2, 3, 4].map((done) => ({ done })));
  const frames = (session) => session.asked('move').map(({ id, data }) => [id, data.n]);
  const [first, second] = [frames(server.sessions[0]), frames(server.sessions[1])];
  assert.deepEqual(second.slice(0, 2), [first[0], first[2]]);
  assert.deepEqual(second.slice(2).map(([, n]) => n), [4]);
  assert.ok(second[2][0] > first[2][0]);
});

test('sent again and refused for the moment, it is asked once more with its id: the first try is open; a first try is not', async (t) => {
  const { server, client } = await start(t);
  const refusals = ['SERVICE_DEGRADED', 'BUSY', 'RATE_LIMITED', 'SERVICE_DEGRADED'];
  server.on('move', ({ n }, session) => {
    if (session === server.sessions[0]) return SILENCE;
    if (n === 3) throw { code: 'NOT_STARTED', message: 'wait', retryable: true };
    if (refusals.length) throw { code: refusals.shift(), message: 'not now', retryable: true, retryAfterMs: 20 };
    return { done: n };
  });
  const moves = [1, 2, 3].map((n) => client.request('move', { n }));
  const refused = codeOf(moves[2]);
  await waitFor(() => server.sessions[0].asked('move').length === 3);
  server.sessions[0].cut();
  assert.deepEqual(await Promise.all(moves.slice(0, 2)), [{ done: 1 }, { done: 2 }]);
  assert.equal(await refused, 'NOT_STARTED');
  const asked = server.sessions[1].asked('move').map(({ id, data }) => `${data.n}:${id}`);
  const [first] = server.sessions[0].asked('move');
  assert.deepEqual(asked, [1, 2, 3, 1, 2, 1, 2].map((n) => `${n}:${first.id + n - 1}`));
  refusals.push('SERVICE_DEGRADED');
  assert.equal(await codeOf(client.request('move', { n: 4 })), 'SERVICE_DEGRADED');
  assert.equal(server.sessions[1].asked('move').length, 8);
});

test('what is asked once more goes to the next line if this one breaks, and ends with the client', async (t) => {
  const { server, client } = await start(t);
  server.on('move', ({ n }, session) => {
    if (session === server.sessions[0]) return SILENCE;
    if (session === server.sessions[2] && n === 1) return { done: n };
    throw { code: 'SERVICE_DEGRADED', message: 'not now', retryable: true, retryAfterMs: 60000 };
  });
  const moves = [1, 2].map((n) => client.request('move', { n }));
  await waitFor(() => server.sessions[0].asked('move').length === 2);
  server.sessions[0].cut();
  await waitFor(() => server.sessions[1]?.asked('move').length === 2);
  await client.ping();
  server.sessions[1].cut();
  assert.deepEqual(await moves[0], { done: 1 });
  await waitFor(() => server.sessions[2].asked('move').length === 2);
  client.close();
  assert.equal(await codeOf(moves[1]), 'OUTCOME_UNKNOWN');
});

test('no more than 64 are under way; a ping does not wait', async (t) => {
  const { server, client } = await start(t);
  let open = false;
  server.on('move', (data) => (open ? data : SILENCE));
  const moves = Array.from({ length: 200 }, (_, n) => client.request('move', { n }));
  await client.ping();
  assert.equal(server.sessions[0].asked('move').length, 64);
  open = true;
  server.sessions[0].cut();
  assert.deepEqual(await Promise.all(moves), Array.from({ length: 200 }, (_, n) => ({ n })));
  const ids = server.sessions[1].asked('move').map(({ id }) => id);
  assert.equal(ids.length, 200);
  assert.deepEqual(ids, [...ids].sort((x, y) => x - y));
});

test('the number one goes on from is the last without a gap, be it a push or a reply', async (t) => {
  const { server, room, heard } = await playing(t);
  server.on('gameMessage', ({ message }) => (message === 'late' ? SILENCE : { seq: 5 }));
  const late = room.send('late'); // will be number 3
  await waitFor(() => server.sessions[0].asked('gameMessage').length);
  say(server.sessions[0], 4, 'bob', 'four');
  await room.send('five');
  assert.equal(room.seq, 2);
  server.on('gameMessage', () => ({ seq: 3 }));
  const session = await comeBack(server);
  assert.equal(session.asked('hello')[0].data.resume.rooms[ROOM], 2);
  for (const [seq, player, message] of [[3, 'ann', 'late'], [4, 'bob', 'four'], [5, 'ann', 'five'], [6, 'bob', 'six']])
    say(session, seq, player, message);
  assert.deepEqual(await late, { seq: 3 });
  await waitFor(() => room.seq === 6);
  assert.deepEqual(heard, [[4, 'four'], [6, 'six']]);
});

test('a request that timed out does not hold the numbers up', async (t) => {
  const { server, room } = await playing(t);
  server.on('gameMessage', () => SILENCE);
  assert.equal(await codeOf(room.request('gameMessage', { message: 'three' }, { timeoutMs: 30 })), 'TIMEOUT');
  for (const seq of [4, 5]) say(server.sessions[0], seq, 'bob', seq);
  await waitFor(() => room.seq === 5);
  say(server.sessions[0], 3, 'ann', 'three');
  say(server.sessions[0], 6, 'bob', 6);
  await waitFor(() => room.seq === 6);
});

test('one\'s own events in a replay: told by the reply alone, unless they were asked for or made without one', async (t) => {
  const { server, client, room, heard } = await playing(t);
  for (const event of ['gameMessage', 'updatePlayerState', 'updateGameData']) server.on(event, () => SILENCE);
  const sent = [
    room.send({ n: 1 }),
    room.request('gameMessage', { message: 'loud', echo: true }),
    room.updateState({ hp: 1 }),
    room.updateGameData({ turn: 4 }),
  ];
  client.notify('gameMessage', { roomId: ROOM, message: 'no id' });
  await waitFor(() => server.sessions[0].requests.length > 5);
  const events = [];
  for (const event of ['playerStateUpdated', 'gameDataUpdated', 'opponentDisconnected', 'opponentReconnected'])
    room.on(event, ({ playerId }) => events.push([event, playerId]));
  let seq = 2;
  for (const event of ['gameMessage', 'updatePlayerState', 'updateGameData'])
    server.on(event, async () => (await delay(50), { seq: ++seq, version: 1 }));
  const session = await comeBack(server);
  say(session, 3, 'ann', { n: 1 });
  say(session, 4, 'ann', 'loud');
  push(session, 5, 'playerStateUpdated', { playerId: 'ann', state: { hp: 1 }, version: 1 });
  push(session, 6, 'gameDataUpdated', { playerId: 'ann', turn: 4, version: 1 });
  say(session, 7, 'ann', 'no id');
  push(session, 8, 'opponentDisconnected', { playerId: 'ann', graceMs: 1 });
  push(session, 9, 'opponentReconnected', { playerId: 'ann' });
  push(session, 10, 'opponentDisconnected', { playerId: 'bob', graceMs: 1 });
  await waitFor(() => room.seq === 10);
  assert.deepEqual(heard, [[4, 'loud'], [7, 'no id']]);
  assert.deepEqual(events, [['opponentDisconnected', 'bob']]);
  assert.deepEqual([room.version, room.state.turn, room.me.state, room.me.connected], [1, 4, { hp: 1 }, true]);
  assert.deepEqual((await Promise.all(sent)).map((reply) => reply.seq), [3, 4, 5, 6]);
});

test('a later epoch is said with the number; a snapshot brings its own', async (t) => {
  const { server, client, room } = await playing(t);
  say(server.sessions[0], 3, 'bob', 'three');
  push(server.sessions[0], 4, 'roomEpoch', { epoch: 1731000090000 });
  say(server.sessions[0], 5, 'bob', 'five');
  await waitFor(() => room.seq === 5);
  assert.equal(room.epoch, 1731000090000);
  let session = await comeBack(server);
  assert.deepEqual(session.asked('hello')[0].data.resume.rooms, { [ROOM]: { epoch: 1731000090000, seq: 5 } });
  await client.ping();
  const state = { roomId: ROOM, players: [{ id: 'ann', state: {} }, { id: 'bob', state: {} }], gameData: 1, turn: 0, status: 'active', version: 1, seq: 4, epoch: 1731000099000 };
  session.push('roomSnapshot', { roomId: ROOM, state, seq: 4 }, { room: ROOM });
  say(session, 5, 'bob', 'another five');
  await waitFor(() => room.seq === 5 && room.epoch === 1731000099000);
  session = await comeBack(server);
  assert.deepEqual(session.asked('hello')[0].data.resume.rooms, { [ROOM]: { epoch: 1731000099000, seq: 5 } });
});

test('an epoch that begins above an own number not yet answered is said only with a number of its own', async (t) => {
  const { server, client, room } = await playing(t);
  server.on('gameMessage', (data, session) => (session === server.sessions[0] ? SILENCE : { seq: 3 }));
  const sent = room.send('mine'); // number 3, and its answer will be lost
  await waitFor(() => server.sessions[0].asked('gameMessage').length);
  push(server.sessions[0], 4, 'roomEpoch', { epoch: 1731000090000 });
  say(server.sessions[0], 5, 'bob', 'five');
  await room.once('gameMessage');
  assert.deepEqual([room.seq, room.epoch], [2, 1]);
  const session = await comeBack(server);
  assert.deepEqual(session.asked('hello')[0].data.resume.rooms, { [ROOM]: 2 });
  assert.deepEqual(await sent, { seq: 3 });
  assert.deepEqual([room.seq, room.epoch], [5, 1731000090000]);
  const next = await comeBack(server);
  assert.deepEqual(next.asked('hello')[0].data.resume.rooms, { [ROOM]: { epoch: 1731000090000, seq: 5 } });
  await client.ping();
});

test('not all could be shown: recovered is false, the snapshot is the truth', async (t) => {
  const { server, client, room, heard } = await playing(t);
  const session = await comeBack(server, { recovered: false });
  const seats = ['ann', 'bob'].map((id) => ({ id, instanceId: 'i', socketId: 'k', state: {} }));
  const state = { roomId: ROOM, players: seats, gameData: 7, turn: 9, status: 'active', version: 3, seq: 90, epoch: 1 };
  session.push('roomSnapshot', { roomId: ROOM, state, seq: 90 }, { room: ROOM });
  say(session, 91, 'bob', 'new');
  await waitFor(() => heard.length);
  assert.deepEqual([client.recovered, room.recovered, room.state.turn, room.seq], [false, false, 9, 91]);
  const next = await comeBack(server);
  assert.equal(next.asked('hello')[0].data.resume.rooms[ROOM], 91);
  assert.equal(room.recovered, true);
});

test('a room that ended meanwhile closes with its end, or as gone', async (t) => {
  for (const events of [
    [['gameEnd', { reason: 'agreed', result: { winner: 'bob' } }], ['roomCleanup', { reason: 'agreed' }]],
    [['roomCleanup', { reason: 'gone' }]],
  ]) {
    const { server, client, room } = await playing(t);
    const session = await comeBack(server, { rooms: [{ roomId: ROOM, ended: true }] });
    assert.equal(client.rooms.size, 1, 'its end is on the way');
    events.forEach(([event, data], i) => push(session, data.reason === 'gone' ? undefined : 3 + i, event, data));
    const end = await room.closed;
    assert.deepEqual([end.reason, end.result], [events[0][1].reason, events[0][1].result]);
    assert.equal(client.rooms.size, 0);
  }
});

test('a ticket: matched while the line was down, its game starts from the replay', async (t) => {
  const { server, client } = await start(t);
  const ticket = client.join({ level: 2 });
  await waitFor(() => ticket.status === 'waiting');
  const session = await comeBack(server);
  found(session);
  push(session, 2, 'gameStart');
  const room = await ticket.matched;
  assert.deepEqual([room.id, room.seq, room.recovered], [ROOM, 2, true]);
  assert.equal(session.asked('joinMatchmaking').length, 0);
});

for (const [what, end, queue, joins] of [
  ['requeued, and the place is held', ['matchCancelled', { reason: 'player_gone', requeued: true }], { level: 2, ticketId: 't1' }, 0],
  ['requeued, but the place was lost', ['matchCancelled', { reason: 'player_gone', requeued: true }], null, 1],
  ['for our own absence', ['matchCancelled', { reason: 'player_gone', requeued: false }], null, 1],
  ['and nobody knows how', ['roomCleanup', { reason: 'gone' }], null, 1],
])
  test(`a ticket: its match was cancelled while the line was down, ${what}: it waits`, async (t) => {
    const { server, client } = await start(t);
    const ticket = client.join({ level: 2 });
    const room = ticket.once('found');
    found(server.sessions[0]);
    await room;
    await client.ping();
    const session = await comeBack(server, { queue, rooms: [{ roomId: ROOM, ended: true }] });
    await client.ping();
    assert.equal(session.asked('joinMatchmaking').length, 0, 'not before the end is told');
    push(session, end[0] === 'roomCleanup' ? undefined : 2, ...end);
    await waitFor(() => ticket.status === 'waiting');
    await client.ping();
    assert.equal(session.asked('joinMatchmaking').length, joins);
    assert.equal(client.rooms.size, 0);
  });

test('a join that was not answered is sent again, not joined anew; on another session it is', async (t) => {
  const { server, client } = await start(t);
  server.on('joinMatchmaking', () => SILENCE);
  const ticket = client.join({ level: 2 });
  await waitFor(() => server.sessions[0].asked('joinMatchmaking').length);
  const { id } = server.sessions[0].asked('joinMatchmaking')[0];
  let session = await comeBack(server, { rooms: [] });
  await client.ping();
  assert.deepEqual(session.asked('joinMatchmaking').map((request) => request.id), [id]);
  server.on('joinMatchmaking', () => ({ status: 'waiting', ticketId: 't2', position: 1 }));
  session = await comeBack(server, { sessionId: 'n_2', recovered: false, rooms: [] });
  await waitFor(() => ticket.id === 't2');
  assert.equal(session.asked('joinMatchmaking').length, 1);
  assert.notEqual(session.asked('joinMatchmaking')[0].id, id);
});

test('cancelled while the line was down, but the server holds the place: it is given up', async (t) => {
  const { server, client } = await start(t);
  const ticket = client.join({ level: 2 });
  await waitFor(() => ticket.status === 'waiting');
  const paused = client.once('reconnecting');
  Object.assign(server.welcome, { queue: { level: 2, ticketId: 't1' }, recovered: true });
  server.sessions[0].cut();
  await paused;
  assert.equal(await ticket.cancel(), true);
  await waitFor(() => server.sessions[1]?.asked('leaveMatchmaking').length === 1);
});

test('the line breaks while a cancel is under way: nobody joins again', async (t) => {
  for (const sessionId of ['n_1', 'n_2']) {
    const { server, client } = await start(t);
    server.on('leaveMatchmaking', (data, session) => (session === server.sessions[0] ? SILENCE : { left: false, reason: 'not_queued' }));
    const ticket = client.join({ level: 2 });
    await waitFor(() => ticket.status === 'waiting');
    const cancelled = ticket.cancel();
    await waitFor(() => server.sessions[0].asked('leaveMatchmaking').length);
    const session = await comeBack(server, { sessionId, rooms: [] });
    assert.equal(await cancelled, true);
    await client.ping();
    assert.equal(session.asked('leaveMatchmaking').length, 1);
    assert.equal(session.asked('joinMatchmaking').length, 0);
  }
});

test('a ticket that expires ends', async (t) => {
  const { server, client } = await start(t);
  const ticket = client.join({ level: 2 });
  await waitFor(() => ticket.status === 'waiting');
  server.sessions[0].push('ticketExpired', { ticketId: 't1', level: 2 });
  assert.equal(await codeOf(ticket.matched), 'TICKET_EXPIRED');
  await stays(() => client.ticket, { ms: 50 });
});

// --- real gateways ------------------------------------------------------------------------------------------------------

const COUNT = 200;

for (const mode of ['remote', 'direct', 'standalone'])
  fleetTest(`200 messages each way, both lines cut again and again while they fly (${mode})`, async (fleet, t) => {
    const redis = mode === 'standalone' ? undefined : await fleet.redis();
    const env = { GRACE_MS: 20000, MESSAGES_PER_SECOND: 0, ...(redis ? { ROOM_EVENTS_MODE: mode } : {}) };
    const gateways = await fleet.gateways(redis ? 3 : 1, { redis, env });
    const lines = [await Hopper.open(t, gateways), await Hopper.open(t, gateways, { first: 1 })];
    const clients = ['ann', 'bob'].map((playerId, i) => connect(t, lines[i].url, { playerId, timeoutMs: 30000 }));
    const rooms = await Promise.all(clients.map((client) => client.join({ level: 3 }).matched));
    const heard = rooms.map((room) => {
      const list = [];
      room.on('gameMessage', ({ playerId, message }) => list.push([playerId, message.n]));
      return list;
    });
    let cutting = true;
    const cutter = (async () => {
      for (let i = 0; cutting; i++) {
        await delay(5 + Math.random() * 40);
        if (cutting) lines[i % 2].cut();
      }
    })();
    t.after(() => (cutting = false));
    const sent = rooms.map(async (room) => {
      const all = [];
      for (let n = 0; n < COUNT; n++) {
        all.push(room.send({ n, pad: 'x'.repeat(200) }));
        if (n % 5 === 4) await delay(20);
        await all[n - 60]; // while there is no line no more than 64 may wait
      }
      return (await Promise.all(all)).map(({ seq }) => seq);
    });
    const numbers = await Promise.all(sent);
    cutting = false;
    await cutter;
    await waitFor(() => heard.every((list) => list.length >= COUNT), { what: 'both to have heard all' });
    const expected = ['bob', 'ann'].map((other) => Array.from({ length: COUNT }, (_, n) => [other, n]));
    assert.deepEqual(heard, expected, 'each once, in order, and nothing of one\'s own');
    for (const list of numbers) assert.deepEqual(list, [...list].sort((x, y) => x - y), 'in the order in which they were sent');
    assert.equal(new Set(numbers.flat()).size, 2 * COUNT);
    await waitFor(() => rooms[0].seq === rooms[1].seq);
    assert.ok(rooms.every((room) => room.recovered));
    const connections = lines.map((line) => line.connections);
    assert.ok(Math.min(...connections) > 5, `the lines were cut: ${connections}`);
    figures(`${mode}: 2 x ${COUNT} messages over ${connections.join(' + ')} connections, each once and in order`);
    await rooms[0].leave();
    if (redis) assert.deepEqual(await fleet.audit(redis), []);
  });
