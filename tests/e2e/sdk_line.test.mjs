// The client's line: connecting, identity, requests, and what each kind of end leads to. Against a scripted server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backoffMs, mayReconnect } from '../../proto/sdk/js/line.js';
import { FakeGateway, SILENCE } from '../lib/fake_gateway.mjs';
import { codeOf, connect, test } from '../lib/sdk.mjs';
import { stays, waitFor, within } from '../lib/wait.mjs';

const sdk = new URL('../../proto/sdk/js/', import.meta.url).pathname;
const names = (client) => client.history.map(([name]) => name);

test('connects to /ws with the player id in the address, and says who one is', async (t) => {
  const server = await FakeGateway.start(t);
  const client = connect(t, server.url, { playerId: 'ann' });
  assert.equal(client.status, 'connecting');
  assert.equal(await client.ready, client);
  assert.equal(client.status, 'connected');
  assert.equal(client.playerId, 'ann');
  assert.equal(client.session.instanceId, '7-1731000000000123456');
  const { url, socket } = server.sessions[0];
  assert.equal(url.pathname, '/ws');
  assert.equal(url.searchParams.get('playerId'), 'ann');
  assert.equal(socket.protocol, 'matchgate.v1.json');
});

test('http addresses and paths of a proxy are accepted', async (t) => {
  const server = await FakeGateway.start(t);
  await connect(t, `http://127.0.0.1:${server.port}/games/ws?region=eu`).ready;
  assert.equal(server.sessions[0].url.href, 'ws://fake/games/ws?region=eu');
});

test('a token travels in hello, never in the address; a function gives a new one per connection', async (t) => {
  const server = await FakeGateway.start(t);
  let asked = 0;
  const seen = [];
  const client = connect(t, server.url, {
    token: async () => `secret-${++asked}`,
    debug: (direction, text) => seen.push(text),
  });
  await client.ready;
  server.sessions[0].close(4200);
  await client.once('connected');
  for (const [index, session] of server.sessions.entries()) {
    assert.equal(session.url.search, '?hello=1');
    assert.equal(session.requests[0].data.token, `secret-${index + 1}`);
  }
  assert.ok(seen.length > 0 && !seen.join().includes('secret'), 'the debug log shows the token');
});

test('a refused token ends the line; a token that cannot be had is tried again', async (t) => {
  const server = await FakeGateway.start(t);
  server.on('hello', () => {
    throw { code: 'UNAUTHORIZED', message: 'expired' };
  });
  const refused = connect(t, server.url, { token: 'bad' });
  assert.equal(await codeOf(refused.ready), 'CLOSED');
  assert.deepEqual(refused.history, [['disconnected', { code: 4001, reason: 'expired', final: true }]]);

  server.on('hello', () => ({}));
  let tries = 0;
  const slow = connect(t, server.url, {
    token: () => (++tries < 3 ? Promise.reject(new Error('no network')) : 'good'),
  });
  await slow.ready;
  assert.deepEqual(server.sessions.at(-1).requests[0].data, { token: 'good' });
  server.sessions.at(-1).cut();
  await slow.once('connected'); // where tokens are not looked at, the id keeps us the same player
  assert.deepEqual(server.sessions.at(-1).requests[0].data, { token: 'good', playerId: 'guest-1' });
  assert.deepEqual(names(slow).slice(0, 3), ['reconnecting', 'reconnecting', 'connected']);
  assert.equal(slow.history[0][1].reason, 'no network');
});

test('an id the server chose is kept across connections', async (t) => {
  const server = await FakeGateway.start(t);
  const client = connect(t, server.url);
  await client.ready;
  assert.equal(server.sessions[0].url.search, '');
  server.sessions[0].cut();
  await client.once('connected');
  assert.equal(server.sessions[1].url.search, '?playerId=guest-1');
});

test('requests resolve with data or reject with code, retryable, retryAfterMs and more', async (t) => {
  const server = await FakeGateway.start(t);
  const client = connect(t, server.url);
  server.on('good', (data) => ({ echo: data }));
  server.on('bad', () => {
    throw { code: 'RATE_LIMITED', message: 'slowly', retryable: true, retryAfterMs: 20, version: 3 };
  });
  assert.deepEqual(await client.request('good', { a: [1] }), { echo: { a: [1] } }); // sent before the welcome: held
  await client.request('bad').then(assert.fail, (error) => {
    const { name, code, message, retryable, retryAfterMs, version } = error;
    assert.deepEqual(
      { name, code, message, retryable, retryAfterMs, version },
      { name: 'GatewayError', code: 'RATE_LIMITED', message: 'slowly', retryable: true, retryAfterMs: 20, version: 3 },
    );
  });
  assert.equal(await codeOf(client.request('good', { big: 'ä'.repeat(9000) })), 'TOO_LARGE');
  assert.equal(server.sessions[0].asked('good').length, 1);
});

