// One match, whatever is played: from the seat to the end that both agree on.
//
// The record in the room is the only truth: a move asks the server to change it, and what one sees is drawn from what came back.
// When the record says that the game is over both players report the same result, and the server ends the room. A game
// for stakes would let a server of its own check the moves; here the players' programs check each other.
//
// A game (four.js, stars.js) is {title, ends, read(), says(), start()}: what the record means, and a play that draws it.
import { playOrder } from './fair.js';
import { PHRASES, gatewayName } from './page.js';

const RESIGN_TRIES = 5; // the record may change under way
const scores = new Map(); // games won since the page was loaded, by rival and winner

export class Table {
  order = []; // player ids by side
  position = null; // what the record means
  started = false;
  #client;
  #page;
  #panel;
  #play = null;
  #busy = false;
  #reported = '';
  #awayUntil = 0;
  #end = null;
  #counted = false;
  #closed = false;

  /** began(table) is called when the game begins, gone(table) when there is nothing to be shown any more. */
  constructor(room, game, { client, page, panel, began, gone }) {
    Object.assign(this, { room, game, began, gone });
    this.#client = client;
    this.#page = page;
    this.#panel = panel;
    room.on('gameMessage', ({ playerId, message }) => this.#hear(playerId, message));
    room.on('opponentReconnected', () => this.#places());
    room.on('opponentDisconnected', ({ graceMs }) => {
      this.#awayUntil = Date.now() + graceMs;
      this.draw();
    });
    room.on('gameStart', () => this.begin());
    room.on('roomSnapshot', () => this.begin());
    room.on('error', () => {
      this.#reported = ''; // RESULT_DISPUTED: report again
      this.draw();
    });
    room.on('state', () => this.draw());
    room.closed.then((end) => this.#over(end));
  }

  // --- what a game asks -------------------------------------------------------------------------------------------------

  get mySide() {
    return this.order.indexOf(this.#client.playerId);
  }

  get rival() {
    return this.order.find((id) => id !== this.#client.playerId);
  }

  get over() {
    return Boolean(this.#end ?? this.position?.result);
  }

  get mayMove() {
    return this.#client.status === 'connected' && this.room.status === 'active' && !this.#busy && !this.over;
  }

  /** Another record; refused if somebody was faster, and then the record says what is true. */
  async change(record, turn) {
    this.#busy = true;
    this.draw();
    const done = await this.room.updateGameData({ gameData: record, turn }).then(
      () => true,
      (error) => this.#refused(error),
    );
    this.#busy = false;
    this.draw();
    return done;
  }

  /** A volatile message, for what the next one makes obsolete; false if it was not sent. */
  whisper(message) {
    if (this.#client.status !== 'connected' || this.room.status !== 'active') return false;
    return this.room.send(message, { volatile: true });
  }

  /** Volatile messages in `ms`, out and in. */
  rate(told, heard, ms) {
    const each = (count) => Math.round((count * 1000) / ms);
    this.#panel.info({ volatile: `${each(told)} out, ${each(heard)} in per second` });
  }

  // --- what the page asks -----------------------------------------------------------------------------------------------

  /** Called again after each snapshot. */
  begin() {
    if (this.room.status !== 'active' || this.#end || this.#closed) return;
    this.order = playOrder(
      this.room.id,
      this.room.players.map(({ id }) => id),
    );
    if (!this.started) this.#page.result(null);
    this.started = true;
    this.position = this.game.read(this.#record);
    this.#play ??= this.game.start(this);
    this.began(this);
    this.#places();
    this.draw();
  }

  say(index) {
    if (this.#end) return;
    this.#page.bubble(this.mySide, PHRASES[index]);
    this.room.send({ say: index }).catch((error) => this.#refused(error));
  }

  /** Gives up; or just leaves, where nobody is there to agree. */
  async resign() {
    if (this.#rivalAway) return this.leave();
    for (let i = 0; i < RESIGN_TRIES && !this.over; i++)
      if (await this.change({ ...this.position.record, resigned: this.#client.playerId })) return;
  }

  async leave() {
    if (!this.#end) await this.room.leave().catch((error) => this.#refused(error));
  }

  /** Takes the play off the page. */
  close() {
    this.#closed = true;
    this.#play?.close();
    this.#play = null;
  }

  // --- inside -----------------------------------------------------------------------------------------------------------

  get #record() {
    return { gameData: this.room.state.gameData, order: this.order };
  }

  get #rivalAway() {
    return this.room.opponents.some(({ connected }) => !connected);
  }

  #refused({ code, message }) {
    this.#panel.log(code, message, 'bad');
    return false;
  }

  // Which gateway serves whom stands in the record only.
  #places() {
    this.room.refresh().catch(() => {});
  }

  #hear(playerId, message) {
    const side = this.order.indexOf(playerId);
    if (this.#closed || side < 0 || playerId === this.#client.playerId || !message) return;
    if (Number.isInteger(message.say) && PHRASES[message.say]) this.#page.bubble(side, PHRASES[message.say]);
    if (message.at !== undefined) this.#play?.hear(message);
  }

  #over(end) {
    this.#end = end;
    this.#awayUntil = 0;
    if (this.started && end.reason !== 'left') this.draw();
    else this.gone(this); // cancelled before it started: the ticket waits on; or left
  }

  // The same bytes from everybody; once per connection, because a report may have been lost with the line.
  #report(result) {
    const key = this.#client.session.sessionId + JSON.stringify(result);
    if (this.#reported === key || this.room.status !== 'active' || this.#client.status !== 'connected') return;
    this.#reported = key;
    this.room.endGame(result).catch((error) => this.#refused(error));
  }

  draw() {
    if (!this.#play) return;
    if (this.room.status === 'active') this.position = this.game.read(this.#record);
    const { result } = this.position;
    if (result) this.#report(result);
    this.#drawSeats(result);
    this.#play.draw();
    this.#panel.info({ room: this.room.id, seq: this.room.seq, version: this.room.version });
    if (this.over) this.#drawEnd(result);
    else this.#drawStatus();
  }

  #drawSeats(result) {
    const me = this.#client.playerId;
    const seat = (id, side) => {
      const player = this.room.players.find((one) => one.id === id);
      const away = id !== me && !player?.connected;
      const instanceId = id === me ? this.#client.session.instanceId : player?.instanceId;
      const where = instanceId ? gatewayName(instanceId) : '';
      const turn = !this.over && this.position.side === side;
      return { name: id, mine: id === me, away, turn, won: result?.winner === id, where: away ? 'away' : where };
    };
    this.#page.seats(this.order.map(seat));
    this.#page.score(this.order.map((id) => scores.get(`${this.rival} ${id}`) ?? 0).join(' : '));
  }

  #drawStatus() {
    const [text, tone] = this.game.says(this.position, this.mySide, this.rival);
    this.#page.title(this.position.side === this.mySide ? '● Your turn' : '');
    if (this.#client.status !== 'connected') this.#page.status('Connection lost. Coming back …', 'bad');
    else if (this.#rivalAway) this.#page.status(`${this.rival} lost the connection; the seat is kept ${left(this.#awayUntil)}`, 'bad');
    else if (this.#busy && this.position.side !== undefined) this.#page.status('…');
    else this.#page.status(text, tone);
  }

  #drawEnd(result) {
    const me = this.#client.playerId;
    const winner = result ? result.winner : this.#end.reason === 'players_left' ? me : null;
    const agreed = this.#end?.reason === 'agreed';
    if (this.#end) this.#count(winner);
    this.#page.title('Game over');
    this.#page.status(this.#rivalAway && !this.#end ? `${this.rival} lost the connection` : 'Game over');
    this.#page.result({
      title: winner === me ? 'You win!' : winner ? `${this.rival} wins` : result ? 'A draw' : 'Game over',
      text: result ? this.#howItEnded(result, agreed) : (ENDS[this.#end.reason]?.(this.rival) ?? this.#end.reason),
      tone: winner === me ? 'good' : '',
      rematch: !this.#end || agreed,
      mayRematch: agreed,
      mayPlayOn: this.#end || this.#rivalAway,
    });
  }

  #howItEnded({ by, winner }, agreed) {
    const resigned = winner === this.#client.playerId ? `${this.rival} resigned.` : 'You resigned.';
    const how = this.game.ends[by] ?? resigned;
    return agreed ? `${how} Both of you reported the same result.` : how + (this.#end ? '' : ' Waiting for both reports …');
  }

  #count(winner) {
    if (this.#counted || !winner) return;
    this.#counted = true;
    const key = `${this.rival} ${winner}`;
    scores.set(key, (scores.get(key) ?? 0) + 1);
    this.#drawSeats(this.position.result);
  }
}

const left = (until) => (until > Date.now() ? `for ${Math.ceil((until - Date.now()) / 1000)} s` : 'for a while');

const ENDS = {
  players_left: (rival) => `${rival} has left. The game is yours.`,
  gone: () => 'The game ended while you were away.',
  idle: () => 'Nobody moved for too long.',
};
