// A request sent again with the same id is answered again, not done again, on whichever instance.
import assert from 'node:assert/strict';
import { fleetTest, waitFor } from '../lib/fleet.mjs';
import { Returning, pair } from '../lib/returning.mjs';

const logOf = async (redis, room) => (await redis.command('LRANGE', `room:${room}:log`, 0, -1)).map((text) => JSON.parse(text));
const count = async (redis, room, event) => (await logOf(redis, room)).filter((entry) => entry.event === event).length;

// Redis (or none), ann and bob in a started game: ann at the first of `gateways`, bob at the second.
async function start(fleet, { standalone = false, env = {} } = {}) {
  const redis = standalone ? null : await fleet.redis();
  const all = { GRACE_MS: 20000, MESSAGES_PER_SECOND: 0, ...env };
  const gateways = standalone ? [await fleet.gateway({ env: all })] : await fleet.gateways(3, { redis, env: all });
  const at = (i) => gateways[i % gateways.length];
  const [ann, bob] = [await Returning.open(fleet, at(0), 'ann'), await Returning.open(fleet, at(1), 'bob')];
  return { redis, at, ann, bob, room: await pair(ann, bob) };
}

for (const standalone of [false, true])
  fleetTest(`each kind once, though asked three times over reconnects${standalone ? ', without Redis' : ''}`, async (fleet) => {
    const { redis, at, ann, bob, room } = await start(fleet, { standalone });
    const kinds = [
      ['gameMessage', { roomId: room, message: 'once' }],
      ['updatePlayerState', { roomId: room, state: { hp: 1 } }],
      ['updateGameData', { roomId: room, turn: 5, expectedVersion: 0 }],
      ['endGame', { roomId: room, result: 'mine' }],
    ];
    let i = 0;
    for (const [event, data] of kinds) {
      const id = ann.nextId;
      const first = await ann.ask(event, data, { id });
      assert.equal(first.ok, true, first.raw);
      assert.deepEqual((await ann.ask(event, data, { id })).data, first.data, 'on the same line');
      for (let n = 0; n < 2; n++) {
        assert.equal((await ann.back(at(++i))).recovered, true);
        assert.deepEqual((await ann.ask(event, data, { id })).data, first.data, `${event} on another line`);
      }
    }
    await ann.say(room, 'end');
    await bob.client.next('gameMessage', { filter: ({ data }) => data.message === 'end' });
    assert.deepEqual(bob.messages(room), ['once', 'end']);
    assert.equal(bob.client.all('playerStateUpdated').length, 1);
    assert.equal(bob.client.all('gameDataUpdated').length, 1);
    ann.account(room);
    bob.account(room);

    const leave = ann.nextId;
    assert.equal((await ann.ask('leaveRoom', { roomId: room }, { id: leave })).ok, true);
    await bob.client.next('roomCleanup');
    await ann.back(at(++i));
    assert.equal((await ann.ask('leaveRoom', { roomId: room }, { id: leave })).ok, true);
    assert.deepEqual((await ann.ask('endGame', { roomId: room, result: 'mine' }, { id: leave - 2 })).data, { ended: false });
    const late = await ann.ask('gameMessage', { roomId: room, message: 'new' });
    assert.equal(late.error.code, 'ROOM_NOT_FOUND');
    const again = await pair(ann, bob);
    assert.equal((await ann.ask('leaveRoom', { roomId: room }, { id: leave })).ok, true, 'asked again in the next room');
    await ann.say(again, 'and it lives');
    await bob.client.next('gameMessage', { filter: ({ data }) => data.message === 'and it lives' });
    if (redis) assert.deepEqual(await fleet.audit(redis), []);
  });

fleetTest('an ended game: the report that ended it is answered again with ended true', async (fleet) => {
  const { redis, at, ann, bob, room } = await start(fleet);
  await bob.ask('endGame', { roomId: room, result: 1 });
  const id = ann.nextId;
  assert.deepEqual((await ann.ask('endGame', { roomId: room, result: 1 }, { id })).data, { ended: true });
  await ann.back(at(2));
  assert.deepEqual((await ann.ask('endGame', { roomId: room, result: 1 }, { id })).data, { ended: true });
  assert.deepEqual(await fleet.audit(redis), []);
});

