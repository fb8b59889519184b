// Timers that no process owns: turn limits, and what an outage of Redis does to all of them.
// Takes 27 s.
import assert from 'node:assert/strict';
import { figures, fleetTest, now, waitFor } from '../lib/fleet.mjs';
import { Returning, pair } from '../lib/returning.mjs';

fleetTest('a turn limit passes once for everybody, though the instance that set it is dead', async (fleet) => {
  const redis = await fleet.redis();
  const env = { LEASE_MS: 1500, HEARTBEAT_MS: 300, GRACE_MS: 60000 };
  const [a, b, c] = await fleet.gateways(3, { redis, env: { ...env, ROOM_SEATS: 3 } });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const cy = await fleet.client(c, 'cy');
  const { roomId } = await fleet.match(ann, bob, cy);
  const { version } = await ann.send('updateGameData', { roomId, turn: 1, gameData: {}, expectedVersion: 0 });
  const stale = await ann.fails('setTurnDeadline', { roomId, ms: 1000, expectedVersion: 0 });
  assert.equal(stale.code, 'STALE_VERSION');
  const { dueAt } = await ann.send('setTurnDeadline', { roomId, ms: 1500, expectedVersion: version });
  assert.ok(dueAt > Date.now());
  await a.proc.kill9();
  for (const client of [bob, cy]) {
    const { data } = await client.next('turnTimeout', { timeoutMs: 10000 });
    assert.deepEqual(data, { roomId, turn: 1, version });
    assert.ok(Date.now() - dueAt < 1500, `late by ${Date.now() - dueAt} ms`);
  }
  await bob.send('updateGameData', { roomId, turn: 2, expectedVersion: version });
  await cy.next('gameDataUpdated', { filter: (push) => push.data.turn === 2 });
  assert.equal(bob.all('turnTimeout').length, 1);
  for (const [data, word] of [[{ ms: 99 }, /ms/], [{ ms: '5' }, /ms/], [{ ms: 500, expectedVersion: -1 }, /expectedVersion/]]) {
    const error = await bob.fails('setTurnDeadline', { roomId, expectedVersion: 2, ...data });
    assert.equal(error.code, 'BAD_REQUEST');
    assert.match(error.message, word);
  }
});

fleetTest('all instances lose Redis for longer than every grace time: no room ends, timers run on from where they stood', async (fleet) => {
  const redis = await fleet.redis({ aof: true, conf: { appendfsync: 'always' } });
  const gateways = await fleet.gateways(2, {
    redis,
    env: { LEASE_MS: 1000, HEARTBEAT_MS: 250, GRACE_MS: 6000, COMMAND_TIMEOUT_MS: 1000 },
  });
  const ann = await fleet.client(gateways[0], 'ann');
  const bob = await fleet.client(gateways[1], 'bob');
  const { roomId } = await fleet.match(ann, bob);
  ann.drop();
  await bob.next('opponentDisconnected');
  const { version } = await bob.send('updateGameData', { roomId, gameData: 1, expectedVersion: 0 });
  await bob.send('setTurnDeadline', { roomId, ms: 6000, expectedVersion: version });
  await redis.kill();
  const away = now();
  await waitFor(() => now() - away > 8000, { what: 'the outage to be longer than the grace time', timeoutMs: 20000 });
  await redis.start();
  for (const gateway of gateways)
    await waitFor(async () => (await gateway.get('/health')).status === 200, { what: 'both to be well', timeoutMs: 20000 });
  await waitFor(() => gateways.some((gateway) => gateway.log.includes('deadlines.moved')), { what: 'the deadlines to move' });
  assert.equal(gateways.filter((gateway) => gateway.log.includes('deadlines.moved')).length, 1);
  assert.equal(await redis.command('HEXISTS', 'matches', roomId), 1);
  // Well again is not yet done with everything: a connection at this very moment may be sent away for a pause (4103).
  const again = await waitFor(() => fleet.client(gateways[1], 'ann'), { what: 'ann to be let in' });
  await again.next('roomSnapshot');
  await bob.next('opponentReconnected', { timeoutMs: 15000 });
  assert.equal(bob.all('gameEnd').length, 0);
  await bob.next('turnTimeout', { timeoutMs: 20000 });
  assert.equal(bob.all('turnTimeout').length, 1);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('who waits for too long is told, and may join again', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { TICKET_TTL_MS: 1500, SWEEP_MS: 200, ROOM_SEATS: 3 } });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  for (const client of [ann, bob]) {
    const { ticketId } = await client.send('joinMatchmaking', { level: 4 });
    client.ticketId = ticketId;
  }
  for (const client of [ann, bob]) {
    const { data } = await client.next('ticketExpired', { timeoutMs: 10000 });
    assert.deepEqual(data, { ticketId: client.ticketId, level: 4, reason: 'ttl' });
  }
  assert.equal(await redis.command('EXISTS', 'waiting:level:4'), 0);
  assert.equal((await ann.send('joinMatchmaking', { level: 4 })).status, 'waiting');
  assert.equal((await bob.send('leaveMatchmaking', {})).left, false);
  assert.deepEqual(await fleet.audit(redis), []);
});

