// What ./mg bench measures: workloads, their cases, and the columns of their tables.
//
// A case is a fleet (see Stage.open) and the tool's workload and options. A column is a title, where the figure stands in the
// tool's JSON, and how many digits it is worth. What the columns mean stands in README.md.
import { fillQueues, healthCost } from './flat.mjs';
import { outage } from './outage.mjs';

const MILLION = [
  ['CPU s per M', 'cpu_s_per_million', 2],
  ['gateways', 'gateways_cpu_s_per_million', 2],
  ['Redis', 'redis_cpu_s_per_million', 2],
];
const LATENCY = [
  ['p50 µs', 'latency_us.p50', 0],
  ['p99 µs', 'latency_us.p99', 0],
];
const BENCH = [['tool', 'bench_cpu_share', 2]];

const cases = (list) => list.filter(Boolean);

const echo = {
  title: 'Requests that the edge answers (ping, 64 bytes), one instance',
  columns: [['answers per CPU s', 'answers_per_gateway_cpu_s', 0], ['answers/s', 'answers_per_s', 0], ...MILLION.slice(1, 2), ['switches', 'switches_per_thing', 3], ...LATENCY, ...BENCH],
  cases: [
    { name: '100 clients', options: { clients: 100, size: 64 } },
    { name: '1,000 clients', options: { clients: 1000, size: 64 } },
    { name: '10,000 clients', options: { clients: 10000, size: 64 } },
    { name: '100 clients, 16 under way', options: { clients: 100, size: 64, window: 16 } },
    { name: '1,000 clients, 20,000/s', options: { clients: 1000, size: 64, rate: 20000 } },
  ],
};

// seats, where its members sit, kind of message, bytes; closed loop unless a rate is given.
function room(seats, same, numbered, size = 100, more = {}) {
  const name = [`rooms of ${seats}`, same ? 'same instance' : 'across', numbered ? 'numbered' : 'volatile', `${size} B`];
  const { rate, clients = 1000, wire } = more;
  if (clients !== 1000) name.push(`${clients} clients`);
  if (rate) name.push(`${rate} msg/s`);
  if (wire) name.push('Socket.IO');
  return {
    name: name.join(', '),
    tool: 'room',
    stage: { gateways: more.gateways ?? 2, env: { ROOM_SEATS: seats, ...more.env } },
    options: { clients, seats, same, numbered, size, rate, wire },
  };
}

const roomColumns = [
  ...MILLION,
  ['deliveries/s', 'deliveries_per_s', 0],
  ['per gateway CPU s', 'deliveries_per_gateway_cpu_s', 0],
  ...LATENCY,
  ['script µs', 'evalsha_us', 1],
  ['publish µs', 'publish_us', 2],
  ['switches', 'switches_per_thing', 3],
  ...BENCH,
];

const rooms = {
  title: 'Room messages, two instances, 1,000 clients, closed loop',
  columns: roomColumns,
  cases: cases([
    ...[2, 8, 64].flatMap((seats) => [false, true].flatMap((numbered) => [room(seats, false, numbered), room(seats, true, numbered)])),
    room(8, false, false, 1024),
    room(8, false, false, 4096),
    room(10, true, false, 100, { gateways: 1 }),
    room(10, true, false, 100, { gateways: 1, clients: 10000 }),
    room(10, false, false, 100),
    ...[false, true].flatMap((same) => [false, true].map((numbered) => room(2, same, numbered, 100, { wire: 'matchgate-socketio' }))),
  ]),
};

const pace = {
  title: 'Room messages at a moderate rate, two instances, 1,000 clients, rooms of 2',
  columns: roomColumns,
  cases: [room(2, false, false, 100, { rate: 2000 }), room(2, false, true, 100, { rate: 2000 }), room(2, true, false, 100, { rate: 2000 }), room(2, false, false, 100, { rate: 20000 })],
};

const storm = {
  title: 'Everybody joins at once, two instances',
  columns: [['matches/s', 'matches_per_s', 0], ...MILLION, ['script µs', 'evalsha_us', 1], ['matched p50 µs', 'matched_us.p50', 0], ['matched p99 µs', 'matched_us.p99', 0], ['playing p99 µs', 'playing_us.p99', 0], ...BENCH],
  cases: [
    { name: '2,000 players, 1 level', stage: { gateways: 2 }, options: { clients: 2000 } },
    { name: '10,000 players, 1 level', stage: { gateways: 2 }, options: { clients: 10000 } },
    { name: '10,000 players, 100 levels', stage: { gateways: 2 }, options: { clients: 10000, levels: 100 } },
  ],
};

