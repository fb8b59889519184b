// A sentinel as one instance sees it: it names the instance's own (bad) lines to the servers in place of the servers.
//
//   const door = await SentinelDoor.open(sentinelPort, new Map([[6379, wire.port], [6380, other.port]]));
import net from 'node:net';
import { frames } from '../lib/fault_proxy.mjs';

export class SentinelDoor {
  #sockets = new Set();

  static async open(sentinelPort, lines) {
    const door = new SentinelDoor();
    door.server = net.createServer((near) => door.#accept(near, sentinelPort, lines));
    await new Promise((done) => door.server.listen(0, '127.0.0.1', done));
    door.port = door.server.address().port;
    return door;
  }

  #accept(near, sentinelPort, lines) {
    const far = net.connect({ port: sentinelPort, host: '127.0.0.1', noDelay: true });
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (chunk) => far.write(chunk));
    far.on('data', frames((reply, bytes) => near.write(translated(reply, lines) ?? bytes)));
  }

  async close() {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

// The answer to get-master-addr-by-name, or undefined for any other.
function translated(reply, lines) {
  if (!Array.isArray(reply) || reply.length !== 2 || !lines.has(Number(reply[1]))) return undefined;
  const port = String(lines.get(Number(reply[1])));
  return `*2\r\n$9\r\n127.0.0.1\r\n$${port.length}\r\n${port}\r\n`;
}
