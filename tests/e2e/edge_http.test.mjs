// The edge alone, through raw sockets: plain HTTP on the same port.
import assert from 'node:assert/strict';
import { GET, POST, edgeTest, runEdgeTests } from '../lib/edge.mjs';
import { now, waitFor } from '../lib/wait.mjs';

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

edgeTest('bytes behind the body of a pipelined POST do not hang the server', {}, async (edge) => {
  const trailing = 'and more bytes\r\n\r\n';
  const sync = edge.http().send(GET('/health') + POST('/echo', 'a body') + trailing);
  assert.equal((await sync.response()).body, '{"ok":true}');
  assert.equal((await sync.response()).status, 400);
  await sync.over();
  const patient = edge.http().send(GET('/health'));
  await patient.response();
  assert.equal((await patient.send(POST('/echo', 'POST is fine here') + trailing).response()).body, 'POST is fine here');
  await patient.over();
  const refused = edge.http().send(GET('/health') + GET('/health', 'Content-Length: 3\r\n') + 'abc' + trailing);
  assert.equal((await refused.response()).status, 200);
  assert.equal((await refused.response()).status, 400);
  await refused.over();
  const later = edge.http().send(GET('/health') + POST('/later', 'xyz') + trailing);
  assert.equal((await later.response()).status, 200);
  await later.over();
  assert.ok(await edge.metrics());
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
  await edge.metrics();
  reset.socket.resetAndDestroy();
  await edge.sees(/^(answered|gone) /m);
  edge.http().send(GET('/later?ms=5000')); // longer than server_close waits, on a busy machine as well
  await edge.metrics();
  assert.equal((await edge.end()).code, 0);
  assert.match(edge.output, /^all-closed .*\ngone /m);
});

runEdgeTests('the edge: plain HTTP on the same port');