for (const [script, event, made] of [
  ['message', 'gameMessage', 'gameMessage'],
  ['set_state', 'updatePlayerState', 'playerStateUpdated'],
  ['end_game', 'endGame', null],
  ['leave_room', 'leaveRoom', 'playerLeft'],
])
  fleetTest(`${event}: done, the reply lost with the line, asked again elsewhere: once`, async (fleet) => {
    const redis = await fleet.redis();
    const line = await fleet.faultProxy(redis);
    const env = { GRACE_MS: 20000 };
    const a = await fleet.gateway({ redis: line, env });
    const b = await fleet.gateway({ redis, env });
    const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
    const room = await pair(ann, bob);
    const id = ann.nextId;
    const data = { roomId: room, message: 'm', state: 's', result: 'r' };
    const held = line.holdReply(script, 'ann');
    const unanswered = ann.ask(event, data, { id });
    unanswered.catch(() => {});
    await held;
    const welcome = await ann.back(b, { drop: false });
    const reply = await ann.ask(event, data, { id });
    assert.equal(reply.ok, true, reply.raw);
    if (script === 'leave_room') assert.deepEqual(welcome.rooms, [{ roomId: room, ended: true }]);
    else assert.equal(welcome.recovered, true);
    line.release('commands');
    await waitFor(() => a.log.includes('code=4005'), { what: 'the old line to be closed' });
    if (script === 'leave_room') await bob.client.next('gameEnd');
    else await ann.say(room, 'behind it');
    if (made) assert.equal(await count(redis, room, made), made === 'gameMessage' ? 2 : 1);
    if (script === 'end_game') assert.deepEqual((await bob.ask('endGame', data)).data, { ended: true });
    ann.account(room);
    await waitFor(() => bob.view(room).last >= ann.view(room).last);
    bob.account(room);
    assert.deepEqual(await fleet.audit(redis), []);
  });

fleetTest('OUTCOME_UNKNOWN on a line that lives: the same id again tells, and does it at most once', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const a = await fleet.gateway({ redis: line });
  const b = await fleet.gateway({ redis });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const room = await pair(ann, bob);
  const id = ann.nextId;
  const lost = line.loseReply('message', 'ann');
  const first = await ann.ask('gameMessage', { roomId: room, message: 'perhaps' }, { id });
  await lost;
  assert.equal(first.error.code, 'OUTCOME_UNKNOWN');
  const settled = async () => {
    const reply = await ann.ask('gameMessage', { roomId: room, message: 'perhaps' }, { id });
    return reply.ok && reply;
  };
  const { data } = await waitFor(settled, { what: 'the store to be back', stepMs: 100 });
  assert.equal((await bob.client.next('gameMessage')).seq, data.seq);
  assert.equal(await count(redis, room, 'gameMessage'), 1);
  await ann.say(room, 'next');
  await bob.client.next('gameMessage');
  bob.account(room);
  ann.account(room);
  assert.deepEqual(await fleet.audit(redis), []);
});

for (const standalone of [false, true])
  fleetTest(`the last 64 are remembered, older ones are OUTCOME_UNKNOWN and not done${standalone ? ', without Redis' : ''}`, async (fleet) => {
    const { at, ann, bob, room } = await start(fleet, { standalone });
    const first = ann.nextId;
    const replies = [];
    for (let i = 0; i < 70; i++) replies.push(await ann.ask('gameMessage', { roomId: room, message: i }));
    await ann.back(at(2));
    const again = (i) => ann.ask('gameMessage', { roomId: room, message: i }, { id: first + i });
    for (const i of [0, 5]) {
      const { error } = await again(i);
      assert.deepEqual([error.code, error.retryable], ['OUTCOME_UNKNOWN', false]);
    }
    for (const i of [6, 40, 69]) assert.deepEqual((await again(i)).data, replies[i].data);
    await ann.ask('ping', {}, { id: 1 }); // what changes nothing may have any id
    await ann.say(room, 'end');
    await bob.client.next('gameMessage', { filter: ({ data }) => data.message === 'end' });
    assert.deepEqual(bob.messages(room), [...Array(70).keys(), 'end']);
    bob.account(room);
  });

