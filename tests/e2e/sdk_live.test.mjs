// The client against real gateways: that the scripted server of the other tests speaks like the real one.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { fleetTest, waitFor } from '../lib/fleet.mjs';
import { Hopper } from '../lib/hopper.mjs';
import { codeOf, connect } from '../lib/sdk.mjs';

const ws = (server) => `ws://127.0.0.1:${server.port}`;

// Both in a started game: [room of a, room of b].
async function pair(a, b, level = 3) {
  const tickets = [a.join({ level }), b.join({ level })];
  return Promise.all(tickets.map((ticket) => ticket.matched));
}

function signed(claims, secret) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

fleetTest('a whole game over two instances', async (fleet, t) => {
  const redis = await fleet.redis();
  const [one, two] = await fleet.gateways(2, { redis });
  const ann = connect(t, ws(one), { playerId: 'ann' });
  const bob = connect(t, ws(two), { playerId: 'bob' });
  const first = ann.join({ level: 3, setup: { hat: 'green' } });
  await waitFor(() => first.status === 'waiting' && first.position === 1);
  const [a, b] = await Promise.all([first.matched, bob.join({ level: 3 }).matched]);
  assert.equal(a.id, b.id);
  assert.notEqual(ann.session.instanceId, bob.session.instanceId);
  assert.deepEqual([a.level, a.status, a.opponents[0].id, b.opponents[0].id], [3, 'active', 'bob', 'ann']);
  assert.deepEqual([b.opponents[0].setup, a.me.setup, a.opponents[0].setup], [{ hat: 'green' }, { hat: 'green' }, undefined]);
  assert.deepEqual([a.version, a.state.turn, a.state.gameData, a.me.state], [0, 0, {}, {}]);

  const heard = b.once('gameMessage');
  const { seq } = await a.send({ text: 'grüß dich', n: [1, 2.5, null] });
  assert.equal(seq, 3);
  const message = await heard;
  assert.deepEqual([message.playerId, message.message], ['ann', { text: 'grüß dich', n: [1, 2.5, null] }]);
  assert.equal(b.seq, 3);
  const glimpsed = a.once('gameMessage', (data, { seq: none }) => none === undefined);
  assert.equal(b.send({ at: 4 }, { volatile: true }), true);
  assert.deepEqual((await glimpsed).message, { at: 4 });

  assert.equal((await a.updateGameData({ gameData: { moves: '3' }, turn: 1 })).version, 1);
  assert.equal(await codeOf(b.updateGameData({ gameData: { moves: '4' } }, 0)), 'STALE_VERSION');
  assert.deepEqual([b.version, b.state.gameData, b.state.turn], [1, { moves: '3' }, 1]);
  await b.updateGameData({ turn: 2 });
  await waitFor(() => a.version === 2 && a.state.turn === 2);
  await b.updateState({ hat: 'red' });
  await waitFor(() => a.opponents[0].state.hat === 'red');
  const seats = (await a.refresh()).players.map(({ instanceId }) => instanceId);
  assert.deepEqual(seats.sort(), [ann.session.instanceId, bob.session.instanceId].sort());

  await a.endGame({ winner: 'ann' });
  const disputed = a.once('error');
  await b.endGame({ winner: 'bob' });
  assert.equal((await disputed).code, 'RESULT_DISPUTED');
  await Promise.all([a.endGame({ winner: 'ann' }), b.endGame({ winner: 'ann' })]);
  for (const end of await Promise.all([a.closed, b.closed]))
    assert.deepEqual([end.reason, end.result], ['agreed', { winner: 'ann' }]);
  assert.equal(ann.rooms.size + bob.rooms.size, 0);
  assert.ok((await ann.ping()) < 5000);
  const [c] = await pair(ann, bob, 4);
  await c.leave();
  assert.equal((await c.closed).reason, 'left');
  await waitFor(async () => (await redis.command('HLEN', 'game_states')) === 0);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a line that breaks: back in the seat with what happened meanwhile', async (fleet, t) => {
  const redis = await fleet.redis();
  const [one, two] = await fleet.gateways(2, { redis, env: { GRACE_MS: 20000 } });
  const ann = connect(t, ws(one), { playerId: 'ann' });
  const bob = connect(t, ws(two), { playerId: 'bob', backoff: { baseMs: 1500, maxMs: 1500 } });
  const [a, b] = await pair(ann, bob);
  const away = a.once('opponentDisconnected');
  bob.cut();
  assert.equal((await away).graceMs, 20000);
  assert.equal(a.opponents[0].connected, false);
  await a.updateGameData({ gameData: { moves: '31' }, turn: 2 });
  const back = a.once('opponentReconnected');
  await b.once('gameDataUpdated');
  await back;
  assert.deepEqual([bob.recovered, b.recovered, b.me.connected], [true, true, true]);
  assert.equal(bob.rooms.get(a.id), b);
  assert.deepEqual([b.version, b.state.gameData, b.state.turn], [1, { moves: '31' }, 2]);
  assert.equal(a.opponents[0].connected, true);
  await b.updateGameData({ turn: 3 });
  await waitFor(() => a.state.turn === 3);
  const heard = b.once('gameMessage');
  const { seq } = await a.send('still here?');
  assert.equal((await heard).message, 'still here?');
  assert.equal(b.seq, seq);
});

