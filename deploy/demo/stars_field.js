// The field of star catcher: draws two dots and a star, reports where the player steers. Knows no network and no rules.
import { FIELD, STARS_TO_WIN } from './stars_rules.js';
import { $, element } from './page.js';

const KEYS = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  KeyW: [0, -1],
  KeyS: [0, 1],
  KeyA: [-1, 0],
  KeyD: [1, 0],
};

export class StarsField {
  #runners = [0, 1].map((side) => element('i', `runner side-${side}`));
  #star = element('i', 'star', '★');
  #pressed = new Set();
  #ended = new AbortController();

  /** What the player wants: {keys} while he holds some, else {target}, a point of the field or null. */
  steering = { keys: null, target: null };

  constructor(mySide) {
    this.#runners[mySide].classList.add('mine');
    $('field').replaceChildren(this.#star, ...this.#runners);
    $('stars').hidden = false;
    const { signal } = this.#ended;
    const point = (event) => this.#point(event);
    $('field').addEventListener('pointerdown', point, { signal });
    $('field').addEventListener('pointermove', (event) => event.buttons && point(event), { signal });
    document.addEventListener('keydown', (event) => this.#key(event, true), { signal });
    document.addEventListener('keyup', (event) => this.#key(event, false), { signal });
    window.addEventListener('blur', () => this.#release(), { signal });
  }

  close() {
    this.#ended.abort();
    $('stars').hidden = true;
  }

  #point({ clientX, clientY }) {
    const box = $('field').getBoundingClientRect();
    const x = ((clientX - box.left) / box.width) * FIELD.width;
    const y = ((clientY - box.top) / box.height) * FIELD.height;
    this.steering = { keys: null, target: { x, y } };
  }

  #key(event, down) {
    if (!KEYS[event.code] || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault(); // the page does not scroll
    if (down) this.#pressed.add(event.code);
    else this.#pressed.delete(event.code);
    this.#steer();
  }

  #release() {
    this.#pressed.clear();
    this.#steer();
  }

  #steer() {
    const held = [...this.#pressed].map((code) => KEYS[code]);
    const sum = (i) => held.reduce((total, way) => total + way[i], 0);
    this.steering = { keys: held.length ? { x: sum(0), y: sum(1) } : null, target: null };
  }

  /** dots: two points, by side. star: a point, or null when there is none. */
  draw(dots, star) {
    for (const [side, dot] of dots.entries()) place(this.#runners[side], dot);
    this.#star.hidden = !star;
    if (!star) return;
    const moved = place(this.#star, star);
    if (moved) for (const animation of this.#star.getAnimations()) animation.play(); // appears anew
  }

  /** scores: stars taken, by side. */
  scores(scores) {
    for (const [side, taken] of scores.entries()) {
      const e = $(`tally-${side}`);
      e.textContent = '★'.repeat(taken) + '☆'.repeat(STARS_TO_WIN - taken);
      e.setAttribute('aria-label', `${taken} of ${STARS_TO_WIN} stars`);
    }
  }
}

// True if it was not there before.
function place(e, { x, y }) {
  const [left, top] = [`${((x / FIELD.width) * 100).toFixed(2)}%`, `${((y / FIELD.height) * 100).toFixed(2)}%`];
  const changed = e.style.left !== left || e.style.top !== top;
  Object.assign(e.style, { left, top });
  return changed;
}
