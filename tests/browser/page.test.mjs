// What the demo page is made of, without a browser: the rules, and the one file that the build makes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { COLUMNS, ROWS, isLegal, outcome, playOrder, rematchLevel, replay } from '../../deploy/demo/rules.js';

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
  assert.equal(JSON.stringify(outcome(replay('0101010'), order)), '{"winner":"ann","by":"line","moves":"0101010"}');
  assert.equal(outcome(replay('01'), order), null);
  assert.equal(outcome(replay('01'), order, 'eve'), null);
  assert.deepEqual(outcome(replay('01'), order, 'ann'), { winner: 'bob', by: 'resignation', moves: '01' });
  const draw = replay(drawn());
  assert.equal(draw.moves.length, COLUMNS * ROWS);
  assert.deepEqual(outcome(draw, order), { winner: null, by: 'draw', moves: draw.moves });
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
    const level = rematchLevel(`r_${i}`);
    assert.ok(Number.isInteger(level) && level > 100 && level <= 1000);
  }
  assert.equal(first.size, 2);
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
