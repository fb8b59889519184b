// The HTTP side: exact /health, statistics, cleanup and its lock, metrics, and the rules every endpoint keeps.
import assert from 'node:assert/strict';
import net from 'node:net';
import { fleetTest, waitFor } from '../lib/fleet.mjs';

const TOKEN = 'an-admin-token';
const bearer = { headers: { authorization: `Bearer ${TOKEN}` } };

fleetTest('/health has exactly the documented JSON', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const players = [];
  for (let i = 0; i < 5; i++) players.push(await fleet.client(i % 2 ? a : b, `p${i}`));
  await fleet.match(players[0], players[1]);
  await fleet.match(players[2], players[3]);
  await players[4].send('joinMatchmaking', { level: 1 });
  // The answer may be a second old.
  const full = await waitFor(
    async () => {
      const response = await a.get('/health');
      return response.json().details.activeSocketMappings === 5 && response.json().details.matchmakingData === 1 && response;
    },
    { what: 'the counts' },
  );
  assert.equal(full.status, 200);
  assert.match(full.headers['content-type'], /^application\/json/);
  assert.deepEqual(full.json(), {
    redis: true,
    matchmaking: true,
    gameStates: true,
    socketMappings: true,
    details: {
      redisConnection: true,
      matchmakingData: 1,
      activeGameStates: 2,
      activeSocketMappings: 5,
      activeRooms: 2,
      ...extras(full.json().details),
    },
  });
  assert.deepEqual(Object.keys(full.json()), ['redis', 'matchmaking', 'gameStates', 'socketMappings', 'details']);
  const alias = await a.get('/api/health');
  assert.equal(alias.status, 200);
  assert.deepEqual(Object.keys(alias.json()), Object.keys(full.json()));
});

// Additions are allowed, but only inside details and behind the documented members.
function extras(details) {
  const known = ['redisConnection', 'matchmakingData', 'activeGameStates', 'activeSocketMappings', 'activeRooms'];
  assert.deepEqual(Object.keys(details).slice(0, known.length), known);
  return Object.fromEntries(Object.entries(details).filter(([key]) => !known.includes(key)));
}

fleetTest('standalone: redis false, mode standalone, and well', async (fleet) => {
  const gateway = await fleet.gateway();
  const response = await gateway.get('/health');
  assert.equal(response.status, 200);
  assert.equal(response.json().redis, false);
  assert.equal(response.json().matchmaking, true);
  assert.equal(response.json().details.mode, 'standalone');
  assert.equal((await gateway.get('/health/ready')).status, 200);
});

for (const [key, field, make] of [
  ['socket_mappings', 'socketMappings', ['SET', 'socket_mappings', 'x']],
  ['game_states', 'gameStates', ['RPUSH', 'game_states', 'x']],
  ['waiting:level:4', 'matchmaking', ['SET', 'waiting:level:4', 'x']],
]) {
  fleetTest(`a foreign type under ${key}: health says which, nobody is popped and lost`, async (fleet) => {
    const redis = await fleet.redis();
    const gateway = await fleet.gateway({ redis });
    const ann = await fleet.client(gateway, 'ann');
    const bob = await fleet.client(gateway, 'bob');
    if (field !== 'matchmaking') await ann.send('joinMatchmaking', { level: 4 });
    await redis.command('SADD', 'waiting:levels', 4);
    await redis.command('RENAMENX', key, 'kept').catch(() => {});
    await redis.command(...make);
    const sick = await waitFor(
      async () => {
        const response = await gateway.get('/health');
        return response.status === 503 && response;
      },
      { what: 'health to notice' },
    );
    assert.equal(sick.json()[field], false);
    assert.equal(sick.json().redis, true);
    assert.ok(sick.body.includes(key), `${sick.body} names ${key}`);
    const reply = await bob.request('joinMatchmaking', { level: 4 });
    assert.equal(reply.ok, false);
    assert.match(reply.error.code, /^(INTERNAL|SERVICE_DEGRADED)$/);
    // Put right by the operator, everything is still there.
    await redis.command('DEL', key);
    if (await redis.command('EXISTS', 'kept')) await redis.command('RENAME', 'kept', key);
    await waitFor(async () => (await gateway.get('/health')).status === 200, { what: 'health to be well again' });
    if (field === 'matchmaking') await ann.send('joinMatchmaking', { level: 4 });
    await waitFor(
      async () => {
        const again = await bob.request('joinMatchmaking', { level: 4 });
        return again.ok || again.error.code.startsWith('ALREADY');
      },
      { what: 'bob to join' },
    );
    assert.equal((await ann.next('matchFound')).data.opponentId, 'bob');
  });
}

