// How many play and wait in the whole fleet, from the figures a gateway shows everybody: GET /health/stats.
import { levelOf } from './fair.js';

const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

const seconds = (ms) => (ms < 60000 ? `${Math.max(1, Math.round(ms / 1000))} s` : `${Math.round(ms / 60000)} min`);

/** Resolves with {sentence, waiting(game, level), outlook(game, level)}, or with null when there is nothing to be told. */
export async function fleetCounts() {
  try {
    const answer = await fetch('/health/stats', { signal: AbortSignal.timeout(2000) });
    if (!answer.ok) return null;
    const { onlinePlayers, waiting, matches, queues, estimates, fleet } = await answer.json();
    const gateways = (fleet ?? []).filter(({ live }) => live).length;
    const parts = [`${plural(onlinePlayers, 'player')} online`, `${waiting} waiting`, plural(matches, 'game')];
    if (gateways) parts.push(plural(gateways, 'gateway'));
    const lengths = new Map((queues ?? []).map(({ level, length }) => [level, length]));
    const waits = new Map((estimates ?? []).map(({ level, estimatedTimeMs }) => [level, estimatedTimeMs]));
    const waitingAt = (game, level) => lengths.get(levelOf(game, level)) ?? 0;
    const outlook = (game, level) => {
      const ms = waits.get(levelOf(game, level));
      if (waitingAt(game, level)) return 'Somebody waits at this level: you play at once.';
      return ms === undefined ? null : `Players of this level have waited about ${seconds(ms)} of late.`;
    };
    return { sentence: parts.join('\u00a0· '), waiting: waitingAt, outlook };
  } catch {
    return null; // nothing that a player needs
  }
}
