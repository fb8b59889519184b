// The checker itself: each thing that must not be is found, and what is in order is not.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Record, content } from './record.mjs';

const ROOM = 'r_1';

// A room of ann and bob up to number 2, and what the test then lets happen.
function played(go, options) {
  const record = new Record();
  const push = (player, seq, event, data, ts = 1000 + seq) =>
    record.pushed(record.view(player, data.roomId ?? ROOM), { seq, event, ts, room: data.roomId ?? ROOM, data: { roomId: ROOM, ...data } });
  const all = (...args) => ['ann', 'bob'].forEach((player) => push(player, ...args));
  let n = 0;
  const say = (player, outcome, seq) => {
    const tag = `${player}#${++n}`;
    record.sending(tag, player, n, ROOM);
    const message = { tag };
    const done = () => outcome && record.answered(tag, record.view(player, ROOM), outcome, seq, content('gameMessage', { roomId: ROOM, playerId: player, message }));
    return { tag, done, data: { playerId: player, sender: `s_${player}`, message } };
  };
  all(1, 'matchFound', { players: [{ id: 'ann' }, { id: 'bob' }], level: 1 });
  all(2, 'gameStart', {});
  go({ record, push, all, say });
  return record.check(options);
}

const finds = (go, pattern, options) => {
  const found = played(go, options);
  assert.equal(found.length, 1, JSON.stringify(found));
  assert.match(found[0], pattern);
};

test('a game in order: own numbers from replies, also late ones, a snapshot, a resume', () => {
  const found = played(({ record, push, say }) => {
    const hi = say('ann', 'ok', 3);
    push('bob', 3, 'gameMessage', hi.data);
    const ho = say('bob', 'ok', 4);
    push('ann', 4, 'gameMessage', ho.data);
    hi.done(); // after push 4
    ho.done();
    record.connected(record.view('ann', ROOM), 4); // resumed: from 5 on
    push('bob', 5, 'opponentReconnected', { playerId: 'ann' });
    push('ann', 5, 'opponentReconnected', { playerId: 'ann' });
    record.connected(record.view('ann', ROOM), 0);
    push('bob', 6, 'opponentReconnected', { playerId: 'ann' });
    record.snapshot(record.view('ann', ROOM), 6);
    const lost = say('bob', 'unknown');
    lost.done();
    push('ann', 7, 'gameMessage', lost.data);
    push('bob', 8, 'opponentDisconnected', { playerId: 'ann', graceMs: 50 }, 2000); // bob does not know of 7
    push('bob', 9, 'playerLeft', { playerId: 'ann', reason: 'grace' }, 2050);
  });
  assert.deepEqual(found, []);
});

test('I7: doubled, reordered, missing, different', () => {
  const two = ({ all }) => (all(3, 'x', {}), all(4, 'x', {}));
  finds((game) => (two(game), game.push('ann', 4, 'x', {})), /I7 ann got number 4 \(x\) behind 4/);
  finds(({ push }) => (push('ann', 4, 'x', {}), push('ann', 3, 'x', {})), /I7 ann got number 3 \(x\) behind 4/);
  finds(({ push, all }) => (push('bob', 3, 'x', {}), all(4, 'x', {})), /I7 ann never got number 3 .*x.*, but later ones/);
  assert.equal(played(({ all }) => all(4, 'x', {}), { jumps: 0 }).length, 2, 'a number nobody saw');
  finds(({ push }) => (push('ann', 3, 'x', { a: 1 }), push('bob', 3, 'x', { a: 2 })), /I7 number 3 of r_1 is .*2.* and was .*1/);
  finds((game) => (two(game), game.record.connected(game.record.view('ann', ROOM), 4), game.push('ann', 4, 'x', {})), /I7 ann got number 4/);
});

