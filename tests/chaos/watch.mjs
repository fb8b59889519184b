// Looks into the store while a crowd plays: when could timers be carried out, and is anything left lying that should not?
//
// able(from, to) is how long in this stretch of the store's clock at least one instance could act: from one of its heartbeats to
// the next, if that came in time and neither says that the instance rests (`quiet`: for two leases after its store was away,
// see gateway/clockwork.h). What is not able is no excuse by itself: an instance that rests without a reason shows in the figures.
//
// Found here, because no player sees it: an entry of `deadlines` or a ticket overdue by more than LATE_MS of able time (I11); two
// live players who wait at one level (I6), perhaps behind the dead (I5), for that long; leftovers of an instance 15 s after its
// last beat (I9); and whatever the audit calls a violation, at no moment allowed. Only reads.
import { violations as audited } from '../lib/audit.mjs';
import { delay } from '../lib/wait.mjs';
import { LATE_MS } from './timers.mjs';

const STEP_MS = 100;
const UNMATCHED_MS = 1000;
const LEFTOVERS_MS = 15000;
const LOOK = `
local p, time = ARGV[1], redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local queues = {}
for _, level in ipairs(redis.call('SMEMBERS', p .. 'waiting:levels')) do
    local ids, list = redis.call('LRANGE', p .. 'waiting:level:' .. level, 0, 63), {level}
    for _, id in ipairs(ids) do
        list[#list + 1] = id
        list[#list + 1] = redis.call('HGET', p .. 'players', id) or ''
    end
    queues[#queues + 1] = list
end
return {now, redis.call('ZRANGE', p .. 'instances', 0, -1, 'WITHSCORES'), redis.call('HGETALL', p .. 'instance_info'),
    redis.call('ZRANGE', p .. 'deadlines', 0, 63, 'WITHSCORES'), redis.call('ZSCORE', p .. 'deadlines', 'shift') or '', queues}`;
const SHIFT_ZERO = 4e15; // see fleet_now in matchmaking/scripts/lib/core.lua

export class Watch {
  #beats = new Map(); // instance -> {end: of its lease, at, quiet} of the last beat
  #dead = new Map(); // instance -> its last beat, once its lease is over
  #waits = new Map(); // player ticket -> since when he is seen waiting
  #told = new Set(); // what was complained of once
  #stretches = []; // [from, to], able, in order
  #stopped = false;
  #audited = 0;
  samples = 0;
  seats = 2; // of a match
  first = null; // the store's time of the first and of the last look
  last = null;

  // connect(): a Resp to the store (the master, of several), closed here. complain(text). ticketTtlMs: as the fleet is set;
  // beatMs: the longest time between two beats of an instance that is well.
  constructor({ connect, complain, prefix = '', ticketTtlMs = Infinity, beatMs = 2500, auditMs = 5000 }) {
    Object.assign(this, { connect, complain, prefix, ticketTtlMs, beatMs, auditMs });
  }

  start() {
    this.running = this.#run();
    this.running.catch((error) => this.complain(`the checker itself failed: ${error.stack}`));
    return this;
  }

  async stop() {
    this.#stopped = true;
    await this.running;
  }

