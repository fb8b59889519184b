// What the client promises of each call: a rejection with a code whatever goes wrong, signals, the bound of what waits for the
// line, the ready check, and that who awaits a promise misses nothing. Against a scripted server.
import assert from 'node:assert/strict';
import { FakeGateway, SILENCE } from '../lib/fake_gateway.mjs';
import { GatewayError, codeOf, connect, test } from '../lib/sdk.mjs';
import { stays, waitFor } from '../lib/wait.mjs';

async function start(t, options = {}) {
  const server = await FakeGateway.start(t);
  server.on('joinMatchmaking', ({ level }) => ({ status: 'waiting', ticketId: 't1', level, position: 1 }));
  const client = connect(t, server.url, { playerId: 'ann', ...options });
  await client.ready;
  return { server, client, session: server.sessions[0] };
}

const PLAYERS = [{ id: 'ann' }, { id: 'bob' }];
const found = { event: 'matchFound', room: 'r', seq: 1, ts: 1, data: { roomId: 'r', level: 1, players: PLAYERS, opponentId: 'bob', confirmByMs: 9 } };
const started = { event: 'gameStart', room: 'r', seq: 2, ts: 1, data: { roomId: 'r' } };
const said = { event: 'gameMessage', room: 'r', seq: 3, ts: 1, data: { roomId: 'r', sender: 's', playerId: 'bob', message: 'hi' } };

// All in one piece, as a busy network delivers them.
function atOnce({ socket }, frames) {
  socket._socket.cork();
  for (const frame of frames) socket.send(JSON.stringify(frame));
  socket._socket.uncork();
}

test('data that is no JSON rejects with BAD_REQUEST and is not sent; none, or null, is an empty object', async (t) => {
  const { server, client, session } = await start(t);
  const cycle = {};
  cycle.self = cycle;
  for (const data of [cycle, 1n, () => {}, Symbol('s')]) {
    await assert.rejects(client.request('good', data), (error) => {
      assert.ok(error instanceof GatewayError);
      assert.deepEqual([error.code, error.retryable], ['BAD_REQUEST', false]);
      return /not JSON/.test(error.message);
    });
  }
  assert.throws(() => client.notify('good', cycle), { name: 'GatewayError', code: 'BAD_REQUEST' });
  server.on('good', (data) => data);
  assert.deepEqual([await client.request('good'), await client.request('good', null)], [{}, {}]);
  assert.equal(session.asked('good').length, 2);
  assert.equal(client.status, 'connected');
});

test('a join without a level is refused by the server, not by a crash', async (t) => {
  const { server, client } = await start(t);
  server.on('joinMatchmaking', (data) => {
    assert.deepEqual(data, {});
    throw { code: 'BAD_REQUEST', message: 'level is missing' };
  });
  assert.equal(await codeOf(client.join().matched), 'BAD_REQUEST');
});

test('an aborted request rejects with ABORTED, whether it waits, is on its way, or never began', async (t) => {
  const { server, client, session } = await start(t);
  server.on('move', () => SILENCE);
  const controller = new AbortController();
  const sent = client.request('move', {}, { signal: controller.signal });
  await waitFor(() => session.asked('move').length === 1);
  controller.abort();
  await assert.rejects(sent, { name: 'GatewayError', code: 'ABORTED', message: /it may have been done/ });
  assert.equal(await codeOf(client.request('move', {}, { signal: controller.signal })), 'ABORTED');
  assert.equal(await codeOf(client.request('move', {}, { signal: AbortSignal.timeout(20) })), 'ABORTED');

  server.greet = () => false;
  session.cut();
  await client.once('reconnecting');
  const waiting = new AbortController();
  const held = client.request('later', {}, { signal: waiting.signal });
  waiting.abort();
  await assert.rejects(held, { code: 'ABORTED', message: 'later was aborted' });
  server.greet = () => true;
  client.cut();
  await client.once('connected');
  await client.ping();
  assert.equal(server.sessions.at(-1).asked('later').length, 0);
});

test('a signal that is aborted after the answer does nothing, and no listener stays on it', async (t) => {
  const { server, client } = await start(t);
  server.on('leaveMatchmaking', () => ({ left: true }));
  const listening = new Set();
  const signal = {
    aborted: false,
    addEventListener: (_, fn) => listening.add(fn),
    removeEventListener: (_, fn) => listening.delete(fn),
  };
  await client.request('good', {}, { signal });
  assert.equal(listening.size, 0);
  const ticket = client.join({ level: 1 }, { signal });
  assert.equal(listening.size, 1);
  await ticket.cancel();
  await waitFor(() => listening.size === 0);
});

test('aborting a join cancels the ticket; aborted before, it is not sent', async (t) => {
  const { server, client, session } = await start(t);
  server.on('leaveMatchmaking', () => ({ left: true }));
  const controller = new AbortController();
  const ticket = client.join({ level: 1 }, { signal: controller.signal });
  await waitFor(() => ticket.status === 'waiting');
  controller.abort();
  assert.equal(await codeOf(ticket.matched), 'CANCELLED');
  assert.equal(session.asked('leaveMatchmaking').length, 1);
  assert.equal(await codeOf(client.join({ level: 1 }, { signal: controller.signal }).matched), 'CANCELLED');
  assert.equal(client.ticket, null);
  assert.equal(session.asked('joinMatchmaking').length, 1);
});

