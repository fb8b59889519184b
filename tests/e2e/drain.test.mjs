// SIGTERM: players are told, everything of one's own is taken out of Redis, exit 0; and nothing of anybody else.
import assert from 'node:assert/strict';
import { Client, fleetTest, now, waitFor } from '../lib/fleet.mjs';

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