fleetTest('a gateway that is shut down: queued and playing clients go on elsewhere', async (fleet, t) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(2, { redis, env: { GRACE_MS: 20000, DRAIN_MS: 5000 } });
  const proxy = await fleet.haproxy(gateways);
  const clients = ['ann', 'bob', 'cy', 'dan'].map((playerId) => connect(t, ws(proxy), { playerId }));
  await Promise.all(clients.map((client) => client.ready));
  const [ann, bob, cy, dan] = clients;
  const [a, b] = await pair(ann, bob);
  const ticket = cy.join({ level: 9 });
  await waitFor(() => ticket.status === 'waiting');

  const doomed = ann.session.instanceId;
  const [leaving] = gateways.filter(({ pid }) => doomed.startsWith(`${pid}-`));
  const moved = clients.filter(({ session }) => session.instanceId === doomed);
  const { code } = await leaving.sigterm();
  assert.equal(code, 0);
  await waitFor(() => moved.every(({ status, session }) => status === 'connected' && session.instanceId !== doomed));
  const [, end] = ann.history.find(([name]) => name === 'disconnected');
  assert.deepEqual([end.code, end.final], [4200, false]);
  await waitFor(() => [a, b].every((room) => room.opponents[0].connected && room.me.connected));
  await b.updateGameData({ turn: 1 });
  await waitFor(() => a.state.turn === 1);
  await waitFor(() => ticket.status === 'waiting');
  const [c, d] = await Promise.all([ticket.matched, dan.join({ level: 9 }).matched]);
  assert.equal(c.id, d.id);
});

fleetTest('a queued client whose line breaks keeps its ticket and its place', async (fleet, t) => {
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis });
  const ann = connect(t, ws(gateway), { playerId: 'ann' });
  const ticket = ann.join({ level: 2 });
  await waitFor(() => ticket.status === 'waiting');
  const old = ticket.id;
  ann.cut();
  await ann.once('connected');
  await waitFor(() => ticket.status === 'waiting');
  assert.equal(ticket.id, old);
  assert.deepEqual(await redis.command('LRANGE', 'waiting:level:2', 0, -1), ['ann']);
  assert.equal(await ticket.cancel(), true);
  assert.equal(await redis.command('EXISTS', 'waiting:level:2'), 0);
});

fleetTest('tokens: a good one, an expired one, none', async (fleet, t) => {
  const gateway = await fleet.gateway({ env: { AUTH_JWT_SECRET: 'only for this test' } });
  const now = Math.floor(Date.now() / 1000);
  const good = signed({ sub: 'ann', exp: now + 60 }, 'only for this test');
  const ann = connect(t, ws(gateway), { token: () => good });
  await ann.ready;
  assert.equal(ann.playerId, 'ann');
  ann.cut();
  await ann.once('connected');
  assert.equal(ann.playerId, 'ann');
  const old = connect(t, ws(gateway), { token: signed({ sub: 'ann', exp: now - 60 }, 'only for this test') });
  assert.equal(await codeOf(old.ready), 'CLOSED');
  assert.equal(old.history.at(-1)[1].code, 4001);
  assert.equal(old.history.at(-1)[1].final, true);
  const forged = connect(t, ws(gateway), { token: signed({ sub: 'ann' }, 'guessed') });
  assert.equal(await codeOf(forged.ready), 'CLOSED');
  assert.equal(ann.status, 'connected');
  assert.ok(!gateway.log.includes(good), 'the log shows a token');
});

fleetTest('standalone: the same player elsewhere takes over; an id the server chose is kept', async (fleet, t) => {
  const gateway = await fleet.gateway();
  const first = connect(t, ws(gateway), { playerId: 'ann' });
  await first.ready;
  assert.equal(first.session.durable, false);
  const replaced = first.once('disconnected');
  const second = connect(t, ws(gateway), { playerId: 'ann' });
  await second.ready;
  const { code, final } = await replaced;
  assert.deepEqual([code, final], [4005, true]);

  const guest = connect(t, ws(gateway));
  await guest.ready;
  const id = guest.playerId;
  assert.ok(id);
  guest.cut();
  await guest.once('connected');
  assert.equal(guest.playerId, id);
});

