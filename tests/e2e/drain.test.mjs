// SIGTERM: players are told, everything of one's own is taken out of Redis, exit 0; and nothing of anybody else.
import assert from 'node:assert/strict';
import { Client, figures, fleetTest, now, stays, waitFor } from '../lib/fleet.mjs';

fleetTest('SIGTERM: goodbye, 4200, own mappings, tickets and lease gone, exit 0 in time', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const cy = await fleet.client(a, 'cy');
  const dan = await fleet.client(b, 'dan');
  const { roomId } = await fleet.match(ann, bob);
  await cy.send('joinMatchmaking', { level: 1 });
  await dan.send('joinMatchmaking', { level: 2 });

  const started = now();
  const exit = a.sigterm();
  const goodbye = await cy.next('goodbye');
  assert.equal(goodbye.data.code, 4200);
  assert.equal(goodbye.data.reconnect, true);
  assert.equal((await ann.closed).code, 4200);
  assert.equal((await cy.closed).code, 4200);
  assert.deepEqual(await exit, { code: 0, signal: null });
  assert.ok(now() - started < 6000, 'within DRAIN_MS and a little');

  const mappings = Object.values(await (await redis.cli()).hash('socket_mappings')).map((text) => JSON.parse(text));
  assert.deepEqual(mappings.map((mapping) => mapping.playerId).sort(), ['bob', 'dan']);
  assert.equal(await redis.command('LLEN', 'waiting:level:1'), 0);
  assert.deepEqual(await redis.command('LRANGE', 'waiting:level:2', 0, -1), ['dan']);
  assert.deepEqual(await redis.command('ZRANGE', 'instances', 0, -1), [bob.welcome.instanceId]);
  assert.deepEqual(await redis.command('HKEYS', 'instance_info'), [bob.welcome.instanceId]);
  // The room stays, for a player who comes back elsewhere.
  assert.equal((await bob.next('opponentDisconnected')).data.playerId, 'ann');
  const again = await fleet.client(b, 'ann');
  assert.equal((await again.next('roomSnapshot')).data.state.roomId, roomId);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('while draining nobody new is let in, and /health/ready says so', async (fleet) => {
  const redis = await fleet.redis();
  const [a] = await fleet.gateways(1, { redis });
  const ann = await fleet.client(a, 'ann');
  ann.pause(); // reads nothing: the drain waits for its linger time
  const exit = a.sigterm();
  const refused = await waitFor(
    async () => {
      const ready = await a.get('/health/ready').then((r) => r.status, () => 'no answer');
      return ready !== 200 && ready;
    },
    { what: 'not ready' },
  );
  assert.ok(refused === 503 || refused === 'no answer');
  await assert.rejects(Client.open(a.port, { playerId: 'late' }));
  assert.equal((await exit).code, 0);
});

fleetTest('an instance that starts or stops touches nothing of another', async (fleet) => {
  const redis = await fleet.redis();
  const a = await fleet.gateway({ redis });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(a, 'bob');
  const cy = await fleet.client(a, 'cy');
  await fleet.match(ann, bob);
  await cy.send('joinMatchmaking', { level: 1 });
  const cli = await redis.cli();
  const own = ['socket_mappings', 'game_states', 'matches', 'players'];
  const look = async () => [
    await Promise.all(own.map((key) => cli.hash(key))),
    await cli.command('LRANGE', 'waiting:level:1', 0, -1),
    await cli.command('SMEMBERS', `instance:${ann.welcome.instanceId}:sockets`).then((all) => all.sort()),
  ];
  const before = await look();
  const b = await fleet.gateway({ redis });
  assert.deepEqual(await look(), before);
  await b.sigterm();
  assert.deepEqual(await look(), before);
});

fleetTest('SIGTERM with Redis away and standalone: exit 0 all the same', async (fleet) => {
  const redis = await fleet.redis();
  const a = await fleet.gateway({ redis });
  const alone = await fleet.gateway();
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(alone, 'bob');
  await redis.kill();
  assert.equal((await a.sigterm()).code, 0);
  assert.equal((await ann.closed).code, 4200);
  assert.equal((await alone.sigterm()).code, 0);
  assert.equal((await bob.closed).code, 4200);
});

fleetTest('SIGTERM before Redis was ever there', async (fleet) => {
  const redis = await fleet.redis({ start: false });
  const gateway = await fleet.gateway({ redis, wait: 'live' });
  assert.equal((await gateway.sigterm()).code, 0);
});

const isReady = async (gateway) => (await gateway.get('/health/ready')).status === 200;

fleetTest('DRAIN_NOTICE_MS: not ready at once, but everything goes on, newcomers included, until it is over', async (fleet) => {
  const redis = await fleet.redis();
  const env = { DRAIN_MS: 6000, DRAIN_NOTICE_MS: 1500, DRAIN_SPREAD_MS: 0 };
  const [a, b] = await fleet.gateways(2, { redis, env });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const started = now();
  const exit = a.sigterm();
  await waitFor(async () => !(await isReady(a)), { what: 'the 503' });
  assert.equal((await a.stats()).instance.draining, true);
  const late = await fleet.client(a, 'late'); // whom a load balancer sent before it looked
  const { roomId } = await fleet.match(ann, bob);
  await ann.send('gameMessage', { roomId, message: 'still here' });
  assert.equal((await bob.next('gameMessage')).data.message, 'still here');
  assert.ok(now() - started < 1500, 'all of it within the notice');
  assert.equal(ann.close ?? late.close, null);
  assert.equal((await ann.closed).code, 4200);
  assert.equal((await late.closed).code, 4200);
  assert.ok(now() - started >= 1500, `sent away after ${now() - started} ms`);
  assert.equal((await exit).code, 0);
});

fleetTest('DRAIN_SPREAD_MS: sent away evenly, who waits for a match first, each with a delay of its own', async (fleet) => {
  const redis = await fleet.redis();
  const a = await fleet.gateway({ redis, env: { DRAIN_MS: 5000, DRAIN_SPREAD_MS: 1500 } });
  const players = [];
  for (let i = 0; i < 60; i++) players.push(await fleet.client(a, `p${i}`));
  for (let i = 50; i < 60; i++) await players[i].send('joinMatchmaking', { level: i });
  const ends = [];
  for (const player of players) {
    player.onPush = ({ event, data }) => event === 'goodbye' && ends.push({ at: now(), name: player.name, data });
    player.closed.then(({ code }) => assert.equal(code, 4200));
  }
  assert.equal((await a.sigterm()).code, 0);
  assert.equal(ends.length, 60);
  const span = ends.at(-1).at - ends[0].at;
  assert.ok(span > 1300 && span < 2500, `${span} ms`);
  for (let part = 0; part < 5; part++) {
    const count = ends.filter(({ at }) => Math.min(4, Math.floor(((at - ends[0].at) / span) * 5)) === part).length;
    assert.ok(count >= 6 && count <= 18, `${count} of 60 in part ${part} of 5`);
  }
  const numbers = ends.map(({ name }) => Number(name.slice(1)));
  assert.ok(numbers.slice(0, 10).every((n) => n >= 50), `first those who wait: ${numbers}`);
  const rest = numbers.slice(10);
  assert.notDeepEqual(rest, [...rest].sort((x, y) => x - y), 'not in the order of their arrival');
  assert.ok(ends.every(({ data }) => data.delayMs >= 1 && data.delayMs <= 50 && data.reconnect));
  assert.ok(new Set(ends.map(({ data }) => data.delayMs)).size > 10);
  figures(`60 connections sent away over ${span} ms, wished 1500`);
});

fleetTest('the spread never takes more than half of DRAIN_MS', async (fleet) => {
  const redis = await fleet.redis();
  const a = await fleet.gateway({ redis, env: { DRAIN_MS: 1000, DRAIN_SPREAD_MS: 60000 } });
  for (let i = 0; i < 10; i++) await fleet.client(a, `p${i}`);
  const started = now();
  assert.equal((await a.sigterm()).code, 0);
  assert.ok(now() - started < 1500);
  assert.ok(!a.log.includes('drain.cut_short'), a.log);
});

fleetTest('a second SIGTERM leaves at once, in every phase', async (fleet) => {
  const redis = await fleet.redis();
  const slow = { DRAIN_MS: 60000, DRAIN_NOTICE_MS: 20000, DRAIN_SPREAD_MS: 20000 };
  const noticing = await fleet.gateway({ redis, env: slow });
  const parting = await fleet.gateway({ redis, env: { ...slow, DRAIN_NOTICE_MS: 0 } });
  for (const gateway of [noticing, parting]) for (let i = 0; i < 3; i++) await fleet.client(gateway, `p${i}-${gateway.port}`);
  for (const [gateway, event] of [[noticing, 'drain.started'], [parting, 'drain.goodbyes']]) {
    gateway.proc.expectExit = true;
    gateway.proc.signal('SIGTERM');
    await gateway.proc.sees(event);
    await stays(() => gateway.proc.exit, { what: 'an end in the middle', ms: 300 });
    const second = now();
    gateway.proc.signal('SIGTERM');
    assert.equal((await gateway.proc.ended).code, 1);
    assert.ok(now() - second < 2000);
  }
});

fleetTest('a notice longer than half of DRAIN_MS is refused at the start', async (fleet) => {
  const odd = await fleet.gateway({ env: { DRAIN_MS: 1000, DRAIN_NOTICE_MS: 501 }, wait: false });
  odd.proc.expectExit = true;
  assert.equal((await odd.proc.ended).code, 2);
  assert.match(odd.log, /DRAIN_NOTICE_MS.*501.*at most half of DRAIN_MS/);
});
