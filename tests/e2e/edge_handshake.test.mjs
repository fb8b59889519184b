// The edge alone, through raw sockets: what an upgrade must look like, and who gets in.
import assert from 'node:assert/strict';
import { EDGE_SERVER, GET, edgeTest, runEdgeTests } from '../lib/edge.mjs';
import { Proc } from '../lib/proc.mjs';
import { RawHttp, RawWs, upgradeRequest } from '../lib/raw_ws.mjs';
import { now, waitFor } from '../lib/wait.mjs';

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

// One too many is let in only to be told so; the next 63 as well while they last, then the answer is a status.
const TURN_AWAY_MAX = 64;
async function tooMany(edge, status) {
  const ws = await edge.ws();
  const { code, reason } = await ws.end;
  assert.deepEqual([code, ws.messages], [4100, []], reason);
  const stubborn = [];
  for (let i = 0; i < TURN_AWAY_MAX; i++) stubborn.push(await edge.ws({ answerClose: false }));
  const response = await edge.http().send(upgradeRequest('/ws')).response();
  assert.equal(response.status, status);
  assert.equal(JSON.parse(response.body).error.retryable, true);
  assert.ok(Number(response.headers['retry-after']) > 0);
  const ends = await Promise.all(stubborn.map((one) => one.end)); // without an answer to its Close frame, too
  for (const end of ends) assert.equal(end.code, 4100);
  await edge.sawClose(4100, TURN_AWAY_MAX + 1);
  const again = await edge.ws();
  assert.equal((await again.end).code, 4100);
  const label = { reason: status === 503 ? 'capacity' : 'address' };
  assert.equal((await edge.metrics()).value('matchgate_handshakes_refused_total', label), TURN_AWAY_MAX + 3);
}

edgeTest('full, and then not full any more', { connections_max: 2 }, async (edge) => {
  const [a, b] = [await edge.greeted(), await edge.greeted()];
  await tooMany(edge, 503);
  await a.bye(1000);
  await edge.sawClose(1000);
  const c = await edge.greeted();
  b.destroy();
  c.destroy();
});

edgeTest('connections per address', { connections_per_address_max: 2, host: '::' }, async (edge) => {
  const mine = [await edge.greeted(), await edge.greeted()];
  await tooMany(edge, 429);
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

edgeTest('a port that is taken', {}, async (edge) => {
  const second = new Proc('second', EDGE_SERVER, ['host=256.1.1.1', 'port=1']);
  assert.equal((await second.ended).code, 1);
  assert.match(second.output, /^refused HOST 256\.1\.1\.1 /m);
});

runEdgeTests('the edge: what an upgrade must look like, and who gets in');
