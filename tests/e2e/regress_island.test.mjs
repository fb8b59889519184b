// Faults once found in playing on without Redis, each as the moves that led there.
import assert from 'node:assert/strict';
import { fleetTest, waitFor } from '../lib/fleet.mjs';
import { Returning, pair } from '../lib/returning.mjs';

const QUICK = { LEASE_MS: 1500, HEARTBEAT_MS: 300, SWEEP_MS: 300, TIMER_POLL_MS: 50, GRACE_MS: 60000 };
const isUp = (gateway) => async () => (await gateway.get('/health')).status === 200;
const island = async (gateway) => (await gateway.metrics()).value('matchgate_island');
const outcomes = async (gateway, outcome) => (await gateway.metrics()).value('matchgate_island_rooms_total', { outcome }) ?? 0;
const clean = async (fleet, redis) => assert.deepEqual(await fleet.audit(redis, { settleMs: 10000 }), []);
const adopted = (gateway) => waitFor(async () => (await outcomes(gateway, 'adopted')) === 1, { what: 'the room to be adopted', timeoutMs: 20000 });

async function home(gateway) {
  await waitFor(isUp(gateway), { what: 'the gateway to be well again', timeoutMs: 20000 });
  await waitFor(async () => (await island(gateway)) === 0, { what: 'the island to be left', timeoutMs: 20000 });
}

fleetTest('a connection that was replaced on the island ends when there is no island any more', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const gateway = await fleet.gateway({ redis: line, env: { ...QUICK, LEASE_MS: 60000 } });
  const [ann, bob] = [await Returning.open(fleet, gateway, 'ann'), await Returning.open(fleet, gateway, 'bob')];
  const room = await pair(ann, bob);
  line.shut();
  await adopted(gateway);
  const old = bob.client;
  old.pause(); // does not answer the Close frame
  await bob.back(gateway, { drop: false });
  line.open();
  await home(gateway);
  await gateway.proc.sees(/session\.closed player=bob .*code=4005/, { timeoutMs: 20000 });
  await bob.say(room, 'here');
  await ann.client.next('gameMessage');
  const swept = await gateway.metrics(); // the periodic work goes on
  assert.equal(swept.value('matchgate_sessions'), 2);
  await clean(fleet, redis);
});

