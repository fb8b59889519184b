// Coming home from the island, and what may happen on the way: Redis goes away again, members go, requests come, the instance is
// told to stop, somebody is elsewhere by now.
// Takes 36 s.
import assert from 'node:assert/strict';
import { fleetTest, stays, waitFor } from '../lib/fleet.mjs';
import { LONG_LEASE, QUICK, adopted, clean, home, island, opened, outcomes } from '../lib/islands.mjs';
import { Returning, pair } from '../lib/returning.mjs';

// One gateway behind a line that can be cut; ann and bob play, are cut off, and say something there.
async function awayTogether(fleet, { env = {}, count = 2 } = {}) {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const gateway = await fleet.gateway({ redis: line, env: { ...LONG_LEASE, ROOM_SEATS: count, ...env } });
  const players = [];
  for (const name of ['ann', 'bob', 'cy'].slice(0, count)) players.push(await Returning.open(fleet, gateway, name));
  const room = await pair(...players);
  await players[0].say(room, 'before');
  line.shut();
  await adopted(gateway);
  await players[0].say(room, 'there');
  const [ann, bob, cy] = players;
  return { redis, line, gateway, room, players, ann, bob, cy };
}

async function playOn({ players, room }, text) {
  for (const player of players) {
    await player.say(room, `${text} ${player.name}`);
    for (const other of players.filter((one) => one !== player))
      await other.client.next('gameMessage', { filter: ({ data }) => data.message === `${text} ${player.name}` });
  }
}

async function allIsWell(fleet, game) {
  await playOn(game, 'at home');
  for (const player of game.players) player.account(game.room);
  for (const player of game.players) assert.equal(player.client.all('roomSnapshot').length, 0);
  await clean(fleet, game.redis);
}

for (const script of ['attach', 'restore_session', 'restore_room'])
  fleetTest(`Redis goes away again when ${script} is under way: the room plays on, and comes home once`, async (fleet) => {
    const game = await awayTogether(fleet);
    const { line, gateway, room, ann } = game;
    for (const round of [1, 2, 3]) {
      const lost = line.loseReply(script);
      line.open();
      await lost; // carried out, and nobody knows
      line.shut();
      await gateway.proc.sees(new RegExp(`(island\\.turned_back[^]*){${round}}`), { timeoutMs: 20000 });
      const said = await ann.say(room, `round ${round}`);
      const again = await ann.ask('gameMessage', { roomId: room, message: `round ${round}` }, { id: ann.nextId - 1 });
      assert.equal(again.data.seq, said.seq);
      await playOn(game, `again ${round}`);
    }
    const last = await ann.say(room, 'the last there');
    line.open();
    await home(gateway);
    assert.equal(await outcomes(gateway, 'restored'), 1);
    assert.equal(await outcomes(gateway, 'changed'), 0);
    const repeated = await ann.ask('gameMessage', { roomId: room, message: 'the last there' }, { id: ann.nextId - 1 });
    assert.equal(repeated.data.seq, last.seq);
    await allIsWell(fleet, game);
  });

fleetTest('requests that come on the way wait, and are answered in order', async (fleet) => {
  const game = await awayTogether(fleet);
  const { line, gateway, room, ann, bob } = game;
  const held = line.holdReply('restore_room', room);
  line.open();
  await held;
  const answers = [1, 2, 3].map((n) => ann.ask('gameMessage', { roomId: room, message: n }));
  const state = bob.ask('updatePlayerState', { roomId: room, state: { n: 1 } });
  await ann.client.send('ping', {}, { id: 100000 }); // is not kept waiting
  let settled = false;
  answers[0].then(() => (settled = true));
  await stays(() => settled, { what: 'an answer', ms: 200 });
  line.release('commands');
  const seqs = (await Promise.all(answers)).map(({ data }) => data.seq);
  assert.deepEqual(seqs, [seqs[0], seqs[0] + 1, seqs[0] + 2]);
  assert.equal((await state).ok, true);
  await home(gateway);
  await allIsWell(fleet, game);
});

fleetTest('too many requests on the way: the rest is refused, none is lost', async (fleet) => {
  const game = await awayTogether(fleet);
  const { line, gateway, room, ann } = game;
  const held = line.holdReply('restore_room', room);
  line.open();
  await held;
  const answers = Array.from({ length: 70 }, (_, n) => ann.ask('gameMessage', { roomId: room, message: n }));
  const refused = await Promise.all(answers.slice(64));
  for (const { error } of refused) assert.equal(error.code, 'BUSY');
  line.release('commands');
  for (const { ok } of await Promise.all(answers.slice(0, 64))) assert.equal(ok, true);
  await home(gateway);
  await allIsWell(fleet, game);
});

