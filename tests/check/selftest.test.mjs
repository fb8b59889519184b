// Each check must find what it looks for: one good sample it passes, and bad ones it names.
import assert from 'node:assert/strict';
import test from 'node:test';
import { agreement } from './deploy.mjs';
import { hygiene, links } from './hygiene.mjs';
import { codeOnly, functions, load, strings } from './source.mjs';
import { cycles, fences, layers, manners, names, sizes, toured } from './structure.mjs';
import { documented, generated, redisKeys, settings, spokenOf, upToDate } from './tables.mjs';

// The complaints of `check` about `files`, each matched by one of the patterns in order; no more and no fewer.
function finds(check, files, ...patterns) {
  const complaints = check(files);
  assert.equal(complaints.length, patterns.length, complaints.join('\n'));
  patterns.forEach((pattern, i) => assert.match(complaints[i], pattern));
}

const body = (lines) => `static void long_one(void)\n{\n${'    x();\n'.repeat(lines)}}\n`;

test('reading C', () => {
  const text = '/* "not a string" */ const char *s = "a /* b */ \\" c"; // {\nint main(void)\n{\n    return \'"\';\n}\n';
  assert.deepEqual(strings(text), ['a /* b */ \\" c']);
  assert.ok(!codeOnly(text).includes('/*'));
  assert.equal(codeOnly(text).split('\n').length, text.split('\n').length);
  assert.deepEqual(functions(text), [{ name: 'main', isStatic: false, first: 2, last: 5 }]);
  const wrapped = 'static const struct row *\nrow_find(const char *name,\n         int n)\n{\n}\n';
  assert.deepEqual(functions(wrapped), [{ name: 'row_find', isStatic: true, first: 1, last: 5 }]);
});

test('sizes', () => {
  finds(sizes, { 'common/a.c': body(77), 'x.mjs': 'x\n'.repeat(500) });
  finds(sizes, { 'common/a.c': body(78), 'x.mjs': 'x\n'.repeat(501) }, /x\.mjs has 501/, /a\.c:1 long_one has 81/);
});

test('layers', () => {
  const of = (path, target) => ({ [path]: `#include "${target}"\n`, [target]: '' });
  finds(layers, of('gateway/a.c', 'matchmaking/b.h'));
  finds(layers, of('tests/unit/a_test.c', 'gateway/b.h'));
  finds(layers, of('common/a.c', 'gateway/b.h'), /common must not know gateway/);
  finds(layers, of('proto/a.c', 'matchmaking/b.h'), /proto must not know matchmaking/);
  finds(layers, of('matchmaking/a.h', 'proto/b.h'), /matchmaking must not know proto/);
  finds(layers, of('gateway/a.c', 'tests/lib/b.h'), /gateway must not know tests/);
  finds(layers, of('gateway/a.c', 'b.h'), /full path/);
  finds(layers, { 'gateway/a.c': '#include "common/none.h"\n' }, /does not exist/);
});

test('cycles', () => {
  const include = (...targets) => targets.map((target) => `#include "${target}"\n`).join('');
  const good = { 'common/a.h': '', 'common/a.c': include('common/a.h', 'common/b.h'), 'common/b.h': '' };
  finds(cycles, good);
  finds(cycles, { ...good, 'common/b.c': include('common/a.h') }, /common\/a common\/b/);
  const around = { 'common/x.h': include('common/y.h'), 'common/y.h': include('common/z.h'), 'common/z.h': include('common/x.h') };
  finds(cycles, around, /x common\/y common\/z/);
});

test('fences', () => {
  const code = 'void f(void)\n{\n    lws_write();\n    uv_run();\n    cJSON_Parse();\n    lua_call();\n    redisAsyncFree();\n    HASH_ADD();\n}\n';
  finds(fences, { 'gateway/room.c': code }, /lws_write/, /redisAsyncFree/, /uv_run/, /cJSON_Parse/, /lua_call/, /HASH_ADD/);
  finds(fences, { 'gateway/room.c': '/* lws_write */ loop_uv(); "uv_run";' });
  finds(fences, { 'gateway/ws.c': 'lws_write();', 'common/loop.c': 'uv_run();', 'matchmaking/lua_host.c': 'lua_call();' });
  finds(fences, { 'common/json.h': '#include <cjson/cJSON.h>' }, /cJSON/);
});

