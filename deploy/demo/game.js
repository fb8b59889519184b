// The demo: four in a row for two players, as a game made with the client would be written.
//
// One Client for the page's life (until it is closed for good), at most one Ticket, at most one Table. The record in the room
// is the only truth: a click asks the server to change it, and the board is drawn from what came back. When the
// record says that the game is over both players report the same result, and the server ends the room. A game
// for stakes would let a server of its own check the moves; here the players' programs check each other.
import { connect } from '../../proto/sdk/js/index.js';
import { isLegal, outcome, playOrder, rematchLevel, replay } from './rules.js';
import { PHRASES, View, gatewayName } from './view.js';

const PING_MS = 5000;
const query = new URLSearchParams(location.search);
const token = query.get('token') ?? undefined;
const scores = new Map(); // games won since the page was loaded, by player
let client = null;
let ticket = null;
let rival = null; // with whom the ticket wants a rematch
let table = null;
let level = /^\d{1,4}$/.test(query.get('level')) ? Number(query.get('level')) : 1;

// --- who and where ---------------------------------------------------------------------------------------------------

function inventName() {
  const pick = (words) => words[Math.floor(Math.random() * words.length)];
  const mood = pick(['brave', 'calm', 'clever', 'jolly', 'lucky', 'quick', 'quiet', 'sunny', 'swift', 'witty']);
  const animal = pick(['badger', 'falcon', 'fox', 'heron', 'lynx', 'marten', 'otter', 'owl', 'raven', 'seal']);
  return `${mood}-${animal}-${Math.floor(Math.random() * 900 + 100)}`;
}

// One name per tab, kept over a reload: so the seat is found again.
function ownName(fresh) {
  if (query.get('player') && !fresh) return query.get('player');
  try {
    const name = (!fresh && sessionStorage.getItem('matchgate.player')) || inventName();
    sessionStorage.setItem('matchgate.player', name);
    return name;
  } catch {
    return inventName(); // no storage here
  }
}

function serverAddress() {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  return `${scheme}://${query.get('server') ?? location.host}`;
}

// --- the line --------------------------------------------------------------------------------------------------------

function start(fresh) {
  let url;
  try {
    url = new URL(serverAddress());
  } catch {
    return view.notice(`"${query.get('server')}" is not the address of a server: host:port is expected.`);
  }
  view.notice(null);
  view.info({ server: url.host, player: null, instance: null, room: null });
  view.connection('connecting', 'Connecting');
  client = connect(url, { debug: sent, ...(token ? { token } : { playerId: ownName(fresh) }) });
  client.on('connected', connected);
  client.on('reconnecting', reconnecting);
  client.on('disconnected', disconnected);
  client.on('room', enter);
  client.on('error', ({ message }) => view.log('error', message, 'bad'));
  client.on('push', ({ event, seq, data }) => describe(event, seq, data));
  view.me(client.playerId ?? '…');
}

function connected({ session, again }) {
  const { playerId, instanceId, durable } = session;
  view.notice(null);
  view.me(playerId);
  view.info({
    player: playerId,
    instance: instanceId,
    store: durable ? 'Redis: rooms outlive a gateway' : 'memory: one gateway alone',
  });
  view.log(again ? 'connected again' : 'connected', gatewayName(instanceId), 'good');
  measure();
  render();
}

function reconnecting({ code, reason, delayMs, attempt }) {
  const seconds = (delayMs / 1000).toFixed(1);
  view.connection('reconnecting', 'Reconnecting', attempt > 1 ? `attempt ${attempt}` : '');
  view.log('reconnecting', `in ${seconds} s (${code}${reason && `: ${reason}`})`, 'bad');
  render();
}

function disconnected({ code, reason, final }) {
  if (!final) return;
  view.connection('closed', 'Disconnected');
  view.log('disconnected', `${code} ${reason}`, 'bad');
  if (code === 4005)
    view.notice('This player plays in another tab now.', 'Be somebody new here', () => start(true));
  else view.notice(reason || 'The connection has ended.', 'Connect again', () => start(false));
  ticket = table = null;
  view.panel('lobby');
}

async function measure() {
  if (client.status !== 'connected' || document.hidden) return;
  const ms = await client.ping().catch(() => null);
  if (ms === null || client.status !== 'connected') return;
  view.connection('connected', 'Connected', `${gatewayName(client.session.instanceId)} · ${ms} ms`);
  view.info({ rtt: `${ms} ms` });
}

// The log shows what a curious visitor wants to see: neither pings nor where a pointer moved.
function describe(event, seq, data) {
  if (data.message?.at !== undefined) return;
  const parts = [];
  if (seq) parts.push(`no. ${seq}`);
  for (const key of ['playerId', 'opponentId', 'reason', 'version', 'position', 'playersAmount', 'code'])
    if (data[key] !== undefined) parts.push(`${key} ${data[key]}`);
  view.log(event, parts.join(', '));
}

