// Every text goes back as it came, by Bun's WebSocket server (uWebSockets): the least that an answer costs there.
//
// bun peer_echo.mjs PORT. It greets as matchgate does, so that the tool knows that it may begin.
const [port] = process.argv.slice(2).map(Number);

Bun.serve({
  port,
  hostname: '127.0.0.1',
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response('ok')),
  websocket: {
    perMessageDeflate: false,
    open: (socket) => socket.send('{"event":"welcome","data":{}}'),
    message: (socket, text) => socket.send(text),
  },
});
