// I11 as the players of one room saw it: its numbers in order, and what each of them did to the room's timers.
//
// A timer has a beginning, a duration and an end: the event by which it fires, or by which it is called off. It is judged three
// ways. Early: it fired before its time. Twice: it fired once more for its version. Late: it was still open when so much time had
// passed in which an instance could have carried it out (able, see watch.mjs) that its duration and LATE_MS were over. All by the
// store's clock, which stands in every event; a stretch of numbers that nobody saw leaves open what it changed.

export const LATE_MS = 1000;

// room: {id, numbers: [{seq, text, ts}, ...] in order, ts undefined where it is not known; turns: version -> limits that were
// set, as {dueAt, ms}, or {} for one of which nobody knows whether and when it began}. able(from, to): ms, or undefined if nobody
// has watched: then nothing is late. ownClocks: an instance that plays on without the store writes its own wall clock into the events,
// which a fault may have set; so no time is judged in a room any more that has changed its store. Yields sentences.
export function* timerFaults(room, { idleMs = Infinity, able, ownClocks = false } = {}) {
  const walk = new Walk(room, able);
  let last = null;
  let timed = true;
  for (const { seq, text, ts: written } of room.numbers) {
    if (ownClocks && timed && text.startsWith('roomEpoch ')) {
      timed = false;
      walk.forget();
    }
    const ts = timed ? written : undefined;
    const whole = last && seq === last.seq + 1;
    if (!whole && seq !== 1) walk.forget();
    if (ts !== undefined) {
      yield* walk.overdue(ts);
      if (whole && last.ts !== undefined) yield* walk.silence(last.ts, ts, idleMs, /^gameEnd .*"reason":"idle"/.test(text));
    }
    const at = text.indexOf(' ');
    yield* walk[text.slice(0, at)]?.(JSON.parse(text.slice(at + 1)), ts) ?? [];
    // The store's new epoch is written with the event that follows, and is nothing that anybody did.
    last = { seq, ts: text.startsWith('roomEpoch ') ? last?.ts : ts };
  }
}

class Walk {
  #open = new Map(); // name of the timer -> {from, ms}
  #left = new Set();
  #fired = new Map(); // version -> how often
  #version = 0;
  #over = false;

  constructor(room, able) {
    Object.assign(this, { room, able });
  }

  // Numbers are missing: they may have called off what is open.
  forget() {
    this.#open.clear();
    this.#version = null;
  }

  #late(from, to, ms) {
    return this.able && this.able(from, to) > ms + LATE_MS;
  }

  *overdue(ts) {
    for (const [name, { from, ms }] of [...this.#open, ...this.#turn()])
      if (this.#late(from, ts, ms)) {
        this.#open.delete(name);
        this.#fired.set(Number(name.match(/^the limit of version (\d+)$/)?.[1] ?? NaN), 1); // once is enough
        yield `I11 ${name} in ${this.room.id}, ${ms} ms from ${from}, was still open at ${ts}`;
      }
  }

  // The one limit of the present version, if it is certain and has not passed yet.
  #turn() {
    const limits = this.room.turns.get(this.#version) ?? [];
    const [{ dueAt, ms }] = limits.length === 1 ? limits : [{}];
    if (dueAt === undefined || this.#fired.has(this.#version) || this.#over) return [];
    return [[`the limit of version ${this.#version}`, { from: dueAt - ms, ms }]];
  }

  *silence(from, to, idleMs, ends) {
    if (ends && to - from < idleMs) yield `I11 ${this.room.id} ended as idle after ${to - from} of ${idleMs} ms`;
    if (this.#late(from, to, idleMs)) yield `I11 ${this.room.id} was silent from ${from} to ${to} and did not end after ${idleMs} ms`;
  }

  // --- events, by name -----------------------------------------------------------------------------------------------

  *matchFound({ confirmByMs }, ts) {
    if (ts !== undefined) this.#open.set('the confirmation', { from: ts, ms: confirmByMs - ts });
    this.confirmBy = confirmByMs;
  }

  *gameStart() {
    this.#open.delete('the confirmation');
  }

  *matchCancelled({ reason }, ts) {
    if (reason === 'confirm_timeout' && ts < this.confirmBy)
      yield `I11 ${this.room.id} was cancelled ${this.confirmBy - ts} ms before its time to confirm was over`;
    yield* this.#end('matchCancelled');
  }

  *gameEnd() {
    yield* this.#end('gameEnd');
  }

  *#end(how) {
    if (this.#over) yield `I11 ${this.room.id} ended twice (${how})`;
    this.#over = true;
    this.#open.clear();
  }

  *opponentDisconnected({ playerId, graceMs }, ts) {
    if (ts !== undefined) this.#open.set(`the grace of ${playerId}`, { from: ts, ms: graceMs });
  }

  *opponentReconnected({ playerId }) {
    this.#open.delete(`the grace of ${playerId}`);
  }

  *playerLeft({ playerId, reason }, ts) {
    const grace = this.#open.get(`the grace of ${playerId}`);
    this.#open.delete(`the grace of ${playerId}`);
    if (this.#left.has(playerId)) yield `I11 ${playerId} left ${this.room.id} twice`;
    this.#left.add(playerId);
    if (reason === 'grace' && grace && ts - grace.from < grace.ms)
      yield `I11 the grace of ${playerId} in ${this.room.id} was over after ${ts - grace.from} of ${grace.ms} ms`;
  }

  *gameDataUpdated({ version }) {
    this.#version = version;
  }

  *turnTimeout({ version }, ts) {
    const limits = this.room.turns.get(version) ?? [];
    const times = (this.#fired.get(version) ?? 0) + 1;
    this.#fired.set(version, times);
    if (limits.length === 0) yield `I11 version ${version} of ${this.room.id} timed out, and nobody had set a limit`;
    if (limits.length === 0 || limits.some(({ dueAt }) => dueAt === undefined)) return;
    if (times > limits.length) yield `I11 version ${version} of ${this.room.id} timed out ${times} times for ${limits.length} limits`;
    const first = Math.min(...limits.map(({ dueAt }) => dueAt));
    if (ts < first) yield `I11 version ${version} of ${this.room.id} timed out ${first - ts} ms before its time`;
  }
}
