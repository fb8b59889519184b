// A wish for a match, from join() to the game's start. It outlives connections: after a reconnect it joins again by
// itself, unless the server still holds it or has seated the player meanwhile.
//
//   joining -> waiting -> found -> matched    (found -> waiting: the match was cancelled and requeued)
//   any but matched -> ended: `matched` rejects
import { Emitter } from './emitter.js';
import { fail } from './errors.js';

const RETRY_MS = 1000;

export class Ticket extends Emitter {
  id = null;
  status = 'joining';
  position = null;
  playersAmount = null;
  estimatedTimeMs = null;
  room = null; // from `found` on
  joinedAt = Date.now();
  #client;
  #settle = {};
  #retry;
  #asking = false;
  #leaving = false;

  constructor(client, level, setup) {
    super();
    this.#client = client;
    this.level = level;
    this.setup = setup;
    /** The room, once its game has started. Rejects with GatewayError. */
    this.matched = new Promise((resolve, reject) => Object.assign(this.#settle, { resolve, reject }));
    this.matched.catch(() => {});
  }

  get #over() {
    return this.status === 'matched' || this.status === 'ended';
  }

  /** Leaves the queue. False: too late, a match was found first. */
  async cancel() {
    if (this.#over || this.room) return false;
    if (this.#client.status === 'connected') {
      this.#leaving = true;
      const leave = this.#client.request('leaveMatchmaking').catch((error) => {
        if (error.code !== 'OUTCOME_UNKNOWN') throw error;
        this.#client.notify('leaveMatchmaking'); // once more, and nobody joins again
        return { left: true };
      });
      const { left, reason } = await leave.finally(() => (this.#leaving = false));
      if (!left && reason !== 'not_queued') return false; // matchFound has come or is on its way
    }
    this._fail(fail('CANCELLED', 'the ticket was cancelled'));
    return this.status === 'ended';
  }

  async #ask(again) {
    const { session } = this.#client;
    this.#asking = true;
    try {
      const reply = await this.#client.request('joinMatchmaking', { level: this.level, setup: this.setup });
      this.#asking = false;
      this.id = reply.ticketId ?? this.id;
      if (this.status === 'joining' && reply.status === 'waiting') this._update(reply);
    } catch (error) {
      const { code } = error;
      this.#asking = false;
      if (this.#over || this.room) return;
      if (code === 'OUTCOME_UNKNOWN' || code === 'NOT_QUEUED') this._welcome({}, true); // if there is a line; else the next welcome decides
      else if (code === 'ALREADY_QUEUED' && (again || session.queue?.level === this.level)) this._update({});
      else if (code === 'TIMEOUT' || (again && error.retryable))
        this.#retry = setTimeout(() => this._welcome({}, true), error.retryAfterMs ?? RETRY_MS);
      else if (!again || code !== 'ALREADY_IN_MATCH') this._fail(error); // else its snapshot is on the way
    }
  }

  // For Client and Room only:

  /** The line stands: join, unless the server holds the ticket or a seat already. */
  _welcome({ queue, rooms = [] }, again) {
    clearTimeout(this.#retry);
    if (this.#over || this.#asking || this.#leaving || this.#client.status !== 'connected') return;
    if (again && (this.room || rooms.some(({ ended }) => !ended))) return; // what it has come to follows
    if (!queue || queue.level !== this.level) {
      this.#move('joining');
      this.#ask(again);
    } else {
      this.id = queue.ticketId ?? this.id;
      this._update({});
    }
  }

  _update(data) {
    if (this.#over || this.room) return;
    for (const key of ['position', 'playersAmount', 'estimatedTimeMs']) this[key] = data[key] ?? this[key];
    this.#move('waiting');
  }

  /** A room of this player changed its status. */
  _room(room, end) {
    if (this.#over) return;
    if (end) {
      if (this.room !== room) return;
      this.room = null;
      if (room.declined || end.reason === 'left') this._fail(fail('CANCELLED', 'the match was declined'));
      else if (room.missed || end.reason === 'gone') this._welcome({ queue: this.#client.session.queue }, true);
      else if (end.requeued) this.#move('waiting');
      else this._fail(fail('MATCH_CANCELLED', end.reason ?? 'the match was cancelled', true));
    } else {
      const found = this.room !== room;
      this.room = room;
      if (found) this.#move('found');
      if (found) this.emit('found', room);
      if (room.status !== 'active') return;
      this.#client._breathe();
      this.#end('matched', () => this.#settle.resolve(room));
    }
  }

  _fail(error) {
    if (!this.#over) this.#end('ended', () => this.#settle.reject(error));
  }

  #end(status, settle) {
    clearTimeout(this.#retry);
    if (this.#client.ticket === this) this.#client.ticket = null;
    settle();
    this.#move(status);
  }

  #move(status) {
    this.status = status;
    this.emit('update', this);
  }
}
