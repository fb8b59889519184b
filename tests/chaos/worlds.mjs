// The fleets that chaos is done to: three instances with bad lines on both sides and a wall clock of their own each, short times,
// and one of these stores:
//
//   plain     one Redis that writes each change to its file before it answers, and instances that do nothing without it:
//             nothing that was answered may be lost
//   island    the same Redis, and instances that play on by themselves when they cannot reach it: what they and the others did to
//             one room meanwhile cannot both stay
//   lossy     the same as plain, but at times Redis loses everything
//   sentinel  a master, a replica and three sentinels: a failover loses the last moments
//
//   const world = await openWorld(fleet, 'plain', seed);    // {nodes, store, record, connect, habits}
import { Clock } from '../lib/clock.mjs';
import { freePort } from '../lib/proc.mjs';
import { Resp } from '../lib/resp.mjs';
import { delay, waitFor } from '../lib/wait.mjs';
import { LATE, WILD } from './player.mjs';
import { Record } from './record.mjs';
import { SentinelDoor } from './sentinel_door.mjs';
import { Wire, Wires } from './wire.mjs';

export const LEASE_MS = 2000;
const GRACE_MS = 12000; // longer than anything that is broken here stays so
const ENV = {
  LEASE_MS,
  HEARTBEAT_MS: 400,
  GRACE_MS,
  ROOM_IDLE_MS: 8000,
  TICKET_TTL_MS: 6000,
  PING_MS: 2000,
  PING_QUEUED_MS: 2000,
  PONG_WAIT_MS: 1500,
  COMMAND_TIMEOUT_MS: 1500,
  ROOM_LOG_MAX: 2000,
  MESSAGES_PER_SECOND: 0,
};
const RULES = { idleMs: ENV.ROOM_IDLE_MS, ticketTtlMs: ENV.TICKET_TTL_MS, graceMs: GRACE_MS };
const GONE_MS = 10000; // whose line was silent for less than this learns how his room ended

// What makes each world what it is, for runs that are too short to be sure of it.
const CERTAIN = { plain: 'Redis killed', island: 'Redis killed', lossy: 'Redis emptied', sentinel: 'master killed' };

export const WORLDS = ['plain', 'island', 'lossy', 'sentinel'];

export async function openWorld(fleet, kind, seed) {
  const store = kind === 'sentinel' ? await SentinelStore.open(fleet) : await PlainStore.open(fleet);
  const lossy = kind !== 'plain';
  const alone = kind === 'island';
  const env = { ...ENV, CONFIRM: seed % 2 ? 'client' : 'auto', DEGRADED_MATCHMAKING: alone ? 'local' : 'refuse' };
  const nodes = [];
  for (let i = 0; i < 3; i++) nodes.push(await makeNode(fleet, store, env));
  const record = new Record({ lossy, rules: lossy ? { ...RULES, ownClocks: alone } : { ...RULES, goneMs: GONE_MS } });
  const habits = { ...WILD, ...LATE, unready: seed % 2 ? LATE.unready : 0, awayMs: GRACE_MS };
  const watch = { connect: () => store.connect(), ticketTtlMs: ENV.TICKET_TTL_MS, beatMs: 3 * ENV.HEARTBEAT_MS, auditMs: 1000 };
  return { kind, nodes, store, record, habits, watch, leaseMs: LEASE_MS, certain: CERTAIN[kind] };
}

// An instance with its bad lines and its clock; it always comes back under the same address.
async function makeNode(fleet, store, env) {
  const clock = fleet.keep(new Clock());
  const line = await store.line(fleet);
  const port = await freePort();
  const door = fleet.keep(await Wire.open(port));
  const node = { store: line.wires, door, clock, url: `ws://127.0.0.1:${door.port}/ws` };
  const options = { redis: line.redis, port, env: { ...env, ...clock.env, ...line.env } };
  const start = async (wait) => (node.gateway = await fleet.gateway({ ...options, wait }));
  node.restart = async (signal, pauseMs) => {
    await node.gateway.proc.end(signal, 20000);
    await delay(pauseMs);
    await start('live');
  };
  await start('ready');
  return node;
}

class PlainStore {
  static async open(fleet) {
    const store = new PlainStore();
    store.master = await fleet.redis({ aof: true, conf: { appendfsync: 'always' } });
    return store;
  }

  async line(fleet) {
    const wire = fleet.keep(await Wire.open(this.master.port));
    return { wires: wire, redis: wire };
  }

  connect() {
    return Resp.connect(this.master.port);
  }
}

class SentinelStore {
  static async open(fleet) {
    const store = new SentinelStore();
    const conf = { 'repl-diskless-sync-delay': 0 };
    const master = await fleet.redis({ aof: true, conf });
    const replica = await fleet.redis({ aof: true, conf: { ...conf, replicaof: `127.0.0.1 ${master.port}` } });
    store.servers = [master, replica];
    await waitFor(() => linked(replica), { what: 'the replica', timeoutMs: 20000 });
    store.sentinels = (await fleet.sentinels(3, master, { downAfterMs: 600, failoverTimeoutMs: 3000 })).all;
    return store;
  }

  async line(fleet) {
    const wires = [];
    for (const { port } of this.servers) wires.push(fleet.keep(await Wire.open(port)));
    const lines = new Map(this.servers.map(({ port }, i) => [port, wires[i].port]));
    const doors = [];
    for (const { port } of this.sentinels) doors.push(fleet.keep(await SentinelDoor.open(port, lines)));
    const hosts = doors.map(({ port }) => `127.0.0.1:${port}`).join(',');
    return { wires: new Wires(wires), env: { REDIS_ENABLED: undefined, REDIS_SENTINEL_HOSTS: hosts } };
  }

  async masterPort() {
    return Number((await this.sentinels[0].command('SENTINEL', 'get-master-addr-by-name', 'mymaster'))[1]);
  }

  // The server the sentinels name, and the other one.
  async roles() {
    const port = await this.masterPort();
    const master = this.servers.find((server) => server.port === port);
    return { master, replica: this.servers.find((server) => server !== master) };
  }

  // A connection to the master; it ends when the sentinels name another one.
  async connect() {
    const port = await this.masterPort();
    const cli = await Resp.connect(port);
    const ask = cli.command.bind(cli);
    cli.command = async (...args) => {
      if ((await this.masterPort()) !== port) throw new Error('there is a new master');
      return ask(...args);
    };
    return cli;
  }

  // One is the master, the other follows it, and the sentinels agree.
  async whole() {
    const { master, replica } = await this.roles();
    const flags = await Promise.all(this.sentinels.map((sentinel) => sentinel.master()));
    const agreed = flags.every((known) => known.flags === 'master' && Number(known.port) === master.port && known['num-slaves'] >= 1);
    return agreed && /role:master/.test(await ask(master)) && (await linked(replica, master.port));
  }

  // Waits until it is whole; else a second failover would find nobody to take over.
  async settle() {
    await waitFor(() => this.whole(), { what: 'one master and one replica', timeoutMs: 40000, stepMs: 100 });
  }
}

const ask = (server) => server.command('INFO', 'replication').catch(() => '');

async function linked(replica, masterPort) {
  const info = await ask(replica);
  return /role:slave/.test(info) && /master_link_status:up/.test(info) && (!masterPort || info.includes(`master_port:${masterPort}`));
}
