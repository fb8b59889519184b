// A room as one member sees it. `state` is the server's record; each change makes a new object, so it can be compared.
//
// Everything has a number; `seq` is the one up to which all were seen, as pushes or as replies, and `epoch` is the one in
// force there: a roomEpoch that has come, while something before it was not seen, counts when `seq` reaches it. A number seen
// before is dropped. A change that arrives twice, as reply and as push, is applied once, by its version.
import { Emitter } from './emitter.js';
import { GatewayError } from './errors.js';

export class Room extends Emitter {
  level = null;
  seq = 0;
  epoch = 1; // whose numbers they are: another one once the store was replaced
  recovered = true; // false: a snapshot stands for what was missed
  missed; // it ended while the line was down
  declined = false;
  state;
  #ahead = new Set(); // seen, but something before them was not
  #epochs = new Map(); // by the number of their roomEpoch, while that is ahead
  #client;
  #ended;

  constructor(client, id) {
    super();
    this.#client = client;
    this.id = id;
    this.state = { roomId: id, players: [], gameData: {}, turn: 0, status: 'waiting', version: 0 };
    /** Resolves once, when the room is over for this player: {reason, result?, requeued?}. */
    this.closed = new Promise((resolve) => (this.#ended = resolve));
  }

  get status() {
    return this.state.status; // 'waiting' -> 'active' -> 'ended'
  }

  get version() {
    return this.state.version;
  }

  get players() {
    return this.state.players;
  }

  get me() {
    return this.players.find(({ id }) => id === this.#client.playerId);
  }

  get opponents() {
    return this.players.filter(({ id }) => id !== this.#client.playerId);
  }

  /** Calls fn(state) now and after every change; returns a function that ends this. */
  onState(fn) {
    fn(this.state);
    return this.on('state', fn);
  }

  request(event, data, options) {
    return this.#client.request(event, { roomId: this.id, ...data }, options);
  }

  /** A promise of {seq}; volatile (at most once, unordered): false if it was dropped here. */
  send(message, { volatile = false } = {}) {
    if (volatile) return this.#client.notify('gameMessage', { roomId: this.id, message, volatile });
    return this.request('gameMessage', { message });
  }

  /** Changes {gameData, turn} or one of them. If somebody else was first: STALE_VERSION, and `state` is the new one already. */
  async updateGameData(changes, expectedVersion = this.version) {
    try {
      const reply = await this.request('updateGameData', { ...changes, expectedVersion });
      this.#data({ ...changes, version: reply.version });
      return reply;
    } catch (error) {
      if (error.code === 'STALE_VERSION' && !(error.version <= this.version)) await this.refresh().catch(() => {});
      throw error;
    }
  }

  /** Replaces this player's own state. */
  async updateState(state, expectedVersion) {
    const reply = await this.request('updatePlayerState', { state, expectedVersion });
    this.#player(this.#client.playerId, { state, stateVersion: reply.version });
    return reply;
  }

  /** The game ends when all members report the same result, to the byte: mind the order of its keys. */
  endGame(result) {
    return this.request('endGame', { result });
  }

  /** The ready check, with CONFIRM=client: yes. Otherwise the server says so for us. */
  accept() {
    return this.request('confirmJoined');
  }

  /** The ready check: no. The match is off, the others wait again, this player does not. Once the game runs it is leave(). */
  async decline() {
    this.declined = true;
    await this.leave().catch((error) => {
      this.declined = false;
      throw error;
    });
  }

  async leave() {
    await this.request('leaveRoom').catch((error) => {
      if (!['NOT_IN_ROOM', 'ROOM_NOT_FOUND'].includes(error.code)) throw error;
    });
    this._close({ reason: 'left' });
  }

  /** Asks for the record anew. */
  async refresh() {
    const { state, seq } = await this.request('getGameState');
    if (!(seq < this.seq)) this.#replace(state); // else pushes have overtaken it
    return this.state;
  }

  // For Client only:

  /** False: this number was seen before. Pushes come in order, so what is missing below one was our own: a reply's, or lost
   *  with a request that nobody waits for any more. */
  _seen(seq, pushed) {
    const ahead = this.#ahead;
    if (seq <= this.seq || ahead.has(seq)) return false;
    ahead.add(seq);
    if (pushed && !this.#client._waits(this.id)) this.seq = seq;
    for (const n of ahead) if (n <= this.seq) ahead.delete(n);
    while (ahead.delete(this.seq + 1)) this.seq++;
    this.#enterEpochs();
    return true;
  }

  #enterEpochs() {
    for (const [seq, epoch] of this.#epochs)
      if (seq <= this.seq) {
        this.epoch = epoch;
        this.#epochs.delete(seq);
      }
  }

  _push(frame) {
    const { event, data, seq, ts } = frame;
    if (seq && !this._seen(seq, true)) return;
    const apply = this.#appliers[event];
    apply?.(data, seq);
    const own = seq && data.playerId === this.#client.playerId;
    if (!own || !(event.startsWith('opponent') || this.#client._echo(event, data)))
      this.emit(event, event === 'error' ? new GatewayError(data) : data, { event, seq, ts });
    if (!apply) return;
    if (apply === this.#over) this._close(data);
    else if (event === 'playerLeft' && data.playerId === this.#client.playerId) this._close({ reason: 'left' });
    else this.#client.ticket?._room(this);
  }

  _close({ reason, result, requeued }) {
    if (!this.#client.rooms.delete(this.id)) return;
    this.#set({ status: 'ended' });
    const end = { reason, result, requeued };
    this.#ended(end);
    this.emit('closed', end);
    this.#client.ticket?._room(this, end);
  }

  #over = () => {};
  #appliers = {
    __proto__: null,
    matchCancelled: this.#over,
    gameEnd: this.#over,
    roomCleanup: this.#over,
    matchFound: ({ level, players = [] }) => {
      this.level = level;
      this.#set({ players: players.map((player) => ({ connected: true, state: {}, ...player })) });
    },
    gameStart: () => this.#set({ status: 'active' }),
    roomSnapshot: ({ level, state, seq }) => {
      this.level = level ?? this.level;
      this.seq = seq ?? this.seq;
      this.epoch = state.epoch ?? this.epoch;
      this.#ahead.clear();
      this.#epochs.clear();
      this.recovered = false;
      this.#replace(state);
    },
    roomEpoch: ({ epoch }, seq) => {
      this.#epochs.set(seq, epoch);
      this.#enterEpochs();
    },
    gameDataUpdated: (data) => this.#data(data),
    playerStateUpdated: ({ playerId, state, version }) => this.#player(playerId, { state, stateVersion: version }),
    opponentDisconnected: ({ playerId }) => this.#player(playerId, { connected: false }),
    opponentReconnected: ({ playerId }) => this.#player(playerId, { connected: true }),
    playerLeft: ({ playerId }) => this.#player(playerId, { connected: false, left: true }),
  };

  #set(change) {
    this.state = { ...this.state, ...change };
    this.emit('state', this.state);
  }

  #replace(state) {
    const setups = Object.fromEntries(this.players.map(({ id, setup }) => [id, setup && { setup }]));
    const players = state.players.map((player) => ({ connected: player.socketId !== null, ...setups[player.id], ...player }));
    this.#set({ ...state, players });
  }

  #data({ gameData, turn, version }) {
    if (!(version > this.version)) return;
    const { state } = this;
    this.#set({ version, gameData: gameData === undefined ? state.gameData : gameData, turn: turn ?? state.turn });
  }

  #player(playerId, change) {
    const player = this.players.find(({ id }) => id === playerId);
    if (!player || change.stateVersion <= player.stateVersion) return;
    this.#set({ players: this.players.map((other) => (other === player ? { ...player, ...change } : other)) });
  }
}
