// The command line, settings and identity: wrong values stop the start by name, tokens decide who somebody is.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fleetTest } from '../lib/fleet.mjs';

async function run(fleet, args, env = {}) {
  const gateway = await fleet.gateway({ args, env, wait: false });
  gateway.proc.expectExit = true;
  return { ...(await gateway.proc.ended), output: gateway.log };
}

fleetTest('--help, --version, --print-config', async (fleet) => {
  const help = await run(fleet, ['--help']);
  assert.equal(help.code, 0);
  for (const word of ['--port', '--redis', '--print-config', 'REDIS_URL', 'GRACE_MS']) assert.ok(help.output.includes(word), word);
  const version = await run(fleet, ['--version']);
  assert.equal(version.code, 0);
  assert.match(version.output, /^matchgate \d+\.\d+\.\d+/);
  const config = await run(fleet, ['--print-config'], { GRACE_MS: 4321, AUTH_JWT_SECRET: 'very-secret-value-of-32-characters' });
  assert.equal(config.code, 0);
  assert.match(config.output, /GRACE_MS\W+4321/);
  assert.ok(!config.output.includes('very-secret'), 'secrets are not printed');
});

fleetTest('a wrong value stops the start and names setting, value and what is allowed', async (fleet) => {
  const wrong = [
    ['PORT', '99999'],
    ['PORT', 'http'],
    ['GRACE_MS', '-1'],
    ['ROOM_SEATS', '65'],
    ['ROOM_SEATS', '1'],
    ['ROOM_EVENTS_MODE', 'some'],
    ['REDIS_URL', 'http://x'],
    ['REDIS_URL', 'rediss://x'],
    ['LOG_FORMAT', 'xml'],
    ['WORKERS', 'many'],
    ['PERMESSAGE_DEFLATE', 'true'], // this libwebsockets would fall over the first compressed message
  ];
  for (const [name, value] of wrong) {
    const env = { [name]: value, ...(name.startsWith('REDIS') ? { REDIS_ENABLED: undefined } : {}) };
    const { code, output } = await run(fleet, [], env);
    assert.notEqual(code, 0, `${name}=${value} is refused`);
    assert.ok(output.includes(name), `${output} names ${name}`);
    if (!name.startsWith('REDIS')) assert.ok(output.includes(value), `${output} shows ${value}`);
  }
  const flag = await run(fleet, ['--no-such-flag']);
  assert.notEqual(flag.code, 0);
  assert.match(flag.output, /no-such-flag/);
});

fleetTest('flags go before the environment, the environment before the file', async (fleet) => {
  const dir = mkdtempSync(join(tmpdir(), 'matchgate-conf-'));
  try {
    const file = join(dir, 'matchgate.conf');
    writeFileSync(file, '# a comment\nGRACE_MS=1111\nCONFIRM_MS=2222\nROOM_SEATS=3\n');
    const env = { GRACE_MS: undefined, CONFIRM_MS: 3333, ROOM_SEATS: 4 };
    const { code, output } = await run(fleet, ['--config', file, '--room-seats', '5', '--print-config'], env);
    assert.equal(code, 0, output);
    assert.match(output, /GRACE_MS\W+1111/);
    assert.match(output, /CONFIRM_MS\W+3333/);
    assert.match(output, /ROOM_SEATS\W+5/);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

fleetTest('a port that is taken is said in one line', async (fleet) => {
  const gateway = await fleet.gateway();
  // Instances share ports on purpose (SO_REUSEPORT); another program's port is not shared.
  const redis = await fleet.redis();
  const { code, output } = await run(fleet, ['--port', String(redis.port)]);
  assert.notEqual(code, 0);
  assert.match(output, new RegExp(`PORT.*${redis.port}|${redis.port}.*in use`, 'i'));
  assert.equal((await gateway.get('/health/live')).status, 200);
});

const SECRET = 'a-secret-that-is-long-enough-for-hs256';
const b64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
function token(payload, { secret = SECRET, alg = 'HS256', header = { alg, typ: 'JWT' } } = {}) {
  const body = `${b64(header)}.${b64(payload)}`;
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}

fleetTest('with AUTH_JWT_SECRET only a signed token says who one is', async (fleet) => {
  const gateway = await fleet.gateway({ env: { AUTH_JWT_SECRET: SECRET } });
  const seconds = Math.floor(Date.now() / 1000);
  const good = await fleet.client(gateway, { token: token({ sub: 'ann', exp: seconds + 60 }) });
  assert.equal(good.welcome.playerId, 'ann');
  const inHello = await fleet.client(gateway, { hello: true });
  await inHello.send('hello', { token: token({ sub: 'bob', exp: seconds + 60 }) });
  assert.equal((await inHello.next('welcome')).data.playerId, 'bob');
  // A playerId beside the token changes nothing.
  const liar = await fleet.client(gateway, { token: token({ sub: 'cy', exp: seconds + 60 }), playerId: 'ann' });
  assert.equal(liar.welcome.playerId, 'cy');

  const bad = {
    'wrong secret': token({ sub: 'x', exp: seconds + 60 }, { secret: 'another-secret-that-is-long-enough' }),
    expired: token({ sub: 'x', exp: seconds - 3600 }),
    'not yet': token({ sub: 'x', nbf: seconds + 3600, exp: seconds + 7200 }),
    'alg none': `${b64({ alg: 'none' })}.${b64({ sub: 'x' })}.`,
    'alg other': token({ sub: 'x', exp: seconds + 60 }, { alg: 'HS512' }),
    'no sub': token({ exp: seconds + 60 }),
    'bad sub': token({ sub: 'a b', exp: seconds + 60 }),
    'number sub': token({ sub: 7, exp: seconds + 60 }),
    'cut off': token({ sub: 'x', exp: seconds + 60 }).slice(0, -3),
    garbage: 'a.b.c',
    empty: '',
  };
  for (const [what, text] of Object.entries(bad)) {
    const client = await fleet.client(gateway, { token: text, playerId: 'x', wait: false });
    if (!text) client.tell('hello', { token: text }); // an empty token is none: the server waits for hello
    assert.equal((await client.closed).code, 4001, what);
    assert.equal(client.all('error')[0].data.code, 'UNAUTHORIZED', what);
    assert.equal(client.all('welcome').length, 0);
    if (text) assert.ok(!gateway.log.includes(text), 'tokens are not in the log');
  }
});

fleetTest('without it there is a warning, at the start and in the statistics', async (fleet) => {
  const gateway = await fleet.gateway();
  await gateway.proc.sees(/AUTH_JWT_SECRET/);
  assert.match(JSON.stringify(await gateway.stats()), /AUTH_JWT_SECRET|development/);
});

fleetTest('log lines as JSON', async (fleet) => {
  const gateway = await fleet.gateway({ env: { LOG_FORMAT: 'json' } });
  await fleet.client(gateway, 'ann');
  const lines = gateway.log.split('\n').filter(Boolean);
  assert.ok(lines.length > 0);
  for (const line of lines) {
    const entry = JSON.parse(line);
    assert.ok(entry.event && entry.level && entry.ts, line);
  }
});
