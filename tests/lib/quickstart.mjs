// The programs under "Quick start" in proto/PROTOCOL.md, as a test runs them: taken from the document, with the address of a real gateway
// in the place of localhost:3030, and somebody to play with.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './fleet.mjs';
import { block } from './npm_package.mjs';

const document = readFileSync(join(ROOT, 'proto/PROTOCOL.md'), 'utf8');

export function snippet(heading, language, { port }, nth = 0) {
  const text = block(document, heading.startsWith('#') ? heading : `### ${heading}`, language, nth);
  if (!text.includes('localhost:3030')) throw new Error(`"${heading}" does not speak of localhost:3030`);
  return text.replaceAll('localhost:3030', `127.0.0.1:${port}`);
}

// The headings of all programs there are: a new one without a test is seen.
export const headings = () => [...document.split('\n## Quick start\n')[1].split('\n## ')[0].matchAll(/^### (.*)$/gm)].map(([, title]) => title);

// A block that is no program of its own.
export const fragment = (heading, language) => block(document, heading, language);

// Joins the level, says `greeting` when the game starts, and resolves with what the other one says, if he says anything.
export async function partner(fleet, gateway, greeting, { level = 1, silent = false } = {}) {
  const bob = await fleet.client(gateway, 'bob');
  await bob.send('joinMatchmaking', { level });
  const { roomId } = (await bob.next('gameStart', { timeoutMs: 30000 })).data;
  await bob.send('gameMessage', { roomId, message: greeting });
  if (silent) return undefined;
  return (await bob.next('gameMessage', { timeoutMs: 30000 })).data.message;
}
