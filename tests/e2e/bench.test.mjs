// The load tool works: each workload in small, and it notices servers that lose, double, mix up or change messages.
// Speed is not asserted.
// Alone: the tool keeps to a rate and counts what it reached in a fraction of a second.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { WebSocketServer } from 'ws';
import { BINARY, fleetTest, freePort } from '../lib/fleet.mjs';

process.env.BENCH_BIN ??= join(dirname(BINARY), 'bench');
const { BENCH, BENCH_SCRIPTS, SOCKET, aloneArgs, fleetArgs, runTool, toolArgs } = await import('../bench/stage.mjs');
const { WORKLOADS } = await import('../bench/plan.mjs');
const { Peer } = await import('../bench/peers.mjs');
const { extremes, median, medians, table } = await import('../bench/table.mjs');

const SHORT = { warm_ms: 100, run_ms: 400 };
const run = (workload, options, gateways, redis) => runTool([...toolArgs(workload, { ...SHORT, ...options }), ...fleetArgs(gateways, redis)]);
const complains = (promise, pattern) => assert.rejects(promise, (error) => (assert.match(error.message, pattern), true));

test('the tools are built', () => [BENCH, BENCH_SCRIPTS].forEach((tool) => assert.ok(existsSync(tool), tool)));

// One fleet of rooms of `seats`, and what is played on it.
function workloads(title, { seats = 2, gateways = 2, env = {} }, list) {
  fleetTest(`load: ${title}`, async (fleet) => {
    const redis = await fleet.redis();
    const all = await fleet.gateways(gateways, { redis, env: { MESSAGES_PER_SECOND: 0, ROOM_SEATS: seats, GRACE_MS: 0, ...env } });
    for (const [workload, options, check] of list) {
      const result = await run(workload, options, all, redis);
      assert.equal(result.workload, workload);
      check(result, options);
    }
  });
}

const traffic = (result, { clients }) => {
  assert.equal(result.clients, clients);
  assert.ok(result.deliveries > 0);
  assert.ok(result.latency_us.n > 0 && result.latency_us.p50 > 0 && result.latency_us.max >= result.latency_us.p99);
  assert.ok(result.gateways_cpu_s > 0 && result.redis_cpu_s >= 0);
};

workloads('echo, pairs, connect and memory', {}, [
  ['echo', { clients: 20, size: 64 }, (r) => assert.ok(r.answers > 20 && r.latency_us.n > 0)],
  ['echo', { clients: 20, size: 64, window: 8 }, (r) => assert.ok(r.answers > 20)],
  ['echo', { clients: 20, size: 64, rate: 500 }, (r) => assert.ok(Math.abs(r.answers - 200) < 50, `${r.answers} answers`)],
  ['pairs', { clients: 20, rate: 50 }, (r) => assert.ok(r.matches > 0 && r.told_us.n > 0)],
  ['connect', { clients: 200, at_once: 50 }, (r) => assert.equal(r.welcome_us.n, 200)],
  ['memory', { clients: 100 }, (r) => assert.ok(r.rss_kib_full > 0)],
]);

workloads('rooms of 2', {}, [
  ['room', { clients: 20 }, traffic],
  ['room', { clients: 20, numbered: true }, (r, o) => (traffic(r, o), assert.ok(r.evalsha_calls > 0 && r.redis_commands > 0))],
  ['room', { clients: 20, same: true, numbered: true, silent: true }, traffic],
  ['room', { clients: 20, size: 4096, window: 4 }, traffic],
  ['room', { clients: 20, rate: 200, numbered: true }, traffic],
]);

workloads('rooms of 8, slow readers', { seats: 8 }, [
  ['room', { clients: 32, seats: 8, talkers: 3 }, traffic],
  ['room', { clients: 32, seats: 8, numbered: true }, traffic],
  ['slow', { clients: 32, seats: 8, deaf: 2, rate: 200 }, (r, o) => (traffic(r, o), assert.equal(r.deaf, 2))],
]);

workloads('a storm', {}, [
  ['storm', { clients: 200, levels: 5 }, (r) => assert.ok(r.matches === 100 && r.matched_us.n === 200 && r.playing_us.n === 200)],
]);

