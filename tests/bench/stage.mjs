// A fleet to measure: Redis and gateways on one core, the load tool on the other.
//
//   const stage = await Stage.open({ gateways: 2, env: { ROOM_SEATS: 8 } });
//   const result = await stage.bench('room', { clients: 1000, seats: 8 });   // the tool's JSON; throws if it complains
//   await stage.close();
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { freePort } from '../lib/proc.mjs';
import { Gateway, ROOT, RedisServer } from '../lib/servers.mjs';
import { Peer, wireOf } from './peers.mjs';

export const BENCH = process.env.BENCH_BIN ?? join(ROOT, 'build/release/bench');
// The same for a Redis without gateways: it asks what they would ask, over this socket in Redis' folder.
export const BENCH_SCRIPTS = join(dirname(BENCH), 'bench_scripts');
export const SOCKET = 'redis.sock';

// With two cores and more: the servers on the first, the load on the second. BENCH_CORES=servers:load names others.
const [SERVERS, LOAD] = (process.env.BENCH_CORES ?? (cpus().length > 1 ? '0:1' : '0:0')).split(':');

// What a gateway is measured with: the defaults of the product (the test harness has faster ones), but no limits that would refuse load.
export const PLAIN_ENV = {
  LEASE_MS: undefined,
  HEARTBEAT_MS: undefined,
  SWEEP_MS: undefined,
  TIMER_POLL_MS: undefined,
  GRACE_MS: undefined,
  CONFIRM_MS: undefined,
  DRAIN_MS: undefined,
  DRAIN_SPREAD_MS: undefined,
  LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
  MESSAGES_PER_SECOND: '0',
  MAX_CONNECTIONS: '19500',
};

export function pin(pid, cores = SERVERS) {
  execFileSync('taskset', ['-acp', cores, String(pid)], { stdio: 'ignore' });
}

export class Stage {
  // gateways: how many, 0 for Redis alone; standalone: without Redis; env: over PLAIN_ENV; peer: another server instead of matchgate.
  // wrap: what the gateways, or Redis alone, run under, such as a profiler.
  static async open({ gateways = 1, standalone = false, env = {}, redis = {}, peer, wrap } = {}) {
    const stage = new Stage();
    stage.wrap = wrap;
    stage.gateways = [];
    stage.peer = peer;
    try {
      if (!standalone) {
        const alone = gateways === 0 && { wrap, conf: { unixsocket: SOCKET } };
        stage.redis = await new RedisServer(await freePort(), { ...redis, ...alone }).start();
        pin(stage.redis.proc.pid);
      }
      for (let i = 0; i < gateways; i++) {
        const gateway = await stage.#gateway({ ...PLAIN_ENV, ...env });
        stage.gateways.push(gateway);
      }
      for (const gateway of stage.gateways) {
        await gateway.up('ready', 60000);
        pin(gateway.pid); // now that all its threads are there
      }
    } catch (error) {
      await stage.close();
      throw error;
    }
    return stage;
  }

  async #gateway(env) {
    const port = await freePort();
    return this.peer ? new Peer(this.peer, port, this.redis, env) : new Gateway(port, { redis: this.redis, env, wrap: this.wrap });
  }

  // options.kill: the tool kills the first gateway when the time has come.
  // onMark(n): awaited before the tool takes its n-th sample (0: the measured time begins, 1: it ends).
  bench(workload, { kill, ...options } = {}, onMark) {
    if (kill) {
      options.kill_pid = this.gateways[0].pid;
      this.gateways[0].proc.expectExit = true;
    }
    if (this.peer) options.wire = wireOf(this.peer);
    if (onMark) options.marks = true;
    if (!this.gateways.length) return runTool([...toolArgs(workload, { ...options, run_ms: undefined }), ...aloneArgs(this.redis)], onMark, BENCH_SCRIPTS);
    return runTool([...toolArgs(workload, options), ...fleetArgs(this.gateways, this.redis)], onMark);
  }

  // By force: thousands of players who are gone already need no orderly farewell.
  async close() {
    for (const { proc } of this.gateways) if (proc.running) await proc.kill9();
    await this.redis?.close();
  }
}

// options: {name: value}; true for a switch.
export function toolArgs(workload, options = {}) {
  const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== false);
  return [workload, ...given.flatMap(([name, value]) => (value === true ? [`--${name}`] : [`--${name}`, String(value)]))];
}

// Where the load goes, and whose cost is measured. gateways: anything with port and pid.
export function fleetArgs(gateways, redis) {
  const args = ['--port', gateways.map(({ port }) => port).join(','), '--gateway-pid', gateways.map(({ pid }) => pid).join(',')];
  if (redis) args.push('--redis-pid', String(redis.proc.pid), '--redis-port', String(redis.port));
  return args;
}

// For a Redis without gateways.
export function aloneArgs(redis) {
  return ['--redis-socket', join(redis.dir, SOCKET), '--redis-pid', String(redis.proc.pid), '--redis-port', String(redis.port)];
}

// The tool beside something else that is measured; to be killed at the end.
export function company(stage, workload, options) {
  return spawn('taskset', ['-c', LOAD, BENCH, ...toolArgs(workload, options), ...fleetArgs(stage.gateways)], { stdio: 'ignore' });
}

// Runs the tool on its core; resolves with its figures.
export function runTool(args, onMark, tool = BENCH) {
  if (!existsSync(tool)) throw new Error(`${tool} is not there; ./mg bench builds it`);
  return new Promise((done, refuse) => {
    const child = spawn('taskset', ['-c', LOAD, tool, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '';
    let complaints = '';
    let marks = 0;
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => {
      complaints += chunk;
      if (!onMark || !String(chunk).endsWith('mark\n')) return;
      onMark(marks++).then(() => child.stdin.write('\n'), (error) => (child.kill('SIGKILL'), refuse(error)));
    });
    child.stdin.on('error', () => {}); // it has ended meanwhile
    child.on('error', refuse);
    child.on('close', (status) => {
      if (status !== 0) return refuse(new Error(`${basename(tool)} ${args.join(' ')}\nended with ${status}:\n${complaints}${out}`));
      done(JSON.parse(out));
    });
  });
}
