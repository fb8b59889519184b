// Runs test files, each in its own process, several at a time, and counts.
//
//   node tests/run.mjs e2e                        every tests/e2e/*.test.mjs
//   node tests/run.mjs tests/e2e/match.test.mjs   one file
//
// Most of a test's time is waiting, so that TEST_JOBS files (one more than there are processors, at most 8) are under way
// at once; each takes its ports from a share of its own. A file says in its head what its place is:
//
//   // Takes 100 s.        the longest begin first, so that none is left over at the end
//   // Alone: <why>        begins when all others have ended, and has the machine to itself
//
// One line per file when it has ended; of a file that failed the failures follow, and what its processes printed; the whole
// output of each file is in build/logs/tests/. Lines that a test begins with "FIGURES: " are shown also when all is well.
// The last line is "N passed, N failed"; the status is 0 only if something ran and nothing failed. A file that runs longer
// than TEST_TIMEOUT_S (300) is ended and has failed.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const logs = join(here, '..', 'build', 'logs', 'tests');
const timeoutMs = Number(process.env.TEST_TIMEOUT_S ?? 300) * 1000;
const JOBS = Number(process.env.TEST_JOBS ?? Math.min(cpus().length + 1, 8));

function filesOf(arg) {
  const path = /^\w+$/.test(arg) ? join(here, arg) : resolve(arg);
  if (statSync(path).isFile()) return [path];
  return readdirSync(path)
    .filter((name) => name.endsWith('.test.mjs'))
    .sort()
    .map((name) => join(path, name));
}

// The ports of a lane, below the ephemeral range, so that no outgoing connection takes one meanwhile; the C tests have those
// from 30000 on (lib/redis_server.c).
function ports(lane) {
  const each = Math.floor(20000 / JOBS);
  return `${10000 + lane * each}-${10000 + (lane + 1) * each - 1}`;
}

// What its head says of a file: {path, seconds, alone}.
function planned(path) {
  const [head] = readFileSync(path, 'utf8').match(/^(\/\/.*\n)*/);
  const seconds = Number(head.match(/^\/\/ Takes (\d+) s\./m)?.[1] ?? 0);
  return { path, seconds, alone: /^\/\/ Alone: /m.test(head) };
}

// Resolves with {passed, failed, output, seconds}; never rejects. lane: which of those that run at the same time it is.
function runFile(file, lane) {
  return new Promise((done) => {
    const started = Date.now();
    const child = spawn(process.execPath, ['--test-reporter=tap', '--test-reporter-destination=stdout', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TEST_PORTS: ports(lane) },
    });
    let output = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    let kill;
    const deadline = setTimeout(() => {
      stderr += `\nrun.mjs: ended after ${timeoutMs / 1000} s\n`;
      child.kill('SIGTERM');
      kill = setTimeout(() => child.kill('SIGKILL'), 5000);
    }, timeoutMs);
    child.on('close', (status) => {
      clearTimeout(deadline);
      clearTimeout(kill);
      mkdirSync(logs, { recursive: true });
      writeFileSync(join(logs, `${basename(file, '.test.mjs')}.log`), output + stderr);
      done({ ...count(output, status), output, stderr, seconds: (Date.now() - started) / 1000 });
    });
  });
}

// From the last TAP summary of the output ("# pass 3", "# fail 0", "# cancelled 0").
function count(output, status) {
  const last = (word) => Number([...output.matchAll(new RegExp(`^# ${word} (\\d+)$`, 'gm'))].at(-1)?.[1] ?? 0);
  const passed = last('pass');
  let failed = last('fail') + last('cancelled');
  if (failed === 0 && (status !== 0 || passed === 0)) failed = 1;
  return { passed, failed };
}

// The "not ok" blocks of the TAP output, without the runner's own stack frames, and what went to stderr.
function failures({ output, stderr }) {
  const blocks = output.match(/^ *not ok [\s\S]*?^ *\.\.\.$/gm) ?? [output];
  return [...blocks, stderr].join('\n').replace(/^ *at? ?.*\(?node:.*\n/gm, '').replace(/^.*\(node:internal.*\n/gm, '');
}

function show(file, result) {
  const name = relative(here, file).padEnd(32);
  const verdict = result.failed ? `FAILED ${result.failed}` : 'ok';
  const lines = [`${name} ${verdict} (${result.passed} passed, ${result.seconds.toFixed(1)} s)`];
  if (result.failed) lines.push(failures(result));
  else for (const line of result.output.match(/^FIGURES: .*$/gm) ?? []) lines.push(`    ${line.slice(9)}`);
  console.log(lines.join('\n'));
}

const total = { passed: 0, failed: 0 };

// `lanes` files of the list at a time, until it is empty.
async function runAll(list, lanes) {
  const lane = async (_, number) => {
    for (let next; (next = list.shift()); ) {
      const result = await runFile(next.path, number);
      total.passed += result.passed;
      total.failed += result.failed;
      show(next.path, result);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

const plan = process.argv.slice(2).flatMap(filesOf).map(planned);
if (plan.length === 0) total.failed = 1;
await runAll(plan.filter(({ alone }) => !alone).sort((a, b) => b.seconds - a.seconds), JOBS);
await runAll(plan.filter(({ alone }) => alone), 1);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed ? 1 : 0;
