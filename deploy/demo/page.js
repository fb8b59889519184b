// The page's elements, but for the boards and the panel: shows what it is told and reports what the player does. Knows
// no network and no rules.
//
// Names and texts of other players reach the page as text content only, never as markup.
export const PHRASES = ['Hello!', 'Nice move', 'Hmm …', 'Oops', 'Good game'];
const BUBBLE_MS = 3500;
const TITLE = 'matchgate demo';

export const $ = (id) => document.getElementById(id);

export function element(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

export function setText(id, text) {
  const e = $(id);
  if (e.textContent !== String(text)) e.textContent = text;
}

/** "81-1731000000123456789" is the gateway with process id 81. */
export const gatewayName = (instanceId) => `gateway ${String(instanceId).split('-')[0]}`;

const minutes = (ms) => `${Math.floor(ms / 60000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, '0')}`;

function radio(name, value, checked, ...content) {
  const label = element('label');
  const input = element('input');
  Object.assign(input, { type: 'radio', name, value, checked });
  label.append(input, ...content);
  return label;
}

export class Page {
  #bubbles = new Map();

  /** on: {find({game, level}), chosen(), cancel(), say(index), leave(), rematch(), again()}; levels to choose from; the first choice. */
  constructor(on, levels, { game, level }) {
    for (const one of levels) $('levels').append(radio('level', one, one === level, element('span', '', one)));
    for (const input of document.querySelectorAll('input[name=game]')) input.checked = Number(input.value) === game;
    for (const [index, phrase] of PHRASES.entries()) {
      const button = element('button', 'small', phrase);
      button.type = 'button';
      button.onclick = () => on.say(index);
      $('says').append(button);
    }
    $('lobby').onsubmit = (event) => {
      event.preventDefault();
      on.find(this.choice);
    };
    $('lobby').onchange = () => on.chosen();
    for (const id of ['cancel', 'leave', 'rematch', 'again']) $(id).onclick = () => on[id]();
  }

  /** What is chosen in the lobby: {game, level}. */
  get choice() {
    const form = new FormData($('lobby'));
    return { game: Number(form.get('game')), level: Number(form.get('level')) };
  }

  get shown() {
    return document.body.dataset.panel;
  }

  /** One of lobby, queue, game. */
  show(panel) {
    const focused = document.activeElement;
    for (const one of document.querySelectorAll('.panel')) one.hidden = one.dataset.panel !== panel;
    if (this.shown !== panel) scrollTo(0, 0);
    if (focused?.closest('[hidden]')) $(panel).focus({ preventScroll: true }); // a keyboard goes on from there
    document.body.dataset.panel = panel;
  }

  title(text) {
    document.title = text ? `${text} – ${TITLE}` : TITLE;
  }

  /** status: connecting, connected, reconnecting, closed. */
  connection(status, text, more = '') {
    $('pill').dataset.status = status;
    setText('pill-text', text);
    setText('pill-more', more);
    document.body.dataset.line = status;
    $('find').disabled = status === 'closed';
  }

  /** A message above everything, with at most one way out; null takes it away. */
  notice(text, action, run) {
    $('notice').hidden = text === null;
    if (text === null) return;
    setText('notice-text', text);
    $('notice-action').hidden = !action;
    setText('notice-action', action ?? '');
    $('notice-action').onclick = run ?? null;
  }

  me(playerId) {
    setText('lobby-me', playerId);
  }

  /** The fleet as its figures tell: a sentence, how many wait at each level, and a sentence about the chosen one; null = not known. */
  counts(sentence, waiting, outlook) {
    for (const [id, text] of [['counts', sentence], ['outlook', outlook]]) {
      $(id).hidden = text === null;
      setText(id, text ?? '');
    }
    for (const input of document.querySelectorAll('input[name=level]')) {
      const count = waiting?.(Number(input.value)) ?? 0;
      input.parentElement.classList.toggle('awaited', count > 0);
      input.setAttribute('aria-label', count ? `${input.value}, ${count} waiting` : input.value);
    }
  }

  queue({ title, elapsedMs, position, playersAmount, estimatedTimeMs }) {
    setText('queue-title', title);
    setText('queue-elapsed', minutes(elapsedMs));
    setText('queue-position', position ?? '–');
    setText('queue-amount', playersAmount ?? '–');
    setText('queue-estimate', estimatedTimeMs == null ? '–' : `${Math.max(1, Math.round(estimatedTimeMs / 1000))} s`);
  }

  /** seats: [{name, mine, where, away, turn, won}, ...] by side. */
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
    setText('score', text);
  }

  status(text, tone = '') {
    setText('status', text);
    $('status').dataset.tone = tone;
  }

  /** A phrase over a seat, for a while. */
  bubble(side, text) {
    this.#bubbles.get(side)?.remove();
    const bubble = element('span', 'bubble', text);
    this.#bubbles.set(side, bubble);
    $(`seat-${side}`).append(bubble);
    setTimeout(() => bubble.remove(), BUBBLE_MS);
  }

  /** null hides it; else {title, text, tone, rematch, mayRematch, mayPlayOn}, and the game's buttons give way. */
  result(result) {
    $('result').hidden = !result;
    $('under').hidden = Boolean(result);
    if (!result) return;
    setText('result-title', result.title);
    setText('result-text', result.text);
    $('result').dataset.tone = result.tone;
    $('rematch').hidden = !result.rematch;
    $('rematch').disabled = !result.mayRematch;
    $('again').disabled = !result.mayPlayOn;
  }
}