for (const script of ['attach', 'restore_room'])
  fleetTest(`a member goes while ${script} is under way: the room comes home, and the others hear of it`, async (fleet) => {
    const game = await awayTogether(fleet);
    const { line, gateway, room, ann, bob } = game;
    const held = line.holdReply(script);
    line.open();
    await held;
    const { seq } = bob.view(room).last ? { seq: bob.view(room).last } : {};
    assert.ok(seq > 0);
    await bob.client.drop();
    await gateway.proc.sees(/session\.closed player=bob/);
    line.release('commands');
    assert.equal((await ann.client.next('opponentDisconnected')).data.playerId, 'bob');
    await home(gateway);
    assert.equal(await outcomes(gateway, 'restored'), 1);
    await ann.say(room, 'missed');
    assert.equal((await bob.back(gateway, { drop: false })).recovered, true);
    await ann.client.next('opponentReconnected');
    await allIsWell(fleet, game);
  });

fleetTest('all members go on the way: their seats are held at home', async (fleet) => {
  const game = await awayTogether(fleet);
  const { line, gateway, room, ann, bob } = game;
  const held = line.holdReply('restore_room', room);
  line.open();
  await held;
  for (const player of [ann, bob]) await player.client.drop();
  await gateway.proc.sees(/(session\.closed player=(ann|bob)[^]*){2}/);
  line.release('commands');
  await home(gateway);
  for (const player of [ann, bob]) assert.equal((await player.back(gateway, { drop: false })).recovered, true);
  await allIsWell(fleet, game);
});

fleetTest('a key of the room holds something else: it is given up after a while, all others come home', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const gateway = await fleet.gateway({ redis: line, env: LONG_LEASE });
  const [ann, bob, cy, dan] = await Promise.all(['ann', 'bob', 'cy', 'dan'].map((name) => Returning.open(fleet, gateway, name)));
  const broken = await pair(ann, bob);
  const other = await pair(cy, dan);
  line.shut();
  await adopted(gateway, 2);
  await cy.say(other, 'there');
  await redis.command('SET', `room:${broken}:log`, 'foreign');
  line.open();
  await home(gateway);
  assert.deepEqual([await outcomes(gateway, 'restored'), await outcomes(gateway, 'changed')], [1, 1]);
  await gateway.proc.sees(/island\.room_given_up .*WRONGTYPE/);
  await playOn({ players: [cy, dan], room: other }, 'at home');
  for (const player of [cy, dan]) player.account(other);
});

// ---- the instance is told to stop ----

fleetTest('SIGTERM on the island: the goodbyes wait for Redis; the players go on elsewhere', async (fleet) => {
  const game = await awayTogether(fleet, { env: { DRAIN_MS: 20000 } });
  const { redis, line, gateway, room, ann, bob } = game;
  const other = await fleet.gateway({ redis, env: LONG_LEASE });
  gateway.proc.expectExit = true;
  const end = gateway.sigterm(40000);
  await waitFor(async () => (await gateway.get('/health/ready')).status === 503, { what: 'not to be ready' });
  await ann.say(room, 'still there');
  line.open();
  for (const player of [ann, bob]) assert.equal((await player.client.closed).code, 4200);
  for (const player of [ann, bob]) assert.equal((await player.back(other, { drop: false })).recovered, true);
  assert.deepEqual(await end, { code: 0, signal: null });
  await allIsWell(fleet, { ...game, redis });
});

fleetTest('SIGTERM on the way home: it is finished first', async (fleet) => {
  const game = await awayTogether(fleet, { env: { DRAIN_MS: 20000 } });
  const { redis, line, gateway, room, ann, bob } = game;
  const other = await fleet.gateway({ redis, env: LONG_LEASE });
  const held = line.holdReply('restore_room', room);
  line.open();
  await held;
  gateway.proc.expectExit = true;
  const end = gateway.sigterm(40000);
  const id = ann.nextId;
  ann.ask('gameMessage', { roomId: room, message: 'on the way' }, { id }).catch(() => {}); // answered before the goodbye, or not
  await gateway.proc.sees(/drain\.started/);
  line.release('commands');
  for (const player of [ann, bob]) assert.equal((await player.client.closed).code, 4200);
  for (const player of [ann, bob]) assert.equal((await player.back(other, { drop: false })).recovered, true);
  assert.deepEqual(await end, { code: 0, signal: null });
  assert.ok((await ann.ask('gameMessage', { roomId: room, message: 'on the way' }, { id })).ok);
  await allIsWell(fleet, { ...game, redis });
  assert.equal(bob.messages(room).filter((text) => text === 'on the way').length, 1);
});

