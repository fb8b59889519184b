// What is done to the servers from outside during the measured time: a CPU profile, a count of system calls, of instructions; stalls.
//
// A watch is {wrap, begin(stage), end(result)}: wrap is what gateways (Redis, where it is alone) have to run under, begin is called when the measured time begins,
// stop when it ends; end, with the tool's result, resolves with members to add to it.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export function watching({ profile, syscalls, instructions, stalls }, path) {
  if (stalls) return stalling(Number(stalls));
  if (profile) return record(path);
  if (instructions) return callgrind(path);
  return syscalls ? countCalls() : null;
}

// Stops and continues Redis and the gateways at random for so many seconds from the beginning: a machine that is far too busy.
function stalling(seconds) {
  const pause = (ms) => new Promise((done) => setTimeout(done, Math.random() * ms));
  const stall = async (proc, runMs, stopMs) => {
    for (const end = Date.now() + seconds * 1000; Date.now() < end && proc.running; ) {
      await pause(runMs);
      proc.stop();
      await pause(stopMs);
      proc.cont();
    }
  };
  return {
    async begin(stage) {
      stall(stage.redis.proc, 600, 4000);
      for (const { proc } of stage.gateways) stall(proc, 800, 2500);
    },
    stop: async () => {},
    end: () => ({}),
  };
}

const pidsOf = (stage) => [...stage.gateways.map(({ pid }) => pid), ...(stage.redis ? [stage.redis.proc.pid] : [])];
const things = (result) => result.calls ?? result.deliveries ?? result.answers ?? result.matches ?? result.joins ?? result.hops ?? result.clients;

// perf, attached until stop(); resolves with what it printed.
function perf(args) {
  const child = spawn('perf', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.on('data', (chunk) => (text += chunk));
  const ended = new Promise((done, refuse) => {
    child.on('error', refuse);
    child.on('close', () => done(text));
  });
  return () => (child.kill('SIGINT'), ended);
}

function record(path) {
  let stop;
  const report = (...more) =>
    execFileSync('perf', ['report', '-i', `${path}.perf`, '--stdio', '--no-children', '-g', 'none', ...more], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 28,
    });
  return {
    begin: async (stage) => (stop = perf(['record', '-q', '-e', 'cpu-clock', '-F', '997', '-g', '-p', pidsOf(stage).join(','), '-o', `${path}.perf`])),
    stop: () => stop(),
    end() {
      const parts = [report('--sort', 'comm,dso'), report('--sort', 'comm,dso,symbol', '--percent-limit', '0.3')];
      writeFileSync(`${path}.profile.txt`, parts.join('\n'));
      process.stderr.write(`profile: ${path}.profile.txt\n`);
      return {};
    },
  };
}

function countCalls() {
  let stop;
  let text;
  return {
    begin: async (stage) => (stop = perf(['stat', '-x', ',', '-e', 'raw_syscalls:sys_enter', '-p', pidsOf(stage).join(',')])),
    stop: async () => (text = await stop()),
    end(result) {
      const calls = Number(text.match(/^(\d+),,raw_syscalls/m)?.[1]);
      if (!Number.isFinite(calls)) throw new Error(`perf counts no system calls here: ${text}`);
      return { syscalls_per_thing: calls / things(result) };
    },
  };
}

const SLOWED = ['seconds', 'redis_cpu_s', 'cpu_s_per_million', 'redis_cpu_s_per_million', 'script_us', 'evalsha_us', 'publish_us'];

// Instructions of the gateways' own code and libraries (not the kernel's), or of Redis' where it is alone, counted by valgrind: the same on
// a busy machine. Times under valgrind say nothing; of Redis alone they are left out.
function callgrind(path) {
  const folder = dirname(path);
  const prefix = `${basename(path)}.callgrind.`;
  const files = () => readdirSync(folder).filter((name) => name.startsWith(prefix)).map((name) => join(folder, name));
  let alone; // Redis
  const control = (stage, ...args) => {
    alone = !stage.gateways.length;
    // It finds valgrind by a name made of the environment: the gateway's HOST, and no user.
    const env = { PATH: process.env.PATH, ...(!alone && { HOST: '127.0.0.1' }) };
    for (const { pid } of alone ? [stage.redis.proc] : stage.gateways) execFileSync('callgrind_control', [...args, String(pid)], { env, stdio: 'ignore' });
  };
  const old = files();
  return {
    wrap: ['valgrind', '--tool=callgrind', '--instr-atstart=no', '--dump-instr=no', `--callgrind-out-file=${join(folder, prefix)}%p`],
    begin: async (stage) => (old.forEach((file) => rmSync(file)), control(stage, '-i', 'on')),
    stop: async (stage) => (control(stage, '-i', 'off'), control(stage, '-d')),
    // The count is of all of them, the list by function of the first.
    end(result) {
      const dumps = files().filter((file) => /\.\d+\.\d+$/.test(file));
      const total = dumps.map((file) => Number(readFileSync(file, 'utf8').match(/^totals: (\d+)/m)?.[1] ?? 0)).reduce((a, b) => a + b, 0);
      const list = (inclusive) =>
        execFileSync('callgrind_annotate', ['--threshold=95', '--auto=no', `--inclusive=${inclusive}`, dumps[0]], { encoding: 'utf8', maxBuffer: 1 << 26 });
      writeFileSync(`${path}.instructions.txt`, `${list('no')}\nWith what they call:\n${list('yes')}`);
      process.stderr.write(`instructions: ${path}.instructions.txt\n`);
      const times = alone ? SLOWED.map((name) => [name, undefined]) : [];
      return { ...Object.fromEntries(times), instructions_per_thing: total / things(result) };
    },
  };
}
