// matchgate's client for browsers and Node.js. README.md tells how to use it, index.d.ts what there is.
import { Client } from './client.js';

/** Starts connecting and returns the client at once; `await client.ready` waits for the first welcome. */
export function connect(url, options = {}) {
  return new Client(url, options);
}

export { GatewayError } from './errors.js';