test('no answer in time: TIMEOUT; never sent: NOT_CONNECTED and retryable', async (t) => {
  const server = await FakeGateway.start(t);
  const client = connect(t, server.url);
  await client.ready;
  server.on('slow', () => SILENCE);
  assert.equal(await codeOf(client.request('slow', {}, { timeoutMs: 30 })), 'TIMEOUT');
  server.greet = () => false;
  server.sessions[0].cut();
  await client.once('reconnecting');
  await client.request('good', {}, { timeoutMs: 30 }).then(assert.fail, ({ code, retryable }) => {
    assert.deepEqual({ code, retryable }, { code: 'NOT_CONNECTED', retryable: true });
  });
});

test('unanswered, and another session after the break: OUTCOME_UNKNOWN, not sent again; asked meanwhile: sent after the welcome', async (t) => {
  const server = await FakeGateway.start(t);
  server.on('move', (data, session) => (session === server.sessions[0] ? SILENCE : { done: data.n }));
  const client = connect(t, server.url);
  await client.ready;
  const lost = codeOf(client.request('move', { n: 1 }));
  await waitFor(() => server.sessions[0].asked('move').length);
  server.sessions[0].cut();
  await client.once('reconnecting');
  const held = Promise.all([client.request('move', { n: 2 }), client.request('move', { n: 3 })]);
  assert.equal(await lost, 'OUTCOME_UNKNOWN');
  assert.deepEqual(await held, [{ done: 2 }, { done: 3 }]);
  const sent = server.sessions[1].asked('move').map(({ data }) => data.n);
  assert.deepEqual(sent, [2, 3]);
});

test('close codes: which are final', () => {
  for (const code of [1000, 1002, 1003, 1007, 1008, 1009, 4001, 4003, 4004, 4005, 4006, 4099])
    assert.equal(mayReconnect(code), false, `${code}`);
  for (const code of [1001, 1005, 1006, 1011, 1012, 4100, 4103, 4200, 4202])
    assert.equal(mayReconnect(code), true, `${code}`);
});

test('the pause: full jitter under a bound that doubles to 20 s', () => {
  assert.deepEqual(
    [0, 1, 2, 5, 6, 60].map((attempt) => backoffMs(attempt, undefined, () => 1)),
    [500, 1000, 2000, 16000, 20000, 20000],
  );
  assert.equal(
    backoffMs(3, undefined, () => 0),
    0,
  );
});

test('40xx ends the line, and everything that waits on it', async (t) => {
  const server = await FakeGateway.start(t);
  const client = connect(t, server.url);
  await client.ready;
  const ticket = client.join({ level: 1 });
  const ended = client.once('disconnected');
  server.sessions[0].close(4005, 'replaced');
  assert.deepEqual(await ended, { code: 4005, reason: 'replaced', final: true });
  assert.equal(client.status, 'closed');
  assert.equal(await codeOf(ticket.matched), 'CLOSED');
  assert.equal(await codeOf(client.request('good')), 'CLOSED');
  assert.equal(await codeOf(client.join({ level: 1 }).matched), 'CLOSED');
  await stays(() => server.sessions.length > 1, { ms: 150, what: 'a reconnect' });
});

test('42xx comes back at once; again within seconds, it pauses', async (t) => {
  const server = await FakeGateway.start(t);
  const client = connect(t, server.url, { backoff: { baseMs: 50, maxMs: 50 } });
  for (let i = 0; i < 3; i++) (await server.session(i)).close(4200, 'draining');
  await server.session(3);
  const pauses = client.history.filter(([name]) => name === 'reconnecting').map(([, data]) => data);
  assert.deepEqual([pauses[0].delayMs, pauses[0].attempt, pauses[0].code], [0, 1, 4200]);
  assert.ok(pauses[1].delayMs > 0 && pauses[2].delayMs > 0, JSON.stringify(pauses));
});

test('goodbye decides: its pause, its reason, and whether to come back', async (t) => {
  const server = await FakeGateway.start(t);
  const client = connect(t, server.url, { backoff: { baseMs: 0, maxMs: 0 } });
  await client.ready;
  const pause = client.once('reconnecting');
  server.sessions[0].push('goodbye', { code: 4100, reason: 'full', reconnect: true, delayMs: 77, resume: false });
  server.sessions[0].cut(); // the Close frame was lost
  assert.deepEqual(await pause, { code: 4100, reason: 'full', final: false, delayMs: 77, attempt: 1 });
  const second = await server.session(1);
  const end = client.once('disconnected');
  second.push('goodbye', { code: 4200, reason: 'closed for good', reconnect: false, delayMs: 0 });
  second.close(4200);
  assert.deepEqual(await end, { code: 4200, reason: 'closed for good', final: true });
});