fleetTest('SIGTERM on the island, and Redis does not come back: it ends in time, and says what is lost', async (fleet) => {
  const game = await awayTogether(fleet, { env: { DRAIN_MS: 3000 } });
  const { gateway, ann, bob } = game;
  gateway.proc.expectExit = true;
  const end = gateway.sigterm(20000);
  for (const player of [ann, bob]) assert.equal((await player.client.closed).code, 4200);
  assert.deepEqual(await end, { code: 0, signal: null });
  await gateway.proc.sees(/drain\.cut_short .*rooms_lost=1/);
});

// ---- somebody is elsewhere ----

async function cutOffAlone(fleet) {
  const game = await awayTogether(fleet);
  const other = await fleet.gateway({ redis: game.redis, env: LONG_LEASE });
  await game.ann.ask('updateGameData', { roomId: game.room, gameData: 'made there', expectedVersion: 0 });
  return { ...game, other };
}

const gameData = async (player, roomId) => (await player.client.send('getGameState', { roomId }, { id: player.nextId + 5000 })).state.gameData;

fleetTest('a player comes back on another instance while the first is cut off: he sits there, and the room comes home', async (fleet) => {
  const { redis, line, gateway, other, room, ann, bob } = await cutOffAlone(fleet);
  await bob.back(other); // lets him in: it knows the room as it was before
  line.open();
  await home(gateway);
  assert.equal(await outcomes(gateway, 'restored'), 1);
  const snapshot = await bob.client.next('roomSnapshot', { filter: ({ data }) => data.state.gameData === 'made there' });
  assert.ok(snapshot.data.state.epoch > 1);
  await ann.client.next('opponentReconnected');
  for (const player of [ann, bob]) assert.equal(await gameData(player, room), 'made there');
  await ann.say(room, 'to bob');
  await bob.client.next('gameMessage', { filter: ({ data }) => data.message === 'to bob' });
  await bob.say(room, 'to ann');
  await ann.client.next('gameMessage', { filter: ({ data }) => data.message === 'to ann' });
  ann.account(room);
  assert.equal(ann.client.all('roomSnapshot').length, 0);
  await clean(fleet, redis);
});

fleetTest('and does something there: then that is right, and the others get its snapshot', async (fleet) => {
  const { redis, line, gateway, other, room, ann, bob } = await cutOffAlone(fleet);
  await bob.back(other);
  await bob.ask('updateGameData', { roomId: room, gameData: 'made elsewhere', expectedVersion: 0 });
  line.open();
  await home(gateway);
  assert.equal(await outcomes(gateway, 'changed'), 1);
  await ann.client.next('roomSnapshot');
  for (const player of [ann, bob]) assert.equal(await gameData(player, room), 'made elsewhere');
  await bob.say(room, 'to ann');
  await ann.client.next('gameMessage', { filter: ({ data }) => data.message === 'to ann' });
  await clean(fleet, redis);
});

fleetTest('a player comes back on another instance while the room is on its way: he gets all of it', async (fleet) => {
  const { redis, line, gateway, other, room, ann, bob } = await cutOffAlone(fleet);
  const held = line.holdReply('restore_room', room);
  line.open();
  await held;
  assert.equal((await bob.back(other)).recovered, true);
  line.release('commands');
  await home(gateway);
  await ann.client.next('opponentReconnected');
  assert.equal(await gameData(bob, room), 'made there');
  await ann.say(room, 'to bob');
  await bob.client.next('gameMessage', { filter: ({ data }) => data.message === 'to bob' });
  for (const player of [ann, bob]) player.account(room);
  await clean(fleet, redis);
});

fleetTest('taken for dead and swept, but not for so long that anybody lost his seat: the room goes on', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const gateway = await fleet.gateway({ redis: line, env: QUICK });
  const other = await fleet.gateway({ redis, env: QUICK });
  const [ann, bob] = [await Returning.open(fleet, gateway, 'ann'), await Returning.open(fleet, gateway, 'bob')];
  const room = await pair(ann, bob);
  const idle = await Returning.open(fleet, gateway, 'idle');
  line.shut();
  await opened(gateway);
  await ann.say(room, 'there');
  await other.proc.sees(/instance\.swept .*result="?nothing is left/, { timeoutMs: 30000 });
  assert.equal(await redis.command('ZSCORE', 'instances', gateway.proc.output.match(/instance=(\S+)/)[1]), null);
  line.open();
  await home(gateway);
  assert.equal(await outcomes(gateway, 'restored'), 1);
  await allIsWell(fleet, { players: [ann, bob], room, redis });
  assert.equal((await idle.ask('joinMatchmaking', { level: 5 })).data.status, 'waiting');
  assert.equal(await island(other), 0);
});
