// The harness itself: it must notice what it exists to notice. A stand-in takes the gateway's place.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

const dir = mkdtempSync(join(tmpdir(), 'matchgate-harness-'));
const standIn = join(dir, 'matchgate');
writeFileSync(
  standIn,
  `#!/usr/bin/env node
const server = require('http').createServer((req, res) => res.end('{}')).listen(process.env.PORT, '127.0.0.1');
if (process.env.FAKE === 'asan') console.error('==1==ERROR: AddressSanitizer: heap-use-after-free');
if (process.env.FAKE === 'die') setTimeout(() => process.exit(3), 200);
process.on('SIGTERM', () => process.env.FAKE === 'hang' || process.exit(process.env.FAKE === 'leak' ? 23 : 0));
`,
  { mode: 0o755 },
);
process.env.MATCHGATE_BIN = standIn;
test.after(() => rmSync(dir, { recursive: true, force: true }));

const { Resp, parseMetrics, runInFleet, waitFor, stays } = await import('../lib/fleet.mjs');
const { parse } = await import('../lib/resp.mjs');
const { audit } = await import('../lib/audit.mjs');

async function failureOf(run) {
  const { error } = console;
  console.error = () => {}; // the report of an expected failure
  try {
    await runInFleet('harness', run);
  } catch (failure) {
    return failure.message;
  } finally {
    console.error = error;
  }
  return null;
}

test('a good gateway passes', async () => {
  assert.equal(await failureOf((fleet) => fleet.gateway()), null);
});

test('a gateway that ends with a status fails the test', async () => {
  assert.match(await failureOf((fleet) => fleet.gateway({ env: { FAKE: 'leak' } })), /with 23 instead of 0/);
});

test('a sanitizer report fails the test', async () => {
  const message = await failureOf(async (fleet) => {
    const gateway = await fleet.gateway({ env: { FAKE: 'asan' } });
    await gateway.proc.sees('AddressSanitizer');
  });
  assert.match(message, /sanitizer report/);
});

test('a gateway that ends by itself fails the test', async () => {
  const message = await failureOf(async (fleet) => {
    const gateway = await fleet.gateway({ env: { FAKE: 'die' } });
    await gateway.proc.ended;
  });
  assert.match(message, /ended by itself/);
});

test('a failing test ends its processes', async () => {
  let pids;
  const message = await failureOf(async (fleet) => {
    const redis = await fleet.redis();
    const gateway = await fleet.gateway();
    pids = [redis.proc.pid, gateway.pid];
    throw new Error('on purpose');
  });
  assert.equal(message, 'on purpose');
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), /ESRCH/);
});

test('a Redis that is killed and started again on its port keeps what AOF kept', async () => {
  const message = await failureOf(async (fleet) => {
    const redis = await fleet.redis({ aof: true, conf: { appendfsync: 'always' } });
    await redis.command('SET', 'k', 'v');
    await redis.kill();
    await redis.restart();
    assert.equal(await redis.command('GET', 'k'), 'v');
  });
  assert.equal(message, null);
});

test('RESP values, whole and in pieces', () => {
  const bytes = Buffer.from('*3\r\n$5\r\nh\u00e9llo\r\n:42\r\n*2\r\n$-1\r\n+OK\r\n');
  const whole = Buffer.from('*3\r\n$6\r\nhéllo\r\n:42\r\n*2\r\n$-1\r\n+OK\r\n');
  assert.deepEqual(parse(whole, 0), { value: ['héllo', 42, [null, 'OK']], end: whole.length });
  for (let n = 0; n < whole.length; n++) assert.equal(parse(whole.subarray(0, n), 0), null);
  assert.throws(() => parse(bytes, 0)); // a length that lies
});

test('an error reply rejects, the next command works', async () => {
  const message = await failureOf(async (fleet) => {
    const cli = await (await fleet.redis()).cli();
    assert.ok(cli instanceof Resp);
    await cli.command('SET', 'k', 'v');
    await assert.rejects(cli.command('LPUSH', 'k', 'x'), /WRONGTYPE/);
    assert.equal(await cli.command('GET', 'k'), 'v');
  });
  assert.equal(message, null);
});

test('metrics text', () => {
  const metrics = parseMetrics('# TYPE a counter\na{x="1",y="q\\"}"} 2\na{x="2"} 3\nb_bucket{le="+Inf"} 4\n');
  assert.equal(metrics.value('a'), 5);
  assert.equal(metrics.value('a', { x: '2' }), 3);
  assert.equal(metrics.value('c'), undefined);
  assert.throws(() => parseMetrics('a{x=1} 2\n'), /bad labels/);
  assert.throws(() => parseMetrics('a two\n'), /not a number/);
  assert.throws(() => parseMetrics('a 2'), /newline/);
});

test('waiting ends with a reason', async () => {
  await assert.rejects(
    waitFor(() => 0, { what: 'rain', timeoutMs: 30 }),
    /rain; last seen: 0/,
  );
  await assert.rejects(
    stays(() => true, { what: 'snow', ms: 30 }),
    /snow happened/,
  );
});

test('the audit finds what is wrong, and waits for what will pass', async () => {
  const message = await failureOf(async (fleet) => {
    const redis = await fleet.redis();
    assert.deepEqual(await audit(redis), []);
    await redis.command('RPUSH', 'waiting:level:1', 'ann', 'ann');
    await redis.command('HSET', 'matches', 'r1', '{}');
    await redis.command('SET', 'scratch', 'x');
    const found = (await audit(redis)).join('\n');
    for (const part of ['I1 player ann waits twice', 'I3', 'r1', 'scratch is not declared']) assert.ok(found.includes(part), found);
    await redis.command('FLUSHALL');
    await redis.command('SADD', 'instance:1-1:sockets', 's1');
    setTimeout(() => redis.command('DEL', 'instance:1-1:sockets'), 300);
    assert.deepEqual(await audit(redis), []);
    await redis.command('SADD', 'instance:1-1:sockets', 's1');
    assert.match((await audit(redis, { settleMs: 200 })).join(), /I9/);
  });
  assert.equal(message, null);
});
