// I11 from the events of one room: what is early, doubled or late is found, and what is in order is not.
import assert from 'node:assert/strict';
import test from 'node:test';
import { timerFaults } from './timers.mjs';

const ALWAYS = (from, to) => Math.max(0, to - from); // an instance could act all the time
const ROOM = { roomId: 'r_1' };
const FOUND = ['matchFound', { ...ROOM, players: [], confirmByMs: 6000 }, 1000];
const START = ['gameStart', ROOM, 1100];

// events: [name, data, ts], numbered from 1; null for a number that nobody saw.
function faults(events, { turns = {}, ...options } = {}) {
  const numbers = events
    .map((event, i) => event && { seq: i + 1, text: `${event[0]} ${JSON.stringify(event[1])}`, ts: event[2] })
    .filter(Boolean);
  const limits = new Map(Object.entries(turns).map(([version, list]) => [Number(version), list]));
  return [...timerFaults({ id: 'r_1', numbers, turns: limits }, { able: ALWAYS, ...options })];
}

const finds = (pattern, ...args) => {
  const found = faults(...args);
  assert.equal(found.length, 1, JSON.stringify(found));
  assert.match(found[0], pattern);
};
const none = (...args) => assert.deepEqual(faults(...args), []);

test('the confirmation: cancelled early, started or cancelled late', () => {
  const cancelled = (ts) => [FOUND, ['matchCancelled', { ...ROOM, reason: 'confirm_timeout' }, ts]];
  none(cancelled(6000));
  none(cancelled(7000));
  finds(/I11 r_1 was cancelled 1 ms before its time/, cancelled(5999));
  finds(/I11 the confirmation in r_1, 5000 ms from 1000, was still open at 7001/, cancelled(7001));
  finds(/I11 the confirmation in r_1/, [FOUND, ['gameStart', ROOM, 7001]]);
  none([FOUND, ['gameStart', ROOM, 6500]]);
});

test('what is late is forgiven for the time in which nobody could act, and where nobody watched', () => {
  const late = [FOUND, ['gameStart', ROOM, 9500]];
  none(late, { able: (from, to) => to - from - 2500 });
  finds(/I11/, late, { able: (from, to) => to - from - 2499 });
  none(late, { able: undefined });
});

test('the grace: over early, late, never, twice; called off by a return', () => {
  const away = ['opponentDisconnected', { ...ROOM, playerId: 'bob', graceMs: 100 }, 2000];
  const left = (ts, reason = 'grace') => ['playerLeft', { ...ROOM, playerId: 'bob', reason }, ts];
  const any = (ts) => ['gameMessage', { ...ROOM }, ts];
  none([FOUND, START, away, left(2100)]);
  finds(/I11 the grace of bob in r_1 was over after 99 of 100 ms/, [FOUND, START, away, left(2099)]);
  finds(/I11 the grace of bob in r_1, 100 ms from 2000, was still open at 3101/, [FOUND, START, away, left(3101)]);
  finds(/I11 the grace of bob in r_1, .* was still open at 3200/, [FOUND, START, away, any(3200), any(9000)]);
  finds(/I11 bob left r_1 twice/, [FOUND, START, left(2000, 'left'), left(2000, 'left')]);
  none([FOUND, START, away, ['opponentReconnected', { ...ROOM, playerId: 'bob' }, 2050], any(9000)]);
  none([FOUND, START, away, null, any(9000)], undefined, 'the return may be what nobody saw');
});

test('the turn: without a limit, early, too often, late, never; called off by a new version', () => {
  const timeout = (ts, version = 0) => ['turnTimeout', { ...ROOM, turn: 0, version }, ts];
  const any = (ts) => ['gameMessage', { ...ROOM }, ts];
  const limit = { dueAt: 2000, ms: 500 };
  const once = { turns: { 0: [limit] } };
  none([FOUND, START, timeout(2000)], once);
  finds(/I11 version 0 of r_1 timed out, and nobody had set a limit/, [FOUND, START, timeout(2000)]);
  finds(/I11 version 0 of r_1 timed out 1 ms before its time/, [FOUND, START, timeout(1999)], once);
  finds(/I11 version 0 of r_1 timed out 2 times for 1 limits/, [FOUND, START, timeout(2000), timeout(2001)], once);
  finds(/I11 the limit of version 0 in r_1, 500 ms from 1500, was still open at 3001/, [FOUND, START, any(3001)], once);
  finds(/I11 the limit of version 0/, [FOUND, START, any(3001), any(3002)], once);
  none([FOUND, START, timeout(2000), timeout(2500)], { turns: { 0: [limit, { dueAt: 2500, ms: 500 }] } });
  none([FOUND, START, timeout(1600), any(9000)], { turns: { 0: [limit, {}] } }, 'one of which nobody knows when it began');
  none([FOUND, START, ['gameDataUpdated', { ...ROOM, playerId: 'ann', version: 1 }, 1700], any(9000)], once);
});

test('idle: ended early, never, or late', () => {
  const idle = (ts) => ['gameEnd', { ...ROOM, reason: 'idle', result: null }, ts];
  const rules = { idleMs: 3000 };
  none([FOUND, START, idle(4100)], rules);
  finds(/I11 r_1 ended as idle after 2999 of 3000 ms/, [FOUND, START, idle(4099)], rules);
  finds(/I11 r_1 was silent from 1100 to 5101 and did not end after 3000 ms/, [FOUND, START, idle(5101)], rules);
  finds(/I11 r_1 was silent from 1100 to 5101/, [FOUND, START, ['gameMessage', ROOM, 5101]], rules);
  const epoch = ['roomEpoch', { ...ROOM, epoch: 9 }, 4100];
  none([FOUND, START, epoch, idle(4100)], rules);
});

test('a room that went on by the clock of an instance: no time of it counts, all else does', () => {
  const once = { turns: { 0: [{ dueAt: 2000, ms: 500 }] } };
  const epoch = ['roomEpoch', { ...ROOM, epoch: 9 }, 1001600];
  const away = [FOUND, START, epoch, ['turnTimeout', { ...ROOM, turn: 0, version: 0 }, 1001600], ['gameMessage', ROOM, 1600]];
  none(away, { ...once, idleMs: 3000, ownClocks: true });
  assert.ok(faults(away, { ...once, idleMs: 3000 }).length > 0);
  const twice = [...away, ['turnTimeout', { ...ROOM, turn: 0, version: 0 }, 1700]];
  finds(/I11 version 0 of r_1 timed out 2 times for 1 limits/, twice, { ...once, ownClocks: true });
  finds(/I11 the limit of version 0/, [FOUND, START, ['gameMessage', ROOM, 3001], epoch], { ...once, ownClocks: true });
});

test('a room ends once', () => {
  const end = ['gameEnd', { ...ROOM, reason: 'agreed' }, 2000];
  none([FOUND, START, end, ['roomCleanup', ROOM, 2000]]);
  finds(/I11 r_1 ended twice/, [FOUND, START, end, end]);
});
