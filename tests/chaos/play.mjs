// One run of chaos: a world, a crowd, faults for a while, the calm, and what was found.
import { figures, now } from '../lib/fleet.mjs';
import { generator } from '../lib/life.mjs';
import { Crowd } from './crowd.mjs';
import { Faults } from './faults.mjs';
import { openWorld } from './worlds.mjs';

const SOCKETIO = 0.25; // of the players: they play with the others

// Resolves with {violations, faults, counts, lines, story}; lines: figures for people; story: what was done, and what the
// players concerned saw.
export async function playChaos(fleet, { kind, seconds, seed, players, only, socketio = SOCKETIO }) {
  const world = await openWorld(fleet, kind, seed);
  const { record, nodes, habits, watch } = world;
  const crowd = new Crowd({ count: players, seed, urls: () => nodes.map(({ url }) => url), habits, record, watch, socketio });
  fleet.keep({ close: async () => crowd.stop() });
  const faults = new Faults({ world, random: generator(seed), only });
  crowd.start();
  await faults.run(now() + seconds * 1000, { certain: only ? undefined : world.certain });
  const violations = [...(await crowd.end()), ...(await fleet.audit({ cli: () => world.store.connect() }, { settleMs: 15000 }))];
  const done = Object.entries(faults.counts).map(([name, n]) => `${name} ${n}`).join(', ');
  return {
    violations,
    faults: faults.counts,
    counts: record.counts,
    lines: [
      `${kind}, seed ${seed}: ${faults.journal.length} faults in ${seconds} s: ${done}`,
      ...record.figures(),
      ...crowd.watch.figures(),
      `${violations.length} violations`,
    ],
    story: [
      `${kind}, seed ${seed}`,
      ...faults.journal,
      ...record.losses.map(({ from, to }) => `what was confirmed from ${from} to ${to} may be lost`),
      ...[...record.stories].map(([name, lines]) => `${name}:\n  ${lines.join('\n  ')}`),
      ...record.roomStories(),
    ].join('\n'),
  };
}

export function print({ lines }) {
  for (const line of lines) figures(line);
}
