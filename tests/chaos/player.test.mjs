// What one player finds wrong in what he is told, and a crowd at the end: fed with bad news, without any server.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Crowd } from './crowd.mjs';
import { Player } from './player.mjs';
import { Record } from './record.mjs';

const seats = (...ids) => ids.map((id) => ({ id, setup: { of: id } }));
const found = (room, seq = 1) => ({ event: 'matchFound', room, seq, ts: 1000, data: { roomId: room, players: seats('ann', 'bob'), confirmByMs: 9000 } });
const welcome = { queue: null, rooms: [], recovered: true };

// ann, as the record sees her after go(player, record).
async function told(go, rules = {}) {
  const record = new Record({ rules });
  const ann = new Player({ name: 'ann', urls: () => [], random: () => 0.5, record });
  ann.request = async () => ({ ok: true, sent: 1, data: { status: 'waiting', ticketId: 't_1' } });
  await go(ann, record);
  return record.violations;
}

async function finds(pattern, go, rules) {
  const violations = await told(go, rules);
  assert.equal(violations.length, 1, JSON.stringify(violations));
  assert.match(violations[0], pattern);
}

test('I1, I2: a match while she sits in another, without a ticket, or not her own', async () => {
  const queued = (then) => async (ann) => (await ann.join(), ann.arrived(found('r_1')), then?.(ann));
  assert.deepEqual(await told(queued()), []);
  await finds(/I1 ann was matched into r_2 while he sat in r_1/, queued((ann) => ann.arrived(found('r_2'))));
  await finds(/I2 ann was matched into r_1 without a ticket/, (ann) => ann.arrived(found('r_1')));
  const underLoss = (ann, record) => {
    record.lossy = true;
    record.loss(Date.now(), Infinity); // an older store may know of a ticket of hers
    ann.arrived(found('r_1'));
  };
  assert.deepEqual(await told(underLoss), [], 'while a loss goes on');
  await finds(/I2 ann is told of r_2, but not in it/, async (ann) => {
    await ann.join();
    ann.arrived({ ...found('r_2'), data: { ...found('r_2').data, players: seats('bob', 'cy') } });
  });
});

test('I10: what a player says about himself is lost, or another one\'s', async () => {
  const hears = (players) => async (ann) => (await ann.join(), ann.arrived({ ...found('r_1'), data: { ...found('r_1').data, players } }));
  assert.deepEqual(await told(hears(seats('ann', 'bob'))), []);
  await finds(/I10 ann hears in r_1 that bob says undefined about himself/, hears([...seats('ann'), { id: 'bob' }]));
  const also = (opponentSetup) => async (ann) => (await ann.join(), ann.arrived({ ...found('r_1'), data: { ...found('r_1').data, opponentSetup } }));
  assert.deepEqual(await told(also([{ playerId: 'bob', of: 'bob' }])), []);
  for (const other of [[], [{ playerId: 'bob' }], [{ playerId: 'bob', of: 'cy' }], [{ playerId: 'ann', of: 'ann' }]])
    await finds(/I10 ann hears in r_1 of .* as the setup of bob/, also(other));
  await finds(/I10 ann hears in r_1 that bob says {"of":"cy"} about himself/, hears([...seats('ann'), { id: 'bob', setup: { of: 'cy' } }]));
});

