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
  await visitor.page.waitForFunction(() => typeof matchgate !== 'undefined'); // a module is carried out a little later
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

  const talking = pages.map(({ page }) =>
    page.evaluate(async () => {
      globalThis.going = true;
      let n = 0;
      for (; going; n++) {
        await room.send({ n });
        await new Promise((done) => setTimeout(done, 25)); // well below the limit of messages
      }
      return n;
    }),
  );
  for (const promise of talking) promise.catch(() => {}); // looked at below
  const state = (i) => pages[i].page.evaluate(() => ({ heard: heard.length, status: client.status, line }));
  const goesOn = async () => {
    const before = await Promise.all([state(0), state(1)]);
    const more = async () => (await Promise.all([state(0), state(1)])).every(({ heard, status }, i) => heard > before[i].heard + 5 && status === 'connected');
    await waitFor(more, { what: 'both to be back and to hear more', timeoutMs: 30000 });
  };
  for (let cuts = 0; cuts < 3; cuts++) {
    await goesOn();
    lines.forEach((line) => line.cut());
  }
  await goesOn();
  const [first] = ready.splice(0, 1); // as a load balancer does with one that is not ready
  assert.deepEqual(await first.sigterm(), { code: 0, signal: null });
  await goesOn();
  for (const { page } of pages) await page.evaluate(() => (going = false));
  const sent = await Promise.all(talking);
  for (const i of [0, 1]) {
    await waitFor(async () => (await state(i)).heard === sent[1 - i], { what: 'all to be heard' });
    assert.deepEqual(await pages[i].page.evaluate(() => heard.map(({ n }) => n)), Array.from({ length: sent[1 - i] }, (_, n) => n), 'each once and in order');
    const { line } = await state(i);
    assert.ok(line.filter(([event]) => event === 'connected').length > 3, JSON.stringify(line));
    assert.ok(!line.some(([event, , final]) => event === 'disconnected' && final), JSON.stringify(line));
    assert.equal(await pages[i].page.evaluate(() => room.recovered), true);
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

visitTest('a refused handshake: the page is told where to look', async (fleet, visit) => {
  const gateway = await fleet.gateway();
  const visitor = await visit(gateway, {}, { path: '/health' });
  await visitor.page.addScriptTag(AS_GLOBAL);
  const end = await visitor.page.evaluate(async () => {
    const client = matchgate.connect('/websocket', { backoff: { maxAttempts: 0 } });
    const [{ final, reason }, error] = await Promise.all([client.once('disconnected'), client.ready.catch((e) => e)]);
    return { final, reason, code: error.code, text: error.message };
  });
  const reason = "no WebSocket; the browser's console and network tab show what the server answered";
  assert.deepEqual(end, { final: true, reason, code: 'CLOSED', text: `the connection ended: 1006 ${reason}` });
  assert.match(visitor.complaints.splice(0).join(), /WebSocket connection to .* failed.*404/); // the console's own word
});
