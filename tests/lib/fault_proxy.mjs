// A bad line between one gateway and Redis: answers that are late or lost, events that never come, a link that is away.
//
//   const line = await fleet.faultProxy(redis);
//   const a = await fleet.gateway({ redis: line });
//   const held = line.holdReply('attach', 'ann');    // armed before the call is made
//   ...                                              // what makes the gateway attach ann
//   await held;                                      // carried out, but the gateway does not know yet
//   line.release('commands');
//
// A gateway has two links, told apart by the names they give themselves: 'commands' and 'events' (subscriptions). What the
// gateway says always reaches Redis at once; only what Redis says is held, and always in order: behind a held reply all later
// ones of that link wait as well. Scripts go by their file's name, learnt from SCRIPT LOAD (once per connection).
import net from 'node:net';
import { createHash } from 'node:crypto';
import { parse } from './resp.mjs';

const NAME = /^-- (\w+):/m; // the first words of a script's header

export class FaultProxy {
  #links = new Set();
  #held = new Set(); // kinds
  #shut = new Set(); // kinds
  #deaf = new Set(); // names of events that do not arrive
  #traps = [];
  #names = new Map(); // sha -> script
  #calls = []; // names of scripts, in order

  static async open(redisPort) {
    const proxy = new FaultProxy();
    proxy.server = net.createServer((client) => proxy.#accept(client, redisPort));
    await new Promise((done) => proxy.server.listen(0, '127.0.0.1', done));
    proxy.port = proxy.server.address().port;
    proxy.url = `redis://127.0.0.1:${proxy.port}`;
    return proxy;
  }

  hold(kind) {
    this.#held.add(kind);
  }

  release(kind) {
    this.#held.delete(kind);
    for (const link of this.#links) if (link.kind === kind) link.flush();
  }

  // The next call of that script whose arguments contain all words is carried out; its reply waits for release('commands').
  // Resolves when the reply is here.
  holdReply(script, ...words) {
    return this.#trap(script, words, () => this.hold('commands'));
  }

  // The same, but the command link breaks instead of the reply.
  loseReply(script, ...words) {
    return this.#trap(script, words, () => this.cut('commands'));
  }

  // The command link breaks before that call gets to Redis.
  loseCall(script, ...words) {
    return this.#trap(script, words, () => this.cut('commands'), true);
  }

  // Forgets what holdReply, loseReply and loseCall still wait for.
  disarm() {
    this.#traps = [];
  }

  // Messages with this event name no longer arrive, until hear().
  ignore(event) {
    this.#deaf.add(event);
  }

  hear() {
    this.#deaf.clear();
  }

  cut(...kinds) {
    for (const link of [...this.#links]) if (!kinds.length || kinds.includes(link.kind)) link.end();
  }

  // Breaks links of these kinds (default: both) and lets none through again until open().
  shut(...kinds) {
    for (const kind of kinds.length ? kinds : ['commands', 'events']) this.#shut.add(kind);
    this.cut(...this.#shut);
  }

  open(...kinds) {
    for (const kind of kinds.length ? kinds : ['commands', 'events']) this.#shut.delete(kind);
  }

  // The scripts called so far, or how often one of them was.
  calls(script) {
    return script === undefined ? this.#calls.length : this.#calls.filter((name) => name === script).length;
  }

  close() {
    this.server.close();
    this.cut();
  }

  #trap(script, words, spring, before = false) {
    return new Promise((done) => this.#traps.push({ script, words, before, spring: () => (spring(), done()) }));
  }

  #accept(client, redisPort) {
    const server = net.connect({ port: redisPort, host: '127.0.0.1', noDelay: true });
    client.setNoDelay();
    const link = { kind: null, asked: [], late: [] };
    link.end = () => {
      this.#links.delete(link);
      client.destroy();
      server.destroy();
    };
    link.flush = () => {
      while (link.late.length && !this.#held.has(link.kind)) client.write(link.late.shift());
    };
    this.#links.add(link);
    for (const socket of [client, server]) {
      socket.on('close', link.end);
      socket.on('error', link.end);
    }
    client.on('data', frames((command, bytes) => this.#ask(link, command) && server.write(bytes)));
    server.on('data', frames((reply, bytes) => this.#answer(link, reply, bytes)));
  }

  // false: not let through.
  #ask(link, command) {
    const word = String(command[0]).toUpperCase();
    if (word === 'CLIENT') link.kind = command[2].replace('matchgate-', '');
    if (this.#shut.has(link.kind)) {
      link.end();
      return false;
    }
    if (word === 'SCRIPT') this.#learn(command[2]);
    const name = word === 'EVALSHA' ? this.#names.get(command[1]) : undefined;
    if (name) this.#calls.push(name);
    const trap = this.#takeTrap(name, command);
    if (trap?.before) {
      trap.spring();
      return false;
    }
    link.asked.push({ trap });
    return true;
  }

  #learn(text) {
    this.#names.set(createHash('sha1').update(text).digest('hex'), text.match(NAME)?.[1]);
  }

  #takeTrap(name, command) {
    const at = this.#traps.findIndex((trap) => trap.script === name && trap.words.every((word) => command.includes(word)));
    return at < 0 ? undefined : this.#traps.splice(at, 1)[0];
  }

  #answer(link, reply, bytes) {
    if (link.kind === 'events' && Array.isArray(reply)) {
      if (reply[0] === 'message' && this.#deaf.has(eventOf(reply[2]))) return;
    } else {
      link.asked.shift()?.trap?.spring();
    }
    if (!this.#links.has(link)) return; // just cut
    link.late.push(bytes);
    link.flush();
  }
}

function eventOf(text) {
  return text.match(/"event":"([^"]*)"/)?.[1];
}

// A listener for 'data' that calls fn(value, its bytes) for each whole RESP value.
export function frames(fn) {
  let buffer = Buffer.alloc(0);
  return (chunk) => {
    buffer = buffer.length ? Buffer.concat([buffer, chunk]) : chunk;
    let at = 0;
    for (let found; (found = parse(buffer, at)); at = found.end) fn(found.value, buffer.subarray(at, found.end));
    buffer = buffer.subarray(at);
  };
}
