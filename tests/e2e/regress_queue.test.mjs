// Regressions: players in the queue or just matched, while answers are late or lost. Each of these once went wrong.
import assert from 'node:assert/strict';
import { fleetTest, now, waitFor } from '../lib/fleet.mjs';
import { home, opened } from '../lib/islands.mjs';

const isUp = (gateway) => async () => (await gateway.get('/health')).status === 200;
const record = async (redis, player) => ((await redis.command('HGET', 'players', player)) ?? 'none').split('|');
const stateOf = async (redis, player) => (await record(redis, player))[0];

async function join(level, ...clients) {
  for (const client of clients) await client.send('joinMatchmaking', { level });
}

// Redis is away for longer than every lease.
async function outage(redis, gateways, ms) {
  await redis.kill();
  const end = now() + ms;
  await waitFor(() => now() > end, { what: 'the leases to be over', timeoutMs: ms + 5000 });
  await redis.start();
  for (const gateway of gateways) await waitFor(isUp(gateway), { what: 'the gateway to be well again', timeoutMs: 20000 });
}

for (const [name, options] of [
  ['kept its data', { aof: true, conf: { appendfsync: 'always' } }],
  ['lost everything', {}],
]) {
  fleetTest(`who waits keeps his place over an outage longer than a lease; Redis ${name}`, async (fleet) => {
    const redis = await fleet.redis(options);
    // Places in Redis: nobody has moved to an instance that matches its own players by itself (the next test).
    const env = { LEASE_MS: 1000, HEARTBEAT_MS: 250, ROOM_SEATS: 3, DEGRADED_MATCHMAKING: 'refuse' };
    const gateways = await fleet.gateways(3, { redis, env });
    const waiting = [];
    for (let i = 0; i < 6; i++) waiting.push(await fleet.client(gateways[i % 3], `p${i}`));
    for (let i = 0; i < 6; i++) {
      await join(1 + Math.floor(i / 2), waiting[i]);
      const joinedAt = Date.now(); // places are kept by joinedAt, in ms: nobody shares one
      await waitFor(() => Date.now() > joinedAt + 1, { what: 'the next millisecond' });
    }
    const idle = await fleet.client(gateways[0], 'idle');

    await outage(redis, gateways, 2500);
    const states = () => Promise.all(waiting.map((client) => stateOf(redis, client.playerId)));
    const back = async () => (await states()).every((state) => state === 'queued');
    await waitFor(back, { what: 'all tickets to be there' });
    for (const client of [...waiting, idle]) assert.equal(client.close, null, `${client.name} is still connected`);
    for (let level = 1; level <= 3; level++) {
      const queue = await redis.command('LRANGE', `waiting:level:${level}`, 0, -1);
      const expected = [`p${2 * level - 2}`, `p${2 * level - 1}`];
      assert.deepEqual(options.aof ? queue : queue.sort(), expected);
      const third = await fleet.client(gateways[level - 1], `third${level}`);
      await join(level, third);
      await Promise.all([third, ...waiting.slice(2 * level - 2, 2 * level)].map((client) => client.next('gameStart')));
    }
    await waitFor(async () => (await stateOf(redis, 'idle')) === 'idle', { what: 'the idle one to be attached', timeoutMs: 15000 });
    assert.equal(idle.close, null);
    assert.deepEqual(await fleet.audit(redis), []);
  });
}

// Three instances match by themselves while Redis is away, one does not; they come back one after the other, as it happens.
for (const [name, options] of [
  ['kept its data', { aof: true, conf: { appendfsync: 'always' } }],
  ['lost everything', {}],
]) {
  fleetTest(`who waited before the outage, or since on an instance by itself, has his place by his time; Redis ${name}`, async (fleet) => {
    const redis = await fleet.redis(options);
    const env = { LEASE_MS: 1000, HEARTBEAT_MS: 250, SWEEP_MS: 300, TIMER_POLL_MS: 50, ROOM_SEATS: 7 };
    const islands = await fleet.gateways(3, { redis, env });
    const waits = await fleet.gateway({ redis, env: { ...env, DEGRADED_MATCHMAKING: 'refuse' } });
    const players = [];
    const joinAt = async (gateway) => {
      const client = await fleet.client(gateway, `p${players.length}`);
      players.push(client);
      assert.equal((await client.send('joinMatchmaking', { level: 4 })).status, 'waiting');
      const joinedAt = Date.now(); // apart by more than a slow answer takes
      await waitFor(() => Date.now() > joinedAt + 200, { what: 'some time to pass' });
    };
    for (const gateway of [islands[1], waits, islands[0], islands[2]]) await joinAt(gateway);
    await redis.kill();
    for (const gateway of islands) await opened(gateway);
    for (const gateway of [islands[2], islands[0]]) await joinAt(gateway);
    await redis.start();
    for (const gateway of islands) await home(gateway);
    const expected = players.map((client) => client.playerId);
    const queue = async () => (await redis.command('LRANGE', 'waiting:level:4', 0, -1)).join(' ');
    // Whose instance has no lease yet is left out by the others, and put in again by his own.
    await waitFor(async () => (await queue()).split(' ').length === expected.length, { what: 'all tickets to be there', timeoutMs: 20000 });
    assert.equal(await queue(), expected.join(' '));
    const last = await fleet.client(islands[1], 'last');
    assert.equal((await last.send('joinMatchmaking', { level: 4 })).status, 'matched');
    const found = await last.next('matchFound');
    assert.deepEqual(found.data.players.map(({ id }) => id), [...expected, 'last']);
    await Promise.all([...players, last].map((client) => client.next('gameStart')));
    for (const client of players) {
      assert.equal(client.close, null);
      assert.equal(client.all('matchFound').length, 1);
    }
    assert.deepEqual(await fleet.audit(redis), []);
  });
}

