// Takes the pictures in deploy/demo/screenshots from a real fleet: node tests/browser/pictures.mjs
//
// Three gateways behind a load balancer, two players. One gateway is killed in the middle of the match of which the moving
// picture is made; only what changes from frame to frame goes into it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closeBrowser, withVisitors } from '../lib/browser.mjs';
import { apng } from '../lib/apng.mjs';
import { LONG, catchStars, play, seek, starsTaken } from '../lib/demo_games.mjs';
import { ROOT, delay, runInFleet, waitFor } from '../lib/fleet.mjs';

const FOLDER = join(ROOT, 'deploy/demo/screenshots');
const SMALL = { viewport: { width: 360, height: 618 }, isMobile: true, hasTouch: true };
const FRAME_MS = 160;
const SPEED = 1.25; // the match goes by a little quicker than it was

const at = (name) => join(FOLDER, `${name}.png`);
const gatewayOf = (visitor) => visitor.text('#info-gateway');

async function fleetOf(fleet, options) {
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(3, { redis, env: { DEMO: '1', GRACE_MS: '20000' } });
  return { gateways, balancer: await fleet.haproxy(gateways), ...options };
}

async function stills(fleet, visit) {
  const { gateways } = await fleetOf(fleet);
  const server = [0, 2, 1].map((i) => gateways[i]).map(({ port }) => `127.0.0.1:${port}`).join(',');
  const desktop = { viewport: { width: 1180, height: 740 } };
  const ann = await visit(gateways[0], { player: 'ann', server }, desktop);
  const bob = await visit(gateways[1], { player: 'bob' }, { phone: true });
  await ann.sees('#counts', /2 players online/);
  await bob.picture(at('lobby-phone-dark'));
  await ann.picture(at('lobby'));
  await seek(ann, bob);
  await play([ann, bob], LONG.slice(0, 12));
  await ann.page.click('#hop');
  await ann.sees('#hop-text', /→/);
  await play([ann, bob], LONG.slice(12, 15));
  await bob.page.click('#says button >> nth=1');
  await ann.page.waitForSelector('.bubble');
  await ann.picture(at('four'));
  await bob.page.emulateMedia({ colorScheme: 'light' });
  await bob.picture(at('four-phone-light'));
  await bob.page.emulateMedia({ colorScheme: 'dark' });
  await play([ann, bob], LONG.slice(15));
  for (const visitor of [ann, bob]) await visitor.sees('#result-text', /Both of you/);

  for (const { page } of [ann, bob]) {
    await page.click('#again');
    await page.click('#cancel');
    await page.click('.choice >> nth=1');
  }
  await seek(ann, bob);
  await catchStars([ann, bob], 4);
  await ann.page.locator('#field').click({ position: { x: 90, y: 90 } }); // apart from each other
  await ann.page.emulateMedia({ colorScheme: 'dark' });
  await delay(600);
  await ann.picture(at('stars-dark'));
  await bob.picture(at('stars-phone-dark'));
}

// Looks at both pages again and again, with a line of text, until it is stopped.
class Camera {
  shots = [];
  text = '';
  #going = true;

  constructor(visitors) {
    this.done = (async () => {
      while (this.#going) {
        const from = Date.now();
        const pages = await Promise.all(visitors.map(({ page }) => page.screenshot()));
        this.shots.push({ pages: pages.map((png) => png.toString('base64')), text: this.text, from });
        await delay(Math.max(0, FRAME_MS - (Date.now() - from)));
      }
    })();
  }

  async stop() {
    this.#going = false;
    await this.done;
  }
}

