// The stock socket.io-client against real gateways, alone and with native clients in one room.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { fleetTest, waitFor } from '../lib/fleet.mjs';
import { Raw, SocketIo, mixed, sio } from '../lib/socketio.mjs';

function jwt(secret, sub) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub })}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

fleetTest('a Socket.IO player and a native one meet and talk, on two instances', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const { ann, bob, room, found } = await mixed(fleet, a, b);
  assert.equal(found.data.opponentId, 'bob');
  assert.equal(ann.all('welcome')[0].data.playerId, 'ann');
  assert.equal(ann.socket.id, ann.all('welcome')[0].data.socketId);
  assert.equal(ann.all('waiting')[0].data.level, 7);
  assert.equal(found.offset, `${room}/1/1`);

  const reply = await ann.ask('gameMessage', { roomId: room, message: { move: 'e4' } });
  const heard = await bob.next('gameMessage');
  assert.deepEqual(heard.data, { roomId: room, sender: ann.socket.id, playerId: 'ann', message: { move: 'e4' } });
  assert.equal(heard.seq, reply.seq);

  await bob.send('gameMessage', { roomId: room, message: ['e5', 1e3] });
  const answer = await ann.next('gameMessage');
  assert.equal(answer.data.playerId, 'bob');
  assert.deepEqual(answer.data.message, ['e5', 1000]);
  assert.equal(answer.offset, `${room}/1/${reply.seq + 1}`);

  ann.socket.emit('gameMessage', { roomId: room, message: 'without ack' }); // echoed, as to native clients
  assert.equal((await ann.next('gameMessage')).data.message, 'without ack');
  await bob.next('gameMessage');
  ann.socket.emit('gameMessage', { roomId: room, message: 'quick', volatile: true });
  const quick = await bob.next('gameMessage');
  assert.deepEqual([quick.data.message, quick.seq], ['quick', undefined]);
  await bob.send('gameMessage', { roomId: room, message: 'quick too', volatile: true });
  assert.deepEqual((await ann.next('gameMessage')).args.length, 1);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('identity: auth object, query, tokens; what is wrong with them is said', async (fleet) => {
  const secret = 'not-a-real-secret-0123456789';
  const [open, signed] = [await fleet.gateway({}), await fleet.gateway({ env: { AUTH_JWT_SECRET: secret } })];
  const welcome = async (client) => (await client.next('welcome')).data.playerId;
  assert.equal(await welcome(await sio(fleet, open, 'ann')), 'ann');
  assert.equal(await welcome(await sio(fleet, open, {}, { query: { playerId: 'bob' } })), 'bob');
  assert.match(await welcome(await sio(fleet, open, undefined)), /^p_/);
  assert.equal(await welcome(await sio(fleet, signed, { token: jwt(secret, 'ann') })), 'ann');
  assert.equal(await welcome(await sio(fleet, signed, {}, { query: { token: jwt(secret, 'bob') } })), 'bob');

  const refused = async (where, auth) => {
    const client = new SocketIo(where, auth);
    fleet.keep(client);
    const error = await waitFor(() => client.errors[0], { what: 'connect_error' });
    await waitFor(() => !client.socket.active, { what: 'the client to give up' }); // it would only ask again
    return error;
  };
  const missing = await refused(signed, {});
  assert.equal(missing.data.code, 'UNAUTHORIZED');
  assert.match(missing.message, /token/);
  assert.equal((await refused(signed, { token: jwt('another-secret-0123456789', 'ann') })).data.code, 'UNAUTHORIZED');
  assert.equal((await refused(open, { playerId: 'a b' })).data.code, 'BAD_REQUEST');
  assert.equal((await refused(open, { playerId: 7 })).data.code, 'BAD_REQUEST');
});

fleetTest('acknowledgements and errors', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const { ann, bob, room } = await mixed(fleet, a, b);
  assert.equal((await ann.fails('joinMatchmaking', { level: 7 })).code, 'ALREADY_IN_MATCH');
  assert.equal((await ann.fails('gameMessage', { roomId: 'r_other', message: 1 })).code, 'ROOM_NOT_FOUND');
  assert.equal((await ann.fails('gameMessage', { roomId: room })).code, 'BAD_REQUEST');
  assert.equal((await ann.fails('gameMessage', 'hello')).code, 'BAD_REQUEST');
  assert.equal((await ann.fails('nonsense', {})).code, 'UNKNOWN_EVENT');
  for (const call of ['cleanupQueue', 'clearStuckRooms']) assert.equal((await ann.fails(call, { action: 'clear' })).code, 'FORBIDDEN');
  const two = await ann.socket.timeout(5000).emitWithAck('gameMessage', room, 'hello');
  assert.equal(two.error.code, 'BAD_REQUEST');
  assert.match(two.error.message, /one object/);

  ann.socket.emit('gameMessage', { roomId: 'r_other', message: 1 }); // no callback: the error is an event
  assert.equal((await ann.next('error')).data.code, 'ROOM_NOT_FOUND');
  assert.deepEqual(await ann.ask('updateGameData', { roomId: room, gameData: { n: 1 }, expectedVersion: 0 }), { version: 1, seq: 3 });
  const stale = await ann.fails('updateGameData', { roomId: room, gameData: 1, expectedVersion: 0 });
  assert.deepEqual([stale.code, stale.version], ['STALE_VERSION', 1]);
  assert.ok((await ann.ask('ping')).serverTime > 0);
  assert.ok((await ann.ask('ping', [1, 'x'])).serverTime > 0);
  await bob.next('gameDataUpdated');
  redis.stop();
  await assert.rejects(ann.socket.timeout(100).emitWithAck('gameMessage', { roomId: room, message: 'late' }), /timed out/);
  redis.cont();
  assert.equal((await bob.next('gameMessage')).data.message, 'late'); // done all the same; its answer is not waited for
  await ann.ask('endGame', { roomId: room, result: 'draw' });
  await bob.send('endGame', { roomId: room, result: 'draw' });
  const end = await ann.next('gameEnd');
  assert.equal(end.data.result, 'draw');
  assert.equal((await ann.next('roomCleanup')).offset, '-');
});

