// The demo: two games for two players, written as a game with the client would be written.
//
// One Client for the page's life (until it is closed for good), at most one Ticket, at most one Table. This file joins them; what
// is played stands in four.js and stars.js, what one sees in page.js and panel.js.
import { connect } from '../../proto/sdk/js/index.js';
import { ownName, serverUrls, servedFromHere, token, wantedGame, wantedLevel } from './address.js';
import { fleetCounts } from './counts.js';
import { gameAtLevel, levelOf, rematchLevel } from './fair.js';
import { four } from './four.js';
import { Hopper } from './hop.js';
import { Page, gatewayName } from './page.js';
import { Panel } from './panel.js';
import { stars } from './stars.js';
import { Table } from './table.js';

const PING_MS = 2000;
const PONG_MS = 3000; // a line that is silent for longer is left: nobody watches a game that stands still
const BACKOFF = { baseMs: 100, maxMs: 1000 }; // a small fleet, and a visitor who hops for fun
const COUNTS_MS = 3000;
const GAMES = [four, stars]; // by the number that fair.js gives them
const LEVELS = [1, 2, 3, 4, 5];
if (!LEVELS.includes(wantedLevel)) LEVELS.push(wantedLevel);

let client = null;
let hopper = null;
let hopping = false;
let ticket = null;
let rival = null; // with whom the ticket wants a rematch
let choice = { game: wantedGame === 'stars' ? 1 : 0, level: wantedLevel };
let table = null;

// --- the line --------------------------------------------------------------------------------------------------------

function start(fresh) {
  try {
    hopper = new Hopper(serverUrls());
  } catch {
    return page.notice('?server= in the address is not that of a server: host:port is expected.');
  }
  page.notice(null);
  panel.info({ server: hopper.host, player: null, instance: null, room: null });
  page.connection('connecting', 'Connecting');
  const identity = token ? { token } : { playerId: ownName(fresh) };
  const debug = (direction, text) => panel.sent(direction, text);
  client = connect(serverUrls()[0], { ...identity, debug, backoff: BACKOFF, pongTimeoutMs: PONG_MS, WebSocket: hopper.Socket });
  client.on('connected', connected);
  client.on('reconnecting', reconnecting);
  client.on('disconnected', disconnected);
  client.on('room', enter);
  client.on('error', ({ message }) => panel.log('error', message, 'bad'));
  client.on('push', (push) => panel.push(push));
  page.me(client.playerId ?? '…');
}

function connected({ session, again }) {
  page.notice(null);
  page.me(session.playerId);
  panel.connected(session, again);
  panel.info({ server: hopper.host });
  measure();
  count();
  draw();
}

function reconnecting({ code, reason, delayMs, attempt }) {
  const when = delayMs < 50 ? 'at once' : `in ${(delayMs / 1000).toFixed(1)} s`;
  page.connection('reconnecting', 'Reconnecting', attempt > 1 ? `attempt ${attempt}` : '');
  panel.log('reconnecting', `${when} (${code}${reason && `: ${reason}`})`, 'bad');
  draw();
}

function disconnected({ code, reason, final }) {
  if (!final) return;
  page.connection('closed', 'Disconnected');
  panel.log('disconnected', `${code} ${reason}`, 'bad');
  panel.mayHop(false);
  if (code === 4005) page.notice('This player plays in another tab now.', 'Be somebody new here', () => start(true));
  else page.notice(reason || 'The connection has ended.', 'Connect again', () => start(false));
  ticket = null;
  lobby();
}

async function measure() {
  if (client?.status !== 'connected' || document.hidden) return;
  const { session } = client;
  const ms = await client.ping().catch(({ code }) => {
    if (code === 'TIMEOUT' && client.session === session) client.reconnect();
    return null;
  });
  if (ms === null || client.status !== 'connected') return;
  page.connection('connected', 'Connected', `${gatewayName(client.session.instanceId)} · ${ms} ms`);
  panel.info({ rtt: `${ms} ms` });
}

async function hop() {
  if (hopping || client?.status !== 'connected') return;
  hopping = true;
  draw();
  const hopped = await hopper.hop(client);
  hopping = false;
  if (hopped) panel.hopped(hopped);
  draw();
}

// --- lobby and queue -------------------------------------------------------------------------------------------------

function lobby() {
  leaveTable();
  page.show('lobby');
  page.title('');
  count();
}

async function count() {
  if (page.shown !== 'lobby' || client?.status !== 'connected' || document.hidden || !servedFromHere()) return;
  const counts = await fleetCounts();
  const { game, level } = page.choice;
  page.counts(counts?.sentence ?? null, (one) => counts?.waiting(game, one), counts?.outlook(game, level) ?? null);
}

async function find(chosen, again = null) {
  if (ticket) return;
  choice = chosen;
  rival = again && table.rival;
  leaveTable();
  const mine = (ticket = client.join({ level: again ?? levelOf(choice.game, choice.level) }));
  mine.on('update', showQueue);
  showQueue();
  page.show('queue');
  page.title('Looking');
  try {
    await mine.matched;
  } catch (error) {
    if (ticket !== mine) return;
    ticket = null;
    if (again && error.code === 'BAD_REQUEST') return find(choice); // the server allows no such level
    lobby();
    if (error.code !== 'CANCELLED') page.notice(`No match: ${error.message}`);
  }
}

function showQueue() {
  if (!ticket) return;
  const { status, position, playersAmount, estimatedTimeMs, joinedAt } = ticket;
  let title = rival ? `Waiting for ${rival} to want a rematch` : `${GAMES[choice.game].title}: looking for an opponent of level ${choice.level}`;
  if (status === 'found') title = 'Opponent found';
  page.queue({ title, elapsedMs: Date.now() - joinedAt, position, playersAmount, estimatedTimeMs });
}

// --- the table -------------------------------------------------------------------------------------------------------

// A match, or after a reload the seat from before: the level says what is played.
function enter(room) {
  const game = gameAtLevel(room.level);
  leaveTable();
  choice = { ...choice, game };
  table = new Table(room, GAMES[game], { client, page, panel, began, gone });
  table.begin();
}

function began(one) {
  if (one !== table) return;
  ticket = null;
  page.notice(null);
  page.show('game');
}

function gone(one) {
  if (one !== table) return;
  leaveTable();
  if (!ticket) lobby();
}

function leaveTable() {
  table?.close();
  table = null;
}

function draw() {
  panel.mayHop(client?.status === 'connected' && !hopping);
  table?.draw();
}

async function playOn() {
  await table?.leave();
  find(choice);
}

// --- and go ----------------------------------------------------------------------------------------------------------

const page = new Page(
  {
    find: (chosen) => find(chosen),
    chosen: count,
    cancel: () => ticket?.cancel().catch(({ message }) => page.notice(message)),
    say: (index) => table?.say(index),
    leave: () => table?.resign(),
    rematch: () => find(choice, rematchLevel(table.room.id, choice.game)),
    again: playOn,
  },
  LEVELS,
  choice,
);
const panel = new Panel({ hop });
page.show('lobby');
start(false);
setInterval(measure, PING_MS);
document.addEventListener('visibilitychange', measure); // a phone that wakes up
setInterval(count, COUNTS_MS);
setInterval(() => {
  showQueue();
  if (table && !table.over) table.draw();
}, 1000);
