// Regressions: what anybody may have written into Redis or said on its channels. Nothing of it may end a process, stop the
// timers and sweeps of others, or take the place of the real thing.
// Takes 22 s.
import assert from 'node:assert/strict';
import { fleetTest, now, request, stays, waitFor } from '../lib/fleet.mjs';

const LONG = 'x'.repeat(90); // ids have at most 64 characters
const TOKEN = 'a-token-for-tests';

async function pair(fleet, env) {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  return { redis, a, b, ann, bob, ...(await fleet.match(ann, bob)) };
}

async function talk(from, to, roomId, message) {
  const { seq } = await from.send('gameMessage', { roomId, message });
  assert.equal((await to.next('gameMessage', { filter: (push) => push.data.message === message })).seq, seq);
}

fleetTest('a number from an origin that does not live does not displace the real event', async (fleet) => {
  const { redis, ann, bob, roomId } = await pair(fleet);
  let { seq } = await ann.send('gameMessage', { roomId, message: 'first' });
  for (const originInstanceId of ['1-1', 'not one of ours', LONG, '']) {
    for (const event of ['gameMessage', 'gameEnd', 'roomCleanup', 'playerLeft', 'matchCancelled', 'matchFound']) {
      const forged = { roomId, event, data: { roomId, playerId: 'bob', message: 'forged' }, originInstanceId, timestamp: 1 };
      await redis.command('PUBLISH', 'room_events', JSON.stringify({ ...forged, seq: seq + 1 }));
      const message = `real ${event} ${originInstanceId}`;
      await talk(ann, bob, roomId, message);
      seq++;
      await redis.command('PUBLISH', 'room_events', JSON.stringify({ ...forged, seq: seq + 2 }));
      await talk(bob, ann, roomId, message);
      seq++;
    }
  }
  for (const client of [ann, bob]) {
    const numbered = client.pushes.filter((push) => push.seq !== undefined);
    assert.ok(numbered.every((push) => push.data.message !== 'forged' && push.event !== 'gameEnd'));
    assert.equal(client.close, null);
  }
  assert.deepEqual(await fleet.audit(redis), []);
});

