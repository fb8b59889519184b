// Everybody plays while the lines to Redis are bad at random: replies late or lost, events lost, links cut. Nobody is matched
// twice, no process falls, and when the lines are good again everything fits together.
// Takes 15 s.
import assert from 'node:assert/strict';
import { delay, figures, fleetTest, now, waitFor } from '../lib/fleet.mjs';
import { generator, live, newCount } from '../lib/life.mjs';

const PLAYERS = 30;
const SECONDS = 12;
const ENV = { GRACE_MS: 1000, QUEUE_GRACE_MS: 500, CONFIRM_MS: 2000, MESSAGES_PER_SECOND: 0, LEASE_MS: 2000, HEARTBEAT_MS: 400 };
const USUAL = /ECONNREFUSED|ECONNRESET|socket hang up|SERVICE_DEGRADED|OUTCOME_UNKNOWN|BUSY|503|welcome at|handshake/;
const SCRIPTS = ['attach', 'join', 'leave_queue', 'leave_room', 'detach', 'reseat', 'confirm', 'message', 'match', 'fire_timer'];
const EVENTS = ['matchFound', 'gameStart', 'gameMessage', 'matchCancelled', 'sessionReplaced', 'gameEnd', 'opponentReconnected'];

// One thing goes wrong with the line for a moment.
async function harm(line, random) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  const kind = pick(['cut', 'lose', 'late', 'late', 'deaf', 'held', 'shut']);
  if (kind === 'cut') line.cut(pick(['commands', 'events']));
  else if (kind === 'lose') line.loseReply(pick(SCRIPTS));
  else if (kind === 'late') line.holdReply(pick(SCRIPTS));
  else if (kind === 'deaf') line.ignore(pick(EVENTS));
  else if (kind === 'held') line.hold('events');
  else line.shut(pick(['commands', 'events']));
  await delay(random() * 250);
  line.open();
  line.hear();
  for (const link of ['commands', 'events']) line.release(link);
}

fleetTest('bad lines to Redis at random, while everybody plays', async (fleet) => {
  const redis = await fleet.redis();
  const lines = [await fleet.faultProxy(redis), await fleet.faultProxy(redis)];
  const gateways = [];
  for (const line of [...lines, redis]) gateways.push(await fleet.gateway({ redis: line, env: ENV }));
  const seed = Number(process.env.SOAK_SEED ?? Date.now() % 2 ** 32);
  const random = generator(seed);
  const count = newCount();
  const until = now() + SECONDS * 1000;
  const load = { ports: () => gateways.map((g) => g.port), random, until, usual: USUAL };
  const harms = lines.map(async (line) => {
    for (; now() < until; await delay(random() * 400)) await harm(line, random);
    line.disarm();
    for (const link of ['commands', 'events']) line.release(link);
  });
  await Promise.all([...harms, ...Array.from({ length: PLAYERS }, (_, i) => live(`u${i}`, load, count))]);
  for (const gateway of gateways) assert.ok(gateway.proc.running, `${gateway.proc.name} runs (seed ${seed})`);
  assert.deepEqual(count.faults, [], `seed ${seed}`);
  const empty = async () => {
    const hashes = ['socket_mappings', 'game_states', 'matches', 'players'];
    const left = await Promise.all(hashes.map((key) => redis.command('HLEN', key)));
    return left.every((n) => n === 0);
  };
  await waitFor(empty, { what: `all rooms, mappings and records to be gone (seed ${seed})`, timeoutMs: 20000 });
  assert.deepEqual(await fleet.audit(redis, { settleMs: 10000 }), []);
  figures(`lines bad at random: ${count.matches / 2} matches and ${count.moves} moves in ${SECONDS} s, each ticket matched once`);
});
