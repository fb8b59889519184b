// The edge alone, through raw sockets: messages, closing, silence and slow readers.
import assert from 'node:assert/strict';
import { GET, edgeTest, runEdgeTests } from '../lib/edge.mjs';
import { RawWs } from '../lib/raw_ws.mjs';
import { now, stays, waitFor } from '../lib/wait.mjs';

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
  ['a close reason that is not UTF-8', 1007, undefined, (ws) => ws.frame(8, Buffer.from('03e8ff', 'hex'))],
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

runEdgeTests('the edge: messages, closing, silence and slow readers');
