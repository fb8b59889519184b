// Coming back with a session: on the same and on another instance, with all that was missed.
// Takes 19 s.
import assert from 'node:assert/strict';
import { figures, fleetTest, now, stays, waitFor } from '../lib/fleet.mjs';
import { Returning, pair, percentile } from '../lib/returning.mjs';

const BUILD = process.env.MATCHGATE_BIN ? 'the binary given' : 'debug build';

const events = (player, room) => [...player.view(room).pushes].map(([seq, { event }]) => `${seq} ${event}`);
const latencies = [];

async function back(player, where, options) {
  const { sessionId, resumeToken } = player.welcome;
  const welcome = await player.back(where, options);
  latencies.push(player.latencyMs);
  assert.equal(welcome.sessionId, sessionId);
  assert.equal(welcome.resumeToken, resumeToken);
  return welcome;
}

// ann stays, bob comes back at `to`; with what he missed and without a gap to what follows.
async function missedAndMore(fleet, redis, at, from, to) {
  const [ann, bob] = [await Returning.open(fleet, at, 'ann'), await Returning.open(fleet, from, 'bob')];
  assert.match(ann.welcome.resumeToken, /^[\w-]{10,}$/);
  assert.equal(ann.welcome.resumeTtlMs, 1800000);
  assert.equal(ann.welcome.recovered, false);
  const room = await pair(ann, bob);
  await ann.say(room, 'one');
  await bob.say(room, 'his own, with its reply');
  await bob.client.next('gameMessage');
  await bob.client.drop();
  await ann.client.next('opponentDisconnected');
  const left = bob.seen()[room];
  for (const message of ['two', 'three']) await ann.say(room, message);
  await ann.ask('updateGameData', { roomId: room, gameData: { n: 1 }, expectedVersion: 0 });
  await ann.ask('updatePlayerState', { roomId: room, state: 'up' });

  const welcome = await back(bob, to);
  assert.equal(welcome.recovered, true);
  assert.deepEqual(welcome.rooms, [{ roomId: room }]);
  assert.equal(welcome.queue, null);
  await ann.say(room, 'four');
  await bob.client.next('gameMessage', { filter: ({ data }) => data.message === 'four' });
  assert.deepEqual(events(bob, room).slice(-7), [
    `${left + 1} opponentDisconnected`,
    `${left + 2} gameMessage`,
    `${left + 3} gameMessage`,
    `${left + 4} gameDataUpdated`,
    `${left + 5} playerStateUpdated`,
    `${left + 6} opponentReconnected`,
    `${left + 7} gameMessage`,
  ]);
  assert.deepEqual(bob.view(room).pushes.get(left + 4).data.gameData, { n: 1 });
  assert.equal(bob.client.all('roomSnapshot').length, 0);
  await ann.client.next('opponentReconnected');
  await bob.say(room, 'five');
  await ann.client.next('gameMessage', { filter: ({ data }) => data.message === 'five' });
  bob.account(room, left + 8);
  ann.account(room, left + 8);
  if (redis) assert.deepEqual(await fleet.audit(redis), []);
}

for (const mode of ['remote', 'all', 'direct'])
  for (const where of ['the same instance', 'another one'])
    fleetTest(`missed events on ${where}, mode ${mode}`, async (fleet) => {
      const redis = await fleet.redis();
      const [a, b, c] = await fleet.gateways(3, { redis, env: { GRACE_MS: 20000, ROOM_EVENTS_MODE: mode } });
      await missedAndMore(fleet, redis, a, b, where === 'another one' ? c : b);
    });

fleetTest('missed events where the partner sits', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { GRACE_MS: 20000 } });
  await missedAndMore(fleet, redis, a, b, a);
});

fleetTest('missed events without Redis', async (fleet) => {
  const gateway = await fleet.gateway({ env: { GRACE_MS: 20000 } });
  await missedAndMore(fleet, null, gateway, gateway, gateway);
});

