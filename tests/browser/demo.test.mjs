// The demo page in a real browser, each player on a gateway of his own: from the lobby to the end of a game, departures, returns.
import assert from 'node:assert/strict';
import { visitTest } from '../lib/browser.mjs';
import { LONG, QUICK, discs, play, press, seek } from '../lib/demo_games.mjs';
import { waitFor } from '../lib/fleet.mjs';

async function fleetOf(fleet, env = {}) {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(2, { redis, env: { DEMO: '1', ...env } });
  return { redis, gateways };
}

visitTest('two instances: queue, match, a game by clicks to its agreed end, a rematch by keys', async (fleet, visit) => {
  const { redis, gateways } = await fleetOf(fleet);
  const ann = await visit(gateways[0], { player: 'ann', level: 3 });
  const bob = await visit(gateways[1], { player: 'bob', level: 3 }, { phone: true });
  await ann.sees('#pill-more', /^gateway \d+ · \d+ ms$/);
  assert.equal(await ann.text('#lobby-me'), 'ann');
  assert.equal(await ann.page.inputValue('input[name=level]:checked'), '3');
  assert.notEqual(await ann.text('#info-instance'), await bob.text('#info-instance'));
  await ann.shot('1-lobby');
  await bob.shot('1-lobby-phone');

  await ann.page.click('#find');
  await ann.sees('#queue-title', /opponent of level 3/);
  await ann.sees('#queue-position', /^1$/);
  await ann.sees('#queue-amount', /^1$/);
  await ann.shot('2-queue');
  await bob.page.click('#find');
  for (const visitor of [ann, bob]) await visitor.page.waitForSelector('#game:not([hidden])');
  for (const gateway of gateways) await ann.sees('#players', new RegExp(`gateway ${gateway.pid}\\b`));
  await ann.sees('#players', /bob/);
  const cy = await visit(gateways[0], { player: 'cy', level: 3 });
  await cy.sees('#outlook', /Players of this level have waited about \d+ s of late/);
  await cy.shot('1-lobby-outlook');

  await play([ann, bob], LONG.slice(0, 13));
  await bob.page.click('#says button >> nth=1');
  await ann.sees('.bubble', /Nice move/);
  await bob.page.hover('.column >> nth=5');
  await ann.page.waitForSelector('.column.peer >> nth=0');
  await ann.shot('3-game');
  await bob.shot('3-game-phone');
  await play([ann, bob], LONG.slice(13));
  for (const visitor of [ann, bob]) await visitor.sees('#result-text', /Both of you reported the same result/);
  const titles = [await ann.text('#result-title'), await bob.text('#result-title')];
  const winner = titles[0] === 'You win!' ? 'ann' : 'bob';
  assert.deepEqual(titles, winner === 'ann' ? ['You win!', 'ann wins'] : ['bob wins', 'You win!']);
  assert.equal(await ann.page.locator('.disc.wins').count(), 4);
  assert.equal(await ann.text('#score'), await bob.text('#score'));
  assert.match(await ann.text('#score'), /^(1 : 0|0 : 1)$/);
  await ann.shot('4-end');
  await bob.shot('4-end-phone');
  assert.equal(await redis.command('HLEN', 'game_states'), 0);

  const before = await ann.text('#info-room');
  await ann.page.click('#rematch');
  await ann.sees('#queue-title', /Waiting for bob to want a rematch/);
  await bob.page.click('#rematch');
  for (const visitor of [ann, bob]) await visitor.page.waitForSelector('#game:not([hidden])');
  assert.notEqual(await ann.text('#info-room'), before);
  await play([ann, bob], QUICK, press);
  for (const visitor of [ann, bob]) await visitor.sees('#result-text', /Both of you/);
  assert.deepEqual(await fleet.audit(redis), []);
});

visitTest('the opponent closes the page: seen, waited for, and the game is over', async (fleet, visit) => {
  const { redis, gateways } = await fleetOf(fleet);
  const ann = await visit(gateways[0], { player: 'ann' });
  const bob = await visit(gateways[1], { player: 'bob' });
  await seek(ann, bob);
  await play([ann, bob], [3, 4, 3]);
  await bob.check();
  await bob.close();
  await ann.sees('#status', /bob lost the connection; the seat is kept for \d+ s/);
  await ann.page.waitForSelector('.seat.away');
  await ann.shot('5-away');
  await ann.sees('#result-title', /You win!/);
  await ann.sees('#result-text', /bob has left/);
  assert.equal(await ann.page.isVisible('#rematch'), false);
  await ann.page.click('#again');
  await ann.sees('#queue-title', /opponent of level 1/);
  await ann.page.click('#cancel');
  await ann.page.waitForSelector('#lobby:not([hidden])');
  await waitFor(async () => (await redis.command('EXISTS', 'waiting:level:1')) === 0);
  assert.deepEqual(await fleet.audit(redis), []);
});

