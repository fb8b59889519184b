// The quick start of proto/PROTOCOL.md, run as it stands there against a live gateway. (The one for a browser's console is run in a
// browser, in tests/browser/quickstart.test.mjs.)
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { ROOT, fleetTest, waitFor } from '../lib/fleet.mjs';
import { packed } from '../lib/npm_package.mjs';
import { fragment, headings, partner, snippet } from '../lib/quickstart.mjs';

const GREETING = 'hello from the test';

// A program that plays with the test's partner; ended when each has heard the other.
async function greets(fleet, command, args, options, theirs) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options.spawn });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const over = new Promise((done) => child.on('close', done));
  try {
    const heard = await partner(fleet, options.gateway, GREETING, options).catch((e) => `${e.message}\n${output}`);
    assert.equal(heard, theirs);
    await waitFor(() => output.includes(GREETING), { what: `the greeting to arrive; it printed ${output}` });
  } finally {
    child.kill();
    await over;
  }
}

test('every program of the quick start is run somewhere', () => {
  const known = ["In a browser's console", 'With the npm package', 'With socket.io-client', 'With Python', 'With curl', 'For machines'];
  assert.deepEqual(headings().sort(), known.sort());
});

fleetTest('the npm package', async (fleet) => {
  const gateway = await fleet.gateway();
  const { dir } = packed();
  writeFileSync(join(dir, 'quick.mjs'), snippet('With the npm package', 'js', gateway));
  await greets(fleet, process.execPath, ['quick.mjs'], { gateway, spawn: { cwd: dir } }, 'hello from the npm package');
});

// A folder from which a program finds what the tests have installed.
function folder(t, text) {
  const dir = mkdtempSync(join(tmpdir(), 'matchgate-quick-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  symlinkSync(join(ROOT, 'tests/node_modules'), join(dir, 'node_modules'));
  writeFileSync(join(dir, 'quick.mjs'), text);
  return dir;
}

fleetTest('socket.io-client', async (fleet, t) => {
  const gateway = await fleet.gateway();
  const cwd = folder(t, snippet('With socket.io-client', 'js', gateway));
  await greets(fleet, process.execPath, ['quick.mjs'], { gateway, spawn: { cwd } }, 'hello from socket.io-client');
});

fleetTest('the program in the chapter about Socket.IO', async (fleet, t) => {
  const gateway = await fleet.gateway();
  const cwd = folder(t, snippet('## Socket.IO', 'js', gateway));
  await greets(fleet, process.execPath, ['quick.mjs'], { gateway, level: 2, silent: true, spawn: { cwd } }, undefined);
});

const python = ['python3', '/usr/bin/python3'].find((name) => spawnSync(name, ['-c', 'import websockets']).status === 0);
const without = python ? false : 'python3 with websockets is not there: apt-get install python3-websockets';

fleetTest('Python', { skip: without }, async (fleet) => {
  const gateway = await fleet.gateway();
  await greets(fleet, python, ['-c', snippet('With Python', 'python', gateway)], { gateway }, 'hello from Python');
});

fleetTest('curl', async (fleet) => {
  const ADMIN_TOKEN = 'a-token-for-one-test';
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis, env: { ADMIN_TOKEN } });
  const sh = (text) => spawnSync('sh', ['-c', text], { encoding: 'utf8', env: { ...process.env, ADMIN_TOKEN } });
  const lines = snippet('With curl', 'sh', gateway).trim().split('\n');
  const [health, stats, metrics, cleanup] = lines.map((line) => {
    const { status, stdout, stderr } = sh(line);
    assert.equal(status, 0, `${line}: ${stderr}`);
    return stdout;
  });
  assert.equal(JSON.parse(health).redis, true);
  assert.match(stats, /instance/i);
  assert.match(metrics, /^matchgate_connections\b.* 0$/m);
  assert.equal(JSON.parse(cleanup).errors, 0);

  const { status, stdout } = sh(snippet('With curl', 'sh', gateway, 1));
  assert.equal(status, 28, 'ended by --max-time, and not by the server');
  assert.match(stdout, /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*"event":"welcome"[^]*"playerId":"ann"/);
});

fleetTest("a token made as the document tells the game's backend", async (fleet) => {
  const AUTH_JWT_SECRET = 'a-secret-that-is-long-enough-for-a-test';
  const gateway = await fleet.gateway({ env: { AUTH_JWT_SECRET } });
  const make = new Function('crypto', 'process', `${fragment('### Who you are', 'js')}return token;`);
  const ann = await fleet.client(gateway, { token: make(crypto, { env: { AUTH_JWT_SECRET } }) });
  assert.equal(ann.playerId, 'ann');
});