async function match(fleet, visit) {
  const { gateways, balancer } = await fleetOf(fleet);
  const ann = await visit(balancer, { player: 'ann', game: 'stars' }, { phone: true, ...SMALL, colorScheme: 'light' });
  const bob = await visit(balancer, { player: 'bob', game: 'stars' }, { phone: true, ...SMALL });
  await seek(ann, bob);
  if ((await gatewayOf(ann)) === (await gatewayOf(bob))) {
    await bob.page.click('#hop');
    await bob.sees('#hop-text', /→/);
  }
  for (const { page } of [ann, bob]) await page.evaluate(() => scrollTo(0, 0));
  for (const visitor of [ann, bob]) visitor.zeal = 0.4; // people do not look all the time
  const camera = new Camera([ann, bob]);
  const [before, other] = [await gatewayOf(ann), await gatewayOf(bob)];
  camera.text = `ann plays on ${before}, bob on ${other}`;
  await catchStars([ann, bob], 3);
  camera.text = `kill -9: ${before} is gone`;
  const line = () => ann.text('#pill-text');
  await gateways.find(({ pid }) => before === `gateway ${pid}`).kill9();
  await waitFor(async () => (await line()) === 'Connected' && (await gatewayOf(ann)) !== before);
  await delay(700);
  camera.text = `ann is back on ${await gatewayOf(ann)}: same room, same stars, nothing missed`;
  await catchStars([ann, bob], (await starsTaken(ann)) + 2);
  camera.text = `ann plays on ${await gatewayOf(ann)}, bob on ${other}`;
  await catchStars([ann, bob], Infinity);
  for (const visitor of [ann, bob]) await visitor.sees('#result-text', /Both of you/);
  camera.text = 'both have reported the same result, so the room has ended';
  await delay(600);
  await camera.stop();
  const stage = await visit(balancer, {});
  writeFileSync(at('match'), apng(await composed(stage.page, camera.shots)));
}

// The frames side by side over their text, each without what was there before: transparent.
async function composed(page, shots) {
  const scale = 0.66;
  const frames = await page.evaluate(drawFrames, { shots, scale, size: SMALL.viewport });
  return frames.map((base64, i) => {
    const next = shots[i + 1]?.from ?? shots[i].from + 2500 * SPEED;
    return { png: Buffer.from(base64, 'base64'), ms: (next - shots[i].from) / SPEED };
  });
}

async function drawFrames({ shots, scale, size }) {
  const [w, h, gap, foot] = [Math.round(size.width * scale), Math.round(size.height * scale), 16, 40];
  const canvas = Object.assign(document.createElement('canvas'), { width: 2 * w + 3 * gap, height: h + gap + foot });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const frames = [];
  let before = null;
  for (const { pages, text } of shots) {
    context.globalCompositeOperation = 'source-over';
    context.fillStyle = '#5b6580';
    context.fillRect(0, 0, canvas.width, canvas.height);
    for (const [i, base64] of pages.entries()) {
      const image = new Image();
      image.src = `data:image/png;base64,${base64}`;
      await image.decode();
      context.drawImage(image, gap + i * (w + gap), gap, w, h);
    }
    Object.assign(context, { fillStyle: '#fff', font: '600 15px sans-serif', textAlign: 'center' });
    context.fillText(text, canvas.width / 2, h + gap + 25);
    const now = context.getImageData(0, 0, canvas.width, canvas.height);
    const colors = new Uint32Array(now.data.buffer);
    for (let i = 0; i < colors.length; i++) colors[i] &= 0xfffcfcfc; // what nobody sees takes room
    const changed = new ImageData(now.data.slice(), canvas.width, canvas.height);
    const [pixels, old] = [new Uint32Array(changed.data.buffer), before && new Uint32Array(before.data.buffer)];
    if (old) for (let i = 0; i < pixels.length; i++) if (pixels[i] === old[i]) pixels[i] = 0;
    before = now;
    pixels[0] &= 0xfeffffff; // never opaque altogether: all frames are of one kind
    context.putImageData(changed, 0, 0);
    frames.push(canvas.toDataURL('image/png').split(',')[1]);
  }
  return frames;
}

const wanted = process.argv.slice(2);
for (const make of [stills, match])
  if (!wanted.length || wanted.includes(make.name)) await runInFleet(make.name, (fleet) => withVisitors(fleet, make));
await closeBrowser();