test('names', () => {
  const fn = (name) => `int ${name}(void)\n{\n}\n`;
  finds(names, { 'common/buf.c': fn('buf_add') + `static ${fn('add')}`, 'gateway/main.c': fn('main') });
  finds(names, { 'common/buf.c': fn('add_buf'), 'proto/codes.c': fn('code_name') + fn('close_text') }, /add_buf should begin with buf_/);
  finds(names, { 'gateway/ws.c': fn('conn_send'), 'gateway/conn.h': 'void conn_send(struct conn *c);' });
  finds(names, { 'gateway/room.c': fn('rooms_count'), 'gateway/inbox_deliver.c': fn('inbox_push') });
  finds(names, { 'gateway/ws.c': fn('conn_send'), 'gateway/conn.h': '' }, /conn_send should begin with ws_/);
});

test('manners', () => {
  const note = 'TO' + 'DO';
  finds(manners, { 'common/a.c': '/* Good. */\n', 'common/a.h': '/* Good. */\ntypedef void (*a_cb)(void *arg);\n' });
  finds(
    manners,
    { 'common/a.c': '#include "b"\n', 'common/a.h': '/* Good. */\ntypedef struct a a_t;\n', 'x.mjs': `// ${note}\n` },
    /a\.c: line 1/,
    /typedef struct a a_t/,
    /note to oneself/,
  );
  finds(manners, { 'matchmaking/scripts/x.lua': '#!lua\n-- x: does\n-- KEYS 1 a\nreturn 1\n' }, /lacks Reply/);
});

test('tours', () => {
  const tour = '| `a`, b | x |\n| c_* | y |\n';
  finds(toured, { 'gateway/a.c': '', 'gateway/b.c': '', 'gateway/c_1.c': '', 'gateway/README.md': tour });
  finds(toured, { 'gateway/d.c': '', 'common/redis/a.c': '', 'gateway/README.md': tour }, /gateway\/d\.c/, /common\/redis\/a\.c/);
});

const KEYS = '    KEY(MATCHES, "matches", "hash", "ever",   \\\n        "who")  \\\n    KEY(ROOM, "room:{roomId}", "hash", "x", "y")\n';
const TABLES = {
  'proto/messages.c': '    [MSG_HELLO] =\n        {"hello", "name? "\n         "age", "kind"},\n    {PUSH_PONG, "", MESSAGE_NUMBERED},\n',
  'proto/messages.h': '#define PUSH_PONG "pong"\n',
  'proto/codes.c': '    [CODE_OK] = {"OK", "", false},\n    [CODE_BUSY] = {"BUSY", "", true},\n',
  'proto/codes.h': '    CLOSE_NORMAL = 1000,\n    CLOSE_ABNORMAL = 1006,\n',
  'gateway/settings.c':
    'static const struct conf_setting table[] = {\n    HEADING("A"),\n    INT("GRACE_MS", grace_ms, 0, A_MAX, "30000", "ms", "Held, so long."),\n' +
    '    {.name = "PORT", .aliases = "APP_PORT", .type = CONF_INT, AT(port), .min = 0, .max = 65535, .preset = "3030",\n     .help = "Port."},\n' +
    '    INT("DRAIN_MS", drain_ms, 1, 2, "10000", "ms", "Drain."),\n};\n',
  'common/metrics_table.h': 'METRIC(A, "matchgate_a", GAUGE, NULL, "What.", "Do.")\n',
  'common/redis/keys.h': KEYS,
  'matchmaking/queue.c': 'realm_key(c, KEY_MATCHES); realm_key(c, KEY_ROOM);\n',
};
const DOCUMENTS = {
  'proto/PROTOCOL.md':
    'hello pong BUSY 1000\n| `BUSY` | x |\n\n## What a client sends\n\n### hello\n\nSays\nwho.\n\n| data | type | |\n|---|---|---|\n' +
    '| `name` | string, optional | yours |\n| `age` | integer, 0 to 99 | |\n\n| reply | type | |\n|---|---|---|\n| `kind` | `"new"` or `"old"` | |\n\n' +
    '```json\n{"event":"hello","id":1,\n  "data":{"age":7}}\n```\n\n## What the server pushes\n\n### pong\n\nYes.\n',
  'README.md': 'GRACE_MS PORT APP_PORT DRAIN_MS\n',
};