const allBack = (result) => {
  assert.ok(result.back_us.n > 0);
  assert.equal(result.renewed, 0);
};
const COMEBACK = { GRACE_MS: 60000 };
const KILL = { code: null, signal: 'SIGKILL' };

workloads('players come back', { gateways: 3, env: COMEBACK }, [
  ['resume', { clients: 40, rate: 50 }, allBack],
  ['resume-storm', { clients: 100 }, (r) => (allBack(r), assert.equal(r.lost_the_line, 100))],
]);

fleetTest('load: an instance is killed, its players come back', async (fleet) => {
  const redis = await fleet.redis();
  const all = await fleet.gateways(3, { redis, env: { MESSAGES_PER_SECOND: 0, ...COMEBACK } });
  all[0].proc.expectExit = true;
  const result = await run('resume-storm', { clients: 100, crowded: true, kill_pid: all[0].pid }, all, redis);
  allBack(result);
  assert.equal(result.lost_the_line, 100);
  assert.deepEqual(await all[0].proc.ended, KILL);
});

fleetTest('load: deadlines after their instance was killed', async (fleet) => {
  const redis = await fleet.redis();
  const env = { CONFIRM: 'client', CONFIRM_MS: 5000, LEASE_MS: 10000, HEARTBEAT_MS: 1000, GRACE_MS: 1500 };
  const all = await fleet.gateways(2, { redis, env });
  all[0].proc.expectExit = true;
  const result = await run('deadlines', { clients: 30, kill_pid: all[0].pid }, all, redis);
  for (const kind of ['confirm', 'turn', 'grace']) assert.equal(result[`${kind}_late_us`].n, 5, kind);
  assert.deepEqual(await all[0].proc.ended, KILL);
});

workloads('joining and leaving', { seats: 4 }, [['queue', { clients: 20 }, (r) => assert.ok(r.joins > 20 && r.joined_us.n > 0)]]);

workloads('a fleet of four, direct', { gateways: 4, env: { ROOM_EVENTS_MODE: 'direct' } }, [['room', { clients: 40 }, traffic]]);

// Redis alone: every case of the plan with few players, who begin on an empty store.
const runAlone = (redis, tool, options) => runTool([...toolArgs(tool, options), ...aloneArgs(redis)], undefined, BENCH_SCRIPTS);
const PER_PLAYER = { attach: 1, message: 2, detach: 1, 'detach-seat': 1 }; // calls; of the others one for two players

fleetTest('load: the scripts, in Redis alone', async (fleet) => {
  const redis = await fleet.redis({ conf: { unixsocket: SOCKET } });
  for (const { name, tool, options } of WORKLOADS.scripts.cases) {
    await redis.command('FLUSHALL');
    const result = await runAlone(redis, tool, { ...options, clients: 32, rounds: 2 });
    assert.equal(result.calls, 32 * (PER_PLAYER[tool] ?? 0.5), name);
    assert.ok(result.redis_cpu_s > 0 && result.script_us > 0 && result.commands_per_call > 1, name);
    if (!/leave|detach/.test(tool)) assert.ok(result.evalsha_calls <= Math.ceil(result.calls / options.together) + 2, `${name}: ${result.evalsha_calls} script calls`);
  }
});

fleetTest('load: the scripts, and a store in which they do not answer as they should', async (fleet) => {
  const redis = await fleet.redis({ conf: { unixsocket: SOCKET } });
  await runAlone(redis, 'wait', { clients: 32 });
  await complains(runAlone(redis, 'wait', { clients: 32 }), /player\d+: 'OK' is not what he should be told/); // they wait already
  await redis.command('FLUSHALL');
  await redis.command('SET', 'players', 'text');
  await complains(runAlone(redis, 'attach', { clients: 32 }), /WRONGTYPE/);
  await complains(runAlone(redis, 'nonsense', {}), /no workload/);
});

// --- it can fail ------------------------------------------------------------------------------------------------------

