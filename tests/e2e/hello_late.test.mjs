// The time for `hello` is the client's, not the gateway's: whoever has said it is never closed with 4004, however late it is read or
// answered. That code tells a client not to come back.
import assert from 'node:assert/strict';
import { fleetTest, now, waitFor } from '../lib/fleet.mjs';

const CLIENTS = 20;

// So many open lines on which nothing was said yet, and one on which nothing will be; `opened` is called for each as it opens.
async function lines(fleet, gateway, opened = () => {}) {
  const open = async (_, i) => {
    const client = await fleet.client(gateway, { hello: true });
    client.name = `p${i}`;
    opened(client);
    return client;
  };
  const [silent, ...clients] = await Promise.all([fleet.client(gateway, { hello: true }), ...Array.from({ length: CLIENTS }, open)]);
  return { clients, silent };
}

const say = (client) => client.tell('hello', { playerId: client.name });

async function welcomed({ clients, silent }) {
  await Promise.all(clients.map((client) => client.next('welcome', { timeoutMs: 30000 })));
  assert.equal((await silent.closed).code, 4004);
  await Promise.all(clients.map((client) => client.send('ping', {})));
}

const passed = (ms, since = now()) => waitFor(() => now() - since >= ms, { what: `${ms} ms to pass`, timeoutMs: ms + 10000 });

fleetTest('hello was read, and the store takes its time: everybody is welcomed', async (fleet) => {
  const redis = await fleet.redis();
  const gateway = await fleet.gateway({ redis, env: { HELLO_MS: 300 } });
  await redis.command('CLIENT', 'PAUSE', 1000);
  const all = await lines(fleet, gateway, say);
  await fleet.client(gateway, 'ann'); // with her name in the address
  await welcomed(all);
});

// The second one is long enough for the gateway to notice that it stood still.
for (const ms of [1200, 3000])
  fleetTest(`the gateway stands still for ${ms} ms, longer than the time for hello: who has said it meanwhile is welcomed`, async (fleet) => {
    const redis = await fleet.redis();
    const gateway = await fleet.gateway({ redis, env: { HELLO_MS: 1000, PONG_WAIT_MS: 1000 } });
    const all = await lines(fleet, gateway);
    gateway.proc.stop();
    for (const client of all.clients) say(client);
    await passed(ms);
    gateway.proc.cont();
    await welcomed(all);
  });
