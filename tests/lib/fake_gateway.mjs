// A scripted stand-in for a gateway: it says what a test tells it to, so that the client's answers to bad days (a reply that
// never comes, a goodbye, a line cut at a given moment) can be tested one by one. Whether the real gateway speaks like
// this is tested in sdk_live.test.mjs.
//
//   const server = await FakeGateway.start(t);            // ends with the test
//   server.on('joinMatchmaking', () => ({ status: 'waiting', ticketId: 't1' }));    // throw {code} for an error reply
//   server.welcome.rooms = [...];                         // what the next welcome says
//   const session = await server.session(1);              // the second connection, once the client has its welcome
//   session.push('matchFound', {...}, { room, seq });  session.close(4200);  session.cut();
import { WebSocketServer } from 'ws';
import { freePort } from './proc.mjs';
import { waitFor } from './wait.mjs';

// What a script returns to leave a request unanswered.
export const SILENCE = Symbol('silence');

class Session {
  requests = []; // every frame of the client, parsed

  constructor(socket, address) {
    this.socket = socket;
    this.url = new URL(address, 'ws://fake');
  }

  send(frame) {
    this.socket.send(JSON.stringify(frame));
  }

  push(event, data, more = {}) {
    this.send({ event, ...more, data });
  }

  // Resolves when the client has read all that was sent so far: its pong comes behind that.
  read() {
    return new Promise((done) => {
      this.socket.once('pong', done).once('close', done);
      if (this.socket.readyState === this.socket.OPEN) this.socket.ping();
      else done();
    });
  }

  close(code, reason = 'scripted') {
    this.socket.close(code, reason);
  }

  cut() {
    this.socket.terminate();
  }

  asked(event) {
    return this.requests.filter((request) => request.event === event);
  }
}

export class FakeGateway {
  sessions = [];
  welcome = {}; // overrides
  greet = () => true; // false: no welcome for this session
  #scripts = new Map([['ping', () => ({ serverTime: 1 })]]);

  static async start(t) {
    const server = new FakeGateway();
    server.port = await freePort();
    await server.listen();
    t.after(() => server.stop());
    return server;
  }

  get url() {
    return `ws://127.0.0.1:${this.port}`;
  }

  listen() {
    this.wss = new WebSocketServer({ port: this.port, host: '127.0.0.1' });
    this.wss.on('connection', (socket, request) => this.#accept(socket, request.url));
    return new Promise((done) => this.wss.on('listening', done));
  }

  stop() {
    for (const socket of this.wss.clients) socket.terminate();
    return new Promise((done) => this.wss.close(done));
  }

  on(event, script) {
    this.#scripts.set(event, script);
  }

  // The nth connection that got this far, when the client has read its welcome (or is gone).
  async session(index = 0) {
    const session = await waitFor(() => this.sessions[index]?.welcomed && this.sessions[index], { what: `connection ${index}` });
    await session.read();
    return session;
  }

  #accept(socket, address) {
    const session = new Session(socket, address);
    this.sessions.push(session);
    socket.on('message', (text) => this.#receive(session, JSON.parse(text)));
    socket.on('error', () => {});
    if (!session.url.searchParams.has('hello') && this.greet(session)) this.#greet(session);
  }

  #welcomeData(session) {
    const number = this.sessions.indexOf(session) + 1;
    return {
      sessionId: `s${number}`,
      playerId: session.url.searchParams.get('playerId') ?? session.playerId ?? 'guest-1',
      socketId: `k${number}`,
      instanceId: '7-1731000000000123456',
      serverTime: Date.now(),
      pingMs: 25000,
      recovered: false,
      durable: true,
      limits: { messageMaxBytes: 16384, messagesPerSecond: 50 },
      queue: null,
      rooms: [],
      ...this.welcome,
    };
  }

  #greet(session) {
    session.push('welcome', this.#welcomeData(session));
    session.welcomed = true;
  }

  async #receive(session, request) {
    session.requests.push(request);
    const { event, id, data } = request;
    try {
      const script = this.#scripts.get(event) ?? (() => ({}));
      const reply = await script(data, session, id);
      if (reply === SILENCE) return;
      if (id) session.send({ id, ok: true, data: reply });
      if (event !== 'hello') return;
      session.playerId = data.playerId;
      this.#greet(session);
    } catch (error) {
      const { code = 'INTERNAL', message = String(error), ...more } = error;
      session.send({ id, ok: false, error: { code, message, retryable: false, ...more } });
    }
  }
}
