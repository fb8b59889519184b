// Three instances behind haproxy, one Redis, SWARM_CLIENTS (2,000) players who all join levels 1-5 at once.
// Alone: two thousand joins at once, and a fleet that must not take its Redis for lost.
import assert from 'node:assert/strict';
import { Client, figures, fleetTest, now, waitFor } from '../lib/fleet.mjs';

const CLIENTS = Number(process.env.SWARM_CLIENTS ?? 2000);
const LEVELS = 5;
const AT_ONCE = Number(process.env.SWARM_AT_ONCE ?? 4); // a moderate load: joins under way at a time

// At most `limit` of the tasks under way at a time.
async function each(items, limit, task) {
  let next = 0;
  const worker = async () => {
    while (next < items.length) await task(items[next++]);
  };
  await Promise.all(Array.from({ length: limit }, worker));
}

const percentile = (sorted, p) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))];

// Joins all players with at most `atOnce` joins unanswered; resolves with sorted latencies join -> matchFound and the time.
async function joinAll(players, atOnce) {
  const latencies = [];
  const found = players.map(
    (player) =>
      new Promise((done) => {
        player.client.onPush = (push) => {
          if (push.event !== 'matchFound') return;
          player.found.push(push.data);
          if (player.found.length === 1) latencies.push(now() - player.joinedAt), done();
        };
      }),
  );
  const started = now();
  await each(players, atOnce, async (player) => {
    player.joinedAt = now();
    player.reply = await player.client.send('joinMatchmaking', { level: player.level }, { timeoutMs: 60000 });
  });
  const all = Promise.all(found);
  let matched = false;
  all.then(() => (matched = true));
  await waitFor(() => matched, { what: 'everybody to be matched', timeoutMs: 60000 });
  return { latencies: latencies.sort((x, y) => x - y), seconds: (now() - started) / 1000 };
}

fleetTest(`${CLIENTS} players at once are each matched exactly once`, { timeout: 240000 }, async (fleet) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(3, { redis, env: { CONFIRM_MS: 60000, GRACE_MS: 60000, LEASE_MS: 10000, HEARTBEAT_MS: 1000 } });
  const haproxy = await fleet.haproxy(gateways);
  // Every level an even number of players, so that nobody may be left over.
  const players = Array.from({ length: CLIENTS }, (_, i) => ({ id: `p${i}`, level: 1 + (Math.floor(i / 2) % LEVELS), found: [] }));
  await each(players, 50, async (player) => {
    player.client = await fleet.client(haproxy.port, { playerId: player.id, timeoutMs: 60000 });
  });
  const perInstance = new Set(players.map((player) => player.client.welcome.instanceId));
  assert.equal(perInstance.size, 3);

  const { latencies, seconds } = await joinAll(players, CLIENTS);
  const rooms = new Map();
  for (const player of players) {
    assert.equal(player.found.length, 1, `${player.id} was matched ${player.found.length} times`);
    const [{ roomId, level, players: both }] = player.found;
    assert.equal(level, player.level);
    assert.ok(both.some(({ id }) => id === player.id));
    rooms.set(roomId, [...(rooms.get(roomId) ?? []), player]);
  }
  assert.equal(rooms.size, CLIENTS / 2);
  let across = 0;
  for (const pair of rooms.values()) {
    assert.equal(pair.length, 2);
    if (pair[0].client.welcome.instanceId !== pair[1].client.welcome.instanceId) across++;
  }
  assert.ok(across > 0, 'pairs across instances');
  for (let level = 1; level <= LEVELS; level++) assert.equal(await redis.command('LLEN', `waiting:level:${level}`), 0);
  assert.equal(await redis.command('HLEN', 'matches'), CLIENTS / 2);
  const started = () => players.every((player) => player.client.all('gameStart').length === 1);
  await waitFor(started, { what: 'every game to start', timeoutMs: 30000 });
  assert.deepEqual(await fleet.audit(redis), []);
  figures(
    `${CLIENTS} joins at once through haproxy: join->matchFound p50 ${percentile(latencies, 0.5)} ms, p99 ${percentile(latencies, 0.99)} ms, ` +
      `${Math.round(rooms.size / seconds)} matches/s, ${across} of ${rooms.size} pairs across instances`,
  );

  // The same players again under a moderate load: at most AT_ONCE joins unanswered at a time.
  for (const [roomId, pair] of rooms) await pair[0].client.send('leaveRoom', { roomId });
  await waitFor(async () => (await redis.command('HLEN', 'matches')) === 0, { what: 'all rooms to end', timeoutMs: 30000 });
  for (const player of players) player.found = [];
  const calm = await joinAll(players.slice(0, 1000), AT_ONCE);
  figures(
    `${AT_ONCE} joins under way at a time: join->matchFound p50 ${percentile(calm.latencies, 0.5)} ms, p99 ${percentile(calm.latencies, 0.99)} ms, ` +
      `${Math.round(500 / calm.seconds)} matches/s`,
  );
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a long queue does not make a join dearer', async (fleet) => {
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis, env: { MESSAGES_PER_SECOND: 0 } });
  const scriptTime = async (joins) => {
    const cli = await redis.cli();
    await cli.command('CONFIG', 'RESETSTAT');
    await joins();
    const info = await cli.command('INFO', 'commandstats');
    const [, calls, usec] = info.match(/cmdstat_evalsha:calls=(\d+),usec=(\d+)/);
    return usec / calls;
  };
  const ann = await Client.open(gateway.port, { playerId: 'ann' });
  const bob = await Client.open(gateway.port, { playerId: 'bob' });
  const rounds = async () => {
    for (let i = 0; i < 100; i++) {
      await ann.send('joinMatchmaking', { level: 1 });
      await ann.send('leaveMatchmaking', {});
    }
  };
  const short = await scriptTime(rounds);
  // 20,000 live players ahead on another level's list and as many on this one, all of the live instance.
  const cli = await redis.cli();
  const { instanceId } = bob.welcome;
  for (let at = 0; at < 20000; at += 1000) {
    const ids = Array.from({ length: 1000 }, (_, i) => `q${at + i}`);
    const records = ids.flatMap((id, i) => [id, `queued|${100 + i}|2|t|${Date.now()}||s-${id}|${instanceId}`]);
    await Promise.all([cli.command('RPUSH', 'waiting:level:2', ...ids), cli.command('HSET', 'players', ...records)]);
  }
  const long = await scriptTime(rounds);
  ann.drop();
  bob.drop();
  figures(`a script's mean time in Redis: ${short.toFixed(0)} µs with an empty queue, ${long.toFixed(0)} µs beside 20,000 waiting`);
  assert.ok(long < short * 3 + 50, `${short} µs -> ${long} µs`);
});
