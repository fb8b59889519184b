// Behind Sentinel: the master is found, followed when it dies, and what its death lost is told.
import assert from 'node:assert/strict';
import { figures, fleetTest, freePort, now, waitFor } from '../lib/fleet.mjs';

const isUp = (gateway) => async () => (await gateway.get('/health')).status === 200;

// A master and a replica, three sentinels, and gateways that know only these.
async function realm(fleet, { gateways: count = 2, sentinel = {}, redis = {}, env = {} } = {}) {
  const master = await fleet.redis({ aof: true, conf: { ...redis.conf, 'repl-diskless-sync-delay': 0 } });
  const conf = { ...redis.conf, replicaof: `127.0.0.1 ${master.port}` };
  const replica = await fleet.redis({ aof: true, conf });
  await waitFor(async () => /master_link_status:up/.test(await replica.command('INFO', 'replication')), { what: 'the replica', timeoutMs: 20000 });
  const sentinels = await fleet.sentinels(3, master, sentinel);
  const all = { REDIS_ENABLED: undefined, REDIS_SENTINEL_HOSTS: sentinels.hosts, ...env };
  const gateways = await fleet.gateways(count, { env: all });
  return { master, replica, sentinels, gateways };
}

// Resolves when both play on through the new master.
async function failedOver({ replica, gateways }, since) {
  for (const gateway of gateways) await waitFor(isUp(gateway), { what: 'the gateway to have followed', timeoutMs: 60000 });
  // Its own promotion closes every connection to it, ours as well.
  const promoted = async () => /role:master/.test(await replica.command('INFO', 'replication').catch(() => ''));
  await waitFor(promoted, { what: 'the replica to be the master' });
  return now() - since;
}

fleetTest('the master is killed under load: gateways follow, games go on', { timeout: 180000 }, async (fleet) => {
  const world = await realm(fleet);
  const [a, b] = world.gateways;
  const games = [];
  for (let i = 0; i < 5; i++) {
    const ann = await fleet.client(a, `ann${i}`);
    const bob = await fleet.client(b, `bob${i}`);
    games.push({ ann, bob, ...(await fleet.match(ann, bob)) });
  }
  let playing = true;
  const load = games.map(async ({ ann, roomId }) => {
    while (playing) {
      const reply = await ann.request('gameMessage', { roomId, message: 'load' });
      if (!reply.ok) await waitFor(() => true, {});
      await new Promise((done) => setTimeout(done, 20));
    }
  });
  const killed = now();
  await world.master.kill();
  const tookMs = await failedOver(world, killed);
  playing = false;
  await Promise.all(load);
  for (const { ann, bob, roomId } of games) {
    const taken = async () => (await ann.request('gameMessage', { roomId, message: 'after' })).ok;
    await waitFor(taken, { what: 'a message to be taken', timeoutMs: 20000 });
    await bob.next('gameMessage', { filter: (push) => push.data.message === 'after' });
    assert.equal(ann.close ?? bob.close, null);
  }
  const cy = await fleet.client(a, 'cy');
  const dan = await fleet.client(b, 'dan');
  await fleet.match(cy, dan);
  await waitFor(async () => (await fleet.audit(world.replica)).length === 0, { what: 'a clean audit', timeoutMs: 20000 });
  figures(`the master killed: playing again after ${tookMs} ms (Sentinel waits 1,000 ms of them)`);
});

fleetTest('what an asynchronous failover lost is told to the members', { timeout: 180000 }, async (fleet) => {
  const world = await realm(fleet);
  const [a, b] = world.gateways;
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  await waitFor(async () => (await world.replica.command('HGET', `room:${roomId}`, 'seq')) !== null, { what: 'the room to be replicated' });
  // From here on nothing reaches the replica.
  await world.master.command('ACL', 'SETUSER', 'default', '-psync', '-sync');
  await world.master.command('CLIENT', 'KILL', 'TYPE', 'replica');
  for (let i = 0; i < 20; i++) await ann.send('gameMessage', { roomId, message: i });
  await bob.next('gameMessage', { filter: (push) => push.data.message === 19 });
  const told = Math.max(...bob.all('gameMessage').map((push) => push.seq));
  const kept = Number(await world.replica.command('HGET', `room:${roomId}`, 'seq'));
  assert.ok(kept < told, `the replica holds ${kept}, players were told ${told}`);

  const killed = now();
  await world.master.kill();
  await failedOver(world, killed);
  for (const [client, gateway] of [[ann, a], [bob, b]]) {
    const snapshot = await client.next('roomSnapshot', { filter: (push) => push.data.seq < told, timeoutMs: 20000 });
    assert.equal(snapshot.data.roomId, roomId);
    assert.ok((await gateway.metrics()).value('matchgate_room_store_older_total') >= 1);
    await gateway.proc.sees(/room\.store_older/);
  }
  // Numbering goes on from what is left.
  const { seq } = await bob.send('gameMessage', { roomId, message: 'after' });
  const push = await ann.next('gameMessage', { filter: (p) => p.data.message === 'after' });
  if (seq !== undefined) assert.equal(push.seq, seq);
  assert.ok(push.seq <= told, `numbers begin again at ${push.seq}`);
});

fleetTest('a sentinel that is gone is passed over; one with a password is asked with it', async (fleet) => {
  const dead = await freePort();
  const master = await fleet.redis();
  const sentinels = await fleet.sentinels(1, master, { replicas: 0, quorum: 1, password: 'sentinelpassword' });
  const env = { REDIS_ENABLED: undefined, REDIS_SENTINEL_HOSTS: `127.0.0.1:${dead},${sentinels.hosts}`, REDIS_SENTINEL_PASSWORD: 'sentinelpassword' };
  const gateway = await fleet.gateway({ env });
  await fleet.match(await fleet.client(gateway, 'ann'), await fleet.client(gateway, 'bob'));
  const wrong = await fleet.gateway({ env: { ...env, REDIS_SENTINEL_PASSWORD: 'anotherpassword' }, wait: 'live' });
  await wrong.proc.sees(/redis\.error.*reason=sentinel.*WRONGPASS/);
  const unknown = await fleet.gateway({ env: { ...env, REDIS_SENTINEL_MASTER: 'nobody' }, wait: 'live' });
  await unknown.proc.sees(/redis\.error.*reason=sentinel.*does not know the master/);
  assert.equal((await unknown.health()).details.mode, 'degraded');
});

fleetTest('a master that became a replica without a word is left for the new one', { timeout: 180000 }, async (fleet) => {
  const world = await realm(fleet);
  const [a, b] = world.gateways;
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  await world.sentinels.all[0].command('SENTINEL', 'FAILOVER', 'mymaster');
  const moved = async () => /role:slave/.test(await world.master.command('INFO', 'replication').catch(() => ''));
  await waitFor(moved, { what: 'the old master to be a replica', timeoutMs: 60000 });
  await failedOver(world, now());
  await waitFor(async () => (await ann.request('gameMessage', { roomId, message: 'after' })).ok, { what: 'a message to be taken', timeoutMs: 20000 });
  await bob.next('gameMessage', { filter: (push) => push.data.message === 'after' });
  assert.equal(ann.close ?? bob.close, null);
});
