// The tools faults are made with: the stepped clock, the sentinel that names bad lines, the schedule, the campaign's command.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Clock } from '../lib/clock.mjs';
import { Proc, ROOT, Resp, fleetTest, now } from '../lib/fleet.mjs';
import { generator } from '../lib/life.mjs';
import { Faults } from './faults.mjs';
import { SentinelDoor } from './sentinel_door.mjs';
import { Wire, Wires } from './wire.mjs';

const HOUR_MS = 3600000;

fleetTest('the wall clock of one instance goes forward and back; timers do not notice', async (fleet) => {
  const redis = await fleet.redis();
  const clock = fleet.keep(new Clock());
  const env = { GRACE_MS: 1500, CONFIRM_MS: 20000 };
  const a = await fleet.gateway({ redis, env: { ...env, ...clock.env } });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(a, 'bob');
  const away = async () => (await ann.send('ping')).serverTime - Date.now();
  assert.ok(Math.abs(await away()) < 5000);
  const { roomId } = await fleet.match(ann, bob);
  for (const step of [HOUR_MS, -HOUR_MS]) {
    clock.step(step);
    assert.ok(Math.abs((await away()) - step) < 5000, 'the instance believes it');
    const { dueAt } = await ann.send('setTurnDeadline', { roomId, ms: 300, expectedVersion: 0 });
    const timeout = await bob.next('turnTimeout');
    assert.ok(timeout.ts >= dueAt, 'by the clock of the store');
  }
  bob.drop();
  await ann.next('opponentDisconnected');
  await ann.next('playerLeft', { filter: (push) => push.data.reason === 'grace' });
});

fleetTest('without Redis as well: a step of the clock ends no grace time and expires no ticket', async (fleet) => {
  const clock = fleet.keep(new Clock());
  const GRACE_MS = 1500;
  const a = await fleet.gateway({ env: { GRACE_MS, TICKET_TTL_MS: 60000, SWEEP_MS: 100, ...clock.env } });
  const [ann, bob, cy] = [await fleet.client(a, 'ann'), await fleet.client(a, 'bob'), await fleet.client(a, 'cy')];
  await fleet.match(ann, bob);
  await cy.send('joinMatchmaking', { level: 1 });
  bob.drop();
  await ann.next('opponentDisconnected');
  const from = now();
  clock.step(HOUR_MS);
  await ann.next('playerLeft');
  assert.ok(now() - from >= GRACE_MS - 100, `after ${now() - from} ms`);
  assert.deepEqual(cy.all('ticketExpired'), []);
});

fleetTest('an instance behind Sentinel reaches the master over its own line', async (fleet) => {
  const master = await fleet.redis();
  const sentinels = await fleet.sentinels(1, master, { replicas: 0, quorum: 1 });
  const wire = fleet.keep(await Wire.open(master.port));
  const door = fleet.keep(await SentinelDoor.open(sentinels.all[0].port, new Map([[master.port, wire.port]])));
  const asked = await Resp.connect(door.port);
  assert.deepEqual(await asked.command('SENTINEL', 'get-master-addr-by-name', 'mymaster'), ['127.0.0.1', String(wire.port)]);
  assert.equal(await asked.command('PING'), 'PONG');
  asked.close();
  const a = await fleet.gateway({ env: { REDIS_ENABLED: undefined, REDIS_SENTINEL_HOSTS: `127.0.0.1:${door.port}` } });
  const lines = new Wires([wire]);
  lines.refuse(true);
  await a.proc.sees(/store\.away/);
  lines.heal();
  await a.proc.sees(/store\.ready/, { start: a.proc.output.indexOf('store.away') });
});

fleetTest('the same seed draws the same faults; each world has its own', async () => {
  const drawn = async (kind, seed) => {
    const calls = [];
    const wire = new Proxy({}, { get: (_, what) => () => calls.push(what) });
    const node = { store: wire, door: wire, restart: async () => calls.push('restart'), clock: { step: (ms) => calls.push(`step ${ms}`) } };
    const faults = new Faults({ world: { kind, nodes: [node, node, node], leaseMs: 10 }, random: generator(seed), only: ['kill -9', 'SIGTERM', 'store cut', 'players cut'] });
    await faults.run(now() + 400, { everyMs: 20 });
    return [calls.slice(0, 5), Object.keys(faults.counts)];
  };
  assert.deepEqual((await drawn('plain', 7))[0], (await drawn('plain', 7))[0]);
  const names = (kind) => new Set(new Faults({ world: { kind } }).kinds.map(({ name }) => name));
  assert.ok(names('plain').has('Redis killed') && !names('plain').has('data flushed') && !names('plain').has('master killed'));
  assert.ok(names('lossy').has('data flushed') && names('lossy').has('Redis killed'));
  assert.ok(names('sentinel').has('master killed') && !names('sentinel').has('Redis killed'));
});

async function campaign(fleet, args) {
  const proc = new Proc('campaign.mjs', process.execPath, [join(ROOT, 'tests/chaos/campaign.mjs'), ...args], { env: { MATCHGATE_BIN: process.env.MATCHGATE_BIN } });
  fleet.adopt(proc);
  const { code } = await proc.ended;
  return { code, output: proc.output };
}

fleetTest('a campaign: one line per run with its seed, and the sum', async (fleet) => {
  const { code, output } = await campaign(fleet, ['--runs', '2', '--seconds', '2', '--seed', '7', '--world', 'plain,lossy', '--players', '8']);
  assert.equal(code, 0, output);
  assert.match(output, /^ {2}1 plain seed 7: \d+ faults \(.*\); [1-9]\d* matches, [1-9]\d* messages, \d+ resumed, \d+ anew; 0 violations; \d+ s$/m);
  assert.match(output, /^ {2}2 lossy seed 8: /m);
  assert.match(output, /^2 runs, \d+ faults: /m);
  assert.match(output, /^[1-9]\d* matches, 0 double; [1-9]\d* numbered messages answered, \d+ delivered, 0 lost, doubled or out of order; /m);
  assert.match(output, /^0 violations$/m);
});

fleetTest('a campaign that was asked for nonsense says so', async (fleet) => {
  for (const args of [['--world', 'flat'], ['--runs', '0'], ['--only', 'rain']]) {
    const { code, output } = await campaign(fleet, args);
    assert.equal(code, 2, output);
    assert.match(output, /there is no world "flat"|--runs is 0|there is no fault "rain"/);
  }
});
