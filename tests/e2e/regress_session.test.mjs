// Regressions: connections that come, go and are replaced while answers are late or lost, and stops at a bad moment.
// Takes 21 s.
import assert from 'node:assert/strict';
import { fleetTest, now, stays, waitFor, within } from '../lib/fleet.mjs';
import { Returning } from '../lib/returning.mjs';

const record = (redis, player) => redis.command('HGET', 'players', player);
const socketsOf = async (redis, player) =>
  Object.values(await (await redis.cli()).hash('socket_mappings')).filter((text) => JSON.parse(text).playerId === player);

// A match of one who will come back with his session, and of others; resolves with the room's id.
async function seated(player, ...others) {
  await player.ask('joinMatchmaking', { level: 3 });
  for (const other of others) await other.send('joinMatchmaking', { level: 3 });
  await Promise.all([player.client, ...others].map((client) => client.next('gameStart')));
  return player.client.all('matchFound')[0].room;
}

async function twoGateways(fleet, env) {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const a = await fleet.gateway({ redis: line, env });
  const b = await fleet.gateway({ redis, env });
  return { redis, line, a, b };
}

for (const leaves of [true, false]) {
  fleetTest(`an attach whose reply is lost leaves no ghost; the client ${leaves ? 'is gone by then' : 'waits'}`, async (fleet) => {
    const { redis, line, a, b } = await twoGateways(fleet, { GRACE_MS: 1000 });
    const ann = await fleet.client(b, 'ann');
    const bob = await fleet.client(b, 'bob');
    await fleet.match(ann, bob);
    const held = line.holdReply('attach', 'ann');
    const again = await fleet.client(a, { playerId: 'ann', wait: false });
    await held;
    assert.equal((await ann.closed).code, 4005); // the seat is with the new connection now
    if (leaves) {
      await again.drop();
      await a.proc.sees(/session\.closed .*player=ann/);
    }
    line.cut('commands');
    line.release('commands');
    if (!leaves) assert.equal((await again.closed).code, 4103);
    await bob.next('opponentDisconnected');
    await bob.next('gameEnd');
    await waitFor(async () => (await record(redis, 'ann')) === null, { what: 'her record to go' });
    assert.deepEqual(await socketsOf(redis, 'ann'), []);
    assert.deepEqual(await fleet.audit(redis), []);
  });
}

for (const where of ['there', 'here']) {
  fleetTest(`takeover, gone before the seat's answer, then SIGTERM: an orderly end; the partner is ${where}`, async (fleet) => {
    const { redis, line, a, b } = await twoGateways(fleet, { GRACE_MS: 60000 });
    const ann = await fleet.client(a, 'ann');
    const bob = await fleet.client(where === 'here' ? a : b, 'bob');
    await fleet.match(ann, bob);
    const held = line.holdReply('reseat', 'ann');
    const again = await fleet.client(a, { playerId: 'ann', wait: false });
    await held;
    assert.equal((await ann.closed).code, 4005);
    await again.drop();
    await a.proc.sees(/session\.closed player=ann .*code=1006/);
    line.release('commands');
    await bob.next('opponentDisconnected');
    assert.deepEqual(await a.sigterm(), { code: 0, signal: null });
    assert.equal(await redis.command('ZCARD', 'instances'), 1);
    assert.deepEqual(await fleet.audit(redis), []);
  });
}

for (const first of ['the refusal', 'SIGTERM']) {
  fleetTest(`SIGTERM and a refused start, ${first} first: no abort, and a status that says so`, async (fleet) => {
    const redis = await fleet.redis();
    await fleet.gateway({ redis });
    const line = await fleet.faultProxy(redis);
    const held = line.holdReply(first === 'SIGTERM' ? 'heartbeat' : 'retire');
    const odd = await fleet.gateway({ redis: line, env: { ROOM_SEATS: 3 }, wait: false });
    odd.proc.expectExit = true;
    await held;
    odd.proc.signal('SIGTERM');
    await odd.proc.sees(first === 'SIGTERM' ? 'drain.started' : 'process.cut_short');
    line.release('commands');
    const { code, signal } = await odd.proc.ended;
    assert.equal(signal, null, 'it did not abort');
    assert.notEqual(code, 0);
    assert.match(odd.log, /ROOM_SEATS/);
    assert.deepEqual(await fleet.audit(redis), []);
  });
}

