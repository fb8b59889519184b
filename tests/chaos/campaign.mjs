// Many runs of chaos in a row, each with its own seed, on fleets of its own; at the end the sum.
//
//   ./mg chaos --runs 20 --seconds 60              # builds the release, then this
//   node tests/chaos/campaign.mjs ...              # with MATCHGATE_BIN, or build/dev/matchgate
//     --runs 10            how many
//     --seconds 60         how long faults are drawn in each; the calm behind it is not counted
//     --seed N             of the first run; the next ones follow (default: from the clock)
//     --world plain,lossy  which worlds, in turn (default: plain,lossy,sentinel; see worlds.mjs)
//     --players 40         how many
//     --socketio 0.25      the share of those who speak Socket.IO
//     --only 'kill -9,..'  draw these faults alone
//
// One line per run; of a run with violations these follow, and its story and the logs of its processes are kept in
// build/logs/chaos/. The status is 0 only if no run had one. To see one again: its seed and world, with --runs 1.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BINARY, Fleet, ROOT, now } from '../lib/fleet.mjs';
import { NAMES } from './faults.mjs';
import { playChaos } from './play.mjs';
import { WORLDS } from './worlds.mjs';

const SHOWN = 10;
const text = (value) => ({ type: 'string', ...(value === undefined ? {} : { default: value }) });

function settings() {
  const { values } = parseArgs({
    options: { runs: text('10'), seconds: text('60'), seed: text(String(Date.now() % 2 ** 32)), world: text(WORLDS.join(',')), players: text('40'), socketio: text('0.25'), only: text() },
  });
  const list = (value, known, what) => {
    const names = value.split(',');
    const stranger = names.find((name) => !known.includes(name));
    if (stranger !== undefined) throw new Error(`there is no ${what} ${JSON.stringify(stranger)}: ${known.join(', ')}`);
    return names;
  };
  const number = (name) => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < (name === 'seed' ? 0 : 1)) throw new Error(`--${name} is ${values[name]}: a whole number is needed`);
    return value;
  };
  const share = (value) => {
    if (!(Number(value) >= 0 && Number(value) <= 1)) throw new Error(`--socketio is ${value}: a share from 0 to 1 is needed`);
    return Number(value);
  };
  return {
    runs: number('runs'),
    seconds: number('seconds'),
    seed: number('seed'),
    players: number('players'),
    socketio: share(values.socketio),
    worlds: list(values.world, WORLDS, 'world'),
    only: values.only && list(values.only, NAMES, 'fault'),
  };
}

// Resolves with what playChaos says; a process that did not end as it should is a violation as well.
async function once(options) {
  const fleet = new Fleet();
  const run = { violations: [], faults: {}, counts: {}, lines: [], story: '' };
  try {
    Object.assign(run, await playChaos(fleet, options));
  } catch (error) {
    run.violations.push(`the run failed: ${error.stack}`);
  }
  await fleet.close().catch((error) => run.violations.push(error.message));
  if (run.violations.length) keep(fleet, options, run);
  return run;
}

function keep(fleet, { kind, seed }, run) {
  const dir = join(ROOT, 'build/logs/chaos');
  mkdirSync(dir, { recursive: true });
  const report = fleet.report(`chaos ${kind} ${seed}`);
  writeFileSync(join(dir, `${kind}-${seed}.log`), [...run.lines, ...run.violations, run.story, report].join('\n\n'));
}

const sum = (table) => Object.values(table).reduce((x, y) => x + y, 0);
const add = (to, table) => Object.entries(table).forEach(([key, n]) => (to[key] = (to[key] ?? 0) + n));
const words = (table) => Object.entries(table).map(([key, n]) => `${key} ${n}`).join(', ');
const about = (pattern, texts) => texts.filter((line) => pattern.test(line)).length;

let options;
try {
  options = settings();
} catch (error) {
  console.error(error.message);
  process.exit(2);
}
console.log(`${options.runs} runs of ${options.seconds} s with ${options.players} players: ${BINARY}`);
const faults = {};
const counts = {};
const violations = [];
let bad = 0;
for (let i = 0; i < options.runs; i++) {
  const began = now();
  const kind = options.worlds[i % options.worlds.length];
  const seed = (options.seed + i) % 2 ** 32;
  const { seconds, players, socketio, only } = options;
  const done = await once({ kind, seed, seconds, players, socketio, only });
  const { rooms = 0, messages = 0, recovered = 0, fresh = 0 } = done.counts;
  console.log(
    `${String(i + 1).padStart(3)} ${kind} seed ${seed}: ${sum(done.faults)} faults (${words(done.faults)}); ${rooms} matches, ${messages} messages, ` +
      `${recovered} resumed, ${fresh} anew; ${done.violations.length} violations; ${Math.round((now() - began) / 1000)} s`,
  );
  for (const line of done.violations.slice(0, SHOWN)) console.log(`    VIOLATION ${line}`);
  if (done.violations.length > SHOWN) console.log(`    and ${done.violations.length - SHOWN} more`);
  add(faults, done.faults);
  add(counts, done.counts);
  violations.push(...done.violations);
  bad += done.violations.length > 0;
}
console.log(`${options.runs} runs, ${sum(faults)} faults: ${words(faults)}`);
console.log(
  `${counts.rooms ?? 0} matches, ${about(/^I[12] /, violations)} double; ${counts.messages ?? 0} numbered messages answered, ${counts.pushes ?? 0} delivered, ` +
    `${about(/^I[78] /, violations)} lost, doubled or out of order; ${counts.recovered ?? 0} resumed, ${counts.again ?? 0} requests sent again`,
);
console.log(bad ? `${bad} runs with violations, ${violations.length} in all; see build/logs/chaos/` : '0 violations');
process.exit(bad ? 1 : 0);
