// The programs under "Quick start" in proto/PROTOCOL.md, as a test runs them: taken from the document, with the address of a real gateway
// in the place of localhost:3030, and somebody to play with.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './fleet.mjs';
import { block } from './npm_package.mjs';

const document = readFileSync(join(ROOT, 'proto/PROTOCOL.md'), 'utf8');

export function snippet(heading, language, { port }, nth = 0) {
  const text = block(document, `### ${heading}`, language, nth);
  if (!text.includes('localhost:3030')) throw new Error(`"${heading}" does not speak of localhost:3030`);
  return text.replaceAll('localhost:3030', `127.0.0.1:${port}`);
}

// The headings of all programs there are: a new one without a test is seen.
export const headings = () => [...document.split('\n## Quick start\n')[1].split('\n## ')[0].matchAll(/^### (.*)$/gm)].map(([, title]) => title);

// Joins level 1, says `greeting` when the game starts, and resolves with what the other one says.
export async function partner(fleet, gateway, greeting) {
  const bob = await fleet.client(gateway, 'bob');
  await bob.send('joinMatchmaking', { level: 1 });
  const { roomId } = (await bob.next('gameStart', { timeoutMs: 30000 })).data;
  await bob.send('gameMessage', { roomId, message: greeting });
  return (await bob.next('gameMessage', { timeoutMs: 30000 })).data.message;
}