fleetTest('CONFIRM=client: found, confirmed by both, matched', async (fleet, t) => {
  const gateway = await fleet.gateway({ env: { CONFIRM: 'client', CONFIRM_MS: 20000 } });
  const clients = ['ann', 'bob'].map((playerId) => connect(t, ws(gateway), { playerId }));
  const tickets = clients.map((client) => client.join({ level: 1 }));
  const rooms = await Promise.all(tickets.map((ticket) => ticket.room ?? ticket.once('found')));
  assert.equal(await codeOf(rooms[0].send('too early')), 'NOT_STARTED');
  await rooms[0].accept();
  assert.equal(tickets[0].status, 'found');
  await rooms[1].accept();
  const [a, b] = await Promise.all(tickets.map((ticket) => ticket.matched));
  assert.deepEqual([a, b], rooms);
});

fleetTest('CONFIRM=client: one declines, the other waits on and is matched with the next', async (fleet, t) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(2, { redis, env: { CONFIRM: 'client', CONFIRM_MS: 20000 } });
  const [ann, bob, cy] = ['ann', 'bob', 'cy'].map((playerId, i) => connect(t, ws(gateways[i % 2]), { playerId }));
  const tickets = [ann, bob].map((client) => client.join({ level: 1 }));
  const [match, his] = await Promise.all(tickets.map((ticket) => ticket.room ?? ticket.once('found')));
  await match.accept();
  await his.decline();
  assert.equal(await codeOf(tickets[1].matched), 'CANCELLED');
  assert.deepEqual([bob.ticket, bob.rooms.size], [null, 0]);
  const { reason, requeued } = await match.closed;
  assert.deepEqual({ reason, requeued }, { reason: 'player_gone', requeued: true });
  for (const ticket of [tickets[0], cy.join({ level: 1 })]) ticket.on('found', (next) => next.accept());
  const room = await tickets[0].matched;
  assert.deepEqual(room.opponents.map(({ id }) => id), ['cy']);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('reconnect() in mid-game leads to the next instance, and nothing is lost', async (fleet, t) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(2, { redis });
  const line = await Hopper.open(t, gateways);
  const ann = connect(t, line.url, { playerId: 'ann', backoff: { baseMs: 1e7, maxMs: 1e7 } });
  const bob = connect(t, ws(gateways[1]), { playerId: 'bob' });
  const [a, b] = await pair(ann, bob);
  const heard = [];
  b.on('gameMessage', ({ message }) => heard.push(message));
  for (let i = 0; i < 4; i++) {
    const from = ann.session.instanceId;
    const sent = a.send(i);
    ann.reconnect();
    await ann.once('connected');
    assert.notEqual(ann.session.instanceId, from);
    assert.ok((await sent).seq);
    assert.deepEqual([ann.recovered, ann.rooms.get(a.id)], [true, a]);
  }
  await waitFor(() => heard.length >= 4);
  assert.deepEqual(heard, [0, 1, 2, 3]);
  await waitFor(() => a.seq === b.seq);
  await a.leave();
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('after a page reload the seat is there, with its level', async (fleet, t) => {
  const redis = await fleet.redis();
  const [one, two] = await fleet.gateways(2, { redis });
  const ann = connect(t, ws(one), { playerId: 'ann' });
  const [a] = await pair(ann, connect(t, ws(one), { playerId: 'bob' }), 7);
  ann.close();
  const reloaded = connect(t, ws(two), { playerId: 'ann' });
  const room = await reloaded.once('room');
  assert.deepEqual([room.id, room.level, room.status, room.recovered], [a.id, 7, 'active', false]);
});

fleetTest('one instance after the other stops: each goodbye brings the player to the next at once', async (fleet, t) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(3, { redis });
  const line = await Hopper.open(t, gateways);
  const ann = connect(t, line.url, { playerId: 'ann', backoff: { baseMs: 1e7, maxMs: 1e7 } }); // any other pause is for ever
  await ann.ready;
  for (const gateway of gateways.slice(0, 2)) {
    const back = ann.once('connected');
    await Promise.all([gateway.sigterm(), back]);
  }
  const pauses = ann.history.filter(([name]) => name === 'reconnecting').map(([, data]) => [data.code, data.final, data.attempt]);
  assert.deepEqual(pauses, [[4200, false, 1], [4200, false, 1]]);
});
