// What a player says about himself when he joins: who reads it, in which form, and what it outlasts.
// Takes 22 s.
import assert from 'node:assert/strict';
import { fleetTest, waitFor } from '../lib/fleet.mjs';
import { QUICK, began, home, opened } from '../lib/islands.mjs';
import { Returning } from '../lib/returning.mjs';
import { sio } from '../lib/socketio.mjs';

const LEVEL = 7;
const HERS = { name: 'Änn|"a"', hero: { kind: 'archer', hp: [1, 2] } };
const HIS = { name: 'Bob' };
const join = (client, setup) => client.send('joinMatchmaking', { level: LEVEL, setup });
const setups = ({ data }) => Object.fromEntries(data.players.map(({ id, setup }) => [id, setup]));
const kept = async (redis, player) => ((await redis.command('HGET', 'players', player)) ?? '').split('|').slice(8).join('|');
const isKept = (redis, player) => async () => (await kept(redis, player)) !== '';
const clean = async (fleet, redis) => assert.deepEqual(await fleet.audit(redis, { settleMs: 10000 }), []);

fleetTest('both read it with matchFound, byte for byte, on two instances; then it is gone', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { CONFIRM: 'client', CONFIRM_MS: 60000 } });
  const [ann, bob] = [await fleet.client(a, 'ann'), await fleet.client(b, 'bob')];
  const raw = '{ "n" : 12345678901234567890, "x":1e999,"y":"\\u00e4\\"},{|"}';
  await ann.send('joinMatchmaking', `{"level":${LEVEL},"setup":${raw}}`, { rawData: true });
  await join(bob);
  const found = [await ann.next('matchFound'), await bob.next('matchFound')];
  for (const push of found) {
    assert.ok(push.raw.includes(`"players":[{"id":"ann","setup":${raw}},{"id":"bob"}]`), push.raw);
    assert.equal('opponentSetup' in push.data, false);
  }
  assert.equal(await kept(redis, 'ann'), raw);
  for (const client of [ann, bob]) await client.send('confirmJoined', { roomId: found[0].room });
  for (const client of [ann, bob]) await client.next('gameStart');
  assert.equal(await kept(redis, 'ann'), '');
  await clean(fleet, redis);
});

fleetTest('one that looks like the end of an event is still what he says; it comes again with what was missed', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const setup = { originInstanceId: 'x-1', timestamp: 1, seq: 99, epoch: 7, place: 'ann|x-1|s_1', requeued: 'ann', members: '' };
  const [ann, eve] = [await Returning.open(fleet, a, 'ann'), await fleet.client(b, 'eve')];
  await ann.ask('joinMatchmaking', { level: LEVEL });
  await join(eve, setup);
  const found = await ann.client.next('matchFound');
  assert.deepEqual([found.seq, setups(found)], [1, { ann: undefined, eve: setup }]);
  assert.equal((await ann.client.next('gameStart')).seq, 2);
  await ann.back(b, { rooms: { [found.room]: 0 } });
  const again = await ann.client.next('matchFound');
  assert.deepEqual([again.seq, again.data], [1, found.data]);
  await clean(fleet, redis);
});

fleetTest("the original's form, by its own client and by others; who he is he does not say himself", async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const [ann, bob, cy] = [await sio(fleet, a, 'ann'), await fleet.client(b, 'bob'), await fleet.client(b, 'cy')];
  const playerSetup = { socketId: ann.socket.id, playerId: 'cy', fields: '[{"x":1}]' };
  ann.socket.emit('joinMatchmaking', { addToQueue: { playerId: 'ann', playerSetup, nonce: 0 } });
  await ann.next('waiting');
  await bob.send('joinMatchmaking', { level: 0, setup: { ...HIS, playerId: 'ann' } });
  const [hers, his] = [await ann.next('matchFound'), await bob.next('matchFound')];
  assert.deepEqual(hers.data.opponentSetup, [{ playerId: 'bob', ...HIS }]);
  assert.deepEqual(setups(his), { ann: playerSetup, bob: { ...HIS, playerId: 'ann' } }); // as it was given
  assert.equal('opponentSetup' in his.data, false);

  // A native client that uses the call; and one who has given nothing.
  await bob.send('leaveRoom', { roomId: his.room });
  await ann.next('roomCleanup');
  await cy.send('joinMatchmaking', { addToQueue: { playerId: 'cy', playerSetup } });
  await ann.ask('joinMatchmaking', { level: 0 });
  assert.deepEqual((await cy.next('matchFound')).data.opponentSetup, [{ playerId: 'ann' }]);
  const again = (await ann.next('matchFound')).data;
  assert.deepEqual(again.opponentSetup, [{ playerId: 'cy', socketId: playerSetup.socketId, fields: playerSetup.fields }]);
  await clean(fleet, redis);
});

