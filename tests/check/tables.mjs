// Tables in the code against the documents, both ways; Redis keys; the documents that are generated from tables.
import { asyncapi } from './asyncapi.mjs';
import { codeOnly, matching, strings } from './source.mjs';

// --- what the tables hold --------------------------------------------------------------------------------------------

export function metrics(files) {
  const text = (files['common/metrics_table.h'] ?? '').replace(/"\s*\n\s*"/g, '');
  const row = /^METRIC\((\w+),\s*"([^"]+)",\s*(\w+),\s*(?:NULL|"(\w+)"),\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)"\)/gm;
  return [...text.matchAll(row)].map(([, , name, kind, label, help, remedy]) => ({
    name,
    kind: kind.toLowerCase(),
    label,
    help,
    remedy,
  }));
}

// KEY(ID, "pattern", "type", "lifetime", "what"): strings may be split over lines.
export function keys(files) {
  const text = (files['common/redis/keys.h'] ?? '').replace(/\\\n/g, ' ').replace(/"\s+"/g, '');
  const row = /\bKEY\((\w+),\s*"([^"]*)",\s*"([^"]*)",\s*"([^"]*)",\s*"([^"]*)"\)/g;
  return [...text.matchAll(row)].map(([, id, pattern, type, lifetime, what]) => ({ id, pattern, type, lifetime, what }));
}

// All event names of proto/messages.c and .h: what clients send, and PUSH_ literals.
export function events(files) {
  const rows = (files['proto/messages.c'] ?? '').matchAll(/\[MSG_(?!UNKNOWN)\w+\]\s*=\s*\{\s*"(\w+)"/g);
  const pushes = (files['proto/messages.h'] ?? '').matchAll(/#define PUSH_\w+ "(\w+)"/g);
  return [...new Set([...rows, ...pushes].map(([, name]) => name))];
}

export function codes(files) {
  const rows = (files['proto/codes.c'] ?? '').matchAll(/\[CODE_(?!OK\b)\w+\]\s*=\s*\{\s*"(\w+)"/g);
  return [...rows].map(([, name]) => name);
}

// 1006 is never on the wire.
export function closeCodes(files) {
  const rows = (files['proto/codes.h'] ?? '').matchAll(/CLOSE_\w+ = (\d{4})/g);
  return [...rows].map(([, code]) => code).filter((code) => code !== '1006');
}

// Close codes of our own that the document lists: said by the gateway, or marked as reserved, and not both.
function closeCodesSaid(files) {
  const said = matching(files, /^gateway\/.*\.c$/).map((path) => codeOnly(files[path])).join('\n');
  return [...(files['proto/codes.h'] ?? '').matchAll(/(CLOSE_\w+) = (4\d{3})/g)].flatMap(([, name, code]) => {
    const row = (files['proto/PROTOCOL.md'] ?? '').match(new RegExp(`^\\| ${code} \\|.*$`, 'm'))?.[0] ?? '';
    if (word(name).test(said) === /reserved/.test(row))
      return [`close code ${code} is ${/reserved/.test(row) ? 'said' : 'never said'} by the gateway, PROTOCOL.md has it otherwise`];
    return [];
  });
}

// The rows of the table in gateway/settings.c, headings included: {heading} or {name, aliases, preset, unit, choices, min,
// max, secret, help}. Rows are {.name = ...} or one of the macros INT, TEXT, SECRET, CHOICE above the table.
const TABLE = /struct conf_setting \w+\[\] = \{\n([\s\S]*?)\n\};/;

export function settingRows(files) {
  const table = (files['gateway/settings.c'] ?? '').match(TABLE)?.[1] ?? '';
  return [...table.matchAll(/^ {4}(?:(\w+)\(((?:"(?:[^"\\]|\\.)*"|[^"])*?)\)|\{((?:"(?:[^"\\]|\\.)*"|[^"])*?)\}),$/gm)].map(
    ([, macro, args, fields]) => (macro ? macroRow(macro, split(args)) : fieldRow(fields)),
  );
}

const unquote = (text) => (text === undefined || text === 'NULL' ? undefined : text.replace(/^"|"$/g, ''));
const split = (args) => (args.match(/"(?:[^"\\]|\\.)*"|[^\s,][^,"]*/g) ?? []).map((arg) => arg.trim());

function macroRow(macro, [name, , ...rest]) {
  const [a, b, c, d, e] = rest.map(unquote);
  switch (macro) {
    case 'HEADING':
      return { heading: unquote(name) };
    case 'INT':
      return { name: unquote(name), min: a, max: b, preset: c, unit: d, help: e };
    case 'TEXT':
      return { name: unquote(name), preset: b, help: c };
    case 'SECRET':
      return { name: unquote(name), secret: true, help: b };
    case 'CHOICE':
      return { name: unquote(name), choices: a, preset: b, help: c };
    default:
      return { name: `a row the check cannot read: ${macro}` };
  }
}

