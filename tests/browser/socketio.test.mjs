// The stock socket.io-client in a real browser, as a page gets it: its own bundle from a web server of another origin. It plays against a
// native client on another instance, its gateway is killed in mid-game, and it recovers by itself.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { visitTest } from '../lib/browser.mjs';
import { waitFor } from '../lib/fleet.mjs';
import { Hopper } from '../lib/hopper.mjs';

const BUNDLE = new URL('../node_modules/socket.io-client/dist/socket.io.min.js', import.meta.url);
const PAGE = `<!doctype html><html lang="en"><title>A page</title><script src="/socket.io.min.js"></script><h1>A page</h1></html>`;

// Whoever the page comes from: a web server that knows nothing of matchgate.
async function webServer(fleet) {
  const files = { '/': ['text/html', PAGE], '/socket.io.min.js': ['text/javascript', readFileSync(BUNDLE)] };
  const server = http.createServer(({ url }, response) => {
    const [type, body] = files[url.split('?')[0]] ?? ['text/plain', null];
    response.writeHead(body ? 200 : 404, { 'content-type': type }).end(body);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  fleet.keep({ close: () => (server.close(), server.closeAllConnections()) });
  return { port: server.address().port };
}

// In the page: every event by name, data and offset.
function play(url) {
  const socket = io(url, { transports: ['websocket'], auth: { playerId: 'ann' }, reconnectionDelay: 50, reconnectionDelayMax: 200 });
  Object.assign(globalThis, { socket, heard: [], connects: [], ends: [] });
  socket.onAny((event, data, offset) => heard.push({ event, data, offset }));
  socket.on('connect', () => connects.push(socket.recovered));
  socket.on('disconnect', (reason) => ends.push(reason));
}

visitTest('the stock Socket.IO client in a browser: a match, a killed gateway, a recovery', async (fleet, visit) => {
  const redis = await fleet.redis();
  const web = await webServer(fleet);
  const lease = { LEASE_MS: '2000', HEARTBEAT_MS: '500' };
  const [a, b] = await fleet.gateways(2, { redis, env: { ...lease, ALLOWED_ORIGINS: `http://127.0.0.1:${web.port}` } });
  const c = await fleet.gateway({ redis, env: lease });
  const ready = [a, b];
  const line = await Hopper.open({ after: (fn) => fleet.keep({ close: fn }) }, ready);
  const { page } = await visit(web);
  await page.evaluate(play, line.url.replace('ws', 'http'));
  const state = () => page.evaluate(() => ({ heard, connects, ends }));
  const hears = (event, holds = () => true) =>
    waitFor(async () => (await state()).heard.find((e) => e.event === event && holds(e.data)), { what: `${event} in the page` });
  const ask = (event, data) => page.evaluate(([name, what]) => socket.timeout(10000).emitWithAck(name, what), [event, data]);

  await waitFor(async () => (await state()).connects.length === 1, { what: 'the page to be connected' });
  const bob = await fleet.client(c, 'bob');
  assert.equal((await ask('joinMatchmaking', { level: 4 })).data.status, 'waiting');
  await bob.send('joinMatchmaking', { level: 4 });
  const { data: { roomId, opponentId } } = await hears('matchFound');
  assert.equal(opponentId, 'bob');
  await hears('gameStart');
  await bob.next('gameStart');
  await bob.send('gameMessage', { roomId, message: 'hello, page' });
  await hears('gameMessage', ({ message }) => message === 'hello, page');
  const { seq } = (await ask('gameMessage', { roomId, message: 'hello, bob' })).data;
  assert.equal((await bob.next('gameMessage', { filter: ({ data }) => data.playerId === 'ann' })).data.message, 'hello, bob');
  await hears('seen', (data) => data.seq === seq);
  const before = (await state()).heard.length;

  ready.shift(); // as a load balancer does with one that does not answer
  a.kill9();
  for (const message of ['one', 'two']) await bob.send('gameMessage', { roomId, message });
  await waitFor(async () => (await state()).connects.length === 2, { what: 'the page to be back' });
  assert.deepEqual(await state().then(({ connects, ends }) => [connects, ends]), [[false, true], ['transport close']]);
  assert.equal((await ask('updateGameData', { roomId, gameData: { moves: '3' }, expectedVersion: 0 })).ok, true);
  assert.deepEqual((await bob.next('gameDataUpdated')).data.gameData, { moves: '3' });
  await bob.send('gameMessage', { roomId, message: 'three' });
  await hears('gameMessage', ({ message }) => message === 'three');

  const missed = (await state()).heard.slice(before).filter(({ offset }) => offset);
  assert.deepEqual(missed.filter(({ event }) => event === 'gameMessage').map(({ data }) => data.message), ['one', 'two', 'three']);
  const numbers = missed.map(({ offset }) => Number(offset.split('/')[2]));
  assert.deepEqual(numbers, numbers.map((_, i) => seq + 1 + i), 'nothing missed, nothing twice');
  const bobs = bob.send('endGame', { roomId, result: 'draw' });
  assert.equal((await ask('endGame', { roomId, result: 'draw' })).ok, true);
  await bobs;
  assert.equal((await hears('gameEnd')).data.reason, 'agreed');
  await page.evaluate(() => socket.disconnect());
  assert.deepEqual(await fleet.audit(redis), []);
});