test('tables and documents', () => {
  const good = { ...TABLES, ...DOCUMENTS, 'common/a.h': 'enum { A_MAX = 9 };' };
  Object.assign(good, generated(good));
  assert.deepEqual(settings(good), ['GRACE_MS', 'PORT', 'APP_PORT', 'DRAIN_MS']);
  assert.match(good['deploy/SETTINGS.md'], /\| `GRACE_MS` \| `30000` ms \| 0 to 9 \| Held, so long\. \|/);
  assert.match(good['deploy/REDIS_KEYS.md'], /\| `room:\{roomId\}` \| hash \| x \| y \|/);
  finds(documented, good);
  finds(upToDate, good);
  finds(spokenOf, good);
  finds(redisKeys, good);

  finds(documented, { ...good, 'proto/PROTOCOL.md': 'hello pongs BUSY' }, /event pong is not/, /close code 1000/);
  finds(documented, { ...good, 'proto/PROTOCOL.md': 'hello pong 1000' }, /error code BUSY/);
  const own = { ...good, 'proto/codes.h': 'CLOSE_A = 1000, CLOSE_FULL = 4100' };
  const row = (text) => ({ 'proto/PROTOCOL.md': `${good['proto/PROTOCOL.md']}\n| 4100 | ${text} | no |\n` });
  finds(documented, { ...own, ...row('full'), 'gateway/a.c': 'f(CLOSE_FULL);' });
  finds(documented, { ...own, ...row('full, reserved') });
  finds(documented, { ...own, ...row('full'), 'gateway/a.c': '/* CLOSE_FULL */' }, /4100 is never said/);
  finds(documented, { ...own, ...row('full, reserved'), 'gateway/a.c': 'f(CLOSE_FULL);' }, /4100 is said/);
  finds(documented, { ...good, 'README.md': '', 'deploy/SETTINGS.md': 'PORT APP_PORT DRAIN_MS' }, /setting GRACE_MS/);
  finds(documented, { ...good, 'deploy/METRICS.md': 'matchgate_ab' }, /metric matchgate_a is not/);
  finds(documented, { ...good, 'common/metrics_table.h': '' }, /no metric was found/);
  const odd = TABLES['gateway/settings.c'].replace('INT("DRAIN', 'ODD ("DRAIN');
  assert.match(documented({ ...good, 'gateway/settings.c': odd.replace('ODD (', 'ODD(x)(') }).join(), /cannot read/);

  finds(upToDate, { ...good, 'deploy/METRICS.md': good['deploy/METRICS.md'].replace('Do.', 'Do not.') }, /METRICS\.md is not/);
  finds(spokenOf, { ...good, 'deploy/RUNBOOK.md': 'matchgate_a matchgate_a_sum matchgate_b' }, /matchgate_b, which does not/);
  const log = { 'gateway/a.c': 'log_info("conn.closed");' };
  finds(spokenOf, { ...good, ...log, 'deploy/RUNBOOK.md': '`conn.closed` `conn.opened`' }, /conn\.opened, which nothing writes/);
  const alert = { 'deploy/alerts.yml': '          runbook: "Redis away"\n' };
  finds(spokenOf, { ...good, ...alert, 'deploy/RUNBOOK.md': '## Redis away\n' });
  finds(spokenOf, { ...good, ...alert, 'deploy/RUNBOOK.md': '## Redis\n' }, /"Redis away", which the runbook lacks/);
  finds(spokenOf, { ...good, 'proto/PROTOCOL.md': '| `GONE` | x |\n' }, /GONE, which no table/);
});

test('the AsyncAPI document', () => {
  const made = (changes) => JSON.parse(generated({ ...TABLES, ...DOCUMENTS, 'common/a.h': '', ...changes })['proto/asyncapi.json']);
  const { helloRequest, helloReply, pongPush } = made().components.messages;
  assert.equal(helloRequest.summary, 'Says who.');
  assert.deepEqual(helloRequest.payload.required, ['event', 'data']);
  assert.deepEqual(helloRequest.payload.properties.data, {
    type: 'object',
    properties: { name: { type: 'string', description: 'yours' }, age: { type: 'integer', minimum: 0, maximum: 99 } },
    required: ['age'],
  });
  assert.deepEqual(helloRequest.examples, [{ payload: { event: 'hello', id: 1, data: { age: 7 } } }]);
  assert.deepEqual(helloReply.payload.properties.data.properties.kind, { type: 'string', enum: ['new', 'old'] });
  assert.deepEqual(pongPush.payload.required, ['event', 'data', 'room', 'seq']);
  const other = (from, to) => ({ 'proto/PROTOCOL.md': DOCUMENTS['proto/PROTOCOL.md'].replace(from, to) });
  assert.throws(() => made(other('| `age` |', '| `years` |')), /says nothing of hello\.age/);
  assert.throws(() => made(other('string, optional', 'a word')), /calls hello\.name "a word"/);
  assert.throws(() => made(other('### pong', '### ping')), /no section about pong/);
});