fleetTest('the old line still stands: the new one takes over without a gap, the old one closes with 4005', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const room = await pair(ann, bob);
  for (const to of [a, b]) {
    const old = bob.client;
    old.pause();
    const seen = bob.seen();
    await ann.say(room, 'unread');
    const welcome = await back(bob, to, { drop: false, rooms: seen });
    assert.equal(welcome.recovered, true);
    old.resume();
    assert.equal((await old.closed).code, 4005);
    await ann.say(room, 'read');
    await bob.client.next('gameMessage', { filter: ({ data }) => data.message === 'read' });
    bob.account(room);
    assert.equal(bob.client.all('roomSnapshot').length, 0);
  }
  assert.equal(ann.client.all('opponentDisconnected').length, 0);
  assert.deepEqual(bob.messages(room), ['unread', 'read', 'unread', 'read']);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('matched while nobody read: the room comes from its beginning', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { GRACE_MS: 20000 } });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  await bob.ask('joinMatchmaking', { level: 4 });
  bob.client.pause();
  await ann.ask('joinMatchmaking', { level: 4 });
  const { room } = await ann.client.next('gameStart');
  await ann.say(room, 'hello?');
  const welcome = await back(bob, a);
  assert.equal(welcome.recovered, true);
  assert.deepEqual(welcome.rooms, [{ roomId: room }]);
  await bob.client.next('gameMessage');
  assert.deepEqual(events(bob, room).slice(0, 3), ['1 matchFound', '2 gameStart', '3 gameMessage']);
  assert.equal(bob.client.all('matchFound')[0].data.opponentId, 'ann');
  await ann.client.next('opponentReconnected');
  await waitFor(() => bob.view(room).last === ann.view(room).last);
  bob.account(room);
  assert.equal(bob.client.all('roomSnapshot').length, 0);
  assert.deepEqual(await fleet.audit(redis), []);
});

for (const how of ['agreed', 'players_left'])
  fleetTest(`a game that ended meanwhile (${how}) is told with its end`, async (fleet) => {
    const redis = await fleet.redis();
    const [a, b] = await fleet.gateways(2, { redis, env: { GRACE_MS: 20000 } });
    const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
    const room = await pair(ann, bob);
    if (how === 'agreed') await bob.ask('endGame', { roomId: room, result: { winner: 'ann' } });
    await bob.client.drop();
    await ann.client.next('opponentDisconnected');
    if (how === 'agreed') await ann.ask('endGame', { roomId: room, result: { winner: 'ann' } });
    else await ann.ask('leaveRoom', { roomId: room });
    const welcome = await back(bob, a);
    assert.equal(welcome.recovered, true);
    assert.deepEqual(welcome.rooms, [{ roomId: room, ended: true }]);
    await bob.client.next('roomCleanup');
    const { reason, result } = bob.client.all('gameEnd')[0].data;
    assert.deepEqual([reason, result], [how, how === 'agreed' ? { winner: 'ann' } : null]);
    const left = how === 'agreed' ? [] : ['playerLeft'];
    assert.deepEqual(bob.client.pushes.slice(1).map(({ event }) => event), ['opponentDisconnected', ...left, 'gameEnd', 'roomCleanup']);
    bob.account(room);
    const again = await pair(ann, bob);
    assert.notEqual(again, room);
    await bob.say(again, 'go on');
    await ann.client.next('gameMessage');
    ann.account(again);
    assert.deepEqual(await fleet.audit(redis), []);
  });

