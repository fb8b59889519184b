// The harness of the end-to-end tests: a fleet of real processes that always goes away again.
//
//   fleetTest('two instances meet', async (fleet) => {
//     const redis = await fleet.redis();
//     const [a, b] = await fleet.gateways(2, { redis });
//     const ann = await fleet.client(a, 'ann');
//     ...
//   });
//
// Whatever the test does, at its end all clients are closed and all processes ended by pid. A gateway that does not
// end with status 0 on SIGTERM, that ended by itself, or that printed a sanitizer report fails the test. When a test
// fails the end of every process' output is printed, and the whole of it is in build/logs/e2e/.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Client } from './client.mjs';
import { FaultProxy } from './fault_proxy.mjs';
import { freePort } from './proc.mjs';
import { Resp } from './resp.mjs';
import { Gateway, Haproxy, ROOT, RedisServer, Sentinel } from './servers.mjs';
import { waitFor, within } from './wait.mjs';
import { audit } from './audit.mjs';

export { Client, ReplyError } from './client.mjs';
export { Resp } from './resp.mjs';
export { request } from './http.mjs';
export { parseMetrics } from './prom.mjs';
export { Proc, freePort } from './proc.mjs';
export { delay, now, stays, waitFor, within } from './wait.mjs';
export { audit } from './audit.mjs';
export { BINARY, ROOT } from './servers.mjs';

const TAIL_LINES = 60;

export class Fleet {
  #servers = []; // in the order of their start; ended in reverse
  #clients = [];
  #subscribers = [];

  // {aof, conf}: see RedisServer. Not started when `start` is false.
  async redis({ start = true, ...options } = {}) {
    const server = new RedisServer(options.port ?? (await freePort()), options);
    this.#servers.push(server);
    return start ? server.start() : server;
  }

  // {redis, port, env, args, wait}: wait is 'ready' (default), 'live' or false.
  async gateway({ wait = 'ready', port, ...options } = {}) {
    const gateway = new Gateway(port ?? (await freePort()), options);
    this.#servers.push(gateway);
    return wait ? gateway.up(wait) : gateway;
  }

  async gateways(count, options) {
    const started = [];
    for (let i = 0; i < count; i++) started.push(await this.gateway({ ...options, wait: false }));
    await Promise.all(started.map((gateway) => gateway.up(options?.wait ?? 'ready')));
    return started;
  }

  // So many sentinels that know each other, the master and its replicas: {hosts: 'host:port,...', all}.
  async sentinels(count, master, { replicas = 1, ...options } = {}) {
    const all = [];
    for (let i = 0; i < count; i++) all.push(new Sentinel(await freePort(), master, options));
    this.#servers.push(...all);
    for (const sentinel of all) {
      if (options.password) await waitFor(() => sentinel.command('AUTH', options.password), { what: 'a sentinel' });
      const complete = async () => {
        const known = await sentinel.master();
        return known['num-other-sentinels'] === String(count - 1) && known['num-slaves'] === String(replicas) && known.flags === 'master';
      };
      await waitFor(complete, { what: `${sentinel.proc.name} to know everybody`, timeoutMs: 30000 });
    }
    return { all, hosts: all.map(({ port }) => `127.0.0.1:${port}`).join(',') };
  }

  // A line to Redis that can be made bad; give it to a gateway as its redis.
  async faultProxy(redis) {
    const proxy = await FaultProxy.open(redis.port);
    this.#servers.push(proxy);
    return proxy;
  }

  async haproxy(gateways) {
    const server = new Haproxy(
      await freePort(),
      gateways.map((gateway) => gateway.port ?? gateway),
    );
    this.#servers.push(server);
    return server.up();
  }

  // A connected client; where: a Gateway, a Haproxy or a port; who: a player id or the options of Client.open.
  async client(where, who = {}) {
    const options = typeof who === 'string' ? { playerId: who } : who;
    const client = await Client.open(typeof where === 'number' ? where : where.port, options);
    this.#clients.push(client);
    return client;
  }

  // Two players of one level, matched and in a started game: {roomId, seats: [client, client]}.
  async match(...clients) {
    const level = 1 + Math.floor(Math.random() * 1000);
    for (const client of clients) await client.send('joinMatchmaking', { level });
    const found = await Promise.all(clients.map((client) => client.next('matchFound')));
    await Promise.all(clients.map((client) => client.next('gameStart')));
    return { roomId: found[0].data.roomId, level, found };
  }

  // A process a test has started by itself: in the report, and ended at the latest with the fleet.
  adopt(proc) {
    this.#servers.push({ proc, close: async () => proc.running && proc.end('SIGTERM', 20000) });
  }

  // Anything else with close(): closed in its turn.
  keep(server) {
    this.#servers.push(server);
    return server;
  }

  // A subscription on a connection of its own; closed at the latest with the fleet.
  async subscriber(redis, channel, callback) {
    const client = await Resp.connect(redis.port);
    this.#subscribers.push(client);
    await client.subscribe(channel, callback);
    return client;
  }

  audit(redis, options) {
    return audit(redis, options);
  }

  // Never throws before everything is gone; then throws the first complaint.
  async close() {
    const complaints = [];
    for (const client of this.#clients) client.socket.terminate();
    for (const client of this.#subscribers) client.close();
    for (const server of [...this.#servers].reverse()) {
      try {
        await server.close();
      } catch (error) {
        complaints.push(error);
      }
    }
    if (complaints.length) throw complaints[0];
  }

  // The end of what every process printed; the whole of it goes to build/logs/e2e/.
  report(name) {
    const dir = join(ROOT, 'build/logs/e2e', name.replace(/[^\w.-]+/g, '_'));
    rmSync(dir, { recursive: true, force: true }); // of an earlier run
    mkdirSync(dir, { recursive: true });
    const parts = [`--- logs of "${name}" are in ${dir}`];
    for (const proc of this.#servers.flatMap((server) => server.runs ?? [server.proc])) {
      if (!proc) continue;
      writeFileSync(join(dir, `${proc.name.replace(':', '-')}-${proc.pid}.log`), proc.output);
      const exit = proc.exit ? `ended ${JSON.stringify(proc.exit)}` : 'running';
      parts.push(`--- ${proc.name} (pid ${proc.pid}, ${exit})`, proc.output.split('\n').slice(-TAIL_LINES).join('\n'));
    }
    return parts.join('\n');
  }
}

// A node:test test with a fleet of its own; the second argument may be node:test's options.
export function fleetTest(name, options, fn) {
  const run = fn ?? options;
  const { timeout = 120000, ...rest } = fn ? options : {};
  test(name, rest, (t) => runInFleet(name, (fleet) => within(run(fleet, t), timeout, `the end of "${name}"`)));
}

// For the harness' own test: the same without node:test.
export async function runInFleet(name, fn) {
  const fleet = new Fleet();
  let failure = null;
  try {
    await fn(fleet);
  } catch (error) {
    failure = error;
  }
  try {
    await fleet.close();
  } catch (error) {
    failure ??= error;
  }
  if (!failure) return;
  console.error(fleet.report(name));
  throw failure;
}

// A figure for people; tests/run.mjs shows it even when all is well.
export function figures(text) {
  console.log(`FIGURES: ${text}`);
}

// End with 143 and not in the middle: the children die with us (see proc.mjs).
process.on('SIGTERM', () => process.exit(143));
process.on('SIGINT', () => process.exit(130));
