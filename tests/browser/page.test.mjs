// What the demo page is made of, without a browser: the rules, and the one file that the build makes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { gameAtLevel, levelOf, playOrder, rematchLevel } from '../../deploy/demo/fair.js';
import { COLUMNS, ROWS, fourOutcome, isLegal, replay } from '../../deploy/demo/four_rules.js';
import { FIELD, STARS_TO_WIN, isThere, moved, pointFrom, starAt, starsOutcome, startOf, tally } from '../../deploy/demo/stars_rules.js';
import { Track } from '../../deploy/demo/track.js';

const root = new URL('../..', import.meta.url).pathname;
const cells = (line) => line.map(String).sort();

test('four in a row wins, in each direction', () => {
  const games = {
    '0101010': [0, ['0,0', '0,1', '0,2', '0,3']],
    '60101010': [1, ['0,0', '0,1', '0,2', '0,3']],
    '0011223': [0, ['0,0', '1,0', '2,0', '3,0']],
    '01122323363': [0, ['0,0', '1,1', '2,2', '3,3']],
    '65544343303': [0, ['3,3', '4,2', '5,1', '6,0']],
  };
  for (const [moves, expected] of Object.entries(games)) {
    const game = replay(moves);
    assert.deepEqual([game.moves, game.winner, cells(game.line)], [moves, ...expected]);
  }
  assert.equal(replay('010101').winner, null);
  assert.equal(replay('000000111111').winner, null); // piles of both
});

test('what is not legal ends the reading', () => {
  for (const rubbish of [undefined, null, 7, {}, [], '', 'x', '7', '-1', '½']) assert.equal(replay(rubbish).moves, '');
  assert.equal(replay('33x3').moves, '33');
  assert.equal(replay('0'.repeat(9)).moves, '0'.repeat(ROWS));
  assert.equal(replay('01010101111').moves, '0101010');
  assert.equal(isLegal(replay('0101010'), 5), false);
  assert.equal(isLegal(replay('000000'), 0), false);
  assert.equal(isLegal(replay(''), COLUMNS), false);
});

test('the outcome is the same for everybody, to the byte', () => {
  const order = ['ann', 'bob'];
  assert.equal(JSON.stringify(fourOutcome(replay('0101010'), order)), '{"winner":"ann","by":"line","moves":"0101010"}');
  assert.equal(fourOutcome(replay('01'), order), null);
  assert.equal(fourOutcome(replay('01'), order, 'eve'), null);
  assert.deepEqual(fourOutcome(replay('01'), order, 'ann'), { winner: 'bob', by: 'resignation', moves: '01' });
  const draw = replay(drawn());
  assert.equal(draw.moves.length, COLUMNS * ROWS);
  assert.deepEqual(fourOutcome(draw, order), { winner: null, by: 'draw', moves: draw.moves });
});

// Some full board without a winner, found by trying columns in a fixed odd order.
function drawn(moves = '') {
  const game = replay(moves);
  if (game.winner !== null) return null;
  if (game.full) return moves;
  for (const column of '3152604') {
    const found = isLegal(game, column) && drawn(moves + column);
    if (found) return found;
  }
  return null;
}

test('the order of play: the same whoever asks, and both get to begin', () => {
  const first = new Set();
  for (let i = 0; i < 50; i++) {
    const order = playOrder(`r_${i}`, ['bob', 'ann']);
    assert.deepEqual(order, playOrder(`r_${i}`, ['ann', 'bob']));
    first.add(order[0]);
    for (const game of [0, 1]) {
      const level = rematchLevel(`r_${i}`, game);
      assert.ok(Number.isInteger(level) && level > 100 && level <= 1000);
      assert.equal(gameAtLevel(level), game);
    }
  }
  assert.equal(first.size, 2);
  for (const game of [0, 1]) for (let level = 1; level < 10; level++) assert.equal(gameAtLevel(levelOf(game, level)), game);
});

test('stars: on the field, far from each other, the first as near to the one as to the other', () => {
  for (let room = 0; room < 50; room++) {
    for (let number = 0; number < 2 * STARS_TO_WIN - 1; number++) {
      const star = starAt(`r_${room}`, number);
      assert.ok(star.x > 0 && star.x < FIELD.width && star.y > 0 && star.y < FIELD.height);
      assert.deepEqual(star, starAt(`r_${room}`, number));
      if (number > 0) assert.ok(Math.hypot(star.x - starAt(`r_${room}`, number - 1).x, star.y - starAt(`r_${room}`, number - 1).y) >= 40);
    }
    const [a, b] = [0, 1].map((side) => startOf(side).x - starAt(`r_${room}`, 0).x);
    assert.equal(a, -b);
  }
});

