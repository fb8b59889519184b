// The stock Socket.IO client with what a test wants: every event recorded, next() that waits, replies that throw.
//
//   const ann = await sio(fleet, gateway, 'ann');            // connected
//   await ann.ask('joinMatchmaking', { level: 2 });          // emitWithAck; the data, or a ReplyError
//   const found = await ann.next('matchFound');              // {event, data, offset}
import WebSocket from 'ws';
import { io } from 'socket.io-client';
import { ReplyError } from './client.mjs';
import { waitFor, within } from './wait.mjs';

export const TIMEOUT_MS = 10000;

export class SocketIo {
  events = []; // {event, data, offset, args}
  disconnects = []; // [reason, details]
  errors = []; // of connect_error
  connects = [];
  #taken = new Set();

  // where: a gateway, a port or a list of ports to go through, connection by connection. who: a player id or an auth object.
  constructor(where, who, options = {}) {
    this.auth = typeof who === 'string' ? { playerId: who } : who;
    this.name = this.auth?.playerId ?? 'a Socket.IO client';
    const port = where.port ?? where;
    this.socket = io(`http://127.0.0.1:${port}`, {
      transports: ['websocket'],
      forceNew: true,
      auth: this.auth,
      reconnectionDelay: 50,
      reconnectionDelayMax: 200,
      ...options,
    });
    this.socket.onAny((event, ...args) => {
      this.events.push({ event, data: args[0], offset: args[1], args });
    });
    this.socket.on('connect', () => this.connects.push({ id: this.socket.id, recovered: this.socket.recovered }));
    this.socket.on('disconnect', (reason, details) => this.disconnects.push([reason, details]));
    this.socket.on('connect_error', (error) => this.errors.push(error));
  }

  async connected(count = 1) {
    await waitFor(() => this.connects.length >= count, { what: `${this.name} to be connected ${count} times` });
    return this;
  }

  // The next reconnect goes there.
  goTo(where) {
    this.socket.io.uri = `http://127.0.0.1:${where.port ?? where}`;
  }

  // The line breaks, as a network does it.
  cut() {
    this.socket.io.engine.transport.ws.terminate();
  }

  // What still comes on this line is lost.
  deaf() {
    this.socket.io.engine.transport.ws.onmessage = () => {};
  }

  async ask(event, data) {
    const reply = await this.request(event, data);
    if (!reply.ok) throw new ReplyError(event, reply.error);
    return reply.data;
  }

  async fails(event, data) {
    const reply = await this.request(event, data);
    if (reply.ok) throw new Error(`${event} was accepted: ${JSON.stringify(reply)}`);
    return reply.error;
  }

  request(event, data) {
    const args = data === undefined ? [] : [data];
    return this.socket.timeout(TIMEOUT_MS).emitWithAck(event, ...args);
  }

  all(event) {
    return this.events.filter((e) => e.event === event);
  }

  // The next event of that name that no earlier next() took.
  async next(event, filter = () => true) {
    const find = () => this.events.find((e) => e.event === event && !this.#taken.has(e) && filter(e));
    const found = await waitFor(find, { what: `${event} at ${this.name}`, timeoutMs: TIMEOUT_MS }).catch((error) => {
      throw new Error(`${error.message}; seen: ${this.events.map((e) => e.event).join(' ')}`);
    });
    this.#taken.add(found);
    return found;
  }

  async gone() {
    return within(
      waitFor(() => this.disconnects.at(-1)),
      TIMEOUT_MS,
      `${this.name} to be disconnected`,
    );
  }

  close() {
    this.socket.disconnect();
    this.socket.io.engine?.close();
  }
}

// A connected one, closed at the latest with the fleet.
export async function sio(fleet, where, who, options) {
  const client = new SocketIo(where, who, options);
  fleet.keep(client);
  return client.connected();
}

// ann speaks Socket.IO, bob natively; matched and started.
export async function mixed(fleet, at, to) {
  const ann = await sio(fleet, at, 'ann');
  const bob = await fleet.client(to, 'bob');
  await ann.ask('joinMatchmaking', { level: 7 });
  await bob.send('joinMatchmaking', { level: 7 });
  const found = await ann.next('matchFound');
  await ann.next('gameStart');
  await bob.next('gameStart');
  return { ann, bob, room: found.data.roomId, found };
}

// A bare WebSocket at Socket.IO's path: texts as they come.
export class Raw {
  texts = [];
  end = null; // {code, reason}
  #read = 0;

  static async open(fleet, where, query = 'EIO=4&transport=websocket') {
    const raw = new Raw(where, query);
    fleet.keep(raw);
    await within(raw.opened, TIMEOUT_MS, 'the handshake');
    return raw;
  }

  constructor(where, query) {
    this.ws = new WebSocket(`ws://127.0.0.1:${where.port ?? where}/socket.io/?${query}`, { perMessageDeflate: false });
    this.opened = new Promise((done, refuse) => this.ws.on('open', done).on('error', refuse));
    this.ws.on('message', (data) => this.texts.push(data.toString()));
    this.ws.on('close', (code, reason) => (this.end = { code, reason: reason.toString() }));
  }

  // The next text but pings.
  async next() {
    const more = () => {
      while (this.texts[this.#read] === '2') this.#read++;
      return this.texts[this.#read];
    };
    const text = await waitFor(more, { what: 'a text' }).catch((error) => {
      throw new Error(`${error.message}; closed: ${JSON.stringify(this.end)}`);
    });
    this.#read++;
    return text;
  }

  // Connected to the namespace; the answer to 40.
  async connect(auth = {}) {
    await this.next();
    this.ws.send(`40${JSON.stringify(auth)}`);
    const answer = await this.next();
    if (answer.startsWith('40')) await this.next(); // welcome
    return answer;
  }

  closed() {
    return waitFor(() => this.end, { what: 'the end of the connection' });
  }

  close() {
    this.ws.terminate();
  }
}
