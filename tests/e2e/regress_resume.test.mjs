// Regressions: coming back, or being looked up again, while answers and events are late or lost. Each of these once went wrong.
import assert from 'node:assert/strict';
import { fleetTest, stays, waitFor } from '../lib/fleet.mjs';
import { Returning, pair } from '../lib/returning.mjs';

async function behindALine(fleet, env = {}) {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const all = { GRACE_MS: 20000, QUEUE_GRACE_MS: 20000, ...env };
  return { redis, line, a: await fleet.gateway({ redis: line, env: all }), b: await fleet.gateway({ redis, env: all }) };
}

// Makes the gateway of `who` ask the store again who she is: it is told that another connection has taken over, and does not believe
// it.
async function lookUpAgain(redis, { name, welcome: { instanceId, socketId } }) {
  const event = { roomId: '', event: 'sessionReplaced', data: { playerId: name, socketId }, originInstanceId: 'x', timestamp: 0 };
  await redis.command('PUBLISH', `room_events:${instanceId}`, JSON.stringify(event));
}

// A snapshot then covered what was still on its way: its number was above theirs, and clients drop what they think they have.
fleetTest('attached again while events are on their way: they come, and no snapshot instead', async (fleet) => {
  const { redis, line, a, b } = await behindALine(fleet);
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const room = await pair(ann, bob);
  await bob.say(room, 'before');
  await ann.client.next('gameMessage');
  line.hold('events');
  const held = line.holdReply('attach', 'ann');
  const lost = line.loseReply('message', 'ann');
  const id = ann.nextId;
  const reply = await ann.ask('gameMessage', { roomId: room, message: 'her own' }, { id });
  assert.equal(reply.error.code, 'OUTCOME_UNKNOWN');
  await lost;
  await held; // looked up again; the answer is late
  for (let i = 0; i < 3; i++) await bob.say(room, `between ${i}`);
  line.release('commands');
  await ann.client.next('opponentReconnected'); // her own: the numbers have no gap
  line.release('events');
  await bob.say(room, 'after');
  await ann.client.next('gameMessage', { filter: ({ data }) => data.message === 'after' });
  assert.equal(ann.client.all('roomSnapshot').length, 0);
  await ann.say(room, 'her own', { id });
  ann.account(room);
  assert.deepEqual(ann.messages(room), ['before', 'between 0', 'between 1', 'between 2', 'after']);
  await waitFor(() => bob.view(room).last === ann.view(room).last);
  bob.account(room);
  assert.deepEqual(await fleet.audit(redis), []);
});

for (const script of ['attach', 'reseat', 'read_log'])
  fleetTest(`the store fails while a client resumes (${script}): it is sent away, and nothing is lost the next time`, async (fleet) => {
    const { redis, line, a, b } = await behindALine(fleet);
    const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
    const room = await pair(ann, bob);
    await ann.client.drop();
    await bob.client.next('opponentDisconnected');
    for (let i = 0; i < 5; i++) await bob.say(room, i);
    const seen = ann.seen();
    const { sessionId, resumeToken } = ann.welcome;
    const lost = line.loseReply(script, ...(script === 'read_log' ? [] : ['ann']));
    await assert.rejects(ann.back(a, { drop: false }), /4103/);
    await lost;
    await waitFor(async () => (await a.get('/health')).status === 200, { what: 'the gateway to be well' });
    const welcome = await ann.back(a, { drop: false, rooms: seen, session: sessionId, token: resumeToken });
    assert.deepEqual([welcome.recovered, welcome.sessionId], [true, sessionId]);
    await bob.say(room, 'end');
    await ann.client.next('gameMessage', { filter: ({ data }) => data.message === 'end' });
    ann.account(room);
    assert.deepEqual(ann.messages(room), [0, 1, 2, 3, 4, 'end']);
    assert.deepEqual(await fleet.audit(redis), []);
  });