test('a goodbye of 42xx is an invitation: however often it is said, the client comes at once', async (t) => {
  const server = await FakeGateway.start(t);
  const client = connect(t, server.url, { backoff: { baseMs: 10, maxMs: 10 } });
  const invited = async (i, code, delayMs = 0) => {
    const session = await server.session(i);
    session.push('goodbye', { code, reason: 'draining', reconnect: true, delayMs, resume: true });
    session.close(code);
  };
  for (let i = 0; i < 3; i++) await invited(i, 4200);
  await invited(3, 4202, 7);
  await invited(4, 4100); // no invitation: it counts on
  await server.session(5);
  const pauses = client.history.filter(([name]) => name === 'reconnecting').map(([, data]) => [data.delayMs, data.attempt]);
  assert.deepEqual(pauses.slice(0, 4), [[0, 1], [0, 1], [0, 1], [7, 1]]);
  assert.equal(pauses[4][1], 2);
  assert.ok(client.history.every(([name, data]) => name === 'connected' || data.final === false));
});

test('reconnect() drops the line and comes back at once; in a pause it ends the pause', async (t) => {
  const server = await FakeGateway.start(t);
  Object.assign(server.welcome, { sessionId: 'n_1', resumeToken: 'k_1' });
  const client = connect(t, server.url, { playerId: 'ann', backoff: { baseMs: 1e7, maxMs: 1e7, maxAttempts: 2 } });
  client.reconnect(); // an attempt is under way: let it be
  await client.ready;
  assert.equal(server.sessions.length, 1);
  for (let i = 1; i < 4; i++) {
    const moved = client.request('move', { i });
    client.reconnect();
    client.reconnect();
    assert.equal(client.status, 'reconnecting');
    await server.session(i);
    assert.deepEqual(client.history.slice(-3), [
      ['disconnected', { code: 1000, reason: 'reconnect() was called', final: false }],
      ['reconnecting', { code: 1000, reason: 'reconnect() was called', final: false, delayMs: 0, attempt: 1 }],
      ['connected', { session: client.session, again: true }],
    ]);
    assert.deepEqual(await moved, {}, 'the session went on');
  }
  await waitFor(() => server.wss.clients.size === 1, { what: 'the other sockets to be closed' });
  const paused = client.once('reconnecting');
  server.sessions[3].cut();
  assert.ok((await paused).delayMs > 0);
  client.reconnect();
  await client.once('connected');
  assert.equal(server.sessions.length, 5);
  client.close();
  client.reconnect();
  await stays(() => server.sessions.length > 5, { ms: 50, what: 'a reconnect' });
});

test('reconnect() does not overrule a goodbye', async (t) => {
  const server = await FakeGateway.start(t);
  const client = connect(t, server.url);
  await client.ready;
  server.sessions[0].push('goodbye', { code: 4005, reason: 'replaced', reconnect: false, delayMs: 0 });
  await client.once('push', ({ event }) => event === 'goodbye');
  client.reconnect();
  server.sessions[0].close(4005);
  assert.deepEqual(await client.once('disconnected'), { code: 4005, reason: 'replaced', final: true });
});

test('keeps trying while there is no server; gives up after maxAttempts', async (t) => {
  const server = await FakeGateway.start(t);
  const patient = connect(t, server.url);
  await patient.ready;
  await server.stop();
  const hasty = connect(t, server.url, { backoff: { baseMs: 1, maxMs: 1, maxAttempts: 2 } });
  assert.equal(await codeOf(hasty.ready), 'CLOSED');
  assert.deepEqual(names(hasty), ['reconnecting', 'reconnecting', 'disconnected']);
  await waitFor(() => names(patient).filter((name) => name === 'reconnecting').length > 2);
  await server.listen();
  await patient.once('connected');
  assert.equal(patient.status, 'connected');
});

test('a WebSocket that reports a refused handshake by an error alone, as that of Node.js 22, or by an error and a close', async (t) => {
  for (const close of [() => {}, (socket) => setTimeout(() => socket.onclose?.({ code: 1006, reason: '' })), (socket) => socket.onclose({ code: 1006, reason: '' })]) {
    class Refused {
      readyState = 0;
      constructor() {
        setTimeout(() => (this.onerror({ message: 'non-101 status code' }), close(this)));
      }
    }
    const client = connect(t, 'ws://127.0.0.1:1', { WebSocket: Refused, backoff: { baseMs: 1, maxMs: 1, maxAttempts: 2 } });
    assert.equal(await codeOf(client.ready), 'CLOSED');
    const ends = client.history.map(([name, { code, reason }]) => [name, code, reason]);
    const end = [1006, 'non-101 status code'];
    assert.deepEqual(ends, [['reconnecting', ...end], ['reconnecting', ...end], ['disconnected', ...end]]);
  }
});

