// deploy/cluster.sh: the whole fleet from one command, through haproxy as configured, and gone again on Ctrl-C.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BINARY, Proc, ROOT, fleetTest, freePort, request, waitFor } from '../lib/fleet.mjs';

fleetTest('the cluster script starts a fleet, players meet in it, Ctrl-C ends it', async (fleet) => {
  const dir = mkdtempSync(join(tmpdir(), 'matchgate-cluster-'));
  const [port, redis, ...gateways] = await Promise.all(Array.from({ length: 5 }, freePort));
  const env = {
    PORT: port,
    REDIS_PORT: redis,
    GATEWAY_PORTS: gateways.join(' '),
    CLUSTER_DIR: dir,
    MATCHGATE_BIN: BINARY,
    DRAIN_MS: 3000,
  };
  const cluster = new Proc('cluster.sh', join(ROOT, 'deploy/cluster.sh'), [], { env });
  fleet.adopt(cluster);
  try {
    await cluster.sees('ready; Ctrl-C', { timeoutMs: 60000 });
    for (const where of [`:${port}/`, ...gateways.map((p) => `:${p}/health/stats`)]) assert.ok(cluster.output.includes(where));
    assert.equal((await request(port, '/')).status, 200);
    assert.equal((await request(port, '/metrics')).status, 404); // not through the players' door
    const players = [];
    for (let i = 0; i < 6; i++) players.push(await fleet.client(port, `p${i}`));
    assert.equal(new Set(players.map((player) => player.welcome.instanceId)).size, 3, 'round robin');
    const { roomId } = await fleet.match(players[0], players[1]);
    await players[0].send('gameMessage', { roomId, message: 'hi' });
    await players[1].next('gameMessage');
    // AOF is on and nothing is evicted: this Redis gives no reason to warn.
    const stats = (await request(gateways[0], '/health/stats')).body;
    assert.ok(!/allkeys|no persistence/i.test(stats), stats);

    const { code } = await cluster.end('SIGINT', 20000);
    assert.equal(code, 0);
    for (const player of players) assert.equal((await player.closed).code, 4200);
    for (const p of [port, redis, ...gateways])
      await waitFor(() => request(p, '/').then(() => false, () => true), { what: `port ${p} to be free` });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

fleetTest('a port that is taken is said before anything is started', async (fleet) => {
  const redis = await fleet.redis();
  const env = { PORT: await freePort(), REDIS_PORT: redis.port, MATCHGATE_BIN: BINARY };
  const cluster = new Proc('cluster.sh', join(ROOT, 'deploy/cluster.sh'), [], { env });
  fleet.adopt(cluster);
  assert.equal((await cluster.ended).code, 1);
  assert.match(cluster.output, new RegExp(`^cluster: port ${redis.port} is taken`, 'm'));
});
