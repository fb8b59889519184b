// The npm package as `npm pack` makes it: what is in it, how large, what the judges of packages say, whether its types are those of the
// message table, and whether the README's programs run.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import test from 'node:test';
import vm from 'node:vm';
import { gzipSync } from 'node:zlib';
import { Package, checkPackage } from '@arethetypeswrong/core';
import { publint } from 'publint';
import ts from 'typescript';
import WebSocket from 'ws';
import { load } from '../check/source.mjs';
import { codes } from '../check/tables.mjs';
import { messageTable } from '../check/wire.mjs';
import { figures, fleetTest, within } from '../lib/fleet.mjs';
import { SDK, block, packed } from '../lib/npm_package.mjs';

const pkg = packed();
const manifest = JSON.parse(pkg.files['package.json']);
const BUILDS = ['dist/matchgate.js', 'dist/matchgate.cjs', 'dist/matchgate.global.js'];
const LIMIT = 8000; // bytes gzipped

test('npm pack ships this and nothing else', () => {
  const expected = ['LICENSE', 'README.md', ...BUILDS, 'dist/matchgate.d.cts', 'dist/matchgate.d.ts', 'dist/none.js', 'package.json'];
  assert.deepEqual(Object.keys(pkg.files).sort(), expected.sort());
  assert.equal(manifest.name, 'matchgate');
  assert.deepEqual([manifest.dependencies, manifest.optionalDependencies, manifest.scripts.postinstall], [undefined, undefined, undefined]);
  const types = readFileSync(join(SDK, 'index.d.ts'), 'utf8');
  for (const name of ['dist/matchgate.d.ts', 'dist/matchgate.d.cts']) assert.equal(pkg.files[name], types);
  for (const name of BUILDS) assert.ok(pkg.files[name].startsWith(`/* matchgate ${manifest.version}, MIT */\n`));
});

test('what a browser downloads is small', () => {
  const sizes = BUILDS.map((name) => [name, gzipSync(pkg.files[name], { level: 9 }).length]);
  for (const [name, bytes] of sizes) assert.ok(bytes <= LIMIT, `${name} has ${bytes} bytes gzipped, ${LIMIT} are allowed`);
  figures(`gzipped: ${sizes.map(([name, bytes]) => `${name} ${bytes}`).join(', ')} bytes`);
});

// The same program, printed anew: no comments, one layout.
function canonical(text) {
  const options = { removeComments: true, target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext };
  return ts.transpileModule(text, { compilerOptions: options }).outputText.replace(/\n\s*/g, '\n');
}