// Only the first ended room was told of, and none at all to who waited again.
fleetTest('waiting again, and two rooms ended unseen: both ends are told, then the place', async (fleet) => {
  const { redis, a, b } = await behindALine(fleet, { CONFIRM: 'client', CONFIRM_MS: 20000 });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const rooms = {};
  await bob.ask('joinMatchmaking', { level: 1 });
  for (let i = 0; i < 2; i++) {
    await ann.ask('joinMatchmaking', { level: 1 });
    const { room } = await ann.client.next('matchFound');
    await bob.client.next('matchFound');
    await ann.ask('leaveRoom', { roomId: room });
    await bob.client.next('matchCancelled');
    rooms[room] = 1;
  }
  const before = bob.client.all('matchCancelled');
  bob.views.clear();
  const welcome = await bob.back(a, { rooms });
  assert.equal(welcome.recovered, true);
  assert.deepEqual(welcome.rooms.map(({ ended }) => ended), [true, true]);
  assert.equal(welcome.queue.level, 1);
  await bob.client.next('waiting');
  assert.deepEqual(bob.client.pushes.map(({ event }) => event).slice(0, 4), ['welcome', 'matchCancelled', 'matchCancelled', 'waiting']);
  assert.deepEqual(bob.client.all('matchCancelled').map(({ raw }) => raw), before.map(({ raw }) => raw));
  assert.deepEqual(await fleet.audit(redis), []);
});

// It had been listed as his seat, and then was merely gone.
fleetTest('a room ends while its player resumes, between attach and reseat: how it ended is told', async (fleet) => {
  const { redis, line, a, b } = await behindALine(fleet);
  const [ann, bob] = [await Returning.open(fleet, b, 'ann'), await Returning.open(fleet, b, 'bob')];
  const room = await pair(ann, bob);
  await bob.say(room, 'before');
  await ann.client.next('gameMessage');
  const held = line.holdReply('attach', 'ann');
  const back = ann.back(a);
  await held; // the store has said that she sits there
  await bob.ask('leaveRoom', { roomId: room });
  line.release('commands');
  const welcome = await back;
  assert.deepEqual([welcome.recovered, welcome.rooms], [true, [{ roomId: room, ended: true }]]);
  assert.equal((await ann.client.next('playerLeft')).data.playerId, 'bob');
  assert.equal((await ann.client.next('roomCleanup')).data.reason, 'players_left');
  ann.account(room);
  assert.deepEqual(await fleet.audit(redis), []);
});

// On a living line as well: whoever is looked up again may find that his room ended a moment ago.
fleetTest('a room ends while its player is attached again, between attach and reseat: how it ended is told', async (fleet) => {
  const { redis, line, a, b } = await behindALine(fleet);
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const room = await pair(ann, bob);
  line.hold('events'); // nothing of what happens in the room arrives by itself
  const held = line.holdReply('attach', 'ann');
  const lost = line.loseReply('message', 'ann');
  const id = ann.nextId;
  const reply = await ann.ask('gameMessage', { roomId: room, message: 'her own' }, { id });
  assert.equal(reply.error.code, 'OUTCOME_UNKNOWN');
  await lost; // the store counts as away and is back: rooms are compared, she is looked up again
  await held;
  await waitFor(() => line.calls('read_log') >= 2, { what: 'the log to have been read behind the attach' });
  await bob.ask('leaveRoom', { roomId: room });
  line.release('commands');
  assert.equal((await ann.client.next('roomCleanup', { timeoutMs: 20000 })).data.reason, 'players_left');
  await ann.say(room, 'her own', { id });
  ann.account(room);
  line.release('events');
  await waitFor(async () => (await ann.ask('joinMatchmaking', { level: 3 })).ok, { what: 'her to be looked up' }); // BUSY until then
  await waitFor(async () => (await fleet.audit(redis)).length === 0, { what: 'a clean audit', timeoutMs: 20000 });
});

