// A line that can be cut in the middle of anything, and that leads to another gateway each time: a bare TCP relay.
//
//   const line = await Hopper.open(t, gateways);       // ends with the test
//   const client = connect(t, line.url, ...);
//   line.cut();                                        // no Close frame, whatever was under way is lost
//   line.freeze();                                     // nothing gets through any more, and neither side is told
import net from 'node:net';

export class Hopper {
  #next = 0;
  #pairs = new Set();
  connections = 0;

  static async open(t, gateways, { first = 0 } = {}) {
    const hopper = new Hopper();
    hopper.#next = first;
    hopper.server = net.createServer((client) => hopper.#accept(client, gateways));
    await new Promise((done) => hopper.server.listen(0, '127.0.0.1', done));
    hopper.url = `ws://127.0.0.1:${hopper.server.address().port}`;
    t.after(() => hopper.close());
    return hopper;
  }

  #accept(client, gateways) {
    const { port } = gateways[this.#next++ % gateways.length];
    this.connections++;
    const server = net.connect({ port, host: '127.0.0.1', noDelay: true });
    client.setNoDelay();
    const pair = [client, server];
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on('close', end).on('error', end);
    client.on('data', (bytes) => server.write(bytes));
    server.on('data', (bytes) => client.write(bytes));
  }

  cut() {
    for (const pair of [...this.#pairs]) for (const socket of pair) socket.destroy();
  }

  // The connections there are; later ones are as ever.
  freeze() {
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  close() {
    this.server.close();
    this.cut();
  }
}
