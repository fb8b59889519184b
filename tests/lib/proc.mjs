// Child processes of a test: started by name, watched, ended by pid, never left behind.
//
// Every process is started through `setpriv --pdeathsig KILL`, so that it dies with this one whatever happens. What it
// prints is kept (the last 4 MiB) for the report of a failed test.
import { spawn } from 'node:child_process';
import net from 'node:net';
import { waitFor, within } from './wait.mjs';

const KEEP_BYTES = 4 << 20;
const SANITIZER = /ERROR: (Address|Leak|Thread|Memory)Sanitizer|runtime error:|LeakSanitizer: detected/;

export class Proc {
  // `env` is the whole environment except PATH and HOME.
  constructor(name, file, args, { env = {}, cwd } = {}) {
    this.name = name;
    this.output = '';
    this.sanitizer = false; // a report of ASan, LSan or UBSan was seen
    this.exit = null; // {code, signal} once it has ended
    this.expectExit = false;
    this.child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', file, ...args], {
      cwd,
      env: { PATH: process.env.PATH, HOME: process.env.HOME ?? '/', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.pid = this.child.pid;
    this.child.stdout.on('data', (chunk) => this.#keep(chunk));
    this.child.stderr.on('data', (chunk) => this.#keep(chunk));
    this.ended = new Promise((done) => {
      this.child.on('error', (error) => {
        this.output += `could not start ${file}: ${error.message}\n`;
        this.exit = { code: 127, signal: null };
        done(this.exit);
      });
      this.child.on('close', (code, signal) => done((this.exit = { code, signal })));
    });
  }

  #keep(chunk) {
    this.output += chunk;
    if (SANITIZER.test(this.output.slice(-chunk.length - 200))) this.sanitizer = true;
    if (this.output.length > KEEP_BYTES) this.output = this.output.slice(-KEEP_BYTES / 2);
  }

  get running() {
    return this.exit === null;
  }

  signal(name) {
    if (this.running) this.child.kill(name);
  }

  // Sends the signal, waits for the end, resolves with {code, signal}.
  async end(signal = 'SIGTERM', timeoutMs = 15000) {
    this.expectExit = true;
    this.signal('SIGCONT'); // a stopped process would not see anything else
    this.signal(signal);
    try {
      return await within(this.ended, timeoutMs, `${this.name} (pid ${this.pid}) to end on ${signal}`);
    } catch (error) {
      this.child.kill('SIGKILL');
      await this.ended;
      throw error;
    }
  }

  kill9() {
    return this.end('SIGKILL');
  }

  stop() {
    this.signal('SIGSTOP');
  }

  cont() {
    this.signal('SIGCONT');
  }

  // Waits until the output holds `pattern` (string or RegExp), from `start` characters on; resolves with the match.
  sees(pattern, { timeoutMs = 10000, start = 0 } = {}) {
    const find = () =>
      typeof pattern === 'string' ? this.output.slice(start).includes(pattern) : this.output.slice(start).match(pattern);
    return waitFor(find, { what: `${pattern} in the output of ${this.name}`, timeoutMs });
  }
}

// A TCP port nobody listens on, below the ephemeral range so that no outgoing connection takes it meanwhile. Who runs tests
// side by side gives each a share of its own (TEST_PORTS=10000-16665): a server that is away for a while finds its port free.
const [LOWEST, HIGHEST] = (process.env.TEST_PORTS ?? '10000-29999').split('-').map(Number);
const handedOut = new Set();
export async function freePort() {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST + 1 - LOWEST));
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
}

function isFree(port) {
  return new Promise((done) => {
    const server = net.createServer();
    server.on('error', () => done(false));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}

// Does anything accept connections there?
export function answers(port) {
  return new Promise((done) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => (socket.destroy(), done(true)));
    socket.on('error', () => done(false));
  });
}
