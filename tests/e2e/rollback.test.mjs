// Redis comes back with an older truth: nobody is left in the belief that what he saw last still counts.
import assert from 'node:assert/strict';
import { fleetTest, waitFor } from '../lib/fleet.mjs';
import { Returning, pair } from '../lib/returning.mjs';
import { mixed } from '../lib/socketio.mjs';

const isUp = (gateway) => async () => (await gateway.get('/health')).status === 200;
const allUp = (gateways) => Promise.all(gateways.map((gateway) => waitFor(isUp(gateway), { what: 'the gateway to be well again', timeoutMs: 30000 })));
const said = (message) => ({ filter: ({ data }) => data.message === message, timeoutMs: 20000 });
const lost = async (gateway) => (await gateway.metrics()).value('matchgate_room_store_older_total');

async function talk(from, to, room, message) {
  const { seq } = await from.say(room, message);
  await Promise.all(to.map(({ client }) => client.next('gameMessage', said(message))));
  return seq;
}

// Back to the last SAVE, as after an asynchronous failover.
async function rollBack(redis) {
  await redis.kill();
  await redis.start();
}

fleetTest('the other instance has written past our number: members get a snapshot, in another epoch', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const env = { GRACE_MS: 60000, LEASE_MS: 60000 };
  const a = await fleet.gateway({ redis: line, env });
  const b = await fleet.gateway({ redis, env });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const room = await pair(ann, bob);
  await talk(ann, [bob], room, 'kept');
  await redis.command('SAVE');
  for (let i = 0; i < 5; i++) await talk(ann, [bob], room, `lost ${i}`);
  const told = ann.view(room).highest;
  line.shut();
  await rollBack(redis);
  await allUp([b]);
  await bob.client.next('roomSnapshot', { timeoutMs: 20000 });
  for (let i = 0; i < 9; i++) await bob.say(room, `new ${i}`);
  const now = Number(await redis.command('HGET', `room:${room}`, 'seq'));
  assert.ok(now > told, `the store is at ${now}, ann at ${told}: the number alone says nothing`);
  line.open();
  await allUp([a]);
  const snapshot = (await ann.client.next('roomSnapshot', { timeoutMs: 20000 })).data;
  assert.ok(snapshot.seq >= now);
  assert.notEqual(snapshot.state.epoch, 1);
  await a.proc.sees(new RegExp(`room\\.store_older.*room=${room}.*from=${told}.*from_epoch=1 `));
  for (const gateway of [a, b]) assert.equal(await lost(gateway), 1);
  await talk(ann, [bob], room, 'after');
  await talk(bob, [ann], room, 'after that');
  for (const player of [ann, bob]) player.account(room);
  assert.equal(ann.view(room).epoch, bob.view(room).epoch);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('an event of the new epoch that comes first, with the very next number, is not taken for the next one', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const env = { GRACE_MS: 60000, LEASE_MS: 60000 };
  const a = await fleet.gateway({ redis: line, env });
  const b = await fleet.gateway({ redis, env });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const room = await pair(ann, bob);
  await redis.command('SAVE');
  await ann.ask('updateGameData', { roomId: room, gameData: 'lost', expectedVersion: 0 });
  for (let i = 0; i < 4; i++) await talk(ann, [bob], room, `lost ${i}`);
  const told = ann.view(room).highest;
  line.shut();
  await rollBack(redis);
  await allUp([b]);
  await bob.client.next('roomSnapshot', { timeoutMs: 20000 });
  await bob.ask('updateGameData', { roomId: room, gameData: 'new', expectedVersion: 0 });
  while (Number(await redis.command('HGET', `room:${room}`, 'seq')) < told) await bob.say(room, 'new');
  const held = line.holdReply('read_log', `room:${room}`);
  line.open();
  await held; // a knows nothing yet, but it hears again
  const heard = async () => (await a.metrics()).value('matchgate_room_events_received_total');
  const before = await heard();
  const { seq } = await bob.say(room, 'early');
  assert.equal(seq, told + 1);
  await waitFor(async () => (await heard()) > before, { what: 'the event to arrive' });
  const stale = ann.ask('updateGameData', { roomId: room, turn: 9, expectedVersion: 1 }); // the lost one
  line.release('commands');
  const snapshot = await ann.client.next('roomSnapshot', { timeoutMs: 20000 });
  assert.equal((await stale).error?.code, 'STALE_VERSION');
  const early = ann.client.pushes.findIndex(({ data }) => data.message === 'early');
  assert.ok(early < 0 || early > ann.client.pushes.indexOf(snapshot), 'the snapshot comes first');
  await talk(bob, [ann], room, 'after');
  await talk(ann, [bob], room, 'after that');
  for (const player of [ann, bob]) player.account(room);
});