function sent(direction, text) {
  if (direction !== '>') return;
  const { event, id, data } = JSON.parse(text);
  if (event !== 'ping' && !data.volatile) view.log(`→ ${event}`, id ? `request ${id}` : '', 'sent');
}

// --- the queue -------------------------------------------------------------------------------------------------------

async function find(wanted, again = null) {
  if (ticket) return;
  if (!again) level = wanted;
  rival = again;
  table = null;
  const mine = (ticket = client.join({ level: wanted }));
  mine.on('update', showQueue);
  showQueue();
  view.panel('queue');
  view.title('Looking');
  try {
    await mine.matched;
  } catch (error) {
    if (ticket !== mine) return;
    ticket = null;
    if (again && error.code === 'BAD_REQUEST') return find(level); // the server allows no such level
    view.panel('lobby');
    view.title('');
    if (error.code !== 'CANCELLED') view.notice(`No match: ${error.message}`);
  }
}

function showQueue() {
  if (!ticket) return;
  const { status, level: at, position, playersAmount, estimatedTimeMs, joinedAt } = ticket;
  let title = rival ? `Waiting for ${rival} to want a rematch` : `Looking for an opponent of level ${at}`;
  if (status === 'found') title = 'Opponent found';
  view.queue({ title, elapsedMs: Date.now() - joinedAt, position, playersAmount, estimatedTimeMs });
}

// --- the table -------------------------------------------------------------------------------------------------------

// A match, or after a reload the seat from before.
function enter(room) {
  const mine = { room, started: false, order: [], game: replay(''), result: null, end: null };
  Object.assign(mine, { busy: false, reported: '', awayUntil: 0, hovered: null });
  table = mine;
  room.on('gameMessage', ({ playerId, message }) => heard(mine, playerId, message));
  room.on('opponentReconnected', () => places(mine));
  room.on('opponentDisconnected', ({ graceMs }) => {
    mine.awayUntil = Date.now() + graceMs;
    render();
  });
  room.on('gameStart', () => begin(mine));
  room.on('roomSnapshot', () => begin(mine));
  room.on('error', () => {
    mine.reported = ''; // RESULT_DISPUTED: report again
    render();
  });
  room.on('state', render);
  room.closed.then((end) => over(mine, end));
  begin(mine);
}

function begin(mine) {
  if (mine.room.status !== 'active' || mine !== table) return;
  mine.order = playOrder(mine.room.id, mine.room.players.map(({ id }) => id));
  mine.started = true;
  ticket = null;
  view.notice(null);
  view.result(null);
  view.panel('game');
  places(mine);
  render();
}

// Which gateway serves whom stands in the record only.
const places = ({ room }) => room.refresh().catch(() => {});

function over(mine, end) {
  mine.end = end;
  mine.awayUntil = 0;
  if (mine !== table) return;
  if (mine.started && end.reason !== 'left') return render();
  table = null; // cancelled before it started: the ticket waits on; or left
  if (!ticket) view.panel('lobby');
}

function heard(mine, playerId, message) {
  const side = mine.order.indexOf(playerId);
  if (mine !== table || side < 0 || playerId === client.playerId || !message) return;
  if (Number.isInteger(message.say) && PHRASES[message.say]) view.bubble(side, PHRASES[message.say]);
  if (message.at !== undefined) view.peer(message.at);
}

async function drop(column) {
  const mine = table;
  if (!mine || !mayDrop(mine) || !isLegal(mine.game, column)) return;
  const moves = mine.game.moves + column;
  mine.busy = true;
  render();
  await change(mine, { gameData: { moves }, turn: moves.length });
  mine.busy = false;
  if (mine === table) render();
}

// Refused because somebody was faster, or unknown because the line broke: either way the record says what is true.
const change = ({ room }, changes) => room.updateGameData(changes).catch(refused);
const refused = ({ code, message }) => view.log(code, message, 'bad');

function mayDrop({ room, order, game, busy, result }) {
  if (client.status !== 'connected' || room.status !== 'active' || busy || result) return false;
  return order[game.side] === client.playerId;
}

function hover(column) {
  if (!table || table.hovered === column || client.status !== 'connected' || table.room.status !== 'active') return;
  table.hovered = column;
  table.room.send({ at: column }, { volatile: true });
}

function say(index) {
  if (!table || table.end) return;
  view.bubble(table.order.indexOf(client.playerId), PHRASES[index]);
  table.room.send({ say: index }).catch(refused);
}

async function leave() {
  const mine = table;
  if (!mine) return;
  if (isAway(mine)) return mine.room.leave().catch(refused);
  await change(mine, { gameData: { moves: mine.game.moves, resigned: client.playerId } });
}

async function playOn() {
  if (table && !table.end) await table.room.leave().catch(refused);
  find(level);
}

