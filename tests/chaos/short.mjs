// A short run of chaos as a test: CHAOS_SECONDS (60) over all worlds (see worlds.mjs), of which this one has its share, from
// CHAOS_SEED (printed; a run with the same seed draws the same faults). Longer ones: ./mg chaos.
import assert from 'node:assert/strict';
import { fleetTest } from '../lib/fleet.mjs';
import { playChaos, print } from './play.mjs';

const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 2 ** 32);
const PLAYERS = Number(process.env.CHAOS_PLAYERS ?? 40);
const SECONDS = Number(process.env.CHAOS_SECONDS ?? 60);

export function shortRun(kind, share) {
  const seconds = Math.round(share * SECONDS);
  fleetTest(`${PLAYERS} players through ${seconds} s of chaos, ${kind}`, { timeout: (seconds + 240) * 1000 }, async (fleet) => {
    console.log(`seed ${SEED}`);
    const run = await playChaos(fleet, { kind, seconds, seed: SEED, players: PLAYERS });
    print(run);
    assert.deepEqual(run.violations, [], run.story);
    assert.ok(run.counts.messages > PLAYERS, 'they have played');
  });
}
