// The real-time game of the demo page, and hopping from gateway to gateway in the middle of it.
import assert from 'node:assert/strict';
import { catchStars, starsTaken } from '../lib/demo_games.mjs';
import { visitTest } from '../lib/browser.mjs';
import { waitFor } from '../lib/fleet.mjs';

visitTest('two instances behind a load balancer: star catcher to its agreed end, with hops on the way', async (fleet, visit) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(2, { redis, env: { DEMO: '1' } });
  const balancer = await fleet.haproxy(gateways);
  const ann = await visit(balancer, { player: 'ann', game: 'stars' });
  const bob = await visit(gateways[1], { player: 'bob', game: 'stars' }, { phone: true });
  await ann.page.waitForSelector('#pill[data-status=connected]');
  await ann.sees('#counts', /[12] players? online\s.* 2 gateways/);
  await ann.page.click('#find');
  await bob.sees('#counts', /1 waiting/);
  await bob.page.waitForSelector('.awaited');
  await bob.sees('#outlook', /Somebody waits at this level: you play at once/);
  await bob.shot('6-lobby-awaited-phone');
  await bob.page.click('#find');
  for (const visitor of [ann, bob]) await visitor.page.waitForSelector('#stars:not([hidden])');

  assert.equal(await ann.page.evaluate(() => document.activeElement.id), 'game'); // a keyboard goes on from here
  // Each sees the other's dot where he has gone.
  assert.equal((await dotOf(bob, ann)).top, 50);
  await ann.page.keyboard.down('KeyS');
  await waitFor(async () => (await dotOf(bob, ann)).top > 70, { what: "bob to see ann's dot go" });
  await ann.page.keyboard.up('KeyS');
  await ann.sees('#info-volatile', /^\d+ out, [1-9]\d* in per second$/);

  await catchStars([ann, bob], 3);
  const room = await ann.text('#info-room');
  const before = await ann.text('#info-gateway');
  await ann.page.click('#hop');
  await ann.sees('#hop-text', /gateway \d+ → gateway \d+, \d+\sms, nothing missed/);
  const after = await ann.text('#info-gateway');
  assert.notEqual(after, before);
  assert.match(await ann.text('#hop-text'), new RegExp(`^${before} → ${after},`));
  assert.ok(Number(await ann.text('#info-reconnects')) >= 1);
  assert.equal(await ann.text('#info-room'), room);
  await ann.shot('6-stars');
  await bob.shot('6-stars-phone');

  const taken = await starsTaken(ann);
  await catchStars([ann, bob], taken + 1);
  await ann.page.click('#hop'); // and back
  await ann.sees('#hop-text', new RegExp(`${after} → ${before}`));
  await catchStars([ann, bob], Infinity);
  for (const visitor of [ann, bob]) await visitor.sees('#result-text', /^5 stars\. Both of you reported the same result/);
  const titles = [await ann.text('#result-title'), await bob.text('#result-title')].sort();
  assert.equal(titles[0], 'You win!');
  assert.match(titles[1], /^(ann|bob) wins$/);
  assert.equal(await ann.text('#tally-0'), await bob.text('#tally-0'));
  assert.equal(await ann.text('#tally-1'), await bob.text('#tally-1'));
  await ann.shot('7-stars-end');
  await bob.shot('7-stars-end-phone');
  assert.equal(await redis.command('HLEN', 'game_states'), 0);

  await ann.page.click('#rematch');
  await bob.page.click('#rematch');
  for (const visitor of [ann, bob]) await visitor.page.waitForSelector('#stars:not([hidden])');
  await ann.page.click('#leave');
  await bob.sees('#result-text', /ann resigned. Both of you/);
  assert.deepEqual(await fleet.audit(redis), []);
});

visitTest('a page with one gateway hops to the same; with a list of addresses to the next', async (fleet, visit) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(2, { redis, env: { DEMO: '1' } });
  const ann = await visit(gateways[0], { player: 'ann' });
  await ann.page.waitForSelector('#hop:enabled');
  await ann.page.click('#hop');
  await ann.sees('#hop-text', /gateway \d+ again, there seems to be no other/);
  const server = gateways.map(({ port }) => `127.0.0.1:${port}`).join(',');
  const bob = await visit(gateways[0], { player: 'bob', server });
  await bob.page.waitForSelector('#hop:enabled');
  for (const [from, to] of [
    [0, 1],
    [1, 0],
  ]) {
    await bob.page.click('#hop');
    await bob.sees('#hop-text', new RegExp(`gateway ${gateways[from].pid} → gateway ${gateways[to].pid}`));
    assert.equal(await bob.text('#info-server'), `127.0.0.1:${gateways[to].port}`);
  }
});

// The place of `whose` dot as `visitor` sees it, in percent.
async function dotOf(visitor, whose) {
  const side = await whose.page.locator('.runner.mine').evaluate((e) => (e.classList.contains('side-1') ? 1 : 0));
  return visitor.page.locator(`.runner.side-${side}`).evaluate((e) => ({ left: parseFloat(e.style.left), top: parseFloat(e.style.top) }));
}