fleetTest('a game that ended too long ago is gone, and the session goes on', async (fleet) => {
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis, env: { GRACE_MS: 20000 } });
  const [ann, bob] = [await Returning.open(fleet, gateway, 'ann'), await Returning.open(fleet, gateway, 'bob')];
  const room = await pair(ann, bob);
  await bob.client.drop();
  await ann.client.next('opponentDisconnected');
  await ann.ask('leaveRoom', { roomId: room });
  assert.ok((await redis.command('PTTL', `room:${room}:log`)) > 0);
  await redis.command('DEL', `room:${room}:log`);
  const welcome = await back(bob, gateway);
  assert.equal(welcome.recovered, false);
  assert.deepEqual(welcome.rooms, [{ roomId: room, ended: true }]);
  assert.equal((await bob.client.next('roomCleanup')).data.reason, 'gone');
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a seat lost to the grace time: its room is over for him, though it lives', async (fleet) => {
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis, env: { GRACE_MS: 200, ROOM_SEATS: 3 } });
  const players = [];
  for (const name of ['ann', 'bob', 'cat']) players.push(await Returning.open(fleet, gateway, name));
  const [ann, bob, cat] = players;
  const room = await pair(...players);
  await bob.client.drop();
  await ann.client.next('playerLeft');
  const welcome = await back(bob, gateway);
  assert.deepEqual(welcome.rooms, [{ roomId: room, ended: true }]);
  assert.equal((await bob.client.next('roomCleanup')).data.reason, 'gone');
  await ann.say(room, 'among us');
  await cat.client.next('gameMessage');
  assert.equal(bob.client.all('gameMessage').length, 0);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a cancelled match: requeued he hears of it and keeps his ticket; gone himself he hears that too', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { CONFIRM: 'client', CONFIRM_MS: 20000, QUEUE_GRACE_MS: 20000 } });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const { ticketId } = (await bob.ask('joinMatchmaking', { level: 2 })).data;
  await ann.ask('joinMatchmaking', { level: 2 });
  const { room } = await bob.client.next('matchFound');
  bob.client.pause();
  await ann.client.next('matchFound');
  await ann.ask('leaveRoom', { roomId: room });
  await b.proc.sees('match cancelled').catch(() => {});
  const welcome = await back(bob, a);
  assert.equal(welcome.recovered, true);
  assert.deepEqual(welcome.queue, { level: 2, ticketId });
  assert.deepEqual(welcome.rooms, [{ roomId: room, ended: true }]);
  const cancelled = await bob.client.next('matchCancelled');
  assert.deepEqual([cancelled.seq, cancelled.data.requeued, cancelled.data.reason], [2, true, 'player_gone']);
  assert.deepEqual(bob.client.pushes.slice(1).map(({ event }) => event).slice(0, 1), ['matchCancelled']);
  await bob.client.next('waiting');

  await ann.ask('joinMatchmaking', { level: 2 });
  const second = (await bob.client.next('matchFound')).room;
  await bob.client.drop();
  assert.equal((await ann.client.next('matchCancelled')).data.requeued, true);
  const home = await back(bob, b);
  assert.equal(home.queue, null);
  assert.ok(home.rooms.some(({ roomId, ended }) => roomId === second && ended));
  const own = await bob.client.next('matchCancelled', { filter: (push) => push.room === second });
  assert.equal(own.data.requeued, false);
  bob.account(second);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('the log no longer reaches back: recovered false, a snapshot, and from its number on no gap and no double', async (fleet) => {
  const redis = await fleet.redis();
  const env = { GRACE_MS: 20000, ROOM_LOG_MAX: 16, MESSAGES_PER_SECOND: 0 };
  const [a, b, c] = await fleet.gateways(3, { redis, env });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const room = await pair(ann, bob);
  for (const to of [b, c, a]) {
    await bob.client.drop();
    await ann.client.next('opponentDisconnected');
    for (let i = 0; i < 30; i++) await ann.say(room, `lost ${i}`);
    await ann.ask('updateGameData', { roomId: room, turn: 7 + ann.view(room).last, expectedVersion: [b, c, a].indexOf(to) });
    let n = 0;
    let streaming = true;
    const stream = (async () => {
      while (streaming) await ann.say(room, `live ${n++}`);
    })();
    const welcome = await back(bob, to);
    assert.equal(welcome.recovered, false);
    const snapshot = (await bob.client.next('roomSnapshot')).data;
    assert.equal(snapshot.state.seq, snapshot.seq);
    assert.ok(snapshot.state.turn > 7);
    await waitFor(() => bob.view(room).last > snapshot.seq + 20, { what: 'twenty more' });
    streaming = false;
    await stream;
    await waitFor(() => bob.view(room).last === ann.view(room).last, { what: 'both to have the same' });
    bob.account(room);
    assert.equal(bob.client.all('roomSnapshot').length, 1);
    bob.views.get(room).order = [];
  }
  assert.deepEqual(await fleet.audit(redis, { logMax: 16 }), []);
});

