// The real programs an end-to-end test runs: redis-server, matchgate, haproxy.
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { request } from './http.mjs';
import { Proc, answers } from './proc.mjs';
import { parseMetrics } from './prom.mjs';
import { Resp } from './resp.mjs';
import { waitFor } from './wait.mjs';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const BINARY = process.env.MATCHGATE_BIN ?? join(ROOT, 'build/dev/matchgate');
const REDIS = process.env.REDIS_SERVER_BIN || 'redis-server'; // or another store that speaks its language

export const ASAN_OPTIONS = 'detect_leaks=1:halt_on_error=1:strict_string_checks=1:detect_stack_use_after_return=1';

// Small timings, so that a test of an expiry takes a second and not half a minute. A lease stays generous: a busy machine
// must not lose one by accident.
const FAST = {
  LEASE_MS: 3000,
  HEARTBEAT_MS: 500,
  SWEEP_MS: 300,
  TIMER_POLL_MS: 50,
  GRACE_MS: 2000,
  CONFIRM_MS: 5000,
  DRAIN_MS: 3000,
  DRAIN_SPREAD_MS: 100,
};

export class RedisServer {
  // wrap: a command to run it under.
  constructor(port, { aof = false, conf = {}, dir, wrap = [] } = {}) {
    this.port = port;
    this.wrap = wrap;
    this.url = `redis://127.0.0.1:${port}`;
    this.dir = dir ?? mkdtempSync(join(tmpdir(), 'matchgate-redis-'));
    this.conf = { port, bind: '127.0.0.1', dir: this.dir, save: '', appendonly: aof ? 'yes' : 'no', ...conf };
    this.runs = []; // every process there was, for the report
  }

