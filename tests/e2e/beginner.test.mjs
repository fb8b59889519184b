// The mistakes of somebody's first afternoon: each is answered with a sentence that says what to do.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import net from 'node:net';
import { Client, fleetTest, request, waitFor } from '../lib/fleet.mjs';
import { codeOf, connect } from '../lib/sdk.mjs';

const SECRET = 'a-secret-that-is-long-enough-for-a-test';
const part = (x) => Buffer.from(JSON.stringify(x)).toString('base64url');

function token(claims, { alg = 'HS256', secret = SECRET } = {}) {
  const text = `${part({ alg, typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

// The answer to a WebSocket that is refused at the door: [status, code, sentence].
async function refused(where, options) {
  const error = await Client.open(where, { wait: false, ...options }).then(
    () => assert.fail('it was let in'),
    (e) => e,
  );
  const { code, message } = JSON.parse(await error.body).error;
  return [error.status, code, message];
}

// The same for a connection that is let in and closed: what is pushed, and how it ends.
async function closed(client) {
  const { code, reason } = await client.closed;
  const error = client.all('error')[0]?.data;
  return { code, reason, error: error?.code, message: error?.message };
}

// All that comes back for some bytes until the server closes.
function rawExchange(port, text) {
  return new Promise((done, refuse) => {
    let got = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (chunk) => (got += chunk)).on('error', refuse).on('close', () => done(got));
  });
}

const player = (fleet, gateway, playerId) => fleet.client(gateway, { playerId });

fleetTest('the wrong path, with ws:// and with http://', async (fleet) => {
  const { port } = await fleet.gateway();
  for (const path of ['/', '/ws/', '/websocket', '/game?playerId=ann']) {
    const [status, , message] = await refused(`ws://127.0.0.1:${port}${path}`);
    assert.equal(status, 404);
    assert.match(message, / at \/ws\b/);
  }
  const plain = await request(port, '/websocket');
  assert.equal(plain.status, 404);
  assert.match(plain.json().error.message, /WebSocket clients connect to \/ws/);
});

fleetTest('http:// on /ws, or a proxy that ate the upgrade', async (fleet) => {
  const { port } = await fleet.gateway();
  const { status, headers, json } = await request(port, '/ws');
  assert.deepEqual([status, headers.upgrade], [426, 'websocket']);
  assert.match(json().error.message, /new WebSocket\('ws:\/\/localhost:3030\/ws'\).*proxy.*Upgrade and Connection/);
  const post = await request(port, '/ws', { method: 'POST', body: '{"event":"joinMatchmaking"}' });
  assert.deepEqual([post.status, post.headers.allow, post.json().error.message], [405, 'GET, HEAD', 'Use GET here.']);
  // curl -X POST sends no length
  const bare = await rawExchange(port, 'POST /health/cleanup HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.match(bare, /^HTTP\/1\.1 411 [^]*with curl: -d ''/);
});

fleetTest('a page of another origin, and a program without one', async (fleet) => {
  const gateway = await fleet.gateway({ env: { ALLOWED_ORIGINS: 'https://good.example' } });
  const [status, code, message] = await refused(gateway.port, { headers: { origin: 'http://localhost:8080' } });
  assert.deepEqual([status, code], [403, 'FORBIDDEN']);
  assert.match(message, /the operator must add it to ALLOWED_ORIGINS/);
  assert.match((await refused(gateway.port))[2], /program that is no browser must send one of them as its Origin/);
  const line = /handshake\.refused reason=origin .*origin="?http:\/\/localhost:8080/;
  await waitFor(() => line.test(gateway.log), { what: 'the operator to read which' });
});

fleetTest('another version: of the protocol, of a subprotocol, of WebSocket', async (fleet) => {
  const gateway = await fleet.gateway();
  for (const protocols of [['matchgate.v0.json'], ['matchgate.v2.json'], ['wamp', 'json']]) {
    const [status, , message] = await refused(gateway.port, { protocols });
    assert.equal(status, 400);
    assert.match(message, /offer matchgate\.v1\.json or none.*update the client or the server, whichever is older/);
  }
  const both = await fleet.client(gateway, { playerId: 'ann', protocols: ['matchgate.v2.json', 'matchgate.v1.json'] });
  assert.equal(both.socket.protocol, 'matchgate.v1.json');
  const head = 'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  for (const version of ['Sec-WebSocket-Version: 8\r\n', '']) {
    const answer = await rawExchange(gateway.port, `${head}${version}\r\n`);
    assert.match(answer, /^HTTP\/1\.1 426 [^]*\r\nSec-WebSocket-Version: 13\r\n[^]*use a newer WebSocket library/);
  }
});