test('Redis keys', () => {
  const lua = (text) => ({ ...TABLES, 'matchmaking/scripts/x.lua': text });
  finds(redisKeys, lua("redis.call('HGET', KEYS[1], id)\nredis.call('PUBLISH', CHANNEL, x)\n"));
  finds(redisKeys, lua("redis.call('HGET', 'matches', id)\n"), /HGET of the literal key 'matches'/);
  const c = (text) => ({ ...TABLES, 'gateway/x.c': text });
  finds(redisKeys, c('compose("room:%.*s", id); log("conn.closed: %s");'));
  finds(redisKeys, c('compose("session:%s", id);'), /"session:%s" is no key/);
  finds(redisKeys, { ...TABLES, 'matchmaking/queue.c': 'KEY_MATCHES' }, /KEY_ROOM is declared but never used/);
});

test('hygiene', () => {
  const machine = ['', 'work', 'main'].join('/');
  finds(hygiene, { 'a.md': 'see deploy/root and ~/work\nlistens on 127.0.0.1\n' });
  finds(hygiene, { 'a.md': `cd ${machine}\n` }, /a path of one machine/);
  finds(hygiene, { 'a.md': ['..', 'shared', 'x\n'].join('/') }, /outside the repository/);
  finds(hygiene, { 'package-lock.json': `"resolv${''}ed": "x"\n` }, /registry address/);
  finds(hygiene, { 'a.md': `https:/${'/'}registry.npm${''}js.org/x\n` }, /package registry/);
  finds(hygiene, { 'a.md': ['10', '1', '2', '3\n'].join('.') }, /address of one network/);
  finds(hygiene, { 'a.md': 'x \ny' }, /end of a line/, /newline/);
  finds(hygiene, { '.env': 'A=1\n' }, /should not be here/);
});

test('links', () => {
  const good = { 'a/x.md': '[b](../b.md#a-b-c) [x](#top) [web](https://example.com) [f](../c)\n# Top\n', 'b.md': '## A, b: c\n', 'c/d.c': '' };
  finds(links, good);
  finds(links, { ...good, 'e.md': '[b](b.mdx) [b](b.md#nope) [x](#no)\n' }, /no b\.mdx/, /heading b\.md#nope/, /heading #no/);
});

test('deployment files', () => {
  const files = load();
  assert.deepEqual(agreement(files), []);
  const change = (path, from, to) => {
    assert.ok(files[path].includes(from), `${path} holds ${from}`);
    return { ...files, [path]: files[path].replace(from, to) };
  };
  const cases = [
    ['deploy/cluster.sh', 'PORT:-3030', 'PORT:-3031', /cluster\.sh, PORT says 3031/],
    ['deploy/cluster.sh', 'GATEWAY_PORTS:-3031 3032 3033', 'GATEWAY_PORTS:-3031 3032 3034', /haproxy\.cfg expects/],
    ['deploy/haproxy.cfg', 'MATCHGATE_LISTEN-:3030', 'MATCHGATE_LISTEN-:80', /haproxy\.cfg, MATCHGATE_LISTEN says 80/],
    ['deploy/haproxy.cfg', 'GET /health/ready', 'GET /health', /does not probe/],
    ['deploy/compose.yml', 'gateway2:3030', 'gateway9:3030', /which is no service/],
    ['deploy/compose.yml', 'gateway3:3030', 'gateway3:3031', /listen on 3030/],
    ['deploy/compose.yml', '    LOG_FORMAT:', '    LOGFORMAT:', /LOGFORMAT, which is no setting/],
    ['deploy/compose.yml', 'redis://redis:6379', 'redis://cache:6379', /REDIS_URL names cache/],
    ['deploy/compose.yml', 'stop_grace_period: 15s', 'stop_grace_period: 10s', /not longer than DRAIN_MS/],
    ['deploy/Dockerfile', 'EXPOSE 3030', 'EXPOSE 8080', /EXPOSE says 8080/],
    ['deploy/Dockerfile', 'uthash-dev', '', /\.\/mg installs uthash-dev/],
    ['deploy/redis.conf', 'maxmemory-policy noeviction', 'maxmemory-policy allkeys-lru', /noeviction/],
    ['mg', 'DEMO=1', 'DEMOS=1', /mg sets DEMOS/],
  ];
  for (const [path, from, to, pattern] of cases) assert.match(agreement(change(path, from, to)).join('\n'), pattern, `${path}: ${to}`);
});