test('I7, I8: a message that was done twice, stands elsewhere than answered, was refused and done, or nobody sent', () => {
  const has = (go, pattern) => assert.ok(played(go).some((text) => pattern.test(text)), `${pattern} in ${JSON.stringify(played(go))}`);
  const twice = ({ all, say }) => [3, 4].reduce((data, seq) => (all(seq, 'gameMessage', data), data), say('ann').data);
  has(twice, /I7 ann#1 was done 2 times: at r_1 3 and r_1 4/);
  const elsewhere = ({ all, say }) => {
    const hi = say('ann', 'ok', 4);
    all(3, 'gameMessage', hi.data);
    hi.done();
  };
  has(elsewhere, /I7 ann#1 was answered with number 4 of r_1, and stands at r_1 3/);
  finds(({ all, say }) => {
    const hi = say('ann', 'refused');
    all(3, 'gameMessage', hi.data);
    hi.done();
  }, /I8 ann#1 was refused \(undefined\), and done all the same: at r_1 3/);
  finds(({ all }) => all(3, 'gameMessage', { playerId: 'eve', message: { tag: 'eve#1' } }), /holds eve#1, which nobody sent/);
  finds(({ all, say }) => {
    const [first, second] = [say('ann'), say('ann')];
    all(3, 'gameMessage', second.data);
    all(4, 'gameMessage', first.data);
  }, /I7 r_1: ann's number 1 stands behind his 2/);
});

test('I8: versions grow by one', () => {
  const write = (version) => ({ playerId: 'ann', gameData: {}, version });
  assert.deepEqual(played(({ all }) => (all(3, 'gameDataUpdated', write(1)), all(4, 'gameDataUpdated', write(2)))), []);
  finds(({ all }) => (all(3, 'gameDataUpdated', write(1)), all(4, 'gameDataUpdated', write(1))), /I8 the version of gameData .* is 1 behind 1/);
  finds(({ all }) => all(3, 'playerStateUpdated', { playerId: 'bob', state: {}, version: 2 }), /I8 the version of the state of bob .* is 2 behind 0/);
});

test('I1, I2: two rooms at a time, a match with oneself', () => {
  const match = (push, roomId, ids, from) => push('ann', 1, 'matchFound', { roomId, players: ids.map((id) => ({ id })) }, from);
  const other = (from) => ({ push, all }) => {
    all(3, 'gameEnd', { reason: 'agreed' }, 5000);
    match(push, 'r_2', ['ann', 'cy'], from);
    push('ann', 2, 'gameEnd', { roomId: 'r_2' }, 9000);
  };
  assert.deepEqual(played(other(5000)), []);
  finds(other(4999), /I1 ann sat in r_2 from 4999 and in r_1 until 5000/);
  finds(({ push }) => match(push, 'r_2', ['ann', 'ann'], 9000), /I2 r_2 holds a player twice/);
});

test('I11: a grace time that is over too early, or twice', () => {
  const leave = (ts) => ({ all }) => {
    all(3, 'opponentDisconnected', { playerId: 'bob', graceMs: 100 }, 2000);
    all(4, 'playerLeft', { playerId: 'bob', reason: 'grace' }, ts);
  };
  assert.deepEqual(played(leave(2100)), []);
  finds(leave(2099), /I11 the grace of bob in r_1 was over after 99 of 100 ms/);
  finds(({ all }) => [3, 4].forEach((seq) => all(seq, 'playerLeft', { playerId: 'bob', reason: 'left' })), /I11 bob left r_1 twice/);
});

test('snapshots in place of events are counted, and a fault where none is in order', () => {
  const jump = (then) => ({ record, push }) => {
    push('bob', 3, 'x', {});
    record.connected(record.view('ann', ROOM), 0);
    record.snapshot(record.view('ann', ROOM), 3);
    then?.(push);
  };
  assert.deepEqual(played(jump()), []);
  finds(jump(), /I7 1 times a snapshot came in place of what was missed \(1 events\)/, { jumps: 0 });
  assert.deepEqual(played(jump((push) => push('ann', 3, 'x', {})), { jumps: 0 }), [], 'it came behind the snapshot');
});

test('I7: what was answered may not be skipped by a snapshot on a connection that lives or was recovered', () => {
  const skip = (how, outcome) => ({ record, push, say }) => {
    const hi = say('bob', outcome, 3);
    hi.done();
    if (!outcome) push('bob', 3, 'gameMessage', hi.data);
    if (how) record.connected(record.view('ann', ROOM), 2, how);
    record.snapshot(record.view('ann', ROOM), 3);
  };
  finds(skip('recovered', 'ok'), /I7 ann never got .*bob#1.*, which was answered \(a snapshot on a connection: recovered\)/);
  finds(skip(null, 'ok'), /I7 ann never got .*first connection/);
  assert.deepEqual(played(skip('new session', 'ok')), []);
  assert.deepEqual(played(skip('recovered', null)), []);
});