fleetTest('wrong token, somebody else\'s session, none, an expired one: a new session, and the seat all the same', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { SESSION_TTL_MS: 1000, GRACE_MS: 20000 } });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const room = await pair(ann, bob);
  const hers = ann.welcome;
  const tries = [
    { token: 'k_guessed' },
    { session: 'n_unknown' },
    { session: hers.sessionId, token: hers.resumeToken },
    { session: hers.sessionId },
  ];
  for (const options of tries) {
    const before = bob.welcome;
    const welcome = await bob.back(a, options);
    assert.equal(welcome.playerId, 'bob');
    assert.notEqual(welcome.sessionId, before.sessionId);
    assert.notEqual(welcome.sessionId, hers.sessionId);
    assert.notEqual(welcome.resumeToken, before.resumeToken);
    assert.equal(welcome.recovered, false);
    await bob.client.next('roomSnapshot');
  }
  const { sessionId } = bob.welcome;
  const key = `session:${sessionId}`;
  assert.ok((await redis.command('PTTL', key)) > 1000, 'it lives while its player is connected');
  assert.ok(!(await redis.command('HGETALL', key)).includes(bob.welcome.resumeToken), 'the token itself is not stored');
  await bob.client.drop();
  await waitFor(async () => (await redis.command('EXISTS', key)) === 0, { what: 'the session to expire' });
  const welcome = await bob.back(b);
  assert.notEqual(welcome.sessionId, sessionId);
  await bob.client.next('roomSnapshot');
  assert.equal((await back(ann, b)).recovered, true, 'hers was not touched');
  await ann.say(room, 'still me');
  await bob.client.next('gameMessage');
  for (const gateway of [a, b]) assert.ok(!gateway.log.includes(hers.resumeToken), 'the log shows a token');
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('resume that cannot be read is refused with a reason', async (fleet) => {
  const gateway = await fleet.gateway();
  const good = { session: 'n_1', token: 'k_1' };
  const five = Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`r_${n}`, 1]));
  const wrong = [7, [], 'x', {}, { session: 'n_1' }, { ...good, session: 'a b' }, { ...good, token: 5 }, { ...good, rooms: [] },
    { ...good, rooms: { r_1: -1 } }, { ...good, rooms: { r_1: '1' } }, { ...good, rooms: { r_1: 1.5 } }, { ...good, rooms: { 'a b': 1 } },
    { ...good, rooms: five }];
  for (const resume of wrong) {
    const client = await fleet.client(gateway, { hello: true });
    const { code, message } = await client.fails('hello', { playerId: 'ann', resume });
    assert.equal(code, 'BAD_REQUEST', JSON.stringify(resume));
    assert.match(message, /resume/);
    await client.send('hello', { playerId: 'ann', resume: null }); // it can be said again
    assert.equal((await client.next('welcome')).data.recovered, false);
  }
});

