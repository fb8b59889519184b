// The same relay with Bun: its own WebSocket server (uWebSockets) with topics, and its own Redis client.
//
// bun peer_bun.mjs PORT REDIS_PORT. LOCAL=1: nothing goes to Redis.
import { RedisClient } from 'bun';

const [port, redisPort] = process.argv.slice(2).map(Number);
const me = crypto.randomUUID().slice(0, 8);
const local = Boolean(process.env.LOCAL);

const publisher = new RedisClient(`redis://127.0.0.1:${redisPort}`);
const subscriber = new RedisClient(`redis://127.0.0.1:${redisPort}`);
await publisher.connect();
await subscriber.connect();

const server = Bun.serve({
  port,
  hostname: '127.0.0.1',
  fetch(request, server) {
    const room = new URL(request.url).searchParams.get('room');
    if (room !== null && server.upgrade(request, { data: { room } })) return undefined;
    return new Response('ok');
  },
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      socket.subscribe(socket.data.room);
      socket.send('ready');
    },
    message(socket, text) {
      socket.publish(socket.data.room, text);
      if (!local) publisher.publish('relay', `${me} ${socket.data.room} ${text}`);
    },
  },
});

// "origin room text"
await subscriber.subscribe('relay', (message) => {
  if (message.startsWith(me)) return;
  const space = message.indexOf(' ', 9);
  server.publish(message.slice(9, space), message.slice(space + 1));
});