fleetTest('more than two players: all the others, in their order', async (fleet) => {
  const gateway = await fleet.gateway({ env: { ROOM_SEATS: 3 } });
  const [ann, bob, cy] = [await fleet.client(gateway, 'ann'), await sio(fleet, gateway, 'bob'), await fleet.client(gateway, 'cy')];
  await join(ann, HERS);
  await bob.ask('joinMatchmaking', { level: LEVEL, setup: HIS });
  await join(cy);
  assert.deepEqual((await bob.next('matchFound')).data.opponentSetup, [{ playerId: 'ann', ...HERS }, { playerId: 'cy' }]);
  assert.deepEqual(setups(await cy.next('matchFound')), { ann: HERS, bob: HIS, cy: undefined });
});

fleetTest('what is refused, and that nobody waits then', async (fleet) => {
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis });
  const [ann, bob] = [await fleet.client(gateway, 'ann'), await sio(fleet, gateway, 'bob')];
  const padded = (bytes) => ({ x: 'a'.repeat(bytes - '{"x":""}'.length) });
  for (const setup of [null, 7, 'x', [], [{}]]) assert.equal((await ann.fails('joinMatchmaking', { level: 1, setup })).code, 'BAD_REQUEST');
  assert.equal((await ann.fails('joinMatchmaking', { level: 1, setup: padded(1025) })).code, 'TOO_LARGE');
  const playerSetup = padded(1025);
  const refused = await bob.fails('joinMatchmaking', { addToQueue: { playerId: 'bob', playerSetup } });
  assert.equal(refused.code, 'TOO_LARGE');
  assert.match(refused.message, /1024 bytes/);
  let deep = {};
  for (let i = 1; i < 29; i++) deep = { deep };
  assert.match((await ann.fails('joinMatchmaking', { level: 1, setup: deep })).message, /28 deep/);
  assert.equal(await redis.command('EXISTS', 'waiting:level:0', 'waiting:level:1'), 0);
  await ann.send('joinMatchmaking', { level: 1, setup: padded(1024) });
  await bob.ask('joinMatchmaking', { level: 1, setup: deep.deep });
  const { data } = await bob.next('matchFound');
  assert.deepEqual(data.opponentSetup, [{ playerId: 'ann', ...padded(1024) }]);
  assert.deepEqual(data.players[1].setup, deep.deep);
  await clean(fleet, redis);
});

fleetTest('who waits and comes back on another instance has it still, with his session and without', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const ann = await Returning.open(fleet, a, 'ann');
  await ann.ask('joinMatchmaking', { level: LEVEL, setup: HERS });
  await ann.client.drop();
  await ann.back(b, { drop: false });
  await ann.client.next('waiting');
  const reloaded = await fleet.client(a, 'ann');
  await reloaded.next('waiting');
  const bob = await fleet.client(b, 'bob');
  await join(bob, HIS);
  for (const client of [reloaded, bob]) assert.deepEqual(setups(await client.next('matchFound')), { ann: HERS, bob: HIS });
  await clean(fleet, redis);
});

