// The npm package as its users get it: `npm pack`, `npm install` of the tarball in a folder of its own, and the `ws` package beside it.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ROOT } from './servers.mjs';

export const SDK = join(ROOT, 'proto/sdk/js');

// {dir: where programs can import it, root: the package's folder, files: {path: text}}; gone with the process.
export function packed() {
  const dir = mkdtempSync(join(tmpdir(), 'matchgate-npm-'));
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  const env = { ...process.env, npm_config_cache: join(dir, 'cache'), npm_config_offline: 'true' };
  const source = join(dir, 'repository/proto/sdk/js'); // a copy: packing writes into it, and several tests may do so at a time
  cpSync(SDK, source, { recursive: true, filter: (path) => !/\/(dist|LICENSE)$/.test(path) });
  cpSync(join(ROOT, 'LICENSE'), join(dir, 'repository/LICENSE'));
  execFileSync('npm', ['pack', '--pack-destination', dir], { cwd: source, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const tarball = readdirSync(dir).find((name) => name.endsWith('.tgz'));
  writeFileSync(join(dir, 'package.json'), '{"private":true}\n');
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', `./${tarball}`], { cwd: dir, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const root = join(dir, 'node_modules/matchgate');
  symlinkSync(join(ROOT, 'tests/node_modules/ws'), join(dir, 'node_modules/ws'));
  const files = Object.fromEntries(walk(root).map((path) => [relative(root, path), readFileSync(path, 'utf8')]));
  return { dir, root, tarball: join(dir, tarball), files };
}

const walk = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? walk(path) : [path];
  });

// The text of the nth code block of a language in the section with a heading.
export function block(markdown, heading, language, nth = 0) {
  const section = markdown.split(`\n${heading}\n`)[1]?.split(/\n#+ /)[0] ?? '';
  const found = [...section.matchAll(new RegExp(`\n\`\`\`${language}\n([^]*?)\n\`\`\``, 'g'))][nth];
  if (!found) throw new Error(`no ${language} block ${nth} under "${heading}"`);
  return `${found[1]}\n`;
}