const pairs = {
  title: 'Matches at a steady rate: from the second join until both are told',
  columns: [['told p50 µs', 'told_us.p50', 0], ['told p99 µs', 'told_us.p99', 0], ['playing p50 µs', 'playing_us.p50', 0], ['playing p99 µs', 'playing_us.p99', 0], ...MILLION, ['script µs', 'evalsha_us', 1], ['late', 'begun_late', 0]],
  cases: [
    { name: '200 pairs/s across two instances', stage: { gateways: 2 }, options: { clients: 400, rate: 200 } },
    { name: '200 pairs/s on one instance', stage: { gateways: 1 }, options: { clients: 400, rate: 200 } },
    { name: '1,000 pairs/s across two instances', stage: { gateways: 2 }, options: { clients: 1000, rate: 1000 } },
  ],
};

const memory = {
  title: 'What an idle player weighs, one instance',
  columns: [['KiB per player', 'rss_kib_per_player', 2], ['first half', 'rss_kib_per_player_first_half', 2], ['full KiB', 'rss_kib_full', 0], ['full again KiB', 'rss_kib_full_again', 0], ['Redis B per player', 'redis_bytes_per_player', 0]],
  cases: [
    { name: '10,000 connected', options: { clients: 10000 } },
    { name: '10,000 in rooms of 2', options: { clients: 10000, seated: true } },
    { name: '19,000 connected', options: { clients: 19000 } },
    { name: '10,000 connected, in memory', stage: { standalone: true }, options: { clients: 10000 } },
    // Who left may come back to his session for SESSION_TTL_MS, 30 minutes: that is what is still there in the case above.
    { name: '10,000 connected, in memory, sessions end after 1 s', stage: { standalone: true, env: { SESSION_TTL_MS: 1000 } }, options: { clients: 10000 } },
  ],
};

const connect = {
  title: 'Players come: handshake, identity, welcome',
  columns: [['connects/s', 'connects_per_s', 0], ...MILLION, ['script µs', 'evalsha_us', 1], ['welcome p50 µs', 'welcome_us.p50', 0], ['welcome p99 µs', 'welcome_us.p99', 0], ...BENCH],
  cases: [
    { name: '10,000, two instances', stage: { gateways: 2 }, options: { clients: 10000 } },
    { name: '10,000, one instance', options: { clients: 10000 } },
    { name: '10,000, in memory', stage: { standalone: true }, options: { clients: 10000 } },
  ],
};

const slowStage = { gateways: 2, env: { ROOM_SEATS: 8 } };
const slowOptions = { clients: 160, seats: 8, size: 1024, rate: 6000, run_ms: 8000 }; // 300 KB/s to each: 1 MiB is unread within 4 s
const slow = {
  title: 'Members who do not read: rooms of 8 across two instances, 1 KiB, 6,000 msg/s',
  columns: [...LATENCY, ...MILLION.slice(0, 1), ['deaf', 'deaf', 0], ['closed 4102', 'deaf_closed_4102', 0], ['missed', 'deaf_missed', 0], ['RSS growth KiB', 'rss_growth_kib', 0]],
  cases: [
    { name: 'all read', tool: 'slow', stage: slowStage, options: slowOptions },
    { name: 'one deaf in every second room, volatile', stage: slowStage, options: { ...slowOptions, deaf: 2 } },
    { name: 'one deaf in every second room, numbered', stage: slowStage, options: { ...slowOptions, deaf: 2, numbered: true } },
  ],
};

// Constant load per instance: 100 clients and 300 msg/s each, pairs on neighbouring instances. Little, so that eight still fit
// on a core and messages do not come in bunches.
const fleet = {
  title: 'Growth: the same load per instance (100 clients, 300 msg/s), rooms of 2 across neighbours',
  columns: [...MILLION, ...LATENCY, ['publish µs', 'publish_us', 2], ['switches', 'switches_per_thing', 2]],
  cases: ['remote', 'direct'].flatMap((mode) =>
    [1, 2, 4, 8].map((n) => ({
      name: `${n} instance${n > 1 ? 's' : ''}, ${mode}`,
      tool: 'room',
      stage: { gateways: n, env: { ROOM_EVENTS_MODE: mode } },
      options: { clients: 100 * n, rate: 300 * n },
    })),
  ),
};

const BACK = [
  ['from connect p50 µs', 'from_connect_us.p50', 0],
  ['p99 µs', 'from_connect_us.p99', 0],
  ['from hello p50 µs', 'from_hello_us.p50', 0],
  ['p99 µs', 'from_hello_us.p99', 0],
];

const resume = {
  title: 'Players come back one by one, to another of three instances, while their rooms go on',
  columns: [...BACK, ['hops', 'hops', 0], ['retries', 'retries', 0], ...MILLION, ['script µs', 'evalsha_us', 1]],
  cases: [
    { name: '100 a second', stage: { gateways: 3 }, options: { clients: 1000, rate: 100 } },
    { name: '500 a second', stage: { gateways: 3 }, options: { clients: 1000, rate: 500 } },
  ],
};

