// Measures. `./mg bench [workload…] [options]` builds the release binaries and calls this.
//
//   --runs N      medians of so many runs (3); cases take turns, so that a slow minute of the machine hits all of them
//   --seconds S   measured time of a run (4)
//   --quiet P     a run in which other programs took more than P % of the machine is repeated, up to 8 times; the quietest one counts
//   --clients N   so many clients instead of the cases' own
//   --only WORDS  only cases whose name holds this
//   --list        names of workloads and cases
//   --profile       perf record of the servers in the last run of each case; the top is in build/bench/*.profile.txt
//   --syscalls      system calls per thing, counted with perf in the last run of each case
//   --instructions  instructions of the gateways (scripts: of Redis) per thing, counted with valgrind in the last run; by function in *.instructions.txt.
//                   The servers are 50 times slower then: use it with --only, few --clients and many --seconds
//   --stalls S    stops and continues the servers at random for S seconds: is anything lost then? For resume-storm
//   --logs        the gateways' logs of a run that failed go to build/bench/*.log; LOG_LEVEL says how much
//
// Prints a table per workload and writes build/bench/WORKLOAD.json: every run, medians, extremes. Of a run in which the tool complained
// (a message lost, doubled, out of order, refused) there are no figures: it is reported, and the status at the end is 1.
import './release.mjs';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../lib/servers.mjs';
import { hasPeer, installPeers } from './peers.mjs';
import { WORKLOADS } from './plan.mjs';
import { Stage } from './stage.mjs';
import { at, extremes, median, medians, table } from './table.mjs';
import { watching } from './watch.mjs';

const OUT = join(ROOT, 'build/bench');

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    quiet: { type: 'string' },
    clients: { type: 'string' },
    only: { type: 'string' },
    list: { type: 'boolean' },
    profile: { type: 'boolean' },
    syscalls: { type: 'boolean' },
    stalls: { type: 'string' },
    logs: { type: 'boolean' },
    instructions: { type: 'boolean' },
  },
});

const runs = Number(flags.runs);
const failures = [];

// On a machine that others use as well: several tries, the one that was disturbed least.
async function measureQuietly(name, one, last) {
  let best;
  for (let tries = flags.quiet ? 8 : 1; tries > 0; tries--) {
    const result = await measure(name, one, last);
    if (!best || result.others_share < best.others_share) best = result;
    if (!(best.others_share * 100 > Number(flags.quiet))) break;
  }
  return best;
}

async function measure(name, one, last) {
  if (one.measure) return one.measure();
  const watch = last || flags.stalls ? watching(flags, join(OUT, `${name}-${one.name.replace(/[^\w]+/g, '-')}`)) : null;
  const stage = await Stage.open({ ...one.stage, wrap: watch?.wrap });
  try {
    await one.prepare?.(stage);
    const onMark = watch && (async (n) => (n === 0 ? watch.begin(stage) : n === 1 ? watch.stop(stage) : undefined));
    const options = { run_ms: Number(flags.seconds) * 1000, ...one.options, ...(flags.clients && { clients: flags.clients }) };
    const result = await stage.bench(one.tool ?? name, options, onMark);
    return { ...result, ...watch?.end(result) };
  } catch (error) {
    if (flags.logs) for (const { proc } of stage.gateways) writeFileSync(join(OUT, `${name}-${proc.pid}.log`), proc.output);
    throw error;
  } finally {
    await stage.close();
  }
}

function machine() {
  const { model } = cpus()[0];
  let version = '';
  try {
    version = execFileSync('git', ['describe', '--always', '--dirty'], { cwd: ROOT, encoding: 'utf8' }).trim();
  } catch {
    // an unpacked archive
  }
  return { cores: cpus().length, model, version, date: new Date().toISOString() };
}

const percent = (share) => `${Math.round(share * 100)} %`;

// What each case costs against the floor of its group, run by run; the median of that.
function addRatios(chosen, rows, path) {
  for (const [i, one] of chosen.entries()) {
    const base = chosen.find((other) => other.base && other.group === one.group);
    if (base && base.runs.length === one.runs.length) rows[i].median.ratio = median(one.runs.map((result, run) => at(result, path) / at(base.runs[run], path)));
  }
  return rows.some((row) => row.median.ratio);
}

async function workload(name) {
  const { title, columns, cases, ratio, peers } = WORKLOADS[name];
  if (peers) installPeers();
  const chosen = cases.filter((one) => hasPeer(one.stage?.peer)).filter((one) => !flags.only || one.name.includes(flags.only)).map((one) => ({ ...one, runs: [] }));
  if (!chosen.length) return;
  for (let run = 0; run < runs; run++)
    for (const one of chosen) {
      process.stderr.write(`${name} ${run + 1}/${runs}: ${one.name}\n`);
      try {
        one.runs.push(await measureQuietly(name, one, run === runs - 1));
      } catch (error) {
        failures.push(`${name}, ${one.name}: ${error.message}`);
        console.error(`FAILED ${failures.at(-1)}`);
      }
    }
  const done = chosen.filter((one) => one.runs.length);
  if (!done.length) return;
  const rows = done.map((one) => ({ name: one.name, options: one.options, stage: one.stage, median: medians(one.runs), extremes: extremes(one.runs), runs: one.runs }));
  writeFileSync(join(OUT, `${name}.json`), `${JSON.stringify({ name, title, machine: machine(), rows }, null, 1)}\n`);
  const others = rows.flatMap((row) => row.runs.map((result) => result.others_share ?? 0));
  const extra = [];
  if (flags.syscalls) extra.push(['syscalls', 'syscalls_per_thing', 2]);
  if (flags.instructions) extra.push(['instructions', 'instructions_per_thing', 0]);
  if (ratio && addRatios(done, rows, ratio)) extra.push(['× floor', 'ratio', 2]);
  console.log(`\n${title}\n(medians of ${runs} runs; other programs took ${percent(median(others))}, at most ${percent(Math.max(...others))} of the machine)\n`);
  console.log(table([...columns, ...extra], rows));
}

const names = positionals.length ? positionals : Object.keys(WORKLOADS); // all, peers included
for (const name of names) {
  if (!WORKLOADS[name]) {
    console.error(`there is no workload '${name}': ${Object.keys(WORKLOADS).join(', ')}`);
    process.exit(2);
  }
}
if (flags.list) {
  for (const name of names) console.log(`${name}\n${WORKLOADS[name].cases.map((one) => `    ${one.name}`).join('\n')}`);
} else {
  mkdirSync(OUT, { recursive: true });
  for (const name of names) await workload(name);
  if (failures.length) {
    console.error(`\n${failures.length} runs failed:\n${failures.map((text) => text.split('\n').slice(0, 4).join('\n')).join('\n')}`);
    process.exitCode = 1;
  }
}