  async #run() {
    while (!this.#stopped) {
      let cli = null;
      try {
        cli = await this.connect();
        while (!this.#stopped) {
          await this.#look(cli);
          await delay(STEP_MS);
        }
      } catch (error) {
        if (error instanceof TypeError || error instanceof ReferenceError) throw error;
        await delay(STEP_MS); // the store is away
      } finally {
        cli?.close();
      }
    }
  }

  async #look(cli) {
    const [now, leases, info, entries, shift, queues] = await cli.command('EVAL', LOOK, 0, this.prefix);
    const stood = shift === '' ? 0 : Number(shift) - SHIFT_ZERO;
    const deadlines = pairs(entries).filter(([entry]) => entry !== 'shift').map(([entry, due]) => [entry, Number(due) + stood]);
    this.see({ now, instances: pairs(leases), info: Object.fromEntries(pairs(info)), deadlines, queues });
    if (now - this.#audited < this.auditMs) return;
    this.#audited = now;
    for (const text of await audited({ cli: async () => cli }, { prefix: this.prefix })) this.#once(text, `${text} (while they played)`);
  }

  // One look: {now, instances: [[id, end of lease]], info: {id: JSON}, deadlines: [[entry, due by the store's clock]], queues: [[level, player, record, ...]]}.
  see({ now, instances, info, deadlines, queues }) {
    this.samples++;
    this.first ??= now;
    this.last = now;
    const seats = Object.values(info)[0]?.match(/"seats":(\d+)/)?.[1];
    if (seats) this.seats = Number(seats);
    const live = this.#fleet(now, instances, info);
    for (const [entry, due] of deadlines)
      if (this.able(due, now) > LATE_MS) this.#once(entry, `I11 ${entry} is overdue by ${now - due} ms`);
    const seen = new Map();
    for (const [level, ...rest] of queues) this.#queue(level, pairs(rest), live, now, seen);
    this.#waits = seen;
  }

  #once(key, text) {
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.complain(text);
  }

  // Beats are told apart by the ends of leases, which also say how far apart they were.
  #fleet(now, instances, info) {
    const live = new Set();
    for (const [id, score] of instances) {
      const end = Number(score);
      const before = this.#beats.get(id);
      const quiet = /"quiet":true/.test(info[id]);
      if (end > now) live.add(id);
      if (!before || before.end !== end) {
        const gap = before ? end - before.end : Infinity;
        if (gap > 0 && gap <= this.beatMs && !quiet && !before.quiet) this.#add(before.at, before.at + gap);
        this.#beats.set(id, { end, at: gap > 0 && gap <= this.beatMs ? before.at + gap : now, quiet });
      }
      if (end > now) this.#dead.delete(id);
      else this.#leftover(id, now);
    }
    for (const id of [...this.#dead.keys()]) if (!instances.some(([other]) => other === id)) this.#dead.delete(id);
    return live;
  }

  #leftover(id, now) {
    if (!this.#dead.has(id)) this.#dead.set(id, this.#beats.get(id)?.at ?? now);
    const since = this.#dead.get(id);
    if (this.able(since, now) > LEFTOVERS_MS)
      this.#once(`dead ${id}`, `I9 instance ${id} has not beaten for ${now - since} ms, and what it left is still there`);
  }

  #queue(level, entries, live, now, seen) {
    const since = [];
    let dead = 0;
    for (const [player, record] of entries) {
      const [state, , at, ticket, joined, , , instance] = record.split('|');
      if (state !== 'queued' || at !== level || !live.has(instance)) {
        dead++;
        continue;
      }
      const key = `${player} ${ticket}`;
      seen.set(key, this.#waits.get(key) ?? now);
      since.push(seen.get(key));
      const due = Number(joined) + this.ticketTtlMs;
      if (this.able(Math.max(due, seen.get(key)), now) > LATE_MS) // one that comes back late has its second, too
        this.#once(`ticket ${ticket}`, `I11 ticket ${ticket} of ${player} should have expired ${now - due} ms ago`);
    }
    const both = since.sort((x, y) => x - y)[this.seats - 1];
    if (both !== undefined && this.able(both, now) > UNMATCHED_MS)
      this.#once(`level ${level} ${both}`, `${dead ? 'I5' : 'I6'} ${since.length} live players wait at level ${level} for ${now - both} ms, among ${dead} dead entries`);
  }

  // --- able ----------------------------------------------------------------------------------------------------------

  // Stretches come nearly in order; those that touch become one.
  #add(from, to) {
    const list = this.#stretches;
    let i = list.length;
    while (i > 0 && list[i - 1][1] >= from) i--;
    const touched = list.slice(i).filter(([begin]) => begin <= to);
    const rest = list.slice(i).filter(([begin]) => begin > to);
    const whole = [Math.min(from, ...touched.map(([begin]) => begin)), Math.max(to, ...touched.map(([, end]) => end))];
    list.splice(i, list.length - i, whole, ...rest);
  }

  able(from, to) {
    let sum = 0;
    for (let i = this.#stretches.length - 1; i >= 0 && this.#stretches[i][1] > from; i--) {
      const [begin, end] = this.#stretches[i];
      sum += Math.max(0, Math.min(end, to) - Math.max(begin, from));
    }
    return sum;
  }

  figures() {
    if (this.first === null) return ['nobody could look into the store'];
    const all = this.last - this.first;
    return [`${this.samples} looks into the store; in ${Math.round((100 * this.able(this.first, this.last)) / (all || 1))} % of ${all} ms an instance could act`];
  }
}

const pairs = (flat) => Array.from({ length: Math.floor(flat.length / 2) }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
