// Three gateways behind a load balancer, two players on different ones, both games to their agreed end; in the middle of each game the
// gateway of one player is killed without a word.
import assert from 'node:assert/strict';
import { visitTest } from '../lib/browser.mjs';
import { LONG, QUICK, catchStars, discs, play, seek, starsTaken } from '../lib/demo_games.mjs';
import { waitFor } from '../lib/fleet.mjs';
import { Hopper } from '../lib/hopper.mjs';

visitTest('both games to the end while gateways die', async (fleet, visit) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(3, { redis, env: { DEMO: '1', GRACE_MS: '20000' } });
  const balancer = await fleet.haproxy(gateways);
  const gatewayOf = (visitor) => visitor.text('#info-gateway');
  const reconnects = async (visitor) => Number(await visitor.text('#info-reconnects'));

  // Ends the gateway that serves `visitor`; true once his page is back on another one.
  async function killUnder(visitor) {
    const [name, room, before] = [await gatewayOf(visitor), await visitor.text('#info-room'), await reconnects(visitor)];
    const victim = gateways.find(({ pid }) => name === `gateway ${pid}`);
    await victim.kill9();
    await waitFor(async () => (await reconnects(visitor)) > before, { what: `the page to be back after ${name}` });
    await visitor.page.waitForSelector('#pill[data-status=connected]');
    assert.notEqual(await gatewayOf(visitor), name);
    assert.equal(await visitor.text('#info-room'), room);
  }

  const ann = await visit(balancer, { player: 'ann' });
  const bob = await visit(balancer, { player: 'bob' }, { phone: true });
  await seek(ann, bob);
  if ((await gatewayOf(ann)) === (await gatewayOf(bob))) {
    await bob.page.click('#hop');
    await bob.sees('#hop-text', /→/);
  }
  assert.notEqual(await gatewayOf(ann), await gatewayOf(bob));
  await play([ann, bob], LONG.slice(0, 10));
  await killUnder(ann);
  assert.equal(await discs(ann), 10);
  await play([ann, bob], LONG.slice(10));
  for (const visitor of [ann, bob]) await visitor.sees('#result-text', /Both of you reported the same result/);
  assert.equal(await ann.text('#score'), await bob.text('#score'));

  for (const { page } of [ann, bob]) {
    await page.click('#again');
    await page.click('#cancel');
    await page.click('.choice >> nth=1');
  }
  await seek(ann, bob);
  await catchStars([ann, bob], 2);
  await killUnder(bob);
  assert.ok((await starsTaken(bob)) >= 2);
  await waitFor(async () => (await starsTaken(ann)) === (await starsTaken(bob)), { what: 'both to count the same stars' });
  await catchStars([ann, bob], Infinity);
  for (const visitor of [ann, bob]) await visitor.sees('#result-text', /^5 stars\. Both of you reported the same result/);
  for (const side of [0, 1]) assert.equal(await ann.text(`#tally-${side}`), await bob.text(`#tally-${side}`));
  const titles = [await ann.text('#result-title'), await bob.text('#result-title')].sort();
  assert.equal(titles[0], 'You win!');
  assert.match(titles[1], /^(ann|bob) wins$/);
  await ann.shot('8-recovered');
  assert.deepEqual(await fleet.audit(redis, { settleMs: 20000 }), []);
});

visitTest('a line that has died without a word: the page does not wait for it, and plays on elsewhere', async (fleet, visit) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(2, { redis, env: { DEMO: '1' } });
  const line = await Hopper.open({ after: (fn) => fleet.keep({ close: fn }) }, gateways);
  const ann = await visit(gateways[0], { player: 'ann', server: new URL(line.url).host });
  const bob = await visit(gateways[1], { player: 'bob' });
  await seek(ann, bob);
  line.freeze();
  const before = await ann.text('#info-gateway');
  await ann.sees('#info-reconnects', /^1$/); // the client alone would take half a minute
  assert.notEqual(await ann.text('#info-gateway'), before);
  await play([ann, bob], QUICK);
  for (const visitor of [ann, bob]) await visitor.sees('#result-text', /Both of you reported the same result/);
});