fleetTest('no token, a bad one, a name instead of one', async (fleet) => {
  const gateway = await fleet.gateway({ env: { AUTH_JWT_SECRET: SECRET, HELLO_MS: '2000' } });
  const open = (options) => fleet.client(gateway, { wait: false, ...options });
  const silent = await open({});
  const busy = await silent.fails('joinMatchmaking', { level: 1 });
  assert.deepEqual([busy.code, busy.message], ['BUSY', 'Say hello first, with your token; wait for the welcome event before you send this.']);
  const late = await silent.closed;
  assert.deepEqual([late.code, late.reason], [4004, 'No hello came in time; send it as the first message, or put ?token= into the address.']);

  const cases = [
    [{ playerId: 'ann' }, /wants a signed token \(playerId counts in development only\): connect with \?token= or send it in hello/],
    [{ token: 'ann' }, /is no JSON Web Token .*; send it as issued/],
    [{ token: token({ sub: 'ann' }, { alg: 'RS256' }) }, /have it issued with HS256/],
    [{ token: token({ sub: 'ann' }, { secret: 'another' }) }, /signature does not match; get a new token from its issuer/],
    [{ token: token({ sub: 'ann', exp: 1000000000 }) }, /has expired; get a new one/],
    [{ token: token({ sub: 'Ann Smith' }) }, /sub must be the player id: 1-64 characters/],
  ];
  for (const [options, sentence] of cases) {
    const end = await closed(await open(options));
    assert.equal(end.code, 4001);
    assert.match(end.message, sentence);
    assert.match(end.reason, /^The identity was refused; get a valid token/);
  }
  await fleet.client(gateway, { token: token({ sub: 'ann', exp: Math.floor(Date.now() / 1000) + 60 }) });
});

fleetTest('sending before the welcome', async (fleet) => {
  const gateway = await fleet.gateway();
  const early = await fleet.client(gateway, { hello: true });
  const refusal = await early.fails('joinMatchmaking', { level: 1 });
  assert.deepEqual([refusal.code, refusal.retryable], ['BUSY', true]);
  assert.match(refusal.message, /Say hello first/);
  await early.send('hello', { playerId: 'ann' });
  await early.next('welcome');
  await early.send('joinMatchmaking', { level: 1 });
  const again = await early.fails('hello', { playerId: 'ann' });
  assert.equal(again.message, 'hello was already said on this connection');
});

fleetTest('joining twice, and the same name in two tabs', async (fleet) => {
  const gateway = await fleet.gateway();
  const [ann, bob] = [await player(fleet, gateway, 'ann'), await player(fleet, gateway, 'bob')];
  await ann.send('joinMatchmaking', { level: 5 });
  const twice = await ann.fails('joinMatchmaking', { level: 5 });
  assert.deepEqual([twice.code, twice.message], ['ALREADY_QUEUED', 'You wait for a match already; send leaveMatchmaking before you join another level.']);
  await bob.send('joinMatchmaking', { level: 5 });
  await ann.next('gameStart');
  const seated = await ann.fails('joinMatchmaking', { level: 5 });
  assert.deepEqual([seated.code, seated.message], ['ALREADY_IN_MATCH', 'You sit in a room already; finish that game or send leaveRoom before you join again.']);
  const none = await ann.fails('joinMatchmaking', {});
  assert.match(none.message, /level must be a whole number from 0 to LEVEL_MAX, as in {"level":2}/);

  await player(fleet, gateway, 'ann');
  const { code, reason } = await ann.closed;
  assert.deepEqual([code, reason], [4005, 'The same player connected again; that connection goes on. Two players need two ids.']);
  assert.equal((await ann.next('goodbye')).data.reason, reason);
});

