// Playing on the island: matches that begin there, rooms of any size, many rooms at once, whatever keeps Redis from taking writes.
// Takes 87 s.
import assert from 'node:assert/strict';
import { Client, delay, figures, fleetTest, now, stays, waitFor } from '../lib/fleet.mjs';
import { LONG_LEASE, QUICK, adopted, began, clean, home, island, opened, outcomes } from '../lib/islands.mjs';
import { Returning, pair } from '../lib/returning.mjs';

const says = (text) => ({ filter: ({ data }) => data.message === text });

async function alone(fleet, env = {}) {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const gateway = await fleet.gateway({ redis: line, env: { ...QUICK, ...env } });
  return { redis, line, gateway };
}

// ---- matches that begin there ----

async function foundThere(fleet, env) {
  const game = await alone(fleet, { CONFIRM: 'client', ...env });
  const { line, gateway } = game;
  line.shut();
  await opened(gateway);
  const [ann, bob] = [await fleet.client(gateway, 'ann'), await fleet.client(gateway, 'bob')];
  await ann.send('joinMatchmaking', { level: 4 });
  await bob.send('joinMatchmaking', { level: 4 });
  const { roomId } = (await ann.next('matchFound')).data;
  await bob.next('matchFound');
  await ann.send('confirmJoined', { roomId });
  return { ...game, ann, bob, roomId };
}

fleetTest('a match found there comes home unconfirmed, and is confirmed at home', async (fleet) => {
  const { redis, line, gateway, ann, bob, roomId } = await foundThere(fleet, { CONFIRM_MS: 60000 });
  line.open();
  await home(gateway);
  assert.equal(await outcomes(gateway, 'restored'), 1);
  assert.equal(JSON.parse(await redis.command('HGET', 'game_states', roomId)).status, 'waiting');
  assert.equal((await ann.fails('gameMessage', { roomId, message: 'early' })).code, 'NOT_STARTED');
  await clean(fleet, redis);
  await bob.send('confirmJoined', { roomId });
  for (const client of [ann, bob]) await client.next('gameStart');
  await ann.send('gameMessage', { roomId, message: 'go' });
  await bob.next('gameMessage', says('go'));
  await clean(fleet, redis);
});

fleetTest('a match found there and never confirmed dissolves at home', async (fleet) => {
  const { redis, line, gateway, ann, bob } = await foundThere(fleet, { CONFIRM_MS: 6000 });
  line.open();
  await home(gateway);
  assert.equal(await outcomes(gateway, 'restored'), 1);
  assert.equal((await ann.next('matchCancelled', { timeoutMs: 30000 })).data.requeued, true);
  assert.equal((await bob.next('matchCancelled')).data.requeued, false);
  assert.deepEqual(await redis.command('LRANGE', 'waiting:level:4', '0', '-1'), ['ann']);
  await bob.send('joinMatchmaking', { level: 4 });
  for (const client of [ann, bob]) await client.next('matchFound');
  await clean(fleet, redis);
});

fleetTest('a match found there dissolves there', async (fleet) => {
  const { redis, line, gateway, ann, bob } = await foundThere(fleet, { CONFIRM_MS: 1000 });
  assert.equal((await ann.next('matchCancelled')).data.requeued, true);
  assert.equal((await bob.next('matchCancelled')).data.requeued, false);
  line.open();
  await home(gateway);
  assert.deepEqual(await redis.command('LRANGE', 'waiting:level:4', '0', '-1'), ['ann']);
  await clean(fleet, redis);
});

fleetTest('a second connection of a player there: the first one ends, the room goes on', async (fleet) => {
  const { redis, line, gateway } = await alone(fleet);
  const [ann, bob] = [await fleet.client(gateway, 'ann'), await fleet.client(gateway, 'bob')];
  const waits = await fleet.client(gateway, 'cy');
  await waits.send('joinMatchmaking', { level: 9 });
  const { roomId } = await fleet.match(ann, bob);
  line.shut();
  await opened(gateway);
  await ann.send('gameMessage', { roomId, message: 'there' });
  const again = await fleet.client(gateway, 'bob');
  assert.equal((await bob.closed).code, 4005);
  assert.deepEqual(again.welcome.rooms, [{ roomId }]);
  await again.next('roomSnapshot');
  await ann.next('opponentReconnected');
  const cy = await fleet.client(gateway, 'cy'); // waits there, and stands in Redis' queue by his first connection
  assert.equal((await waits.closed).code, 4005);
  await waitFor(async () => (await cy.request('leaveMatchmaking', {})).ok, { what: 'cy to leave' });
  line.open();
  await home(gateway);
  assert.equal(await outcomes(gateway, 'restored'), 1);
  await again.send('gameMessage', { roomId, message: 'home' });
  await ann.next('gameMessage', says('home'));
  assert.equal(await redis.command('EXISTS', 'waiting:level:9'), 0);
  assert.equal((await cy.request('joinMatchmaking', { level: 3 })).data.status, 'waiting');
  await clean(fleet, redis);
});

