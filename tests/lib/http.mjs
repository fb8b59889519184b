// One HTTP request on a connection of its own.
import http from 'node:http';

// Resolves with {status, headers, body, json()}; `json` throws when the body is not JSON.
export function request(port, path, { method = 'GET', headers = {}, body, timeoutMs = 5000 } = {}) {
  return new Promise((done, refuse) => {
    const options = { host: '127.0.0.1', port, path, method, headers, agent: false, timeout: timeoutMs };
    const req = http.request(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () =>
        done({ status: response.statusCode, headers: response.headers, body: text, json: () => JSON.parse(text) }),
      );
    });
    req.on('timeout', () => req.destroy(new Error(`${method} ${path}: no answer within ${timeoutMs} ms`)));
    req.on('error', refuse);
    if (body !== undefined) req.setHeader('content-length', Buffer.byteLength(body));
    else if (method === 'POST') req.setHeader('content-length', 0);
    req.end(body);
  });
}