test('I7: news of a room in which she does not sit; a room that is gone without a word', async () => {
  await finds(/I7 ann got gameMessage 7 of r_9, in which he does not sit/, (ann) => ann.arrived({ event: 'gameMessage', room: 'r_9', seq: 7, data: { message: 1 } }));
  const gone = (silentMs, same = true) => async (ann) => {
    await ann.join();
    ann.arrived(found('r_1'));
    ann.silentMs = silentMs;
    ann.taken(welcome, { resumed: true, same });
  };
  await finds(/I7 ann is not told how r_1 ended \(not in welcome\), though he was away for 9999 ms only/, gone(9999), { goneMs: 10000 });
  assert.deepEqual(await told(gone(10000), { goneMs: 10000 }), []);
  assert.deepEqual(await told(gone(10, false), { goneMs: 10000 }), [], 'she came as a new session');
  assert.deepEqual(await told(gone(10)), [], 'nobody has promised anything');
  const ended = (heard) => async (ann) => {
    await ann.join();
    ann.arrived(found('r_1'));
    ann.taken({ ...welcome, rooms: [{ roomId: 'r_1' }] }, { resumed: false, same: false });
    if (heard) ann.arrived({ event: 'roomSnapshot', data: { roomId: 'r_1', seq: 1, state: { status: 'active', version: 0, epoch: 1 } } });
    ann.arrived({ event: 'roomCleanup', room: 'r_1', data: { roomId: 'r_1', reason: 'gone' } });
  };
  assert.deepEqual(await told(ended(false), { goneMs: 10000 }), [], 'it ended while a new session looked for it');
  await finds(/I7 ann is not told how r_1 ended \(roomCleanup alone\)/, ended(true), { goneMs: 10000 });
});

test('I7: a session that is not recovered where every one can be', async () => {
  const anew = (ann) => ann.taken({ ...welcome, recovered: false }, { resumed: true, same: true });
  await finds(/I7 ann resumed \{\} after 0 ms, and it was not recovered/, anew, { goneMs: 10000 });
  assert.deepEqual(await told(anew), []);
  assert.deepEqual(await told((ann) => ((ann.silentMs = 10000), anew(ann)), { goneMs: 10000 }), []);
});

test('I11: a ticket that expires twice, or before its time', async () => {
  const expired = { event: 'ticketExpired', data: { ticketId: 't_1', level: 1, reason: 'ttl' } };
  await finds(/I11 t_1 of ann expired after \d+ of 60000 ms/, async (ann) => (await ann.join(), ann.arrived(expired)), { ticketTtlMs: 60000 });
  await finds(/I11 ann was told twice that t_1 has expired/, async (ann) => (await ann.join(), ann.arrived(expired), ann.arrived(expired)));
});

// A crowd of ann and bob in one room, and a store that answers so.
async function ended({ ann = 'room|7|2|t|1|r_1|s_a|A', seq = 3, upTo = [3, 3], rooms = true } = {}) {
  const connect = async () => ({
    command: async (name) => (name === 'HMGET' ? [ann, 'room|8|2|t|1|r_1|s_b|B'] : name === 'HGET' ? String(seq) : Promise.reject(new Error('away'))),
    close() {},
  });
  const crowd = new Crowd({ count: 2, seed: 1, urls: () => [], patienceMs: 200, watch: { connect } });
  for (const [i, player] of crowd.players.entries()) {
    player.welcome = { socketId: i ? 's_b' : 's_a' };
    const view = crowd.record.view(player.name, 'r_1');
    crowd.record.snapshot(view, upTo[i]);
    if (rooms) player.room = { id: 'r_1', view, started: true };
  }
  return crowd.finish();
}

const only = (violations, pattern) => {
  assert.equal(violations.length, 1, JSON.stringify(violations));
  assert.match(violations[0], pattern);
};

test('I10, I7: at the end the store believes what the players believe, and all members know the last number', async () => {
  assert.deepEqual(await ended(), []);
  only(await ended({ ann: 'idle|7|||0||s_a|A' }), /I10 c0 believes: room r_1; the store says: idle/);
  only(await ended({ ann: 'room|7|2|t|1|r_1|s_other|A' }), /I10 c0 is connected as s_a; the store says: room.*s_other/);
  only(await ended({ seq: 4 }), /I7 c0 has seen room r_1 up to 3; the store is at 4/);
  assert.match((await ended({ upTo: [3, 2] }))[0], /I7 the members of a room do not end at the same number: r_1: c0 3,c1 2/);
});

test('I6: who is not matched again in the calm at the end', async () => {
  const crowd = new Crowd({ count: 2, seed: 1, urls: () => [], patienceMs: 200 });
  const violations = await crowd.end();
  assert.match(violations[0], /I6 not matched again in the calm at the end: c0 \(not connected\)/);
});
