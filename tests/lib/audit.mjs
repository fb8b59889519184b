// The audit after a test: matchmaking/scripts/audit.lua run from outside, and no key in Redis that is not declared.
//
// audit(redis, {prefix, logMax}) resolves with a list of complaints, each a sentence that begins with the invariant's number. What
// the script calls a leftover (a dead instance not yet swept, say) is waited for: `settleMs`, then it is a complaint too.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { keys as declaredKeys } from '../check/tables.mjs';
import { delay, now } from './wait.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const read = (path) => readFileSync(join(ROOT, path), 'utf8');

// As common/redis/embed_lua.cmake does it: each --@include line is replaced by the parts it names.
function script(name) {
  return read(`matchmaking/scripts/${name}.lua`).replace(/^--@include (.*)$/gm, (_, parts) =>
    parts.trim().split(/ +/).map((part) => read(`matchmaking/scripts/lib/${part}.lua`).trimEnd()).join('\n'),
  );
}

const KEYS = ['players', 'instances', 'socket_mappings', 'matches', 'game_states', 'deadlines', 'waiting:levels', 'fence'];
const MORE_KEYS = ['instance_info', 'instance_epochs'];
const LIMIT = 100000;
const TEXTS = 20;
const LOG_MAX = 256;

// redis: a RedisServer or anything with cli().
export async function audit(redis, { prefix = '', logMax = LOG_MAX, settleMs = 5000 } = {}) {
  const cli = await redis.cli();
  const end = now() + settleMs;
  for (;;) {
    const [violations, leftovers] = await look(cli, prefix, logMax);
    if (violations.length || !leftovers.length || now() >= end) return [...violations, ...leftovers];
    await delay(100);
  }
}

// What must never be, at no moment: without waiting, and without what is only left over.
export async function violations(redis, { prefix = '' } = {}) {
  return (await look(await redis.cli(), prefix, LOG_MAX))[0];
}

async function look(cli, prefix, logMax) {
  const info = Object.values(await cli.hash(`${prefix}instance_info`)).map((text) => JSON.parse(text));
  const seats = info[0]?.seats ?? 2;
  const keys = [...KEYS, ...MORE_KEYS].map((key) => prefix + key);
  const args = ['audit', `${prefix}room_events`, 'remote', prefix, LIMIT, TEXTS, logMax, seats];
  const reply = await cli.command('EVAL', script('audit'), keys.length, ...keys, ...args);
  const [word, complete, , , violations, leftovers] = reply;
  if (word !== 'OK' || complete !== 1) throw new Error(`the audit did not read everything: ${word} ${complete}`);
  return [[...violations, ...(await undeclared(cli, prefix))], leftovers];
}

// common/redis/keys.h lists every key there may be.
async function undeclared(cli, prefix) {
  const patterns = declaredKeys({ 'common/redis/keys.h': read('common/redis/keys.h') }).map(
    ({ pattern }) => new RegExp(`^${pattern.replace(/\{\w+\}/g, '[^:]+')}$`),
  );
  return (await cli.keys(`${prefix}*`))
    .filter((key) => !patterns.some((pattern) => pattern.test(key.slice(prefix.length))))
    .map((key) => `the key ${key} is not declared in common/redis/keys.h`);
}
