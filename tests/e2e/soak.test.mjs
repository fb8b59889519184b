// SOAK_SECONDS (60) of joins, moves, leaves and drops on three instances; then everything is back where it began: memory,
// file descriptors, live objects, and the keys in Redis.
import assert from 'node:assert/strict';
import { Client, delay, figures, fleetTest, now, waitFor } from '../lib/fleet.mjs';

const SECONDS = Number(process.env.SOAK_SECONDS ?? 60);
const PLAYERS = 120;
// A sanitizer build holds freed memory back (256 MiB by default), which would look like a leak.
const ENV = {
  GRACE_MS: 1000,
  CONFIRM_MS: 2000,
  MESSAGES_PER_SECOND: 0,
  ASAN_OPTIONS: 'detect_leaks=1:halt_on_error=1:quarantine_size_mb=4:thread_local_quarantine_size_kb=64',
};
const KEYS_THAT_STAY = new Set(['fence', 'instances', 'instance_info', 'instance_epochs']);

// A player's endless life: connect, join, move, and end it in one way or another.
async function live(player, gateways, random, until, count) {
  while (now() < until) {
    const gateway = gateways[Math.floor(random() * gateways.length)];
    const client = await Client.open(gateway.port, { playerId: player });
    try {
      await play(client, random, until, count);
    } catch (error) {
      // A partner's leaving races with everything we do; anything but that is a failure.
      if (!/ROOM_NOT_FOUND|NOT_IN_ROOM|NOT_STARTED|ALREADY|is closed|was closed|matchFound at|gameStart at|roomSnapshot at/.test(error.message)) throw error;
    }
    if (random() < 0.5) await client.drop();
    else await client.bye();
    count.lives++;
  }
}

async function play(client, random, until, count) {
  if (client.welcome.rooms?.length) await client.next('roomSnapshot', { timeoutMs: 2000 });
  else await client.send('joinMatchmaking', { level: 1 + Math.floor(random() * 3) });
  if (random() < 0.1) return void (await client.send('leaveMatchmaking', {}));
  const roomId = client.all('roomSnapshot')[0]?.room ?? (await client.next('matchFound', { timeoutMs: 2000 })).data.roomId;
  if (!client.all('roomSnapshot').length) await client.next('gameStart', { timeoutMs: 2000 });
  for (let i = Math.floor(random() * 20); i > 0 && now() < until; i--) {
    if (random() < 0.3) client.tell('gameMessage', { roomId, message: i, volatile: true });
    else await client.send('gameMessage', { roomId, message: { i } });
    count.moves++;
    await delay(random() * 20);
  }
  const end = random();
  if (end < 0.4) await client.send('leaveRoom', { roomId });
  else if (end < 0.6) await client.send('endGame', { roomId, result: 'draw' });
}

// A small generator with a printed seed, so that a failing run can be told apart from another.
function generator(seed) {
  return () => {
    seed = (seed * 1664525 + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}

async function measure(gateways, redis) {
  const cli = await redis.cli();
  return {
    rssKib: gateways.map((gateway) => gateway.rssKib()),
    fds: gateways.map((gateway) => gateway.fds()),
    keys: (await cli.keys()).filter((key) => !KEYS_THAT_STAY.has(key)),
    connections: await Promise.all(gateways.map(async (gateway) => (await gateway.metrics()).value('matchgate_connections') ?? 0)),
    rooms: await Promise.all(gateways.map(async (gateway) => (await gateway.metrics()).value('matchgate_rooms') ?? 0)),
    sessions: await Promise.all(gateways.map(async (gateway) => (await gateway.metrics()).value('matchgate_sessions') ?? 0)),
  };
}

fleetTest(`${SECONDS} s of play leave nothing behind`, { timeout: (SECONDS + 120) * 1000 }, async (fleet) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(3, { redis, env: ENV });
  const seed = Number(process.env.SOAK_SEED ?? Date.now() % 2 ** 32);
  const random = generator(seed);
  const count = { lives: 0, moves: 0 };
  const run = (until) => Promise.all(Array.from({ length: PLAYERS }, (_, i) => live(`s${i}`, gateways, random, until, count)));
  const settled = async () => {
    const at = await measure(gateways, redis);
    const sum = (list) => list.reduce((a, b) => a + b, 0);
    return at.keys.length + sum(at.connections) + sum(at.rooms) + sum(at.sessions) === 0 && at;
  };
  // A first short round fills every cache and pool; what comes after it must not grow.
  await run(now() + Math.min(10000, SECONDS * 250));
  const before = await waitFor(settled, { what: `everything to be gone after the first round (seed ${seed})`, timeoutMs: 40000, stepMs: 200 });
  await run(now() + SECONDS * 1000);
  const after = await waitFor(settled, { what: `everything to be gone again (seed ${seed})`, timeoutMs: 40000, stepMs: 200 });
  for (let i = 0; i < gateways.length; i++) {
    assert.ok(after.fds[i] <= before.fds[i] + 2, `fds of gateway ${i}: ${before.fds[i]} -> ${after.fds[i]}`);
    assert.ok(after.rssKib[i] <= before.rssKib[i] + 24 * 1024, `RSS of gateway ${i}: ${before.rssKib[i]} -> ${after.rssKib[i]} KiB`);
  }
  assert.ok(count.moves > SECONDS * 10, `${count.moves} moves`);
  assert.deepEqual(await fleet.audit(redis), []);
  figures(
    `${SECONDS} s, ${count.lives} connections, ${count.moves} moves (seed ${seed}); RSS MiB ${before.rssKib.map((k) => k >> 10)} -> ${after.rssKib.map((k) => k >> 10)}, fds ${before.fds} -> ${after.fds}`,
  );
});
