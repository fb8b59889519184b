// What every player saw, put together: one record for all players of a run, and at its end the list of what must not be.
//
// A player's view of a room is a set of numbers: those pushed to him, and those of his own requests, which he learns from the
// replies. `upTo` is the number up to which nothing is missing (what he says on resume); `ahead` what he knows beyond it. A
// room is what all views together know: number -> content. Content is compared without what differs by viewer.
//
// Checked at once: numbers only grow on one connection (I7), the content of a number is the same for all (I7), a match holds
// nobody twice (I2). Checked at the end: no number is missing in any view (I7), every message stands at most once, answered ones exactly
// once and where the answer said, refused ones nowhere, and each sender's in the order of sending; versions grow by one (I8);
// memberships of one player do not overlap (I1); every match was confirmed or dissolved (I4); timers (I11, see timers.mjs).
//
// A snapshot in place of what was missed (`jumps`) is counted, and not held against anybody when the player came as a new session
// or was told recovered:false. A caller who expects none at all says so: check({jumps: 0}).
//
// A lossy record is of a fleet whose store loses what it has confirmed: all of it, or the last moments before a failover. There a
// snapshot with a lower number takes back what the player has seen, and "gone" takes back the room. What nobody has taken
// back must fit together at the end all the same: one content per number, no gap, no double. Only what spans a loss() is not
// held to times and tickets.
import { timerFaults } from './timers.mjs';

const OVER = new Set(['gameEnd', 'roomCleanup', 'matchCancelled']);
const FORGETFUL = new Set(['new session', 'not recovered']); // connections on which one need not get what one missed
const TEXTS_MAX = 50;
const STORIES_MAX = 5;
const TIMER = new Set(['grace', 'confirm_timeout', 'idle']);
const SHAKEN_MS = 20000; // so long after a loss tickets and seats may contradict what players were told before

export class Record {
  rooms = new Map();
  #views = new Map(); // "player room" -> view
  #tags = new Map(); // tag -> {player, n, room, kind, outcome, seq, at: [seq, ...]}
  #violations = new Map(); // text -> times
  losses = []; // {from, to} by wall clock, which the store shares
  counts = { connections: 0, recovered: 0, fresh: 0, jumps: 0, missed: 0, unseen: 0, again: 0, rooms: 0, messages: 0, pushes: 0, volatile: 0, takenBack: 0, expired: 0 };
  errors = {}; // code -> times
  closes = {}; // code -> times
  fired = {}; // timers that passed, as players saw them -> times
  jumpKinds = {}; // on what kind of connection a snapshot came in place of events -> times
  gapsMs = []; // from the end of a connection to the next welcome
  examples = []; // of what was missed
  traces = new Map(); // player -> the last of what he said and heard
  stories = new Map(); // player -> what he said and heard before the first violation that concerns him
  returns = []; // when these welcomes were, by now()

  // rules: what the fleet's settings promise, as far as it is known: idleMs, ticketTtlMs, ownClocks (see timers.mjs), and goneMs: every session can be
  // resumed and every log reaches back, and who is away for a shorter time must learn how his room ended.
  constructor({ lossy = false, rules = {} } = {}) {
    Object.assign(this, { lossy, rules });
  }

  // player: whose story belongs to it.
  violation(text, player) {
    if (this.#violations.size < TEXTS_MAX || this.#violations.has(text))
      this.#violations.set(text, (this.#violations.get(text) ?? 0) + 1);
    const trace = this.traces.get(player);
    if (trace && !this.stories.has(player) && this.stories.size < STORIES_MAX) this.stories.set(player, [...trace, `here: ${text}`]);
  }

  count(table, key) {
    table[key] = (table[key] ?? 0) + 1;
  }

  // What was confirmed in this time, or shortly before, may be lost. Its end may be set later.
  loss(from, to) {
    const loss = { from, to };
    this.losses.push(loss);
    return loss;
  }

  get shaken() {
    return this.lossy && this.losses.some(({ from, to }) => Date.now() >= from && Date.now() <= to + SHAKEN_MS);
  }

  #spansLoss(from, to) {
    return this.lossy && this.losses.some((loss) => loss.from <= to + SHAKEN_MS && loss.to >= from);
  }