// ann and abe here behind a bad line, zoe and yan there; three seats, and the clients confirm by themselves.
async function threeSeats(fleet, env = {}) {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const all = { ROOM_SEATS: 3, CONFIRM: 'client', CONFIRM_MS: 20000, ...env };
  const a = await fleet.gateway({ redis: line, env: all });
  const b = await fleet.gateway({ redis, env: all });
  const [ann, abe] = [await fleet.client(a, 'ann'), await fleet.client(a, 'abe')];
  const [zoe, yan] = [await fleet.client(b, 'zoe'), await fleet.client(b, 'yan')];
  return { redis, line, a, b, ann, abe, zoe, yan };
}

async function confirmAll(clients, roomId) {
  for (const client of clients) await client.send('confirmJoined', { roomId });
  await Promise.all(clients.map((client) => client.next('gameStart', { filter: (push) => push.room === roomId })));
  await clients[0].send('gameMessage', { roomId, message: 'all here' });
  for (const client of clients.slice(1)) assert.equal((await client.next('gameMessage')).data.message, 'all here');
}

fleetTest('the next match is heard of before the reply that freed its player', async (fleet) => {
  const { redis, line, ann, abe, zoe, yan } = await threeSeats(fleet);
  await join(1, ann, abe, zoe);
  const first = (await ann.next('matchFound')).room;
  await Promise.all([abe.next('matchFound'), zoe.next('matchFound')]);
  const held = line.holdReply('leave_room', 'abe', first);
  const left = abe.send('leaveRoom', { roomId: first });
  await held; // ann and zoe wait again, but ann's gateway does not know yet
  await join(1, yan);
  const second = (await yan.next('matchFound')).room;
  line.release('commands');
  await left;
  assert.equal((await ann.next('matchCancelled')).data.requeued, true);
  await ann.next('matchFound', { filter: (push) => push.room === second });
  await zoe.next('matchFound', { filter: (push) => push.room === second });
  await confirmAll([ann, zoe, yan], second);
  assert.equal((await ann.fails('joinMatchmaking', { level: 1 })).code, 'ALREADY_IN_MATCH');
  assert.equal((await abe.send('joinMatchmaking', { level: 2 })).status, 'waiting');
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('the room is over before the reply that freed its player: he waits or is idle, here as in the store', async (fleet) => {
  const { redis, line, ann, abe, zoe, yan } = await threeSeats(fleet);
  await join(1, ann, abe, zoe);
  const first = (await ann.next('matchFound')).room;
  const held = line.holdReply('leave_room', 'abe', first);
  const left = abe.send('leaveRoom', { roomId: first });
  await held;
  await join(1, yan);
  const second = (await yan.next('matchFound')).room;
  await yan.send('leaveRoom', { roomId: second }); // and gone again: ann and zoe are back in the queue
  await waitFor(async () => (await stateOf(redis, 'ann')) === 'queued', { what: 'ann to be queued in the store' });
  line.release('commands');
  await left;
  await join(1, yan);
  const third = (await yan.next('matchFound', { filter: (push) => push.room !== second })).room;
  for (const client of [ann, zoe]) await client.next('matchFound', { filter: (push) => push.room === third });
  await confirmAll([ann, zoe, yan], third);
  assert.deepEqual(await fleet.audit(redis), []);
});

for (const lost of [false, true]) {
  fleetTest(`matchFound of a room known already ${lost ? 'never comes' : 'comes late'}: the player is seated`, async (fleet) => {
    const { redis, line, a, ann, abe, zoe } = await threeSeats(fleet);
    await join(1, ann, abe);
    if (lost) line.ignore('matchFound');
    else line.hold('events');
    await join(1, zoe);
    const { room } = await zoe.next('matchFound');
    const again = await fleet.client(a, 'ann'); // her attach finds the seat, so the room is known here
    await again.next('roomSnapshot');
    assert.equal(abe.all('matchFound').length, 0);
    line.release('events');
    assert.equal((await abe.next('matchFound', { timeoutMs: 15000 })).room, room);
    line.hear();
    await again.next('matchFound', { filter: (push) => push.room === room });
    await confirmAll([again, abe, zoe], room);
    assert.equal((await ann.closed).code, 4005);
    assert.deepEqual(await fleet.audit(redis), []);
  });
}

async function twoGateways(fleet, env) {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const a = await fleet.gateway({ redis: line, env });
  const b = await fleet.gateway({ redis, env });
  return { redis, line, a, b };
}

fleetTest('matched while a new connection of the same player takes over: that one is seated and told', async (fleet) => {
  const { redis, line, a, b } = await twoGateways(fleet);
  const ann = await fleet.client(a, 'ann');
  await join(1, ann);
  const held = line.holdReply('attach', 'ann');
  const again = await fleet.client(a, { playerId: 'ann', wait: false });
  await held;
  const bob = await fleet.client(b, 'bob');
  assert.equal((await bob.send('joinMatchmaking', { level: 1 })).status, 'matched');
  const { room } = await bob.next('matchFound');
  line.release('commands');
  await again.next('welcome');
  const found = await again.next('matchFound');
  assert.equal(found.room, room);
  assert.equal(found.data.opponentId, 'bob');
  await Promise.all([again.next('gameStart'), bob.next('gameStart')]);
  await again.send('gameMessage', { roomId: room, message: 'hi' });
  assert.equal((await bob.next('gameMessage')).data.message, 'hi');
  assert.equal((await ann.closed).code, 4005);
  assert.equal(bob.all('matchCancelled').length, 0);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('leaving a room of another level than the last join asked for: the partner waits at his own level', async (fleet) => {
  const { redis, line, a } = await twoGateways(fleet, { CONFIRM: 'client', CONFIRM_MS: 20000 });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(a, 'bob');
  await join(1, ann, bob);
  const { room } = await bob.next('matchFound');
  // Taken over, with joins in the same breath as the handshake and as welcome: refused, and their level must not stick.
  const held = line.holdReply('attach', 'ann');
  const again = await fleet.client(a, { playerId: 'ann', wait: false });
  await held;
  assert.equal((await again.fails('joinMatchmaking', { level: 5 })).code, 'BUSY');
  line.release('commands');
  await again.next('welcome');
  assert.equal((await again.fails('joinMatchmaking', { level: 5 })).code, 'ALREADY_IN_MATCH');
  await again.next('roomSnapshot');
  await again.send('leaveRoom', { roomId: room });
  assert.equal((await bob.next('matchCancelled')).data.requeued, true);
  assert.deepEqual(await redis.command('LRANGE', 'waiting:level:1', 0, -1), ['bob']);
  assert.equal(await redis.command('EXISTS', 'waiting:level:5'), 0);
  const eve = await fleet.client(a, 'eve');
  assert.equal((await eve.send('joinMatchmaking', { level: 1 })).status, 'matched');
  const next = await bob.next('matchFound', { filter: (push) => push.room !== room });
  await eve.next('matchFound', { filter: (push) => push.room === next.room });
  for (const client of [bob, eve]) await client.send('confirmJoined', { roomId: next.room });
  await Promise.all([bob.next('gameStart'), eve.next('gameStart')]);
  assert.deepEqual(await fleet.audit(redis), []);
});

// The reply to ann's join gets lost; bob was there before (matched), or comes after.
for (const matched of [true, false]) {
  fleetTest(`a join carried out, its reply lost (${matched ? 'matched' : 'waiting'}): he hears of his match`, async (fleet) => {
    const { redis, line, a, b } = await twoGateways(fleet, { CONFIRM_MS: 8000 });
    const ann = await fleet.client(a, 'ann');
    const bob = await fleet.client(b, 'bob');
    if (matched) await join(1, bob);
    const lost = line.loseReply('join', 'ann');
    const answer = ann.fails('joinMatchmaking', { level: 1 });
    await lost;
    assert.equal((await answer).code, 'OUTCOME_UNKNOWN');
    if (!matched) {
      assert.equal(await stateOf(redis, 'ann'), 'queued');
      await join(1, bob);
    }
    const { room, data } = await ann.next('matchFound');
    assert.equal(data.opponentId, 'bob');
    await Promise.all([ann.next('gameStart'), bob.next('gameStart')]);
    await bob.send('gameMessage', { roomId: room, message: 'hi' });
    assert.equal((await ann.next('gameMessage')).data.message, 'hi');
    assert.deepEqual(await fleet.audit(redis), []);
  });
}
