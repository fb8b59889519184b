// What the checks read: the files of the repository as {path: text}, and C sources without comments and strings.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

// All files of the project, without what git ignores; of binary ones only the names (their text is empty).
export function load() {
  const files = {};
  for (const path of list()) {
    const bytes = readFileSync(join(ROOT, path));
    files[path] = bytes.includes(0) ? '' : bytes.toString();
  }
  return files;
}

function list() {
  try {
    const out = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return out.toString().split('\0').filter(Boolean);
  } catch {
    return walk(''); // an unpacked archive
  }
}

function walk(folder) {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder ? `${folder}/${entry.name}` : entry.name;
    if (['.git', 'build', 'node_modules'].includes(entry.name)) return [];
    return entry.isDirectory() ? walk(path) : [path];
  });
}

// Paths that match; `pattern` is a RegExp.
export function matching(files, pattern) {
  return Object.keys(files).filter((path) => pattern.test(path));
}

const TOKENS = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;

// The same text with comments blanked and strings emptied; lines stay where they are.
export function codeOnly(text) {
  return text.replace(TOKENS, (token) => {
    if (token[0] === '/') return token.replace(/[^\n]/g, ' ');
    return token[0] + token[0];
  });
}

// The contents of all string literals outside comments; adjacent ones are not joined.
export function strings(text) {
  return (text.match(TOKENS) ?? []).filter((token) => token[0] === '"').map((token) => token.slice(1, -1));
}

// Functions of a C source laid out by clang-format (the body's braces stand alone in column 0):
// [{name, isStatic, first, last}], lines counted from 1, the signature included.
export function functions(text) {
  const lines = codeOnly(text).split('\n');
  const found = [];
  for (let i = 0; i < lines.length; i++) {
    if (lines[i] !== '{') continue;
    let first = i;
    while (first > 0 && lines[first - 1].trim() !== '' && !/^[#}]|;\s*$/.test(lines[first - 1])) first--;
    const signature = lines.slice(first, i).join(' ');
    const last = lines.indexOf('}', i);
    const name = signature.replace(/__attribute__\s*\(\(.*?\)\)/g, '').match(/(\w+)\s*\(/)?.[1];
    if (name) found.push({ name, isStatic: /\bstatic\b/.test(signature), first: first + 1, last: last + 1 });
  }
  return found;
}

export const stem = (path) => path.replace(/^.*\//, '').replace(/\.\w+$/, '');
export const folder = (path) => path.replace(/\/[^/]*$/, '');
