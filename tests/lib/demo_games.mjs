// Plays the two games of the demo page as people do: by clicks, keys and touch, from what the page shows.
import { delay, now, waitFor } from './fleet.mjs';

// Games of four in a row that the first to move wins, one with a diagonal and one in a pile.
export const LONG = [3, 3, 6, 1, 5, 4, 5, 2, 5, 5, 0, 4, 4, 2, 1, 0, 3, 2, 3];
export const QUICK = [0, 1, 0, 1, 0, 1, 0];

const LOOK_MS = 40;
const GAME_MAX_MS = 60000;

/** All go and look for an opponent, and have one. */
export async function seek(...visitors) {
  for (const visitor of visitors) {
    await visitor.page.waitForSelector('#pill[data-status=connected]');
    await visitor.page.click('#find');
  }
  for (const visitor of visitors) await visitor.page.waitForSelector('#game:not([hidden])');
}

// --- four in a row ---------------------------------------------------------------------------------------------------

export const discs = ({ page }) => page.locator('.discs .disc').count();

/** Plays these columns in turn, each by who may, and waits until all see the disc. act(visitor, column) makes the move. */
export async function play(visitors, columns, act = click) {
  let count = await discs(visitors[0]);
  for (const column of columns) {
    const mover = await waitFor(() => whoMay(visitors), { what: 'somebody to be allowed to move' });
    await act(mover, column);
    count++;
    for (const visitor of visitors) await waitFor(async () => (await discs(visitor)) === count, { what: `disc ${count}` });
  }
}

async function whoMay(visitors) {
  for (const visitor of visitors) if (await visitor.page.$('.board.open')) return visitor;
  return null;
}

const click = ({ page }, column) => page.click(`.column >> nth=${column}`);
export const press = ({ page }, column) => page.keyboard.press(String(column + 1));

// --- star catcher ----------------------------------------------------------------------------------------------------

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
  const end = now() + GAME_MAX_MS;
  for (const { page } of visitors) await page.locator('#field').scrollIntoViewIfNeeded();
  while ((await starsTaken(visitors[0])) < until) {
    if (now() > end) throw new Error(`nobody gets to star ${until}`);
    const stars = await Promise.all(visitors.map(starIn));
    if (stars.every((star) => star === null)) return;
    const looks = ({ zeal = 1 }) => Math.random() < zeal;
    await Promise.all(visitors.map((visitor, i) => stars[i] && looks(visitor) && point(visitor, stars[i])));
    await delay(LOOK_MS);
  }
}

async function point({ page, touch }, { x, y }) {
  if (touch) return page.touchscreen.tap(x, y);
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.up();
}
