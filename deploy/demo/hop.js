// Leaving a gateway for another one in the middle of everything: what a bad line does to a player, on purpose.
//
// client.reconnect() is all it takes: the client comes back with its session, and whatever instance it reaches gives it
// its seat and all it has missed. Which one that is, the load balancer chooses. A page that knows several addresses takes
// the next: for that the client is made with options.WebSocket = hopper.Socket.

const TRIES = 4; // the load balancer may choose the same one again

export class Hopper {
  #urls;
  #at = 0;
  #failed = false; // the last attempt has not reached anybody

  constructor(urls) {
    this.#urls = urls;
    const hopper = this;
    /** A WebSocket of the browser that goes where it is sent here. */
    this.Socket = class extends WebSocket {
      constructor(url, protocols) {
        super(hopper.#redirect(url), protocols);
        this.addEventListener('open', () => (hopper.#failed = false));
      }
    };
  }

  get host() {
    return this.#urls[this.#at].host;
  }

  #next() {
    this.#at = (this.#at + 1) % this.#urls.length;
  }

  // The same request, of the host whose turn it is.
  #redirect(url) {
    if (this.#failed) this.#next();
    this.#failed = true; // until it opens
    const target = new URL(url);
    target.host = this.host;
    return target.href;
  }

  /** Takes `client` to another instance: {from, to, ms, recovered}. `to` equals `from` where there is no other one; null if the client ended. */
  async hop(client) {
    const from = client.session.instanceId;
    const started = performance.now();
    for (let i = 0; i < TRIES && client.session.instanceId === from; i++) {
      this.#next();
      const back = Promise.race([client.once('connected'), client.once('disconnected', ({ final }) => final)]);
      client.reconnect();
      await back;
      if (client.status === 'closed') return null;
    }
    return { from, to: client.session.instanceId, ms: Math.round(performance.now() - started), recovered: client.recovered };
  }
}
