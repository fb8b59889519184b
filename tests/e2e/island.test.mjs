// Redis away, DEGRADED_MATCHMAKING=local: rooms whose players are on one instance go on there, whoever is connected is
// matched there once its lease has run out, and all of it comes home when Redis is back.
// Takes 39 s.
import assert from 'node:assert/strict';
import { fleetTest, waitFor } from '../lib/fleet.mjs';

const QUICK = { LEASE_MS: 1500, HEARTBEAT_MS: 300, SWEEP_MS: 300, TIMER_POLL_MS: 50 };
const isUp = (gateway) => async () => (await gateway.get('/health')).status === 200;
const island = async (gateway) => (await gateway.metrics()).value('matchgate_island');
const outcomes = async (gateway, outcome) => (await gateway.metrics()).value('matchgate_island_rooms_total', { outcome }) ?? 0;
const says = (text) => (push) => push.data.message === text;

const clean = async (fleet, redis) => assert.deepEqual(await fleet.audit(redis, { settleMs: 10000 }), []);

async function start(fleet, count, { env = {}, ...options } = {}) {
  const redis = await fleet.redis({ aof: true, conf: { appendfsync: 'always' }, ...options });
  return { redis, gateways: await fleet.gateways(count, { redis, env: { ...QUICK, ...env } }) };
}

async function back(fleet, redis, gateways, { audited = true } = {}) {
  await redis.start();
  for (const gateway of gateways) {
    await waitFor(isUp(gateway), { what: 'the gateway to be well again', timeoutMs: 20000 });
    await waitFor(async () => (await island(gateway)) === 0, { what: 'the island to be left', timeoutMs: 20000 });
  }
  if (audited) await clean(fleet, redis);
}

const accepted = (client, event, data) =>
  waitFor(
    async () => {
      const reply = await client.request(event, data);
      return reply.ok && (reply.data ?? true);
    },
    { what: `${event} to be taken`, timeoutMs: 20000 },
  );

// The numbered events a client has seen of a room, without gaps or repetitions, its own replies counted in.
function assertInOrder(client, roomId, answered = []) {
  const seen = client.pushes.filter((push) => push.room === roomId && push.seq).map((push) => push.seq);
  const all = [...seen, ...answered].sort((a, b) => a - b);
  assert.deepEqual(all, Array.from({ length: all.length }, (_, i) => all[0] + i), `${client.name} saw ${seen} and sent ${answered}`);
}