fleetTest('/health/stats: queues, rooms, mappings by instance, the fleet, integrity', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const cy = await fleet.client(b, 'cy');
  await fleet.match(ann, bob);
  await cy.send('joinMatchmaking', { level: 5 });
  // Figures may be a moment old.
  const stats = await waitFor(
    async () => {
      const seen = await a.stats();
      return seen.waiting === 1 && seen.matches === 1 && seen;
    },
    { what: 'the statistics to show the match' },
  );
  const [{ oldestWaitMs, ...queue }] = stats.queues;
  assert.deepEqual(queue, { level: 5, length: 1 });
  const { level } = ann.all('matchFound')[0].data;
  assert.deepEqual(stats.estimates.map((one) => one.level), [level], 'of the matches that this gateway has seen');
  assert.ok(stats.estimates[0].estimatedTimeMs >= 0 && stats.estimates[0].estimatedTimeMs < 60000);
  assert.ok(oldestWaitMs >= 0 && oldestWaitMs < 60000);
  assert.equal(stats.rooms, 1);
  assert.equal(stats.mappings.total, 3);
  assert.equal(stats.onlinePlayers, 3);
  assert.equal(stats.instance.connections, 1);
  const ids = [ann.welcome.instanceId, bob.welcome.instanceId];
  assert.deepEqual(stats.fleet.map((instance) => instance.instanceId).sort(), ids.sort());
  assert.ok(stats.fleet.every((instance) => instance.live && instance.leaseLeftMs > 0));
  assert.equal(stats.integrity.violations, 0);
  for (const kind of ['matchWithoutState', 'stateWithoutMatch', 'mappingToDeadInstance', 'queuedAndInRoom'])
    assert.equal(stats.integrity[kind], 0);
  // This Redis keeps nothing on disk: that must be said.
  assert.ok(stats.warnings.some((text) => text.includes('appendonly')), stats.warnings.join('\n'));
  assert.match((await a.get('/health/stats?format=text')).body, /Waiting: +1 \(1 levels/);
  assert.deepEqual(Object.keys(await a.json('/api/health/detailed')), Object.keys(stats));
});