fleetTest('our own request is the first to meet the older Redis: its answer comes behind the snapshot', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const a = await fleet.gateway({ redis: line, env: { LEASE_MS: 60000, SWEEP_MS: 60000 } });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, a, 'bob')];
  const room = await pair(ann, bob);
  await redis.command('SAVE');
  for (let i = 0; i < 5; i++) await talk(ann, [bob], room, `lost ${i}`);
  line.shut();
  await rollBack(redis);
  line.open('commands'); // without its events the instance is not up, and compares nothing yet
  let reply;
  await waitFor(async () => (reply = await ann.ask('gameMessage', { roomId: room, message: 'first' })).ok, { what: 'the message to be taken' });
  assert.equal(ann.client.all('roomSnapshot').length, 1);
  assert.ok(reply.data.seq <= ann.view(room).base, 'the snapshot is of behind it');
  line.open();
  await allUp([a]);
  await talk(bob, [ann], room, 'after');
  for (const player of [ann, bob]) player.account(room);
  assert.equal(await lost(a), 1);
});

fleetTest('an answer that waited for a number which was lost: OUTCOME_UNKNOWN, and the request is done when it comes again', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const env = { LEASE_MS: 60000, GRACE_MS: 60000 };
  const a = await fleet.gateway({ redis: line, env });
  const b = await fleet.gateway({ redis, env });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const room = await pair(ann, bob);
  await redis.command('SAVE');
  line.ignore('gameMessage');
  const held = line.holdReply('read_log', `room:${room}`);
  await bob.say(room, 'not heard at a');
  const id = ann.nextId;
  const answer = ann.ask('gameMessage', { roomId: room, message: 'lost' }); // its number comes behind one that is missing
  await bob.client.next('gameMessage', said('lost'));
  await held;
  await rollBack(redis);
  line.hear();
  line.release('commands');
  await allUp([a, b]);
  assert.equal((await answer).error?.code, 'OUTCOME_UNKNOWN');
  const again = await ann.ask('gameMessage', { roomId: room, message: 'lost' }, { id });
  assert.ok(again.ok, again.raw);
  await bob.client.next('gameMessage', said('lost'));
  await talk(bob, [ann], room, 'after');
  await talk(ann, [bob], room, 'after that');
  for (const player of [ann, bob]) player.account(room);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a user who may not ask for INFO: numbers alone still tell', async (fleet) => {
  const redis = await fleet.redis();
  const allow = () => redis.command('ACL', 'SETUSER', 'gate', 'on', '>pw', '~*', '&*', '+@all', '-info');
  await allow();
  const url = redis.url.replace('//', '//gate:pw@');
  const [a, b] = await fleet.gateways(2, { redis: url, env: { GRACE_MS: 60000 } });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const room = await pair(ann, bob);
  await redis.command('SAVE');
  for (let i = 0; i < 5; i++) await talk(ann, [bob], room, `lost ${i}`);
  await rollBack(redis);
  await allow();
  await allUp([a, b]);
  for (const { client } of [ann, bob]) await client.next('roomSnapshot', { timeoutMs: 20000 });
  for (const gateway of [a, b]) assert.equal(await lost(gateway), 1);
  assert.equal(await redis.command('EXISTS', 'lineage'), 0);
  await ann.say(room, 'after');
  await bob.client.next('gameMessage', said('after'));
});

