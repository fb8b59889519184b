// The JavaScript client as the npm package ships it, in a real browser: the global build and the ES module play with each other
// through two instances while lines are cut and an instance goes away.
import assert from 'node:assert/strict';
import { visitTest } from '../lib/browser.mjs';
import { waitFor } from '../lib/fleet.mjs';
import { Hopper } from '../lib/hopper.mjs';
import { block, packed } from '../lib/npm_package.mjs';

const { files } = packed();
const AS_GLOBAL = { content: files['dist/matchgate.global.js'] };
const AS_MODULE = { type: 'module', content: `${files['dist/matchgate.js']}globalThis.matchgate = { connect, GatewayError };\n` };

// A client in a page, and what it hears.
async function open(visitor, script, url, playerId) {
  await visitor.page.addScriptTag(script);
  await visitor.page.evaluate(
    ([where, who]) => {
      Object.assign(globalThis, { heard: [], states: [], line: [] });
      globalThis.client = matchgate.connect(where, { playerId: who, backoff: { baseMs: 20, maxMs: 100 } });
      for (const event of ['connected', 'reconnecting', 'disconnected']) client.on(event, (data) => line.push([event, data.code, data.final]));
      globalThis.playing = client.join({ level: 1 }).matched.then((room) => {
        room.on('gameMessage', ({ message }) => heard.push(message));
        room.onState(({ version }) => states.push(version));
        return (globalThis.room = room);
      });
    },
    [url, playerId],
  );
}

visitTest('two pages play on through cut lines and a stopped instance', async (fleet, visit) => {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(2, { redis, env: { DRAIN_NOTICE_MS: '0', DRAIN_SPREAD_MS: '100' } });
  const after = (fn) => fleet.keep({ close: fn });
  const ready = [...gateways];
  const lines = [await Hopper.open({ after }, ready), await Hopper.open({ after }, ready, { first: 1 })];
  const pages = [];
  for (const [i, script] of [AS_GLOBAL, AS_MODULE].entries()) {
    pages.push(await visit(gateways[1], {}, { path: '/health' }));
    await open(pages[i], script, lines[i].url, ['ann', 'bob'][i]);
  }
  const ids = await Promise.all(pages.map(({ page }) => page.evaluate(() => playing.then(({ id }) => id))));
  assert.equal(ids[0], ids[1]);

  const COUNT = 60;
  const sent = pages.map(({ page }) =>
    page.evaluate(async (count) => {
      for (let n = 0; n < count; n++) await room.send({ n });
      return room.recovered;
    }, COUNT),
  );
  for (const promise of sent) promise.catch(() => {}); // looked at below
  const progress = (i) => pages[i].page.evaluate(() => heard.length);
  for (const at of [5, 15, 25]) {
    await waitFor(async () => (await progress(0)) > at && (await progress(1)) > at, { what: `message ${at}` });
    lines.forEach((line) => line.cut());
  }
  await waitFor(async () => (await progress(0)) > 35, { what: 'message 35' });
  const [first] = ready.splice(0, 1); // as a load balancer does with one that is not ready
  assert.deepEqual(await first.sigterm(), { code: 0, signal: null });
  assert.deepEqual(await Promise.all(sent), [true, true]);
  for (const i of [0, 1]) await waitFor(async () => (await progress(i)) === COUNT, { what: 'all to be heard' });
  for (const { page } of pages) {
    const { heard, line } = await page.evaluate(() => ({ heard, line }));
    assert.deepEqual(heard, Array.from({ length: COUNT }, (_, n) => ({ n })), 'each once and in order');
    assert.ok(line.filter(([event]) => event === 'connected').length > 3, JSON.stringify(line));
    assert.ok(!line.some(([event, , final]) => event === 'disconnected' && final));
  }

  const refusal = await pages[0].page.evaluate(() => room.updateGameData({ turn: 1 }, 7).catch((error) => [error instanceof matchgate.GatewayError, error.code]));
  assert.deepEqual(refusal, [true, 'STALE_VERSION']);
  await pages[0].page.evaluate(() => room.updateGameData({ gameData: { a: 1 } }));
  await waitFor(() => pages[1].page.evaluate(() => states.at(-1) === 1));
  const ends = pages.map(({ page }) => page.evaluate(async () => (await room.endGame({ winner: 'ann' }), (await room.closed).reason)));
  assert.deepEqual(await Promise.all(ends), ['agreed', 'agreed']);
  assert.deepEqual(await fleet.audit(redis), []);
});

visitTest("the README's page with a script tag", async (fleet, visit) => {
  const gateway = await fleet.gateway();
  const { page } = await visit(gateway, {}, { path: '/health' });
  const html = block(files['README.md'], '## A first game', 'html');
  const [, source] = html.match(/^<script src="matchgate\.global\.js"><\/script>\n<script>\n([^]*)<\/script>\n$/);
  await page.addScriptTag(AS_GLOBAL);
  await page.addScriptTag({ content: source });
  await page.waitForFunction(() => /^on \d+-\d+/.test(document.title));
});