// The sweep alone would be up to SWEEP_MS late (2 s by default; a second is allowed).
fleetTest('tickets expire between two sweeps', async (fleet) => {
  const TTL_MS = 6500;
  const SWEEP_MS = 6000;
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis, env: { TICKET_TTL_MS: TTL_MS, SWEEP_MS, ROOM_SEATS: 4 } });
  const [ann, bob, cy] = [await fleet.client(gateway, 'ann'), await fleet.client(gateway, 'bob'), await fleet.client(gateway, 'cy')];
  const waits = async (client) => {
    const from = now();
    await client.send('joinMatchmaking', { level: 4 });
    await client.next('ticketExpired', { timeoutMs: 2 * SWEEP_MS + TTL_MS });
    return now() - from;
  };
  const began = now();
  const after = (ms) => waitFor(() => now() >= began + ms); // so that each is the head of the list once
  const waited = await Promise.all([waits(ann), after(700).then(() => waits(bob)), after(1400).then(() => waits(cy))]);
  const lateMs = waited.map((ms) => ms - TTL_MS);
  figures(`tickets expire ${lateMs.join(', ')} ms late (the sweep runs every ${SWEEP_MS} ms)`);
  for (const ms of lateMs) assert.ok(ms >= 0 && ms < SWEEP_MS / 2, `${ms} ms late`);
});

fleetTest('all instances are stopped for longer than every grace time: who comes back to the new ones has his seat', async (fleet) => {
  const redis = await fleet.redis();
  const env = { LEASE_MS: 1000, HEARTBEAT_MS: 250, GRACE_MS: 3000 };
  const old = await fleet.gateways(2, { redis, env });
  const [ann, bob] = [await Returning.open(fleet, old[0], 'ann'), await Returning.open(fleet, old[1], 'bob')];
  const room = await pair(ann, bob);
  for (const gateway of old) assert.deepEqual(await gateway.sigterm(), { code: 0, signal: null });
  const overdue = async () => (await redis.command('ZCOUNT', 'deadlines', 0, (await redis.command('TIME'))[0] * 1000)) === 2;
  await waitFor(overdue, { what: 'both grace times to be over', timeoutMs: 20000 });
  const next = await fleet.gateway({ redis, env });
  await next.proc.sees('deadlines.moved');
  for (const player of [ann, bob]) assert.deepEqual((await player.back(next)).rooms, [{ roomId: room }]);
  await ann.say(room, 'on');
  await bob.client.next('gameMessage');
  for (const player of [ann, bob]) player.account(room);
  assert.deepEqual(await fleet.audit(redis), []);
});