fleetTest('the confirmations are lost: seats are confirmed again, the game starts once more', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const env = { LEASE_MS: 60000, HEARTBEAT_MS: 15000, CONFIRM_MS: 60000 }; // no beat is lost: nobody attaches again
  const a = await fleet.gateway({ redis: line, env });
  const b = await fleet.gateway({ redis, env });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  line.ignore('matchFound'); // a finds out later, by comparing
  await ann.ask('joinMatchmaking', { level: 1 });
  await bob.ask('joinMatchmaking', { level: 1 });
  const { room } = await bob.client.next('matchFound');
  await redis.command('SAVE');
  assert.equal(await redis.command('HGET', `room:${room}`, 'status'), 'waiting');
  line.hear();
  for (const { client } of [ann, bob]) await client.next('gameStart', { timeoutMs: 30000 });
  await talk(ann, [bob], room, 'lost');
  await rollBack(redis);
  await allUp([a, b]);
  const found = [];
  for (const { client } of [ann, bob]) {
    found.push((await client.next('roomSnapshot', { timeoutMs: 20000 })).data.state.status);
    if (found.at(-1) === 'waiting') await client.next('gameStart', { timeoutMs: 20000 });
  }
  assert.ok(found.includes('waiting'), 'bob is confirmed in the store: if ann is before he asks, his snapshot is of an active room');
  await talk(ann, [bob], room, 'after');
  for (const player of [ann, bob]) player.account(room);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a client that resumes where nobody knew the room: recovered false, though its number is there', async (fleet) => {
  const redis = await fleet.redis();
  const env = { GRACE_MS: 60000 };
  const a = await fleet.gateway({ redis, env });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, a, 'bob')];
  const room = await pair(ann, bob);
  await talk(ann, [bob], room, 'kept');
  await redis.command('SAVE');
  for (let i = 0; i < 5; i++) await talk(ann, [bob], room, `lost ${i}`);
  const seen = ann.seen()[room];
  a.proc.expectExit = true;
  await a.kill9();
  await rollBack(redis);
  const [b, c] = await fleet.gateways(2, { redis, env });
  const kept = bob.seen();
  kept[room] = 3; // bob's device had stored no more than what the store still has
  const welcome = await bob.back(b, { rooms: kept });
  assert.equal(welcome.recovered, true);
  await bob.client.next('roomEpoch');
  bob.view(room).begin(3, bob.view(room).epoch); // he begins anew
  for (let i = 0; i < 9; i++) await bob.say(room, `new ${i}`);
  assert.ok(Number(await redis.command('HGET', `room:${room}`, 'seq')) > seen);
  const again = await ann.back(c);
  assert.equal(again.recovered, false);
  assert.deepEqual(again.rooms, [{ roomId: room }]);
  const snapshot = (await ann.client.next('roomSnapshot')).data;
  assert.equal(snapshot.state.epoch, bob.view(room).epoch);
  await c.proc.sees(new RegExp(`session\\.store_older.*player=ann.*room=${room}.*epoch=1 seq=${seen} `));
  assert.equal(await lost(c), 1);
  // In the new epoch all is as ever.
  await ann.client.drop();
  await talk(bob, [], room, 'missed');
  assert.equal((await ann.back(b)).recovered, true);
  await ann.client.next('gameMessage', said('missed'));
  await talk(ann, [bob], room, 'after');
  ann.account(room);
});

