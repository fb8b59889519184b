// The look into the store: what lies there too long is found, and the time in which nobody could act is known.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fleetTest, waitFor } from '../lib/fleet.mjs';
import { Resp } from '../lib/resp.mjs';
import { Watch } from './watch.mjs';

const BEAT_MS = 500;
const LEASE_MS = 2000;

// Looks every 100 ms from 10000 on, for so long, at what `world(now)` makes of a store in which instance A beats.
function seen(ms, world, options) {
  const complaints = [];
  const watch = new Watch({ complain: (text) => complaints.push(text), beatMs: 1200, ...options });
  for (let now = 10000; now <= 10000 + ms; now += 100) {
    const beat = now - (now % BEAT_MS);
    watch.see({ now, instances: [['A', beat + LEASE_MS]], info: { A: '{"quiet":false}' }, deadlines: [], queues: [], ...world(now, beat) });
  }
  return { complaints, watch };
}

const finds = (pattern, ...args) => {
  const { complaints } = seen(...args);
  assert.equal(complaints.length, 1, JSON.stringify(complaints));
  assert.match(complaints[0], pattern);
};
const none = (...args) => assert.deepEqual(seen(...args).complaints, []);

const waiting = (player, { joined = 10000, instance = 'A', state = 'queued' } = {}) => [player, `${state}|1|2|t_${player}|${joined}||s_${player}|${instance}`];

test('able: from beat to beat of whoever is well', () => {
  const { watch } = seen(10000, () => ({}));
  assert.equal(watch.able(11000, 19000), 8000);
  assert.equal(watch.able(0, 11000), watch.able(0, 10500) + 500);
  const frozen = seen(10000, (now, beat) => ({ instances: [['A', Math.min(beat, now < 17000 ? 13000 : beat) + LEASE_MS]] })).watch;
  assert.equal(frozen.able(11000, 19000), 4000, 'from 11000 to 13000, and from 17000 on');
  const resting = seen(10000, (now) => ({ info: { A: `{"quiet":${now >= 13000 && now < 15000}}` } })).watch;
  assert.equal(resting.able(11000, 19000), 8000 - 2500, 'a beat that says quiet is no end and no beginning');
  const two = seen(10000, (now, beat) => ({
    instances: [['A', Math.min(beat, 14000) + LEASE_MS], ...(beat < 13000 ? [] : [['B', beat + LEASE_MS]])],
  })).watch;
  assert.equal(two.able(11000, 19000), 8000, 'one after the other');
});

test('I11: deadlines and tickets that are overdue while somebody could act', () => {
  none(5000, (now) => ({ deadlines: now < 14000 ? [['grace:r_1/ann:7', 13000]] : [] }));
  finds(/I11 grace:r_1\/ann:7 is overdue by \d+ ms/, 6000, () => ({ deadlines: [['grace:r_1/ann:7', 13000]] }));
  none(6000, () => ({ deadlines: [['grace:r_1/ann:7', 13000]], info: { A: '{"quiet":true}' } }));
  const queues = [['2', ...waiting('ann')]];
  none(6000, () => ({ queues }));
  finds(/I11 ticket t_ann of ann should have expired \d+ ms ago/, 6000, () => ({ queues }), { ticketTtlMs: 3000 });
  none(6000, () => ({ queues }), { ticketTtlMs: 5500 });
  const back = (now) => ({ queues: now < 15500 ? [] : queues });
  none(6000, back, { ticketTtlMs: 3000 });
});

test('I5, I6: live players who wait together, behind the dead or not', () => {
  const both = [...waiting('ann'), ...waiting('bob')];
  none(6000, (now) => ({ queues: [['2', ...(now < 13000 ? waiting('ann') : now < 13500 ? both : waiting('bob'))]] }));
  finds(/I6 2 live players wait at level 2 for \d+ ms, among 0 dead/, 5000, () => ({ queues: [['2', ...both]] }));
  const dead = [...waiting('cy', { instance: 'B' }), ...waiting('dan', { state: 'room' }), 'eve', ''];
  finds(/I5 2 live players wait at level 2 for \d+ ms, among 3 dead/, 5000, () => ({ queues: [['2', ...dead, ...both]] }));
  none(5000, () => ({ queues: [['2', ...dead, ...waiting('ann')]] }));
  none(5000, () => ({ queues: [['2', ...waiting('ann')], ['3', ...waiting('bob')]] }));
});

test('I9: what an instance left is still there 15 s after its last beat', () => {
  const gone = (until) => (now, beat) => ({
    instances: [['A', beat + LEASE_MS], ...(now < until ? [['B', Math.min(beat, 12000) + LEASE_MS]] : [])],
  });
  none(20000, gone(26000));
  finds(/I9 instance B has not beaten for 15\d\d\d ms/, 20000, gone(Infinity));
  none(20000, (now, beat) => ({ ...gone(Infinity)(now, beat), info: { A: '{"quiet":true}' } }));
});

fleetTest('a real fleet: able nearly all the time; a forged store is found while they play', async (fleet) => {
  const redis = await fleet.redis();
  await fleet.gateway({ redis, env: { HEARTBEAT_MS: 200 } });
  const complaints = [];
  const watch = new Watch({ connect: () => Resp.connect(redis.port), complain: (text) => complaints.push(text), beatMs: 1500, auditMs: 100 });
  fleet.keep({ close: () => watch.stop() });
  watch.start();
  await waitFor(() => watch.able(0, Infinity) > 1000, { what: 'beats to be seen' });
  assert.deepEqual(complaints, []);
  await redis.command('HSET', 'matches', 'r_forged', '{}');
  await waitFor(() => complaints.some((text) => /^I3 .*r_forged.* \(while they played\)/.test(text)), { what: 'the audit to find it' });
  await redis.command('ZADD', 'deadlines', 1000, 'what:is:1:this');
  await watch.stop();
  assert.match(watch.figures()[0], /looks into the store; in \d+ % of \d+ ms an instance could act/);
});