// The same outage for both; a's lines come back one after the other.
fleetTest('while an instance comes back it sweeps nobody and claims no timer', async (fleet) => {
  const env = { LEASE_MS: 2500, HEARTBEAT_MS: 250, GRACE_MS: 2000 };
  const backoff = 2000; // b dials at most a second apart: it is back before a sweeps again
  const redis = await fleet.redis();
  const [lineA, lineB] = [await fleet.faultProxy(redis), await fleet.faultProxy(redis)];
  const a = await fleet.gateway({ redis: lineA, env });
  const b = await fleet.gateway({ redis: lineB, env });
  const [ann, bob] = [await fleet.client(a, 'ann'), await fleet.client(b, 'bob')];
  const [cat, dan] = [await fleet.client(a, 'cat'), await fleet.client(b, 'dan')];
  await fleet.match(ann, bob);
  await fleet.match(cat, dan);
  await cat.drop();
  await dan.next('opponentDisconnected');

  for (const line of [lineA, lineB]) line.shut();
  const over = async () => {
    const [seconds] = await redis.command('TIME');
    const ends = (await redis.command('ZRANGE', 'instances', 0, -1, 'WITHSCORES')).filter((_, i) => i % 2);
    const due = await redis.command('ZCOUNT', 'deadlines', 0, Number(seconds) * 1000);
    return due === 1 && ends.every((end) => Number(end) < Number(seconds) * 1000);
  };
  await waitFor(over, { what: 'both leases and the grace time to be over' });

  const busy = () => ['list_leftovers', 'fire_timer', 'retire'].reduce((n, script) => n + lineA.calls(script), 0);
  const before = busy();
  lineA.open('commands'); // the events are still away: b looks dead from here
  await stays(() => busy() > before, { what: 'a sweep or a timer with half a store', ms: 1500 });
  lineA.open();
  const start = a.log.length;
  await a.proc.sees('store.ready', { start });
  const back = now();
  await stays(() => busy() > before, { what: 'a sweep or a timer just after the return', ms: 2 * env.LEASE_MS - backoff });
  assert.equal(dan.all('gameEnd').length, 0);
  lineB.open();
  await dan.next('gameEnd'); // cat had her time
  assert.ok(now() - back >= 2 * env.LEASE_MS - 500);
  assert.equal(bob.all('opponentDisconnected').length + ann.all('opponentDisconnected').length, 0);
  assert.equal(bob.all('gameEnd').length + ann.all('gameEnd').length, 0);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a game that ended while its instance was away is told as such, though the command link is back first', async (fleet) => {
  const { redis, line, a, b } = await twoGateways(fleet, { LEASE_MS: 1000, HEARTBEAT_MS: 250, GRACE_MS: 60000 });
  const ann = await Returning.open(fleet, a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const roomId = await seated(ann, bob);
  line.shut();
  await bob.next('opponentDisconnected'); // b has swept a
  await bob.send('leaveRoom', { roomId });
  line.open('commands');
  await a.proc.sees('lease.lost');
  assert.equal((await ann.client.next('gameEnd')).data.reason, 'players_left');
  line.open();
  assert.equal((await ann.client.closed).code, 4202); // the game is over, and nothing else was left of her
  const { rooms } = await ann.back(b, { drop: false });
  assert.deepEqual(rooms, [{ roomId, ended: true }]);
  ann.account(roomId);
  const goesOn = async () => (await ann.ask('joinMatchmaking', { level: 1 })).ok;
  await waitFor(goesOn, { what: 'ann to be able to go on', stepMs: 200 });
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a detach the store refuses is asked again while the link stays up', async (fleet) => {
  const redis = await fleet.redis();
  const a = await fleet.gateway({ redis, env: { QUEUE_GRACE_MS: 300 } });
  const ann = await fleet.client(a, 'ann');
  await ann.send('joinMatchmaking', { level: 3 });
  await redis.command('RENAME', 'waiting:levels', 'room:away'); // any declared name
  await redis.command('SET', 'waiting:levels', 'foreign');
  await ann.drop();
  await a.proc.sees('session.detach_put_off');
  assert.notEqual(await record(redis, 'ann'), null);
  await redis.command('RENAME', 'room:away', 'waiting:levels');
  await waitFor(async () => (await record(redis, 'ann')) === null, { what: 'her record to go', timeoutMs: 5000 });
  assert.deepEqual(await socketsOf(redis, 'ann'), []);
  assert.doesNotMatch(a.log, /store\.away/);
  const bob = await fleet.client(a, 'bob');
  assert.equal((await bob.send('joinMatchmaking', { level: 3 })).position, 1);
  assert.deepEqual(await fleet.audit(redis), []);
  const started = now();
  assert.equal((await a.sigterm()).code, 0);
  assert.ok(now() - started < 2500, 'nothing was left to wait for');
});

fleetTest('replaced elsewhere before it knew its own attach: 4005 at the next request', async (fleet) => {
  const { redis, line, a, b } = await twoGateways(fleet);
  for (const event of ['joinMatchmaking', 'leaveMatchmaking']) {
    const held = line.holdReply('attach', event);
    const first = await fleet.client(a, { playerId: event, wait: false });
    await held;
    const second = await fleet.client(b, event); // sessionReplaced comes to a where nobody of that name is known yet
    line.release('commands');
    await first.next('welcome');
    first.tell(event, { level: 1 });
    assert.equal((await within(first.closed, 5000, 'the older connection to be closed')).code, 4005);
    assert.equal(first.all('goodbye')[0].data.reconnect, false);
    assert.equal(second.close, null);
    assert.equal((await second.send('joinMatchmaking', { level: 1 + line.calls() })).status, 'waiting');
  }
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('replaced elsewhere, the notice lost, and silent: 4005 within about 10 s, whatever the player does', async (fleet) => {
  const { redis, line, a, b } = await twoGateways(fleet, { ROOM_IDLE_MS: 60000 });
  line.ignore('sessionReplaced');
  const old = {};
  for (const name of ['idle', 'queued', 'seated']) old[name] = await fleet.client(a, name);
  await old.queued.send('joinMatchmaking', { level: 7 });
  const bob = await fleet.client(b, 'bob');
  const { roomId } = await fleet.match(old.seated, bob);
  const young = {};
  for (const name of Object.keys(old)) young[name] = await fleet.client(b, name);
  const replaced = now();
  for (const client of Object.values(old)) {
    const { code } = await within(client.closed, 12000 - (now() - replaced), `${client.name} to be closed`);
    assert.equal(code, 4005);
  }
  assert.deepEqual(await redis.command('LRANGE', 'waiting:level:7', 0, -1), ['queued']);
  await young.seated.send('gameMessage', { roomId, message: 'mine' });
  assert.equal((await bob.next('gameMessage')).data.message, 'mine');
  for (const client of Object.values(young)) assert.equal(client.close, null);
  assert.deepEqual(await fleet.audit(redis), []);
});

// Its room could only be read by somebody seated there, and he was the first to be asked for: he was looked up over and over.
fleetTest('cut off for longer than his grace and the room\'s log: who has lost his seat is told so', async (fleet) => {
  const env = { ROOM_SEATS: 3, ROOM_LOG_MAX: 16, GRACE_MS: 500, LEASE_MS: 1500, HEARTBEAT_MS: 300, DEGRADED_MATCHMAKING: 'refuse' };
  const { redis, line, a, b } = await twoGateways(fleet, env);
  const ann = await Returning.open(fleet, a, 'ann');
  const [bob, cy] = [await fleet.client(b, 'bob'), await fleet.client(b, 'cy')];
  const roomId = await seated(ann, bob, cy);
  line.shut();
  await bob.next('playerLeft', { timeoutMs: 30000 });
  for (let i = 0; i < 20; i++) await bob.send('gameMessage', { roomId, message: i });
  line.open();
  assert.equal((await ann.client.closed).code, 4202);
  const { rooms } = await ann.back(a, { drop: false });
  assert.deepEqual(rooms, [{ roomId, ended: true }]);
  assert.equal((await ann.client.next('roomCleanup', { timeoutMs: 30000 })).data.reason, 'gone');
  await waitFor(async () => (await ann.ask('joinMatchmaking', { level: 5 })).ok, { what: 'ann to be free' });
  await bob.send('gameMessage', { roomId, message: 'on' });
  await cy.next('gameMessage', { filter: ({ data }) => data.message === 'on' });
  assert.deepEqual(await fleet.audit(redis, { logMax: 16 }), []);
});