fleetTest('an error is final: it is not remembered, and the same id may succeed later', async (fleet) => {
  const { redis, at, ann, room } = await start(fleet);
  const id = ann.nextId;
  const data = { roomId: room, turn: 1, expectedVersion: 1 };
  assert.equal((await ann.ask('updateGameData', data, { id })).error.code, 'STALE_VERSION');
  await ann.ask('updateGameData', { ...data, expectedVersion: 0 });
  await ann.back(at(1));
  const { version } = (await ann.ask('updateGameData', data, { id })).data;
  assert.equal(version, 2);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('ids are remembered per session: the same ids in a new one, and without one, are new requests', async (fleet) => {
  const { redis, at, ann, bob, room } = await start(fleet);
  const id = ann.nextId;
  await ann.say(room, 'old', { id });
  await ann.anew(at(1));
  await ann.client.next('roomSnapshot');
  await ann.say(room, 'new', { id });
  ann.client.tell('gameMessage', { roomId: room, message: 'none' });
  ann.client.tell('gameMessage', { roomId: room, message: 'none' });
  await waitFor(() => bob.messages(room).length === 4);
  assert.deepEqual(bob.messages(room), ['old', 'new', 'none', 'none']);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('however long a line lives without a request, its session is kept; or made anew, if it was lost all the same', async (fleet) => {
  const { redis, at, ann, bob, room } = await start(fleet);
  const key = `session:${ann.welcome.sessionId}`;
  const kept = async () => (await redis.command('PTTL', key)) > 12 * 3600 * 1000;
  const [first, second] = [ann.nextId, ann.nextId + 1];
  assert.equal((await ann.ask('gameMessage', { roomId: room, message: 'one' }, { id: first })).data.seq, 3);
  await redis.command('PEXPIRE', key, 60000);
  await waitFor(kept, { what: 'the session to be renewed', timeoutMs: 30000 });
  assert.equal((await ann.ask('gameMessage', { roomId: room, message: 'one' }, { id: first })).data.seq, 3, 'it is the same session');
  await redis.command('DEL', key);
  await waitFor(kept, { what: 'the session to be made anew', timeoutMs: 30000 });
  for (let i = 0; i < 2; i++) {
    const answer = await ann.ask('gameMessage', { roomId: room, message: 'two' }, { id: second });
    assert.equal(answer.data.seq, ann.view(room).highest, 'what is asked from now on is remembered');
  }
  assert.equal((await ann.back(at(2))).recovered, true);
  assert.equal(`session:${ann.welcome.sessionId}`, key);
  await bob.client.next('gameMessage', { filter: ({ data }) => data.message === 'two' });
  assert.deepEqual(bob.messages(room), ['one', 'two']);
  assert.deepEqual(await fleet.audit(redis), []);
});

fleetTest('joinMatchmaking again: the same ticket, wherever it has led to', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const env = { GRACE_MS: 20000, QUEUE_GRACE_MS: 20000 };
  const a = await fleet.gateway({ redis: line, env });
  const b = await fleet.gateway({ redis, env });
  const ann = await Returning.open(fleet, a, 'ann');
  const data = { level: 6 };
  const id = ann.nextId;
  const held = line.holdReply('join', 'ann');
  ann.ask('joinMatchmaking', data, { id }).catch(() => {});
  await held;
  const welcome = await ann.back(b, { drop: false });
  line.release('commands');
  const again = await ann.ask('joinMatchmaking', data, { id });
  assert.deepEqual(again.data, { status: 'waiting', ticketId: welcome.queue.ticketId, level: 6, position: 1 });
  assert.deepEqual((await ann.ask('joinMatchmaking', data, { id })).data, again.data, 'on the same line');
  assert.equal((await ann.ask('joinMatchmaking', data)).error.code, 'ALREADY_QUEUED');
  assert.deepEqual(await redis.command('LRANGE', 'waiting:level:6', 0, -1), ['ann']);

  const bob = await Returning.open(fleet, b, 'bob');
  const joined = bob.nextId;
  const first = await bob.ask('joinMatchmaking', data, { id: joined });
  const { room } = await bob.client.next('gameStart');
  assert.equal((await bob.back(a)).recovered, true);
  assert.deepEqual((await bob.ask('joinMatchmaking', data, { id: joined })).data, first.data);
  assert.deepEqual((await ann.ask('joinMatchmaking', data, { id })).data.status, 'matched');
  assert.equal((await ann.ask('joinMatchmaking', data)).error.code, 'ALREADY_IN_MATCH');
  await ann.say(room, 'one room');
  await bob.client.next('gameMessage');
  assert.equal(bob.client.all('matchFound').length + ann.client.all('matchFound').length, 1);
  bob.account(room);
  assert.deepEqual(await fleet.audit(redis), []);
});