fleetTest('what binary arguments, another parser and other namespaces are told', async (fleet) => {
  const gateway = await fleet.gateway({});
  const ann = await sio(fleet, gateway, 'ann');
  const binary = await ann.request('gameMessage', { roomId: 'r', message: Buffer.from('abc') });
  assert.equal(binary.error.code, 'BAD_REQUEST');
  assert.match(binary.error.message, /base64/);
  ann.socket.emit('gameMessage', { roomId: 'r', message: new Uint8Array(10) });
  assert.match((await ann.next('error')).data.message, /base64/);
  assert.ok((await ann.ask('ping')).serverTime > 0); // the attachments were thrown away, the connection lives

  const admin = ann.socket.io.socket('/admin');
  const refused = await new Promise((done) => admin.on('connect_error', done));
  assert.equal(refused.message, 'Invalid namespace');
  assert.ok((await ann.ask('ping')).serverTime > 0);

  const raw = await Raw.open(fleet, gateway);
  await raw.next();
  raw.ws.send(Buffer.from([0x83, 0xa4])); // msgpack's CONNECT
  assert.deepEqual([(await raw.closed()).code, /parser/.test(raw.end.reason)], [1003, true]);
});

fleetTest('the calls of the original front end', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const [ann, bob] = [await sio(fleet, a, 'ann'), await sio(fleet, b, {}, { query: { playerId: 'bob' } })];
  const queueUp = (client, playerId) =>
    client.socket.emit('joinMatchmaking', {
      addToQueue: { playerId, playerSetup: { socketId: client.socket.id, playerId, fields: '{}' }, nonce: 0, signature: {}, setupProof: '' },
    });
  queueUp(ann, 'ann');
  assert.equal((await ann.next('waiting')).data.position, 1);
  queueUp(bob, 'bob');
  const [hers, his] = [await ann.next('matchFound'), await bob.next('matchFound')];
  const { roomId } = hers.data;
  assert.deepEqual([hers.data.opponentId, his.data.opponentId, his.data.roomId], ['bob', 'ann', roomId]);
  for (const client of [ann, bob]) client.socket.emit('confirmJoined', { roomId, playerId: client === ann ? 'ann' : 'bob' });
  await Promise.all([ann.next('gameStart'), bob.next('gameStart')]);

  ann.socket.emit('gameMessage', { roomId, message: 'hi' });
  assert.equal((await bob.next('gameMessage')).data.message, 'hi');
  ann.socket.emit('updatePlayerState', { roomId, playerId: 'ann', state: { hp: 90 } });
  assert.deepEqual((await ann.next('playerStateUpdated')).data.state, { hp: 90 });
  assert.deepEqual((await bob.next('playerStateUpdated')).data, { roomId, playerId: 'ann', state: { hp: 90 }, version: 1 });
  bob.socket.emit('getGameState', { roomId });
  const state = (await bob.next('gameState')).data;
  assert.equal(state.roomId, roomId);
  assert.deepEqual(state.state.players.map((player) => [player.id, player.state]), [
    ['ann', { hp: 90 }],
    ['bob', {}],
  ]);
  assert.deepEqual((await bob.ask('getGameState', { roomId })).state.roomId, roomId);
  bob.cut();
  assert.equal((await ann.next('opponentDisconnected')).data.playerId, 'bob');
});

fleetTest('final ends: the second connection of a player stops the first for good', async (fleet) => {
  const gateway = await fleet.gateway({});
  const first = await sio(fleet, gateway, 'ann');
  const second = await fleet.client(gateway, 'ann'); // a native one
  await waitFor(() => first.disconnects.length, { what: 'the first one to be sent away' });
  assert.equal(first.disconnects[0][0], 'io server disconnect');
  assert.equal((await first.next('goodbye')).data.code, 4005);
  assert.equal(first.socket.active, false);
  await second.send('ping', {});
});

