// Measures. `./mg bench [workload…] [options]` builds the release binaries and calls this.
//
//   --runs N      medians of so many runs (3); cases take turns, so that a slow minute of the machine hits all of them
//   --seconds S   measured time of a run (4)
//   --only WORDS  only cases whose name holds this
//   --list        names of workloads and cases
//   --profile     perf record of the servers in the last run of each case; the top is in build/bench/*.profile.txt
//   --syscalls    system calls per thing, counted with perf in the last run of each case
//
// Prints a table per workload and writes build/bench/WORKLOAD.json: every run, medians, extremes. What the tool complains about
// (a message lost, doubled, out of order) ends everything with status 1.
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
    only: { type: 'string' },
    list: { type: 'boolean' },
    profile: { type: 'boolean' },
    syscalls: { type: 'boolean' },
  },
});

const runs = Number(flags.runs);

async function measure(name, one, last) {
  if (one.measure) return one.measure({ last, seconds: Number(flags.seconds) });
  const stage = await Stage.open(one.stage);
  const watch = last ? watching(stage, flags, join(OUT, `${name}-${one.name.replace(/[^\w]+/g, '-')}`)) : null;
  try {
    const result = await stage.bench(one.tool ?? name, { run_ms: Number(flags.seconds) * 1000, ...one.options });
    return { ...result, ...(await watch?.end(result)) };
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

// What each case costs against the floor of its group, run by run; the median of that.
function addRatios(chosen, rows, path) {
  for (const [i, one] of chosen.entries()) {
    const base = chosen.find((other) => other.base && other.group === one.group);
    if (base) rows[i].median.ratio = median(one.runs.map((result, run) => at(result, path) / at(base.runs[run], path)));
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
      one.runs.push(await measure(name, one, run === runs - 1));
    }
  const rows = chosen.map((one) => ({ name: one.name, options: one.options, stage: one.stage, median: medians(one.runs), extremes: extremes(one.runs), runs: one.runs }));
  writeFileSync(join(OUT, `${name}.json`), `${JSON.stringify({ name, title, machine: machine(), rows }, null, 1)}\n`);
  const busy = Math.max(...rows.flatMap((row) => row.runs.map((result) => result.machine_busy_share ?? 0)));
  const extra = flags.syscalls ? [['syscalls', 'syscalls_per_thing', 2]] : [];
  if (ratio && addRatios(chosen, rows, ratio)) extra.push(['× floor', 'ratio', 2]);
  console.log(`\n${title}\n(medians of ${runs} runs; the machine was at most ${Math.round(busy * 100)} % busy)\n`);
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
  try {
    for (const name of names) await workload(name);
  } catch (error) {
    console.error(`bench: ${error.message}`);
    process.exitCode = 1;
  }
}
