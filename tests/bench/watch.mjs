// Looks at the servers from outside while they work: a CPU profile, or a count of system calls, with perf.
import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';

// Begins at once; end(result) resolves with what is to be added to the result.
export function watching(stage, { profile, syscalls }, path) {
  const pids = [...stage.gateways.map(({ pid }) => pid), ...(stage.redis ? [stage.redis.proc.pid] : [])].join(',');
  if (profile) return record(pids, path);
  return syscalls ? count(pids) : null;
}

function start(args) {
  const child = spawn('perf', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.on('data', (chunk) => (text += chunk));
  const ended = new Promise((done) => {
    child.on('error', (error) => done(`perf cannot be started: ${error.message}`));
    child.on('close', () => done(text));
  });
  return { stop: () => (child.kill('SIGINT'), ended) };
}

function record(pids, path) {
  const perf = start(['record', '-q', '-e', 'cpu-clock', '-F', '997', '-g', '-p', pids, '-o', `${path}.perf`]);
  return {
    async end() {
      await perf.stop();
      const report = (...more) =>
        execFileSync('perf', ['report', '-i', `${path}.perf`, '--stdio', '--no-children', '-g', 'none', ...more], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
          maxBuffer: 1 << 28,
        });
      const parts = [report('--sort', 'comm,dso'), report('--sort', 'comm,dso,symbol', '--percent-limit', '0.3')];
      writeFileSync(`${path}.profile.txt`, parts.join('\n'));
      process.stderr.write(`profile: ${path}.profile.txt\n`);
      return {};
    },
  };
}

// Over the whole run, connecting included: run for longer when that matters.
function count(pids) {
  const perf = start(['stat', '-x', ',', '-e', 'raw_syscalls:sys_enter', '-p', pids]);
  return {
    async end(result) {
      const text = await perf.stop();
      const calls = Number(text.match(/^(\d+),,raw_syscalls/m)?.[1]);
      const things = result.things ?? result.matches ?? result.clients;
      return Number.isFinite(calls) ? { syscalls: calls, syscalls_per_thing: calls / things } : {};
    },
  };
}
