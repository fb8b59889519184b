// An instance that dies, freezes, or joins: the others clean up after it and play on.
// Takes 16 s.
import assert from 'node:assert/strict';
import { fleetTest, now, stays, waitFor } from '../lib/fleet.mjs';

fleetTest('kill -9: tickets of the dead never match, its mappings go, the others play on, a fourth joins', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b, c] = await fleet.gateways(3, { redis });
  // A game beside the dead one, one with a player on it, and a player waiting on it.
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const safe = await fleet.match(ann, bob);
  const cy = await fleet.client(a, 'cy');
  const doomed = await fleet.client(c, 'doomed');
  const half = await fleet.match(cy, doomed);
  const ghost = await fleet.client(c, 'ghost');
  await ghost.send('joinMatchmaking', { level: 8 });
  const dead = doomed.welcome.instanceId;

  const died = now();
  await c.kill9();
  const dan = await fleet.client(b, 'dan');
  const cli = await redis.cli();
  const traces = async () => {
    const found = Object.values(await cli.hash('socket_mappings')).filter((text) => text.includes(dead));
    found.push(...(await cli.keys(`instance:${dead}:*`)));
    if (await cli.command('ZSCORE', 'instances', dead)) found.push('its lease');
    if (await cli.command('HEXISTS', 'instance_info', dead)) found.push('its info');
    return found;
  };
  await waitFor(async () => (await traces()).length === 0, { what: 'the dead to be swept', timeoutMs: 15000 });
  assert.ok(now() - died < 15000);
  assert.equal((await dan.send('joinMatchmaking', { level: 8 })).status, 'waiting');
  assert.deepEqual(await cli.command('LRANGE', 'waiting:level:8', 0, -1), ['dan']);

  // The half game: the opponent is told, and the seat is held for the grace time only.
  await cy.next('opponentDisconnected', { timeoutMs: 15000 });
  await cy.next('gameEnd', { timeoutMs: 15000 });
  assert.equal(await cli.command('HEXISTS', 'game_states', half.roomId), 0);
  // The safe one never noticed.
  await ann.send('gameMessage', { roomId: safe.roomId, message: 'fine' });
  assert.equal((await bob.next('gameMessage')).data.message, 'fine');
  assert.equal(ann.all('opponentDisconnected').length, 0);

  const d = await fleet.gateway({ redis });
  const eve = await fleet.client(d, 'eve');
  await eve.send('joinMatchmaking', { level: 8 });
  assert.equal((await dan.next('matchFound')).data.opponentId, 'eve');
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('players of a dead instance come back on another one and play on', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b, c] = await fleet.gateways(3, { redis, env: { GRACE_MS: 20000 } });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  await ann.send('updateGameData', { roomId, gameData: { n: 1 }, expectedVersion: 0 });
  await a.kill9();
  const again = await fleet.client(c, 'ann'); // at once: long before the dead one's lease is over
  assert.deepEqual((await again.next('roomSnapshot')).data.state.gameData, { n: 1 });
  await again.send('gameMessage', { roomId, message: 'here' });
  assert.equal((await bob.next('gameMessage')).data.message, 'here');
  // When the dead one is swept, its old mapping goes and the new seat stays.
  const swept = async () => (await redis.command('ZCARD', 'instances')) === 2;
  await waitFor(swept, { what: 'the dead instance to be swept', timeoutMs: 15000 });
  await stays(() => bob.all('playerLeft').length, { what: 'the sweeper taking a taken-over seat', ms: 500 });
  await bob.send('gameMessage', { roomId, message: 'good' });
  await again.next('gameMessage', { filter: (push) => push.data.message === 'good' });
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a join during the lease of a dead instance is not matched with its ghosts', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { LEASE_MS: 1500, HEARTBEAT_MS: 300 } });
  const ghosts = [];
  for (let i = 0; i < 10; i++) {
    ghosts.push(await fleet.client(a, `ghost${i}`));
    await ghosts[i].send('joinMatchmaking', { level: 10 + i });
  }
  await a.kill9();
  const leaseOver = async () => {
    const [seconds] = await redis.command('TIME');
    const scores = await redis.command('ZRANGE', 'instances', 0, -1, 'WITHSCORES');
    return scores.filter((_, i) => i % 2).every((end) => Number(end) > Number(seconds) * 1000) ? false : true;
  };
  await waitFor(async () => (await leaseOver()) || (await redis.command('ZCARD', 'instances')) === 1, {
    what: 'the lease to end',
    timeoutMs: 10000,
  });
  for (let i = 0; i < 10; i++) {
    const player = await fleet.client(b, `live${i}`);
    assert.equal((await player.send('joinMatchmaking', { level: 10 + i })).status, 'waiting');
  }
});

fleetTest('a thawed zombie does not act on what it no longer owns', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { LEASE_MS: 1500, HEARTBEAT_MS: 300, GRACE_MS: 20000 } });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  a.proc.stop();
  await bob.next('opponentDisconnected', { timeoutMs: 15000 });
  const again = await fleet.client(b, 'ann');
  await again.next('roomSnapshot');
  a.proc.cont();
  assert.ok([4005, 4202].includes((await ann.closed).code));
  await again.send('gameMessage', { roomId, message: 'mine' });
  assert.equal((await bob.next('gameMessage')).data.message, 'mine');
  await stays(() => again.close, { what: 'the zombie closing its successor', ms: 500 });
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a freeze shorter than the grace time, nobody came back: the frozen player keeps the seat', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { LEASE_MS: 1500, HEARTBEAT_MS: 300, GRACE_MS: 20000 } });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  a.proc.stop();
  await bob.next('opponentDisconnected', { timeoutMs: 15000 });
  a.proc.cont();
  await bob.next('opponentReconnected', { timeoutMs: 15000 });
  await ann.send('gameMessage', { roomId, message: 'thawed' });
  await bob.next('gameMessage', { filter: (push) => push.data.message === 'thawed' });
  assert.equal(ann.close, null);
});

fleetTest('instances with different ROOM_SEATS do not run together', async (fleet) => {
  const redis = await fleet.redis();
  await fleet.gateway({ redis });
  const odd = await fleet.gateway({ redis, env: { ROOM_SEATS: 3 }, wait: false });
  odd.proc.expectExit = true;
  const { code } = await odd.proc.ended;
  assert.notEqual(code, 0);
  assert.match(odd.log, /ROOM_SEATS/);
  assert.match(odd.log, /\b2\b/);
  assert.match(odd.log, /\b3\b/);
});