  // --- what players tell ---------------------------------------------------------------------------------------------

  view(player, roomId) {
    const key = `${player} ${roomId}`;
    let view = this.#views.get(key);
    if (!view) {
      view = { player, roomId, epoch: 1, before: [], upTo: 0, ahead: new Set(), first: null, last: 0, floor: 0, how: 'first connection', jumps: [], endUnknown: false, back: false };
      if (this.lossy) view.held = new Map(); // number -> content, as long as nobody takes it back
      this.#views.set(key, view);
    }
    return view;
  }

  room(roomId) {
    let room = this.rooms.get(roomId);
    if (!room) {
      room = { id: roomId, content: new Map(), times: new Map(), players: null, begun: false, ended: false, over: null, heard: [Infinity, 0], left: new Map(), turns: new Map(), named: new Map() };
      this.rooms.set(roomId, room);
      this.counts.rooms++;
    }
    return room;
  }

  // He is told of a room that he had left or seen the end of: a loss has brought it back, and he begins anew.
  again(view) {
    if (!this.lossy || view.first === null) return;
    Object.assign(view, { epoch: 1, before: [], over: false, upTo: 0, ahead: new Set(), held: new Map(), first: null, last: 0, floor: 0, jumps: [], endUnknown: false, back: true });
    this.counts.takenBack++;
    this.#forgetTurns(view.roomId);
  }

