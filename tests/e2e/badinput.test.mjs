// What a client must not be able to do: each kind of bad input has its answer, and everybody else plays on.
import assert from 'node:assert/strict';
import net from 'node:net';
import { Client, fleetTest, waitFor } from '../lib/fleet.mjs';

async function one(fleet, env = {}) {
  const gateway = await fleet.gateway({ env });
  return { gateway, ann: await fleet.client(gateway, 'ann') };
}

async function errorAfter(client, text) {
  const before = client.all('error').length;
  client.raw(text);
  await waitFor(() => client.close || client.all('error').length > before, { what: `an answer to ${text.slice(0, 60)}` });
  assert.equal(client.close, null, `closed by ${text.slice(0, 60)}`);
  return client.all('error').at(-1).data;
}

fleetTest('what is not a good envelope is answered, and the connection lives', async (fleet) => {
  const { ann } = await one(fleet);
  const deep = (n) => '['.repeat(n) + ']'.repeat(n);
  const bad = [
    'hello',
    '',
    '{',
    '{"event":"ping"',
    '{"event":"ping"} x',
    '[]',
    'null',
    '7',
    '{}',
    '{"event":7}',
    '{"event":null,"data":{}}',
    '{"event":"gameMessage","data":[]}',
    '{"event":"gameMessage","data":"x"}',
    '{"event":"ping","id":"x"}',
    '{"event":"ping","id":0}',
    '{"event":"ping","id":-1}',
    '{"event":"ping","id":1.5}',
    '{"event":"ping","id":9007199254740992}',
    '{"event":"ping","event":"hello"}',
    '{"event":"ping","data":01}',
    '{"event":"ping","data":"\u0001"}',
    '{"event":"ping","data":"\\u0000"}',
    '{"event":"ping","data":"\\ud800"}',
    '{"event":"ping",}',
    '{"event":"ping","data":NaN}',
    `{"event":"gameMessage","data":{"roomId":"r","message":${deep(40)}}}`,
    `{"event":"ping","data":${deep(2000)}}`,
  ];
  for (const text of bad) assert.equal((await errorAfter(ann, text)).code, 'BAD_REQUEST', text.slice(0, 80));
  assert.equal((await errorAfter(ann, '{"event":"nonsense"}')).code, 'UNKNOWN_EVENT');
  assert.equal((await errorAfter(ann, '{"event":"Ping"}')).code, 'UNKNOWN_EVENT');
  assert.equal((await ann.fails('matchFound', {})).code, 'UNKNOWN_EVENT'); // a push is nothing to ask for
  await ann.send('ping', { still: 'here' });
});

fleetTest('data of the wrong type or out of range is refused by name', async (fleet) => {
  const { ann } = await one(fleet);
  const bad = [
    ['joinMatchmaking', undefined],
    ['joinMatchmaking', {}],
    ['joinMatchmaking', { level: '2' }],
    ['joinMatchmaking', { level: 1.5 }],
    ['joinMatchmaking', { level: -1 }],
    ['joinMatchmaking', { level: 1001 }],
    ['joinMatchmaking', { level: null }],
    ['joinMatchmaking', { level: 1e30 }],
    ['gameMessage', { message: 1 }],
    ['gameMessage', { roomId: 7, message: 1 }],
    ['gameMessage', { roomId: 'a room', message: 1 }],
    ['gameMessage', { roomId: 'room\n1', message: 1 }],
    ['gameMessage', { roomId: '', message: 1 }],
    ['gameMessage', { roomId: 'x'.repeat(65), message: 1 }],
    ['gameMessage', { roomId: 'r' }],
    ['gameMessage', { roomId: 'r', message: 1, volatile: 'yes' }],
    ['updateGameData', { roomId: 'r', gameData: {}, expectedVersion: '0' }],
    ['updateGameData', { roomId: 'r', gameData: {}, expectedVersion: -1 }],
    ['updatePlayerState', { roomId: 'r' }],
    ['endGame', { roomId: 'r' }],
    ['leaveRoom', {}],
    ['confirmJoined', { roomId: [] }],
  ];
  for (const [event, data] of bad) {
    const error = await ann.fails(event, data);
    assert.equal(error.code, 'BAD_REQUEST', `${event} ${JSON.stringify(data)}`);
    assert.ok(error.message.length > 5);
    assert.equal(error.retryable, false);
  }
  assert.equal((await ann.send('joinMatchmaking', { level: 0 })).status, 'waiting');
});

