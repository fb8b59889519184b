// Behind Sentinel: the master is found, followed when it dies, and what its death lost is told.
// Takes 34 s.
import assert from 'node:assert/strict';
import { delay, figures, fleetTest, freePort, now, waitFor } from '../lib/fleet.mjs';
import { Returning, pair } from '../lib/returning.mjs';

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

// Resolves with the time at which the first sentinel says that the master is another one.
function switched(fleet, { sentinels }) {
  return new Promise((done) => {
    for (const { port } of sentinels.all) void fleet.subscriber({ port }, '+switch-master', () => done(now()));
  });
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
  const announced = switched(fleet, world);
  const killed = now();
  await world.master.kill();
  const tookMs = await failedOver(world, killed);
  const behindMs = now() - (await announced);
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
  figures(`the master killed: playing again after ${tookMs} ms (Sentinel waits 1,000 ms of them), ${behindMs} ms behind +switch-master`);
  for (const gateway of world.gateways) await gateway.proc.sees(/redis\.switched.*next="the links follow"/);
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

// Says something every few ms until stop() is called; how often it was taken, and what became of the last.
function chatter(player, room) {
  let on = true;
  let taken = 0;
  const done = (async () => {
    for (let n = 0; on; n++) {
      const reply = await player.ask('gameMessage', { roomId: room, message: `${player.name} ${n}` });
      taken += reply.ok;
      await delay(reply.ok ? 4 : 50);
    }
    return taken;
  })();
  return { stop: () => ((on = false), done), taken: () => taken };
}

fleetTest('writes that a failover loses, of writers on two instances: nothing is passed over in silence', { timeout: 240000 }, async (fleet) => {
  const GAMES = 4;
  const world = await realm(fleet, { env: { MESSAGES_PER_SECOND: 0, GRACE_MS: 60000 } });
  const [a, b] = world.gateways;
  const games = [];
  for (let i = 0; i < GAMES; i++) {
    const [ann, bob] = [await Returning.open(fleet, a, `ann${i}`), await Returning.open(fleet, b, `bob${i}`)];
    games.push({ ann, bob, room: await pair(ann, bob) });
  }
  const writers = games.flatMap(({ ann, bob, room }) => [chatter(ann, room), chatter(bob, room)]);
  for (const writer of writers) await waitFor(() => writer.taken() > 10, { what: 'messages to be taken', timeoutMs: 20000 });
  for (const { room } of games) await waitFor(async () => Number(await world.replica.command('HGET', `room:${room}`, 'seq')) > 10, { what: 'the rooms to be replicated' });
  // From here on nothing reaches the replica.
  await world.master.command('ACL', 'SETUSER', 'default', '-psync', '-sync');
  await world.master.command('CLIENT', 'KILL', 'TYPE', 'replica');
  const before = writers.map((writer) => writer.taken());
  for (const [i, writer] of writers.entries()) await waitFor(() => writer.taken() > before[i] + 20, { what: 'messages that will be lost', timeoutMs: 20000 });
  // One of them is away when it happens, and comes back to an instance that never saw what he saw.
  const away = games[0].ann;
  await writers[0].stop();
  await away.client.drop();
  const kept = await Promise.all(games.map(async ({ room }) => Number(await world.replica.command('HGET', `room:${room}`, 'seq'))));
  const told = games.map(({ ann, bob, room }) => [ann, bob].map((player) => player.view(room).highest));
  for (const [i, both] of told.entries()) for (const seen of both) assert.ok(seen > kept[i], `${seen} was seen, ${kept[i]} is kept`);

  await world.master.kill();
  await failedOver(world, now());
  // They write on, past the numbers that were lost.
  const past = async (i) => Number(await world.replica.command('HGET', `room:${games[i].room}`, 'seq')) > Math.max(...told[i]) + 5;
  for (let i = 0; i < GAMES; i++) await waitFor(() => past(i), { what: 'new messages past the lost ones', timeoutMs: 60000 });
  assert.equal((await away.back(b)).recovered, false);
  for (const writer of writers) await writer.stop();
  for (const { ann, bob, room } of games) {
    for (const [from, to] of [[ann, bob], [bob, ann]]) {
      await from.say(room, `${from.name} after`);
      await to.client.next('gameMessage', { filter: ({ data }) => data.message === `${from.name} after`, timeoutMs: 20000 });
    }
    for (const player of [ann, bob]) {
      assert.ok(player.client.all('roomSnapshot').length >= 1, `${player.name} was told`);
      assert.ok(player.view(room).epoch > 1);
      player.account(room); // and no (epoch, seq) stood for two events
    }
    assert.equal(ann.view(room).epoch, bob.view(room).epoch);
  }
  for (const [gateway, rooms] of [[a, games.slice(1)], [b, games]]) {
    assert.ok((await gateway.metrics()).value('matchgate_room_store_older_total') >= rooms.length);
    for (const { room } of rooms) await gateway.proc.sees(new RegExp(`room\\.store_older room=${room}`));
  }
  await b.proc.sees(new RegExp(`session\\.store_older.*player=${away.name}`));
  assert.deepEqual(await fleet.audit(world.replica, { settleMs: 20000 }), []);
  const lost = told.reduce((sum, both, i) => sum + Math.max(...both) - kept[i], 0);
  figures(`a failover that lost ${lost} confirmed messages of ${GAMES} games: every player was told, none saw two events under one number`);
});

fleetTest('sentinels that are gone: play goes on, one line for each, and they are heard again when they are back', { timeout: 180000 }, async (fleet) => {
  const world = await realm(fleet, { gateways: 1 });
  const [gateway] = world.gateways;
  const [ann, bob] = [await fleet.client(gateway, 'ann'), await fleet.client(gateway, 'bob')];
  const { roomId } = await fleet.match(ann, bob);
  for (const sentinel of world.sentinels.all) await gateway.proc.sees(new RegExp(`redis\\.ready link=sentinel address=127.0.0.1:${sentinel.port}`));
  for (const sentinel of world.sentinels.all) await sentinel.proc.kill9();
  for (const { port } of world.sentinels.all) await gateway.proc.sees(new RegExp(`redis\\.error link=sentinel address=127.0.0.1:${port}.*reason=refused`));
  await ann.send('gameMessage', { roomId, message: 'still' });
  await bob.next('gameMessage');
  assert.equal((await gateway.get('/health')).status, 200);
  const [first] = world.sentinels.all;
  const again = await first.again();
  fleet.keep(again);
  await gateway.proc.sees(new RegExp(`redis\\.ready link=sentinel address=127.0.0.1:${first.port}[^]*redis\\.ready link=sentinel address=127.0.0.1:${first.port}`));
  const outages = gateway.log.split('\n').filter((line) => /redis\.error link=sentinel/.test(line) && line.includes(`:${world.sentinels.all[1].port} `));
  assert.ok(outages.length <= 2, outages.join('\n'));
});