const isAway = ({ room }) => room.opponents.some(({ connected }) => !connected);

// The same bytes from everybody; once per connection, because a report may have been lost with the line.
function report(mine) {
  const key = client.session.sessionId + JSON.stringify(mine.result);
  if (mine.reported === key || mine.room.status !== 'active' || client.status !== 'connected') return;
  mine.reported = key;
  mine.room.endGame(mine.result).catch(refused);
}

// --- drawing ---------------------------------------------------------------------------------------------------------

function render() {
  const mine = table;
  if (!mine?.started) return;
  const { room } = mine;
  const { gameData } = room.state;
  mine.game = replay(gameData?.moves);
  mine.result = outcome(mine.game, mine.order, gameData?.resigned);
  if (mine.result) report(mine);
  drawSeats(mine);
  view.board(mine.game, mine.order.indexOf(client.playerId), mayDrop(mine));
  if (mine.result || mine.game.side === mine.order.indexOf(client.playerId)) view.peer(null);
  view.info({ room: room.id, seq: room.seq, version: room.version });
  if (mine.result || mine.end) drawEnd(mine);
  else drawStatus(mine);
}

function drawSeats({ room, order, game, end, result }) {
  const seat = (id, side) => {
    const player = room.players.find((one) => one.id === id);
    const away = id !== client.playerId && (!player || !player.connected);
    const where = player?.instanceId ? gatewayName(player.instanceId) : '';
    const turn = !result && !end && game.side === side;
    return { name: id, mine: id === client.playerId, away, turn, won: result?.winner === id, where: away ? 'away' : where };
  };
  view.seats(order.map(seat));
  view.score(order.map((id) => scores.get(scoreKey(order, id)) ?? 0).join(' : '));
}

const scoreKey = (order, id) => `${rivalOf(order)} ${id}`;
const rivalOf = (order) => order.find((id) => id !== client.playerId);

function drawStatus(mine) {
  const { order, game, busy, awayUntil } = mine;
  const rival = rivalOf(order);
  const myTurn = order[game.side] === client.playerId;
  view.title(myTurn ? '● Your turn' : '');
  if (client.status !== 'connected') view.status('Connection lost. Coming back to your seat …', 'bad');
  else if (isAway(mine)) view.status(`${rival} lost the connection; the seat is kept ${left(awayUntil)}`, 'bad');
  else if (busy) view.status('…');
  else if (myTurn) view.status('Your turn: choose a column', 'mine');
  else view.status(`${rival} is thinking …`);
}

const left = (until) => (until > Date.now() ? `for ${Math.ceil((until - Date.now()) / 1000)} s` : 'for a while');

function drawEnd(mine) {
  const { end, result, order } = mine;
  const rival = rivalOf(order);
  const winner = result ? result.winner : end.reason === 'players_left' ? client.playerId : null;
  const won = winner === client.playerId;
  const agreed = end?.reason === 'agreed';
  if (end) count(mine, winner);
  view.title('Game over');
  view.status(isAway(mine) && !end ? `${rival} lost the connection` : '');
  view.result({
    title: won ? 'You win!' : winner ? `${rival} wins` : result ? 'A draw' : 'Game over',
    text: result ? howItEnded(mine, rival, won, agreed) : (ENDS[end.reason]?.(rival) ?? end.reason),
    tone: won ? 'good' : '',
    rematch: !end || agreed,
    mayRematch: agreed,
    mayPlayOn: end || isAway(mine),
  });
}

const ENDS = {
  players_left: (rival) => `${rival} has left. The game is yours.`,
  gone: () => 'The game ended while you were away.',
  idle: () => 'Nobody moved for too long.',
};

function howItEnded({ end, result }, rival, won, agreed) {
  const how = { line: 'Four in a row.', draw: 'The board is full.', resignation: won ? `${rival} resigned.` : 'You resigned.' };
  if (agreed) return `${how[result.by]} Both of you reported the same result.`;
  return how[result.by] + (end ? '' : ' Waiting for both reports …');
}

function count(mine, winner) {
  if (mine.counted || !winner) return;
  mine.counted = true;
  const key = scoreKey(mine.order, winner);
  scores.set(key, (scores.get(key) ?? 0) + 1);
  drawSeats(mine);
}

// --- and go ----------------------------------------------------------------------------------------------------------

const view = new View(
  {
    find: (wanted) => find(wanted),
    cancel: () => ticket?.cancel().catch(({ message }) => view.notice(message)),
    drop,
    hover,
    say,
    leave,
    rematch: () => find(rematchLevel(table.room.id), rivalOf(table.order)),
    again: playOn,
  },
  { level },
);
view.panel('lobby');
start(false);
setInterval(measure, PING_MS);
setInterval(() => {
  showQueue();
  if (table && !table.end && !table.result) render();
}, 1000);
