// What two programs that share nothing but a room's id and two names agree on without asking each other.

/** A number from a text: the same everywhere, and spread evenly enough for games. */
export function hash(text) {
  let h = 2166136261;
  for (const c of text) h = Math.imul(h ^ c.codePointAt(0), 16777619);
  return (h ^ (h >>> 15)) >>> 0;
}

/** The players by their side, 0 and 1: the same for both, whoever asks, and fair from room to room. */
export function playOrder(roomId, ids) {
  const order = [...ids].sort();
  return hash(roomId) % 2 ? order.reverse() : order;
}

// Only players of one level are matched, and a level is all that a ticket says. So the level also says what is played:
// 1-9 the first game, 11-19 the second; from 102 on, where rematches meet, even and odd.
export const levelOf = (game, choice) => 10 * game + choice;
export const gameAtLevel = (level) => (level < 100 ? Math.floor(level / 10) : level) % 2;

/** A level that only these two are likely to know: where they meet again after the room has gone. */
export const rematchLevel = (roomId, game) => 102 + 2 * (hash(roomId) % 449) + game;
