// Headless Chromium for tests of the demo page. Whatever a page prints as an error, throws, or asks of another host, fails the
// test that opened it; so does a text that makes the page scroll sideways, and what axe-core finds wherever a picture is taken.
//
//   visitTest('the lobby', async (fleet, visit) => {
//     const gateway = await fleet.gateway({ env: { DEMO: '1' } });
//     const ann = await visit(gateway, { player: 'ann' }, { phone: true });  // or other options of Playwright's newContext
//     await ann.page.click('#find');
//     await ann.shot('lobby');                  // build/screenshots/lobby.png
//   });
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { ROOT, fleetTest } from './fleet.mjs';

const CHROMIUM = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
const SHOTS = join(ROOT, 'build/screenshots');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TEST_MS = 240000; // browsers take their time on a busy machine
const FLAGS = [
  '--no-sandbox', // tests run as root in containers
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const DESKTOP = { viewport: { width: 1280, height: 860 }, colorScheme: 'light' };
const PHONE = { viewport: { width: 390, height: 844 }, colorScheme: 'dark', isMobile: true, hasTouch: true };

let browser;
export const closeBrowser = () => browser?.close();
after(closeBrowser);

async function launch() {
  if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is not there: install chromium or set CHROMIUM_BIN`);
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

class Visitor {
  complaints = [];

  constructor(context, page, url) {
    this.context = context;
    this.page = page;
    page.setDefaultTimeout(15000);
    page.on('pageerror', (error) => this.complaints.push(`threw ${error.stack ?? error}`));
    page.on('console', (message) => {
      if (message.location().url?.endsWith('/favicon.ico')) return; // what is not the demo page has none
      if (['error', 'warning'].includes(message.type())) this.complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on('request', (request) => {
      const { host, protocol } = new URL(request.url());
      if (protocol !== 'data:' && host !== new URL(url).host) this.complaints.push(`asked for ${request.url()}`);
    });
  }

  text(selector) {
    return this.page.textContent(selector).then((text) => text.trim().replace(/\s+/g, ' '));
  }

  // Waits until the element's text matches.
  async sees(selector, pattern) {
    const holds = ([s, source]) => new RegExp(source).test(document.querySelector(s)?.textContent ?? '');
    await this.page.waitForFunction(holds, [selector, pattern.source]).catch(async (error) => {
      throw new Error(`${selector} says "${await this.text(selector)}" and not ${pattern}: ${error.message}`);
    });
  }

  // Takes a picture, and looks at the page as somebody would who cannot see it, or not well.
  async shot(name) {
    await this.picture(join(SHOTS, `${name}.png`));
    await this.axe(name);
  }

  // When nothing moves any more.
  async picture(path) {
    const still = () =>
      Promise.all(
        document
          .getAnimations()
          .filter((animation) => animation.effect.getComputedTiming().endTime !== Infinity)
          .map((animation) => animation.finished.catch(() => {})),
      );
    await this.page.evaluate(still);
    mkdirSync(dirname(path), { recursive: true });
    await this.page.screenshot({ path });
  }

  async axe(name) {
    await this.page.evaluate(AXE);
    for (const colorScheme of ['light', 'dark']) {
      const other = colorScheme !== this.colorScheme; // then only the colours are
      await this.page.emulateMedia({ colorScheme });
      const { violations } = await this.page.evaluate((rules) => globalThis.axe.run(rules), other ? { runOnly: ['color-contrast'] } : {});
      for (const { id, help, nodes } of violations)
        for (const { target, failureSummary } of nodes)
          this.complaints.push(`${name}, ${colorScheme}: ${id}, ${help}: ${target} ${failureSummary}`);
    }
    await this.page.emulateMedia({ colorScheme: this.colorScheme });
  }

  async check() {
    if (!this.page.isClosed()) {
      const [wide, window] = await this.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      if (wide > window) this.complaints.push(`scrolls sideways: ${wide} px in a window of ${window} px`);
    }
    assert.deepEqual(this.complaints, []);
  }

  close() {
    return this.context.close();
  }
}

// Runs fn(fleet, visit); the visitors share nothing with each other, and are checked and closed before the fleet goes.
export async function withVisitors(fleet, fn) {
  const visitors = [];
  try {
    await fn(fleet, async (gateway, query = {}, { phone = false, path = '/', ...options } = {}) => {
      browser ??= await launch();
      const wanted = { ...(phone ? PHONE : DESKTOP), ...options };
      const context = await browser.newContext(wanted);
      const url = `http://127.0.0.1:${gateway.port}${path}?${new URLSearchParams(query)}`;
      const visitor = new Visitor(context, await context.newPage(), url);
      Object.assign(visitor, { touch: phone, colorScheme: wanted.colorScheme });
      visitors.push(visitor);
      await visitor.page.goto(url);
      return visitor;
    });
    for (const visitor of visitors) await visitor.check();
  } finally {
    for (const visitor of visitors) await visitor.close();
  }
}

// A fleetTest with visitors.
export function visitTest(name, fn) {
  fleetTest(name, { timeout: TEST_MS }, (fleet) => withVisitors(fleet, fn));
}
