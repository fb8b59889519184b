// The edge alone (gateway/server.h), through raw sockets: what it refuses, what it limits, how it closes.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { Proc } from '../lib/proc.mjs';
import { RawHttp, RawWs, upgradeRequest } from '../lib/raw_ws.mjs';
import { parseMetrics } from '../lib/prom.mjs';
import { now, stays, waitFor } from '../lib/wait.mjs';
import { ROOT } from '../lib/servers.mjs';

const BINARY = join(process.env.MATCHGATE_BIN ? dirname(process.env.MATCHGATE_BIN) : join(ROOT, 'build/dev'), 'edge_server');

// The server under test: ends it with SIGTERM, and demands status 0 and no sanitizer report.
class Edge extends Proc {
  static async start({ nofile = 1024, ...options }) {
    const args = Object.entries(options).map((pair) => pair.join('='));
    const edge = new Edge('edge_server', 'prlimit', [`--nofile=${nofile}`, process.env.EDGE_SERVER ?? BINARY, ...args]);
    await waitFor(() => edge.exit || edge.output.includes('listening 0 '), { what: 'edge_server to listen' });
    assert.equal(edge.exit, null, edge.output);
    edge.port = Number(edge.output.match(/^listening 0 (\d+)/m)[1]);
    return edge;
  }

  ws(options) {
    return RawWs.open(this.port, options);
  }

  http() {
    return new RawHttp(this.port);
  }

  // A connection whose welcome has been taken off.
  async greeted(options) {
    const ws = await this.ws(options);
    assert.match(await ws.message(), /^welcome /);
    return ws;
  }

  // Waits for the server's own word about an end; returns its number of occurrences.
  async sawClose(code, count = 1) {
    const found = () => [...this.output.matchAll(new RegExp(`^closed \\d+ ${code} .*$`, 'gm'))].length;
    await waitFor(() => found() >= count, { what: `${count} × closed ${code}` });
    return found();
  }