// A relay in the plain dialect; spoil(message, n, send) decides what the others get of the n-th message.
async function relay(t, spoil) {
  const port = await freePort();
  const rooms = new Map();
  let n = 0;
  const server = new WebSocketServer({ port, host: '127.0.0.1' });
  server.on('connection', (socket, request) => {
    const room = new URL(request.url, 'ws://x').searchParams.get('room');
    rooms.set(room, [...(rooms.get(room) ?? []), socket]);
    socket.on('message', (data) => {
      const others = rooms.get(room).filter((other) => other !== socket);
      const send = (text) => others.forEach((other) => other.send(text));
      spoil(String(data), ++n, send);
    });
    socket.send('ready');
  });
  t.after(() => (server.clients.forEach((socket) => socket.terminate()), server.close()));
  return { port, pid: process.pid };
}

const spoiled = {
  'as it should be': [(text, n, send) => send(text), null],
  'one lost': [(text, n, send) => n !== 20 && send(text), /never heard|before/],
  'one doubled': [(text, n, send) => (send(text), n === 20 && send(text)), /again/],
  'one changed': [(text, n, send) => send(n === 20 ? `zz${text.slice(2)}` : text), /heard: zz/],
  'one kept back': [
    (() => {
      let kept;
      return (text, n, send) => (n === 20 ? (kept = text) : (send(text), kept && send(kept), (kept = undefined)));
    })(),
    /before|another room|never heard/,
  ],
  'one of somebody else': [(text, n, send) => send(n === 20 ? `0000ffff${text.slice(8)}` : text), /another room/],
};

for (const [what, [spoil, pattern]] of Object.entries(spoiled))
  test(`the tool and a relay: ${what}`, async (t) => {
    const server = await relay(t, spoil);
    const result = run('room', { wire: 'plain', clients: 4, rate: 400, deadline_ms: 2000 }, [server]);
    if (pattern) await complains(result, pattern);
    else assert.ok((await result).deliveries > 0);
  });

fleetTest('the floor relays, across instances and within one', async (fleet) => {
  const redis = await fleet.redis();
  const peers = [];
  for (const env of [{}, {}, { LOCAL: '1' }]) {
    const peer = new Peer('floor', await freePort(), redis, env);
    fleet.keep({ proc: peer.proc, close: () => peer.proc.kill9() });
    peers.push(await peer.up());
  }
  const [a, b, alone] = peers;
  const options = { wire: 'plain', clients: 32, seats: 8 };
  traffic(await run('room', options, [a, b], redis), options);
  traffic(await run('room', { ...options, size: 4096 }, [a, b], redis), options);
  traffic(await run('room', options, [alone], redis), options);
});

test('a server that refuses, and one that is not there', async (t) => {
  const port = await freePort();
  const server = new WebSocketServer({ port, host: '127.0.0.1', verifyClient: () => false });
  t.after(() => server.close());
  await complains(run('echo', { clients: 1 }, [{ port, pid: process.pid }]), /lost the connection in stage 1: 401/);
  await complains(run('echo', { clients: 1 }, [{ port: await freePort(), pid: process.pid }]), /stage 1: 0/);
  await complains(run('nonsense', {}, [{ port, pid: process.pid }]), /no workload/);
});

test('medians and tables', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(table([['n', 'a.b', 1]], [{ name: 'x', median: { a: { b: 1234.56 } } }]), '|   |       n |\n|---|--------:|\n| x | 1,234.6 |');
  const runs = [{ a: 1, b: { c: 5 } }, { a: 3, b: { c: 7 }, late: 9 }, { a: 8, b: { c: 6 } }];
  assert.deepEqual(medians(runs), { a: 3, b: { c: 6 }, late: 9 });
  const row = { name: 'x', median: medians(runs), extremes: extremes(runs) };
  assert.match(table([['', 'a', 0], ['', 'a', 0, 'least'], ['', 'none', 0, 'least']], [row]), /\| x \| +3 \| +1 \| +\|$/);
  for (const { title, columns, cases } of Object.values(WORKLOADS)) {
    assert.ok(title && columns.length && cases.length);
    assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length, 'names of cases differ');
  }
});
