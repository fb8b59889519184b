// How many play and wait in the whole fleet, from the figures a gateway shows everybody: GET /health/stats.
import { levelOf } from './fair.js';

const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** Resolves with {sentence, waiting(game, level)}, or with null when there is nothing to be told. */
export async function fleetCounts() {
  try {
    const answer = await fetch('/health/stats', { signal: AbortSignal.timeout(2000) });
    if (!answer.ok) return null;
    const { onlinePlayers, waiting, matches, queues, fleet } = await answer.json();
    const gateways = (fleet ?? []).filter(({ live }) => live).length;
    const parts = [`${plural(onlinePlayers, 'player')} online`, `${waiting} waiting`, plural(matches, 'game')];
    if (gateways) parts.push(plural(gateways, 'gateway'));
    const lengths = new Map((queues ?? []).map(({ level, length }) => [level, length]));
    return { sentence: parts.join(' · '), waiting: (game, level) => lengths.get(levelOf(game, level)) ?? 0 };
  } catch {
    return null; // nothing that a player needs
  }
}