fleetTest('a player who has come to another instance as well stays where he came last', async (fleet) => {
  const { redis, line, gateway } = await alone(fleet);
  const other = await fleet.gateway({ redis, env: QUICK });
  const cyBefore = await fleet.client(gateway, 'cy');
  line.shut();
  await opened(gateway);
  const [ann, bob, cy] = [await fleet.client(gateway, 'ann'), await fleet.client(other, 'bob'), await fleet.client(other, 'cy')];
  const [annLater, bobLater, cyLater] = [await fleet.client(other, 'ann'), await fleet.client(gateway, 'bob'), await fleet.client(gateway, 'cy')];
  assert.equal((await cyBefore.closed).code, 4005);
  line.open();
  for (const client of [ann, bob, cy]) assert.equal((await client.closed).code, 4005);
  await home(gateway);
  await fleet.match(annLater, bobLater);
  assert.equal((await cyLater.request('joinMatchmaking', { level: 3 })).data.status, 'waiting');
  await clean(fleet, redis);
});

fleetTest('who waits keeps his place before those who came later', async (fleet) => {
  const { redis, line, gateway } = await alone(fleet, { ROOM_SEATS: 8 });
  const names = ['ann', 'bob', 'cy', 'dan', 'eve'];
  const clients = [];
  for (const name of names) clients.push(await fleet.client(gateway, name));
  for (const client of clients.slice(0, 3)) await client.send('joinMatchmaking', { level: 2 });
  line.shut();
  await opened(gateway);
  for (const client of clients.slice(3)) {
    await waitFor(async () => (await client.request('joinMatchmaking', { level: 2 })).ok, { what: 'a place' });
    const joinedAt = Date.now(); // places are kept by the time of joining, to a few milliseconds
    await waitFor(() => Date.now() > joinedAt + 5, { what: 'another time' });
  }
  line.open();
  await home(gateway);
  await waitFor(async () => (await redis.command('LLEN', 'waiting:level:2')) === 5, { what: 'all to wait at home' });
  assert.deepEqual(await redis.command('LRANGE', 'waiting:level:2', '0', '-1'), names);
  await clean(fleet, redis);
});

// ---- rooms of any size ----

fleetTest('rooms of three to eight: who leaves, who is lost, who stays', async (fleet) => {
  for (const seats of [3, 5, 8]) {
    const { redis, line, gateway } = await alone(fleet, { ...LONG_LEASE, ROOM_SEATS: seats });
    const players = [];
    for (let i = 0; i < seats; i++) players.push(await Returning.open(fleet, gateway, `p${seats}${i}`));
    const room = await pair(...players);
    line.shut();
    await adopted(gateway);
    for (const player of players) assert.ok((await player.ask('updatePlayerState', { roomId: room, state: { at: player.name } })).ok);
    const [first, leaver, lost] = players;
    assert.ok((await leaver.ask('leaveRoom', { roomId: room })).ok);
    await lost.client.drop();
    await first.client.next('opponentDisconnected');
    await first.say(room, 'there');
    line.open();
    await home(gateway);
    assert.equal(await outcomes(gateway, 'restored'), 1);
    const record = JSON.parse(await redis.command('HGET', 'game_states', room));
    assert.deepEqual(record.players.map(({ id }) => id), players.filter((one) => one !== leaver).map(({ name }) => name));
    for (const { id, state } of record.players) assert.deepEqual(state, { at: id });
    assert.equal((await lost.back(gateway, { drop: false })).recovered, true);
    assert.ok((await leaver.ask('joinMatchmaking', { level: 1 })).ok);
    for (const player of players.filter((one) => one !== leaver)) await player.say(room, 'home');
    for (const player of players.filter((one) => one !== leaver)) {
      await waitFor(() => player.messages(room).filter((text) => text === 'home').length === seats - 2, { what: 'all to be heard' });
      player.account(room);
    }
    await clean(fleet, redis);
  }
});

// ---- many rooms ----

const ROOMS = Number(process.env.ISLAND_ROOMS ?? 300);