// With the id of a living instance anything can be forged in a room; but a process has to survive it.
fleetTest('garbage with a living origin: the room it names may suffer for a while, nobody else', async (fleet) => {
  const { redis, a, b, ann, bob, roomId } = await pair(fleet, { MESSAGES_PER_SECOND: 0 });
  const origin = ann.welcome.instanceId; // so b has to deal with it
  const events = ['matchFound', 'matchCancelled', 'gameStart', 'opponentDisconnected', 'opponentReconnected', 'playerLeft'];
  events.push('gameMessage', 'sessionReplaced', 'roomCleanup', 'gameEnd', 'x');
  const seats = (n, id) => Array.from({ length: n }, (_, i) => `${id}${i}|${origin}|s_${i}`).join(' ');
  const additions = (joe) => [
    {},
    { data: {} },
    { data: { playerId: LONG }, place: joe.playerId },
    { data: { roomId: 7, playerId: 7, level: 1e300 }, place: '| || |||' },
    { data: { playerId: joe.playerId, socketId: 'x' }, place: seats(70, 'p') },
    { data: { level: -1 }, place: `${joe.playerId}|${joe.welcome.instanceId}|${joe.welcome.socketId}`, skip: LONG },
    { data: [], requeued: `${LONG} ${joe.playerId}  ` },
    { data: { playerId: joe.playerId, socketId: joe.welcome.socketId }, place: seats(3, LONG), requeued: joe.playerId },
  ];
  const victims = [];
  for (const event of events)
    for (let i = 0; i < additions(bob).length; i++) {
      const [eve, joe] = [await fleet.client(a, `eve${victims.length}`), await fleet.client(b, `joe${victims.length}`)];
      const victim = (await fleet.match(eve, joe)).roomId;
      victims.push([eve, victim], [joe, victim]);
      for (const room of [victim, 'r_unknown', ''])
        for (const seq of [3, undefined, 1, 4e15]) {
          const text = { roomId: room, event, originInstanceId: origin, timestamp: 1, seq, ...additions(joe)[i] };
          await redis.command('PUBLISH', 'room_events', JSON.stringify(text));
        }
    }
  await talk(ann, bob, roomId, 'untouched');
  await talk(bob, ann, roomId, 'untouched too');
  for (const gateway of [a, b]) assert.equal((await gateway.get('/health')).status, 200);
  const next = [await fleet.client(a, 'kim'), await fleet.client(b, 'lee')];
  await talk(...next, (await fleet.match(...next)).roomId, 'hi');
  // The store never changed, and the players in question are brought in line with it.
  const inRoom = async ([client, victim]) => {
    const { ok } = await client.request('gameMessage', { roomId: victim, message: 'v', volatile: true });
    return ok;
  };
  const settled = (one) => waitFor(() => inRoom(one), { what: `${one[0].name} to be in the room`, timeoutMs: 20000, stepMs: 200 });
  await Promise.all(victims.map(settled));
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('records and lists full of garbage: no abort, and others are matched', async (fleet) => {
  const redis = await fleet.redis();
  const env = { CONFIRM_MS: 500, GRACE_MS: 500, ADMIN_TOKEN: TOKEN };
  const [a, b] = await fleet.gateways(2, { redis, env });
  const cli = await redis.cli();
  const host = await fleet.client(a, 'host');
  const here = host.welcome.instanceId;
  const records = {
    evil1: `room|1|1|t|1|${LONG}|s|${here}`,
    evil2: `room|1|1|${LONG}|1|r_gone||`,
    evil3: `queued|1|1|${LONG}|1||s|${here}`,
    evil4: `queued|1|99999999999999999999|t|1||s|${here}`,
    evil5: `idle|1|||0||${LONG}|${LONG}`,
    evil6: `room|1|7|t|1|r_half|s|${here}`,
    evil7: 'dancing|1|1|t|1|r||',
    evil8: `room|1|1|t|1|${'r'.repeat(600)}||`,
    evil9: '',
  };
  for (const [player, text] of Object.entries(records)) await cli.command('HSET', 'players', player, text);
  await cli.command('HSET', 'room:r_half', 'status', 'active', 'seq', 'many', 'seats', 'evil6 nobody');
  const mapping = (socketId, playerId) => JSON.stringify({ socketId, instanceId: here, roomId: null, playerId });
  await cli.command('HSET', 'socket_mappings', LONG, mapping(LONG, 'p'), 's_long', mapping('s_long', LONG), 's_bad', '{');
  await cli.command('SADD', `instance:${here}:sockets`, LONG, 's_long', 's_bad');
  // A ghost in the queue that looks alive, under a name that is too long, and names that nobody has.
  await cli.command('HSET', 'players', LONG, `queued|1|1|t|1||s_ghost|${here}`);
  await cli.command('RPUSH', 'waiting:level:1', '', 'a b', LONG.repeat(4), LONG, 'evil3', 'evil9');
  await cli.command('SADD', 'waiting:levels', '1', 'x', LONG);

  for (const player of Object.keys(records)) {
    const evil = await fleet.client(a, { playerId: player, wait: false });
    await waitFor(() => evil.close || evil.all('welcome').length || evil.all('error').length, { what: `an answer to ${player}` });
    if (!evil.close) await evil.request('joinMatchmaking', { level: 9 }).catch(() => {});
    await evil.drop();
  }
  const [ann, bob] = [await fleet.client(a, 'ann'), await fleet.client(b, 'bob')];
  for (const client of [ann, bob]) await client.send('joinMatchmaking', { level: 1 });
  const started = await Promise.all([ann, bob].map((client) => client.next('gameStart', { timeoutMs: 20000 })));
  assert.equal(started[0].room, started[1].room);
  await talk(ann, bob, started[0].room, 'hi');
  for (const gateway of [a, b]) {
    assert.equal((await gateway.get('/health')).status, 200);
    assert.ok([200, 503].includes((await gateway.get('/health/stats')).status));
    assert.equal((await gateway.get('/metrics')).status, 200);
  }
  const headers = { authorization: `Bearer ${TOKEN}` };
  assert.equal((await request(a.port, '/health/cleanup', { method: 'POST', headers })).status, 200);
  await talk(bob, ann, started[0].room, 'still here');
  // Without the garbage, and what it left of its own connections, all is in order.
  await cli.command('HDEL', 'players', ...Object.keys(records), LONG);
  await cli.command('DEL', 'room:r_half');
  await cli.command('SREM', 'waiting:levels', 'x', LONG);
  const mine = [host, ann, bob].map((client) => client.welcome.socketId);
  const noted = [...Object.keys(await cli.hash('socket_mappings')), ...(await cli.command('SMEMBERS', `instance:${here}:sockets`))];
  for (const socket of noted.filter((id) => !mine.includes(id))) {
    await cli.command('HDEL', 'socket_mappings', socket);
    await cli.command('SREM', `instance:${here}:sockets`, socket);
  }
  assert.deepEqual(await fleet.audit(redis), []);
});

const leftovers = {
  'an overlong name': {
    spoil: (cli) => cli.command('HSET', 'socket_mappings', 's_x', mappingOf('s_x', '1-1', LONG)),
    repair: (cli) => cli.command('HDEL', 'socket_mappings', 's_x'),
  },
  'a foreign list': {
    spoil: async (cli) => {
      await cli.command('HSET', 'socket_mappings', 's_x', mappingOf('s_x', '1-1', 'pp'));
      await cli.command('HSET', 'players', 'pp', 'queued|1|7|t|1||s_x|1-1');
      await cli.command('SET', 'waiting:level:7', 'foreign');
    },
    repair: async (cli) => {
      await cli.command('DEL', 'waiting:level:7');
      await cli.command('RPUSH', 'waiting:level:7', 'pp');
      await cli.command('SADD', 'waiting:levels', '7');
    },
  },
};
const mappingOf = (socketId, instanceId, playerId) => JSON.stringify({ socketId, instanceId, roomId: null, playerId });

for (const [what, { spoil, repair }] of Object.entries(leftovers)) {
  fleetTest(`a leftover that cannot be detached (${what}): no hammering, and other dead instances are swept`, async (fleet) => {
    const redis = await fleet.redis();
    const env = { TIMER_POLL_MS: 1000, SWEEP_MS: 500, HEARTBEAT_MS: 500 };
    await fleet.gateways(2, { redis, env });
    const cli = await redis.cli();
    await cli.command('SET', 'fence', 1);
    await spoil(cli);
    await cli.command('SADD', 'instance:1-1:sockets', 's_x');
    await cli.command('SADD', 'instance:2-2:sockets', 's_y');
    await cli.command('HSET', 'players', 'yy', 'idle|1|||0||s_y|2-2');
    await cli.command('HSET', 'socket_mappings', 's_y', mappingOf('s_y', '2-2', 'yy'));
    await cli.command('ZADD', 'instances', 1, '1-1', 2, '2-2');
    const gone = (id) => async () => (await cli.command('ZSCORE', 'instances', id)) === null;
    await waitFor(gone('2-2'), { what: 'the other dead instance to be swept', timeoutMs: 8000 });
    assert.equal(await cli.command('HEXISTS', 'socket_mappings', 's_y'), 0);
    assert.equal(await gone('1-1')(), false);

    const scripts = async () => Number((await cli.command('INFO', 'commandstats')).match(/cmdstat_evalsha:calls=(\d+)/)[1]);
    const before = await scripts();
    const until = now() + 3000;
    await stays(gone('1-1'), { what: 'the retirement of one that is not clean', ms: 3000 });
    const perSecond = ((await scripts()) - before) / ((now() - until + 3000) / 1000);
    assert.ok(perSecond < 40, `${perSecond} scripts a second with two idle gateways`);

    await repair(cli);
    await waitFor(gone('1-1'), { what: 'the dead instance to be swept once repaired', timeoutMs: 15000 });
    assert.deepEqual(await fleet.audit(redis), []);
  });
}

fleetTest('junk in deadlines does not stand in the way of timers', async (fleet) => {
  const redis = await fleet.redis();
  const a = await fleet.gateway({ redis, env: { GRACE_MS: 500 } });
  const [ann, bob] = [await fleet.client(a, 'ann'), await fleet.client(a, 'bob')];
  await fleet.match(ann, bob);
  const junk = Array.from({ length: 250 }, (_, i) => [1, `junk${i}`]).flat();
  junk.push(1, '', 1, 'confirm:r/99999999999999999999:1', 1, `grace:${LONG}/p:1`, 1, 'grace:r/:1', 1, 'idle:r', 1, `${LONG}:r:1`);
  junk.push(1, 'idle:r:99999999999999999999', 1, 'grace:a b/c:1', 1, 'confirm:r/1:1');
  await redis.command('ZADD', 'deadlines', ...junk);
  await ann.drop();
  await bob.next('gameEnd', { timeoutMs: 5000 });
  await waitFor(async () => (await redis.command('ZCARD', 'deadlines')) === 0, { what: 'the junk to go' });
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a foreign waiting:level:0 does not keep the mappings of players who do not wait', async (fleet) => {
  const redis = await fleet.redis();
  const a = await fleet.gateway({ redis, env: { GRACE_MS: 300 } });
  await redis.command('SET', 'waiting:level:0', 'foreign');
  const idle = await fleet.client(a, 'idle');
  const [ann, bob] = [await fleet.client(a, 'ann'), await fleet.client(a, 'bob')];
  await fleet.match(ann, bob);
  for (const client of [idle, ann, bob]) await client.drop();
  const left = async () => (await redis.command('HLEN', 'socket_mappings')) + (await redis.command('HLEN', 'players'));
  await waitFor(async () => (await left()) === 0, { what: 'mappings and records to go', timeoutMs: 5000 });
  await redis.command('DEL', 'waiting:level:0');
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('results count for the size of a room: TOO_LARGE, and the game still ends', async (fleet) => {
  const redis = await fleet.redis();
  const a = await fleet.gateway({ redis, env: { ROOM_RECORD_MAX_BYTES: 4096 } });
  const [ann, bob] = [await fleet.client(a, 'ann'), await fleet.client(a, 'bob')];
  const { roomId } = await fleet.match(ann, bob);
  await ann.send('endGame', { roomId, result: 'x'.repeat(2000) });
  assert.equal((await bob.fails('endGame', { roomId, result: 'y'.repeat(2000) })).code, 'TOO_LARGE');
  assert.equal(bob.all('error').length, 0);
  for (const client of [ann, bob]) await client.send('endGame', { roomId, result: 'draw' });
  assert.equal((await bob.next('gameEnd')).data.result, 'draw');
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('events beyond the log are made up for by a snapshot that also renews status and places', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const env = { ROOM_LOG_MAX: 16, CONFIRM: 'client', CONFIRM_MS: 20000 };
  const a = await fleet.gateway({ redis: line, env });
  const b = await fleet.gateway({ redis, env });
  const [ann, bob] = [await fleet.client(a, 'ann'), await fleet.client(b, 'bob')];
  for (const client of [ann, bob]) await client.send('joinMatchmaking', { level: 1 });
  const { room } = await ann.next('matchFound');
  await ann.send('confirmJoined', { roomId: room });
  for (const event of ['gameStart', 'gameMessage', 'opponentReconnected']) line.ignore(event);
  await bob.send('confirmJoined', { roomId: room });
  for (let i = 0; i < 20; i++) await bob.send('gameMessage', { roomId: room, message: i });
  line.hear();
  const { seq } = await bob.send('gameMessage', { roomId: room, message: 'heard' });
  const snapshot = (await ann.next('roomSnapshot')).data;
  assert.ok(snapshot.seq >= seq - 1);
  assert.equal(snapshot.state.status, 'active');
  assert.deepEqual(await ann.send('gameMessage', { roomId: room, message: 'v', volatile: true }), {}); // the game runs here too
  assert.equal((await bob.next('gameMessage', { filter: (push) => push.data.message === 'v' })).seq, undefined);
  await talk(ann, bob, room, 'numbered');
  await talk(bob, ann, room, 'back');
  assert.deepEqual(await fleet.audit(redis, { logMax: 16 }), []);
});

fleetTest('a Redis that comes back with older data: it wins, with a snapshot, and messages arrive again', async (fleet) => {
  const { redis, a, b, ann, bob, roomId } = await pair(fleet);
  await talk(ann, bob, roomId, 'kept');
  await redis.command('SAVE');
  for (let i = 0; i < 5; i++) await talk(ann, bob, roomId, `lost ${i}`);
  await redis.kill();
  await redis.start();
  const isUp = async (gateway) => (await gateway.get('/health')).status === 200;
  for (const gateway of [a, b]) await waitFor(() => isUp(gateway), { what: 'the gateway to be well again', timeoutMs: 20000 });
  for (const client of [ann, bob]) assert.equal((await client.next('roomSnapshot')).data.seq, 3);
  await talk(ann, bob, roomId, 'after');
  await talk(bob, ann, roomId, 'after that');
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('a confirmation lost with the line to Redis is made again when it is back', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const env = { CONFIRM_MS: 60000 };
  const a = await fleet.gateway({ redis: line, env });
  const b = await fleet.gateway({ redis, env });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob'); // whose join confirms for him alone
  await ann.send('joinMatchmaking', { level: 5 });
  const lost = line.loseCall('confirm');
  await bob.send('joinMatchmaking', { level: 5 });
  await lost;
  await Promise.all([ann, bob].map((client) => client.next('gameStart', { timeoutMs: 20000 })));
  assert.equal(ann.all('matchCancelled').length, 0);
});
