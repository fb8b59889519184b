// A ticket leads to one game at most: what has ended is not handed in again, whatever was lost or came late; what the store has
// lost is.
// Takes 38 s.
import assert from 'node:assert/strict';
import { fleetTest, stays, waitFor } from '../lib/fleet.mjs';
import { Returning } from '../lib/returning.mjs';

const LEVEL = 6;
const data = { level: LEVEL };
const queue = (redis) => redis.command('LRANGE', `waiting:level:${LEVEL}`, 0, -1);
const record = async (redis, player) => ((await redis.command('HGET', 'players', player)) ?? 'none').split('|');
const stateOf = async (redis, player) => (await record(redis, player))[0];

// As leave_queue.lua would leave it.
async function endTicket(redis, player) {
  const [, fence, , , , , socket, instance] = await record(redis, player);
  await redis.command('LREM', `waiting:level:${LEVEL}`, 1, player);
  await redis.command('SREM', 'waiting:levels', LEVEL);
  await redis.command('HSET', 'players', player, `idle|${fence}|||0||${socket}|${instance}`);
}

fleetTest('a ticket that ended while nobody here heard of it: ticketExpired, and the queue stays empty', async (fleet) => {
  const redis = await fleet.redis();
  const a = await fleet.gateway({ redis });
  const ann = await fleet.client(a, 'ann');
  const { ticketId } = await ann.send('joinMatchmaking', data);
  await endTicket(redis, 'ann');
  assert.deepEqual((await ann.next('ticketExpired', { timeoutMs: 30000 })).data, { ticketId, level: LEVEL, reason: 'ended' });
  assert.equal((await a.metrics()).value('matchgate_tickets_expired_total', { why: 'ended' }), 1);
  assert.deepEqual(await queue(redis), []);
  assert.deepEqual(await ann.send('leaveMatchmaking'), { left: false, reason: 'not_queued' });

  const bob = await fleet.client(a, 'bob');
  for (const client of [ann, bob]) await client.send('joinMatchmaking', data);
  await Promise.all([ann, bob].map((client) => client.next('gameStart')));
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('leaveMatchmaking tells that the ticket had ended: no ticketExpired follows', async (fleet) => {
  const redis = await fleet.redis();
  const a = await fleet.gateway({ redis });
  const ann = await fleet.client(a, 'ann');
  await ann.send('joinMatchmaking', data);
  await endTicket(redis, 'ann');
  assert.deepEqual(await ann.send('leaveMatchmaking'), { left: false, reason: 'not_queued' });
  await stays(() => ann.all('ticketExpired').length > 0, { what: 'a second word about it', ms: 12000 });
  assert.equal((await ann.send('joinMatchmaking', data)).status, 'waiting');
});

fleetTest('a ticket whose record the store has lost is handed in again, and leads to a match', async (fleet) => {
  const redis = await fleet.redis();
  const a = await fleet.gateway({ redis });
  const [ann, bob] = [await fleet.client(a, 'ann'), await fleet.client(a, 'bob')];
  const { ticketId } = await ann.send('joinMatchmaking', data);
  await redis.command('DEL', 'players', 'waiting:levels', `waiting:level:${LEVEL}`);
  await waitFor(async () => (await stateOf(redis, 'ann')) === 'queued', { what: 'her ticket to be there again', timeoutMs: 30000 });
  assert.equal((await record(redis, 'ann'))[3], ticketId);
  assert.deepEqual(await queue(redis), ['ann']);
  assert.equal((await a.metrics()).value('matchgate_tickets_entered_again_total'), 1);
  await waitFor(async () => (await stateOf(redis, 'bob')) === 'idle', { what: 'him to be there, too', timeoutMs: 30000 });
  await bob.send('joinMatchmaking', data);
  await Promise.all([ann, bob].map((client) => client.next('gameStart')));
  assert.equal(ann.all('ticketExpired').length, 0);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('the answer to a join comes behind the end of its match: nobody waits again', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const env = { CONFIRM: 'client', CONFIRM_MS: 60000 };
  const b = await fleet.gateway({ redis, env }); // first, so that a knows it
  const a = await fleet.gateway({ redis: line, env });
  const [ann, bob] = [await fleet.client(a, 'ann'), await fleet.client(b, 'bob')];
  const held = line.holdReply('join', 'ann');
  const late = ann.send('joinMatchmaking', data);
  await held;
  await bob.send('joinMatchmaking', data);
  const { room } = await ann.next('matchFound');
  await redis.command('ZADD', 'deadlines', 'XX', 1, `confirm:${room}/${LEVEL}:1`); // the time to confirm is over
  assert.equal((await ann.next('matchCancelled')).data.requeued, false);
  line.release('commands');
  await late;
  await stays(async () => (await queue(redis)).length > 0 || ann.all('waiting').length > 0, { what: 'ann to wait again', ms: 12000 });
  assert.equal(await stateOf(redis, 'ann'), 'idle');
  for (const client of [ann, bob]) await client.send('joinMatchmaking', data);
  const next = await ann.next('matchFound');
  for (const client of [ann, bob]) await client.send('confirmJoined', { roomId: next.room });
  await Promise.all([ann, bob].map((client) => client.next('gameStart')));
  assert.deepEqual(await fleet.audit(redis), []);
});

for (const how of ['its game', 'leaving', 'nobody came back'])
  fleetTest(`a join that is sent again after ${how} has ended its ticket: NOT_QUEUED on every line; a new id joins`, async (fleet) => {
    const redis = await fleet.redis();
    const [a, b] = await fleet.gateways(2, { redis, env: { GRACE_MS: 20000, QUEUE_GRACE_MS: 500 } });
    const ann = await Returning.open(fleet, a, 'ann');
    const id = ann.nextId;
    assert.equal((await ann.ask('joinMatchmaking', data, { id })).data.status, 'waiting');
    if (how === 'its game') {
      const bob = await fleet.client(b, 'bob');
      await bob.send('joinMatchmaking', data);
      const { room } = await ann.client.next('gameStart');
      assert.equal((await ann.ask('joinMatchmaking', data, { id })).data.status, 'matched', 'it still plays');
      assert.ok((await ann.ask('leaveRoom', { roomId: room })).ok);
      await bob.next('roomCleanup');
    } else if (how === 'leaving') {
      assert.equal((await ann.ask('leaveMatchmaking', {})).data.left, true);
    } else {
      await ann.client.drop();
      await waitFor(async () => (await stateOf(redis, 'ann')) === 'none', { what: 'her time to be over' });
      await ann.back(a, { drop: false });
      assert.equal(ann.welcome.queue, null);
    }
    const over = async (where) => assert.equal((await ann.ask('joinMatchmaking', data, { id })).error?.code, 'NOT_QUEUED', where);
    await over('on the same line');
    const { sessionId } = ann.welcome;
    await ann.back(b);
    assert.equal(ann.welcome.sessionId, sessionId);
    await over('on another line');
    assert.deepEqual(await queue(redis), []);
    assert.equal((await ann.ask('joinMatchmaking', data)).data.status, 'waiting');
    assert.deepEqual(await queue(redis), ['ann']);
    assert.deepEqual(await fleet.audit(redis), []);
  });

fleetTest('a connection that was frozen while its player gave up elsewhere does not bring him back', async (fleet) => {
  const redis = await fleet.redis();
  const env = { LEASE_MS: 1000, HEARTBEAT_MS: 250, SWEEP_MS: 500 };
  const [a, b] = await fleet.gateways(2, { redis, env });
  const ann = await Returning.open(fleet, a, 'ann');
  assert.equal((await ann.ask('joinMatchmaking', data)).data.status, 'waiting');
  const old = ann.client;
  a.proc.signal('SIGSTOP');
  await ann.back(b, { drop: false });
  assert.equal((await ann.ask('leaveMatchmaking', {})).data.left, true);
  await ann.client.bye();
  await waitFor(async () => (await stateOf(redis, 'ann')) === 'none', { what: 'her record to go' });
  await waitFor(() => b.log.includes('instance.swept'), { what: 'the frozen one to be swept' });
  a.proc.signal('SIGCONT');
  assert.equal((await old.closed).code, 4005);
  assert.deepEqual(await queue(redis), []);
  assert.equal(await stateOf(redis, 'ann'), 'none');
  assert.deepEqual(await fleet.audit(redis), []);
});

// Without his session, as after a reload: the session of the frozen line does not know.
for (const swept of [true, false])
  fleetTest(`the same by another session, the frozen instance ${swept ? 'swept' : 'not yet missed'}`, async (fleet) => {
    const redis = await fleet.redis();
    const env = swept ? { LEASE_MS: 1000, HEARTBEAT_MS: 250, SWEEP_MS: 500 } : { LEASE_MS: 60000 };
    const [a, b] = await fleet.gateways(2, { redis, env });
    const old = await fleet.client(a, 'ann');
    assert.equal((await old.send('joinMatchmaking', data)).status, 'waiting');
    a.proc.stop();
    const ann = await fleet.client(b, 'ann');
    await waitFor(async () => (await ann.request('leaveMatchmaking')).data?.left, { what: 'her to leave the queue' });
    await ann.bye();
    await waitFor(async () => (await stateOf(redis, 'ann')) === 'none', { what: 'her record to go' });
    if (swept) await waitFor(() => b.log.includes('instance.swept'), { what: 'the frozen one to be swept' });
    a.proc.cont();
    const waits = waitFor(async () => (await queue(redis)).length, { what: 'her to wait again', timeoutMs: 30000 }).catch(() => 0);
    assert.equal(await Promise.race([old.closed.then(({ code }) => code), waits.then((count) => `${count} waiting`)]), 4005);
    assert.deepEqual(await queue(redis), []);
    assert.deepEqual(await fleet.audit(redis), []);
  });

fleetTest('a leave whose answer was lost, and the record with it, is not undone', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const env = { LEASE_MS: 1000, HEARTBEAT_MS: 250, SWEEP_MS: 500 };
  const b = await fleet.gateway({ redis, env });
  const a = await fleet.gateway({ redis: line, env });
  const ann = await Returning.open(fleet, a, 'ann');
  await ann.ask('joinMatchmaking', data);
  const lost = line.loseReply('leave_queue', 'ann').then(() => line.shut());
  assert.equal((await ann.ask('leaveMatchmaking', {})).error?.code, 'OUTCOME_UNKNOWN');
  await lost;
  await waitFor(async () => (await stateOf(redis, 'ann')) === 'none', { what: 'a to be swept', timeoutMs: 20000 });
  line.open();
  assert.equal((await ann.client.closed).code, 4202); // nothing was left of her
  assert.equal((await ann.back(b, { drop: false })).queue, null);
  await stays(async () => (await queue(redis)).length > 0, { what: 'ann to wait again', ms: 6000 });
  assert.equal(ann.client.all('ticketExpired').length, 0);
  assert.equal((await ann.ask('joinMatchmaking', data)).data.status, 'waiting');
  assert.deepEqual(await fleet.audit(redis), []);
  assert.ok(b.log.includes('instance.swept'));
});

fleetTest('a ticket that an older store brings back: who is told that he waits with it is told its end, too', async (fleet) => {
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis, env: { TICKET_TTL_MS: 1000, SWEEP_MS: 1500 } });
  const ann = await fleet.client(gateway, 'ann');
  await ann.send('joinMatchmaking', { level: 2 });
  const record = await redis.command('HGET', 'players', 'ann');
  await ann.send('leaveMatchmaking');
  await redis.command('HSET', 'players', 'ann', record);
  await redis.command('RPUSH', 'waiting:level:2', 'ann');
  await redis.command('SADD', 'waiting:levels', '2');
  assert.equal((await ann.request('joinMatchmaking', { level: 3 })).error.code, 'ALREADY_QUEUED');
  await ann.next('ticketExpired', { timeoutMs: 20000 });
  assert.equal((await ann.send('joinMatchmaking', { level: 3 })).status, 'waiting');
  assert.deepEqual(await fleet.audit(redis), []);
});
