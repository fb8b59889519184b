// The edge under random input: frames, commands and requests, cut anywhere, from clients that stop reading or vanish.
// Whatever comes, the server goes on serving, and ends with nothing left over. EDGE_FUZZ_S sets the seconds, EDGE_FUZZ_SEED
// the sequence.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { edgeTest, runEdgeTests } from '../lib/edge.mjs';
import { RawHttp, RawWs, upgradeRequest } from '../lib/raw_ws.mjs';
import { delay, now } from '../lib/wait.mjs';

const SECONDS = Number(process.env.EDGE_FUZZ_S ?? 6);
const SEED = Number(process.env.EDGE_FUZZ_SEED ?? randomInt(1 << 30));
const WORKERS = 20;

let state = SEED;
const below = (n) => {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  return (state >> 8) % n;
};
const oneOf = (list) => list[below(list.length)];
const bytes = (n) => Buffer.from(Array.from({ length: n }, () => below(256)));

const COMMANDS = [
  'close 4006 x', 'close-later 4001', 'close-deferred 4200', 'bye 50', 'flood 30 5000', 'burst 50 10000',
  'mixed 20 3000', 'ready', 'ping-every 30', 'hello', 'x'.repeat(3000), // echoed
];
const FRAMES = [
  () => RawWs.encode(1, oneOf(COMMANDS), { mask: below(20) > 0 }),
  () => RawWs.encode(1, oneOf(COMMANDS)),
  () => RawWs.encode(below(16), bytes(below(130)), { fin: below(3) > 0, rsv: below(15) ? 0 : 0x40 }),
  () => RawWs.encode(9, bytes(below(126))),
  () => RawWs.encode(8, below(2) ? Buffer.from([3, 232 + below(20)]) : bytes(below(126))),
  () => RawWs.encode(1, bytes(below(20))),
  () => RawWs.encode(1, 'a'.repeat(below(20000)), { fin: below(2) > 0 }),
  () => RawWs.encode(0, 'b'.repeat(below(2000)), { fin: below(2) > 0 }),
  () => bytes(below(300)),
];

async function talk(http) {
  http.send(upgradeRequest(`/ws?playerId=p${below(10) ? '' : '&hello=1'}`));
  for (let i = below(12); i > 0; i--) {
    const frame = oneOf(FRAMES)();
    const cut = below(4) ? frame.length : below(frame.length + 1);
    http.send(frame.subarray(0, cut));
    if (cut === frame.length) continue;
    await delay(below(10));
    http.send(frame.subarray(cut));
  }
}

const PATHS = ['/health', '/later?ms=20', '/page?size=300000', '/echo', '/query?name=%41', '/nope', '/ws'];
const HEADERS = ['Transfer-Encoding: chunked\r\n', 'Connection: close\r\n', 'Upgrade: websocket\r\nConnection: upgrade\r\n', 'Expect: 100-continue\r\n'];

function ask(http) {
  let all = '';
  for (let i = below(4); i >= 0; i--) {
    const body = below(2) ? 'b'.repeat(below(200)) : '';
    const length = below(3) ? `Content-Length: ${body.length}\r\n` : '';
    const extra = HEADERS.filter(() => below(8) === 0).join('');
    all += `${oneOf(['GET', 'POST', 'HEAD', 'PUT', 'OPTIONS'])} ${oneOf(PATHS)} HTTP/1.${below(8) ? 1 : 0}\r\nHost: x\r\n${length}${extra}\r\n${body}`;
  }
  const data = Buffer.from(all);
  if (below(3) === 0) data[below(data.length)] = below(256);
  http.send(data);
}

async function session(port) {
  const http = new RawHttp(port);
  if (below(4) === 0) http.socket.pause();
  if (below(3)) await talk(http);
  else ask(http);
  await delay(below(60));
  const end = below(4);
  if (end === 0) http.socket.end();
  else if (end === 1) http.socket.resetAndDestroy();
  setTimeout(() => http.destroy(), end < 3 ? 0 : below(3000));
}

const options = { ping_ms: 200, pong_wait_ms: 500, hello_ms: 500, outbox_max_bytes: 60000, nofile: 4096 };
edgeTest(`${SECONDS} s of random input, EDGE_FUZZ_SEED=${SEED}`, options, async (edge) => {
  const end = now() + SECONDS * 1000;
  let sessions = 0;
  const work = async () => {
    for (; now() < end && edge.running; sessions++) await session(edge.port);
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  const ws = await edge.greeted();
  ws.text('alive');
  assert.equal(await ws.message(), 'alive', `after ${sessions} sessions`);
  ws.destroy();
});

runEdgeTests('the edge under random input');
