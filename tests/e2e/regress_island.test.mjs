// Faults once found in playing on without Redis, each as the moves that led there.
import assert from 'node:assert/strict';
import { fleetTest, waitFor } from '../lib/fleet.mjs';
import { Returning, pair } from '../lib/returning.mjs';

const QUICK = { LEASE_MS: 1500, HEARTBEAT_MS: 300, SWEEP_MS: 300, TIMER_POLL_MS: 50, GRACE_MS: 60000 };
const isUp = (gateway) => async () => (await gateway.get('/health')).status === 200;
const island = async (gateway) => (await gateway.metrics()).value('matchgate_island');
const outcomes = async (gateway, outcome) => (await gateway.metrics()).value('matchgate_island_rooms_total', { outcome }) ?? 0;
const clean = async (fleet, redis) => assert.deepEqual(await fleet.audit(redis, { settleMs: 10000 }), []);
const adopted = (gateway) => waitFor(async () => (await outcomes(gateway, 'adopted')) === 1, { what: 'the room to be adopted', timeoutMs: 20000 });

async function home(gateway) {
  await waitFor(isUp(gateway), { what: 'the gateway to be well again', timeoutMs: 20000 });
  await waitFor(async () => (await island(gateway)) === 0, { what: 'the island to be left', timeoutMs: 20000 });
}

fleetTest('a connection that was replaced on the island ends when there is no island any more', async (fleet) => {
  const redis = await fleet.redis();
  const line = await fleet.faultProxy(redis);
  const gateway = await fleet.gateway({ redis: line, env: { ...QUICK, LEASE_MS: 60000 } });
  const [ann, bob] = [await Returning.open(fleet, gateway, 'ann'), await Returning.open(fleet, gateway, 'bob')];
  const room = await pair(ann, bob);
  line.shut();
  await adopted(gateway);
  const old = bob.client;
  old.pause(); // does not answer the Close frame
  await bob.back(gateway, { drop: false });
  line.open();
  await home(gateway);
  await gateway.proc.sees(/session\.closed player=bob .*code=4005/, { timeoutMs: 20000 });
  await bob.say(room, 'here');
  await ann.client.next('gameMessage');
  const swept = await gateway.metrics(); // the periodic work goes on
  assert.equal(swept.value('matchgate_sessions'), 2);
  await clean(fleet, redis);
});
