// The page's elements: shows what it is told and reports what the player does. Knows no network and no rules.
//
// Names and texts of other players reach the page as text content only, never as markup.
import { COLUMNS, ROWS } from './rules.js';

export const PHRASES = ['Hello!', 'Nice move', 'Hmm …', 'Oops', 'Good game'];
const LOG_MAX = 60;

const $ = (id) => document.getElementById(id);

function element(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

function set(id, text) {
  const e = $(id);
  if (e.textContent !== String(text)) e.textContent = text;
}

const clock = (ms) => `${Math.floor(ms / 60000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, '0')}`;

/** "81-1731000000123456789" is the gateway with process id 81. */
export const gatewayName = (instanceId) => `gateway ${String(instanceId).split('-')[0]}`;

export class View {
  #columns = [];
  #shown = ''; // the moves on the board
  #bubbles = new Map();

  /** on: {find(level), cancel(), drop(column), hover(column or null), say(index), leave(), rematch(), again()}. */
  constructor(on, { level }) {
    this.#makeLevels(level);
    this.#makeBoard(on);
    for (const [index, phrase] of PHRASES.entries()) {
      const button = element('button', 'small', phrase);
      button.type = 'button';
      button.onclick = () => on.say(index);
      $('says').append(button);
    }
    $('lobby').onsubmit = (event) => {
      event.preventDefault();
      on.find(Number(new FormData($('lobby')).get('level')));
    };
    for (const id of ['cancel', 'leave', 'rematch', 'again']) $(id).onclick = () => on[id]();
    if (matchMedia('(max-width: 900px)').matches) $('wire-card').open = false;
  }

  #makeLevels(chosen) {
    const levels = [1, 2, 3, 4, 5];
    if (!levels.includes(chosen)) levels.push(chosen);
    for (const level of levels) {
      const label = element('label');
      const input = element('input');
      Object.assign(input, { type: 'radio', name: 'level', value: level, checked: level === chosen });
      label.append(input, element('span', '', level));
      $('levels').append(label);
    }
  }

  #makeBoard(on) {
    for (let column = 0; column < COLUMNS; column++) {
      const button = element('button', 'column');
      button.type = 'button';
      button.append(element('span', 'discs'), element('span', 'frame'));
      button.onclick = () => on.drop(column);
      button.onpointerenter = button.onfocus = () => on.hover(column);
      button.onpointerleave = button.onblur = () => on.hover(null);
      this.#columns.push(button);
    }
    $('board').append(...this.#columns);
    $('board').onkeydown = ({ key }) => {
      const at = this.#columns.indexOf(document.activeElement);
      const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (step) this.#columns[(Math.max(at, 0) + step + COLUMNS) % COLUMNS].focus();
    };
    document.addEventListener('keydown', ({ key, ctrlKey, altKey, metaKey }) => {
      if (/^[1-7]$/.test(key) && !ctrlKey && !altKey && !metaKey && !$('game').hidden) on.drop(Number(key) - 1);
    });
  }

  /** One of lobby, queue, game. */
  panel(name) {
    for (const panel of document.querySelectorAll('.panel')) panel.hidden = panel.dataset.panel !== name;
    document.body.dataset.panel = name;
  }

  title(text) {
    document.title = text ? `${text} – Four in a row` : 'Four in a row';
  }

  /** status: connecting, connected, reconnecting, closed. */
  connection(status, text, more = '') {
    $('pill').dataset.status = status;
    set('pill-text', text);
    set('pill-more', more);
    document.body.dataset.line = status;
    $('find').disabled = status === 'closed';
  }

  /** A message above everything, with at most one way out; null takes it away. */
  notice(text, action, run) {
    $('notice').hidden = text === null;
    if (text === null) return;
    set('notice-text', text);
    $('notice-action').hidden = !action;
    set('notice-action', action ?? '');
    $('notice-action').onclick = run ?? null;
  }

  me(playerId) {
    set('lobby-me', playerId);
  }

  queue({ title, elapsedMs, position, playersAmount, estimatedTimeMs }) {
    set('queue-title', title);
    set('queue-elapsed', clock(elapsedMs));
    set('queue-position', position ?? '–');
    set('queue-amount', playersAmount ?? '–');
    set('queue-estimate', estimatedTimeMs == null ? '–' : `${Math.max(1, Math.round(estimatedTimeMs / 1000))} s`);
  }

  /** seats: [{name, mine, where, away, turn, won}, ...] in the order of play. */
  seats(seats) {
    for (const [side, seat] of seats.entries()) {
      const e = $(`seat-${side}`);
      e.querySelector('.name').textContent = seat.mine ? 'You' : seat.name;
      e.querySelector('.name').title = seat.name;
      e.querySelector('.where').textContent = seat.where;
      for (const flag of ['mine', 'away', 'turn', 'won']) e.classList.toggle(flag, Boolean(seat[flag]));
    }
  }

  score(text) {
    set('score', text);
  }

  status(text, tone = '') {
    set('status', text);
    $('status').dataset.tone = tone;
  }

  /** game: see rules.replay; mySide may drop if `open`. */
  board(game, mySide, open) {
    if (!game.moves.startsWith(this.#shown)) this.#clear();
    const rows = Array(COLUMNS).fill(0);
    for (let i = 0; i < game.moves.length; i++) {
      const column = Number(game.moves[i]);
      if (i >= this.#shown.length) this.#disc(column, rows[column], i % 2);
      rows[column]++;
    }
    this.#shown = game.moves;
    $('board').dataset.mine = mySide;
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

  /** A phrase over a seat, for a while. */
  bubble(side, text) {
    this.#bubbles.get(side)?.remove();
    const bubble = element('span', 'bubble', text);
    this.#bubbles.set(side, bubble);
    $(`seat-${side}`).append(bubble);
    setTimeout(() => bubble.remove(), 3500);
  }

  /** null hides it; else {title, text, tone, rematch, mayRematch, mayPlayOn}, and the board's buttons give way. */
  result(result) {
    $('result').hidden = !result;
    $('under').hidden = Boolean(result);
    if (!result) return;
    set('result-title', result.title);
    set('result-text', result.text);
    $('result').dataset.tone = result.tone;
    $('rematch').hidden = !result.rematch;
    $('rematch').disabled = !result.mayRematch;
    $('again').disabled = !result.mayPlayOn;
  }

  info(facts) {
    for (const [name, text] of Object.entries(facts)) set(`info-${name}`, text ?? '–');
  }

  log(event, more = '', kind = '') {
    const item = element('li', kind);
    const time = new Date().toTimeString().slice(0, 8);
    item.append(element('time', '', time), element('b', '', event), element('span', '', more));
    $('log').prepend(item);
    while ($('log').children.length > LOG_MAX) $('log').lastChild.remove();
  }
}