function fieldRow(fields) {
  const text = (key) => fields.match(new RegExp(`\\.${key} = "((?:[^"\\\\]|\\\\.)*)"`))?.[1];
  const number = (key) => fields.match(new RegExp(`\\.${key} = (\\d+)`))?.[1];
  const row = { name: text('name'), aliases: text('aliases'), preset: text('preset'), unit: text('unit'), help: text('help'), zero: text('zero') };
  if (/CONF_INT/.test(fields)) Object.assign(row, { min: number('min'), max: number('max') });
  if (/CONF_BOOL/.test(fields)) row.choices = 'true|false';
  if (/\.secret = true/.test(fields)) row.secret = true;
  return row;
}

// Rows of the table that settingRows could not read: there must be none.
function unreadRows(files) {
  const text = (files['gateway/settings.c'] ?? '').match(TABLE)?.[1] ?? '';
  const begun = (text.match(/^ {4}(\w+\(|\{)/gm) ?? []).length;
  return begun === settingRows(files).length ? [] : ['a row of gateway/settings.c is written in a way this check cannot read'];
}

export const settings = (files) => settingRows(files).flatMap(({ name, aliases }) => [name, ...(aliases?.split(' ') ?? [])]).filter(Boolean);

// --- checks ----------------------------------------------------------------------------------------------------------

const word = (name) => new RegExp(`(?<![\\w])${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w])`);

function missing(what, names, files, documents) {
  const texts = documents.map((path) => files[path]).filter((text) => text !== undefined);
  if (names.length === 0) return [`no ${what} was found in its table: the check reads it wrongly`];
  if (texts.length === 0) return [`${what}: none of ${documents.join(', ')} exists`];
  const lost = names.filter((name) => !texts.some((text) => word(name).test(text)));
  return lost.map((name) => `${what} ${name} is not in ${documents.join(' or ')}`);
}

export function documented(files) {
  return [
    ...missing('event', events(files), files, ['proto/PROTOCOL.md']),
    ...missing('error code', codes(files), files, ['proto/PROTOCOL.md']),
    ...missing('close code', closeCodes(files), files, ['proto/PROTOCOL.md']),
    ...closeCodesSaid(files),
    ...missing('setting', settings(files), files, ['README.md', 'deploy/SETTINGS.md']),
    ...unreadRows(files),
    ...missing('metric', metrics(files).map(({ name }) => name), files, ['deploy/METRICS.md']),
    ...missing('Redis key', keys(files).map(({ pattern }) => pattern), files, ['deploy/REDIS_KEYS.md']),
  ];
}

// What the documents and deployment files speak of exists.
export function spokenOf(files) {
  const complaints = [];
  const known = new Set(metrics(files).map(({ name }) => name));
  for (const path of matching(files, /^(README\.md|deploy\/.*\.(md|yml|yaml|json|cfg))$/)) {
    for (const [name] of files[path].matchAll(/\b(matchgate_[a-z_]+|room_event_lag_seconds)\b/g)) {
      const base = name.replace(/_(bucket|sum|count)$/, '');
      if (!known.has(name) && !known.has(base)) complaints.push(`${path} speaks of the metric ${name}, which does not exist`);
    }
  }
  complaints.push(...logEvents(files), ...alertSections(files));
  const codeNames = new Set([...codes(files), 'OK']);
  for (const [, name] of (files['proto/PROTOCOL.md'] ?? '').matchAll(/^\|\s*`([A-Z][A-Z_]+)`\s*\|/gm))
    if (!codeNames.has(name) && !settings(files).includes(name)) complaints.push(`proto/PROTOCOL.md lists ${name}, which no table knows`);
  return complaints;
}

// `noun.verb` in the runbook is an event that some log line has.
function logEvents(files) {
  const written = new Set(
    matching(files, /^(common|matchmaking|gateway)\/.*\.c$/).flatMap((path) => strings(files[path]).filter((text) => /^[a-z]+\.[a-z_]+$/.test(text))),
  );
  const spoken = [...(files['deploy/RUNBOOK.md'] ?? '').matchAll(/`((?:conn|session|room|store|instance|event|lease|drain|process|match)\.[a-z_]+)`/g)];
  return [...new Set(spoken.map(([, name]) => name))]
    .filter((name) => !written.has(name))
    .map((name) => `deploy/RUNBOOK.md speaks of the log event ${name}, which nothing writes`);
}

// Every alert's `runbook` is the beginning of a section's title.
function alertSections(files) {
  const titles = [...(files['deploy/RUNBOOK.md'] ?? '').matchAll(/^## (.*)$/gm)].map(([, title]) => title);
  return [...(files['deploy/alerts.yml'] ?? '').matchAll(/runbook: "(.*)"/g)]
    .filter(([, name]) => !titles.includes(name))
    .map(([, name]) => `deploy/alerts.yml names the section "${name}", which the runbook lacks`);
}

// Redis keys: scripts get every key through KEYS; C composes only declared patterns; every declared key is used.
export function redisKeys(files) {
  const complaints = [];
  const declared = keys(files);
  const lua = /redis\.p?call\(\s*'(?!PUBLISH|TIME|PING|INFO|CONFIG|SCRIPT)(\w+)'\s*,\s*'([^']*)'/g;
  for (const path of matching(files, /^matchmaking\/scripts\/.*\.lua$/))
    for (const [, command, key] of files[path].matchAll(lua))
      complaints.push(`${path}: ${command} of the literal key '${key}'; keys come through KEYS`);
  const patterns = declared.map(({ pattern }) => pattern);
  for (const path of matching(files, /^(matchmaking|gateway)\/.*\.[ch]$/)) {
    for (const text of strings(files[path])) {
      const looksLikeKey = /^[a-z_]+:(%|\{)[^ ]*$/.test(text) || /^(socket_|game_|waiting:|instance:|room:|session:)[\w:{}%]*$/.test(text);
      const shape = text.replace(/%\.\*s|%\w+/g, '{x}');
      const fits = patterns.some((pattern) => pattern.replace(/\{\w+\}/g, '{x}').startsWith(shape.replace(/\{\w+\}/g, '{x}')));
      if (looksLikeKey && !fits) complaints.push(`${path}: "${text}" is no key of common/redis/keys.h`);
    }
  }
  const code = matching(files, /^(matchmaking|gateway)\/.*\.[ch]$/).map((path) => codeOnly(files[path])).join('\n');
  for (const { id, type } of declared)
    if (type !== 'channel' && !word(`KEY_${id}`).test(code)) complaints.push(`KEY_${id} is declared but never used`);
  if (declared.length === 0) complaints.push('no key was found in common/redis/keys.h: the check reads it wrongly');
  return complaints;
}

// --- documents made from tables --------------------------------------------------------------------------------------

const NOTE = (source) => `<!-- Made from ${source} by \`node tests/check/documents.mjs\`; do not edit. -->\n\n`;
const table = (heads, rows) =>
  [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n') + '\n';

// {path: text} of every generated document.
export function generated(files) {
  return {
    'deploy/METRICS.md':
      '# Metrics\n\n' +
      NOTE('common/metrics_table.h') +
      '`GET /metrics` of each instance. The last column says what to do when the figure looks wrong.\n\n' +
      table(
        ['name', 'kind', 'label', 'what it counts', 'remedy'],
        metrics(files).map(({ name, kind, label, help, remedy }) => [`\`${name}\``, kind, label ? `\`${label}\`` : '', help, remedy]),
      ),
    'deploy/SETTINGS.md':
      '# Settings\n\n' +
      NOTE('gateway/settings.c') +
      'Flag (`--redis-url VALUE`) before environment variable (`REDIS_URL=VALUE`) before `--config FILE` or `CONFIG_FILE` (lines\n' +
      '`KEY=VALUE`) before default. `matchgate --print-config` shows what is in force and where it comes from; a wrong value stops the start.\n' +
      settingRows(files).map((row) => settingLine(row, files)).join(''),
    'proto/asyncapi.json': asyncapi(files, codes(files)),
    'deploy/REDIS_KEYS.md':
      '# Redis keys\n\n' +
      NOTE('common/redis/keys.h') +
      'Everything matchgate keeps in Redis. `REDIS_KEY_PREFIX` goes in front of every name.\n\n' +
      table(
        ['key', 'type', 'lives', 'what it holds'],
        keys(files).map(({ pattern, type, lifetime, what }) => [`\`${pattern}\``, type, lifetime, what]),
      ),
  };
}

// A bound may be a constant of some header.
function constant(text, files) {
  if (/^-?\d+$/.test(text)) return text;
  const values = matching(files, /\.h$/).flatMap((path) => files[path].match(new RegExp(`\\b${text} = (\\d+)`))?.[1] ?? []);
  return values[0] ?? text;
}

function settingLine({ heading, name, aliases, preset, unit, choices, min, max, zero, secret, help }, files) {
  if (heading) return `\n## ${heading}\n\n${table(['setting', 'default', 'allowed', 'what it does'], [])}`;
  const allowed = choices ? choices.split('|').map((c) => `\`${c}\``).join(', ') : min !== undefined ? `${constant(min, files)} to ${constant(max, files)}${zero ? `, \`${zero}\`` : ''}` : '';
  const names = [name, ...(aliases?.split(' ') ?? [])].map((n) => `\`${n}\``).join(', ');
  const value = preset ? `\`${preset}\`${unit ? ` ${unit}` : ''}` : 'not set';
  return `| ${[names, value, allowed, help + (secret ? ' Secret: never printed.' : '')].join(' | ')} |\n`;
}

export function upToDate(files) {
  return Object.entries(generated(files))
    .filter(([path, text]) => files[path] !== text)
    .map(([path]) => `${path} is not what its table says; run: node tests/check/documents.mjs`);
}
