// A gateway that is full, and an address that has too many connections: told so in a way that a page in a browser can read.
import assert from 'node:assert/strict';
import { fleetTest, waitFor } from '../lib/fleet.mjs';
import { connect } from '../lib/sdk.mjs';

for (const [what, setting, reason] of [
  ['a full gateway', 'MAX_CONNECTIONS', 'capacity'],
  ['too many connections from one address', 'MAX_CONNECTIONS_PER_ADDRESS', 'address'],
])
  fleetTest(`${what}: goodbye and 4100, and in as soon as there is room`, async (fleet, t) => {
    const gateway = await fleet.gateway({ env: { [setting]: 1 } });
    const ann = await fleet.client(gateway, 'ann');
    const refused = await fleet.client(gateway, { playerId: 'bob', wait: false });
    const { data } = await refused.next('goodbye');
    const { reason: sentence, ...rest } = data;
    assert.deepEqual(rest, { code: 4100, reconnect: true, delayMs: 0, resume: true });
    assert.match(sentence, /full/);
    assert.equal((await refused.closed).code, 4100);
    assert.deepEqual(refused.pushes.map(({ event }) => event), ['goodbye']);
    const metrics = await gateway.metrics();
    assert.equal(metrics.value('matchgate_handshakes_refused_total', { reason }), 1);
    assert.equal(metrics.value('matchgate_connections_closed_total', { code: '4100' }), 1);
    assert.equal(metrics.value('matchgate_sessions'), 1);

    const bob = connect(t, `ws://127.0.0.1:${gateway.port}`, { playerId: 'bob' });
    const { code, delayMs } = await bob.once('reconnecting');
    assert.equal(code, 4100);
    assert.ok(delayMs >= 0);
    await ann.send('ping');
    assert.equal(ann.close, null);
    await ann.bye();
    await bob.ready;
    assert.equal(bob.status, 'connected');
    await waitFor(async () => (await gateway.metrics()).value('matchgate_connections') === 1, { what: 'the refused ones to be gone' });
  });