// ann reports; Redis goes away; bob reports the same.
async function endsOnTheIsland(fleet, report) {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const gateway = await fleet.gateway({ redis: line, env: { ...QUICK, LEASE_MS: 60000 } });
  const ann = await fleet.client(gateway, 'ann');
  const bob = await fleet.client(gateway, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  const result = { winner: 'ann' };
  await report({ ann, roomId, result, redis, line });
  line.shut();
  await adopted(gateway);
  assert.equal((await bob.send('endGame', { roomId, result })).ended, true);
  line.open();
  await home(gateway);
  assert.equal(await redis.command('HLEN', 'matches'), 0);
  await clean(fleet, redis);
}

fleetTest('a result whose answer was lost counts on the island', async (fleet) => {
  await endsOnTheIsland(fleet, async ({ ann, roomId, result, line }) => {
    line.loseReply('end_game', roomId);
    assert.equal((await ann.fails('endGame', { roomId, result }, { id: 900 })).code, 'OUTCOME_UNKNOWN');
    const again = async () => (await ann.request('endGame', { roomId, result }, { id: 900 })).data;
    assert.equal((await waitFor(again, { what: 'the report to be known', timeoutMs: 20000 })).ended, false);
    await waitFor(() => line.calls('copy_room') > 0, { what: 'a copy to be made', timeoutMs: 20000 });
    await ann.send('getGameState', { roomId }); // answered behind it
  });
});

fleetTest('a result that was reported while a copy was being made counts on the island', async (fleet) => {
  await endsOnTheIsland(fleet, async ({ ann, roomId, result, redis, line }) => {
    line.loseReply('set_deadline', roomId); // so that the copy is thrown away
    await ann.fails('setTurnDeadline', { roomId, ms: 60000, expectedVersion: 0 });
    await line.holdReply('copy_room', roomId);
    const report = ann.send('endGame', { roomId, result });
    await waitFor(() => redis.command('HEXISTS', `room:${roomId}`, 'r:ann'), { what: 'the report to arrive' });
    line.release('commands');
    assert.equal((await report).ended, false);
  });
});

const said = (message) => ({ filter: ({ data }) => data.message === message, timeoutMs: 20000 });
const heard = (player, room, message) => player.messages(room).filter((text) => text === message).length;

// ann and bob on one gateway behind a line that can be shut, and another gateway.
async function beforeTheIsland(fleet, env = {}) {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const gateway = await fleet.gateway({ redis: line, env: { ...QUICK, LEASE_MS: 60000, ...env } });
  const other = await fleet.gateway({ redis, env: { ...QUICK, LEASE_MS: 60000, ...env } });
  const [ann, bob] = [await Returning.open(fleet, gateway, 'ann'), await Returning.open(fleet, gateway, 'bob')];
  return { redis, line, gateway, other, ann, bob, room: await pair(ann, bob) };
}

fleetTest('a request answered on the island is known to the store, also of a player who has lost his line since', async (fleet) => {
  const { redis, line, gateway, other, ann, bob, room } = await beforeTheIsland(fleet);
  line.shut();
  await adopted(gateway);
  const { seq } = await ann.say(room, 'once', { id: 900 });
  await bob.client.next('gameMessage', said('once'));
  await ann.client.drop();
  await bob.client.next('opponentDisconnected');
  line.open();
  await home(gateway);
  await ann.back(other); // as if the reply had not arrived
  assert.equal((await ann.say(room, 'once', { id: 900 })).seq, seq);
  await ann.say(room, 'after');
  await bob.client.next('gameMessage', said('after'));
  assert.equal(heard(bob, room, 'once'), 1);
  await clean(fleet, redis);
});

fleetTest('a message whose answer was lost on the way to the island is said when it is asked again at home', async (fleet) => {
  const { redis, line, gateway, ann, bob, room } = await beforeTheIsland(fleet);
  line.loseReply('message', room).then(() => line.shut());
  assert.equal((await ann.ask('gameMessage', { roomId: room, message: 'lost' }, { id: 900 })).error.code, 'OUTCOME_UNKNOWN');
  await adopted(gateway);
  await bob.say(room, 'on the island');
  line.open();
  await home(gateway);
  assert.equal(await outcomes(gateway, 'restored'), 1);
  await ann.say(room, 'lost', { id: 900 });
  await bob.client.next('gameMessage', said('lost'));
  for (const player of [ann, bob]) player.account(room);
  await clean(fleet, redis);
});

fleetTest('what the store did late, and nobody heard, does not undo the island', async (fleet) => {
  const { redis, line, gateway, ann, bob, room } = await beforeTheIsland(fleet);
  const first = { roomId: room, gameData: { move: 1 }, expectedVersion: 0 };
  line.loseReply('set_state', room).then(() => line.shut());
  assert.equal((await ann.ask('updateGameData', first, { id: 900 })).error.code, 'OUTCOME_UNKNOWN');
  await adopted(gateway);
  assert.equal((await ann.ask('updateGameData', first, { id: 900 })).data.version, 1);
  assert.equal((await bob.ask('updateGameData', { ...first, gameData: { move: 2 }, expectedVersion: 1 })).data.version, 2);
  line.open();
  await home(gateway);
  assert.equal(await outcomes(gateway, 'restored'), 1);
  assert.equal((await ann.ask('updateGameData', first, { id: 900 })).data.version, 1);
  assert.deepEqual((await bob.ask('getGameState', { roomId: room })).data.state.gameData, { move: 2 });
  for (const player of [ann, bob]) player.account(room);
  await clean(fleet, redis);
});

fleetTest('the same of one who has left his room there and lost his line then', async (fleet) => {
  const { redis, line, gateway, other, ann, bob, room } = await beforeTheIsland(fleet);
  line.shut();
  await adopted(gateway);
  assert.ok((await ann.ask('leaveRoom', { roomId: room }, { id: 900 })).ok);
  await bob.client.next('roomCleanup');
  await ann.client.drop();
  await gateway.proc.sees(/session\.closed player=ann/);
  line.open();
  await home(gateway);
  await ann.back(other);
  assert.ok((await ann.ask('leaveRoom', { roomId: room }, { id: 900 })).ok);
  await clean(fleet, redis);
});

// What Redis did just before it went away is undone when the room comes home from the island; it was answered all the same when it was
// asked for again.
for (const again of ['at home', 'on the island'])
  fleetTest(`a message whose answer was lost with Redis is said once, when it is asked for again ${again}`, async (fleet) => {
    const redis = await fleet.redis();
    const line = await fleet.faultProxy(redis);
    const gateway = await fleet.gateway({ redis: line, env: { ...QUICK, LEASE_MS: 60000 } });
    const [ann, bob] = [await Returning.open(fleet, gateway, 'ann'), await Returning.open(fleet, gateway, 'bob')];
    const room = await pair(ann, bob);
    const id = ann.nextId;
    const first = ann.ask('gameMessage', { roomId: room, message: 'lost' }, { id });
    await line.loseReply('message', 'ann').then(() => line.shut());
    assert.equal((await first).error.code, 'OUTCOME_UNKNOWN');
    await adopted(gateway);
    if (again === 'on the island') await ann.say(room, 'lost', { id });
    await bob.say(room, 'alone');
    line.open();
    await home(gateway);
    await ann.say(room, 'lost', { id });
    await bob.client.next('gameMessage', { filter: ({ data }) => data.message === 'lost' });
    await ann.say(room, 'end');
    await bob.client.next('gameMessage', { filter: ({ data }) => data.message === 'end' });
    ann.account(room);
    bob.account(room);
    assert.deepEqual(bob.messages(room).filter((text) => text === 'lost'), ['lost']);
    await clean(fleet, redis);
  });

// The line that asked is gone, and with it the gateway that knew of it: whoever has the player now knows up to where the store has
// answered him.
fleetTest('a message that was said through another gateway is not said again on the island', async (fleet) => {
  const redis = await fleet.redis();
  const [there, here] = [await fleet.faultProxy(redis), await fleet.faultProxy(redis)];
  const env = { ...QUICK, LEASE_MS: 60000 };
  const [a, b] = [await fleet.gateway({ redis: there, env }), await fleet.gateway({ redis: here, env })];
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const room = await pair(ann, bob);
  const id = ann.nextId;
  const first = ann.ask('gameMessage', { roomId: room, message: 'lost' }, { id });
  await there.loseReply('message', 'ann').then(() => there.shut());
  assert.equal((await first).error.code, 'OUTCOME_UNKNOWN');
  await bob.client.next('gameMessage', { filter: ({ data }) => data.message === 'lost' });
  assert.equal((await ann.back(b)).recovered, true);
  const copies = here.calls('copy_room');
  await waitFor(() => here.calls('copy_room') > copies, { what: 'a copy to be made', timeoutMs: 20000 });
  await ann.client.send('getGameState', { roomId: room }); // answered behind it
  here.shut();
  await adopted(b);
  assert.equal((await ann.ask('gameMessage', { roomId: room, message: 'lost' }, { id })).error?.code, 'OUTCOME_UNKNOWN');
  await bob.say(room, 'alone');
  there.open();
  here.open();
  await home(b);
  await ann.say(room, 'lost', { id });
  await ann.say(room, 'end');
  await bob.client.next('gameMessage', { filter: ({ data }) => data.message === 'end' });
  ann.account(room);
  bob.account(room);
  assert.deepEqual(bob.messages(room), ['lost', 'end']); // his own he was answered
  await clean(fleet, redis);
});