fleetTest('an eviction policy that would delete games is a red item', async (fleet) => {
  const redis = await fleet.redis({ conf: { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' } });
  const gateway = await fleet.gateway({ redis });
  await gateway.proc.sees(/allkeys-lru/);
  const { items } = (await gateway.stats()).redis;
  assert.deepEqual(items.evictionPolicy, { value: 'allkeys-lru', level: 'critical' });
});

fleetTest('/health/cleanup: needs the admin token, says what it would do, does it', async (fleet) => {
  const redis = await fleet.redis();
  const closed = await fleet.gateway({ redis });
  const refused = await closed.get('/health/cleanup', { method: 'POST', ...bearer });
  assert.equal(refused.status, 403);
  assert.match(refused.body, /ADMIN_TOKEN/);
  assert.equal(refused.json().error.code, 'FORBIDDEN');

  const gateway = await fleet.gateway({ redis, env: { ADMIN_TOKEN: TOKEN } });
  const clean = (query = '', options = bearer) => gateway.get(`/health/cleanup${query}`, { method: 'POST', ...options });
  for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: TOKEN }, { authorization: `Bearer ${TOKEN}x` }])
    assert.ok([401, 403].includes((await clean('', { headers })).status), JSON.stringify(headers));
  assert.equal((await gateway.get('/health/cleanup', bearer)).status, 405);

  const ann = await fleet.client(gateway, 'ann');
  const bob = await fleet.client(gateway, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  const orphan = (socketId) => JSON.stringify({ socketId, instanceId: '1-1', roomId: null, playerId: socketId });
  await redis.command('HSET', 'socket_mappings', 's1', orphan('s1'), 's2', orphan('s2'));
  await redis.command('HSET', 'matches', 'no-such-room', '{"player1":{"id":"x","level":1},"player2":{"id":"y","level":1},"roomId":"no-such-room"}');
  const dry = (await clean('?dryRun=1')).json();
  assert.ok(dry.cleaned >= 1, JSON.stringify(dry));
  assert.equal(await redis.command('HEXISTS', 'matches', 'no-such-room'), 1);
  const done = (await clean()).json();
  assert.equal(done.errors, 0);
  assert.equal(typeof done.details, 'object');
  await waitFor(
    async () => {
      await clean();
      const left = await redis.command('HMGET', 'socket_mappings', 's1', 's2');
      return !left[0] && !left[1] && !(await redis.command('HEXISTS', 'matches', 'no-such-room'));
    },
    { what: 'the orphans to be gone' },
  );
  await ann.send('gameMessage', { roomId, message: 'untouched' });
  await bob.next('gameMessage');
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('/metrics: text exposition with the documented names, each with help and type', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  await ann.send('gameMessage', { roomId, message: 1 });
  await bob.next('gameMessage');
  const response = await b.get('/metrics');
  assert.match(response.headers['content-type'], /^text\/plain.*version=0\.0\.4/);
  const metrics = await b.metrics();
  assert.equal(metrics.value('matchgate_connections'), 1);
  assert.equal(metrics.value('matchgate_rooms'), 1);
  assert.equal(metrics.value('matchgate_redis_up'), 1);
  const total = (metrics.value('matchgate_matches_total') ?? 0) + ((await a.metrics()).value('matchgate_matches_total') ?? 0);
  assert.equal(total, 1);
  assert.ok(metrics.value('room_event_lag_seconds_count') >= 1);
  assert.ok(metrics.value('matchgate_script_seconds_count') >= 1);
  for (const { name } of metrics.samples) {
    const base = metrics.types[name] ? name : name.replace(/_(bucket|sum|count)$/, '');
    assert.ok(metrics.types[base], `${name} has a type`);
    assert.ok(metrics.help[base], `${name} has a help text`);
  }
});

fleetTest('HTTP manners: 404, 405, HEAD, nosniff, no request smuggling, the demo only when asked for', async (fleet) => {
  const plain = await fleet.gateway();
  const demo = await fleet.gateway({ env: { DEMO: 1 } });
  assert.equal((await plain.get('/')).status, 404);
  const page = await demo.get('/');
  assert.equal(page.status, 200);
  assert.match(page.headers['content-type'], /^text\/html/);
  assert.ok(page.headers['content-security-policy']);
  assert.equal((await plain.get('/nothing')).status, 404);
  assert.ok((await plain.get('/nothing')).json().error.code);
  assert.equal((await plain.get('/health', { method: 'PUT' })).status, 405);
  const head = await plain.get('/health/live', { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.body, '');
  assert.equal(head.headers['x-content-type-options'], 'nosniff');
  assert.equal((await plain.get('/../../etc/passwd')).status, 404);
  const chunked = await raw(plain, 'POST /health/cleanup HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
  assert.match(chunked, /^HTTP\/1.1 (411|501)/);
  const two = await raw(
    plain,
    'POST /health/cleanup HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\nGET /health/live HTTP/1.1\r\nHost: x\r\n\r\n',
  );
  assert.equal(two.split('HTTP/1.1 ').length - 1, 1, `one answer only: ${two}`);
});

// Everything that comes back until the other side closes (or 2 s of silence).
function raw(gateway, text) {
  return new Promise((done) => {
    let got = '';
    const socket = net.connect(gateway.port, '127.0.0.1', () => socket.write(text));
    socket.setTimeout(2000, () => socket.destroy());
    socket.on('data', (chunk) => (got += chunk));
    socket.on('error', () => {});
    socket.on('close', () => done(got));
  });
}
