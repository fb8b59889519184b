// A TCP line that can be made bad, of whatever is spoken on it: between gateways and Redis, and between players and gateways.
//
//   const wire = await Wire.open(port);     // wire.port leads to port
//   wire.cut();                             // all connections end with a reset; new ones are welcome
//   wire.refuse(true);                      // and new ones are not
//   wire.stall(true);                       // half-open: connections stay, nothing gets through, not even an end
//   wire.slow(ms);                          // everything arrives so much later, in order
//   wire.mute(true);                       // what the far side says is lost: the near one is heard, and hears nothing
//   wire.heal();
import net from 'node:net';

export class Wire {
  #links = new Set();
  #stalled = false;
  #refusing = false;
  #muted = false;
  #delayMs = 0;

  static async open(target) {
    const wire = new Wire();
    wire.server = net.createServer((near) => wire.#accept(near, target));
    await new Promise((done) => wire.server.listen(0, '127.0.0.1', done));
    wire.port = wire.server.address().port;
    return wire;
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  cut() {
    for (const link of [...this.#links]) link.end();
  }

  refuse(is) {
    this.#refusing = is;
    if (is) this.cut();
  }

  stall(is) {
    this.#stalled = is;
    if (!is) for (const link of this.#links) link.flush();
  }

  slow(ms) {
    this.#delayMs = ms;
  }

  // What was lost would be missing in the middle of a stream: ends with a cut.
  mute(is) {
    if (this.#muted && !is) this.cut();
    this.#muted = is;
  }

  heal() {
    this.mute(false);
    this.#refusing = false;
    this.slow(0);
    this.stall(false);
  }

  async close() {
    this.server.close();
    this.cut();
  }

  #accept(near, port) {
    if (this.#refusing) return near.destroy();
    const far = net.connect({ port, host: '127.0.0.1', noDelay: true });
    near.setNoDelay();
    const ways = [this.#way(near, far), this.#way(far, near, () => this.#muted)];
    const link = { flush: () => ways.forEach((flush) => flush()) };
    link.end = () => {
      this.#links.delete(link);
      near.resetAndDestroy();
      far.resetAndDestroy();
    };
    this.#links.add(link);
  }

  // One direction: what arrives waits its time, and while the line is stalled. Returns what lets it go on.
  #way(from, to, lost = () => false) {
    const waiting = []; // {at, chunk}; a chunk of null is the end
    let timer = null;
    const flush = () => {
      clearTimeout(timer);
      timer = null;
      if (this.#stalled) return;
      while (waiting.length && waiting[0].at <= performance.now()) {
        const { chunk } = waiting.shift();
        if (chunk) to.write(chunk);
        else to.end(() => to.destroySoon());
      }
      if (waiting.length) timer = setTimeout(flush, waiting[0].at - performance.now() + 1);
    };
    const take = (chunk) => {
      if (lost()) return;
      waiting.push({ at: performance.now() + this.#delayMs, chunk });
      if (timer === null) flush();
    };
    from.on('data', take);
    from.on('end', () => take(null));
    from.on('error', () => take(null));
    from.on('close', () => take(null));
    return flush;
  }
}

// Several wires as one: what is done to it is done to each.
export class Wires {
  constructor(wires) {
    this.wires = wires;
    for (const what of ['cut', 'refuse', 'stall', 'slow', 'mute', 'heal'])
      this[what] = (how) => wires.forEach((wire) => wire[what](how));
  }

  async close() {
    await Promise.all(this.wires.map((wire) => wire.close()));
  }
}
