// A burst of requests queues in the gateway, not in Redis' sockets: so its answers are not late, and nobody takes it for an outage.
import assert from 'node:assert/strict';
import { fleetTest, waitFor } from '../lib/fleet.mjs';

fleetTest('more calls than may be under way wait for their turn, in order, and all are answered', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const gateway = await fleet.gateway({ redis: line, env: { LEASE_MS: 20000, COMMAND_TIMEOUT_MS: 10000, MESSAGES_BURST: 1000 } });
  const clients = await Promise.all([...Array(8).keys()].map((i) => fleet.client(gateway, `player${i}`)));
  const before = line.calls('leave_queue');
  line.hold('commands');
  const order = [];
  const asked = clients.flatMap((client) =>
    [...Array(100).keys()].map(async (i) => {
      const data = await client.send('leaveMatchmaking', {}, { timeoutMs: 20000 });
      order.push([client, i]);
      return data;
    }),
  );
  const waiting = async () => (await gateway.metrics()).value('matchgate_redis_waiting');
  await waitFor(async () => (await waiting()) >= 800 - 512, { what: 'the rest to wait' });
  assert.ok(line.calls('leave_queue') - before <= 512, 'under way');
  line.release('commands');
  for (const data of await Promise.all(asked)) assert.deepEqual(data, { left: false, reason: 'not_queued' });
  for (const client of clients) {
    const own = order.filter(([who]) => who === client).map(([, i]) => i);
    assert.deepEqual(own, [...own].sort((a, b) => a - b));
  }
  assert.equal(await waiting(), 0);
  assert.equal((await gateway.metrics()).value('matchgate_redis_up'), 1);
});
