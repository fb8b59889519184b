// A relay as one writes it with `ws` and `ioredis`: rooms in the path, every text goes to the other members, by Redis to those elsewhere.
//
// node peer_ws.mjs PORT REDIS_PORT. LOCAL=1: nothing goes to Redis (rooms whose members all sit here).
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import { WebSocketServer } from 'ws';

const [port, redisPort] = process.argv.slice(2).map(Number);
const me = randomUUID().slice(0, 8);
const rooms = new Map(); // room -> Set of sockets

// Auto-pipelining: what one turn of the event loop publishes leaves in one write. Kinder than the default.
const publisher = new Redis(redisPort, '127.0.0.1', { enableAutoPipelining: true });
const subscriber = new Redis(redisPort, '127.0.0.1');

function deliver(room, text, sender) {
  for (const socket of rooms.get(room) ?? []) if (socket !== sender) socket.send(text);
}

// "origin room text"
subscriber.on('message', (_channel, message) => {
  if (message.startsWith(me)) return;
  const space = message.indexOf(' ', 9);
  deliver(message.slice(9, space), message.slice(space + 1));
});
await subscriber.subscribe('relay');

const server = createServer((_request, response) => response.end('ok'));
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (socket, request) => {
  const room = new URL(request.url, 'http://peer').searchParams.get('room');
  if (!rooms.has(room)) rooms.set(room, new Set());
  rooms.get(room).add(socket);
  socket.on('message', (data) => {
    const text = data.toString();
    deliver(room, text, socket);
    if (!process.env.LOCAL) publisher.publish('relay', `${me} ${room} ${text}`);
  });
  socket.on('close', () => {
    rooms.get(room)?.delete(socket);
    if (rooms.get(room)?.size === 0) rooms.delete(room);
  });
  socket.on('error', () => {});
  socket.send('ready');
});
server.listen({ port, host: '127.0.0.1', backlog: 4096 });
