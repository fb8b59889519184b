// Four in a row as a game at a table: turns are versions of the record, so two clicks can never both count.
import { FourBoard } from './four_board.js';
import { fourOutcome, isLegal, replay } from './four_rules.js';

export const four = {
  title: 'Four in a row',
  ends: { line: 'Four in a row.', draw: 'The board is full.' },

  /** What the record means, with `result` once it is over, and what goes into the next record. */
  read({ gameData, order }) {
    const game = replay(gameData?.moves);
    return { ...game, record: { moves: game.moves }, result: fourOutcome(game, order, gameData?.resigned) };
  },

  says({ side }, mySide, rival) {
    return side === mySide ? ['Your turn: choose a column', 'mine'] : [`${rival} is thinking …`];
  },

  start: (table) => new FourPlay(table),
};

class FourPlay {
  #table;
  #board;
  #pointing = null;

  constructor(table) {
    this.#table = table;
    this.#board = new FourBoard(table.mySide, { drop: (column) => this.#drop(column), hover: (column) => this.#hover(column) });
  }

  get #myTurn() {
    return this.#table.mayMove && this.#table.position.side === this.#table.mySide;
  }

  draw() {
    const { position, mySide } = this.#table;
    this.#board.draw(position, this.#myTurn);
    if (position.result || position.side === mySide) this.#board.peer(null);
  }

  /** The opponent's pointer, as a volatile message. */
  hear({ at }) {
    this.#board.peer(at);
  }

  close() {
    this.#board.close();
  }

  #hover(column) {
    if (this.#pointing === column) return;
    this.#pointing = column;
    this.#table.whisper({ at: column });
  }

  #drop(column) {
    const { position } = this.#table;
    if (!this.#myTurn || !isLegal(position, column)) return;
    const moves = position.moves + column;
    this.#table.change({ moves }, moves.length);
  }
}