test('a server that accepts and says nothing is left', async (t) => {
  const server = await FakeGateway.start(t);
  server.greet = (session) => session !== server.sessions[0];
  const client = connect(t, server.url, { connectTimeoutMs: 50 });
  await client.ready;
  assert.deepEqual(names(client), ['reconnecting', 'connected']);
});

test('silence: a ping goes out; answered it measures, unanswered the line is given up', async (t) => {
  const server = await FakeGateway.start(t);
  server.welcome.pingMs = 40;
  const client = connect(t, server.url, { pongTimeoutMs: 200 });
  await client.ready;
  await waitFor(() => server.sessions[0].asked('ping').length > 1);
  assert.equal(client.status, 'connected');
  assert.ok(client.rttMs >= 0 && client.rttMs < 200);
  server.on('ping', () => SILENCE);
  const { code, reason } = await client.once('reconnecting');
  assert.deepEqual({ code, reason }, { code: 1006, reason: 'no answer to a ping' });
});

test('close() and signal end it without a reconnect', async (t) => {
  const server = await FakeGateway.start(t);
  const client = connect(t, server.url);
  await client.ready;
  const pending = codeOf(client.request('move').then(() => client.request('x')));
  client.close('enough');
  client.close('twice');
  assert.deepEqual(client.history.at(-1), ['disconnected', { code: 1000, reason: 'enough', final: true }]);
  assert.equal(await pending, 'OUTCOME_UNKNOWN');

  const controller = new AbortController();
  const aborted = connect(t, server.url, { signal: controller.signal });
  await aborted.ready;
  controller.abort();
  assert.equal(aborted.status, 'closed');
  assert.equal(await codeOf(connect(t, server.url, { signal: controller.signal }).ready), 'CLOSED');
  await waitFor(() => server.wss.clients.size === 0, { what: 'the sockets to be closed' });
});

test('closed between two attempts, or before the first socket, it stays closed', async (t) => {
  const server = await FakeGateway.start(t);
  connect(t, server.url).close();
  const client = connect(t, server.url, { backoff: { baseMs: 40, maxMs: 40 } });
  await client.ready;
  const paused = client.once('reconnecting');
  server.sessions.at(-1).cut();
  await paused;
  client.close();
  const count = server.sessions.length;
  await stays(() => server.sessions.length > count, { ms: 150, what: 'a reconnect' });
});

test('frames that are no JSON, no object, or binary harm nothing', async (t) => {
  const server = await FakeGateway.start(t);
  const client = connect(t, server.url);
  await client.ready;
  const { socket } = server.sessions[0];
  for (const text of ['', '{', 'null', '[]', '7', '{"ok":true}', '{"id":99,"ok":true}', '{"event":"gameStart"}'])
    socket.send(text);
  socket.send(Buffer.from('{"event":"welcome"}'));
  server.sessions[0].push('error', { code: 'RATE_LIMITED', message: 'm', retryable: true });
  assert.equal((await client.once('error')).code, 'RATE_LIMITED');
  assert.equal(client.status, 'connected');
});

// Runs a program that uses a copy of the client in a folder of its own; resolves with what it printed.
async function runCopy(t, { withWs, program }) {
  const dir = mkdtempSync(join(tmpdir(), 'matchgate-sdk-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  cpSync(sdk, join(dir, 'sdk'), { recursive: true });
  if (withWs) {
    mkdirSync(join(dir, 'node_modules'));
    symlinkSync(new URL('../node_modules/ws', import.meta.url).pathname, join(dir, 'node_modules/ws'));
  }
  const source = `delete globalThis.WebSocket; const { connect } = await import('./sdk/index.js'); ${program}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { cwd: dir });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  await within(new Promise((done) => child.on('close', done)), 20000, 'the program').finally(() => child.kill());
  return output;
}

test('without a WebSocket of its own Node.js takes the ws package, or says what is missing', async (t) => {
  const server = await FakeGateway.start(t);
  const program = `const client = connect('${server.url}', { playerId: 'cy' });
    client.ready.then(() => { console.log('ready', client.playerId); client.close(); }, (e) => console.log(e.message));`;
  assert.equal(await runCopy(t, { withWs: true, program }), 'ready cy\n');
  assert.match(await runCopy(t, { withWs: false, program }), /install "ws" or give options.WebSocket/);
});

test('a listener that throws stops neither the others nor the client', async (t) => {
  const server = await FakeGateway.start(t);
  const program = `process.on('uncaughtException', (e) => console.log('surfaced', e.message));
    const client = connect('${server.url}');
    client.on('connected', () => { throw new Error('mine'); });
    client.on('connected', async () => { console.log(await client.ping() >= 0); client.close(); });`;
  assert.deepEqual((await runCopy(t, { withWs: true, program })).trim().split('\n').sort(), ['surfaced mine', 'true']);
});
