// Star catcher as a game at a table: moves are volatile messages, twenty a second; a star is a version of the record.
//
// That division is the point. A lost move is made good by the next one, so it goes the quick way. A star may be taken once only, so
// it goes into the record with the version that was seen: of two who take it at the same moment the server refuses one.
import { Track } from './track.js';
import { StarsField } from './stars_field.js';
import { STARS_TO_WIN, isThere, moved, pointFrom, starAt, starsOutcome, startOf, tally } from './stars_rules.js';

const TELL_MS = 50;
const FRAME_MAX_MS = 250; // who was not drawn for longer has not moved meanwhile

export const stars = {
  title: 'Star catcher',
  ends: { stars: `${STARS_TO_WIN} stars.` },

  read({ gameData, order }) {
    const game = tally(gameData?.taken);
    return { ...game, record: { taken: game.taken }, result: starsOutcome(game, order, gameData?.resigned) };
  },

  says: () => ['Be the first at the star', 'mine'],

  start: (table) => new StarsPlay(table),
};

class StarsPlay {
  #table;
  #field;
  #me;
  #rival;
  #drawnAt = performance.now();
  #telling;
  #frame;
  #told = 0;
  #heard = 0;
  #countedAt = performance.now();

  constructor(table) {
    const { mySide } = table;
    this.#table = table;
    this.#field = new StarsField(mySide);
    this.#me = startOf(mySide);
    this.#rival = new Track(startOf(1 - mySide));
    this.#telling = setInterval(() => this.#tell(), TELL_MS);
    this.#frame = requestAnimationFrame((now) => this.#step(now));
  }

  close() {
    clearInterval(this.#telling);
    cancelAnimationFrame(this.#frame);
    this.#field.close();
  }

  /** The record has changed. */
  draw() {
    this.#field.scores(this.#table.position.scores);
  }

  /** Where the rival is, as a volatile message. */
  hear({ at, clock }) {
    const point = pointFrom(at);
    if (!point || !Number.isFinite(clock)) return;
    this.#rival.hear(point, clock, performance.now());
    this.#heard++;
  }

  #tell() {
    const { x, y } = this.#me;
    const now = performance.now();
    if (!this.#table.over && this.#table.whisper({ at: [round(x), round(y)], clock: Math.round(now) })) this.#told++;
    if (now - this.#countedAt < 1000) return;
    this.#table.rate(this.#told, this.#heard, now - this.#countedAt);
    this.#told = this.#heard = 0;
    this.#countedAt = now;
  }

  #step(now) {
    const { position, mySide, room, over } = this.#table;
    const star = over ? null : starAt(room.id, position.taken.length);
    if (!over) this.#me = moved(this.#me, this.#field.steering, Math.min(Math.max(0, now - this.#drawnAt), FRAME_MAX_MS));
    this.#drawnAt = now;
    const dots = [this.#rival.at(performance.now()), this.#rival.at(performance.now())];
    dots[mySide] = this.#me;
    this.#field.draw(dots, star);
    if (star && isThere(this.#me, star)) this.#take(position.taken + mySide);
    this.#frame = requestAnimationFrame((then) => this.#step(then));
  }

  // As often as it takes: refused when the rival was faster, and then there is another star.
  #take(taken) {
    if (this.#table.mayMove) this.#table.change({ taken }, taken.length);
  }
}

const round = (x) => Math.round(x * 10) / 10;
