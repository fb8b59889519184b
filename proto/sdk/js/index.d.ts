// What the client offers. README.md shows it in use; PROTOCOL.md says what the events mean. Requests, Pushes and ServerCode hold what
// proto/messages.c and proto/codes.c hold: tests/e2e/sdk_package.test.mjs compares them, member by member.

export as namespace matchgate; // the build for a <script> tag

export interface ConnectOptions {
  /** A signed token, or a function that is asked for one before every connection. Sent in the first message. */
  token?: string | (() => string | Promise<string>);
  /** Development identity (the server has no AUTH_JWT_SECRET). Neither this nor token: the server chooses an id. */
  playerId?: string;
  /** Default: globalThis.WebSocket, else the npm package `ws`. */
  WebSocket?: unknown;
  /** Pauses between attempts: random * min(maxMs, baseMs * 2^n). Default 500, 20000, no end. */
  backoff?: { baseMs?: number; maxMs?: number; maxAttempts?: number };
  /** Aborting closes the client. */
  signal?: AbortSignal;
  /** true: console.debug; a function gets '>' or '<' and the text. Tokens are left out. */
  debug?: boolean | ((direction: '>' | '<', text: string) => void);
  /** How long a request may take. Default 10000. */
  timeoutMs?: number;
  /** From the attempt to the welcome. Default 10000. */
  connectTimeoutMs?: number;
  /** How long a ping may take before the line is given up. Default 8000. */
  pongTimeoutMs?: number;
}

/** Starts connecting and returns the client at once. url: ws, wss, http or https; without a path it gets /ws. */
export function connect(url: string | URL, options?: ConnectOptions): Client;

/** The server's codes (PROTOCOL.md, Errors). */
export type ServerCode =
  | 'BAD_REQUEST'
  | 'UNKNOWN_EVENT'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_IN_ROOM'
  | 'ROOM_NOT_FOUND'
  | 'NOT_STARTED'
  | 'ALREADY_QUEUED'
  | 'ALREADY_IN_MATCH'
  | 'NOT_QUEUED'
  | 'STALE_VERSION'
  | 'RESULT_DISPUTED'
  | 'RATE_LIMITED'
  | 'TOO_LARGE'
  | 'BUSY'
  | 'OUTCOME_UNKNOWN'
  | 'SERVICE_DEGRADED'
  | 'INTERNAL';

/** The client's own; README.md says of each whether the request was done. */
export type ClientCode =
  | 'NOT_CONNECTED'
  | 'QUEUE_FULL'
  | 'TIMEOUT'
  | 'ABORTED'
  | 'CLOSED'
  | 'CANCELLED'
  | 'MATCH_CANCELLED'
  | 'TICKET_EXPIRED';

export class GatewayError extends Error {
  readonly name: 'GatewayError';
  readonly code: ServerCode | ClientCode | (string & {});
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  /** With STALE_VERSION: the present one. */
  readonly version?: number;
}

export interface RequestOptions {
  timeoutMs?: number;
  /** Aborting rejects with ABORTED. What was sent may have been done all the same. */
  signal?: AbortSignal;
}

/** What a client may send: `data` goes with it, `reply` is the reply's. */
export interface Requests {
  hello: {
    data: { token?: string; playerId?: string; resume?: { session: string; token: string; rooms?: Record<string, number | { epoch: number; seq: number }> } };
    reply: {};
  };
  joinMatchmaking: {
    data: { level: number; addToQueue?: object; setup?: object };
    reply: { status: 'waiting' | 'matched'; ticketId: string; level: number; position?: number };
  };
  leaveMatchmaking: { data: {}; reply: { left: boolean; reason?: 'not_queued' | 'matched'; roomId?: string } };
  confirmJoined: { data: { roomId: string }; reply: { status: 'waiting' | 'active' } };
  gameMessage: { data: { roomId: string; message: any; volatile?: boolean; echo?: boolean }; reply: { seq?: number } };
  updatePlayerState: { data: { roomId: string; state: any; expectedVersion?: number; playerId?: string }; reply: { version: number; seq: number } };
  updateGameData: { data: { roomId: string; gameData?: any; turn?: number; expectedVersion: number }; reply: { version: number; seq: number } };
  getGameState: { data: { roomId: string }; reply: { state: RoomRecord; seq: number } };
  leaveRoom: { data: { roomId: string }; reply: {} };
  endGame: { data: { roomId: string; result: any }; reply: { ended: boolean } };
  setTurnDeadline: { data: { roomId: string; ms: number; expectedVersion: number }; reply: { dueAt: number; version: number } };
  ping: { data: any; reply: { serverTime: number } };
}