test('without a line 64 requests wait, the next rejects with QUEUE_FULL', async (t) => {
  const { server, client, session } = await start(t);
  server.on('move', ({ n }) => ({ n }));
  server.greet = () => false;
  session.cut();
  await client.once('reconnecting');
  const moves = Array.from({ length: 64 }, (_, n) => client.request('move', { n }));
  await assert.rejects(client.request('move', { n: 64 }), { name: 'GatewayError', code: 'QUEUE_FULL', retryable: true });
  server.greet = () => true;
  client.cut();
  assert.deepEqual((await Promise.all(moves)).map(({ n }) => n), Array.from({ length: 64 }, (_, n) => n));
  assert.deepEqual(await client.request('move', { n: 65 }), { n: 65 });
});

test('accept confirms the seat; decline leaves, and the ticket ends as cancelled', async (t) => {
  const { server, client, session } = await start(t);
  server.on('confirmJoined', () => ({ status: 'waiting' }));
  const ticket = client.join({ level: 1 });
  session.send(found);
  const match = await ticket.once('found');
  assert.deepEqual(await match.accept(), { status: 'waiting' });
  assert.deepEqual(session.asked('confirmJoined')[0].data, { roomId: 'r' });
  server.on('leaveRoom', () => {
    throw { code: 'SERVER_MADE_THIS_UP', message: 'm' };
  });
  assert.equal(await codeOf(match.decline()), 'SERVER_MADE_THIS_UP');
  assert.equal(ticket.status, 'found');
  server.on('leaveRoom', (data, to) => {
    to.push('matchCancelled', { roomId: 'r', reason: 'player_gone', requeued: false }, { room: 'r', seq: 2 });
    return {};
  });
  await match.decline();
  assert.equal(await codeOf(ticket.matched), 'CANCELLED');
  assert.equal(client.rooms.size, 0);
});

test('who awaits `matched` hears what comes right behind it; who awaits `ready` as well', async (t) => {
  const { client, session } = await start(t);
  const ticket = client.join({ level: 1 });
  await waitFor(() => ticket.status === 'waiting');
  const heard = [];
  const play = async () => ticket.matched; // one more promise in between
  const playing = play().then((room) => room.on('gameMessage', ({ message }) => heard.push(message)));
  atOnce(session, [found, started, said, { ...said, seq: 4 }]);
  await playing;
  await waitFor(() => heard.length === 2);
  assert.equal(client.rooms.get('r').seq, 4);

  const server = await FakeGateway.start(t);
  server.greet = () => false;
  const other = connect(t, server.url, { playerId: 'ann' });
  const rooms = [];
  const ready = other.ready.then(() => other.on('room', ({ id }) => rooms.push(id)));
  const [connection] = await waitFor(() => server.sessions.length && server.sessions);
  atOnce(connection, [{ event: 'welcome', data: { sessionId: 's', playerId: 'ann', rooms: [] } }, found]);
  await ready;
  await waitFor(() => rooms.length === 1);
});

test('a line that breaks right behind: what came is told before the break is', async (t) => {
  const { client, session } = await start(t);
  const ticket = client.join({ level: 1 });
  await waitFor(() => ticket.status === 'waiting');
  const order = [];
  ticket.matched.then((room) => room.on('gameMessage', ({ message }) => order.push(message)));
  client.on('disconnected', () => order.push('disconnected'));
  atOnce(session, [found, started, said]);
  session.close(4200);
  await waitFor(() => order.includes('disconnected'));
  assert.deepEqual(order, ['hi', 'disconnected']);
});

test('a listener that closes the client while the line breaks: one end', async (t) => {
  const { client, session } = await start(t);
  const ticket = client.join({ level: 1 });
  await waitFor(() => ticket.status === 'waiting');
  ticket.matched.then((room) => room.on('gameMessage', () => client.close('enough')));
  atOnce(session, [found, started, said]);
  session.close(4200);
  await client.once('disconnected');
  await stays(() => client.history.length > 2, { ms: 60, what: 'anything behind the end' });
  assert.deepEqual(client.history.slice(1), [['disconnected', { code: 1000, reason: 'enough', final: true }]]);
});

test('debug: true prints the frames of both directions', async (t) => {
  const printed = [];
  const { debug } = console;
  console.debug = (...words) => printed.push(words);
  t.after(() => (console.debug = debug));
  const { client } = await start(t, { debug: true });
  await client.ping();
  assert.deepEqual(printed.map(([who, direction]) => [who, direction]), [['matchgate', '<'], ['matchgate', '>'], ['matchgate', '<']]);
  assert.match(printed[1][2], /"event":"ping"/);
});
