// Where another player's dot is at this moment, from messages that say where it was.
//
// Messages come twenty times a second, each with the sender's own clock, but not evenly: a network holds some up. So the dot is
// shown as it was a little while ago, BEHIND_MS before now, between the two messages around that time. When the next
// message is late the dot stands still rather than guess.
//
// The two clocks have nothing to do with each other. The difference is learned from the message that came quickest, and
// forgotten slowly, because the way changes when a player reaches another gateway.

const BEHIND_MS = 100; // two messages
const FORGET_MS = 1; // per message
const ANOTHER_CLOCK_MS = 1000; // the sender has loaded his page anew
const KEPT = 16;

export class Track {
  #points;
  #lag = null; // our clock minus the sender's when a message arrives at its quickest

  constructor(start) {
    this.#points = [{ ...start, at: -Infinity }];
  }

  /** He was at {x, y} when his clock said `at`; ours says `now`. */
  hear({ x, y }, at, now) {
    const lag = now - at;
    if (this.#lag === null || Math.abs(lag - this.#lag) > ANOTHER_CLOCK_MS) {
      this.#points = [{ ...this.at(now), at: -Infinity }];
      this.#lag = lag;
    }
    this.#lag = Math.min(lag, this.#lag + FORGET_MS);
    if (!(at > this.#points.at(-1).at)) return;
    this.#points = [...this.#points, { x, y, at }].slice(-KEPT);
  }

  /** Where to draw him when our clock says `now`. */
  at(now) {
    const time = now - this.#lag - BEHIND_MS;
    const after = this.#points.findIndex((point) => point.at > time);
    if (after === -1) return point(this.#points.at(-1));
    const to = this.#points[after];
    const from = this.#points[after - 1] ?? to;
    const part = from.at === -Infinity ? 0 : (time - from.at) / (to.at - from.at || 1);
    return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
  }
}

const point = ({ x, y }) => ({ x, y });
