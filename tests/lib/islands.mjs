// What tests of playing on without Redis share: small timings, what a gateway says of its island, the way there and home.
import assert from 'node:assert/strict';
import { waitFor } from './wait.mjs';

export const QUICK = { LEASE_MS: 1500, HEARTBEAT_MS: 300, SWEEP_MS: 300, TIMER_POLL_MS: 50, GRACE_MS: 60000 };
export const LONG_LEASE = { ...QUICK, LEASE_MS: 60000 };

const LONG = { timeoutMs: 30000 };
export const isUp = (gateway) => async () => (await gateway.get('/health')).status === 200;
export const island = async (gateway) => (await gateway.metrics()).value('matchgate_island');
export const outcomes = async (gateway, outcome) => (await gateway.metrics()).value('matchgate_island_rooms_total', { outcome }) ?? 0;
export const clean = async (fleet, redis, options) => assert.deepEqual(await fleet.audit(redis, { settleMs: 10000, ...options }), []);

export const began = (gateway) => waitFor(async () => (await island(gateway)) === 1, { what: 'the island to begin', ...LONG });
export const adopted = (gateway, count = 1) =>
  waitFor(async () => (await outcomes(gateway, 'adopted')) === count, { what: `${count} rooms to be adopted`, ...LONG });
export const opened = (gateway) => gateway.proc.sees(/island\.open/, LONG);

export async function home(gateway) {
  await waitFor(isUp(gateway), { what: 'the gateway to be well again', ...LONG });
  await waitFor(async () => (await island(gateway)) === 0, { what: 'the island to be left', ...LONG });
}

// The error's code, or null.
export const codeOf = async (request) => (await request).error?.code ?? null;