fleetTest('heartbeats: a client that does nothing stays, also while it only listens', async (fleet) => {
  const gateway = await fleet.gateway({ env: { PING_MS: 200, PONG_WAIT_MS: 20000 } });
  const ann = await sio(fleet, gateway, 'ann');
  let pings = 0;
  ann.socket.io.on('ping', () => pings++);
  const talk = setInterval(() => ann.socket.emit('ping', {}), 50); // what it says does not put pings off
  await waitFor(() => pings >= 10, { what: 'ten pings' });
  clearInterval(talk);
  assert.equal(ann.disconnects.length, 0);

  const strict = await fleet.gateway({ env: { PING_MS: 200, PONG_WAIT_MS: 300 } });
  const raw = await Raw.open(fleet, strict);
  const hello = JSON.parse((await raw.next()).slice(1));
  assert.deepEqual(hello, { sid: hello.sid, upgrades: [], pingInterval: 200, pingTimeout: 300, maxPayload: 16384 });
  raw.ws.send('40');
  assert.equal((await raw.closed()).code, 4201); // it never says 3
  assert.ok(raw.texts.includes('2'));
});

fleetTest('rate and size are those of native clients', async (fleet) => {
  const gateway = await fleet.gateway({ env: { MESSAGES_PER_SECOND: 10, MESSAGES_BURST: 20 } });
  const ann = await sio(fleet, gateway, 'ann');
  const replies = await Promise.all(Array.from({ length: 60 }, () => ann.request('ping')));
  const limited = replies.filter((reply) => !reply.ok);
  assert.ok(limited.length >= 30, `${limited.length} limited`);
  assert.ok(limited.every(({ error }) => error.code === 'RATE_LIMITED' && error.retryAfterMs > 0));
  const bob = await sio(fleet, gateway, 'bob', { reconnection: false });
  bob.socket.emit('gameMessage', { roomId: 'r', message: 'x'.repeat(20000) });
  const [reason, details] = await bob.gone();
  assert.equal(reason, 'transport close');
  assert.deepEqual([details.context.code, /messageMaxBytes/.test(details.context.reason)], [1009, true]);
});

fleetTest('four in a room, two of each kind on two instances: one order for all', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { ROOM_SEATS: 4 } });
  const [ann, bob] = [await sio(fleet, a, 'ann'), await sio(fleet, b, 'bob')];
  const [cid, dan] = [await fleet.client(a, 'cid'), await fleet.client(b, 'dan')];
  for (const client of [ann, bob]) await client.ask('joinMatchmaking', { level: 4 });
  for (const client of [cid, dan]) await client.send('joinMatchmaking', { level: 4 });
  const { roomId } = (await ann.next('gameStart')).data;
  await Promise.all([bob.next('gameStart'), cid.next('gameStart'), dan.next('gameStart')]);
  for (let i = 0; i < 20; i++) {
    ann.socket.emit('gameMessage', { roomId, message: `ann ${i}` }); // without callback or id: all are told, the sender, too
    bob.socket.emit('gameMessage', { roomId, message: `bob ${i}` });
    cid.tell('gameMessage', { roomId, message: `cid ${i}` });
    dan.tell('gameMessage', { roomId, message: `dan ${i}` });
  }
  const everybody = [ann, bob, cid, dan];
  await waitFor(() => everybody.every((client) => client.all('gameMessage').length === 80), { what: '80 messages at all four' });
  const seen = (client) => client.all('gameMessage').map(({ data, offset, seq }) => [seq ?? Number(offset.split('/')[2]), data.message]);
  for (const client of [bob, cid, dan]) assert.deepEqual(seen(client), seen(ann));
});

fleetTest('a full instance: the client goes on trying, and comes in when there is room', async (fleet) => {
  const gateway = await fleet.gateway({ env: { MAX_CONNECTIONS: 1 } });
  const ann = await sio(fleet, gateway, 'ann');
  const bob = new SocketIo(gateway, 'bob');
  fleet.keep(bob);
  let closed = 0;
  bob.socket.io.on('close', () => closed++);
  await waitFor(() => closed + bob.errors.length >= 2, { what: 'two vain attempts' });
  assert.equal(bob.connects.length, 0);
  assert.ok(bob.socket.active);
  ann.close();
  await bob.connected();
});

fleetTest('figures: connections by dialect', async (fleet) => {
  const gateway = await fleet.gateway({});
  const count = async (dialect) => (await gateway.metrics()).value('matchgate_connections_by_dialect', { dialect });
  const ann = await sio(fleet, gateway, 'ann');
  await fleet.client(gateway, 'bob');
  assert.deepEqual([await count('socketio'), await count('native')], [1, 1]);
  ann.close();
  await waitFor(async () => (await count('socketio')) === 0, { what: 'the figure to fall' });
});
