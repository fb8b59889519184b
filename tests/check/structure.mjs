// The house: sizes, layers, cycles, fences, names. Each check takes {path: text} and returns complaints.
import { codeOnly, folder, functions, matching, stem } from './source.mjs';

const FILE_LINES = 500;
const FUNCTION_LINES = 80;

export function sizes(files) {
  const complaints = [];
  for (const path of matching(files, /\.(c|h|lua|js|mjs|sh|cmake)$|^mg$/)) {
    const lines = files[path].split('\n').length - 1;
    if (lines > FILE_LINES) complaints.push(`${path} has ${lines} lines; ${FILE_LINES} are allowed`);
  }
  for (const path of matching(files, /\.c$/)) {
    for (const { name, first, last } of functions(files[path])) {
      const lines = last - first + 1;
      if (lines > FUNCTION_LINES) complaints.push(`${path}:${first} ${name} has ${lines} lines; ${FUNCTION_LINES} are allowed`);
    }
  }
  return complaints;
}

// Which folders a layer may include from.
const LAYERS = {
  common: ['common'],
  proto: ['common', 'proto'],
  matchmaking: ['common', 'matchmaking'],
  gateway: ['common', 'proto', 'matchmaking', 'gateway'],
  tests: ['common', 'proto', 'matchmaking', 'gateway', 'tests'],
};
const SOURCE = /^(common|proto|matchmaking|gateway|tests)\/.*\.[ch]$/;

function* includes(files) {
  for (const path of matching(files, SOURCE))
    for (const [, target] of files[path].matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)) yield { path, target };
}

export function layers(files) {
  const complaints = [];
  for (const { path, target } of includes(files)) {
    const [from] = path.split('/');
    const [to] = target.split('/');
    if (!(to in LAYERS) || !target.includes('/')) complaints.push(`${path} includes "${target}" not by its full path`);
    else if (!(target in files)) complaints.push(`${path} includes "${target}", which does not exist`);
    else if (!LAYERS[from].includes(to)) complaints.push(`${path} includes "${target}": ${from} must not know ${to}`);
  }
  return complaints;
}

// A module is a .c with its .h and, if it has one, its _internal.h. Each knot of modules that include each other, directly or around corners, is one complaint.
export function cycles(files) {
  const graph = {};
  for (const { path, target } of includes(files)) {
    if (path.startsWith('tests/')) continue;
    const [from, to] = [path, target].map((p) => p.replace(/(_internal)?\.[ch]$/, ''));
    graph[from] ??= new Set();
    if (from !== to) graph[from].add(to);
  }
  return knots(graph).map((members) => `these modules include each other: ${members.sort().join(' ')}`);
}

// Strongly connected components with more than one member (Tarjan).
function knots(graph) {
  const index = {};
  const low = {};
  const stack = [];
  const found = [];
  const visit = (node) => {
    index[node] = low[node] = Object.keys(index).length;
    stack.push(node);
    for (const next of graph[node] ?? []) {
      if (!(next in index)) visit(next);
      if (stack.includes(next)) low[node] = Math.min(low[node], low[next]);
    }
    if (low[node] !== index[node]) return;
    const members = stack.splice(stack.indexOf(node));
    if (members.length > 1) found.push(members);
  };
  for (const node of Object.keys(graph)) if (!(node in index)) visit(node);
  return found;
}

