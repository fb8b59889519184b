// The peers: other servers that relay messages in rooms, under the same load. Installed into build/peers.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Proc, answers } from '../lib/proc.mjs';
import { ROOT } from '../lib/servers.mjs';
import { waitFor } from '../lib/wait.mjs';

const HOME = join(ROOT, 'build/peers');
const SOURCES = join(ROOT, 'tests/bench/peers');

// The floor is our own: the least that a relay over Redis can do (peers/floor.c), built with the tool.
const FLOOR = process.env.FLOOR_BIN ?? join(dirname(process.env.BENCH_BIN ?? join(ROOT, 'build/release/bench')), 'bench_floor');

const COMMANDS = {
  ws: { wire: 'plain', command: () => [process.execPath, 'peer_ws.mjs'] },
  socketio: { wire: 'socketio', command: () => [process.execPath, 'peer_socketio.mjs'] },
  echo: { wire: 'matchgate', command: () => [join(HOME, 'node_modules/bun/bin/bun.exe'), 'peer_echo.mjs'] },
  bun: { wire: 'plain', command: () => [join(HOME, 'node_modules/bun/bin/bun.exe'), 'peer_bun.mjs'] },
  floor: { wire: 'plain', command: () => [FLOOR] },
};

export const wireOf = (peer) => COMMANDS[peer].wire;

export function hasPeer(peer) {
  return peer === undefined || existsSync(peer === 'floor' ? FLOOR : COMMANDS[peer].command()[0]);
}

// Once per call of the driver; npm keeps what is there already.
export function installPeers() {
  mkdirSync(HOME, { recursive: true });
  for (const name of readdirSync(SOURCES)) if (/\.(mjs|json)$/.test(name)) copyFileSync(join(SOURCES, name), join(HOME, name));
  execFileSync('npm', ['install', '--prefix', HOME, '--no-audit', '--no-fund', '--loglevel=error'], { stdio: ['ignore', 'ignore', 'inherit'] });
}

// Has what the stage needs of a Gateway: port, pid, proc, up().
export class Peer {
  constructor(name, port, redis, env = {}) {
    const [file, ...args] = COMMANDS[name].command();
    mkdirSync(HOME, { recursive: true }); // the floor needs no npm
    this.port = port;
    this.proc = new Proc(`${name}:${port}`, file, [...args, String(port), String(redis.port)], { cwd: HOME, env });
    this.pid = this.proc.pid;
  }

  async up() {
    await waitFor(async () => this.proc.exit || (await answers(this.port)), { what: this.proc.name, timeoutMs: 30000 });
    if (this.proc.exit) throw new Error(`${this.proc.name} did not start:\n${this.proc.output}`);
    return this;
  }
}
