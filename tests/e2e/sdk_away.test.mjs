// The client while the server's store is away: what a room asks for waits for better times. Against a scripted server, and on a
// real gateway whose Redis goes away.
import assert from 'node:assert/strict';
import { FakeGateway, SILENCE } from '../lib/fake_gateway.mjs';
import { delay, fleetTest, waitFor } from '../lib/fleet.mjs';
import { LONG_LEASE, QUICK, adopted, clean, home, opened, outcomes } from '../lib/islands.mjs';
import { codeOf, connect, test } from '../lib/sdk.mjs';

const SOON = { message: 'not now', retryable: true, retryAfterMs: 20 };

async function start(t, options = {}) {
  const server = await FakeGateway.start(t);
  const client = connect(t, server.url, { playerId: 'ann', ...options });
  await client.ready;
  const say = (n, more) => client.request('gameMessage', { roomId: 'r', message: n }, more);
  const asked = () => server.sessions[0].asked('gameMessage').map(({ id, data }) => [data.message, id]);
  return { server, client, say, asked };
}

test('refused for the moment: a new request later, and what is asked meanwhile waits behind it', async (t) => {
  const { server, client, say, asked } = await start(t);
  const refusals = ['SERVICE_DEGRADED', 'BUSY'];
  server.on('gameMessage', ({ message }) => {
    if (message === 1 && refusals.length) throw { code: refusals.shift(), ...SOON };
    return { seq: message };
  });
  const first = say(1);
  await waitFor(() => asked().length === 1);
  await client.ping(); // answered behind the refusal
  const replies = await Promise.all([first, say(2), say(3)]);
  assert.deepEqual(replies.map(({ seq }) => seq), [1, 2, 3]);
  const mine = asked().filter(([n]) => n === 1).map(([, id]) => id);
  assert.equal(mine.length, 3);
  assert.ok(mine[0] < mine[1] && mine[1] < mine[2], 'nothing was done: another attempt has another id');
});

test('nobody knows: the same request again, with its id', async (t) => {
  const { server, say, asked } = await start(t);
  const answers = [{ code: 'OUTCOME_UNKNOWN', message: 'm' }, { code: 'SERVICE_DEGRADED', ...SOON }];
  server.on('gameMessage', () => {
    if (answers.length) throw answers.shift();
    return { seq: 9 };
  });
  assert.equal((await say(1)).seq, 9);
  const ids = new Set(asked().map(([, id]) => id));
  assert.deepEqual([asked().length, ids.size], [3, 1]);
});

test('too old to be remembered: it says so in the end', async (t) => {
  const { server, say, asked } = await start(t);
  server.on('gameMessage', () => {
    throw { code: 'OUTCOME_UNKNOWN', message: 'm', retryAfterMs: 5 };
  });
  assert.equal(await codeOf(say(1)), 'OUTCOME_UNKNOWN');
  assert.equal(asked().length, 3);
});

test('its time is over: it rejects with what the server said last, and the next one goes', async (t) => {
  const { server, client, say } = await start(t);
  server.on('gameMessage', ({ message }) => {
    if (message === 1) throw { code: 'SERVICE_DEGRADED', ...SOON, retryAfterMs: 60000 };
    return { seq: message };
  });
  assert.equal(await codeOf(say(1, { timeoutMs: 200 })), 'SERVICE_DEGRADED');
  assert.equal((await say(2)).seq, 2);
  server.on('gameMessage', () => SILENCE);
  assert.equal(await codeOf(say(3, { timeoutMs: 50 })), 'TIMEOUT');
  assert.equal(client.status, 'connected');
});

test('other errors and other requests are final as before', async (t) => {
  const { server, client, say, asked } = await start(t);
  server.on('gameMessage', () => {
    throw { code: 'RATE_LIMITED', ...SOON };
  });
  server.on('getGameState', () => {
    throw { code: 'SERVICE_DEGRADED', ...SOON };
  });
  assert.equal(await codeOf(say(1)), 'RATE_LIMITED');
  assert.equal(await codeOf(client.request('getGameState', { roomId: 'r' })), 'SERVICE_DEGRADED');
  assert.deepEqual([asked().length, server.sessions[0].asked('getGameState').length], [1, 1]);
});

// ---- a real gateway ----

const ws = (server) => `ws://127.0.0.1:${server.port}`;

async function playing(fleet, t, env) {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const gateway = await fleet.gateway({ redis: line, env });
  const [ann, bob] = ['ann', 'bob'].map((playerId) => connect(t, ws(gateway), { playerId, timeoutMs: 30000 }));
  const rooms = await Promise.all([ann, bob].map((client) => client.join({ level: 3 }).matched));
  return { redis, line, gateway, ann, bob, rooms };
}

fleetTest('two who play do not notice that Redis is away and comes back', async (fleet, t) => {
  const { redis, line, gateway, ann, bob, rooms } = await playing(fleet, t, { ...LONG_LEASE, COMMAND_TIMEOUT_MS: 500 });
  const heard = [[], []];
  rooms.forEach((room, i) => room.on('gameMessage', ({ message }) => heard[i].push(message)));
  let going = true;
  const sent = [[], []];
  const talk = async (i) => {
    while (going) {
      const n = sent[i].length;
      sent[i].push(n);
      await rooms[i].send(n);
      await delay(50); // well below the limit of messages
    }
  };
  const talking = [talk(0), talk(1)];
  for (const away of [() => line.shut(), () => line.hold('commands')]) {
    const before = await outcomes(gateway, 'adopted');
    away();
    await adopted(gateway, before + 1);
    const [a, b] = heard.map((list) => list.length);
    await waitFor(() => heard[0].length > a + 20 && heard[1].length > b + 20, { what: 'talk on the island', timeoutMs: 20000 });
    const { version } = await rooms[0].updateGameData({ gameData: { round: before } });
    await waitFor(() => rooms[1].version === version, { what: 'bob to see the new state' });
    bob.cut(); // and comes back to the same room
    await waitFor(() => bob.history.filter(([event]) => event === 'connected').length > before + 1, { what: 'bob to be back', timeoutMs: 20000 });
    assert.equal(rooms[1].recovered, true);
    line.release('commands');
    line.open();
    await home(gateway);
  }
  going = false;
  await Promise.all(talking);
  for (const i of [0, 1]) {
    await waitFor(() => heard[i].length >= sent[1 - i].length, { what: 'all to be heard' });
    assert.deepEqual(heard[i], sent[1 - i]);
  }
  assert.deepEqual(rooms[0].state.gameData, { round: 1 });
  assert.equal(ann.history.filter(([event]) => event === 'disconnected').length, 0);
  assert.ok(rooms[0].epoch > 1 && rooms[0].epoch === rooms[1].epoch);
  await clean(fleet, redis);
});

fleetTest('a ticket from before, and one that is handed in there, find each other', async (fleet, t) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const gateway = await fleet.gateway({ redis: line, env: QUICK });
  const ann = connect(t, ws(gateway), { playerId: 'ann' });
  const ticket = ann.join({ level: 6 });
  await waitFor(() => ticket.status === 'waiting');
  line.shut();
  await opened(gateway);
  const bob = connect(t, ws(gateway), { playerId: 'bob' });
  const [a, b] = await Promise.all([ticket.matched, bob.join({ level: 6 }).matched]);
  assert.equal(bob.session.durable, false);
  const there = b.once('gameMessage');
  await a.send('there');
  assert.equal((await there).message, 'there');
  line.open();
  await home(gateway);
  const athome = a.once('gameMessage');
  await b.send('home');
  assert.equal((await athome).message, 'home');
  await clean(fleet, redis);
});