  async metrics() {
    const http = this.http().send('GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    return parseMetrics((await http.response()).body);
  }
}

// options: those of the program; nofile: how many files it may open.
const all = [];
function edgeTest(name, options, run) {
  all.push([name, async () => {
    const edge = await Edge.start(options);
    let failed = true;
    try {
      await run(edge);
      failed = false;
    } finally {
      if (failed) console.error(edge.output.split('\n').slice(-40).join('\n'));
      const exit = await edge.end();
      if (!failed) {
        assert.deepEqual(exit, { code: 0, signal: null }, edge.output.slice(-4000));
        assert.equal(edge.sanitizer, false, edge.output.slice(-4000));
      }
    }
  }]);
}

const GET = (path, headers = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
const POST = (path, body, headers = `Content-Length: ${body.length}\r\n`) => `POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n${body}`;

// --- handshake -------------------------------------------------------------------------------------------------------

edgeTest('a handshake says who connects, and is answered by RFC 6455', {}, async (edge) => {
  const ws = await edge.ws({
    path: '/ws?token=a%2Fb%3D%22+c&x=1&playerId=ann%C3%A9&hello=1',
    headers: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' },
  });
  assert.equal(ws.response.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  assert.equal(ws.response.headers['sec-websocket-extensions'], undefined);
  assert.equal(ws.response.headers['sec-websocket-protocol'], undefined);
  assert.equal(await ws.message(), 'welcome "/ws" "a/b=\\" c" "anné" "127.0.0.1" hello');
  assert.equal((await ws.bye(1000)).code, 1000);
  await edge.sawClose(1000);
  assert.ok(!edge.output.includes('a/b='), 'a token must not be logged');
});

edgeTest('the subprotocol is selected when it is offered', {}, async (edge) => {
  for (const offer of ['matchgate.v1.json', 'chat, matchgate.v1.json', 'matchgate.v1.json,other', 'matchgate.v1.json,']) {
    const ws = await edge.greeted({ headers: { 'Sec-WebSocket-Protocol': offer } });
    assert.equal(ws.response.headers['sec-websocket-protocol'], 'matchgate.v1.json', offer);
    ws.destroy();
  }
});

const refusals = [
  ['an unknown path', 404, /\/ws/, {}, 'GET /other HTTP/1.1'],
  ['POST', 405, /GET/, {}, 'POST /ws HTTP/1.1'],
  ['HTTP/1.0', 505, /HTTP\/1\.1/, {}, 'GET /ws HTTP/1.0'],
  ['h2c', 400, /WebSocket only/, { Upgrade: 'h2c', Connection: 'Upgrade, HTTP2-Settings', 'HTTP2-Settings': 'AAMAAABkAARAAAAAAAIAAAAA' }],
  ['version 12', 426, /version 13/, { 'Sec-WebSocket-Version': '12' }],
  ['no version', 426, /version 13/, { 'Sec-WebSocket-Version': null }],
  ['a short key', 400, /Sec-WebSocket-Key/, { 'Sec-WebSocket-Key': 'c2hvcnQ=' }],
  ['a key that is no base64', 400, /Sec-WebSocket-Key/, { 'Sec-WebSocket-Key': '!!!!!!!!!!!!!!!!!!!!!!==' }],
  ['two keys', 400, /repeated/, { 'Sec-WebSocket-Key': ['dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ=='] }],
  ['no host', 400, /Host/, { Host: null }],
  ['two hosts', 400, /Host/, { Host: ['a', 'b'] }],
  ['no Connection: Upgrade', 400, /Connection: Upgrade/, { Connection: 'keep-alive' }],
  ['a body', 400, /no body/, { 'Content-Length': '5' }],
  ['a chunked body', 400, /no body/, { 'Transfer-Encoding': 'chunked' }],
  ['an unknown subprotocol', 400, /matchgate\.v1\.json/, { 'Sec-WebSocket-Protocol': 'chat' }],
  ['an overlong list of subprotocols', 400, /matchgate\.v1\.json/, { 'Sec-WebSocket-Protocol': `matchgate.v1.json, ${'x'.repeat(100)}` }],
  ['a broken list of subprotocols', 400, /matchgate\.v1\.json/, { 'Sec-WebSocket-Protocol': 'matchgate.v1.json,,"' }],
  ['an overlong origin', 400, /overlong/, { Origin: `https://${'x'.repeat(300)}` }],
];

edgeTest('each refusal has a status and a sentence, and closes', {}, async (edge) => {
  for (const [what, status, sentence, headers, line] of refusals) {
    const http = edge.http().send(upgradeRequest('/ws', headers, line));
    const response = await http.response();
    assert.equal(response.status, status, what);
    const { error } = JSON.parse(response.body);
    assert.match(error.message, sentence, what);
    assert.equal(error.code, 'BAD_REQUEST', what);
    assert.equal(error.retryable, false, what);
    assert.equal(response.headers.connection, 'close', what);
    if (status === 426) assert.equal(response.headers['sec-websocket-version'], '13');
    if (status === 405) assert.equal(response.headers.allow, 'GET');
    await http.over();
  }
  const metrics = await edge.metrics();
  assert.equal(metrics.value('matchgate_handshakes_refused_total', { reason: 'version' }), 2);
});

edgeTest('an upgrade to something else, CONNECT and garbage end without harm', {}, async (edge) => {
  for (const bytes of [
    upgradeRequest('/ws', { Upgrade: 'tls/1.0' }),
    'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'GET /ws?x=%00 HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /ws?x=%zz HTTP/1.1\r\nHost: x\r\n\r\n',
    Buffer.from('16030100a5010000a1030362', 'hex'),
    `GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(9000)}\r\n\r\n`,
    'FOO / HTTP/1.1\r\nHost: x\r\n\r\n',
  ]) {
    const http = edge.http().send(bytes);
    await http.over();
    assert.doesNotMatch(http.text, /^HTTP\/1\.1 (101|200)/);
    http.destroy();
  }
  const ws = await edge.greeted();
  ws.text('still here');
  assert.equal(await ws.message(), 'still here');
  ws.destroy();
});

edgeTest('ALLOWED_ORIGINS', { allowed_origins: 'https://a.example, https://b.example:8443' }, async (edge) => {
  for (const Origin of ['https://a.example', 'HTTPS://B.example:8443']) (await edge.greeted({ headers: { Origin } })).destroy();
  for (const Origin of ['https://c.example', 'https://a.example.evil', 'https://b.example', 'null', null]) {
    const http = edge.http().send(upgradeRequest('/ws', { Origin }));
    const response = await http.response();
    assert.equal(response.status, 403, String(Origin));
    assert.match(JSON.parse(response.body).error.message, /ALLOWED_ORIGINS/);
    assert.equal(JSON.parse(response.body).error.code, 'FORBIDDEN');
    http.destroy();
  }
});

edgeTest('full, and then not full any more', { connections_max: 2 }, async (edge) => {
  const [a, b] = [await edge.greeted(), await edge.greeted()];
  const http = edge.http().send(upgradeRequest('/ws'));
  const response = await http.response();
  assert.equal(response.status, 503);
  assert.deepEqual(JSON.parse(response.body).error.retryable, true);
  assert.ok(Number(response.headers['retry-after']) > 0);
  await a.bye(1000);
  await edge.sawClose(1000);
  const c = await edge.greeted();
  b.destroy();
  c.destroy();
});

edgeTest('connections per address', { connections_per_address_max: 2, host: '::' }, async (edge) => {
  const mine = [await edge.greeted(), await edge.greeted()];
  const http = edge.http().send(upgradeRequest('/ws'));
  assert.equal((await http.response()).status, 429);
  const other = new RawHttp(edge.port, { host: '::1' }).send(upgradeRequest('/ws'));
  assert.equal((await other.response()).status, 101);
  other.destroy();
  mine[0].reset();
  await edge.sawClose(1006);
  mine.push(await edge.greeted());
  for (const ws of mine) ws.destroy();
});

edgeTest('not accepting any more: 503 on what is open, nobody new', {}, async (edge) => {
  const kept = edge.http().send(GET('/health'));
  assert.equal((await kept.response()).headers.connection, 'keep-alive');
  const ws = await edge.greeted();
  edge.signal('SIGUSR1');
  await edge.sees('stopped 0');
  kept.send(upgradeRequest('/ws'));
  const response = await kept.response();
  assert.equal(response.status, 503);
  assert.match(response.body, /shutting down/);
  const late = edge.http();
  await late.over();
  assert.equal(late.reset, 'ECONNREFUSED');
  ws.text('goes on');
  assert.equal(await ws.message(), 'goes on');
});

edgeTest('a message right behind the handshake is not lost', {}, async (edge) => {
  const http = edge.http().send(Buffer.concat([Buffer.from(upgradeRequest('/ws')), RawWs.encode(1, 'early bird')]));
  await waitFor(() => http.text.includes('early bird'));
  http.destroy();
});

edgeTest('a handshake that does not come is cut', {}, async (edge) => {
  const silent = edge.http();
  const started = now();
  silent.send('GET /ws HTTP/1.1\r\n');
  await silent.over(20000);
  assert.ok(now() - started < 15000);
  silent.destroy();
});

// --- messages --------------------------------------------------------------------------------------------------------

edgeTest('messages come back whole, whatever their pieces', {}, async (edge) => {
  const ws = await edge.greeted();
  const sizes = [0, 1, 125, 126, 127, 1007, 1008, 1009, 1024, 1040, 2048, 5000, 16384];
  for (const size of sizes) ws.text('x'.repeat(size));
  for (const size of sizes) assert.equal((await ws.message()).length, size);
  ws.frame(1, 'Grü', { fin: false }).frame(9, 'a ping between').frame(0, '', { fin: false }).frame(0, 'ße ', { fin: false }).frame(0, '✓');
  assert.equal(await ws.message(), 'Grüße ✓');
  await waitFor(() => ws.control.some(({ opcode, payload }) => opcode === 0xa && payload === 'a ping between'));
  const bytes = RawWs.encode(1, 'Zürich, one byte at a time ✓');
  for (const byte of bytes) ws.socket.write(Buffer.from([byte]));
  assert.equal(await ws.message(), 'Zürich, one byte at a time ✓');
  const half = Buffer.from('✓');
  ws.frame(1, half.subarray(0, 1), { fin: false }).frame(0, half.subarray(1));
  assert.equal(await ws.message(), '✓');
  for (let i = 0; i < 3000; i++) ws.text(`pipelined ${i}`);
  for (let i = 0; i < 3000; i++) assert.equal(await ws.message(), `pipelined ${i}`);
  ws.destroy();
  const metrics = await edge.metrics();
  assert.equal(metrics.value('matchgate_messages_received_total'), sizes.length + 3003);
});

const violations = [
  ['a binary message', 1003, /JSON as text/, (ws) => ws.frame(2, Buffer.from([1, 2, 3]))],
  ['a large binary message', 1003, /JSON as text/, (ws) => ws.frame(2, Buffer.alloc(100000))],
  ['a fragmented binary message', 1003, /./, (ws) => ws.frame(2, 'a', { fin: false }).frame(0, 'b')],
  ['a byte too many', 1009, /messageMaxBytes/, (ws) => ws.text('x'.repeat(16385))],
  ['a byte too many in fragments', 1009, /./, (ws) => ws.frame(1, 'x'.repeat(16384), { fin: false }).frame(0, 'x')],
  ['the announcement of 2^40 bytes', 1009, /./, (ws) => ws.frame(1, 'x'.repeat(2000), { size: 2n ** 40n })],
  ['the announcement of 2^62 bytes', 1009, /./, (ws) => ws.frame(1, 'x'.repeat(2000), { size: 2n ** 62n })],
  ['too many fragments', 1008, /fragments/, (ws) => {
    ws.frame(1, 'x', { fin: false });
    for (let i = 0; i < 70; i++) ws.frame(0, '', { fin: false });
  }],
  ['invalid UTF-8', 1007, /./, (ws) => ws.frame(1, Buffer.from('abc\xff', 'latin1'))],
  ['a surrogate in UTF-8', 1007, /./, (ws) => ws.frame(1, Buffer.from('eda080', 'hex'))],
  ['half a character at the end', 1007, /./, (ws) => ws.frame(1, Buffer.from('e282', 'hex'))],
  ['half a character before an empty last fragment', 1007, /./, (ws) => ws.frame(1, Buffer.from('e282', 'hex'), { fin: false }).frame(0, '')],
  ['a reserved bit', 1002, /./, (ws) => ws.frame(1, 'x', { rsv: 0x40 })],
  ['a reserved opcode', 1002, /./, (ws) => ws.frame(3, 'x')],
  ['a fragmented ping', 1002, /./, (ws) => ws.frame(9, 'x', { fin: false })],
  ['a continuation of nothing', 1002, /./, (ws) => ws.frame(0, 'x')],
  ['a new message inside another', 1002, /./, (ws) => ws.frame(1, 'x', { fin: false }).frame(1, 'y')],
  ['a close code of one byte', 1002, undefined, (ws) => ws.frame(8, 'x')],
];

edgeTest('violations are answered with their close code', {}, async (edge) => {
  for (const [what, code, sentence, violate] of violations) {
    const ws = await edge.greeted();
    const started = now();
    violate(ws);
    const end = await ws.ended();
    assert.equal(end.code, code, what);
    if (sentence) assert.match(end.reason, sentence, what);
    assert.ok(now() - started < 4000, `${what} took ${now() - started} ms`);
    assert.equal(ws.messages.length, 0, what);
  }
  for (const code of [1002, 1003, 1007, 1008, 1009]) {
    await edge.sawClose(code, violations.filter((row) => row[1] === code).length);
  }
});

// --- closing ---------------------------------------------------------------------------------------------------------

edgeTest('conn_close works in every callback, and says its code and reason', {}, async (edge) => {
  const atOpen = await edge.ws({ path: '/ws?playerId=closed-at-open' });
  assert.deepEqual(await atOpen.ended(), { code: 4001, reason: 'not today', clean: true });
  assert.equal(atOpen.messages.length, 1, 'the welcome goes out before the close');
  for (const [command, code, reason] of [
    ['close 4006 kicked by the test', 4006, 'kicked by the test'],
    ['close 4101', 4101, /./],
    ['close-later 4103', 4103, 'later'],
    ['close-deferred 4104', 4104, 'later'],
  ]) {
    const ws = await edge.greeted();
    ws.text(command).text('ignored, since the connection is closing');
    const end = await ws.ended();
    assert.equal(end.code, code, command);
    assert.match(end.reason, reason instanceof RegExp ? reason : new RegExp(`^${reason}$`), command);
    assert.deepEqual(ws.messages, [], command);
    assert.equal(await edge.sawClose(code), 1, command);
  }
  const long = await edge.greeted();
  long.text(`close 4001 ${'é'.repeat(20)}`);
  assert.equal((await long.ended()).reason, 'é'.repeat(20));
});

edgeTest('what was queued goes out before the Close frame', {}, async (edge) => {
  const ws = await edge.greeted();
  ws.text('bye 5000');
  const end = await ws.ended();
  assert.equal(end.code, 4200);
  assert.equal(ws.messages.length, 5000);
  assert.equal(ws.close.messages, 5000);
});

edgeTest('the client closes', {}, async (edge) => {
  for (const [code, reason, expected] of [
    [1000, '', 1000],
    [4321, 'so long', 4321],
    [undefined, '', 1005],
    [3000, 'x'.repeat(123), 3000],
    [999, '', 1002],
    [1006, '', 1002],
  ]) {
    const ws = await edge.greeted();
    const end = await ws.bye(code, reason);
    assert.equal(end.code, expected);
    await edge.sawClose(expected);
  }
  assert.match(edge.output, /^closed \d+ 4321 so long$/m);
  (await edge.greeted()).destroy();
  await edge.sawClose(1006);
  (await edge.greeted()).reset();
  await edge.sawClose(1006, 2);
  const half = await edge.greeted();
  half.socket.end();
  await edge.sawClose(1006, 3);
});

edgeTest('a client that never answers the Close frame is gone within 2 s', {}, async (edge) => {
  const ws = await edge.greeted({ answerClose: false });
  const started = now();
  ws.text('close 4006');
  assert.equal((await ws.ended()).code, 4006);
  const took = now() - started;
  assert.ok(took > 1000 && took < 4000, `${took} ms`);
  await edge.sawClose(4006);
  const chatty = await edge.greeted({ answerClose: false });
  chatty.text('close 4006');
  const chat = setInterval(() => chatty.text('still talking'), 50);
  assert.equal((await chatty.ended()).code, 4006);
  clearInterval(chat);
  await edge.sawClose(4006, 2);
});

edgeTest('pings of the client while we close do not spoil the Close frame', {}, async (edge) => {
  for (let i = 0; i < 20; i++) {
    const ws = await edge.greeted();
    ws.socket.write(Buffer.concat([RawWs.encode(9, 'ping'), RawWs.encode(1, 'close 4006 why'), RawWs.encode(9, 'pong?'), RawWs.encode(9, 'x')]));
    assert.deepEqual(await ws.ended(), { code: 4006, reason: 'why', clean: true });
  }
});

edgeTest('a held connection outlives its socket and its server', {}, async (edge) => {
  const ws = await edge.greeted();
  ws.text('hold');
  ws.text('close 4006');
  await ws.ended();
});

// --- time ------------------------------------------------------------------------------------------------------------

edgeTest('silence is pinged, and no pong ends it with 4201', { ping_ms: 100, pong_wait_ms: 1500 }, async (edge) => {
  const good = await edge.greeted();
  const bad = await edge.greeted({ pong: false });
  const end = await bad.ended();
  assert.equal(end.code, 4201);
  assert.deepEqual(bad.control, [{ opcode: 9, payload: 'hb' }], 'one ping, with a payload');
  await waitFor(() => good.control.length >= 5);
  good.text('alive');
  assert.equal(await good.message(), 'alive');
  good.destroy();
  await edge.sawClose(4201);
});

edgeTest('who talks is not pinged; conn_ping_every changes the pace', { ping_ms: 1000, pong_wait_ms: 5000 }, async (edge) => {
  const ws = await edge.greeted();
  const talk = setInterval(() => ws.text('talk'), 20);
  await stays(() => ws.control.length > 0, { what: 'a ping', ms: 2200 });
  clearInterval(talk);
  ws.text('ping-every 30');
  const started = now();
  await waitFor(() => ws.control.length >= 4);
  assert.ok(now() - started < 3000);
  ws.destroy();
});

edgeTest('no hello in time', { hello_ms: 1000 }, async (edge) => {
  const late = await edge.greeted({ path: '/ws?hello=1' });
  const ready = await edge.greeted({ path: '/ws?hello=1' });
  ready.text('ready');
  assert.equal((await late.ended()).code, 4004);
  ready.text('still here');
  assert.equal(await ready.message(), 'still here');
  ready.destroy();
});

edgeTest('a process that was frozen gives its clients another chance', { ping_ms: 300, pong_wait_ms: 1500 }, async (edge) => {
  const clients = await Promise.all(Array.from({ length: 20 }, () => edge.greeted()));
  await waitFor(() => clients.every((ws) => ws.control.length > 0));
  edge.stop();
  await stays(() => false, { ms: 2500 });
  edge.cont();
  await edge.sees('loop.stalled');
  const seen = clients.map((ws) => ws.control.length);
  await waitFor(() => clients.every((ws, i) => ws.control.length > seen[i] + 1));
  for (const ws of clients) ws.destroy();
});

// --- slow readers ----------------------------------------------------------------------------------------------------

edgeTest('a client that never reads is closed with 4102', { outbox_max_bytes: 200000 }, async (edge) => {
  const ws = await edge.greeted();
  ws.pause();
  const other = await edge.greeted();
  const flood = setInterval(() => ws.text('flood 20 10000'), 5);
  const started = now();
  await edge.sawClose(4102);
  clearInterval(flood);
  assert.ok(now() - started < 15000);
  other.text('not disturbed');
  assert.equal(await other.message(), 'not disturbed');
  const metrics = await edge.metrics();
  assert.equal(metrics.value('matchgate_connections'), 1);
  assert.equal(metrics.value('matchgate_connections_closed_total', { code: '4102' }), 1);
  ws.destroy();
  other.destroy();
});

edgeTest('a slow client that reads again within 2 s gets all that was queued, then the code', { outbox_max_bytes: 100000 }, async (edge) => {
  const ws = await edge.greeted();
  ws.pause();
  const closing = () => edge.output.includes('from=open to=closing');
  let sent = 0;
  for (; sent < 5000 && !closing(); sent++) {
    ws.text(`${sent} ${'x'.repeat(10000)}`);
    if (sent % 10 === 9) await edge.metrics(); // lets the server catch up
  }
  assert.ok(closing(), `${sent} messages of 10 kB and no close`);
  ws.resume();
  assert.equal((await ws.ended()).code, 4102);
  assert.equal(ws.broken, undefined);
  assert.ok(ws.messages.length > 15, `${ws.messages.length} messages arrived`);
  for (const [i, message] of ws.messages.entries()) assert.equal(parseInt(message), i, `message ${i}`);
});

edgeTest('volatile messages are dropped, not the connection', { outbox_max_bytes: 200000 }, async (edge) => {
  const ws = await edge.greeted();
  ws.pause();
  for (let i = 0; i < 300; i++) ws.text('burst 20 10000');
  const dropped = async () => (await edge.metrics()).value('matchgate_volatile_dropped_total');
  await waitFor(async () => (await dropped()) > 1000);
  ws.resume();
  await waitFor(() => ws.messages.length > 10);
  ws.text('mixed 10 1000');
  await waitFor(() => ws.messages.some((message) => message.startsWith('9 r')));
  const reliable = ws.messages.filter((message) => message.includes('r'));
  assert.equal(reliable.length, 10);
  assert.equal(ws.broken, undefined);
  ws.text('here');
  await waitFor(() => ws.messages.at(-1) === 'here');
  ws.destroy();
});

edgeTest('large messages and partial writes arrive in order', { outbox_max_bytes: 8 << 20 }, async (edge) => {
  const ws = await edge.greeted();
  ws.text('flood 60 100000');
  ws.frame(9, 'in between');
  ws.text('flood 3000 500');
  await waitFor(() => ws.messages.length === 3060, { what: '3060 messages' });
  ws.messages.forEach((message, i) => assert.equal(message.length, i < 60 ? 100000 : 500));
  assert.equal(ws.broken, undefined);
  assert.equal((await ws.bye(1000)).code, 1000);
});

// --- many ------------------------------------------------------------------------------------------------------------

edgeTest('500 connections open and close at once', {}, async (edge) => {
  const all = await Promise.all(Array.from({ length: 500 }, () => edge.greeted()));
  assert.equal((await edge.metrics()).value('matchgate_connections'), 500);
  for (const ws of all) ws.text('echo');
  for (const ws of all) assert.equal(await ws.message(), 'echo');
  all[0].text('close-all');
  const ends = await Promise.all(all.map((ws) => ws.ended()));
  assert.ok(ends.every(({ code }) => code === 4200));
  await edge.sawClose(4200, 500);
  const metrics = await edge.metrics();
  assert.equal(metrics.value('matchgate_connections'), 0);
  assert.equal(metrics.value('matchgate_connections_opened_total'), 500);
  const again = await Promise.all(Array.from({ length: 500 }, () => edge.greeted()));
  for (const ws of again) ws.reset();
  await edge.sawClose(1006, 500);
});

edgeTest('running out of files stops accepting for a while, not for ever', { nofile: 64 }, async (edge) => {
  const open = [];
  for (let i = 0; i < 80; i++) edge.ws().then((ws) => open.push(ws), () => {});
  await edge.sees('accept.failed');
  await waitFor(() => open.length >= 40);
  const before = open.length;
  for (const ws of open.slice(0, 40)) ws.destroy();
  await waitFor(() => open.length === 80, { what: `the 80th connection after ${before}` });
  open[79].text('in the end');
  await waitFor(() => open[79].messages.includes('in the end'));
  for (const ws of open) ws.destroy();
});

edgeTest('server_close: everybody gets 1001, and who never answers does not hold it up', {}, async (edge) => {
  const good = await Promise.all(Array.from({ length: 50 }, () => edge.greeted()));
  const deaf = await Promise.all(Array.from({ length: 50 }, () => edge.greeted({ answerClose: false })));
  const stuck = await edge.greeted();
  stuck.pause();
  const dropped = async () => (await edge.metrics()).value('matchgate_volatile_dropped_total') > 0;
  await waitFor(() => (stuck.text('burst 20 10000'), dropped()));
  edge.http().send('GET /hea'); // half a request
  const waiting = edge.http().send(GET('/later?ms=1000'));
  await edge.metrics();
  const started = now();
  const exit = await edge.end();
  assert.ok(now() - started < 8000, `${now() - started} ms`);
  assert.equal(exit.code, 0);
  for (const [i, ws] of [...good, ...deaf].entries()) assert.equal((await ws.ended()).code, 1001, `client ${i}, of the first 50 that answer`);
  assert.equal((await waiting.response()).status, 200);
  assert.match(edge.output, /^all-closed 0 0 $/m);
  assert.equal([...edge.output.matchAll(/^closed /gm)].length, 101);
  stuck.destroy();
});

// --- HTTP ------------------------------------------------------------------------------------------------------------

edgeTest('GET, HEAD, keep-alive and pipelining', {}, async (edge) => {
  const http = edge.http().send(GET('/health') + GET('/query?name=a%20b%26c&other=1', 'Authorization: Bearer t\r\n') + 'HEAD /page?size=5000 HTTP/1.1\r\nHost: x\r\n\r\n');
  const [health, query, head] = [await http.response(), await http.response(), await http.response({ head: true })];
  assert.equal(health.status, 200);
  assert.equal(health.body, '{"ok":true}');
  assert.equal(health.headers['cache-control'], 'no-store');
  assert.equal(health.headers['x-content-type-options'], 'nosniff');
  assert.equal(query.body, '"a b&c""Bearer t"');
  assert.equal(head.headers['content-length'], '5000');
  assert.match(head.headers['content-security-policy'], /connect-src 'self' ws: wss:/);
  http.send(GET('/later') + GET('/later') + GET('/nowhere') + GET('/health', 'Connection: close\r\n'));
  assert.equal((await http.response()).body, '{"later":true}');
  assert.equal((await http.response()).body, '{"later":true}');
  assert.equal((await http.response()).status, 404);
  assert.equal((await http.response()).headers.connection, 'close');
  await http.over();
  assert.equal(http.text, '');
  const old = edge.http().send('GET /health HTTP/1.0\r\n\r\n');
  assert.equal((await old.response()).headers.connection, 'close');
  await old.over();
});

edgeTest('large pages arrive whole, also when they are read slowly', {}, async (edge) => {
  const check = (body, size) => {
    assert.equal(body.length, size);
    for (let at = 0; at < size; at += 8) assert.equal(body.slice(at, at + 8), `${String(at).padStart(7, '0')}\n`);
  };
  const http = edge.http().send(GET('/page?size=204800') + GET('/page?size=8'));
  check((await http.response()).body, 204800);
  check((await http.response()).body, 8);
  const slow = edge.http();
  slow.socket.pause();
  slow.send(GET('/page?size=6400000') + GET('/health'));
  await edge.metrics();
  slow.socket.resume();
  check((await slow.response()).body, 6400000);
  assert.equal((await slow.response()).body, '{"ok":true}');
  const gone = edge.http();
  gone.socket.pause();
  gone.send(GET('/page?size=6400000'));
  await edge.metrics();
  gone.socket.resetAndDestroy();
});

edgeTest('POST has a length, and its connection ends', {}, async (edge) => {
  const http = edge.http().send(POST('/echo', 'a body') + GET('/health'));
  const response = await http.response();
  assert.equal(response.body, 'a body');
  assert.equal(response.headers.connection, 'close');
  await http.over();
  assert.equal(http.text, '');
  const empty = edge.http().send(POST('/echo', ''));
  assert.deepEqual([(await empty.response()).status, http.text], [200, '']);
  const pieces = edge.http().send(POST('/echo', '', 'Content-Length: 3\r\n'));
  for (const byte of 'abc') pieces.send(byte);
  assert.equal((await pieces.response()).body, 'abc');
  const expecting = edge.http().send(POST('/echo', '', 'Content-Length: 3\r\nExpect: 100-continue\r\n'));
  await waitFor(() => expecting.text.startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
  expecting.received = Buffer.alloc(0);
  assert.equal((await expecting.send('abc').response()).body, 'abc');
  const later = edge.http().send(POST('/later', 'xyz') + 'trailing bytes');
  assert.equal((await later.response()).body, '{"later":true}');
  await later.over();
  assert.equal(later.text, '');
});

const badRequests = [
  ['no length', 411, POST('/echo', 'abc', '')],
  ['chunked', 501, POST('/echo', '3\r\nabc\r\n0\r\n\r\n', 'Transfer-Encoding: chunked\r\n')],
  ['chunked and a length', 501, POST('/echo', '3\r\nabc\r\n0\r\n\r\n' + GET('/smuggled'), 'Content-Length: 13\r\nTransfer-Encoding: chunked\r\n')],
  ['chunked on GET', 501, GET('/health', 'Transfer-Encoding: chunked\r\n') + '1e\r\n' + GET('/smuggled')],
  ['two lengths', 400, POST('/echo', 'abcdef', 'Content-Length: 3\r\nContent-Length: 6\r\n') + GET('/smuggled')],
  ['two equal lengths', 400, POST('/echo', 'abc', 'Content-Length: 3\r\nContent-Length: 3\r\n')],
  ['a list of lengths', 400, POST('/echo', 'abc', 'Content-Length: 3, 3\r\n')],
  ['a signed length', 400, POST('/echo', 'abc', 'Content-Length: +3\r\n')],
  ['a negative length', 400, POST('/echo', 'abc', 'Content-Length: -3\r\n')],
  ['a hexadecimal length', 400, POST('/echo', 'abc', 'Content-Length: 0x3\r\n')],
  ['an endless length', 400, POST('/echo', 'abc', `Content-Length: ${'9'.repeat(30)}\r\n`)],
  ['GET with a body', 400, GET('/health', 'Content-Length: 30\r\n') + GET('/smuggled')],
  ['a large body', 413, POST('/echo', 'x'.repeat(5000))],
  ['a very large body', 413, POST('/echo', 'x'.repeat(3000000))],
  ['PUT', 405, POST('/echo', 'abc').replace('POST', 'PUT')],
  ['DELETE', 405, GET('/health').replace('GET', 'DELETE')],
  ['OPTIONS', 405, GET('/health').replace('GET', 'OPTIONS')],
  ['no host', 400, 'GET /health HTTP/1.1\r\n\r\n'],
  ['two hosts', 400, GET('/health', 'Host: y\r\n')],
];

edgeTest('requests that could be read in two ways are refused, and nothing behind them is served', {}, async (edge) => {
  for (const [what, status, bytes] of badRequests) {
    const http = edge.http().send(bytes);
    const response = await http.response();
    assert.equal(response.status, status, what);
    assert.equal(response.headers.connection, 'close', what);
    assert.ok(JSON.parse(response.body).error.message, what);
    await http.over();
    assert.equal(http.text, '', what);
    http.destroy();
  }
  const metrics = await edge.metrics();
  assert.equal(metrics.value('matchgate_http_requests_total', { status: '405' }), 3);
  assert.equal(metrics.value('matchgate_http_requests_total', { status: '404' }), undefined);
});

edgeTest('a body that trickles in is cut off', {}, async (edge) => {
  const http = edge.http().send(POST('/echo', '', 'Content-Length: 1000\r\n'));
  const started = now();
  const trickle = setInterval(() => http.send('x'), 100);
  const response = await http.response({ timeoutMs: 10000 });
  clearInterval(trickle);
  assert.equal(response.status, 408);
  assert.ok(now() - started > 4500 && now() - started < 7000);
  await http.over();
  http.destroy();
});

edgeTest('a handler may answer whom nobody hears any more', {}, async (edge) => {
  const reset = edge.http().send(GET('/later?ms=300'));
  edge.http().send(GET('/later?ms=3500')); // longer than server_close waits
  await edge.metrics();
  reset.socket.resetAndDestroy();
  await edge.sees(/^(answered|gone) /m);
  assert.equal((await edge.end()).code, 0);
  assert.match(edge.output, /^all-closed .*\ngone /m);
});

edgeTest('a port that is taken', {}, async (edge) => {
  const second = new Proc('second', process.env.EDGE_SERVER ?? BINARY, ['host=256.1.1.1', 'port=1']);
  assert.equal((await second.ended).code, 1);
  assert.match(second.output, /^refused HOST 256\.1\.1\.1 /m);
});

// A few at a time, since many of them wait.
test('the edge', { concurrency: 3 }, (t) => Promise.all(all.map(([name, run]) => t.test(name, { timeout: 90000 }, run))));
