// Plays star catcher on the demo page: by pointing with mouse or finger where the star is.
import { delay } from './fleet.mjs';

const LOOK_MS = 40;

/** The number of stars taken so far, by both. */
export async function starsTaken({ page }) {
  const text = await page.locator('.tally').textContent();
  return text.split('★').length - 1;
}

// The middle of the star in the window, or null when there is none.
const starIn = ({ page }) =>
  page.evaluate(() => {
    const star = document.querySelector('#stars:not([hidden]) .star:not([hidden])');
    if (!star || !document.getElementById('result').hidden) return null;
    const field = document.getElementById('field').getBoundingClientRect();
    const at = (part, from, size) => from + (size * parseFloat(part)) / 100;
    return { x: at(star.style.left, field.left, field.width), y: at(star.style.top, field.top, field.height) };
  });

/** Everybody goes for the stars until so many are taken, or the game is over. */
export async function catchStars(visitors, until) {
  while ((await starsTaken(visitors[0])) < until) {
    const stars = await Promise.all(visitors.map(starIn));
    if (stars.every((star) => star === null)) return true;
    await Promise.all(visitors.map((visitor, i) => stars[i] && point(visitor, stars[i])));
    await delay(LOOK_MS);
  }
  return true;
}

async function point({ page, touch }, { x, y }) {
  if (touch) return page.touchscreen.tap(x, y);
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.up();
}