fleetTest('a match that does not start: who waits again has it still, who comes anew begins without', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { CONFIRM: 'client', CONFIRM_MS: 60000 } });
  const [ann, bob, cy] = [await fleet.client(a, 'ann'), await fleet.client(b, 'bob'), await fleet.client(b, 'cy')];
  await join(ann, HERS);
  await join(bob, HIS);
  const { room } = await ann.next('matchFound');
  await bob.next('matchFound');
  await ann.send('confirmJoined', { roomId: room });
  await redis.command('ZADD', 'deadlines', 'XX', 1, `confirm:${room}/${LEVEL}:1`); // the time to confirm is over
  assert.equal((await ann.next('matchCancelled')).data.requeued, true);
  await bob.next('matchCancelled');
  assert.equal(await kept(redis, 'bob'), '');
  await join(cy);
  assert.deepEqual(setups(await cy.next('matchFound')), { ann: HERS, cy: undefined });
  await ann.next('matchFound');
  await cy.bye(); // and once more: now somebody goes away
  await ann.next('matchCancelled');
  await join(bob);
  assert.deepEqual(setups(await bob.next('matchFound')), { ann: HERS, bob: undefined });
  await clean(fleet, redis);
});

fleetTest('who comes to his seat on a new page, before the game starts, is told it as well', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { CONFIRM: 'client', CONFIRM_MS: 60000 } });
  const [ann, bob] = [await fleet.client(a, 'ann'), await sio(fleet, b, 'bob')];
  await join(ann, HERS);
  await bob.ask('joinMatchmaking', { level: LEVEL, setup: HIS });
  await ann.next('matchFound');
  await bob.next('matchFound');
  const annAgain = await fleet.client(b, 'ann'); // her old page is still open, so her seat was never free
  const bobAgain = await sio(fleet, a, 'bob');
  assert.deepEqual(setups(await annAgain.next('matchFound')), { ann: HERS, bob: HIS });
  const { data } = await bobAgain.next('matchFound');
  assert.deepEqual([setups({ data }), data.opponentSetup], [{ ann: HERS, bob: HIS }, [{ playerId: 'ann', ...HERS }]]);
  for (const client of [annAgain.send.bind(annAgain), bobAgain.ask.bind(bobAgain)]) await client('confirmJoined', { roomId: data.roomId });
  await annAgain.next('gameStart');
  await clean(fleet, redis);
});

fleetTest('a store that was emptied is told it again, also by an instance to which he came later', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { ROOM_SEATS: 3, SWEEP_MS: 500, HEARTBEAT_MS: 300 } });
  const [ann, bob] = [await fleet.client(a, 'ann'), await Returning.open(fleet, a, 'bob')];
  await join(ann, HERS);
  await bob.ask('joinMatchmaking', { level: LEVEL, setup: HIS });
  await bob.back(b);
  await bob.client.next('waiting');
  await redis.command('FLUSHALL');
  for (const player of ['ann', 'bob']) await waitFor(isKept(redis, player), { what: `${player} to be known again`, timeoutMs: 30000 });
  const cy = await fleet.client(a, 'cy');
  await join(cy);
  assert.deepEqual(setups(await cy.next('matchFound', { timeoutMs: 20000 })), { ann: HERS, bob: HIS, cy: undefined });
  await clean(fleet, redis);
});

fleetTest('Redis away: it is told there too, and comes home with who waits', async (fleet) => {
  const redis = await fleet.redis({ aof: true, conf: { appendfsync: 'always' } });
  const [a, b] = await fleet.gateways(2, { redis, env: QUICK });
  const [ann, bob, cy] = [await fleet.client(a, 'ann'), await fleet.client(a, 'bob'), await fleet.client(a, 'cy')];
  await join(ann, HERS); // waits in Redis, then on the island
  await redis.kill();
  await began(a);
  await opened(a);
  const taken = (client, data) =>
    waitFor(async () => (await client.request('joinMatchmaking', data)).ok, { what: 'a join to be taken', timeoutMs: 20000 });
  await taken(bob, { level: LEVEL, setup: HIS });
  for (const client of [ann, bob]) assert.deepEqual(setups(await client.next('matchFound')), { ann: HERS, bob: HIS });
  await taken(cy, { level: 9, setup: HIS });
  await redis.start();
  for (const gateway of [a, b]) await home(gateway);
  await waitFor(isKept(redis, 'cy'), { what: 'cy to wait in Redis', timeoutMs: 20000 });
  const dan = await fleet.client(b, 'dan');
  await dan.send('joinMatchmaking', { level: 9, setup: HERS });
  assert.deepEqual(setups(await cy.next('matchFound')), { cy: HIS, dan: HERS });
  await clean(fleet, redis);
});