  async start() {
    const args = Object.entries(this.conf).flatMap(([key, value]) => [`--${key}`, ...String(value).split(' ')]);
    const [file, ...rest] = [...this.wrap, REDIS, ...args];
    this.proc = new Proc(`redis:${this.port}`, file, rest);
    this.runs.push(this.proc);
    await waitFor(async () => this.proc.exit || (await this.#ping()), { what: `redis-server on ${this.port}`, timeoutMs: 30000 });
    if (this.proc.exit) throw new Error(`redis-server did not start:\n${this.proc.output}`);
    return this;
  }

  // Whether it answers, and nobody else who got hold of its port.
  async #ping() {
    const client = await Resp.connect(this.port);
    try {
      if ((await client.command('PING')) !== 'PONG') return false;
      return (await client.command('INFO', 'server')).includes(`process_id:${this.proc.pid}\r`);
    } finally {
      client.close();
    }
  }

  // A client of our own, kept open until the end of the server.
  async cli() {
    if (!this.client || this.client.closed || this.clientOf !== this.proc) {
      this.client = await Resp.connect(this.port);
      this.clientOf = this.proc;
    }
    return this.client;
  }

  async command(...args) {
    return (await this.cli()).command(...args);
  }

  kill() {
    return this.proc.kill9();
  }

  stop() {
    this.proc.stop();
  }

  cont() {
    this.proc.cont();
  }

  // Again on the same port with the same directory (with aof the data is back).
  async restart() {
    if (this.proc.running) await this.proc.end();
    return this.start();
  }

  async close() {
    this.client?.close();
    if (this.proc?.running) await this.proc.kill9();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

// A redis-server --sentinel that watches `master` (a RedisServer) under the name mymaster; small timings.
export class Sentinel {
  constructor(port, master, { quorum = 2, downAfterMs = 1000, failoverTimeoutMs = 6000, password } = {}) {
    this.port = port;
    this.dir = mkdtempSync(join(tmpdir(), 'matchgate-sentinel-'));
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${this.dir}`,
      `sentinel monitor mymaster 127.0.0.1 ${master.port} ${quorum}`,
      `sentinel down-after-milliseconds mymaster ${downAfterMs}`,
      `sentinel failover-timeout mymaster ${failoverTimeoutMs}`,
    ];
    if (password) lines.push(`requirepass ${password}`, `sentinel sentinel-pass ${password}`);
    writeFileSync(join(this.dir, 'sentinel.conf'), `${lines.join('\n')}\n`);
    this.proc = new Proc(`sentinel:${port}`, REDIS, [join(this.dir, 'sentinel.conf'), '--sentinel']);
  }

  // Another process with the same port, and what it knew (after the first one's end).
  async again() {
    const next = Object.create(Sentinel.prototype);
    Object.assign(next, { port: this.port, dir: this.dir });
    next.proc = new Proc(`sentinel:${this.port}`, REDIS, [join(this.dir, 'sentinel.conf'), '--sentinel']);
    await waitFor(() => next.command('PING'), { what: `the sentinel on ${this.port}` });
    return next;
  }

  async command(...args) {
    this.client ??= await Resp.connect(this.port);
    return this.client.command(...args);
  }

  // What it knows of the master, as an object.
  async master() {
    const flat = await this.command('SENTINEL', 'MASTER', 'mymaster');
    return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]));
  }

  async close() {
    this.client?.close();
    if (this.proc.running) await this.proc.kill9();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export class Gateway {
  // redis: a RedisServer, a URL, or undefined for standalone. env goes over the fast defaults. wrap: a command to run it under.
  constructor(port, { redis, env = {}, args = [], name, wrap = [] } = {}) {
    this.port = port;
    this.url = `ws://127.0.0.1:${port}/ws`;
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is not there; build preset dev or set MATCHGATE_BIN`);
    const url = typeof redis === 'string' ? redis : redis?.url;
    const vars = {
      ...FAST,
      HOST: '127.0.0.1',
      PORT: port,
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'info',
      ASAN_OPTIONS,
      UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
      ...(url ? { REDIS_URL: url } : { REDIS_ENABLED: 'false' }),
      ...env,
    };
    for (const key of Object.keys(vars)) if (vars[key] === undefined) delete vars[key];
    const [file, ...rest] = [...wrap, BINARY, ...args];
    this.proc = new Proc(name ?? `gateway:${port}`, file, rest, { env: vars });
  }

  // Waits until it serves HTTP (`live`), or until it also takes players (`ready`).
  async up(what = 'ready', timeoutMs = 20000) {
    const check = async () => this.proc.exit || (await this.get(`/health/${what}`)).status === 200;
    await waitFor(check, { what: `${this.proc.name} to be ${what}`, timeoutMs });
    if (this.proc.exit) throw new Error(`matchgate ended with ${JSON.stringify(this.proc.exit)}:\n${this.proc.output}`);
    return this;
  }

  get pid() {
    return this.proc.pid;
  }

  get log() {
    return this.proc.output;
  }

  get(path, options) {
    return request(this.port, path, options);
  }

  async json(path, options) {
    return (await this.get(path, options)).json();
  }

  health() {
    return this.json('/health');
  }

  stats() {
    return this.json('/health/stats');
  }

  async metrics() {
    return parseMetrics((await this.get('/metrics')).body);
  }

  kill9() {
    return this.proc.kill9();
  }

  // Resolves with {code, signal}.
  sigterm(timeoutMs) {
    return this.proc.end('SIGTERM', timeoutMs);
  }

  // Resident memory in KiB and the number of open file descriptors.
  rssKib() {
    return Number(readFileSync(`/proc/${this.pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB/m)[1]);
  }

  fds() {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  async close() {
    if (this.proc.exit && !this.proc.expectExit)
      throw new Error(`${this.proc.name} ended by itself: ${JSON.stringify(this.proc.exit)}`);
    if (this.proc.running) {
      const { code, signal } = await this.proc.end('SIGTERM');
      if (code !== 0) throw new Error(`${this.proc.name} ended on SIGTERM with ${code ?? signal} instead of 0`);
    }
    if (this.proc.sanitizer) throw new Error(`${this.proc.name} printed a sanitizer report`);
  }
}

// deploy/haproxy.cfg as it stands, but with these gateways instead of its own.
export class Haproxy {
  constructor(port, ports) {
    this.port = port;
    this.dir = mkdtempSync(join(tmpdir(), 'matchgate-haproxy-'));
    const lines = readFileSync(join(ROOT, 'deploy/haproxy.cfg'), 'utf8').split('\n');
    const first = lines.findIndex((line) => /^\s+server gateway/.test(line));
    const rest = lines[first].replace(/^\s+server \S+ \S+/, '');
    const servers = ports.map((p, i) => `    server gateway${i + 1} 127.0.0.1:${p}${rest}`);
    const others = lines.filter((line) => !/^\s+server gateway/.test(line));
    others.splice(first, 0, ...servers);
    const file = join(this.dir, 'haproxy.cfg');
    writeFileSync(file, others.join('\n'));
    this.proc = new Proc(`haproxy:${port}`, 'haproxy', ['-W', '-db', '-f', file], {
      env: { MATCHGATE_LISTEN: `127.0.0.1:${port}` },
    });
  }

  async up() {
    await waitFor(async () => this.proc.exit || (await answers(this.port)), { what: `haproxy on ${this.port}` });
    if (this.proc.exit) throw new Error(`haproxy did not start:\n${this.proc.output}`);
    const ready = async () => (await request(this.port, '/health/ready')).status === 200;
    await waitFor(ready, { what: 'haproxy to see a gateway' });
    return this;
  }

  async close() {
    if (this.proc.running) await this.proc.end('SIGTERM');
    rmSync(this.dir, { recursive: true, force: true });
  }
}
