// Socket.IO's wire as it is: handshakes that are refused, packets that are none, and what they are told.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { Client, fleetTest, request, waitFor } from '../lib/fleet.mjs';
import { Raw } from '../lib/socketio.mjs';

fleetTest('handshakes that cannot succeed are told why, in the words of Engine.IO', async (fleet) => {
  const gateway = await fleet.gateway({ env: { ALLOWED_ORIGINS: 'https://game.example' } });
  const ask = async (query, options) => {
    const answer = await gateway.get(`/socket.io/${query}`, options);
    assert.equal(answer.headers['access-control-allow-origin'], '*'); // or no page could read it
    return { status: answer.status, ...answer.json() };
  };
  const polling = await ask('?EIO=4&transport=polling');
  assert.deepEqual([polling.status, polling.code, polling.message], [400, 0, 'Transport unknown']);
  assert.match(polling.hint, /transports: \["websocket"\]/);
  assert.equal((await ask('?EIO=4')).code, 0);
  assert.equal((await ask('?EIO=4&transport=polling', { method: 'POST', body: '40' })).code, 0);
  const old = await ask('?EIO=3&transport=polling');
  assert.deepEqual([old.code, old.message], [5, 'Unsupported protocol version']);
  assert.equal((await ask('?transport=websocket')).code, 5);
  assert.equal((await ask('')).code, 5);
  assert.equal((await ask('?EIO=4&transport=websocket&sid=x')).code, 1);
  assert.deepEqual((await ask('?EIO=4&transport=websocket')).code, 3);

  const upgrade = async (path, headers = { origin: 'https://game.example' }) => {
    const client = new Client(`ws://127.0.0.1:${gateway.port}${path}`, { headers });
    const error = await client.opened.then(
      () => null,
      (refused) => refused,
    );
    return error ? { status: error.status, ...JSON.parse(await error.body) } : null;
  };
  assert.equal((await upgrade('/socket.io/?EIO=3&transport=websocket')).code, 5);
  assert.equal((await upgrade('/socket.io/?EIO=4&transport=polling')).code, 0);
  assert.equal((await upgrade('/socket.io/?EIO=4&transport=websocket&sid=abc')).code, 1);
  const origin = await upgrade('/socket.io/?EIO=4&transport=websocket', { origin: 'https://evil.example' });
  assert.deepEqual([origin.status, origin.error.code], [403, 'FORBIDDEN']);
  assert.match(origin.error.message, /ALLOWED_ORIGINS/);
  const path = await upgrade('/socketio/?EIO=4&transport=websocket');
  assert.deepEqual([path.status, /\/socket\.io\//.test(path.error.message)], [404, true]);
  const metrics = await gateway.metrics();
  assert.equal(metrics.value('matchgate_handshakes_refused_total', { reason: 'engine_transport' }), 4);
});

fleetTest('switched off: the path does not exist', async (fleet) => {
  const gateway = await fleet.gateway({ env: { SOCKET_IO: 'false' } });
  assert.equal((await gateway.get('/socket.io/?EIO=4&transport=polling')).status, 404);
  const client = new Client(`ws://127.0.0.1:${gateway.port}/socket.io/?EIO=4&transport=websocket`);
  await assert.rejects(client.opened, (error) => error.status === 404);
});

fleetTest('what is no packet ends the connection with 1002, before and behind CONNECT', async (fleet) => {
  const gateway = await fleet.gateway({});
  const texts = ['', '4', '4abc', '42', '42{}', '42abc["ping"]', '42"ping"', '5', '6', '2', '2probe', '0{}', '9', '44{}', '47[]', '40[]', '41x', '45["x"]'];
  texts.push('459999-["x"]', '42/admin,["ping"]', '{"event":"ping","id":1}', 'hello', '41/'.padEnd(200, 'x'));
  for (const text of texts)
    for (const connected of [false, true]) {
      const raw = await Raw.open(fleet, gateway);
      if (connected) assert.match(await raw.connect({ playerId: 'ann' }), /^40\{"sid":"[\w-]+","pid":"[\w~-]+"\}$/);
      raw.ws.send(text);
      const { code, reason } = await raw.closed();
      assert.equal(code, 1002, `${text} ${connected}`);
      assert.ok(reason.length > 20, reason);
    }
  const early = await Raw.open(fleet, gateway);
  early.ws.send('42["ping"]');
  assert.match((await early.closed()).reason, /CONNECT/);
  const twice = await Raw.open(fleet, gateway);
  await twice.connect({ playerId: 'ann' });
  twice.ws.send('40');
  assert.equal((await twice.closed()).code, 1002);
  const silent = await fleet.gateway({ env: { HELLO_MS: 200 } });
  assert.equal((await (await Raw.open(fleet, silent)).closed()).code, 4004);
});

fleetTest('a packet with bad JSON is answered, and the connection lives', async (fleet) => {
  const gateway = await fleet.gateway({});
  const raw = await Raw.open(fleet, gateway);
  await raw.connect({ playerId: 'ann' });
  const deep = (n) => '['.repeat(n) + ']'.repeat(n);
  const bad = ['[]', '[', '[1]', '[""]', '["ping"', '["ping",]', '["ping" 1]', '["ping",1,2]', '["gameMessage",1]', '["gameMessage",[]]'];
  bad.push('["gameMessage",{"a":01}]', '["gameMessage",{"a":"\\ud800"}]', '["gameMessage",{"a":"\\u0000"}]', '["p\\u0069ng"]', `["${'x'.repeat(65)}"]`);
  bad.push(`["gameMessage",{"message":${deep(31)}}]`, `["ping",${deep(2000)}]`, '["joinMatchmaking",{"level":"2"}]');
  for (const payload of bad) {
    raw.ws.send(`427${payload}`);
    const answer = JSON.parse((await raw.next()).replace(/^437/, ''));
    assert.deepEqual([answer[0].ok, answer[0].error.code], [false, 'BAD_REQUEST'], payload.slice(0, 60));
    raw.ws.send(`42${payload}`);
    const event = JSON.parse((await raw.next()).slice(2));
    assert.deepEqual([event[0], event[1].code], ['error', 'BAD_REQUEST'], payload.slice(0, 60));
    await new Promise((done) => setImmediate(done));
  }
  raw.ws.send('420["ping"]');
  assert.match(await raw.next(), /^430\[\{"ok":true,"data":\{"serverTime":\d+\}\}\]$/);
  raw.ws.send('430[1]'); // an acknowledgement that nobody asked for
  raw.ws.send('3');
  raw.ws.send(Buffer.from('not announced'));
  assert.equal((await raw.closed()).code, 1003);
});

fleetTest('CONNECT: refused with 44, DISCONNECT and CONNECT again, 1', async (fleet) => {
  const gateway = await fleet.gateway({ env: { PING_MS: 300, GRACE_MS: 1000 } });
  const raw = await Raw.open(fleet, gateway);
  assert.match(await raw.next(), /^0\{/);
  for (const auth of [{ playerId: 7 }, { playerId: ['x'] }, { playerId: 'ann', pid: {} }]) {
    raw.ws.send(`40${JSON.stringify(auth)}`);
    assert.match(await raw.next(), /^44\{"message":"[^"]{20,}","data":\{"code":"BAD_REQUEST"/);
  }
  raw.ws.send('40{"playerId":"ann","playerId":"bob"}');
  assert.match(await raw.next(), /^44/);
  raw.ws.send('40/admin,{"x":1}');
  assert.equal(await raw.next(), '44/admin,{"message":"Invalid namespace"}');
  raw.ws.send('40{"playerId":"ann"}');
  assert.match(await raw.next(), /^40\{/);
  assert.match(await raw.next(), /^42\["welcome",\{.*"playerId":"ann"/);
  const sessions = async () => (await gateway.metrics()).value('matchgate_sessions');
  raw.ws.send('41');
  await waitFor(async () => (await sessions()) === 0, { what: 'the session to end' });
  const pings = raw.texts.filter((text) => text === '2').length;
  raw.ws.send('3');
  await waitFor(() => raw.texts.filter((text) => text === '2').length > pings, { what: 'the connection to be pinged all the same' });
  raw.ws.send('3');
  raw.ws.send('40{"playerId":"bob"}');
  assert.match(await raw.next(), /^40\{/);
  assert.match(await raw.next(), /^42\["welcome",\{.*"playerId":"bob"/);
  raw.ws.send('1');
  assert.equal((await raw.closed()).code, 1000);
  await waitFor(async () => (await sessions()) === 0, { what: 'that session to end, too' });
});

fleetTest('a foreign event with a text for its data does not pass for an offset', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const ann = await Raw.open(fleet, a);
  await ann.connect({ playerId: 'ann' });
  const bob = await fleet.client(b, 'bob');
  ann.ws.send('420["joinMatchmaking",{"level":1}]');
  await bob.send('joinMatchmaking', { level: 1 });
  const { room } = await bob.next('gameStart');
  await waitFor(() => ann.texts.some((text) => text.startsWith('42["gameStart"')), { what: 'the start' });
  await redis.command('PUBLISH', 'room_events', JSON.stringify({ roomId: room, event: 'weather', data: 'rain', originInstanceId: 'me', timestamp: 1 }));
  await waitFor(() => ann.texts.includes('42["weather","rain",null]'), { what: 'the weather' });
  assert.equal((await bob.next('weather')).data, 'rain');
  assert.ok(ann.texts.includes(`42["gameStart",{"roomId":"${room}"},"${room}/1/2"]`), ann.texts.join('\n'));
});

// Packets of all kinds, damaged, from a printed seed: nobody else notices, and the process lives.
fleetTest('damaged packets harm nobody', async (fleet) => {
  const gateway = await fleet.gateway({ env: { MESSAGES_PER_SECOND: 0 } });
  const seed = Number(process.env.MG_SEED ?? Date.now() % 1e9);
  console.log(`MG_SEED=${seed}`);
  let count = 0;
  const random = (n) => createHmac('sha256', String(seed)).update(String(count++)).digest().readUInt32LE(0) % n;
  const seeds = ['40{"playerId":"p"}', '41', '42["ping",{}]', '427["joinMatchmaking",{"level":3}]', '3', '451-["x",{"_placeholder":true,"num":0}]', '1', '43[]'];
  const pieces = ['"', '[', ']', '{', '}', ',', '4', '40', '/x,', '0', '-', '\\', 'é', '[[[[[['];
  const witness = await fleet.client(gateway, 'witness');
  for (let round = 0; round < 60; round++) {
    const raw = await Raw.open(fleet, gateway);
    if (random(4)) await raw.connect({ playerId: `p${random(5)}` }).catch(() => {});
    for (let i = 0; i < 10 && !raw.end; i++) {
      let text = seeds[random(seeds.length)];
      for (let n = random(3); n > 0; n--) {
        const at = random(text.length + 1);
        text = random(2) ? text.slice(0, at) + pieces[random(pieces.length)] + text.slice(at) : text.slice(0, at);
      }
      raw.ws.send(random(20) ? text : Buffer.from(text));
    }
    raw.ws.terminate();
    await witness.send('ping', {});
  }
});