fleetTest('a restart that loses nothing: a new epoch, and nobody is sent a snapshot', async (fleet) => {
  const redis = await fleet.redis({ aof: true, conf: { appendfsync: 'always' } });
  const env = { GRACE_MS: 60000 };
  const [a, b] = await fleet.gateways(2, { redis, env });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const room = await pair(ann, bob);
  await talk(ann, [bob], room, 'before');
  await bob.client.drop();
  await ann.client.next('opponentDisconnected', { timeoutMs: 20000 });
  await rollBack(redis);
  await allUp([a, b]);
  assert.equal((await bob.back(b)).recovered, true);
  await bob.client.next('roomEpoch', { timeoutMs: 20000 });
  await talk(ann, [bob], room, 'after');
  await talk(bob, [ann], room, 'after that');
  const welcome = await ann.back(b); // now with {epoch, seq}
  assert.equal(welcome.recovered, true);
  await talk(bob, [ann], room, 'and on');
  for (const player of [ann, bob]) player.account(room);
  for (const gateway of [a, b]) {
    assert.equal(await lost(gateway), 0);
    assert.equal((await gateway.metrics()).value('matchgate_store_data_lost_total'), 0);
    await gateway.proc.sees(/store\.changed/);
  }
  assert.deepEqual(await fleet.audit(redis), []);
});

// Three instances, each with players of its own; every one of them finds out.
async function threeOf(fleet, env = {}) {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(3, { redis, env: { GRACE_MS: 60000, ...env } });
  return { redis, gateways };
}

fleetTest('an empty Redis: every instance says so, and its players are registered again', async (fleet) => {
  const { redis, gateways } = await threeOf(fleet);
  const players = [];
  for (const [i, gateway] of gateways.entries()) for (const name of ['x', 'y']) players.push(await fleet.client(gateway, name + i));
  const { roomId } = await fleet.match(players[0], players[2]);
  await players[4].send('joinMatchmaking', { level: 7 });
  await rollBack(redis);
  await allUp(gateways);
  for (const client of [players[0], players[2]]) {
    const { data } = await client.next('roomCleanup', { timeoutMs: 20000 });
    assert.deepEqual([data.roomId, data.reason], [roomId, 'gone']);
  }
  for (const gateway of gateways) {
    await gateway.proc.sees(/store\.data_lost/);
    assert.equal((await gateway.metrics()).value('matchgate_store_data_lost_total'), 1);
    assert.ok((await gateway.stats()).warnings.some((text) => /without data/.test(text)));
  }
  await waitFor(async () => (await redis.command('HLEN', 'socket_mappings')) === 6, { what: 'all mappings', timeoutMs: 20000 });
  await players[1].send('joinMatchmaking', { level: 7 });
  assert.equal((await players[4].next('matchFound', { timeoutMs: 20000 })).data.opponentId, 'y0');
  for (const client of players) assert.equal(client.close, null);
  await waitFor(async () => (await fleet.audit(redis)).length === 0, { what: 'a clean audit', timeoutMs: 20000 });
});

fleetTest('a rolled back Redis: every instance says so; players who came later, tickets and rooms are put right', async (fleet) => {
  const { redis, gateways } = await threeOf(fleet);
  const [a, b, c] = gateways;
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const room = await pair(ann, bob);
  const idle = await fleet.client(c, 'idle');
  await talk(ann, [bob], room, 'kept');
  await redis.command('SAVE');
  await talk(ann, [bob], room, 'lost');
  const late = await fleet.client(c, 'late'); // his attach is lost
  const [eve, fay] = [await fleet.client(a, 'eve'), await fleet.client(b, 'fay')];
  const young = await fleet.match(eve, fay); // so is this room
  await late.send('joinMatchmaking', { level: 7 });
  const beats = async () => Number(/"beat":(\d+)/.exec(await redis.command('HGET', 'instance_info', idle.welcome.instanceId))[1]);
  const before = await beats();
  await waitFor(async () => (await beats()) > before, { what: 'another beat' });
  await rollBack(redis);
  await allUp(gateways);
  for (const gateway of gateways) {
    await gateway.proc.sees(/store\.data_lost/);
    assert.equal((await gateway.metrics()).value('matchgate_store_data_lost_total'), 1);
  }
  for (const { client } of [ann, bob]) assert.equal((await client.next('roomSnapshot', { timeoutMs: 20000 })).data.roomId, room);
  for (const client of [eve, fay]) assert.equal((await client.next('roomCleanup', { timeoutMs: 20000 })).data.roomId, young.roomId);
  await idle.send('joinMatchmaking', { level: 7 });
  assert.equal((await late.next('matchFound', { timeoutMs: 20000 })).data.opponentId, 'idle');
  await talk(ann, [bob], room, 'after');
  for (const player of [ann, bob]) player.account(room);
  for (const client of [late, idle, eve, fay]) assert.equal(client.close, null);
  await waitFor(async () => (await fleet.audit(redis)).length === 0, { what: 'a clean audit', timeoutMs: 20000 });
});

