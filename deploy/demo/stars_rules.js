// Star catcher, without screen and without network: two dots on one field, one star at a time, and who is there first has it.
//
// The record is `gameData`: {"taken":"0110","resigned":"bob"}, for each star taken the side that took it. Where the next star lies
// follows from the room's id and its number, so nobody needs to say it. Where the dots are is in no record: that is told
// twenty times a second by volatile messages, and a lost one does not matter.
import { hash } from './fair.js';

export const FIELD = { width: 120, height: 90 };
export const STARS_TO_WIN = 5;
export const REACH = 7; // how near is there
const SPEED = 0.055; // per millisecond
const MARGIN = 10;
const FAR = 40; // from one star to the next, at least

const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
const between = (low, value, high) => Math.min(high, Math.max(low, value));

export const startOf = (side) => ({ x: side ? FIELD.width - 15 : 15, y: FIELD.height / 2 });
export const isThere = (dot, star) => distance(dot, star) <= REACH;

/** Star `number` of a room. The first lies on the middle line, as far from the one as from the other. */
export function starAt(roomId, number) {
  const somewhere = (attempt) => {
    const chance = hash(`${roomId} ${number} ${attempt}`);
    const x = number === 0 ? FIELD.width / 2 : MARGIN + (chance % (FIELD.width - 2 * MARGIN));
    return { x, y: MARGIN + ((chance >>> 12) % (FIELD.height - 2 * MARGIN)) };
  };
  if (number === 0) return somewhere(0);
  const last = starAt(roomId, number - 1);
  let attempt = 0;
  while (distance(somewhere(attempt), last) < FAR) attempt++;
  return somewhere(attempt);
}

/** Where a dot is after `ms`: towards `target` (a point), or the way that `keys` {x, y} of -1, 0, 1 say; it stays inside. */
export function moved(dot, { target, keys }, ms) {
  const way = keys ?? (target && { x: target.x - dot.x, y: target.y - dot.y });
  const length = way && Math.hypot(way.x, way.y);
  if (!length) return dot;
  const far = keys ? SPEED * ms : Math.min(length, SPEED * ms);
  return {
    x: between(0, dot.x + (way.x / length) * far, FIELD.width),
    y: between(0, dot.y + (way.y / length) * far, FIELD.height),
  };
}

/** A point from another player's message, or null: nothing in it is believed. */
export function pointFrom(at) {
  if (!Array.isArray(at) || !at.every(Number.isFinite) || at.length !== 2) return null;
  return { x: between(0, at[0], FIELD.width), y: between(0, at[1], FIELD.height) };
}

/** The game after these stars: {taken (those that count), scores: [n, n], winner (0, 1 or null)}. */
export function tally(taken) {
  const game = { taken: '', scores: [0, 0], winner: null };
  for (const side of typeof taken === 'string' ? taken : '') {
    if (game.winner !== null || !/[01]/.test(side)) break;
    game.taken += side;
    if (++game.scores[side] === STARS_TO_WIN) game.winner = Number(side);
  }
  return game;
}

/** null while the game goes on; else what both players report, to the byte. */
export function starsOutcome({ winner, taken }, order, resigned) {
  if (winner !== null) return { winner: order[winner], by: 'stars', taken };
  if (order.includes(resigned)) return { winner: order.find((id) => id !== resigned), by: 'resignation', taken };
  return null;
}