// Says one thing after the other, each until it is taken, with the same id, and then as long as `until` says.
async function talk(player, room, said, going) {
  while (going()) {
    const text = `${player.name} ${said.length}`;
    const id = player.nextId;
    for (;;) {
      const reply = await player.ask('gameMessage', { roomId: room, message: text }, { id, timeoutMs: 60000 });
      if (reply.ok) break;
      assert.ok(['SERVICE_DEGRADED', 'OUTCOME_UNKNOWN', 'BUSY'].includes(reply.error.code), reply.raw);
      await delay(reply.error.retryAfterMs ?? 200);
    }
    said.push(text);
    await delay(1500 * (0.5 + Math.random()));
  }
}

fleetTest(`${ROOMS} rooms talk through an outage of 10 s`, { timeout: 240000 }, async (fleet) => {
  const redis = await fleet.redis({ aof: true, conf: { appendfsync: 'always' } });
  const gateway = await fleet.gateway({ redis, env: QUICK });
  const games = [];
  for (let i = 0; i < ROOMS; i++) {
    const players = await Promise.all([`a${i}`, `b${i}`].map((name) => Returning.open(fleet, gateway, name)));
    games.push({ players, said: [[], []] });
  }
  await Promise.all(games.map(async (game) => (game.room = await pairAt(game.players))));
  let going = true;
  const talking = games.flatMap(({ players, room, said }) => players.map((player, i) => talk(player, room, said[i], () => going)));
  await redis.kill();
  await adopted(gateway, ROOMS);
  await delay(10000);
  const since = now();
  await redis.start();
  const answers = now();
  await waitFor(async () => (await gateway.get('/health')).status === 200, { what: 'ok', timeoutMs: 30000, stepMs: 10 });
  const ok = now();
  await home(gateway);
  const left = now();
  await waitFor(() => games.every(({ said }) => said.every((texts) => texts.length > 5)), { what: 'more to be said', timeoutMs: 60000 });
  going = false;
  await Promise.all(talking);
  const restored = await outcomes(gateway, 'restored');
  assert.ok(restored >= ROOMS); // a busy machine may take so long with all of them that it loses Redis once more
  assert.equal(restored, await outcomes(gateway, 'adopted'));
  assert.equal(await outcomes(gateway, 'changed'), 0);
  for (const { players, room, said } of games)
    for (const [i, player] of players.entries()) {
      const theirs = said[1 - i];
      await waitFor(() => player.messages(room).length >= theirs.length, { what: `${player.name} to hear all` });
      assert.deepEqual(player.messages(room), theirs); // each once, in their order
      player.account(room);
    }
  const messages = games.reduce((sum, { said }) => sum + said[0].length + said[1].length, 0);
  figures(`${ROOMS} rooms, ${messages} messages; ok ${ok - answers} ms after Redis answered, all home after ${left - answers} ms (${left - since} ms with its start)`);
  await clean(fleet, redis);
});

let lastLevel = 0;
async function pairAt(players) {
  const level = ++lastLevel;
  for (const player of players) assert.ok((await player.ask('joinMatchmaking', { level })).ok);
  const [found] = await Promise.all(players.map(({ client }) => client.next('matchFound', { timeoutMs: 60000 })));
  await Promise.all(players.map(({ client }) => client.next('gameStart', { timeoutMs: 60000 })));
  return found.room;
}

// ---- why Redis takes no writes ----

const REASONS = {
  oom: [(redis) => redis.command('CONFIG', 'SET', 'maxmemory', 1), (redis) => redis.command('CONFIG', 'SET', 'maxmemory', 0)],
  readonly: [(redis) => redis.command('REPLICAOF', '127.0.0.1', '1'), (redis) => redis.command('REPLICAOF', 'NO', 'ONE')],
  no_write: [
    (redis) => redis.command('CONFIG', 'SET', 'min-replicas-to-write', 1),
    (redis) => redis.command('CONFIG', 'SET', 'min-replicas-to-write', 0),
  ],
  loading: [
    async (redis) => {
      await redis.command('DEBUG', 'POPULATE', 8000);
      await redis.command('BGREWRITEAOF'); // into the file that is read so slowly
      const written = async () => /aof_rewrite_in_progress:0[^]*aof_last_bgrewrite_status:ok/.test(await redis.command('INFO', 'persistence'));
      await waitFor(written, { what: 'the file to be written' });
      Object.assign(redis.conf, { 'key-load-delay': 400, 'loading-process-events-interval-bytes': 1024 }); // µs per key
      await redis.kill();
      redis.start(); // seconds later
    },
    () => {},
    (redis) => redis.command('EVAL', "for i = 0, 7999 do redis.call('DEL', 'key:' .. i) end", 0),
  ],
};

