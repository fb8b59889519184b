// Redis Cluster: a realm lives in one slot, behind the node that serves it; everything else is refused in one line.
// Takes 18 s.
import assert from 'node:assert/strict';
import { fleetTest, freePort, request, waitFor } from '../lib/fleet.mjs';
import { Returning, pair } from '../lib/returning.mjs';

const PREFIX = '{realm1}:';
const TOKEN = 'let-me-in';

async function node(fleet, options = {}) {
  const bus = await freePort();
  const redis = await fleet.redis({ ...options, conf: { 'cluster-enabled': 'yes', 'cluster-port': bus, ...options.conf } });
  return Object.assign(redis, { bus });
}

const healthy = (redis) => waitFor(async () => /cluster_state:ok/.test(await redis.command('CLUSTER', 'INFO')), { what: 'the cluster', timeoutMs: 30000 });

// Owner of the prefix' slot, and another one.
async function twoNodes(fleet) {
  const nodes = [await node(fleet), await node(fleet)];
  const slot = await nodes[0].command('CLUSTER', 'KEYSLOT', `${PREFIX}players`);
  const owner = slot < 8192 ? nodes[0] : nodes[1];
  await nodes[0].command('CLUSTER', 'ADDSLOTSRANGE', 0, 8191);
  await nodes[1].command('CLUSTER', 'ADDSLOTSRANGE', 8192, 16383);
  await nodes[0].command('CLUSTER', 'MEET', '127.0.0.1', nodes[1].port, nodes[1].bus);
  for (const redis of nodes) await healthy(redis);
  return { owner, other: nodes.find((redis) => redis !== owner), slot };
}

async function refused(fleet, options) {
  const gateway = await fleet.gateway({ ...options, wait: false });
  gateway.proc.expectExit = true;
  assert.equal((await gateway.proc.ended).code, 1);
  const lines = gateway.log.split('\n').filter((line) => line.includes('process.refused'));
  assert.equal(lines.length, 1, gateway.log);
  return lines[0];
}

for (const mode of ['remote', 'direct'])
  fleetTest(`all that players and operators do, behind one node with a hash tag (ROOM_EVENTS_MODE=${mode})`, async (fleet) => {
    const redis = await node(fleet);
    await redis.command('CLUSTER', 'ADDSLOTSRANGE', 0, 16383);
    await healthy(redis);
    const env = { REDIS_KEY_PREFIX: PREFIX, ROOM_EVENTS_MODE: mode, ADMIN_TOKEN: TOKEN, GRACE_MS: 20000, CONFIRM_MS: 1000 };
    const [a, b, c] = await fleet.gateways(3, { redis, env });
    await a.proc.sees(/store\.cluster prefix=\{realm1\}:/);
    const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
    const room = await pair(ann, bob);
    // Messages, state, a turn's limit.
    await ann.say(room, 'hi');
    await bob.client.next('gameMessage');
    assert.equal((await ann.ask('updateGameData', { roomId: room, gameData: { n: 1 }, turn: 1, expectedVersion: 0 })).data.version, 1);
    assert.equal((await bob.ask('updatePlayerState', { roomId: room, state: 'ready' })).data.version, 1);
    assert.ok((await ann.ask('setTurnDeadline', { roomId: room, ms: 200, expectedVersion: 1 })).ok);
    for (const { client } of [ann, bob]) await client.next('turnTimeout');
    // An instance dies; its player comes back elsewhere with all that was missed.
    b.proc.expectExit = true;
    await b.kill9();
    await ann.say(room, 'missed');
    assert.equal((await bob.back(c)).recovered, true);
    await bob.client.next('gameMessage', { filter: ({ data }) => data.message === 'missed' });
    await bob.say(room, 'back');
    await ann.client.next('gameMessage', { filter: ({ data }) => data.message === 'back' });
    for (const player of [ann, bob]) player.account(room);
    // A match that is not kept up, a queue that is left, a game that ends.
    const [cy, dan, eve] = [await fleet.client(a, 'cy'), await fleet.client(c, 'dan'), await fleet.client(c, 'eve')];
    await eve.send('joinMatchmaking', { level: 3 });
    assert.equal((await eve.send('leaveMatchmaking', {})).left, true);
    const { roomId } = await fleet.match(cy, dan);
    await cy.send('leaveRoom', { roomId });
    assert.equal((await dan.next('gameEnd')).data.reason, 'players_left');
    assert.ok((await ann.ask('endGame', { roomId: room, result: 1 })).ok);
    assert.ok((await bob.ask('endGame', { roomId: room, result: 1 })).ok);
    assert.equal((await ann.client.next('gameEnd')).data.reason, 'agreed');
    // The dead instance is swept; the reports and the clean-up work.
    await waitFor(async () => (await redis.command('ZCARD', `${PREFIX}instances`)) === 2, { what: 'the dead instance to be swept', timeoutMs: 30000 });
    assert.equal((await a.get('/health')).status, 200);
    assert.equal((await a.get('/health/stats')).status, 200);
    const headers = { authorization: `Bearer ${TOKEN}` };
    assert.equal((await request(a.port, '/health/cleanup', { method: 'POST', headers })).status, 200);
    assert.deepEqual(await fleet.audit(redis, { prefix: PREFIX }), []);
  });