fleetTest('frames that break the rules close with the standard code', async (fleet) => {
  const gateway = await fleet.gateway();
  const cases = [
    [1003, (c) => c.raw(Buffer.from('{"event":"ping"}'))],
    [1009, (c) => c.raw(`{"event":"ping","data":"${'x'.repeat(20000)}"}`)],
    [1007, (c) => c.raw(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), { binary: false })],
    [1007, (c) => c.raw(Buffer.from([0xed, 0xa0, 0x80]), { binary: false })],
    [1009, (c) => fragments(c, 40, 500)],
    [1008, (c) => fragments(c, 2000, 1)],
  ];
  for (const [i, [code, act]] of cases.entries()) {
    const client = await fleet.client(gateway, `p${i}`);
    act(client);
    assert.equal((await client.closed).code, code, `case ${i}`);
  }
  const client = await fleet.client(gateway, 'ok');
  const whole = '{"event":"ping","data":{}}';
  for (const [i, char] of [...whole].entries()) client.socket.send(char, { fin: i === whole.length - 1 });
  await client.next('pong');
});

function fragments(client, count, bytes) {
  client.socket.send('{"event":"ping","data":"', { fin: false });
  for (let i = 0; i < count; i++) client.socket.send('x'.repeat(bytes), { fin: false });
}

fleetTest('player ids follow the pattern, before they get anywhere', async (fleet) => {
  const gateway = await fleet.gateway();
  for (const playerId of ['a b', 'a\nb', 'a\0b', 'ä', 'x'.repeat(65), '../etc', 'a|b', '{x}']) {
    const client = new Client(gateway.port, { query: { playerId } });
    const status = await client.opened.then(() => 101, (error) => error.status);
    // Control characters do not even make a readable request line.
    if (status !== 101 && /[\n\0]/.test(playerId)) continue;
    assert.equal(status, 101);
    assert.equal((await client.closed).code, 4001, JSON.stringify(playerId));
    assert.equal(client.all('error')[0].data.code, 'BAD_REQUEST');
    assert.equal(client.all('welcome').length, 0);
  }
  assert.ok(!gateway.log.includes('a\nb'));
  const fine = await fleet.client(gateway, `A.b_c:-${'9'.repeat(57)}`);
  assert.equal(fine.welcome.playerId.length, 64);
  const named = await fleet.client(gateway, {});
  assert.match(named.welcome.playerId, /^[\w.:-]{1,64}$/);
});

fleetTest('a hello that does not come closes the connection', async (fleet) => {
  const gateway = await fleet.gateway({ env: { HELLO_MS: 500 } });
  const silent = await fleet.client(gateway, { hello: true });
  assert.equal((await silent.closed).code, 4004);
  const polite = await fleet.client(gateway, { hello: true, playerId: 'not this one' });
  await polite.send('hello', { playerId: 'ann' });
  assert.equal((await polite.next('welcome')).data.playerId, 'ann');
  assert.equal((await polite.fails('hello', { playerId: 'bob' })).code, 'BAD_REQUEST');
  const early = await fleet.client(gateway, { hello: true });
  assert.equal((await early.fails('joinMatchmaking', { level: 1 })).code, 'BUSY');
});