fleetTest('who left while the store forgot it does not stay for ever: idle, waiting and seated', async (fleet) => {
  const redis = await fleet.redis();
  const a = await fleet.gateway({ redis, env: { GRACE_MS: 2000, QUEUE_GRACE_MS: 1000 } });
  const [idle, waiting, gone, stays] = [await fleet.client(a, 'idle'), await fleet.client(a, 'waiting'), await fleet.client(a, 'gone'), await fleet.client(a, 'stays')];
  const { roomId } = await fleet.match(gone, stays);
  await waiting.send('joinMatchmaking', { level: 9 });
  await redis.command('SAVE');
  await Promise.all([idle, waiting, gone].map((client) => client.drop()));
  await stays.next('opponentDisconnected');
  const left = async () => (await redis.command('HKEYS', 'socket_mappings')).length;
  await waitFor(async () => (await left()) === 1, { what: 'three detaches' });
  await rollBack(redis);
  await allUp([a]);
  await waitFor(async () => (await left()) === 1, { what: 'the strays to be detached', timeoutMs: 20000 });
  assert.equal((await a.metrics()).value('matchgate_strays_total'), 3);
  await a.proc.sees(/session\.stray player=waiting .*was=queued/);
  await stays.next('playerLeft', { timeoutMs: 20000 });
  await stays.next('roomCleanup', { filter: ({ data }) => data.roomId === roomId });
  await waitFor(async () => (await redis.command('HKEYS', 'players')).join() === 'stays', { what: 'only one to be left', timeoutMs: 20000 });
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('Socket.IO: a request that meets the new epoch of another instance is answered behind the snapshot as well', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const env = { GRACE_MS: 60000, LEASE_MS: 60000, SWEEP_MS: 60000 };
  const a = await fleet.gateway({ redis: line, env });
  const b = await fleet.gateway({ redis, env });
  const { ann, bob, room } = await mixed(fleet, a, b);
  await redis.command('SAVE');
  for (let i = 0; i < 9; i++) await ann.ask('gameMessage', { roomId: room, message: `lost ${i}` });
  line.shut();
  await rollBack(redis);
  await allUp([b]);
  await bob.next('roomSnapshot', { timeoutMs: 20000 });
  await bob.send('gameMessage', { roomId: room, message: 'new' });
  line.open('commands'); // a hears of nothing that b does
  const taken = async () => {
    const reply = await ann.request('gameMessage', { roomId: room, message: 'first' });
    return reply.ok && { seq: reply.data.seq, snapshot: ann.all('roomSnapshot').at(-1) };
  };
  const { seq, snapshot } = await waitFor(taken, { what: 'the message to be taken', timeoutMs: 20000 });
  assert.ok(snapshot, 'the snapshot comes first');
  assert.ok(seq <= snapshot.data.seq);
  assert.notEqual(snapshot.data.state.epoch, 1);
  line.open();
  await allUp([a]);
  await bob.send('gameMessage', { roomId: room, message: 'after' });
  await ann.next('gameMessage', ({ data }) => data.message === 'after');
  assert.deepEqual(await fleet.audit(redis), []);
});
