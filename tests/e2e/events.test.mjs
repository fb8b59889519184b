// The channel room_events: what comes from outside is relayed or refused, and what goes out has the documented form.
import assert from 'node:assert/strict';
import { fleetTest, waitFor } from '../lib/fleet.mjs';

async function pair(fleet, env) {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  return { redis, a, b, ann, bob, ...(await fleet.match(ann, bob)) };
}

fleetTest('what redis-cli publishes reaches the members, un-numbered', async (fleet) => {
  const { redis, ann, bob, roomId } = await pair(fleet);
  const data = '{"sender":"ops","message":{"n":1e999,"a":[]}}';
  const text = `{"roomId":"${roomId}","event":"announcement","data":${data},"originInstanceId":"redis-cli","timestamp":1731000000123}`;
  assert.equal(await redis.command('PUBLISH', 'room_events', text), 2);
  for (const client of [ann, bob]) {
    const push = await client.next('announcement');
    assert.equal(push.room, roomId);
    assert.equal(push.seq, undefined);
    assert.ok(push.raw.includes(`"data":${data}`), push.raw);
  }
  // Without origin and timestamp too: what a person types.
  await redis.command('PUBLISH', 'room_events', `{"roomId":"${roomId}","event":"gameMessage","data":{"message":"hi"}}`);
  for (const client of [ann, bob]) assert.equal((await client.next('gameMessage')).data.message, 'hi');
});

fleetTest('an outsider cannot end a game or forge a number', async (fleet) => {
  const { redis, ann, bob, roomId } = await pair(fleet);
  const forged = { roomId, event: 'gameEnd', data: { roomId, reason: 'hacked' }, originInstanceId: '1-1', timestamp: 1, seq: 3 };
  await redis.command('PUBLISH', 'room_events', JSON.stringify(forged));
  await redis.command('PUBLISH', 'room_events', JSON.stringify({ ...forged, seq: undefined }));
  // A marker behind them on the same channel: when it is here, they have been dealt with.
  await redis.command('PUBLISH', 'room_events', JSON.stringify({ roomId, event: 'marker', data: {} }));
  await Promise.all([ann.next('marker'), bob.next('marker')]);
  assert.equal(await redis.command('HEXISTS', 'game_states', roomId), 1);
  for (const client of [ann, bob]) assert.equal(client.all('gameEnd').length, 0);
  const { seq } = await ann.send('gameMessage', { roomId, message: 'still' });
  assert.equal((await bob.next('gameMessage')).seq, seq);
});

fleetTest('garbage on the channel is counted and harms nobody', async (fleet) => {
  const { redis, a, ann, bob, roomId } = await pair(fleet);
  const before = (await a.metrics()).value('matchgate_room_events_bad_total') ?? 0;
  const garbage = [
    '',
    'hello',
    '{',
    '[]',
    'null',
    '{}',
    '{"roomId":7,"event":"x","data":{}}',
    `{"roomId":"${roomId}","data":{}}`,
    `{"roomId":"${roomId}","event":7,"data":{}}`,
    '{"roomId":"a b\\n","event":"x","data":{}}',
    '\xff\xfe',
    '['.repeat(100000),
    'x'.repeat(1 << 20),
  ];
  for (const text of garbage) await redis.command('PUBLISH', 'room_events', text);
  await redis.command('PUBLISH', 'room_events', `{"roomId":"nobody-has-it","event":"x","data":{}}`);
  await ann.send('gameMessage', { roomId, message: 1 });
  await bob.next('gameMessage');
  const bad = async () => (await a.metrics()).value('matchgate_room_events_bad_total') - before;
  await waitFor(async () => (await bad()) >= garbage.length - 1, { what: 'garbage to be counted' });
  assert.equal(ann.close ?? bob.close, null);
});

fleetTest('what an instance publishes has the documented form', async (fleet) => {
  const { redis, ann, bob, roomId } = await pair(fleet);
  const heard = [];
  const observer = await fleet.subscriber(redis, 'room_events', (text) => heard.push(text));
  const { seq } = await ann.send('gameMessage', { roomId, message: { move: 1 } });
  await bob.next('gameMessage');
  await waitFor(() => heard.length > 0, { what: 'the message on the channel' });
  observer.close();
  assert.ok(heard[0].startsWith(`{"roomId":"${roomId}","event":"gameMessage","data":`), heard[0]);
  const event = JSON.parse(heard[0]);
  assert.equal(event.originInstanceId, ann.welcome.instanceId);
  assert.equal(event.seq, seq);
  assert.ok(Math.abs(event.timestamp - Date.now()) < 60000);
  assert.equal(event.data.sender, ann.welcome.socketId);
  assert.deepEqual(event.data.message, { move: 1 });
});

fleetTest('room_events is silent for a room whose members are all local', async (fleet) => {
  const redis = await fleet.redis();
  const a = await fleet.gateway({ redis });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(a, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  const heard = [];
  await fleet.subscriber(redis, 'room_events', (text) => heard.push(text));
  await ann.send('gameMessage', { roomId, message: 1 });
  await bob.next('gameMessage');
  await redis.command('PUBLISH', 'room_events', 'marker');
  await waitFor(() => heard.includes('marker'), { what: 'the marker' });
  assert.deepEqual(heard, ['marker']);
});

for (const mode of ['all', 'direct']) {
  fleetTest(`ROOM_EVENTS_MODE=${mode}: members meet all the same, and room_events is heard in every mode`, async (fleet) => {
    const { redis, ann, bob, roomId } = await pair(fleet, { ROOM_EVENTS_MODE: mode });
    await ann.send('gameMessage', { roomId, message: 1 });
    assert.equal((await bob.next('gameMessage')).data.message, 1);
    ann.tell('gameMessage', { roomId, message: 2, volatile: true });
    assert.equal((await bob.next('gameMessage')).data.message, 2);
    await redis.command('PUBLISH', 'room_events', JSON.stringify({ roomId, event: 'news', data: {} }));
    await Promise.all([ann.next('news'), bob.next('news')]);
  });
}
