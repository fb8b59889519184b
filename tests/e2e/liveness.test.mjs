// Every way in which Redis can stop answering ends in SERVICE_DEGRADED within some 2.5 s, and is over within 2 s of its
// answering again. All with the default lease, so the figures are those of a fleet as it ships.
// Takes 47 s.
import assert from 'node:assert/strict';
import { figures, fleetTest, now, waitFor } from '../lib/fleet.mjs';

const ENV = { LEASE_MS: 6000, HEARTBEAT_MS: 1500 };
const DETECT_MS = 2500;
const BACK_MS = 2000;
const SLACK_MS = 1500; // for a busy machine: these tests share theirs with others

const isUp = (gateway) => async () => (await gateway.get('/health')).status === 200;

// ann and bob in a game, ann on the gateway that may have a bad line.
async function playing(fleet, { line = false, redis: options = {} } = {}) {
  const redis = await fleet.redis({ aof: true, ...options });
  const proxy = line ? await fleet.faultProxy(redis) : undefined;
  const a = await fleet.gateway({ redis: proxy ?? redis, env: ENV });
  const b = await fleet.gateway({ redis, env: ENV });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  return { redis, proxy, a, b, ann, bob, ...(await fleet.match(ann, bob)) };
}

// From the fault on: the first request fails within DETECT_MS, the later ones at once; health names the reason.
async function away({ ann, a, roomId }, since, reason) {
  let first;
  for (;;) {
    const asked = now();
    const reply = await ann.request('gameMessage', { roomId, message: 'lost?' });
    if (reply.ok && now() - since < 500) continue; // it was quicker than the fault
    assert.equal(reply.ok, false, 'nothing is carried out');
    first ??= { ms: asked - since, answeredMs: now() - since };
    assert.match(reply.error.code, /^(SERVICE_DEGRADED|OUTCOME_UNKNOWN)$/);
    if (reply.error.code === 'SERVICE_DEGRADED') break;
  }
  assert.ok(first.answeredMs < DETECT_MS + SLACK_MS, `answered after ${first.answeredMs} ms`);
  await waitFor(async () => reason.test(JSON.stringify((await a.get('/health')).json())), { what: `health to say ${reason}` });
  assert.equal((await a.get('/health')).status, 503);
  return first.answeredMs;
}

async function refusedAtOnce({ ann, roomId }, ms) {
  const end = now() + ms;
  const took = [];
  while (now() < end) {
    const asked = now();
    const error = await ann.fails('gameMessage', { roomId, message: 'no' });
    assert.equal(error.code, 'SERVICE_DEGRADED');
    took.push(now() - asked);
    await waitFor(() => now() - asked > 100, {});
  }
  took.sort((x, y) => x - y);
  assert.ok(took.at(-1) < SLACK_MS, `the slowest took ${took.at(-1)} ms`); // less than waiting for a probe would take
  assert.ok(took[took.length >> 1] < 200, `half took more than ${took[took.length >> 1]} ms`);
}

async function back({ a, b, ann, bob, roomId }, what, detectedMs) {
  const healed = now();
  for (const gateway of [a, b]) await waitFor(isUp(gateway), { what: 'the gateway to be well again', timeoutMs: 20000 });
  const tookMs = now() - healed;
  assert.ok(tookMs < BACK_MS + SLACK_MS, `well again after ${tookMs} ms`);
  await waitFor(async () => (await ann.request('gameMessage', { roomId, message: what })).ok, { what: 'a message to be taken' });
  await bob.next('gameMessage', { filter: (push) => push.data.message === what });
  assert.equal(ann.close ?? bob.close, null);
  figures(`${what}: refused after ${detectedMs} ms, well again after ${tookMs} ms`);
}

for (const seconds of [5, 12]) {
  fleetTest(`Redis frozen for ${seconds} s`, async (fleet) => {
    const game = await playing(fleet);
    game.redis.stop();
    const since = now();
    const detected = await away(game, since, /timeout/);
    await refusedAtOnce(game, seconds * 1000 - (now() - since));
    game.redis.cont();
    await back(game, `frozen ${seconds} s`, detected);
    assert.deepEqual(await fleet.audit(game.redis), []);
  });
}

fleetTest('writes paused (CLIENT PAUSE WRITE): reads that pass prove nothing', async (fleet) => {
  const game = await playing(fleet);
  await game.redis.command('CLIENT', 'PAUSE', 60000, 'WRITE');
  const detected = await away(game, now(), /timeout/);
  await refusedAtOnce(game, 5000); // through several new connections, all of which answer PING
  await game.redis.command('CLIENT', 'UNPAUSE');
  await back(game, 'writes paused', detected);
});

fleetTest('a script of somebody else blocks Redis: silence, then BUSY', async (fleet) => {
  const game = await playing(fleet, { redis: { conf: { 'lua-time-limit': 4000 } } });
  const { redis } = game;
  const blocker = (await redis.cli()).command('EVAL', 'while true do end', 0).catch((error) => error.message);
  const detected = await away(game, now(), /timeout/);
  await waitFor(async () => /busy/.test(JSON.stringify((await game.a.get('/health')).json())), { what: 'health to say busy' });
  await refusedAtOnce(game, 500);
  redis.client = undefined; // that connection is busy; a new one may kill
  await redis.command('SCRIPT', 'KILL');
  await back(game, 'a blocking script', detected);
  assert.match(await blocker, /killed/i);
});

fleetTest('Redis loads its data for some seconds', async (fleet) => {
  const game = await playing(fleet, { redis: { conf: { 'enable-debug-command': 'yes', 'aof-use-rdb-preamble': 'yes' } } });
  const { redis } = game;
  await redis.command('DEBUG', 'POPULATE', 4000);
  await redis.command('BGREWRITEAOF');
  await waitFor(async () => /aof_rewrite_in_progress:0/.test(await redis.command('INFO', 'persistence')), { what: 'the rewrite' });
  redis.conf['key-load-delay'] = 1000; // µs per key
  redis.conf['loading-process-events-interval-bytes'] = 1024;
  await redis.proc.end();
  const since = now();
  const started = redis.start();
  const detected = await away(game, since, /loading/);
  await refusedAtOnce(game, 500);
  await started;
  await waitFor(async () => (await redis.command('PING').catch(() => '')) === 'PONG', { what: 'Redis to have loaded', timeoutMs: 20000 });
  await back(game, 'loading', detected);
});

fleetTest('a half-open line: accepted, and never a byte back', async (fleet) => {
  const game = await playing(fleet, { line: true });
  game.proxy.hold('commands');
  game.proxy.hold('events');
  const detected = await away(game, now(), /timeout/);
  await refusedAtOnce(game, 4000);
  game.proxy.release('commands');
  game.proxy.release('events');
  await back(game, 'half-open', detected);
});

fleetTest('an event link that hears nothing is found out and made again', async (fleet) => {
  const game = await playing(fleet, { line: true });
  const { a, bob, ann, proxy, roomId } = game;
  proxy.hold('events');
  await bob.send('gameMessage', { roomId, message: 'not heard' });
  const since = now();
  await a.proc.sees('redis.deaf', { timeoutMs: 10000 });
  const detected = now() - since;
  assert.ok(detected < 4000 + SLACK_MS, `after ${detected} ms`); // at most a heartbeat and 2 s
  assert.equal((await a.metrics()).value('matchgate_redis_deaf_total'), 1);
  proxy.release('events');
  await back(game, 'a deaf event link', detected);
  await ann.next('gameMessage', { filter: (push) => push.data.message === 'not heard' });
});
