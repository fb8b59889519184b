// What must not grow with how many wait or play: the cost of a join, of /health.
import { readFileSync, readdirSync } from 'node:fs';
import { request } from '../lib/http.mjs';
import { waitFor } from '../lib/wait.mjs';
import { Stage, company } from './stage.mjs';
import { median } from './table.mjs';

// `each` players of live instances wait on every level from `from` to `to`; or `dead`: entries of nobody.
export async function fillQueues(stage, { from, to, each, dead = false }) {
  const redis = await stage.redis.cli();
  const instances = dead ? ['1-1'] : await redis.command('ZRANGE', 'instances', 0, -1);
  for (let level = from; level <= to; level++) {
    const ids = Array.from({ length: each }, (_, i) => `q${level}-${i}`);
    const records = ids.flatMap((id, i) => [id, `queued|${100 + i}|${level}|t|${Date.now()}||s-${id}|${instances[i % instances.length]}`]);
    redis.command('RPUSH', `waiting:level:${level}`, ...ids);
    redis.command('SADD', 'waiting:levels', level);
    if (dead) continue; // no record at all: an entry of nobody
    await redis.command('HSET', 'players', ...records);
  }
  await redis.command('PING');
}

// CPU seconds of these processes so far.
function cpuSeconds(pids) {
  let ns = 0;
  for (const pid of pids) for (const tid of readdirSync(`/proc/${pid}/task`)) ns += Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]);
  return ns / 1e9;
}

// GET /health of one gateway with so many players in rooms: median time, CPU of all servers for each.
export async function healthCost(players) {
  const stage = await Stage.open({ gateways: 2 });
  const crowd = players ? company(stage, 'room', { clients: players, rate: 1, warm_ms: 0, run_ms: 3600000 }) : null;
  try {
    const seated = async () => (await stage.gateways[0].metrics()).value('matchgate_rooms') >= players / 2;
    await waitFor(seated, { what: 'the rooms', timeoutMs: 120000 });
    const pids = [...stage.gateways.map(({ pid }) => pid), stage.redis.proc.pid];
    const times = [];
    const before = cpuSeconds(pids);
    for (let i = 0; i < 300; i++) {
      const started = process.hrtime.bigint();
      await request(stage.gateways[0].port, '/health');
      times.push(Number(process.hrtime.bigint() - started) / 1e3);
    }
    return { health_us: median(times), health_cpu_us: ((cpuSeconds(pids) - before) / times.length) * 1e6 };
  } finally {
    crowd?.kill('SIGKILL');
    await stage.close();
  }
}
