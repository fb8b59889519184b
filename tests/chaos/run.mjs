// The checker against a running fleet: players who join, play, drop and come back, for a while; then everything they saw is
// put together, and whatever must not be is printed. Break what you like meanwhile: that is what it is for.
//
//   node tests/chaos/run.mjs --url ws://127.0.0.1:3030/ws [--url ...] --seconds 60 --seed 7
//     --players 40      how many
//     --levels 3        over how many levels they spread (the last round is on level 1 of them)
//     --level-from 900  the first of these levels: choose some where no human waits
//     --think-ms 100    from one action to the next, on average
//     --socketio 0      the share of those who speak Socket.IO, from 0 to 1 (at the path /socket.io/ of the same addresses)
//     --calm            nobody drops or logs in twice: only what you break is broken
//     --jumps N         how many snapshots in place of missed events are in order (default: any number)
//     --name chaos      what the players' ids begin with
//     --secret S        sign tokens with it, where the fleet has AUTH_JWT_SECRET (or by environment, under that name)
//     --redis HOST:PORT look into Redis all the while, and run the audit of the end state (or HOST:PORT/PREFIX); reads only
//     --beat-ms 2500    with --redis: beats of an instance further apart than this mean that it was away
//     --idle-ms N, --ticket-ttl-ms N   ROOM_IDLE_MS and TICKET_TTL_MS of the fleet, if they are not the defaults
//     --lossy           Redis may lose what it had confirmed (a failover, no file): whoever is told may be told other things
//
// Late timers can only be told from those of an outage with --redis (see watch.mjs).
//
// The status is 0 only if something was played and nothing is wrong. Players are called {name}0, {name}1, ...
import { createHmac } from 'node:crypto';
import { parseArgs } from 'node:util';
import { audit } from '../lib/audit.mjs';
import { Resp } from '../lib/resp.mjs';
import { delay, now } from '../lib/wait.mjs';
import { Crowd } from './crowd.mjs';
import { CALM, WILD } from './player.mjs';
import { Record } from './record.mjs';

const text = (value) => ({ type: 'string', ...(value === undefined ? {} : { default: value }) });
const { values: options } = parseArgs({
  options: {
    url: { type: 'string', multiple: true },
    seconds: text('60'),
    seed: text(String(Date.now() % 2 ** 32)),
    players: text('40'),
    levels: text('3'),
    'level-from': text('1'),
    'think-ms': text('100'),
    socketio: text('0'),
    calm: { type: 'boolean', default: false },
    jumps: text(),
    name: text('chaos'),
    secret: text(process.env.AUTH_JWT_SECRET),
    redis: text(),
    'beat-ms': text('2500'),
    'idle-ms': text('1800000'),
    'ticket-ttl-ms': text('600000'),
    lossy: { type: 'boolean', default: false },
  },
});
if (!options.url) {
  console.error('say where the fleet is: --url ws://127.0.0.1:3030/ws');
  process.exit(2);
}

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
function token(name) {
  const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: name, exp: Math.floor(Date.now() / 1000) + 3600 })}`;
  return `${body}.${createHmac('sha256', options.secret).update(body).digest('base64url')}`;
}

// host:port or host:port/prefix
function store(where) {
  const [, host, port, prefix = ''] = where.match(/^(.*):(\d+)(?:\/(.*))?$/);
  return { connect: () => Resp.connect(Number(port), host), prefix };
}

async function endState({ connect, prefix }) {
  const cli = await connect();
  try {
    return await audit({ cli: async () => cli }, { prefix, settleMs: 20000 });
  } finally {
    cli.close();
  }
}

const redis = options.redis && store(options.redis);
const ticketTtlMs = Number(options['ticket-ttl-ms']);
const habits = { ...(options.calm ? CALM : WILD), thinkMs: Number(options['think-ms']) };
const crowd = new Crowd({
  count: 2 * Math.ceil(Number(options.players) / 2),
  seed: Number(options.seed),
  name: options.name,
  urls: () => options.url,
  habits,
  socketio: Number(options.socketio),
  levels: Number(options.levels),
  levelFrom: Number(options['level-from']),
  token: options.secret ? token : undefined,
  record: new Record({ lossy: options.lossy, rules: { idleMs: Number(options['idle-ms']), ticketTtlMs } }),
  watch: redis && { ...redis, ticketTtlMs, beatMs: Number(options['beat-ms']) },
});
console.log(`seed ${options.seed}: ${crowd.players.length} players for ${options.seconds} s at ${options.url.join(', ')}`);
crowd.start();
for (const until = now() + Number(options.seconds) * 1000; now() < until; ) {
  await delay(Math.min(5000, Math.max(0, until - now())));
  const { messages, rooms } = crowd.record.counts;
  console.log(`${crowd.connected} connected, ${crowd.playing} playing, ${rooms} matches, ${messages} messages, ${crowd.record.violations.length} violations`);
}
const violations = await crowd.end({ jumps: options.jumps === undefined ? Infinity : Number(options.jumps) });
if (redis) violations.push(...(await endState(redis)));
for (const line of [...crowd.record.figures(), ...(crowd.watch?.figures() ?? [])]) console.log(line);
for (const [name, lines] of crowd.record.stories) console.log(`What ${name} said and heard before:\n  ${lines.join('\n  ')}`);
for (const line of violations) console.log(`VIOLATION ${line}`);
if (crowd.record.counts.messages === 0) console.log('nothing was played: is the fleet there?');
console.log(`${violations.length} violations; seed ${options.seed}`);
process.exit(violations.length || crowd.record.counts.messages === 0 ? 1 : 0);
