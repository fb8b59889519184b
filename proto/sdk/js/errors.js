// What a refused, lost or impossible request rejects with: `code` is the contract, `message` is for people. README.md lists
// the codes that this client adds to the server's.
export class GatewayError extends Error {
  constructor({ code = 'INTERNAL', message = code, retryable = false, ...more } = {}) {
    super(message);
    this.name = 'GatewayError';
    Object.assign(this, more, { code, retryable });
  }
}

export const fail = (code, message, retryable = false) => new GatewayError({ code, message, retryable });
