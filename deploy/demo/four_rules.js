// Four in a row, without screen and without network: what the shared record means. Everybody computes the same from it.
//
// The record is `gameData`: {"moves":"3342","resigned":"bob"}, a digit per move (the column), the players taking turns. It comes from
// other players' programs, so nothing in it is believed: reading stops at the first move that is not legal.

export const COLUMNS = 7;
export const ROWS = 6;
const IN_A_ROW = 4;
const DIRECTIONS = [
  [1, 0],
  [0, 1],
  [1, 1],
  [1, -1],
];

/** The four or more cells in a row through `cell`, or none. */
function lineThrough(grid, [column, row]) {
  const side = grid[column][row];
  for (const [dc, dr] of DIRECTIONS) {
    const line = [[column, row]];
    for (const sign of [1, -1])
      for (let n = 1; grid[column + sign * n * dc]?.[row + sign * n * dr] === side; n++)
        line.push([column + sign * n * dc, row + sign * n * dr]);
    if (line.length >= IN_A_ROW) return line;
  }
  return [];
}

/** The game after these moves: {moves (the legal ones), grid[column][row] of 0 and 1 from below, side (whose turn), last, line,
 *  winner (0, 1 or null), full}. */
export function replay(moves) {
  const grid = Array.from({ length: COLUMNS }, () => []);
  const game = { moves: '', grid, side: 0, last: null, line: [], winner: null, full: false };
  for (const digit of typeof moves === 'string' ? moves : '') {
    if (!isLegal(game, digit)) break;
    grid[digit].push(game.side);
    game.moves += digit;
    game.last = [Number(digit), grid[digit].length - 1];
    game.line = lineThrough(grid, game.last);
    if (game.line.length) game.winner = game.side;
    game.full = game.moves.length === COLUMNS * ROWS;
    game.side = 1 - game.side;
  }
  return game;
}

export function isLegal(game, column) {
  return game.winner === null && /^[0-6]$/.test(column) && game.grid[column].length < ROWS;
}

/** null while the game goes on; else what all players report, to the byte: {winner (a player id or null), by, moves}. */
export function fourOutcome(game, order, resigned) {
  const { moves } = game;
  if (game.winner !== null) return { winner: order[game.winner], by: 'line', moves };
  if (game.full) return { winner: null, by: 'draw', moves };
  if (order.includes(resigned)) return { winner: order.find((id) => id !== resigned), by: 'resignation', moves };
  return null;
}