fleetTest('the handshake: path, method, version, subprotocol, origin', async (fleet) => {
  const gateway = await fleet.gateway({ env: { ALLOWED_ORIGINS: 'https://good.example' } });
  const open = (where, options) => Client.open(where, options).then((c) => (c.drop(), 101), (e) => e.status ?? e.message);
  assert.equal(await open(gateway.port, { headers: { origin: 'https://good.example' } }), 101);
  assert.equal(await open(gateway.port, { headers: { origin: 'https://evil.example' } }), 403);
  const origin = { headers: { origin: 'https://good.example' } };
  assert.equal(await open(`ws://127.0.0.1:${gateway.port}/elsewhere`, origin), 404);
  assert.equal(await open(gateway.port, { ...origin, protocols: ['matchgate.v1.json'] }), 101);
  assert.equal(await open(gateway.port, { ...origin, protocols: ['other'] }), 400);
  const upgrade = 'Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: https://good.example\r\n';
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  const version = 'Sec-WebSocket-Version: 13\r\n';
  assert.match(await exchange(gateway, `GET /ws HTTP/1.1\r\n${upgrade}${key}${version}\r\n`), /^HTTP\/1.1 101/);
  assert.match(await exchange(gateway, `POST /ws HTTP/1.1\r\n${upgrade}${key}${version}\r\n`), /^HTTP\/1.1 405/);
  const old = upgrade + key + version.replace('13', '12');
  assert.match(await exchange(gateway, `GET /ws HTTP/1.1\r\n${old}\r\n`), /^HTTP\/1.1 426/);
  assert.match(await exchange(gateway, `GET /ws HTTP/1.0\r\n${upgrade}${key}${version}\r\n`), /^HTTP\/1.[01] (400|426|505)/);
  assert.match(await exchange(gateway, `GET /ws HTTP/1.1\r\nHost: x\r\n\r\n`), /^HTTP\/1.1 (400|426)/);
  assert.match(await exchange(gateway, 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'), /^(HTTP\/1.[01] 4|$)/);
  assert.match(await exchange(gateway, '\x16\x03\x01 garbage\r\n\r\n'), /^(HTTP\/1.[01] 4|$)/);
});

// The first bytes of the answer to raw bytes; '' when the line is just cut.
function exchange(gateway, text) {
  return new Promise((done) => {
    let got = '';
    const socket = net.connect(gateway.port, '127.0.0.1', () => socket.write(text));
    const end = () => (socket.destroy(), done(got));
    socket.on('data', (chunk) => ((got += chunk), got.includes('\r\n') && end()));
    socket.on('error', end);
    socket.on('close', end);
  });
}

fleetTest('messages faster than the limit are refused, far too many close', async (fleet) => {
  const { ann } = await one(fleet);
  const replies = await Promise.all(Array.from({ length: 150 }, () => ann.request('ping', {})));
  const refused = replies.filter((reply) => !reply.ok);
  assert.ok(refused.length >= 20 && refused.length <= 50, `${refused.length} of 150 refused`);
  for (const { error } of refused) {
    assert.equal(error.code, 'RATE_LIMITED');
    assert.equal(error.retryable, true);
    assert.ok(error.retryAfterMs > 0);
  }
  for (let i = 0; i < 500; i++) ann.tell('ping');
  assert.equal((await ann.closed).code, 4101);
  assert.equal(ann.all('goodbye').at(-1).data.code, 4101);
});

fleetTest('a client that never reads is closed, and the room does not wait for it', async (fleet) => {
  const gateway = await fleet.gateway({ env: { OUTBOX_MAX_BYTES: 65536, MESSAGES_PER_SECOND: 0, ROOM_SEATS: 3 } });
  const ann = await fleet.client(gateway, 'ann');
  const bob = await fleet.client(gateway, 'bob');
  const slow = await fleet.client(gateway, 'slow');
  const { roomId } = await fleet.match(ann, bob, slow);
  slow.pause();
  const message = 'x'.repeat(8000);
  const away = bob.next('opponentDisconnected', { timeoutMs: 30000 });
  let sent = 0;
  let over = false;
  away.then(() => (over = true), () => (over = true));
  for (; sent < 5000 && !over; sent++) await ann.send('gameMessage', { roomId, message });
  assert.equal((await away).data.playerId, 'slow');
  await waitFor(() => bob.all('gameMessage').length === sent, { what: 'bob to have every message' });
  const closed = (await gateway.metrics()).value('matchgate_connections_closed_total', { code: '4102' });
  assert.equal(closed, 1);
});

fleetTest('more connections than allowed are refused at the door', async (fleet) => {
  const gateway = await fleet.gateway({ env: { MAX_CONNECTIONS: 3 } });
  for (const name of ['a', 'b', 'c']) await fleet.client(gateway, name);
  await assert.rejects(Client.open(gateway.port, { playerId: 'd' }), /was closed with 4100/); // capacity.test.mjs has the rest
});
