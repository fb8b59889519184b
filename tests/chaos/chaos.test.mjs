// Three instances, their store, bad lines between everything, and a crowd that plays, while at random moments something breaks:
// CHAOS_SECONDS (60) in all, shared by worlds (see worlds.mjs), from CHAOS_SEED (printed; a run
// with the same seed draws the same faults). Longer ones: ./mg chaos.
import assert from 'node:assert/strict';
import { fleetTest } from '../lib/fleet.mjs';
import { playChaos, print } from './play.mjs';

const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 2 ** 32);
const PLAYERS = Number(process.env.CHAOS_PLAYERS ?? 40);
const SECONDS = Number(process.env.CHAOS_SECONDS ?? 60);

for (const [kind, share] of [['plain', 0.7], ['lossy', 0.3]]) {
  const seconds = Math.round(share * SECONDS);
  fleetTest(`${PLAYERS} players through ${seconds} s of chaos, ${kind}`, { timeout: (seconds + 240) * 1000 }, async (fleet) => {
    console.log(`seed ${SEED}`);
    const run = await playChaos(fleet, { kind, seconds, seed: SEED, players: PLAYERS });
    print(run);
    assert.deepEqual(run.violations, [], run.story);
    assert.ok(run.counts.messages > PLAYERS, 'they have played');
  });
}
