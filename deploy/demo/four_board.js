// The board of four in a row: draws what it is told, reports which column the player means. Knows no network and no rules.
import { COLUMNS, ROWS } from './four_rules.js';
import { $, element } from './page.js';

export class FourBoard {
  #columns = [];
  #shown = ''; // the moves on the board
  #ended = new AbortController();

  /** on: {drop(column), hover(column or null)}. */
  constructor(mySide, on) {
    for (let column = 0; column < COLUMNS; column++) {
      const button = element('button', 'column');
      button.type = 'button';
      button.append(element('span', 'discs'), element('span', 'frame'));
      button.onclick = () => on.drop(column);
      button.onpointerenter = button.onfocus = () => on.hover(column);
      button.onpointerleave = button.onblur = () => on.hover(null);
      this.#columns.push(button);
    }
    $('board').replaceChildren(...this.#columns);
    $('board').dataset.mine = mySide;
    $('board').hidden = false;
    $('board').onkeydown = ({ key }) => {
      const at = this.#columns.indexOf(document.activeElement);
      const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (step) this.#columns[(Math.max(at, 0) + step + COLUMNS) % COLUMNS].focus();
    };
    const digits = ({ key, ctrlKey, altKey, metaKey }) => {
      if (/^[1-7]$/.test(key) && !ctrlKey && !altKey && !metaKey) on.drop(Number(key) - 1);
    };
    document.addEventListener('keydown', digits, { signal: this.#ended.signal });
  }

  close() {
    this.#ended.abort();
    $('board').hidden = true;
  }

  /** game: see four_rules.replay; open: the player may drop. */
  draw(game, open) {
    if (!game.moves.startsWith(this.#shown)) this.#clear();
    const rows = Array(COLUMNS).fill(0);
    for (let i = 0; i < game.moves.length; i++) {
      const column = Number(game.moves[i]);
      if (i >= this.#shown.length) this.#disc(column, rows[column], i % 2);
      rows[column]++;
    }
    this.#shown = game.moves;
    $('board').classList.toggle('open', open);
    const winning = new Set(game.line.map(String));
    for (const [column, button] of this.#columns.entries()) {
      const free = ROWS - rows[column];
      button.setAttribute('aria-label', `Column ${column + 1}, ${free} free`);
      button.setAttribute('aria-disabled', String(!open || !free));
      for (const [row, disc] of [...button.firstChild.children].entries()) {
        disc.classList.toggle('last', String([column, row]) === String(game.last));
        disc.classList.toggle('wins', winning.has(String([column, row])));
      }
    }
  }

  #clear() {
    for (const button of this.#columns) button.firstChild.replaceChildren();
    this.#shown = '';
  }

  #disc(column, row, side) {
    const disc = element('i', `disc side-${side}`);
    disc.style.setProperty('--row', row);
    this.#columns[column].firstChild.append(disc);
  }

  /** Where the opponent points at; null = nowhere. */
  peer(column) {
    for (const [index, button] of this.#columns.entries()) button.classList.toggle('peer', index === column);
  }
}
