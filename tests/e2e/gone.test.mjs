// An instance that was frozen for longer than its lease, and swept: who has something left stays, who was replaced is closed
// with 4005, and of whom nothing is left with 4202: he comes back with his session and is told what became of him.
import assert from 'node:assert/strict';
import { fleetTest, waitFor } from '../lib/fleet.mjs';
import { Returning, pair } from '../lib/returning.mjs';
import { connect } from '../lib/sdk.mjs';

const QUICK = { LEASE_MS: 1200, HEARTBEAT_MS: 250, SWEEP_MS: 300, TIMER_POLL_MS: 50, QUEUE_GRACE_MS: 500 };
const GOODBYE = { code: 4202, reconnect: true, resume: true };

const stateOf = async (redis, player) => ((await redis.command('HGET', 'players', player)) ?? 'none').split('|')[0];
const closedWith = async (gateway, code) => (await gateway.metrics()).value('matchgate_connections_closed_total', { code }) ?? 0;

async function start(fleet, env = {}) {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { ...QUICK, GRACE_MS: 30000, ...env } });
  return { redis, a, b };
}

async function freeze(redis, a, b, players) {
  a.proc.stop();
  await waitFor(() => b.log.includes('instance.swept'), { what: 'the frozen one to be swept', timeoutMs: 20000 });
  for (const player of players)
    await waitFor(async () => (await stateOf(redis, player)) === 'none', { what: `the record of ${player} to go`, timeoutMs: 20000 });
}

async function isGone(player) {
  const { data } = await player.client.next('goodbye', { timeoutMs: 20000 });
  for (const [key, value] of Object.entries(GOODBYE)) assert.equal(data[key], value, key);
  assert.ok(data.delayMs > 0 && data.delayMs <= 500, `delayMs is ${data.delayMs}`);
  assert.equal((await player.client.closed).code, 4202);
}

fleetTest('swept while it was frozen: a seat in grace stays, a replaced one hears 4005, who has nothing left 4202', async (fleet) => {
  const { redis, a, b } = await start(fleet);
  const names = ['ann', 'idle', 'waits', 'moved'];
  const [ann, idle, waits, moved] = await Promise.all(names.map((name) => Returning.open(fleet, a, name)));
  const bob = await Returning.open(fleet, b, 'bob');
  const roomId = await pair(ann, bob);
  assert.equal((await waits.ask('joinMatchmaking', { level: 7 })).data.status, 'waiting');
  await freeze(redis, a, b, ['idle', 'waits', 'moved']);
  const replaced = moved.client;
  await moved.back(b, { drop: false });

  a.proc.cont();
  await Promise.all([isGone(idle), isGone(waits)]);
  assert.equal((await replaced.closed).code, 4005);
  await bob.client.next('opponentReconnected', { timeoutMs: 20000 });
  await ann.say(roomId, 'still here');
  assert.equal((await bob.client.next('gameMessage')).data.message, 'still here');
  assert.equal(ann.client.close, null);
  assert.equal(moved.client.close, null);
  assert.equal(await closedWith(a, '4202'), 2);

  for (const [player, gateway] of [[waits, a], [idle, b]]) {
    const { sessionId } = player.welcome;
    const welcome = await player.back(gateway, { drop: false });
    assert.deepEqual([welcome.sessionId, welcome.recovered, welcome.queue, welcome.rooms], [sessionId, true, null, []]);
  }
  assert.equal((await waits.ask('joinMatchmaking', { level: 7 })).data.status, 'waiting');
  assert.equal((await idle.ask('joinMatchmaking', { level: 7 })).data.status, 'matched');
  await waits.client.next('gameStart');
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('the seat went with its grace time: 4202, and on return the end of the game as it was', async (fleet) => {
  const { redis, a, b } = await start(fleet, { GRACE_MS: 500 });
  const ann = await Returning.open(fleet, a, 'ann');
  const bob = await Returning.open(fleet, b, 'bob');
  const roomId = await pair(ann, bob);
  await ann.say(roomId, 'one');
  await freeze(redis, a, b, ['ann']);
  await bob.client.next('roomCleanup', { timeoutMs: 20000 });
  a.proc.cont();
  await isGone(ann);
  const welcome = await ann.back(b, { drop: false });
  assert.deepEqual(welcome.rooms, [{ roomId, ended: true }]);
  assert.equal((await ann.client.next('gameEnd')).data.reason, 'players_left');
  assert.equal((await ann.client.next('roomCleanup')).data.reason, 'players_left');
  ann.account(roomId, 3);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('the JavaScript client comes back by itself after 4202, and its ticket joins again', async (fleet, t) => {
  const { redis, a, b } = await start(fleet);
  const ann = connect(t, `ws://127.0.0.1:${a.port}`, { playerId: 'ann', timeoutMs: 30000 });
  const ticket = ann.join({ level: 3 });
  await waitFor(() => ticket.status === 'waiting');
  const { sessionId } = ann.session;
  await freeze(redis, a, b, ['ann']);
  a.proc.cont();
  const lost = await ann.once('disconnected');
  assert.deepEqual([lost.code, lost.final], [4202, false]);
  await waitFor(async () => (await stateOf(redis, 'ann')) === 'queued', { what: 'ann to wait again', timeoutMs: 20000 });
  assert.equal(ann.session.sessionId, sessionId);
  const bob = await fleet.client(b, 'bob');
  assert.equal((await bob.send('joinMatchmaking', { level: 3 })).status, 'matched');
  assert.equal((await ticket.matched).status, 'active');
  assert.deepEqual(await fleet.audit(redis), []);
});
