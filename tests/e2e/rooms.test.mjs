// Rooms over three instances: one order for all, exactly once; volatile messages at most once; payloads byte for byte.
import assert from 'node:assert/strict';
import { fleetTest, waitFor } from '../lib/fleet.mjs';

const PER_MEMBER = { 2: 200, 8: 50, 64: 10 };

// A started room of `seats` players spread over the gateways in turn.
async function room(fleet, gateways, seats) {
  const members = await Promise.all(
    Array.from({ length: seats }, (_, i) => fleet.client(gateways[i % gateways.length], `m${i}`)),
  );
  const { roomId } = await fleet.match(...members);
  return { members, roomId };
}

// What a member saw of the room's numbered events after gameStart, and what it learned of its own from replies.
function numbered(member, own) {
  const seen = new Map();
  for (const push of member.pushes) {
    if (push.seq === undefined) continue;
    assert.ok(!seen.has(push.seq), `${member.name} got seq ${push.seq} twice`);
    seen.set(push.seq, push.event === 'gameMessage' ? push.data.message : push.event);
  }
  for (const [seq, message] of own) {
    assert.ok(!seen.has(seq), `${member.name} got its own message ${seq}`);
    seen.set(seq, message);
  }
  return seen;
}

function inOrder(member) {
  const seqs = member.pushes.filter((push) => push.seq !== undefined).map((push) => push.seq);
  for (let i = 1; i < seqs.length; i++)
    assert.ok(seqs[i] > seqs[i - 1], `${member.name} got ${seqs[i]} behind ${seqs[i - 1]}`);
}

for (const seats of [2, 8, 64]) {
  fleetTest(`${seats} members on 3 instances see one order`, async (fleet) => {
    const redis = await fleet.redis();
    const gateways = await fleet.gateways(3, { redis, env: { ROOM_SEATS: seats, MESSAGES_PER_SECOND: 0 } });
    const { members, roomId } = await room(fleet, gateways, seats);
    const count = PER_MEMBER[seats];
    const own = new Map(members.map((member) => [member, new Map()]));
    await Promise.all(
      members.map(async (member) => {
        for (let i = 0; i < count; i++) {
          const message = `${member.name}/${i}`;
          const { seq } = await member.send('gameMessage', { roomId, message });
          own.get(member).set(seq, message);
        }
      }),
    );
    const expected = seats * count;
    const complete = (member) => member.all('gameMessage').length === expected - count;
    await waitFor(() => members.every(complete), { what: 'everybody to have everything', timeoutMs: 30000 });

    const first = numbered(members[0], own.get(members[0]));
    const last = Math.max(...first.keys());
    assert.equal(first.size, last, 'the numbers have no gap');
    for (const member of members) {
      inOrder(member);
      assert.deepEqual(new Map([...numbered(member, own.get(member))].sort((x, y) => x[0] - y[0])), sorted(first));
    }
    // Each sender's own messages stand in the order in which they were sent.
    const texts = [...sorted(first).values()].filter((text) => text.includes('/'));
    for (const member of members) {
      const mine = texts.filter((text) => text.startsWith(`${member.name}/`));
      assert.deepEqual(
        mine,
        Array.from({ length: count }, (_, i) => `${member.name}/${i}`),
      );
    }
    assert.deepEqual(await fleet.audit(redis), []);
  });

  fleetTest(`${seats} members on 3 instances get a volatile message at most once`, async (fleet) => {
    const redis = await fleet.redis();
    const gateways = await fleet.gateways(3, { redis, env: { ROOM_SEATS: seats, MESSAGES_PER_SECOND: 0 } });
    const { members, roomId } = await room(fleet, gateways, seats);
    const count = PER_MEMBER[seats];
    for (let i = 0; i < count; i++)
      for (const member of members)
        member.tell('gameMessage', { roomId, message: `${member.name}/${i}`, volatile: true });
    // A numbered message behind them: what was not there before it or soon after it is lost, which is allowed.
    const expected = (seats - 1) * count;
    await waitFor(() => members.every((member) => member.all('gameMessage').length >= expected * 0.9), {
      what: 'nine in ten volatile messages on loopback',
      timeoutMs: 30000,
    });
    for (const member of members) {
      const texts = member.all('gameMessage').map((push) => push.data.message);
      assert.equal(new Set(texts).size, texts.length, `${member.name} got one twice`);
      assert.ok(member.all('gameMessage').every((push) => push.seq === undefined));
      assert.ok(!texts.some((text) => text.startsWith(`${member.name}/`)), 'no echo');
      for (const other of members) {
        const numbers = texts.filter((text) => text.startsWith(`${other.name}/`)).map((text) => +text.split('/')[1]);
        assert.deepEqual(
          numbers,
          [...numbers].sort((x, y) => x - y),
        );
      }
    }
  });
}

function sorted(map) {
  return new Map([...map].sort((x, y) => x[0] - y[0]));
}

const PAYLOADS = [
  '{"n":1e999,"big":12345678901234567890,"a":[],"o":{}}',
  '{ "spaces" : [ 1 , 2.50 , -0.0 , 1E+2 ] }',
  '{"b":1,"a":2,"b":3}',
  '"\\u00e9\\ud83d\\ude00\\/ é😀"',
  '[]',
  '{}',
  '0.1000',
  'null',
  'true',
];

fleetTest('payloads arrive byte for byte, on the same instance and on another', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis, env: { ROOM_SEATS: 3 } });
  const ann = await fleet.client(a, 'ann');
  const near = await fleet.client(a, 'near');
  const far = await fleet.client(b, 'far');
  const { roomId } = await fleet.match(ann, near, far);
  for (const volatile of [false, true]) {
    for (const payload of PAYLOADS) {
      const data = `{"roomId":"${roomId}","volatile":${volatile},"message":${payload}}`;
      await ann.send('gameMessage', data, { rawData: true });
      for (const member of [near, far]) {
        const push = await member.next('gameMessage');
        assert.ok(push.raw.includes(`"message":${payload}`), `${member.name}: ${push.raw} holds ${payload}`);
        assert.equal(push.data.playerId, 'ann');
        assert.equal(push.data.sender, ann.welcome.socketId);
      }
    }
  }
});

fleetTest('who is alone in the room with members elsewhere is not told his own message, unless he asks', async (fleet) => {
  const redis = await fleet.redis();
  const [a, b] = await fleet.gateways(2, { redis });
  const ann = await fleet.client(a, 'ann');
  const bob = await fleet.client(b, 'bob');
  const { roomId } = await fleet.match(ann, bob);
  await ann.send('gameMessage', { roomId, message: 'quiet' });
  ann.tell('gameMessage', { roomId, message: 'loud' }); // no id: his number comes as an echo
  const echo = await ann.next('gameMessage');
  assert.equal(echo.data.message, 'loud');
  const atBob = await bob.next('gameMessage', { filter: (push) => push.data.message === 'loud' });
  assert.equal(echo.seq, atBob.seq);
});