// His line broke while an instance was too busy to read his hello, and he came back on another one: the first hello, read at last, then
// took him over, and closed the connection that he has with 4005, after which a client does not come back.
fleetTest('a hello that is read late does not take the player over from where he is by now', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { GRACE_MS: 20000 } });
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const room = await pair(ann, bob);
  const resume = { session: ann.welcome.sessionId, token: ann.welcome.resumeToken, rooms: ann.seen() };
  const hello = (client, id) => client.request('hello', { playerId: 'ann', resume }, { id });
  await ann.client.drop();
  const early = await fleet.client(a, { hello: true });
  a.proc.stop();
  hello(early, 500).catch(() => {}); // nobody hears the answer
  await waitFor(() => early.socket.bufferedAmount === 0, { what: 'the hello to be on its way' });
  await early.drop();
  const late = await fleet.client(b, { hello: true });
  hello(late, 501).catch(() => {});
  assert.equal((await late.next('welcome')).data.recovered, true);
  const { length } = a.log;
  a.proc.cont();
  await a.proc.sees(/session\.closed/, { start: length });
  await stays(() => late.close, { what: 'the end of the later connection', ms: 500 });
  await bob.say(room, 'still here?');
  await late.next('gameMessage', { filter: ({ data }) => data.message === 'still here?' });
  assert.equal(bob.client.all('opponentDisconnected').length, 1); // the drop at the beginning
  assert.deepEqual(await fleet.audit(redis), []);
});

// The store was asked twice, so the room has two numbers of hers. The first one came by way of the log, and was kept from her as if
// she had been shown it; the second try then went on behind it.
for (const script of ['attach', 'reseat', 'read_log'])
  for (const apart of [true, false])
    fleetTest(`attached again, and the first answer is lost (${script}, ${apart ? 'on two instances' : 'on one'}): no number is missing`, async (fleet) => {
      const { redis, line, a, b } = await behindALine(fleet);
      const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, apart ? b : a, 'bob')];
      const room = await pair(ann, bob);
      await bob.say(room, 'before');
      await ann.client.next('gameMessage');
      const lost = line.loseReply(script, ...(script === 'read_log' ? [] : ['ann']));
      await lookUpAgain(redis, ann);
      await lost;
      await waitFor(() => line.calls('reseat') >= (script === 'reseat' ? 2 : 1), { what: 'the second try' });
      await waitFor(async () => (await bob.ask('gameMessage', { roomId: room, message: 'after' })).ok, { what: 'a message to be taken' });
      await ann.client.next('gameMessage', { filter: ({ data }) => data.message === 'after' });
      ann.account(room);
      bob.account(room);
      assert.equal(ann.client.close, null, 'her line never broke');
      await waitFor(async () => (await fleet.audit(redis)).length === 0, { what: 'a clean audit', timeoutMs: 20000 });
    });

// What was asked for on the way to the seat was not answered, and the client was told to go; before it went it was attached again, which
// ended the process.
fleetTest('a client that was told to go in the middle of its return, and does not go yet, is not attached again', async (fleet) => {
  const { redis, line, a, b } = await behindALine(fleet);
  const [ann, bob] = [await Returning.open(fleet, a, 'ann'), await Returning.open(fleet, b, 'bob')];
  const room = await pair(ann, bob);
  await ann.client.drop();
  await bob.client.next('opponentDisconnected');
  const { sessionId: session, resumeToken: token } = ann.welcome;
  const lost = line.loseReply('reseat', 'ann');
  const client = await fleet.client(a, { hello: true });
  client.tell('hello', { playerId: 'ann', resume: { session, token, rooms: ann.seen() } });
  client.pause(); // does not answer the Close frame
  await lost;
  await a.proc.sees(/session\.attach_failed player=ann/);
  await waitFor(async () => (await a.get('/health')).status === 200, { what: 'the gateway to be well' });
  await a.proc.sees(/session\.closed player=ann [^\n]*code=4103/, { timeoutMs: 20000 });
  assert.equal((await ann.back(b, { drop: false, session, token })).recovered, true);
  await bob.say(room, 'on');
  await ann.client.next('gameMessage');
  for (const player of [ann, bob]) player.account(room);
  assert.deepEqual(await fleet.audit(redis), []);
});