fleetTest('messages to a room one is not in', async (fleet) => {
  const gateway = await fleet.gateway();
  const [ann, bob, eve] = await Promise.all(['ann', 'bob', 'eve'].map((id) => player(fleet, gateway, id)));
  const { roomId } = await fleet.match(ann, bob);
  const errors = [
    [{ roomId, message: 1 }, 'NOT_IN_ROOM', 'You have no seat in this room; use the roomId of your own matchFound.'],
    [{ roomId: 'lobby', message: 1 }, 'ROOM_NOT_FOUND', 'There is no such room, or its game is over; join matchmaking again.'],
    [{ message: 1 }, 'BAD_REQUEST', /^data\.roomId must be the roomId of your matchFound/],
  ];
  for (const [data, code, sentence] of errors) {
    const error = await eve.fails('gameMessage', data);
    assert.equal(error.code, code);
    assert.match(error.message, new RegExp(sentence.source ?? `^${sentence.replace(/[.]/g, '\\.')}$`));
  }
  eve.tell('gameMessage', { roomId, message: 1 }); // without id: told all the same
  assert.equal((await eve.next('error')).data.code, 'NOT_IN_ROOM');
});

fleetTest('frames that are too large, binary, no JSON, no envelope', async (fleet) => {
  const gateway = await fleet.gateway();
  const ann = await player(fleet, gateway, 'ann');
  const texts = {
    'hello there': /Send one object of strict JSON per message/,
    '["joinMatchmaking",{"level":1}]': /Send one object of strict JSON per message/,
    "{'event':'ping'}": /Send one object of strict JSON per message/,
    '{"type":"joinMatchmaking"}': /event must be there, once: a string/,
    '{"event":"joinMatchmaking","id":"1"}': /id must be one integer from 1/,
    '{"event":"joinMatchMaking"}': /knows no such event; PROTOCOL\.md lists the events/,
  };
  for (const [text, sentence] of Object.entries(texts)) {
    ann.raw(text);
    assert.match((await ann.next('error')).data.message, sentence);
  }
  const { messageMaxBytes } = ann.welcome.limits;
  ann.raw(JSON.stringify({ event: 'ping', data: 'x'.repeat(messageMaxBytes) }));
  const { code, reason } = await ann.closed;
  assert.deepEqual([code, reason], [1009, 'A message was larger than limits.messageMaxBytes of welcome; send less, or in parts.']);
  const bob = await player(fleet, gateway, 'bob');
  bob.raw(Buffer.from('{"event":"ping"}'));
  assert.deepEqual(await bob.closed, { code: 1003, reason: 'Binary messages are not understood; send JSON as text messages.' });
});

fleetTest('the JavaScript client says why, too', async (fleet, t) => {
  const gateway = await fleet.gateway({ env: { AUTH_JWT_SECRET: SECRET } });
  const at = (path) => `ws://127.0.0.1:${gateway.port}${path}`;
  const lost = connect(t, at('/websocket'), { backoff: { baseMs: 1, maxMs: 1, maxAttempts: 1 } });
  assert.equal(await codeOf(lost.ready), 'CLOSED');
  assert.match(lost.history.at(-1)[1].reason, /Unexpected server response: 404/);
  const nobody = connect(t, at('/ws'), { playerId: 'ann' });
  await assert.rejects(nobody.ready, /The identity was refused; get a valid token/);
  assert.deepEqual([nobody.status, nobody.history.at(-1)[1].final], ['closed', true]);
});