visitTest('a reloaded page finds its seat and the board; resigning ends the game', async (fleet, visit) => {
  const { gateways } = await fleetOf(fleet, { GRACE_MS: 20000 });
  const ann = await visit(gateways[0], {});
  const bob = await visit(gateways[1], { player: 'bob' });
  await seek(ann, bob);
  const name = await ann.text('#info-player');
  assert.match(name, /^[a-z]+-[a-z]+-\d+$/);
  await play([ann, bob], [3, 4, 3]);
  await ann.page.reload();
  await ann.page.waitForSelector('#game:not([hidden])');
  assert.equal(await ann.text('#info-player'), name);
  assert.equal(await discs(ann), 3);
  await waitFor(async () => (await bob.page.locator('.seat.away').count()) === 0);
  await play([ann, bob], [4]);
  await ann.page.click('#leave');
  await ann.sees('#result-text', /You resigned. Both of you/);
  await bob.sees('#result-text', new RegExp(`${name} resigned. Both of you`));
  await bob.sees('#result-title', /You win!/);
});

visitTest('?server= plays elsewhere; the same player in a second tab takes over and the first says so', async (fleet, visit) => {
  const { gateways } = await fleetOf(fleet);
  const first = await visit(gateways[0], { player: 'ann' });
  await first.sees('#info-instance', new RegExp(`^${gateways[0].pid}-`));
  const second = await visit(gateways[0], { player: 'ann', server: `127.0.0.1:${gateways[1].port}` });
  await second.sees('#info-instance', new RegExp(`^${gateways[1].pid}-`));
  await first.sees('#notice-text', /plays in another tab/);
  await first.page.waitForSelector('#pill[data-status=closed]');
  await first.page.click('#notice-action');
  await first.page.waitForSelector('#pill[data-status=connected]');
  assert.notEqual(await first.text('#info-player'), 'ann');
  assert.equal(await second.page.getAttribute('#pill', 'data-status'), 'connected');
});

visitTest('an opponent that sends rubbish: shown as text or not at all', async (fleet, visit) => {
  const { gateways } = await fleetOf(fleet);
  const ann = await visit(gateways[0], { player: 'ann', level: 2 });
  const eve = await fleet.client(gateways[1], 'eve');
  await ann.page.waitForSelector('#pill[data-status=connected]');
  await ann.page.click('#find');
  await eve.send('joinMatchmaking', { level: 2 });
  const { roomId } = (await eve.next('gameStart')).data;
  await ann.page.waitForSelector('#game:not([hidden])');
  const markup = '<img src=x onerror="document.body.id=\'owned\'">';
  for (const message of [markup, null, [], 7, { say: markup }, { say: 'length' }, { say: 1e9 }, { at: markup }, { say: -1 }])
    await eve.send('gameMessage', { roomId, message });
  const rubbish = [null, [], 7, markup, { moves: 7 }, { moves: markup, resigned: markup }, { moves: '9' }, { moves: '0000000' }];
  for (const [expectedVersion, gameData] of rubbish.entries())
    await eve.send('updateGameData', { roomId, gameData, turn: 1e15, expectedVersion });
  await waitFor(async () => (await discs(ann)) === 6, { what: 'the legal part of the last record' });
  await eve.send('updateGameData', { roomId, gameData: { moves: '0', resigned: markup }, expectedVersion: rubbish.length });
  await waitFor(async () => (await discs(ann)) === 1);
  await eve.send('gameMessage', { roomId, message: { say: 4 } });
  await ann.sees('.bubble', /Good game/);
  assert.equal(await ann.page.isVisible('#result'), false);
  assert.equal(await ann.page.locator('img').count(), 0);
  assert.notEqual(await ann.page.evaluate(() => document.body.id), 'owned');
  await eve.send('leaveRoom', { roomId });
  await ann.sees('#result-text', /eve has left/);
});