fleetTest('a room whose players are all here goes on, and is written back', async (fleet) => {
  const { redis, gateways } = await start(fleet, 1);
  const [gateway] = gateways;
  const ann = await fleet.client(gateway, 'ann');
  const bob = await fleet.client(gateway, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  const sent = { ann: [], bob: [] };
  sent.ann.push((await ann.send('gameMessage', { roomId, message: 'before' })).seq);
  const set = await ann.send('updateGameData', { roomId, gameData: { board: [1] }, turn: 1, expectedVersion: 0 });
  sent.ann.push(set.seq);
  sent.bob.push((await bob.send('updatePlayerState', { roomId, state: { hp: 3 } })).seq);

  await redis.kill();
  sent.ann.push((await accepted(ann, 'gameMessage', { roomId, message: 'during' })).seq);
  await bob.next('gameMessage', { filter: says('during') });
  const during = await bob.send('updateGameData', { roomId, gameData: { board: [1, 2] }, turn: 2, expectedVersion: 1 });
  assert.equal(during.version, 2);
  sent.bob.push(during.seq);
  const stale = await ann.fails('updateGameData', { roomId, gameData: {}, expectedVersion: 1 });
  assert.equal(stale.code, 'STALE_VERSION');
  assert.deepEqual((await ann.send('getGameState', { roomId })).state.gameData, { board: [1, 2] });
  assert.equal((await gateway.get('/health/ready')).status, 200);

  await back(fleet, redis, gateways);
  assert.equal(await outcomes(gateway, 'restored'), 1);
  const { state } = await ann.send('getGameState', { roomId });
  assert.deepEqual([state.gameData, state.turn, state.version], [{ board: [1, 2] }, 2, 2]);
  assert.equal(state.epoch, (await bob.next('roomEpoch')).data.epoch); // the island's numbers are in one of their own
  assert.deepEqual(state.players.find(({ id }) => id === 'bob').state, { hp: 3 });
  sent.ann.push((await ann.send('gameMessage', { roomId, message: 'after' })).seq);
  await bob.next('gameMessage', { filter: says('after') });
  assertInOrder(ann, roomId, sent.ann);
  assertInOrder(bob, roomId, sent.bob);
  assert.equal(ann.all('roomSnapshot').length + bob.all('roomSnapshot').length, 0);
});

fleetTest('whoever is here is matched here once the lease has run out; the room comes home', async (fleet) => {
  const { redis, gateways } = await start(fleet, 2);
  const [a, b] = gateways;
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(a, 'bob');
  const far = await fleet.client(b, 'far');
  await ann.send('joinMatchmaking', { level: 7 }); // waits in Redis, then on the island
  await redis.kill();
  await waitFor(async () => (await island(a)) === 1 && (await island(b)) === 1, { what: 'both to be islands' });
  assert.equal((await bob.fails('joinMatchmaking', { level: 7 })).code, 'SERVICE_DEGRADED'); // the lease may still be good
  await a.proc.sees(/island\.open/, { timeoutMs: 20000 });
  await b.proc.sees(/island\.open/, { timeoutMs: 20000 });
  await far.send('joinMatchmaking', { level: 7 }); // alone on his island
  assert.equal((await accepted(bob, 'joinMatchmaking', { level: 7 })).status, 'matched');
  const found = await ann.next('matchFound');
  const { roomId } = found.data;
  await Promise.all([ann.next('gameStart'), bob.next('gameStart')]);
  await ann.send('gameMessage', { roomId, message: 'here' });
  await bob.next('gameMessage', { filter: says('here') });
  // A new one comes, and is alone with his level; he may stay.
  const cy = await fleet.client(a, 'cy');
  assert.equal(cy.welcome.durable, false);
  await cy.send('joinMatchmaking', { level: 9 });
  assert.equal(far.all('matchFound').length, 0);

  await back(fleet, redis, gateways);
  assert.equal(await outcomes(a, 'restored'), 1);
  assert.equal(JSON.parse(await redis.command('HGET', 'game_states', roomId)).status, 'active');
  await bob.send('gameMessage', { roomId, message: 'home' });
  await ann.next('gameMessage', { filter: says('home') });
  // Those who wait do so in Redis now.
  const dan = await fleet.client(b, 'dan');
  await dan.send('joinMatchmaking', { level: 9 });
  assert.equal((await cy.next('matchFound')).data.opponentId, 'dan');
  const eve = await fleet.client(a, 'eve');
  await eve.send('joinMatchmaking', { level: 7 });
  assert.equal((await far.next('matchFound')).data.opponentId, 'eve');
});

fleetTest('a game that ends while Redis is away has ended when it is back', async (fleet) => {
  const { redis, gateways } = await start(fleet, 1);
  const [gateway] = gateways;
  const ann = await fleet.client(gateway, 'ann');
  const bob = await fleet.client(gateway, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  assert.equal((await ann.send('endGame', { roomId, result: { winner: 'ann' } })).ended, false); // reported before
  await redis.kill();
  assert.equal((await accepted(bob, 'endGame', { roomId, result: { winner: 'ann' } })).ended, true);
  const end = await ann.next('gameEnd');
  assert.deepEqual([end.data.reason, end.data.result], ['agreed', { winner: 'ann' }]);
  await back(fleet, redis, gateways);
  assert.equal(await outcomes(gateway, 'ended'), 1);
  assert.equal(await redis.command('HLEN', 'matches'), 0);
  await fleet.match(ann, bob); // both are free
});

fleetTest('limits and grace run on: a turn that is over, a player who comes back, one who does not', async (fleet) => {
  const { redis, gateways } = await start(fleet, 1, { env: { GRACE_MS: 3000 } });
  const [gateway] = gateways;
  const open = (name, resume) => fleet.client(gateway, { playerId: name, hello: true }).then(async (client) => {
    await client.send('hello', { playerId: name, resume });
    client.welcome = (await client.next('welcome')).data;
    return client;
  });
  const ann = await open('ann');
  const bob = await open('bob');
  const { roomId } = await fleet.match(ann, bob);
  await ann.send('setTurnDeadline', { roomId, ms: 1500, expectedVersion: 0 });
  await redis.kill();
  await waitFor(async () => (await outcomes(gateway, 'adopted')) === 1, { what: 'the room to be adopted' });
  assert.equal((await bob.next('turnTimeout')).data.version, 0);
  const at = { epoch: (await bob.next('roomEpoch')).data.epoch, seq: bob.pushes.filter(({ seq }) => seq).at(-1).seq };
  await bob.drop();
  await ann.next('opponentDisconnected');
  const { seq } = await ann.send('gameMessage', { roomId, message: 'missed' });
  const { sessionId: session, resumeToken } = bob.welcome;
  const again = await open('bob', { session, token: resumeToken, rooms: { [roomId]: at } });
  assert.equal(again.welcome.recovered, true);
  assert.equal((await again.next('gameMessage', { filter: says('missed') })).seq, seq);
  await ann.next('opponentReconnected');
  await again.drop();
  await back(fleet, redis, gateways); // with his seat in grace
  assert.equal((await ann.next('playerLeft', { timeoutMs: 20000 })).data.reason, 'grace');
  await ann.next('gameEnd');
  await clean(fleet, redis);
});

fleetTest('who leaves a room while Redis is away is in grace when it comes home', async (fleet) => {
  const { redis, gateways } = await start(fleet, 1, { env: { GRACE_MS: 60000, ROOM_SEATS: 3 } });
  const [gateway] = gateways;
  const players = [];
  for (const name of ['ann', 'bob', 'cy']) players.push(await fleet.client(gateway, name));
  const [ann, bob, cy] = players;
  const { roomId } = await fleet.match(ann, bob, cy);
  await redis.kill();
  await accepted(ann, 'gameMessage', { roomId, message: 'during' });
  await cy.drop();
  await ann.next('opponentDisconnected');
  await ann.send('updateGameData', { roomId, gameData: 'made there', expectedVersion: 0 });
  await back(fleet, redis, gateways);
  const { state } = await ann.send('getGameState', { roomId });
  assert.equal(state.gameData, 'made there');
  assert.deepEqual(state.players.map(({ id, socketId }) => [id, socketId !== null]), [['ann', true], ['bob', true], ['cy', false]]);
  assert.equal(await outcomes(gateway, 'restored'), 1);
  assert.equal(ann.all('roomSnapshot').length, 0);
});

fleetTest('a room with a player elsewhere waits; what is volatile goes on among those here', async (fleet) => {
  const { redis, gateways } = await start(fleet, 2, { env: { ROOM_SEATS: 3 } });
  const [a, b] = gateways;
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(a, 'bob');
  const far = await fleet.client(b, 'far');
  const { roomId } = await fleet.match(ann, bob, far);
  await redis.kill();
  await a.proc.sees(/island\.open/, { timeoutMs: 20000 });
  assert.equal((await ann.fails('gameMessage', { roomId, message: 1 })).code, 'SERVICE_DEGRADED');
  await ann.send('gameMessage', { roomId, message: 'quick', volatile: true });
  await bob.next('gameMessage', { filter: says('quick') });
  // Who comes back to such a room cannot be let in; he is told to come again.
  const { sessionId: session, resumeToken } = bob.welcome;
  const lost = await fleet.client(a, { playerId: 'bob', hello: true });
  lost.request('hello', { playerId: 'bob', resume: { session, token: resumeToken, rooms: { [roomId]: 2 } } }).catch(() => {});
  assert.equal((await lost.closed).code, 4103);
  await back(fleet, redis, gateways);
  await accepted(ann, 'gameMessage', { roomId, message: 'all' });
  await Promise.all([bob, far].map((client) => client.next('gameMessage', { filter: says('all') })));
  assert.equal(await outcomes(a, 'adopted'), 0);
});

fleetTest('cut off alone: the others take its players for gone, and what they decided is right', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const cut = await fleet.gateway({ redis: line, env: { ...QUICK, GRACE_MS: 1000 } });
  const other = await fleet.gateway({ redis, env: { ...QUICK, GRACE_MS: 1000 } });
  const ann = await fleet.client(cut, 'ann');
  const bob = await fleet.client(cut, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  line.shut();
  await accepted(ann, 'gameMessage', { roomId, message: 'alone' });
  await waitFor(async () => (await redis.command('HLEN', 'matches')) === 0, { what: 'the room to end in Redis', timeoutMs: 20000 });
  line.open();
  await waitFor(async () => (await island(cut)) === 0 && (await isUp(cut)()), { what: 'the way home', timeoutMs: 20000 });
  assert.equal(await outcomes(cut, 'gone'), 1);
  for (const client of [ann, bob]) assert.equal((await client.next('roomCleanup')).data.reason, 'gone');
  await fleet.match(ann, bob);
  assert.equal(other.proc.running, true);
  await clean(fleet, redis);
});

fleetTest('changed in Redis meanwhile: the members get its snapshot', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const gateway = await fleet.gateway({ redis: line, env: QUICK });
  const ann = await fleet.client(gateway, 'ann');
  const bob = await fleet.client(gateway, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  await ann.send('updateGameData', { roomId, gameData: { at: 'store' }, expectedVersion: 0 });
  line.shut();
  await accepted(ann, 'updateGameData', { roomId, gameData: { at: 'island' }, expectedVersion: 1 });
  await redis.command('HSET', `room:${roomId}`, 'version', '5');
  line.open();
  await waitFor(async () => (await island(gateway)) === 0 && (await isUp(gateway)()), { what: 'the way home', timeoutMs: 20000 });
  assert.equal(await outcomes(gateway, 'changed'), 1);
  for (const client of [ann, bob]) {
    const snapshot = await client.next('roomSnapshot');
    assert.deepEqual(snapshot.data.state.gameData, { at: 'store' });
  }
  await ann.send('gameMessage', { roomId, message: 'on' });
  await bob.next('gameMessage', { filter: says('on') });
});

fleetTest('Redis comes back empty: rooms that went on here are written anew', async (fleet) => {
  const { redis, gateways } = await start(fleet, 1, { aof: false });
  const [gateway] = gateways;
  const ann = await fleet.client(gateway, 'ann');
  const bob = await fleet.client(gateway, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  await ann.send('updateGameData', { roomId, gameData: { kept: true }, expectedVersion: 0 });
  await redis.kill();
  const { seq } = await accepted(ann, 'gameMessage', { roomId, message: 'during' });
  await bob.next('gameMessage', { filter: says('during') });
  await back(fleet, redis, gateways, { audited: false });
  assert.equal(await outcomes(gateway, 'restored'), 1);
  const complaints = await fleet.audit(redis);
  assert.ok(complaints.length === 1 && /I7 the log of room \S+ holds 2 events at seq 5/.test(complaints[0]), complaints); // the rest is lost
  assert.equal((await bob.send('gameMessage', { roomId, message: 'after' })).seq, seq + 1);
  await ann.next('gameMessage', { filter: says('after') });
  assert.deepEqual((await bob.send('getGameState', { roomId })).state.gameData, { kept: true });
});

fleetTest('frozen, away twice: nothing is done twice, nothing is lost', async (fleet) => {
  const { redis, gateways } = await start(fleet, 1, { env: { COMMAND_TIMEOUT_MS: 500 } });
  const [gateway] = gateways;
  const ann = await fleet.client(gateway, 'ann');
  const bob = await fleet.client(gateway, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  const sent = [];
  for (const round of [1, 2]) {
    redis.stop();
    // Asked while Redis is frozen: it may well carry it out later. The same id is asked again until it is answered.
    const id = 1000 * round;
    const first = await waitFor(
      async () => {
        const reply = await ann.request('gameMessage', { roomId, message: `frozen ${round}` }, { id, timeoutMs: 20000 });
        return reply.ok && reply.data;
      },
      { what: 'the message to be taken', timeoutMs: 20000 },
    );
    sent.push(first.seq);
    assert.equal((await gateway.metrics()).value('matchgate_island'), 1);
    redis.cont();
    await waitFor(async () => (await island(gateway)) === 0 && (await isUp(gateway)()), { what: 'the way home', timeoutMs: 20000 });
    const repeated = await ann.send('gameMessage', { roomId, message: `frozen ${round}` }, { id });
    assert.equal(repeated.seq, first.seq);
    await bob.next('gameMessage', { filter: says(`frozen ${round}`) });
  }
  sent.push((await ann.send('gameMessage', { roomId, message: 'end' }, { id: 3000 })).seq);
  await bob.next('gameMessage', { filter: says('end') });
  assertInOrder(bob, roomId);
  assertInOrder(ann, roomId, sent);
  for (const round of [1, 2]) assert.equal(bob.all('gameMessage').filter(says(`frozen ${round}`)).length, 1);
  await clean(fleet, redis);
});

fleetTest('who leaves the queue while Redis is away does not wait in it afterwards', async (fleet) => {
  const { redis, gateways } = await start(fleet, 1);
  const [gateway] = gateways;
  const ann = await fleet.client(gateway, 'ann');
  await ann.send('joinMatchmaking', { level: 3 });
  await redis.kill();
  await gateway.proc.sees(/island\.open/, { timeoutMs: 20000 });
  await waitFor(async () => (await ann.request('leaveMatchmaking', {})).data?.left === true, { what: 'ann to leave' });
  await accepted(ann, 'joinMatchmaking', { level: 4 });
  await back(fleet, redis, gateways);
  assert.equal(await redis.command('EXISTS', 'waiting:level:3'), 0);
  assert.deepEqual(await redis.command('LRANGE', 'waiting:level:4', '0', '-1'), ['ann']);
});

fleetTest('DEGRADED_MATCHMAKING=refuse: nothing goes on, and the load balancer is told', async (fleet) => {
  const { redis, gateways } = await start(fleet, 1, { env: { DEGRADED_MATCHMAKING: 'refuse' } });
  const [gateway] = gateways;
  const ann = await fleet.client(gateway, 'ann');
  const bob = await fleet.client(gateway, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  await redis.kill();
  await waitFor(async () => (await gateway.get('/health/ready')).status === 503, { what: 'not to be ready' });
  assert.match((await gateway.get('/health/ready')).json().reason, /DEGRADED_MATCHMAKING=refuse/);
  await ann.send('gameMessage', { roomId, message: 'quick', volatile: true });
  await bob.next('gameMessage', { filter: says('quick') });
  assert.equal((await ann.fails('gameMessage', { roomId, message: 1 })).code, 'SERVICE_DEGRADED');
  await redis.start();
  await waitFor(async () => (await gateway.get('/health/ready')).status === 200, { what: 'to be ready again', timeoutMs: 20000 });
  assert.equal(await outcomes(gateway, 'adopted'), 0);
});
