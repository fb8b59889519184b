// The checker itself: each thing that must not be is found, and what is in order is not. The invariants of redis' end state have
// their bad states in tests/lua/audit_test.c; what is timed stands in timers.test.mjs and watch.test.mjs, what one player
// finds in player.test.mjs.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Record, content } from './record.mjs';

const ROOM = 'r_1';

// A room of ann and bob up to number 2, and what the test then lets happen.
function played(go, options, record = new Record()) {
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

const lossy = () => new Record({ lossy: true });

const finds = (go, pattern, options, record) => {
  const found = played(go, options, record);
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

test('who is told neither times nor the last number takes nothing from what others know', () => {
  const found = played(({ record, push }) => {
    const untimed = (player, room, seq, event, data) => record.pushed(record.view(player, room), { seq, event, room, data: { roomId: room, ...data } });
    const players = [{ id: 'cy' }, { id: 'ann' }];
    untimed('cy', 'r_2', 1, 'matchFound', { players });
    push('ann', 1, 'matchFound', { roomId: 'r_2', players }, 2001);
    untimed('cy', 'r_2', 2, 'playerLeft', { playerId: 'ann', reason: 'left' });
    record.room('r_2').stuck = true; // its cancellation has no number for cy
    record.ended(record.view('cy', 'r_2'));
    assert.deepEqual([record.room('r_2').from, record.room('r_2').left.get('ann')], [2001, undefined]);
    push('ann', 3, 'playerLeft', { playerId: 'ann', reason: 'left' }, 1500);
    untimed('bob', ROOM, 3, 'playerLeft', { playerId: 'ann', reason: 'left' });
    assert.equal(record.room(ROOM).left.get('ann'), 1500);
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

test('I4: a match that neither starts nor dissolves', () => {
  const stuck = (then) => ({ record, push }) => {
    push('ann', 1, 'matchFound', { roomId: 'r_2', players: [{ id: 'ann' }, { id: 'cy' }] }, 9000);
    record.room('r_2').stuck = true;
    then?.(push);
  };
  finds(stuck(), /I4 r_2 of ann,cy was neither started nor cancelled/);
  assert.deepEqual(played(stuck((push) => push('ann', 2, 'matchCancelled', { roomId: 'r_2', reason: 'player_gone' }))), []);
});

test('I11: timers are judged by what the rooms saw', () => {
  const silence = ({ all }) => all(3, 'gameMessage', {}, 9000);
  finds(silence, /I11 r_1 was silent from 1002 to 9000/, { able: (from, to) => to - from }, new Record({ rules: { idleMs: 3000 } }));
  assert.deepEqual(played(silence, {}, new Record({ rules: { idleMs: 3000 } })), []);
  finds(({ record, all }) => {
    record.turnSet(ROOM, { version: 0, dueAt: 2000, ms: 100 });
    all(3, 'turnTimeout', { turn: 0, version: 0 }, 1950);
  }, /I11 version 0 of r_1 timed out 50 ms before its time/);
});

test('I11: a limit set in what was taken back since is nobody\'s any more', () => {
  const limit = (takenBack) => ({ record, push, all }) => {
    record.turnSet(ROOM, { version: 1, dueAt: 2000, ms: 100 });
    if (takenBack) record.again(record.view('ann', ROOM));
    ['ann', 'bob'].forEach((player) => push(player, 3, 'gameDataUpdated', { playerId: 'ann', gameData: {}, version: 1 }, 1950));
    all(4, 'gameMessage', { playerId: 'ann', message: {} }, 9000);
  };
  const faults = (takenBack) => played(limit(takenBack), { able: (from, to) => to - from }, lossy()).filter((text) => text.startsWith('I11'));
  assert.equal(faults(false).length, 1);
  assert.deepEqual(faults(true), []);
});

test('a loss: who is told may hear other things under the same numbers, who is not may not', () => {
  // bob has seen 3 and 4; the store goes on from 2.
  const lost = (then) => ({ record, push, say }) => {
    const hi = say('ann', 'ok', 3);
    push('bob', 3, 'gameMessage', hi.data);
    hi.done();
    push('bob', 4, 'x', {});
    push('ann', 4, 'x', {});
    const told = (player) => record.snapshot(record.view(player, ROOM), 2);
    const epoch = (player) => push(player, 3, 'roomEpoch', { epoch: 9 });
    then({ record, push, told, epoch });
  };
  const goesOn = ({ told, epoch, push }) => ['ann', 'bob'].forEach((player) => (told(player), epoch(player), push(player, 4, 'y', {})));
  assert.deepEqual(played(lost(goesOn), {}, lossy()), []);
  assert.ok(played(lost(goesOn)).length > 0, 'where nothing may be lost it is a violation');
  const has = (go, pattern) => assert.ok(played(lost(go), {}, lossy()).some((text) => pattern.test(text)), `${pattern} in ${JSON.stringify(played(lost(go), {}, lossy()))}`);
  has(({ told, epoch }) => (told('ann'), epoch('ann')), /I7 number 3 of r_1 is .* for bob and roomEpoch .*, and nobody has told them/);
  has(({ told, epoch, push }) => (told('ann'), told('bob'), epoch('ann'), push('ann', 4, 'z', {}), push('bob', 4, 'z', {})), /I7 bob never got number 3/);
  has(({ epoch }) => epoch('ann'), /I7 ann got number 3 \(roomEpoch\) behind 4/);
  has(({ told, push }) => (told('ann'), push('ann', 3, 'y', {})), /I7 number 3 of r_1, epoch 1, is y .* for ann and was gameMessage .* before/);
  const behindAGap = ({ record, push }) => {
    push('bob', 3, 'x', {});
    ['ann', 'bob'].forEach((player) => push(player, 4, 'x', {})); // 3 never came to her
    ['ann', 'bob'].forEach((player) => (record.snapshot(record.view(player, ROOM), 2), push(player, 3, 'roomEpoch', { epoch: 9 })));
  };
  assert.deepEqual(played(behindAGap, {}, lossy()), [], 'what came behind a gap is taken back as well');
  const gone = ({ record, told, epoch }) => (told('ann'), epoch('ann'), (record.view('bob', ROOM).endUnknown = true));
  assert.deepEqual(played(lost(gone), {}, lossy()), [], 'bob was told that the room is gone');
  const back = ({ record, push }) => ['ann', 'bob'].forEach((player) => (record.again(record.view(player, ROOM)), push(player, 1, 'matchFound', { players: [{ id: 'ann' }, { id: 'bob' }], level: 1 })));
  assert.deepEqual(played(lost(back), {}, lossy()), [], 'both have begun anew');
});

test('I1: a room that comes back to one who had seen its end and sat elsewhere since', () => {
  const elsewhere = (comesBack) => ({ record, push }) => {
    const leaves = (seq, ts) => push('ann', seq, 'playerLeft', { playerId: 'ann', reason: 'left' }, ts);
    leaves(3, 4000);
    push('ann', 1, 'matchFound', { roomId: 'r_2', players: [{ id: 'ann' }, { id: 'cy' }] }, 4500);
    push('ann', 2, 'gameEnd', { roomId: 'r_2' }, 5000);
    if (comesBack) record.again(record.view('ann', ROOM));
    leaves(5, 9000);
  };
  assert.ok(played(elsewhere(false), {}, lossy()).some((text) => /I1 ann sat in r_2 from 4500 and in r_1 until 9000/.test(text)));
  assert.deepEqual(played(elsewhere(true), {}, lossy()).filter((text) => text.startsWith('I1')), []);
});

test('where instances play on by themselves a room may have two ends; in one epoch there is but one', () => {
  const ends = (epoch) => ({ push }) => {
    if (epoch) push('ann', 3, 'roomEpoch', { epoch });
    else push('ann', 3, 'x', {});
    push('bob', 3, 'y', {});
    for (const player of ['ann', 'bob']) push(player, 4, 'roomCleanup', { reason: 'players_left' });
  };
  const alone = () => new Record({ lossy: true, rules: { ownClocks: true } });
  assert.deepEqual(played(ends(9), {}, alone()), []);
  const differs = /I7 number 3 of r_1/;
  assert.ok(played(ends(9), {}, lossy()).some((text) => differs.test(text)), 'elsewhere it has one');
  assert.ok(played(ends(0), {}, alone()).some((text) => differs.test(text)));
});

test('a loss: a message stands once all the same, also a refused one that was refused before it', () => {
  const refused = (loss) => ({ record, all, say }) => {
    const hi = say('ann', 'refused');
    all(3, 'gameMessage', hi.data, Date.now());
    hi.done();
    if (loss) record.loss(Date.now(), Date.now());
  };
  finds(refused(false), /I8 ann#1 was refused/, {}, lossy());
  assert.deepEqual(played(refused(true), {}, lossy()), [], 'with the store went the knowledge that it was done');
  const twice = ({ all, say }) => [3, 4].reduce((data, seq) => (all(seq, 'gameMessage', data), data), say('ann').data);
  assert.ok(played(twice, {}, lossy()).some((text) => /I7 ann#1 was done 2 times/.test(text)));
});

test('the epoch to resume with is that of the number, not of the room', () => {
  const record = new Record();
  const view = record.view('ann', ROOM);
  const push = (seq, event, data) => record.pushed(view, { seq, event, ts: seq, room: ROOM, data });
  push(1, 'x', {});
  push(3, 'roomEpoch', { epoch: 9 }); // 2 is her own, and not answered yet
  push(4, 'x', {});
  assert.deepEqual([view.upTo, record.epochOf(view)], [1, 1]);
  push(6, 'roomEpoch', { epoch: 12 });
  record.sending('ann#1', 'ann', 1, ROOM);
  record.answered('ann#1', view, 'ok', 2, 'gameMessage {}');
  assert.deepEqual([view.upTo, record.epochOf(view)], [4, 9]);
  record.snapshot(view, 8, 12);
  assert.deepEqual([view.upTo, record.epochOf(view)], [8, 12]);
});
