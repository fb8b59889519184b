// Coming back in the middle of a stream, and hundreds at once.
import assert from 'node:assert/strict';
import { delay, figures, fleetTest, now, waitFor } from '../lib/fleet.mjs';
import { Returning, pair, percentile } from '../lib/returning.mjs';

const BUILD = process.env.MATCHGATE_BIN ? 'the binary given' : 'debug build';

const ENV = { GRACE_MS: 60000, MESSAGES_PER_SECOND: 0, ROOM_LOG_MAX: 10000 };

// Sends numbered messages with at most `ahead` unanswered until stopped; resolves with how many.
function stream(player, room, ahead = 100) {
  let stopped = false;
  let sent = 0;
  const run = async () => {
    while (!stopped) await player.say(room, `${player.name} ${sent++}`);
  };
  const all = Promise.all(Array.from({ length: ahead }, run));
  return { stop: () => ((stopped = true), all.then(() => sent)) };
}

const inOrder = (messages, name) => messages.filter((text) => text.startsWith(name)).map((text) => +text.split(' ')[1]);

for (const mode of ['remote', 'direct', 'standalone'])
  fleetTest(`ten hops while messages stream at full speed: no gap, no double (${mode})`, async (fleet) => {
    const redis = mode === 'standalone' ? undefined : await fleet.redis();
    const env = { ...ENV, ...(redis ? { ROOM_EVENTS_MODE: mode } : {}) };
    const gateways = await fleet.gateways(redis ? 3 : 1, { redis, env });
    const at = (i) => gateways[i % gateways.length];
    const [ann, bob] = [await Returning.open(fleet, at(0), 'ann'), await Returning.open(fleet, at(1), 'bob')];
    const room = await pair(ann, bob);
    const flow = stream(ann, room);
    const latencies = [];
    for (let i = 0; i < 10; i++) {
      const before = bob.view(room).last;
      await waitFor(() => bob.view(room).last > before + 50, { what: 'the stream to go on' });
      const welcome = await bob.back(at(i), { drop: i % 3 !== 2 });
      latencies.push(bob.latencyMs);
      assert.equal(welcome.recovered, true);
      assert.equal(bob.client.all('roomSnapshot').length, 0);
      bob.view(room).order = [];
    }
    const sent = await flow.stop();
    const { seq } = await ann.say(room, 'end 0');
    await waitFor(() => bob.view(room).last >= seq, { what: 'bob to have all', timeoutMs: 30000 });
    await waitFor(() => ann.view(room).last >= seq);
    bob.account(room, seq);
    ann.account(room, seq);
    const got = inOrder(bob.messages(room), 'ann');
    assert.equal(new Set(got).size, sent, 'every message');
    assert.equal(got.length, sent, 'each once');
    figures(`${mode}: ${sent} messages while bob hopped ten times; welcome after p50 ${percentile(latencies, 0.5)} ms, worst ${Math.max(...latencies)} ms (${BUILD})`);
    if (redis) assert.deepEqual(await fleet.audit(redis, { logMax: 10000 }), []);
  });

for (const mode of ['remote', 'standalone'])
  fleetTest(`300 come back at once (${mode})`, async (fleet) => {
    const redis = mode === 'standalone' ? undefined : await fleet.redis();
    const gateways = await fleet.gateways(redis ? 3 : 1, { redis, env: { GRACE_MS: 60000, MESSAGES_PER_SECOND: 0 } });
    const at = (i) => gateways[i % gateways.length];
    const players = [];
    for (let i = 0; i < 300; i += 30)
      players.push(...(await Promise.all(Array.from({ length: 30 }, (_, n) => Returning.open(fleet, at(i + n), `p${i + n}`)))));
    const rooms = [];
    for (let i = 0; i < 300; i += 2) {
      const level = 1 + i / 2;
      for (const player of [players[i], players[i + 1]]) await player.ask('joinMatchmaking', { level });
    }
    for (const player of players) rooms.push((await player.client.next('gameStart')).room);
    for (const [i, player] of players.entries()) await player.say(rooms[i], `before ${i}`);

    await Promise.all(players.map((player) => player.client.drop()));
    const started = now();
    const welcomes = await Promise.all(players.map((player, i) => player.back(at(i + 1), { drop: false })));
    const tookMs = now() - started;
    assert.ok(welcomes.every(({ recovered }) => recovered));
    await Promise.all(players.map((player, i) => player.say(rooms[i], `after ${i}`)));
    const complete = () => players.every((player, i) => player.view(rooms[i]).last === players[i ^ 1].view(rooms[i]).last);
    await waitFor(complete, { what: 'all pairs to have the same', timeoutMs: 30000 });
    for (const [i, player] of players.entries()) {
      player.account(rooms[i]);
      const other = i ^ 1;
      assert.deepEqual(player.messages(rooms[i]).filter((text) => text.endsWith(` ${other}`)), [`before ${other}`, `after ${other}`]);
      assert.equal(player.client.all('roomSnapshot').length, 0);
    }
    const latencies = players.map(({ latencyMs }) => latencyMs);
    figures(`${mode}: 300 resumed at once in ${tookMs} ms; hello to welcome p50 ${percentile(latencies, 0.5)} ms, p99 ${percentile(latencies, 0.99)} ms (${BUILD}, test client on the same cores)`);
    if (redis) assert.deepEqual(await fleet.audit(redis), []);
  });

fleetTest('resume p50 and p99 of a healthy fleet, one after the other', async (fleet) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(3, { redis, env: { GRACE_MS: 60000, MESSAGES_PER_SECOND: 0 } });
  const [ann, bob] = [await Returning.open(fleet, gateways[0], 'ann'), await Returning.open(fleet, gateways[1], 'bob')];
  const room = await pair(ann, bob);
  const latencies = [];
  for (let i = 0; i < 200; i++) {
    await ann.say(room, i);
    assert.equal((await bob.back(gateways[i % 3])).recovered, true);
    latencies.push(bob.latencyMs);
    await delay(5);
  }
  bob.view(room).order = [];
  await waitFor(() => bob.view(room).last === ann.view(room).last);
  bob.account(room);
  assert.deepEqual(bob.messages(room), [...Array(200).keys()]);
  figures(`resume, hello to welcome: p50 ${percentile(latencies, 0.5)} ms, p99 ${percentile(latencies, 0.99)} ms (n=200, ${BUILD})`);
  assert.deepEqual(await fleet.audit(redis), []);
});
