// What the client offers. README.md shows it in use; PROTOCOL.md says what the events mean.

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

export class GatewayError extends Error {
  readonly name: 'GatewayError';
  readonly code: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  /** With STALE_VERSION: the present one. */
  readonly version?: number;
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

interface Emitter<Events extends Record<string, unknown[]>> {
  /** Returns a function that ends the subscription. */
  on<E extends keyof Events>(event: E, fn: (...args: Events[E]) => void): () => void;
  off<E extends keyof Events>(event: E, fn: (...args: Events[E]) => void): this;
  /** The first argument of the next such event. */
  once<E extends keyof Events>(event: E, test?: (...args: Events[E]) => boolean): Promise<Events[E][0]>;
}

export type ClientEvents = {
  /** After every welcome; again = not the first. */
  connected: [{ session: Session; again: boolean }];
  /** The line ended; final = this client will not come back. */
  disconnected: [{ code: number; reason: string; final: boolean }];
  /** The next attempt (the attempt-th in a row) follows in delayMs. */
  reconnecting: [{ code: number; reason: string; delayMs: number; attempt: number }];
  /** A room appeared: by a match, or because this player has a seat from before. */
  room: [Room];
  /** The server refused something that had no id. */
  error: [GatewayError];
  /** Every push but welcome, after it took effect. */
  push: [Push];
};

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
  /** Asks for a match, now or as soon as the line stands. One ticket at a time. */
  join(wish: { level: number }): Ticket;
  request<T = any>(event: string, data?: unknown, options?: { timeoutMs?: number }): Promise<T>;
  /** Without reply, at most once; false if it was dropped here. */
  notify(event: string, data?: unknown): boolean;
  ping(): Promise<number>;
  close(reason?: string): void;
}

export interface Ticket extends Emitter<{ update: [Ticket]; found: [Room] }> {
  readonly id: string | null;
  readonly level: number;
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
  /** The server's reason; here: 'left' (by leave()) or 'gone' (over while the line was down, too long ago to know how). */
  reason: string;
  result?: any;
  requeued?: boolean;
}

type Numbered = { event: string; seq?: number; ts?: number };

/** Every push of the room by its name in PROTOCOL.md, and these. */
export type RoomEvents = {
  state: [RoomState];
  closed: [RoomEnd];
  error: [GatewayError, Numbered];
  gameStart: [{ roomId: string }, Numbered];
  gameMessage: [{ roomId: string; sender: string; playerId: string; message: any }, Numbered];
  gameDataUpdated: [{ playerId: string; gameData?: any; turn?: number; version: number }, Numbered];
  playerStateUpdated: [{ playerId: string; state: any; version: number }, Numbered];
  opponentDisconnected: [{ playerId: string; graceMs: number }, Numbered];
  opponentReconnected: [{ playerId: string }, Numbered];
  playerLeft: [{ playerId: string; reason: string }, Numbered];
  gameEnd: [{ reason: string; result: any }, Numbered];
  [event: string]: [any, Numbered?];
};

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
  endGame(result: unknown): Promise<unknown>;
  confirm(): Promise<unknown>;
  leave(): Promise<void>;
  refresh(): Promise<RoomState>;
  request<T = any>(event: string, data?: object, options?: { timeoutMs?: number }): Promise<T>;
}
