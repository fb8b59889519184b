// The programs of proto/COMING_FROM.md marked `// matchgate`: each is run by two players who meet, and says what the page says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, fleetTest, waitFor } from '../lib/fleet.mjs';
import { connect } from '../lib/sdk.mjs';

const page = readFileSync(join(ROOT, 'proto/COMING_FROM.md'), 'utf8');
const programs = [...page.matchAll(/\n## From ([\w.]+)\n[^]*?\n```js\n\/\/ matchgate\n([^]*?)\n```/g)].map(([, from, text]) => [from, text]);

const AsyncFunction = (async () => {}).constructor;

// What each of the two was shown, and what was drawn for him.
const SEEN = {
  'Socket.IO': (shown) => JSON.stringify(shown).includes('{"move":"e4"}') && JSON.stringify(shown).includes('{"pointer":[0.2,0.7]}'),
  Colyseus: (shown, rendered) => rendered.some(([data, turn]) => data.moves === 1 && turn >= 1),
  Nakama: (shown) => JSON.stringify(shown).includes('[1,{"to":"e4"}]') && JSON.stringify(shown.at(-1)).includes('{"reason":"agreed","result":{"winner":null}}'),
};

assert.deepEqual(programs.map(([from]) => from), Object.keys(SEEN));

for (const [from, text] of programs)
  fleetTest(`from ${from}`, async (fleet, t) => {
    const gateway = await fleet.gateway();
    const players = ['ann', 'bob'].map((playerId) => ({ playerId, shown: [], rendered: [] }));
    const run = ({ playerId, shown, rendered }) => {
      const mine = (url, options) => connect(t, url, { ...options, playerId });
      const show = (...args) => shown.push(args);
      const render = (...args) => rendered.push(args);
      const program = new AsyncFunction('connect', 'url', 'token', 'signal', 'show', 'render', 'play', text);
      return program(mine, `ws://127.0.0.1:${gateway.port}`, undefined, undefined, show, render, () => ({ moves: 1 }));
    };
    await Promise.all(players.map(run));
    for (const { playerId, shown, rendered } of players)
      await waitFor(() => SEEN[from](shown, rendered), { what: `${playerId} to see it; he saw ${JSON.stringify([shown, rendered])}` });
  });