for (const [reason, [begin, end, tidy]] of Object.entries(REASONS))
  fleetTest(`${reason}: a room goes on, and comes home`, async (fleet) => {
    const redis = await fleet.redis({ aof: reason === 'loading', conf: { appendfsync: 'always', 'enable-debug-command': 'yes' } });
    const gateway = await fleet.gateway({ redis, env: LONG_LEASE });
    const [ann, bob] = [await Returning.open(fleet, gateway, 'ann'), await Returning.open(fleet, gateway, 'bob')];
    const room = await pair(ann, bob);
    await ann.say(room, 'before');
    await begin(redis);
    await gateway.proc.sees(new RegExp(`island\\.began.*reason=${reason}`), { timeoutMs: 30000 });
    await adopted(gateway);
    assert.ok((await ann.ask('updateGameData', { roomId: room, gameData: [reason], expectedVersion: 0 })).ok);
    await bob.say(room, 'there');
    await end(redis);
    await home(gateway);
    assert.equal(await outcomes(gateway, 'restored'), 1);
    await ann.say(room, 'home');
    await bob.client.next('gameMessage', says('home'));
    for (const player of [ann, bob]) player.account(room);
    assert.deepEqual(JSON.parse(await redis.command('HGET', 'game_states', room)).gameData, [reason]);
    await tidy?.(redis);
    await clean(fleet, redis);
  });

fleetTest('only the event link is away: no island begins, everything is asked of Redis', async (fleet) => {
  const { redis, line, gateway } = await alone(fleet);
  const [ann, bob] = [await fleet.client(gateway, 'ann'), await fleet.client(gateway, 'bob')];
  const { roomId } = await fleet.match(ann, bob);
  line.shut('events');
  await gateway.proc.sees(/store\.away/);
  const calls = line.calls('message');
  await stays(async () => {
    await ann.send('gameMessage', { roomId, message: 'on' });
    return (await island(gateway)) !== 0;
  }, { what: 'an island', ms: 6000, stepMs: 200 });
  assert.ok(line.calls('message') > calls);
  await bob.next('gameMessage', says('on'));
  line.open();
  await waitFor(async () => (await gateway.get('/health')).status === 200, { what: 'ok', timeoutMs: 20000 });
  assert.equal(await outcomes(gateway, 'adopted'), 0);
  await clean(fleet, redis);
});

// ---- a store that has lost everything ----

fleetTest('Redis comes back empty while the island was open: what was adopted and what began there is written anew', async (fleet) => {
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis, env: QUICK });
  const [ann, bob] = [await Returning.open(fleet, gateway, 'ann'), await Returning.open(fleet, gateway, 'bob')];
  const old = await pair(ann, bob);
  const silent = [await Returning.open(fleet, gateway, 'cy'), await Returning.open(fleet, gateway, 'dan')];
  const quiet = await pair(...silent);
  await redis.kill();
  await opened(gateway);
  const late = [await Returning.open(fleet, gateway, 'eve'), await Returning.open(fleet, gateway, 'fay')];
  const young = await pair(...late);
  await ann.say(old, 'there');
  await late[0].say(young, 'there');
  const waits = await fleet.client(gateway, 'gil');
  await waits.send('joinMatchmaking', { level: 6 });
  await began(gateway);
  await redis.start();
  await home(gateway);
  assert.equal(await outcomes(gateway, 'restored'), 3);
  await gateway.proc.sees(/store\.data_lost/);
  for (const [players, room] of [[[ann, bob], old], [silent, quiet], [late, young]]) {
    await players[0].say(room, 'home');
    await players[1].client.next('gameMessage', says('home'));
    for (const player of players) player.account(room);
  }
  await waitFor(async () => (await redis.command('LLEN', 'waiting:level:6')) === 1, { what: 'gil to wait' });
  const complaints = await fleet.audit(redis);
  assert.ok(complaints.length === 2 && complaints.every((text) => /I7 the log of room \S+ holds/.test(text)), complaints); // the rest is lost
});

fleetTest('who is new there has a name of his own at home', async (fleet) => {
  const { redis, line, gateway } = await alone(fleet);
  line.shut();
  await opened(gateway);
  const ann = await Client.open(gateway.port, { playerId: 'ann' });
  assert.equal(ann.welcome.durable, false);
  await ann.drop(); // comes and goes there: nothing of her reaches Redis
  const bob = await fleet.client(gateway, 'bob');
  line.open();
  await home(gateway);
  assert.deepEqual(await redis.command('HKEYS', 'players'), ['bob']);
  assert.equal((await bob.request('joinMatchmaking', { level: 1 })).data.status, 'waiting');
  await clean(fleet, redis);
});
