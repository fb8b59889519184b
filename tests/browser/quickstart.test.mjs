// The quick start of proto/PROTOCOL.md for a browser's console, typed into one.
import assert from 'node:assert/strict';
import { visitTest } from '../lib/browser.mjs';
import { waitFor } from '../lib/fleet.mjs';
import { partner, snippet } from '../lib/quickstart.mjs';

visitTest("the quick start for a browser's console", async (fleet, visit) => {
  const gateway = await fleet.gateway();
  const { page } = await visit(gateway, {}, { path: '/health' });
  const printed = [];
  page.on('console', (message) => printed.push(message.text()));
  await page.evaluate(snippet("In a browser's console", 'js', gateway));
  assert.equal(await partner(fleet, gateway, 'hello from the test'), 'hello from the console');
  await waitFor(() => printed.some((text) => text.includes('hello from the test')), { what: `the greeting in ${printed}` });
});