test('each build is the modules, joined and without comments', () => {
  const order = ['emitter', 'errors', 'line', 'room', 'ticket', 'client', 'index'];
  const modules = order.map((name) => readFileSync(join(SDK, `${name}.js`), 'utf8')).join('\n');
  const bare = canonical(modules).replace(/^import .*\n/gm, '').replace(/^export \{.*\n/gm, '').replace(/^export (?=\w)/gm, '');
  const [esm, cjs, global] = BUILDS.map((name) => canonical(pkg.files[name]));
  const end = (text, pattern) => {
    assert.match(text, pattern);
    return text.replace(pattern, '');
  };
  assert.equal(end(esm, /export \{ connect, GatewayError \};\n$/), bare);
  assert.equal(end(end(cjs, /^'use strict';\n/), /module\.exports = \{ connect, GatewayError \};\n$/), bare);
  const head = /^var matchgate = \(\(\) => \{\n'use strict';\n/;
  assert.equal(end(end(global, head), /return \{ connect, GatewayError \};\n\}\)\(\);\n$/), bare);
  for (const name of BUILDS) assert.doesNotMatch(pkg.files[name], /^\s*\/\//m);
});

test('publint and arethetypeswrong find nothing', async () => {
  const { messages } = await publint({ pkgDir: pkg.root, pack: false, level: 'suggestion', strict: true });
  assert.deepEqual(messages, []);
  const bytes = Object.entries(pkg.files).map(([path, text]) => [`/node_modules/matchgate/${path}`, Buffer.from(text)]);
  const { types, problems } = await checkPackage(new Package(Object.fromEntries(bytes), manifest.name, manifest.version));
  assert.equal(types.kind, 'included');
  assert.deepEqual(problems, []);
});

// --- types ------------------------------------------------------------------------------------------------------------

const OPTIONS = {
  strict: true,
  noEmit: true,
  skipDefaultLibCheck: true,
  module: ts.ModuleKind.NodeNext,
  moduleDetection: ts.ModuleDetectionKind.Auto,
  target: ts.ScriptTarget.ES2022,
  types: [],
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
};

const TYPED = {
  'typed.mts': `
import { connect, GatewayError, type Room } from 'matchgate';
const client = connect('ws://localhost', { debug: true, signal: AbortSignal.timeout(1000) });
const ticket = client.join({ level: 2 }, { signal: new AbortController().signal });
ticket.on('found', (match) => void match.accept());
export const room: Room = await ticket.matched;
room.on('turnTimeout', ({ turn, version }, { seq }) => console.log(turn + version, seq));
room.on('my.own', (data) => console.log(data));
export const due: number = (await room.request('setTurnDeadline', { ms: 100, expectedVersion: room.version })).dueAt;
export const sent: { seq: number } = await room.send([1]);
export const dropped: boolean = room.send([1], { volatile: true });
client.on('disconnected', ({ code, reason, final }) => console.log(code + 1, reason.length, final === true));
await client.request('joinMatchmaking', { level: 1 }).catch((error: GatewayError) => error.code === 'BUSY' && error.retryAfterMs);
await client.request('aNewerServersEvent', 7, { timeoutMs: 1, signal: AbortSignal.abort() });
// @ts-expect-error: a level is a number
client.join({ level: '2' });
// @ts-expect-error: setTurnDeadline wants ms
void room.request('setTurnDeadline', { expectedVersion: 1 });
// @ts-expect-error: no such event of the client
client.on('conected', () => {});
// @ts-expect-error: no such member of this push
room.on('turnTimeout', ({ player }) => player);
`,
  'typed.cts': "import { connect } from 'matchgate';\nconnect('ws://x').join({ level: 1 });\n",
  'script.ts': '/// <reference types="matchgate" />\nconst client: matchgate.Client = matchgate.connect(location.href);\n',
};
for (const [name, text] of Object.entries(TYPED)) writeFileSync(join(pkg.dir, name), text);
const program = ts.createProgram(Object.keys(TYPED).map((name) => join(pkg.dir, name)), OPTIONS);
const checker = program.getTypeChecker();
const types = checker.getSymbolAtLocation(program.getSourceFiles().find(({ fileName }) => fileName.endsWith('matchgate.d.ts')));
const exported = (name) => checker.getExportsOfModule(types).find((symbol) => symbol.name === name);

// The members of an exported interface, and of one member's type: [{name, type}] and [{name, optional}], or null for `any`.
const membersOf = (name) => checker.getDeclaredTypeOfSymbol(exported(name)).getProperties().map((p) => ({ name: p.name, type: checker.getTypeOfSymbol(p) }));

function fieldsOf(type) {
  if (type.flags & ts.TypeFlags.Any) return null;
  return type.getProperties().map(({ name, flags }) => ({ name, optional: Boolean(flags & ts.SymbolFlags.Optional) }));
}

test('the types hold what the tables of messages and codes hold, member by member', () => {
  const table = messageTable(load());
  assert.ok(table.requests.length > 10 && table.pushes.length > 20);
  const sorted = (list) => list && Object.fromEntries(list.map(({ name, optional }) => [name, optional]).sort());
  const part = (type, name) => sorted(fieldsOf(checker.getTypeOfSymbol(type.getProperty(name))));

  const pushes = membersOf('Pushes').map(({ name, type }) => [name, sorted(fieldsOf(type))]);
  assert.deepEqual(Object.fromEntries(pushes), Object.fromEntries(table.pushes.map(({ name, members }) => [name, sorted(members)])));
  const requests = membersOf('Requests').map(({ name, type }) => [name, [part(type, 'data'), part(type, 'reply')]]);
  const expected = table.requests.map(({ name, members, reply }) => [name, [sorted(members), sorted(reply)]]);
  assert.deepEqual(Object.fromEntries(requests), Object.fromEntries(expected));

  const ofRooms = table.pushes.filter(({ scope }) => scope !== 'plain').map(({ name }) => name);
  const roomEvents = membersOf('RoomEvents').map(({ name }) => name);
  assert.deepEqual(roomEvents.sort(), [...ofRooms, 'state', 'closed', 'error'].sort());
  const listed = checker.getDeclaredTypeOfSymbol(exported('ServerCode')).types.map(({ value }) => value);
  assert.deepEqual(listed.sort(), codes(load()).sort());
});

test('the types let through what is right and stop what is wrong, as ES module, CommonJS and global', () => {
  const found = ts.getPreEmitDiagnostics(program);
  const sentences = found.map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
  assert.deepEqual(sentences, []);
});

test('what the types promise is there', async () => {
  const { connect, GatewayError } = await import(join(pkg.root, 'dist/matchgate.js'));
  const client = connect('ws://127.0.0.1:1', { WebSocket });
  const ticket = client.join({ level: 1 });
  client.close();
  await assert.rejects(ticket.matched, GatewayError);
  for (const [name, object] of [['Client', client], ['Ticket', ticket]])
    for (const member of membersOf(name)) assert.ok(member.name in object, `${name}.${member.name}`);
  const source = `${readFileSync(join(SDK, 'room.js'), 'utf8')}${readFileSync(join(SDK, 'emitter.js'), 'utf8')}`;
  for (const { name } of membersOf('Room')) assert.match(source, new RegExp(`^  (async |get )?${name}( = |\\(|;)|this\\.${name} = `, 'm'));
});

// --- the README's programs --------------------------------------------------------------------------------------------

const firstGame = block(pkg.files['README.md'], '## A first game', 'js');

function run(name, text, ...args) {
  writeFileSync(join(pkg.dir, name), text);
  const child = spawn(process.execPath, [name, ...args], { cwd: pkg.dir });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const over = new Promise((done) => child.on('close', (status) => done({ status, output })));
  return within(over, 30000, `the end of ${name}`).finally(() => child.kill());
}

fleetTest("the README's first game, twice, through two gateways", async (fleet) => {
  assert.ok(firstGame.trim().split('\n').length <= 30);
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(2, { redis });
  const both = await Promise.all(gateways.map(({ port }) => run('first-game.mjs', firstGame, `ws://127.0.0.1:${port}`)));
  const ends = both.map(({ status, output }) => {
    assert.equal(status, 0, output);
    assert.equal(output.match(/ draws \d+/g).length, 3, output);
    return output.trim().split('\n').at(-1);
  });
  assert.match(ends[0], /^agreed \[\["p_\w+",\d+\],\["p_\w+",\d+\]\]$/);
  assert.equal(ends[0], ends[1]);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('the same as CommonJS, and the global build as a script', async (fleet) => {
  const gateway = await fleet.gateway();
  const url = `ws://127.0.0.1:${gateway.port}`;
  const required = firstGame.replace(/^import (.*) from ('.*');/, 'const $1 = require($2);');
  const wrapped = `(async () => {\n${required}})();\n`;
  const both = await Promise.all([run('one.cjs', wrapped, url), run('two.mjs', firstGame, url)]);
  for (const { status, output } of both) assert.match(`${status} ${output}`, /^0 [^]*\nagreed /);

  const page = vm.createContext({ WebSocket, URL, setTimeout, clearTimeout, queueMicrotask, TextEncoder, console });
  vm.runInContext(pkg.files['dist/matchgate.global.js'], page);
  const seen = await vm.runInContext(`const client = matchgate.connect('${url}', { playerId: 'ann' });
    client.ready.then(() => client.request('nonsense')).catch((error) => [client.playerId, error instanceof matchgate.GatewayError, error.code])
      .finally(() => client.close());`, page);
  assert.deepEqual([...seen], ['ann', true, 'UNKNOWN_EVENT']);
});

test('a bundler for browsers finds an empty module in the place of ws, Node.js finds ws', () => {
  assert.deepEqual(manifest.imports, { '#ws': { node: 'ws', default: './dist/none.js' } });
  assert.match(pkg.files['dist/matchgate.js'], /import\('#ws'\)/);
  assert.equal(createRequire(join(pkg.dir, 'x.js')).resolve('matchgate'), join(pkg.root, 'dist/matchgate.cjs'));
});