test('stars: dots move to a point and stop there, or by keys, and stay inside', () => {
  const dot = { x: 10, y: 10 };
  assert.deepEqual(moved(dot, { target: { x: 11, y: 10 } }, 1000), { x: 11, y: 10 });
  const onTheWay = moved(dot, { target: { x: 110, y: 10 } }, 100);
  assert.ok(onTheWay.x > 10 && onTheWay.x < 110 && onTheWay.y === 10);
  assert.deepEqual(moved(dot, { keys: { x: -1, y: 0 } }, 60000), { x: 0, y: 10 });
  const [straight, across] = [moved(dot, { keys: { x: 1, y: 0 } }, 100), moved(dot, { keys: { x: 1, y: 1 } }, 100)];
  assert.ok(Math.abs(Math.hypot(across.x - 10, across.y - 10) - (straight.x - 10)) < 1e-9); // not faster across
  assert.deepEqual(moved(dot, { keys: { x: 0, y: 0 } }, 100), dot);
  assert.deepEqual(moved(dot, { target: null, keys: null }, 100), dot);
  assert.equal(isThere(dot, { x: 15, y: 10 }), true);
  assert.equal(isThere(dot, { x: 20, y: 10 }), false);
});

test('stars: five win, to the byte; what is not legal ends the reading', () => {
  const order = ['ann', 'bob'];
  assert.deepEqual(tally('0110'), { taken: '0110', scores: [2, 2], winner: null });
  assert.equal(JSON.stringify(starsOutcome(tally('1010111000'), order)), '{"winner":"bob","by":"stars","taken":"1010111"}');
  assert.equal(starsOutcome(tally('01'), order, 'eve'), null);
  assert.deepEqual(starsOutcome(tally('01'), order, 'bob'), { winner: 'ann', by: 'resignation', taken: '01' });
  for (const rubbish of [undefined, null, 7, [], {}, 'x', '2', '½']) assert.equal(tally(rubbish).taken, '');
  for (const rubbish of [undefined, null, 7, 'ab', [], [1], [1, 2, 3], [1, null], [1, '2'], [NaN, 1]]) assert.equal(pointFrom(rubbish), null);
  assert.deepEqual(pointFrom([-5, 1e9]), { x: 0, y: FIELD.height });
});

test("a dot's track: even from uneven messages, behind by little, and with another clock from anew", () => {
  const track = new Track({ x: 50, y: 50 });
  assert.deepEqual(track.at(0), { x: 50, y: 50 });
  const late = [0, 30, 5, 45, 0, 20, 40, 10, 0, 35]; // what the network adds
  const arrivals = late.map((ms, i) => ({ now: 5000 + i * 50 + ms, at: 100 + i * 50, x: i }));
  let next = 0;
  let last = 0;
  for (let now = 5000; now <= 5500; now += 10) {
    while (arrivals[next]?.now <= now) track.hear({ x: arrivals[next].x, y: 0 }, arrivals[next].at, arrivals[next++].now);
    const { x } = track.at(now);
    if (now < 5110) continue; // the first message is not due
    assert.ok(x >= last && x - last < 0.35, `from ${last} to ${x}`); // 0.2 a step when even
    assert.ok(Math.abs(x - Math.min(9, (now - 5100) / 50)) < 0.3, `${x} at ${now}`);
    last = x;
  }
  assert.deepEqual(track.at(60000), { x: 9, y: 0 }); // silence: it stands
  track.hear({ x: 20, y: 0 }, 7, 60000);
  track.hear({ x: 30, y: 0 }, 57, 60050);
  assert.deepEqual(track.at(60200), { x: 30, y: 0 });
  track.hear({ x: 99, y: 0 }, 7, 60200); // an old one
  assert.deepEqual(track.at(60400), { x: 30, y: 0 });
});

function build(t, sourceDir = root) {
  const dir = mkdtempSync(join(tmpdir(), 'matchgate-page-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const [page, data] = [join(dir, 'page.html'), join(dir, 'page.c')];
  const script = join(root, 'deploy/demo/build.cmake');
  const args = [`-DSOURCE_DIR=${sourceDir}`, `-DOUTPUT=${data}`, `-DPAGE=${page}`, '-P', script];
  const { status, stderr } = spawnSync('cmake', args, { encoding: 'utf8' });
  return { dir, status, stderr, page, data };
}

test('the build makes one page that needs nothing else, and its bytes as C', (t) => {
  const { dir, status, stderr, page, data } = build(t);
  assert.equal(status, 0, stderr);
  const html = readFileSync(page, 'utf8');
  const scripts = [...html.matchAll(/<script type="module">([^]*?)<\/script>/g)];
  assert.equal(scripts.length, 1);
  assert.doesNotMatch(html, /\b(src|href)="(?!data:)/);
  assert.doesNotMatch(html, /innerHTML|outerHTML|insertAdjacentHTML|document\.write/);
  assert.doesNotMatch(html, /https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
  const module = join(dir, 'page.mjs');
  writeFileSync(module, scripts[0][1]);
  const check = spawnSync(process.execPath, ['--check', module], { encoding: 'utf8' });
  assert.equal(check.status, 0, check.stderr);

  const code = readFileSync(data, 'utf8');
  const bytes = Buffer.from([...code.matchAll(/'\\x(..)'/g)].map(([, hex]) => parseInt(hex, 16)));
  assert.ok(bytes.equals(readFileSync(page)));
  assert.equal(Number(code.match(/demo_page_bytes = (\d+)/)[1]), bytes.length);
});

test('the build refuses what it cannot join', (t) => {
  const { status, stderr } = build(t, join(root, 'nowhere'));
  assert.notEqual(status, 0);
  assert.match(stderr, /emitter\.js/);
});