const resumeStorm = {
  title: '10,000 seated players lose the line at once and come back after the pauses of PROTOCOL.md',
  columns: [['all back s', 'all_back_s', 2], ['all playing s', 'all_playing_s', 2], ['back p50 µs', 'back_us.p50', 0], ...BACK, ['retries', 'retries', 0], ['refused', 'refused', 0], ['renewed', 'renewed', 0], ...MILLION, ...BENCH],
  cases: [
    { name: 'lines cut, three instances', stage: { gateways: 3 }, options: { clients: 10000 } },
    { name: 'all on one instance that is killed, two left', stage: { gateways: 3 }, options: { clients: 10000, crowded: true, kill: true } },
  ].map((one) => ({ ...one, tool: 'resume-storm' })),
};

const deadlines = {
  title: 'Deadlines of rooms whose instance was killed: how late, on two others',
  columns: ['confirm', 'turn', 'grace'].flatMap((kind) => ['p50', 'max'].map((mark) => [`${kind} ${mark} µs`, `${kind}_late_us.${mark}`, 0])),
  cases: [{ name: '300 rooms', stage: { gateways: 3, env: { CONFIRM: 'client', CONFIRM_MS: '4000', GRACE_MS: '5000' } }, options: { clients: 600, kill: true } }],
};

const outages = {
  title: 'Redis was away: from its first answer until /health of all three instances is ok again, 1,000 clients connected',
  columns: [['ok again ms', 'ok_ms', 0], ['slowest instance', 'ok_max_ms', 0]],
  cases: ['stopped', 'killed'].map((how) => ({ name: how === 'stopped' ? 'SIGSTOP for 5 s' : 'kill -9, restart from AOF after 2 s', measure: () => outage(how) })),
};

// 100 players join and leave, a level each; matches take 64, so that thousands may wait. Who else waits must not matter.
const waiting = (from, to, each, dead) => (stage) => fillQueues(stage, { from, to, each, dead });
const flat = {
  title: 'Joining and leaving (100 players, a level each) beside others who wait, and GET /health beside others who play',
  columns: [['script µs', 'evalsha_us', 1], ['joins/s', 'joins_per_s', 0], ...MILLION, ['joined p50 µs', 'joined_us.p50', 0], ['/health µs', 'health_us', 0], ['/health CPU µs', 'health_cpu_us', 0]],
  cases: [
    { name: 'nobody else waits' },
    { name: '10 wait on another level', prepare: waiting(1000, 1000, 10) },
    { name: '54,000 wait on 900 other levels', prepare: waiting(101, 1000, 60) },
    { name: '10 wait on each of these levels', prepare: waiting(1, 100, 10) },
    { name: '60 wait on each of these levels', prepare: waiting(1, 100, 60) },
    { name: '60 dead entries on each of these levels', prepare: waiting(1, 100, 60, true) },
  ].map((one) => ({ ...one, tool: 'queue', stage: { gateways: 2, env: { ROOM_SEATS: 64 } }, options: { clients: 100 } })),
};
for (const players of [0, 1000, 10000]) flat.cases.push({ name: `/health, ${players} players in rooms`, measure: () => healthCost(players) });

// Redis alone, asked by the product's own callers (tests/bench/scripts): what a script costs when so many calls of one loop pass go
// together. `wait` and `match` are the two halves of a join.
const script = (tool, what, together, options = {}) => ({
  name: [what, together && `${together} a pass`, options.same && 'same instance'].filter(Boolean).join(', '),
  tool,
  stage: { gateways: 0 },
  options: { clients: 4000, together: together ?? 16, ...options },
});
const MESSAGES = { clients: 1000 }; // 500 rooms, whose logs are filled first
const scripts = {
  title: "Redis' own time per call of a script, two instances without gateways, rooms of 2 across them",
  columns: [['Redis CPU µs', 'redis_cpu_s_per_million', 1], ['least', 'redis_cpu_s_per_million', 1, 'least'], ['script µs', 'script_us', 1], ['least', 'script_us', 1, 'least'], ['commands', 'commands_per_call', 1]],
  cases: [
    ...[16, 4, 1].flatMap((together) => [
      script('attach', 'attach', together),
      script('wait', 'join, waits', together),
      script('match', 'join, is matched', together),
      script('confirm', 'confirm, game starts', together),
      script('message', 'message', together, MESSAGES),
    ]),
    script('match', 'join, is matched', 16, { same: true }),
    script('confirm', 'confirm, game starts', 16, { same: true }),
    script('message', 'message', 16, { ...MESSAGES, same: true }),
    script('confirm-first', 'confirm, the other one has not (CONFIRM=client)', 16),
    script('leave', 'leave_queue'),
    script('detach', 'detach, idle'),
    script('detach-seat', 'detach, in a room'),
  ],
};