  // What was set in the room may be among what is taken back: of no limit it is sure any more when it is due.
  #forgetTurns(roomId) {
    for (const limits of this.room(roomId).turns.values()) limits.fill({});
  }

  // A new connection of this player: what he said he had seen (0: not resumed), and nothing at or below it comes again.
  // how: for the figures, should he miss something.
  connected(view, floor, how = 'new session') {
    view.floor = floor;
    view.how = how;
  }

  // A numbered push. view.floor grows with it: the next one on this connection is higher.
  pushed(view, frame) {
    const { seq, event, room: roomId } = frame;
    this.counts.pushes++;
    if (seq <= view.floor) this.violation(`I7 ${view.player} got number ${seq} (${event}) behind ${view.floor} in ${roomId}`, view.player);
    view.floor = Math.max(view.floor, seq);
    for (const { missed } of view.jumps) missed.delete(seq); // it came after all, behind the snapshot
    if (event === 'roomEpoch') {
      view.before.push({ epoch: view.epoch, below: seq });
      view.epoch = frame.data.epoch;
    }
    this.#account(view, seq, contentOf(frame), frame);
  }

  // The end of a room, by an event whose number he is not told.
  ended(view) {
    this.counts.pushes++;
    view.over = true;
    this.room(view.roomId).ended = true;
  }

  // Of the number up to which the player misses nothing: it may be older than the room's epoch, if he misses one before that began.
  epochOf({ before, upTo, epoch }) {
    return before.find(({ below }) => upTo < below)?.epoch ?? epoch;
  }

  // A snapshot: the player knows the room up to seq from now on. Missing events are lost for him, and counted. Pushes up to seq may
  // still follow, in order; he ignores them.
  snapshot(view, seq, epoch = 1) {
    if (this.lossy) this.#takeBack(view, seq, epoch);
    Object.assign(view, { epoch, before: [] });
    if (seq <= view.upTo) return;
    const missed = new Set();
    for (let s = view.upTo + 1; view.first !== null && s <= seq; s++) if (!view.ahead.has(s)) missed.add(s);
    if (missed.size) view.jumps.push({ how: view.how, missed });
    view.first ??= seq + 1;
    this.#upTo(view, seq);
  }

  // The snapshot is the new truth: what was seen up to its number may have been something else. If it is of another epoch, or its
  // number lower than what was seen, numbers begin again behind it.
  #takeBack(view, seq, epoch) {
    const older = seq < Math.max(view.upTo, view.last) || epoch !== view.epoch; // also lower than what came behind a gap
    for (const s of view.held.keys()) if (older || s <= seq) view.held.delete(s);
    if (!older) return;
    this.counts.takenBack++;
    this.#forgetTurns(view.roomId);
    view.ahead.clear();
    view.upTo = view.last = seq;
    view.floor = Math.min(view.floor, seq);
  }

  #upTo(view, seq) {
    for (const s of view.ahead) if (s <= seq) view.ahead.delete(s);
    view.upTo = seq;
    while (view.ahead.delete(view.upTo + 1)) view.upTo++;
  }

  #account(view, seq, content, frame) {
    view.first ??= seq === 1 ? 1 : seq;
    if (view.upTo === 0 && view.first === seq) view.upTo = seq - 1;
    view.last = Math.max(view.last, seq);
    if (seq > view.upTo) view.ahead.add(seq);
    while (view.ahead.delete(view.upTo + 1)) view.upTo++;
    const room = this.room(view.roomId);
    if (this.lossy) this.#hold(view, room, seq, content);
    const known = this.lossy ? undefined : room.content.get(seq);
    if (known !== undefined && known !== content)
      this.violation(`I7 number ${seq} of ${view.roomId} is ${content} for ${view.player} and was ${known} for another`, view.player);
    if (known === undefined) room.content.set(seq, content);
    const key = this.lossy ? `${seq} ${content}` : seq;
    const time = room.times.get(key);
    if (!room.times.has(key)) this.#first(room, seq, content, frame);
    if (frame?.ts !== undefined && time === undefined) this.#timed(room, frame);
    room.times.set(key, frame?.ts ?? time);
    if (frame) room.heard = [Math.min(room.heard[0], Date.now()), Date.now()];
  }

  // Number and epoch name one event for ever, also one that has been lost since.
  #hold(view, room, seq, content) {
    view.held.set(seq, content);
    view.over ||= OVER.has(content.slice(0, content.indexOf(' ')));
    const name = `${view.epoch}/${seq}`;
    const known = room.named.get(name) ?? content;
    room.named.set(name, known);
    if (known !== content)
      this.violation(`I7 number ${seq} of ${room.id}, epoch ${view.epoch}, is ${content} for ${view.player} and was ${known} before`, view.player);
  }

  // A number seen for the first time by anybody.
  #first(room, seq, content, frame) {
    const tag = tagOf(content);
    if (tag) {
      const entry = this.#tags.get(tag);
      if (!entry) this.violation(`I7 number ${seq} of ${room.id} holds ${tag}, which nobody sent`);
      else entry.at.push(`${room.id} ${seq}`);
    }
    if (!frame) return;
    const { event, data } = frame;
    if (event === 'matchFound') this.#made(room, data);
    if (event === 'gameStart') room.begun = true;
    if (event === 'playerLeft') room.left.set(data.playerId, undefined);
    if (OVER.has(event)) room.ended = true;
    const timer = event === 'turnTimeout' ? 'turn' : TIMER.has(data.reason) && event !== 'roomCleanup' ? data.reason : null;
    if (timer) this.count(this.fired, timer);
  }

  // By a frame that says when it was: not all dialects do.
  #timed(room, { event, data, ts }) {
    if (event === 'matchFound') room.from = ts;
    if (OVER.has(event)) room.over ??= ts;
    if (event === 'playerLeft') room.left.set(data.playerId, ts);
  }

  // When the room's events were: by their own times, or by when they were heard.
  #span(room, times) {
    const known = times.filter(Boolean);
    return known.length ? [Math.min(...known), Math.max(...known)] : room.heard;
  }

  #made(room, data) {
    room.players = data.players.map(({ id }) => id);
    if (new Set(room.players).size !== room.players.length) this.violation(`I2 ${room.id} holds a player twice: ${room.players}`);
  }

  // A request that carries a tag goes out; its outcome: 'ok' with its number, 'refused', or 'unknown'.
  sending(tag, player, n, roomId) {
    this.#tags.set(tag, { player, n, roomId, outcome: 'unknown', seq: null, at: [] });
  }

  // how: for the report, the error and how often it was asked.
  answered(tag, view, outcome, seq, content, how) {
    const entry = this.#tags.get(tag);
    entry.how = how;
    entry.outcome = outcome;
    if (outcome !== 'ok' || !seq) return;
    this.counts.messages++;
    entry.seq = seq;
    this.#account(view, seq, content, null);
  }

  // A turn's time limit was set: {version, dueAt, ms}; without dueAt if that is not sure.
  turnSet(roomId, { version, ...limit }) {
    const { turns } = this.room(roomId);
    turns.set(version, [...(turns.get(version) ?? []), limit]);
  }

  // --- the end -------------------------------------------------------------------------------------------------------

  // jumps: how many snapshots in place of missed events are in order (default: any number). able: see timers.mjs.
  check({ jumps = Infinity, able } = {}) {
    if (this.lossy) this.#settle();
    for (const view of this.#views.values()) this.#countJumps(view);
    if (this.counts.jumps > jumps)
      this.violation(`I7 ${this.counts.jumps} times a snapshot came in place of what was missed (${this.counts.missed} events)`);
    for (const view of this.#views.values()) this.#checkView(view, jumps);
    for (const [tag, entry] of this.#tags) this.#checkTag(tag, entry);
    for (const room of this.rooms.values()) this.#checkRoom(room);
    for (const room of this.rooms.values()) this.#checkTimers(room, able);
    this.#checkSenders();
    this.#checkMemberships();
    return this.violations;
  }

  get violations() {
    return [...this.#violations].map(([text, times]) => (times > 1 ? `${text} (${times} times)` : text));
  }

  // The rooms as they are held by those from whom nobody has taken them back; they must agree. Who has left, or has seen the end, is out of
  // it, even if that was lost: he counts only where nobody is left and nothing can have been lost.
  #settle() {
    for (const entry of this.#tags.values()) entry.at = [];
    const views = new Map([...this.rooms.keys()].map((id) => [id, []]));
    for (const view of this.#views.values()) if (!view.endUnknown) views.get(view.roomId)?.push(view);
    for (const room of this.rooms.values()) {
      const all = views.get(room.id);
      const lost = this.#spansLoss(...this.#span(room, [...room.times.values()]));
      room.content.clear();
      const ended = all.every(({ over }) => over);
      const last = all.at(-1);
      // Where instances play on by themselves, two may have led the room to an end each: then those who saw the one agree.
      const apart = (view) => ended && this.rules.ownClocks && view.epoch !== last.epoch;
      for (const view of all.filter(({ over }) => !over || (!lost && ended))) if (!apart(view)) this.#agree(room, view);
      for (const [seq, text] of room.content) this.#tags.get(tagOf(text))?.at.push(`${room.id} ${seq}`);
    }
  }

  #agree(room, view) {
    for (const [seq, text] of view.held) {
      const known = room.content.get(seq) ?? text;
      room.content.set(seq, known);
      if (known !== text)
        this.violation(`I7 number ${seq} of ${room.id} is ${text} for ${view.player} and ${known} for another, and nobody has told them`, view.player);
    }
  }

  // A number nobody knows is no answered message; it may be a return of the player himself of which he is not told, while the
  // others were away. Where no jump is in order, nobody was away for long enough: then it is a fault.
  #checkView(view, jumps) {
    if (view.endUnknown) return; // he may know single numbers of his own from late answers
    const end = Math.max(view.last, view.upTo);
    for (let seq = view.upTo + 1; seq <= end; seq++) {
      if (view.ahead.has(seq)) continue;
      const content = this.rooms.get(view.roomId).content.get(seq);
      if (content && this.#own(view, content)) continue;
      if (content === undefined && jumps > 0) this.counts.unseen++;
      else this.violation(`I7 ${view.player} never got number ${seq} of ${view.roomId} (${content ?? 'nobody did'}), but later ones`, view.player);
    }
  }

  #countJumps(view) {
    const { content } = this.room(view.roomId);
    for (const { how, missed } of view.jumps) {
      const lost = [...missed].map((seq) => content.get(seq) ?? `number ${seq}`).filter((text) => !this.#own(view, text));
      if (lost.length === 0) continue;
      this.counts.jumps++;
      this.counts.missed += lost.length;
      this.count(this.jumpKinds, how);
      const promised = lost.find((text) => this.#tags.get(tagOf(text))?.outcome === 'ok');
      if (promised && !FORGETFUL.has(how) && !this.lossy)
        this.violation(`I7 ${view.player} never got ${promised} of ${view.roomId}, which was answered (a snapshot on a connection: ${how})`);
      if (this.examples.length < 5) this.examples.push(`${view.player} in ${view.roomId}: ${lost.join(', ').slice(0, 300)}`);
    }
  }

  // His own return, or his own request whose answer was lost: of that he does not hear in other ways, and need not.
  #own(view, text) {
    return this.#ownUnknown(view, text) || (text.startsWith('opponentReconnected ') && text.includes(`"playerId":"${view.player}"`));
  }

  #ownUnknown(view, content) {
    const entry = content && this.#tags.get(tagOf(content));
    return entry && entry.player === view.player && entry.outcome === 'unknown';
  }

  #checkTag(tag, { outcome, seq, roomId, at, how }) {
    if (at.length > 1) this.violation(`I7 ${tag} was done ${at.length} times: at ${at.join(' and ')}`);
    const lost = this.lossy && this.#spansLoss(this.rooms.get(roomId)?.from ?? 0, Infinity); // with it the first answer, so that it was refused then
    if (outcome === 'refused' && at.length && !lost) this.violation(`I8 ${tag} was refused (${how}), and done all the same: at ${at}`);
    if (outcome === 'ok' && seq && at[0] !== `${roomId} ${seq}` && !this.lossy) // else its sender has been told, or it is found by others
      this.violation(`I7 ${tag} was answered with number ${seq} of ${roomId}, and stands at ${at[0] ?? 'no number'}`);
  }

  #checkRoom(room) {
    const numbers = [...room.content.keys()].sort((x, y) => x - y);
    const whole = numbers.length === numbers.at(-1);
    const versions = new Map(); // whose -> version
    for (const seq of numbers) {
      const [whose, version] = versionOf(room.content.get(seq));
      if (!whose) continue;
      const known = versions.get(whose) ?? (whole ? 0 : version - 1);
      if (whole ? version !== known + 1 : version <= known)
        this.violation(`I8 the version of ${whose} in ${room.id} is ${version} behind ${known} at number ${seq}`);
      versions.set(whose, version);
    }
    if (room.stuck && !room.begun && !room.ended && room.left.size === 0)
      this.violation(`I4 ${room.id} of ${room.players} was neither started nor cancelled`);
  }

  #numbers(room) {
    return [...room.content]
      .map(([seq, text]) => ({ seq, text, ts: room.times.get(this.lossy ? `${seq} ${text}` : seq) }))
      .sort((x, y) => x.seq - y.seq);
  }

  #checkTimers(room, able) {
    const numbers = this.#numbers(room);
    if (this.#spansLoss(...this.#span(room, numbers.map(({ ts }) => ts)))) return;
    for (const text of timerFaults({ id: room.id, numbers, turns: room.turns }, { ...this.rules, able })) this.violation(text);
  }

  // By the order of numbers, each sender's tags of one room rise.
  #checkSenders() {
    for (const room of this.rooms.values()) {
      const last = new Map();
      for (const seq of [...room.content.keys()].sort((x, y) => x - y)) {
        const entry = this.#tags.get(tagOf(room.content.get(seq)));
        if (!entry) continue;
        if (entry.n <= (last.get(entry.player) ?? -1))
          this.violation(`I7 ${room.id}: ${entry.player}'s number ${entry.n} stands behind his ${last.get(entry.player)}`);
        last.set(entry.player, entry.n);
      }
    }
  }

  // One player's rooms, by the server's clock, do not overlap. A room whose end nobody saw is not judged, nor one that came back to him:
  // he had left it on an island or before a loss and went on to others, and the store knew of neither. That he is told of each
  // only while he sits in no other is watched where he is told (player.mjs).
  #checkMemberships() {
    const stays = new Map();
    for (const room of this.rooms.values()) {
      if (!room.players || room.from === undefined) continue;
      for (const player of room.players) {
        if (this.#views.get(`${player} ${room.id}`)?.back) continue;
        const to = room.left.get(player) ?? room.over;
        if (!stays.has(player)) stays.set(player, []);
        if (to !== null && to !== undefined) stays.get(player).push({ id: room.id, from: room.from, to });
      }
    }
    for (const [player, list] of stays) {
      list.sort((x, y) => x.from - y.from || x.to - y.to);
      for (let i = 1; i < list.length; i++)
        if (list[i].from < list[i - 1].to && !this.#spansLoss(list[i - 1].from, list[i].to))
          this.violation(`I1 ${player} sat in ${list[i].id} from ${list[i].from} and in ${list[i - 1].id} until ${list[i - 1].to}`);
    }
  }

  // The rooms that the violations name, number by number, for the report.
  *roomStories() {
    const named = new Set(this.violations.flatMap((text) => text.match(/\br_[\w-]{22}\b/g) ?? []));
    for (const id of [...named].slice(0, STORIES_MAX)) {
      const numbers = this.#numbers(this.room(id)).map(({ seq, text, ts }) => `${seq} ${ts ?? ''} ${text.replaceAll(`"roomId":"${id}"`, '').slice(0, 160)}`);
      const views = [...this.#views.values()].filter((view) => view.roomId === id);
      const seen = views.map(({ player, epoch, upTo, last, endUnknown, over }) => JSON.stringify({ player, epoch, upTo, last, endUnknown, over }));
      yield [id, ...seen, ...numbers].join('\n  ');
    }
  }

  // --- figures -------------------------------------------------------------------------------------------------------

  figures() {
    const gaps = [...this.gapsMs].sort((x, y) => x - y);
    const at = (p) => Math.round(gaps[Math.min(gaps.length - 1, Math.floor(gaps.length * p))] ?? 0);
    const table = (object) => Object.entries(object).map(([key, n]) => `${key} ${n}`).join(', ') || 'none';
    return [
      `${this.counts.rooms} matches, ${this.counts.messages} numbered requests answered, ${this.counts.again} requests sent again, ${this.counts.pushes} numbered pushes`,
      `${this.counts.connections} connections: ${this.counts.recovered} recovered, ${this.counts.fresh} returned without, ` +
        `${this.counts.jumps} snapshots in place of ${this.counts.missed} events (${table(this.jumpKinds)}), ` +
        `${this.counts.unseen} numbers nobody saw`,
      ...(this.examples.length ? [`for example ${this.examples.join('; ')}`] : []),
      `gaps between connections: median ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms (${gaps.length})`,
      `closes: ${table(this.closes)}; errors: ${table(this.errors)}`,
      `timers seen to pass: ${table(this.fired)}, ticket ${this.counts.expired}`,
      ...(this.lossy ? [`${this.counts.takenBack} times a snapshot took back what was lost`] : []),
    ];
  }
}

// One text per numbered event, the same for all who see it. Own requests are told in the same words (see player.mjs).
function contentOf({ event, data }) {
  const { opponentId, opponentSetup, sender, requeued, ...rest } = data;
  return `${event} ${JSON.stringify(Object.fromEntries(Object.entries(rest).sort(([x], [y]) => (x < y ? -1 : 1))))}`;
}

export const content = (event, data) => contentOf({ event, data });

const tagOf = (text) => text?.match(/"tag":"([^"]+)"/)?.[1];

function versionOf(text) {
  const event = text.match(/^(playerStateUpdated|gameDataUpdated) /)?.[1];
  if (!event) return [];
  const { playerId, version } = JSON.parse(text.slice(event.length + 1));
  return [event === 'gameDataUpdated' ? 'gameData' : `the state of ${playerId}`, version];
}
