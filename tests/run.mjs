// Runs test files one after the other, each in its own process, and counts.
//
//   node tests/run.mjs e2e                        every tests/e2e/*.test.mjs
//   node tests/run.mjs tests/e2e/match.test.mjs   one file
//
// One line per file; of a file that failed the failures follow, and what its processes printed; the whole output of each
// file is in build/logs/tests/. Lines that a test begins with "FIGURES: " are
// shown also when all is well. The last line is "N passed, N failed"; the status is 0 only if something ran and nothing
// failed. A file that runs longer than TEST_TIMEOUT_S (300) is ended and has failed.
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const logs = join(here, '..', 'build', 'logs', 'tests');
const timeoutMs = Number(process.env.TEST_TIMEOUT_S ?? 300) * 1000;

function filesOf(arg) {
  const path = /^\w+$/.test(arg) ? join(here, arg) : resolve(arg);
  if (statSync(path).isFile()) return [path];
  return readdirSync(path)
    .filter((name) => name.endsWith('.test.mjs'))
    .sort()
    .map((name) => join(path, name));
}

// Resolves with {passed, failed, output, seconds}; never rejects.
function runFile(file) {
  return new Promise((done) => {
    const started = Date.now();
    const child = spawn(process.execPath, ['--test-reporter=tap', '--test-reporter-destination=stdout', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
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

const files = process.argv.slice(2).flatMap(filesOf);
let passed = 0;
let failed = 0;
for (const file of files) {
  const result = await runFile(file);
  passed += result.passed;
  failed += result.failed;
  const name = relative(here, file).padEnd(32);
  const verdict = result.failed ? `FAILED ${result.failed}` : 'ok';
  console.log(`${name} ${verdict} (${result.passed} passed, ${result.seconds.toFixed(1)} s)`);
  if (result.failed) console.log(failures(result));
  else for (const line of result.output.match(/^FIGURES: .*$/gm) ?? []) console.log(`    ${line.slice(9)}`);
}
if (files.length === 0) failed = 1;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
