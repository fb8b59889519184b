// The client library for tests: with the `ws` package (Node.js has no WebSocket of its own before 22), short pauses, and
// an end with the test.
import nodeTest from 'node:test';
import WebSocket from 'ws';
import { connect as connectTo } from '../../proto/sdk/js/index.js';

export { GatewayError } from '../../proto/sdk/js/index.js';

// node:test's test with a deadline: what never happens fails one test and not the whole run.
export const test = (name, fn) => nodeTest(name, { timeout: 20000 }, fn);

export function connect(t, url, options = {}) {
  const sockets = [];
  class Recorded extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
    }
  }
  const client = connectTo(url, { WebSocket: Recorded, backoff: { baseMs: 10, maxMs: 40 }, timeoutMs: 5000, ...options });
  client.history = []; // [event, data] of what concerns the line
  client.cut = () => sockets.at(-1).terminate();
  for (const event of ['connected', 'disconnected', 'reconnecting'])
    client.on(event, (data) => client.history.push([event, data]));
  t.after(() => client.close());
  return client;
}

// The code with which a promise rejects; throws if it does not.
export async function codeOf(promise) {
  try {
    await promise;
  } catch (error) {
    if (error.name !== 'GatewayError') throw error;
    return error.code;
  }
  throw new Error('it was expected to be refused');
}