/** What the server pushes: the `data` of each. */
export interface Pushes {
  welcome: Session;
  waiting: { level: number; position: number; message: string };
  queueUpdate: { level: number; playersAmount: number; estimatedTimeMs: number | null };
  ticketExpired: { ticketId: string; level: number; reason: 'ttl' | 'ended' };
  matchFound: {
    roomId: string;
    level: number;
    players: { id: string; setup?: any }[];
    opponentId: string;
    opponentSetup?: { playerId: string; [member: string]: any }[];
    confirmByMs: number;
  };
  matchCancelled: { roomId: string; reason: 'confirm_timeout' | 'player_gone'; requeued: boolean };
  gameStart: { roomId: string };
  gameMessage: { roomId: string; sender: string; playerId: string; message: any };
  playerStateUpdated: { roomId: string; playerId: string; state: any; version: number };
  gameDataUpdated: { roomId: string; playerId: string; gameData?: any; turn?: number; version: number };
  turnTimeout: { roomId: string; turn: number; version: number };
  roomEpoch: { roomId: string; epoch: number };
  roomSnapshot: { roomId: string; level: number; state: RoomRecord; seq: number };
  gameState: { roomId: string; state: RoomRecord; seq: number };
  opponentDisconnected: { roomId: string; playerId: string; graceMs: number };
  opponentReconnected: { roomId: string; playerId: string };
  playerLeft: { roomId: string; playerId: string; reason: 'left' | 'grace' };
  gameEnd: { roomId: string; reason: 'agreed' | 'players_left' | 'idle'; result: any };
  roomCleanup: { roomId: string; reason: string };
  goodbye: { code: number; reason: string; reconnect: boolean; delayMs: number; resume: boolean };
  pong: { serverTime: number };
  error: { code: ServerCode; message: string; retryable: boolean; retryAfterMs?: number; version?: number; roomId?: string };
}

/** A room as the server keeps it. */
export interface RoomRecord<GameData = any, State = any> {
  roomId: string;
  players: { id: string; instanceId: string | null; socketId: string | null; state: State }[];
  gameData: GameData;
  turn: number;
  status: 'waiting' | 'active';
  createdAt: number;
  updatedAt: number;
  version: number;
  seq: number;
  epoch: number;
}

export interface Session {
  sessionId: string;
  playerId: string;
  socketId: string;
  instanceId: string;
  resumeToken: string;
  resumeTtlMs: number;
  serverTime: number;
  pingMs: number;
  /** true: the session went on, and everything that was missed is delivered. */
  recovered: boolean;
  /** false: nothing outlives the server's process (in-memory back end). */
  durable: boolean;
  limits: { messageMaxBytes: number; messagesPerSecond: number };
  queue: { level: number; ticketId: string } | null;
  rooms: { roomId: string; ended?: true }[];
}

export interface Push {
  event: string;
  room?: string;
  seq?: number;
  ts?: number;
  data: any;
}

export interface Emitter<Events extends Record<keyof Events, unknown[]>> {
  /** Returns a function that ends the subscription. */
  on<E extends keyof Events>(event: E, fn: (...args: Events[E]) => void): () => void;
  off<E extends keyof Events>(event: E, fn: (...args: Events[E]) => void): this;
  /** The first argument of the next such event. */
  once<E extends keyof Events>(event: E, test?: (...args: Events[E]) => boolean): Promise<Events[E][0]>;
}

export interface ClientEvents {
  /** After every welcome; again = not the first. */
  connected: [{ session: Session; again: boolean }];
  /** The line ended; final = this client will not come back. */
  disconnected: [{ code: number; reason: string; final: boolean }];
  /** The next attempt (the attempt-th in a row) follows in delayMs. code and reason: of the line that ended. */
  reconnecting: [{ code: number; reason: string; final: false; delayMs: number; attempt: number }];
  /** A room appeared: by a match, or because this player has a seat from before. */
  room: [Room];
  /** The server refused something that had no id. */
  error: [GatewayError];
  /** Every push but welcome, after it took effect. */
  push: [Push];
}

export interface Client extends Emitter<ClientEvents> {
  readonly status: 'connecting' | 'connected' | 'reconnecting' | 'closed';
  /** The first welcome; rejects if the line ends for good before. */
  readonly ready: Promise<Client>;
  readonly session: Session | null;
  /** Of the last welcome. */
  readonly recovered: boolean;
  readonly playerId: string | undefined;
  readonly rooms: ReadonlyMap<string, Room>;
  readonly ticket: Ticket | null;
  /** Milliseconds of the last ping. */
  readonly rttMs: number | null;
  /**
   * Asks for a match, now or as soon as the line stands. One ticket at a time. Aborting the signal cancels it.
   * setup: what this player says about himself, an object of at most 1 KiB; the others find it in room.players.
   */
  join(wish: { level: number; setup?: object }, options?: { signal?: AbortSignal }): Ticket;
  request<E extends keyof Requests | (string & {})>(
    event: E,
    data?: E extends keyof Requests ? Requests[E]['data'] : unknown,
    options?: RequestOptions,
  ): Promise<E extends keyof Requests ? Requests[E]['reply'] : any>;
  /** Without reply, at most once; false if it was dropped here. */
  notify(event: string, data?: unknown): boolean;
  ping(): Promise<number>;
  /** Drops the line and comes back at once, with the session; in a pause, ends the pause. */
  reconnect(): void;
  close(reason?: string): void;
}