// Names of a library may stand only in the files that wrap it.
const FENCES = [
  { what: 'libwebsockets', names: /\b(lws_\w+|LWS_\w+)|<libwebsockets/, home: /^gateway\/(server|ws|http)(_internal)?\.[ch]$/ },
  { what: 'hiredis', names: /\bredis(Async\w*|Reply\w*|Reader\w*|Context|Connect\w*|Free|Command\w*)\b|<hiredis/, home: /^common\/redis\// },
  { what: 'libuv', names: /\buv_\w+|<uv\.h>/, home: /^(common\/loop\.c|common\/redis\/(link|adapter)\w*\.[ch]|gateway\/server\.c)$/ },
  { what: 'cJSON', names: /\bcJSON\w*|<cjson/, home: /^common\/json\.c$/ },
  { what: 'Lua', names: /\b(lua_(?!host)\w+|luaL_\w+|LUA_(?!HOST)[A-Z]\w*)|<lua|<lauxlib/, home: /^matchmaking\/lua_\w+\.[ch]$/ },
  { what: 'uthash', names: /\b(HASH_[A-Z]\w*|UT_hash_\w+)|<uthash/, home: /^common\/map\.c$/ },
];

export function fences(files) {
  const complaints = [];
  for (const path of matching(files, /^(common|proto|matchmaking|gateway)\/.*\.[ch]$/)) {
    const code = codeOnly(files[path]);
    for (const { what, names, home } of FENCES) {
      const name = !home.test(path) && code.match(names);
      if (name) complaints.push(`${path} uses ${name[0]}: ${what} stays behind ${home.source}`);
    }
  }
  return complaints;
}

// A non-static function begins with the stem of its file or of the header in its folder that declares it. The singular of a
// table's name will do (codes.c: code_name), the plural for all of a kind (room.c: rooms_count), the first word of a module
// in several files (inbox_deliver.c: inbox_push), and redis_ for all of common/redis/.
const ALSO = { 'proto/codes.c': ['close'] };

function prefixes(path) {
  const own = stem(path);
  return [own, own.replace(/s$/, ''), `${own}s`, `${own}es`, own.replace(/_.*/, ''), ...(folder(path) === 'common/redis' ? ['redis'] : []), ...(ALSO[path] ?? [])];
}

export function names(files) {
  const complaints = [];
  for (const path of matching(files, /^(common|proto|matchmaking|gateway)\/.*\.c$/)) {
    const headers = matching(files, /\.h$/).filter((header) => folder(header) === folder(path));
    for (const { name, isStatic, first } of functions(files[path])) {
      if (isStatic || name === 'main' || begins(name, prefixes(path))) continue;
      const declared = headers.some((header) => begins(name, prefixes(header)) && files[header].includes(`${name}(`));
      if (!declared) complaints.push(`${path}:${first} ${name} should begin with ${stem(path)}_`);
    }
  }
  return complaints;
}

const begins = (name, all) => all.some((prefix) => name === prefix || name.startsWith(`${prefix}_`));

// Line 1 of a .c says what the file is for; types are structs, typedefs are only for functions (`..._cb`).
export function manners(files) {
  const complaints = [];
  for (const path of matching(files, /^(common|proto|matchmaking|gateway)\/.*\.[ch]$/)) {
    if (!/^\/\* \S/.test(files[path])) complaints.push(`${path}: line 1 does not say what the file is for`);
    for (const [text] of codeOnly(files[path]).matchAll(/\btypedef\b[^;]*;/g))
      if (!/\(\s*\*\s*\w+_cb\s*\)/.test(text)) complaints.push(`${path}: ${text.replace(/\s+/g, ' ')} is not a function type ..._cb`);
  }
  for (const path of matching(files, /\.(c|h|lua|mjs|js|sh)$/))
    if (/\b(TO[D]O|FIX[M]E|X[X]X)\b/.test(files[path])) complaints.push(`${path} holds a note to oneself`);
  for (const path of matching(files, /^matchmaking\/scripts\/[^/]+\.lua$/))
    for (const part of [/^#!lua/, /^-- \w+: /m, /KEYS\s/, /Reply\s/])
      if (!part.test(head(files[path]))) complaints.push(`${path}: the head lacks ${part.source}`);
  return complaints;
}

// Every module is on the tour of its folder: the README next to it names it (`store_cmd_*` names all that begin so).
export function toured(files) {
  const complaints = [];
  for (const path of matching(files, /^(common|proto|matchmaking|gateway)\/([^/]+\/)?\w+\.c$/)) {
    const tour = `${path.split('/')[0]}/README.md`;
    const words = (files[tour] ?? '').match(/\w+\*?/g) ?? [];
    const named = words.some((word) => word === stem(path) || (word.endsWith('_*') && stem(path).startsWith(word.slice(0, -2))));
    if (!named) complaints.push(`${path} is not in ${tour}`);
  }
  return complaints;
}

function head(text) {
  const lines = text.split('\n');
  const end = lines.findIndex((line) => !/^(--|#!)/.test(line));
  return lines.slice(0, end < 0 ? lines.length : end).join('\n');
}