// --- peers: the same room traffic on other servers, side by side -------------------------------------------------------------

const SERVERS = [
  { server: 'floor', peer: 'floor', base: true },
  { server: 'matchgate, volatile', options: {} },
  { server: 'matchgate, numbered', options: { numbered: true } },
  { server: 'Bun + Redis', peer: 'bun' },
  { server: 'ws + ioredis', peer: 'ws' },
  { server: 'Socket.IO + redis-adapter', peer: 'socketio' },
];

// Every server in one setting; `more` are further variants of servers, such as those that are told to skip Redis.
function sideBySide(group, { seats = 2, gateways = 2, tool = 'room', options = {}, env = {}, floorEnv = {} }, more = []) {
  return [...SERVERS, ...more].map(({ server, peer, base, options: own = {}, env: ownEnv = {} }) => ({
    name: `${group}: ${server}`,
    group,
    base,
    tool,
    stage: { gateways, peer, env: peer ? { ...ownEnv, ...(base && floorEnv) } : { ROOM_SEATS: seats, ...env, ...ownEnv } },
    options: { clients: 1000, seats, ...options, ...own },
  }));
}

const LOCAL = ['bun', 'ws', 'socketio'].map((peer) => ({ server: `${peer}, told to skip Redis`, peer, env: { LOCAL: '1' } }));

const peers = {
  title: 'Room messages on other servers: two instances, 1,000 clients, 100 B, closed loop',
  peers: true,
  ratio: 'cpu_s_per_million',
  columns: [...MILLION, ['deliveries/s', 'deliveries_per_s', 0], ...LATENCY, ['switches', 'switches_per_thing', 3], ...BENCH],
  cases: [
    ...sideBySide('rooms of 2, across', {}),
    ...sideBySide('rooms of 8, across', { seats: 8 }),
    ...sideBySide('rooms of 2, same instance', { options: { same: true }, floorEnv: { LOCAL: '1' } }, LOCAL), // as matchgate does
  ],
};

const peersRooms = {
  ...peers,
  title: 'Rooms of 10 on other servers: 1,000 clients, 100 B, closed loop',
  columns: [...peers.columns.slice(0, 3), ['per gateway CPU s', 'deliveries_per_gateway_cpu_s', 0], ...peers.columns.slice(3)],
  cases: [
    ...sideBySide('rooms of 10, one instance', { seats: 10, gateways: 1, options: { same: true }, floorEnv: { LOCAL: '1' } }, LOCAL),
    ...sideBySide('rooms of 10, across', { seats: 10 }),
  ],
};

const peersEcho = {
  title: 'An answer to a request of 64 bytes, one instance; Bun (uWebSockets) sends back what it gets',
  peers: true,
  columns: echo.columns,
  cases: [100, 1000, 10000].flatMap((clients) => ['matchgate', 'Bun'].map((server) => ({
    name: `${clients} clients: ${server}`,
    tool: 'echo',
    stage: { peer: server === 'Bun' ? 'echo' : undefined },
    options: { clients, size: 64 },
  }))),
};

const peersPace = {
  title: 'Latency at 2,000 messages a second, rooms of 2 across two instances, 1,000 clients',
  peers: true,
  ratio: 'latency_us.p50',
  columns: [...LATENCY, ...MILLION, ...BENCH],
  cases: sideBySide('2,000 msg/s', { options: { rate: 2000 } }),
};

const peersMemory = {
  title: 'Resident memory per player in a room of 2, 10,000 players, one instance',
  peers: true,
  columns: memory.columns.slice(0, 3),
  cases: sideBySide('10,000 players', { gateways: 1, tool: 'memory', options: { clients: 10000, seated: true } }).filter(({ options }) => !options.numbered),
};

const peersConnect = {
  title: 'Connects, 10,000 clients, 256 at a time, two instances',
  peers: true,
  ratio: 'cpu_s_per_million',
  columns: connect.columns,
  cases: sideBySide('10,000 clients', { tool: 'connect', options: { clients: 10000 } }).filter(({ options }) => !options.numbered),
};

export const WORKLOADS = {
  echo, room: rooms, pace, storm, pairs, memory, connect, slow, fleet, flat, resume, 'resume-storm': resumeStorm, deadlines, outages, scripts,
  peers, 'peers-rooms': peersRooms, 'peers-echo': peersEcho, 'peers-pace': peersPace, 'peers-memory': peersMemory, 'peers-connect': peersConnect,
};
