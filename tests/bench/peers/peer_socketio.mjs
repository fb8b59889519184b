// The same relay with Socket.IO and its Redis adapter.
//
// node peer_socketio.mjs PORT REDIS_PORT. LOCAL=1: messages are flagged local and skip the adapter.
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';

const [port, redisPort] = process.argv.slice(2).map(Number);
const publisher = new Redis(redisPort, '127.0.0.1', { enableAutoPipelining: true });
const subscriber = new Redis(redisPort, '127.0.0.1');

const server = createServer((_request, response) => response.end('ok'));
const io = new Server(server, {
  adapter: createAdapter(publisher, subscriber),
  transports: ['websocket'],
  serveClient: false,
  perMessageDeflate: false,
});
io.on('connection', (socket) => {
  let room;
  socket.on('join', (name) => {
    room = name;
    socket.join(room);
    socket.emit('joined');
  });
  socket.on('m', (text) => (process.env.LOCAL ? socket.local : socket).to(room).emit('m', text));
});
server.listen({ port, host: '127.0.0.1', backlog: 4096 });