fleetTest('a prefix without a hash tag, and a node that does not serve its slot: refused in one line that says what to do', async (fleet) => {
  const { owner, other, slot } = await twoNodes(fleet);
  assert.match(await refused(fleet, { redis: owner, env: { REDIS_KEY_PREFIX: 'realm1:' } }), /Redis Cluster.*REDIS_KEY_PREFIX.*hash tag/);
  assert.match(await refused(fleet, { redis: owner }), /Redis Cluster.*REDIS_KEY_PREFIX.*hash tag/);
  const line = await refused(fleet, { redis: other, env: { REDIS_KEY_PREFIX: PREFIX } });
  assert.match(line, new RegExp(`slot ${slot}, which another node of this Redis Cluster serves.*REDIS_URL.*127\\.0\\.0\\.1:${owner.port}`));
  const [a, b] = await fleet.gateways(2, { redis: owner, env: { REDIS_KEY_PREFIX: PREFIX } });
  const [ann, bob] = [await fleet.client(a, 'ann'), await fleet.client(b, 'bob')];
  const { roomId } = await fleet.match(ann, bob);
  await ann.send('gameMessage', { roomId, message: 'hi' });
  await bob.next('gameMessage');
});

fleetTest('the slot is taken from the node while people play: degraded with reason cluster, and on again with it', async (fleet) => {
  const redis = await node(fleet);
  await redis.command('CLUSTER', 'ADDSLOTSRANGE', 0, 16383);
  await healthy(redis);
  const [a, b] = await fleet.gateways(2, { redis, env: { REDIS_KEY_PREFIX: PREFIX } });
  const [ann, bob] = [await fleet.client(a, 'ann'), await fleet.client(b, 'bob')];
  const { roomId } = await fleet.match(ann, bob);
  const slot = await redis.command('CLUSTER', 'KEYSLOT', `${PREFIX}players`);
  await redis.command('CLUSTER', 'DELSLOTS', slot);
  for (const gateway of [a, b]) await waitFor(async () => /"cluster"/.test((await gateway.get('/health')).body), { what: 'health to say cluster', timeoutMs: 20000 });
  assert.equal((await ann.fails('gameMessage', { roomId, message: 'no' })).code, 'SERVICE_DEGRADED');
  await redis.command('CLUSTER', 'ADDSLOTS', slot);
  for (const gateway of [a, b]) await waitFor(async () => (await gateway.get('/health')).status === 200, { what: 'the gateway to be well again', timeoutMs: 20000 });
  await waitFor(async () => (await ann.request('gameMessage', { roomId, message: 'again' })).ok, { what: 'a message to be taken' });
  await bob.next('gameMessage', { filter: ({ data }) => data.message === 'again' });
  for (const client of [ann, bob]) assert.equal(client.close, null);
});