fleetTest('nobody reads a room by naming it', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { GRACE_MS: 20000 } });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const eve = await Returning.open(fleet, a, 'eve');
  const ended = await pair(ann, bob);
  await ann.say(ended, 'secret');
  await ann.ask('leaveRoom', { roomId: ended });
  await bob.client.next('roomCleanup');
  const room = await pair(ann, bob);
  await ann.say(room, 'secret');
  const own = await pair(eve, await Returning.open(fleet, b, 'mallory'));
  for (const where of [a, b]) {
    const welcome = await back(eve, where, { rooms: { [room]: 0, [ended]: 0, r_none: 0, [own]: eve.seen()[own] } });
    assert.deepEqual(welcome.rooms, [{ roomId: own }, ...[room, ended, 'r_none'].map((roomId) => ({ roomId, ended: true }))]);
    const gone = [await eve.client.next('roomCleanup'), await eve.client.next('roomCleanup'), await eve.client.next('roomCleanup')];
    assert.deepEqual(gone.map(({ data }) => data), [room, ended, 'r_none'].map((roomId) => ({ roomId, reason: 'gone' })));
    await ann.say(room, 'more');
    await bob.client.next('gameMessage', { filter: ({ data }) => data.message === 'more' });
    assert.ok(!eve.client.pushes.some(({ raw }) => raw.includes('secret') || raw.includes('more')));
    eve.account(own);
  }
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a queue place within the grace time and after it', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { ROOM_SEATS: 4, QUEUE_GRACE_MS: 1000 } });
  const players = [];
  const tickets = [];
  for (const name of ['ann', 'bob', 'cat']) {
    const player = await Returning.open(fleet, a, name);
    tickets.push((await player.ask('joinMatchmaking', { level: 5 })).data.ticketId);
    players.push(player);
  }
  const queue = () => redis.command('LRANGE', 'waiting:level:5', 0, -1);
  const [ann, bob] = players;
  await ann.client.drop();
  await waitFor(async () => (await queue()).length === 2, { what: 'her place to be free' });
  const dan = await Returning.open(fleet, b, 'dan');
  await dan.ask('joinMatchmaking', { level: 5 }); // three wait: no match with one who is away
  assert.deepEqual(await queue(), ['bob', 'cat', 'dan']);
  await dan.ask('leaveMatchmaking');
  assert.deepEqual((await back(ann, b)).queue, { level: 5, ticketId: tickets[0] });
  assert.equal((await ann.client.next('waiting')).data.position, 1);
  assert.deepEqual(await queue(), ['ann', 'bob', 'cat']);
  await bob.client.drop();
  await waitFor(async () => (await redis.command('HEXISTS', 'players', 'bob')) === 0, { what: 'his ticket to be forgotten' });
  assert.equal(await redis.command('ZCARD', 'deadlines'), 0);
  const welcome = await back(bob, a);
  assert.equal(welcome.queue, null);
  assert.equal(welcome.recovered, true);
  const { ticketId, position } = (await bob.ask('joinMatchmaking', { level: 5 })).data;
  assert.notEqual(ticketId, tickets[1]);
  assert.equal(position, 3);
  assert.deepEqual(await queue(), ['ann', 'cat', 'bob']);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a queue place without Redis', async (fleet) => {
  const gateway = await fleet.gateway({ env: { QUEUE_GRACE_MS: 300 } });
  const ann = await Returning.open(fleet, gateway, 'ann');
  const { ticketId } = (await ann.ask('joinMatchmaking', { level: 5 })).data;
  assert.deepEqual((await back(ann, gateway)).queue, { level: 5, ticketId });
  await ann.client.drop();
  const bob = await Returning.open(fleet, gateway, 'bob');
  await bob.ask('joinMatchmaking', { level: 5 });
  await stays(() => bob.client.all('matchFound').length, { ms: 500, what: 'a match with one who is away' });
  assert.equal((await back(ann, gateway)).queue, null);
  await ann.ask('joinMatchmaking', { level: 5 });
  await Promise.all([ann, bob].map(({ client }) => client.next('gameStart')));
});

fleetTest('figures', async () => {
  assert.ok(latencies.length > 20);
  figures(`hello.resume to welcome, one at a time: p50 ${percentile(latencies, 0.5)} ms, p99 ${percentile(latencies, 0.99)} ms (n=${latencies.length}, ${BUILD})`);
});