export interface TicketEvents {
  update: [Ticket];
  /** A match, whose game has not started yet: accept() or decline() it where the server has a ready check. */
  found: [Room];
}

export interface Ticket extends Emitter<TicketEvents> {
  readonly id: string | null;
  readonly level: number;
  readonly setup?: object;
  readonly status: 'joining' | 'waiting' | 'found' | 'matched' | 'ended';
  readonly position: number | null;
  readonly playersAmount: number | null;
  readonly estimatedTimeMs: number | null;
  /** Date.now() at join(). */
  readonly joinedAt: number;
  /** The match found, whose game may not have started yet. */
  readonly room: Room | null;
  /** The room, once its game has started. Rejects with CANCELLED, MATCH_CANCELLED, TICKET_EXPIRED, CLOSED or the server's refusal. */
  readonly matched: Promise<Room>;
  /** false: too late, a match was found and stands. */
  cancel(): Promise<boolean>;
}

export interface Player<State = any> {
  id: string;
  connected: boolean;
  /** The seat was given up. */
  left?: boolean;
  /** What he said about himself when he joined. */
  setup?: any;
  state: State;
}

export interface RoomState<GameData = any> {
  roomId: string;
  players: Player[];
  gameData: GameData;
  turn: number;
  status: 'waiting' | 'active' | 'ended';
  version: number;
}

export interface RoomEnd {
  /** The server's reason; here: 'left' (by leave() or decline()) or 'gone' (over while the line was down, too long ago to know how). */
  reason: string;
  result?: any;
  requeued?: boolean;
}

export interface Numbered {
  event: string;
  seq?: number;
  ts?: number;
}

/** Every push of the room by its name in PROTOCOL.md, and `state` and `closed`. */
export interface RoomEvents {
  state: [RoomState];
  closed: [RoomEnd];
  error: [GatewayError, Numbered];
  matchFound: [Pushes['matchFound'], Numbered];
  matchCancelled: [Pushes['matchCancelled'], Numbered];
  gameStart: [Pushes['gameStart'], Numbered];
  gameMessage: [Pushes['gameMessage'], Numbered];
  playerStateUpdated: [Pushes['playerStateUpdated'], Numbered];
  gameDataUpdated: [Pushes['gameDataUpdated'], Numbered];
  turnTimeout: [Pushes['turnTimeout'], Numbered];
  roomEpoch: [Pushes['roomEpoch'], Numbered];
  roomSnapshot: [Pushes['roomSnapshot'], Numbered];
  opponentDisconnected: [Pushes['opponentDisconnected'], Numbered];
  opponentReconnected: [Pushes['opponentReconnected'], Numbered];
  playerLeft: [Pushes['playerLeft'], Numbered];
  gameEnd: [Pushes['gameEnd'], Numbered];
  roomCleanup: [Pushes['roomCleanup'], Numbered];
  [event: string]: [any, Numbered?];
}

export interface Room extends Emitter<RoomEvents> {
  readonly id: string;
  readonly level: number | null;
  readonly status: 'waiting' | 'active' | 'ended';
  readonly state: RoomState;
  readonly version: number;
  /** The number up to which everything was seen, in a push or in the reply to one's own request. */
  readonly seq: number;
  /** Whose numbers they are; another one once the store was replaced. */
  readonly epoch: number;
  /** false: a snapshot stands for events that could not be shown any more; true again when the next return recovers all. */
  readonly recovered: boolean;
  readonly players: Player[];
  readonly me: Player | undefined;
  readonly opponents: Player[];
  /** Resolves once, when the room is over for this player. */
  readonly closed: Promise<RoomEnd>;
  /** Calls fn now and after every change; returns a function that ends this. */
  onState(fn: (state: RoomState) => void): () => void;
  send(message: unknown, options?: { volatile?: false }): Promise<{ seq: number }>;
  send(message: unknown, options: { volatile: true }): boolean;
  /** expectedVersion: the version the change was decided on; default the present one. */
  updateGameData(changes: { gameData?: unknown; turn?: number }, expectedVersion?: number): Promise<{ version: number }>;
  updateState(state: unknown, expectedVersion?: number): Promise<{ version: number }>;
  endGame(result: unknown): Promise<{ ended: boolean }>;
  /** The ready check, where the server has one (CONFIRM=client): yes. */
  accept(): Promise<{ status: 'waiting' | 'active' }>;
  /** The ready check: no. The match is off; the others wait again, this player does not. */
  decline(): Promise<void>;
  leave(): Promise<void>;
  refresh(): Promise<RoomState>;
  /** Any request of PROTOCOL.md about this room. */
  request<E extends keyof Requests | (string & {})>(
    event: E,
    data?: E extends keyof Requests ? Omit<Requests[E]['data'], 'roomId'> : object,
    options?: RequestOptions,
  ): Promise<E extends keyof Requests ? Requests[E]['reply'] : any>;
}
