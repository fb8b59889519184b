// One line to the gateway over many sockets: opens, listens for silence, opens again. It carries text, not meaning.
//
// open() -> a socket -> ready() at the welcome -> the socket ends -> pause -> the next socket ... until close(), or an end
// after which the server does not want this client back. Every end arrives in #lost(), once per socket. The pause is
// what the server's goodbye said; none after a 42xx or again(); else 0.5 s doubled per attempt up to 20 s, times a random
// number (full jitter), so that a fleet's clients do not all come at one moment. Attempts count from the last connection
// that lasted STABLE_MS: a server that welcomes and drops is not hammered. One that said goodbye with a 42xx invites us, and
// who calls again() wants to: with these it begins anew.

const STABLE_MS = 5000;
const FINAL = [1000, 1002, 1003, 1007, 1008, 1009];
const ABNORMAL = 1006;
const CALLED = 1000; // of an end by again(): as agreed, but not final

const atOnce = (code) => code >= 4200 && code < 4300;

/** May a client come back by itself after this close code? */
export const mayReconnect = (code) => !FINAL.includes(code) && !(code >= 4000 && code < 4100);

export const backoffMs = (attempt, { baseMs = 500, maxMs = 20000 } = {}, random = Math.random) =>
  random() * Math.min(maxMs, baseMs * 2 ** attempt);

const webSocketClass = async (given) => given ?? globalThis.WebSocket ?? (await import('#ws')).default;

export class Line {
  #options;
  #on;
  #socket = null;
  #timer; // what comes next: the welcome's deadline, the look for silence, or the next attempt
  #waiting = false; // the timer is the next attempt's
  #attempt = 0;
  #readyAt = 0;
  #heardAt = 0;
  #goodbye = null;
  #over = false;
  #retryNow = () => this.#waiting && this.open();

  /** options: {WebSocket, backoff, connectTimeoutMs}. on: {address() -> url or a promise of it, open(), text(text),
   *  ending() before each lost: text that was kept back is for now, silent(), lost({code, reason, final, delayMs, attempt})}. */
  constructor(options, on) {
    this.#options = options;
    this.#on = on;
    globalThis.addEventListener?.('online', this.#retryNow);
  }

  async open() {
    this.#arm(this.#options.connectTimeoutMs ?? 10000, () => this.drop('the server did not answer in time'));
    const attempt = (this.#socket = {}); // stands for the socket until there is one
    try {
      const Socket = await webSocketClass(this.#options.WebSocket).catch(() => null);
      if (!Socket) return this.close(ABNORMAL, 'no WebSocket: install "ws" or give options.WebSocket');
      const url = await this.#on.address();
      if (this.#socket !== attempt) return;
      this.#use(new Socket(url, 'matchgate.v1.json'));
    } catch (error) {
      if (this.#socket === attempt) this.#lost(ABNORMAL, error.message);
    }
  }

  #use(socket) {
    this.#socket = socket;
    // A refused handshake: libraries say why, browsers write it to their own tools only.
    let why = "no WebSocket; the browser's console and network tab show what the server answered";
    socket.onopen = () => {
      why = '';
      this.#on.open();
    };
    socket.onmessage = ({ data }) => {
      this.#heardAt = Date.now();
      if (typeof data === 'string') this.#on.text(data);
    };
    const ended = ({ code, reason }) => this.#socket === socket && this.#lost(code, reason || why);
    socket.onclose = ended;
    socket.onerror = ({ message }) => {
      why &&= message || why; // else it was open: the close that follows says it all
      if (why) setTimeout(() => ended({ code: ABNORMAL })); // Node.js 22 lets no close follow a refused handshake
    };
  }

  /** The server said welcome. From now on silent() is called after every silenceMs without a word from it. */
  ready(silenceMs) {
    this.#readyAt = this.#heardAt = Date.now();
    const look = () => {
      const left = this.#heardAt + silenceMs - Date.now();
      this.#arm(left > 0 ? left : silenceMs, look);
      if (left <= 0) this.#on.silent();
    };
    this.#arm(silenceMs, look);
  }

  /** The server announced the close that follows: {code, reason, reconnect, delayMs}. */
  goodbye(data) {
    this.#goodbye = data;
  }

  /** False if nothing was sent. */
  send(text) {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(text);
    return true;
  }

  get bufferedBytes() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Gives this socket up and goes on with the next. */
  drop(reason) {
    if (!this.#socket || this.#over) return;
    this.#release((socket) => (socket.terminate ? socket.terminate() : socket.close?.()));
    this.#lost(ABNORMAL, reason);
  }

  /** Goes on with the next socket at once; nothing if an attempt or an announced end is under way. */
  again() {
    if (this.#waiting) return this.open();
    if (!this.#readyAt || this.#goodbye) return;
    this.#release((socket) => socket.close());
    this.#lost(CALLED, 'reconnect() was called', true);
  }

  /** The end; lost() is called before return. */
  close(code, reason) {
    if (this.#over) return;
    this.#over = true;
    this.#release((socket) => socket.close?.(code === 1000 ? 1000 : undefined));
    this.#lost(code, reason);
  }

  #release(end) {
    const socket = this.#socket;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    try {
      end(socket);
    } catch {
      // closed already
    }
  }

  #lost(code, reason, called) {
    const { backoff } = this.#options;
    const socket = this.#socket;
    this.#on.ending();
    if (this.#socket !== socket) return; // somebody who heard of the last text has closed the line
    const goodbye = this.#goodbye;
    if (goodbye) ({ code, reason } = { code: goodbye.code ?? code, reason: goodbye.reason ?? reason });
    if (called || (this.#readyAt && (Date.now() - this.#readyAt >= STABLE_MS || (goodbye && atOnce(code))))) this.#attempt = 0;
    const attempt = ++this.#attempt;
    const back = (goodbye?.reconnect ?? mayReconnect(code)) && attempt <= (backoff?.maxAttempts ?? Infinity);
    const final = this.#over || !(back || called);
    this.#over = final;
    this.#socket = this.#goodbye = null;
    this.#readyAt = 0;
    clearTimeout(this.#timer);
    if (final) globalThis.removeEventListener?.('online', this.#retryNow);
    const delayMs = final || called ? 0 : this.#pauseMs(code, attempt - 1, goodbye?.delayMs);
    if (!final) this.#arm(delayMs, () => this.open());
    this.#waiting = !final;
    this.#on.lost({ code, reason, final, delayMs, attempt });
  }

  #pauseMs(code, failed, saidMs) {
    const pause = backoffMs(failed, this.#options.backoff);
    if (saidMs > 0) return failed ? Math.max(saidMs, pause) : saidMs;
    return atOnce(code) && !failed ? 0 : pause;
  }

  #arm(ms, fn) {
    clearTimeout(this.#timer);
    this.#waiting = false;
    this.#timer = setTimeout(fn, ms);
  }
}
