// What every player saw, put together: one record for all players of a run, and at its end the list of what must not be.
//
// A player's view of a room is a set of numbers: those pushed to him, and those of his own requests, which he learns from the
// replies. `upTo` is the number up to which nothing is missing (what he says on resume); `ahead` what he knows beyond it. A
// room is what all views together know: number -> content. Content is compared without what differs by viewer.
//
// Checked at once: numbers only grow on one connection (I7), the content of a number is the same for all (I7), versions grow
// by one (I8), a push of a room in which one does not sit, a second match in a ticket (I2), a timer that fires early or twice
// (I11). Checked at the end: no number is missing in any view (I7), every message stands at most once, answered ones exactly
// once and where the answer said, refused ones nowhere, and each sender's in the order of sending; memberships of one player
// do not overlap (I1); every match was confirmed or dissolved (I4).
//
// A snapshot in place of what was missed (`jumps`) is counted, and not held against anybody when the player came as a new session
// or was told recovered:false. A caller who expects none at all says so: check({jumps: 0}).

const OVER = new Set(['gameEnd', 'roomCleanup', 'matchCancelled']);
const FORGETFUL = new Set(['new session', 'not recovered']); // connections on which one need not get what one missed
const TEXTS_MAX = 50;
const STORIES_MAX = 5;

export class Record {
  rooms = new Map();
  #views = new Map(); // "player room" -> view
  #tags = new Map(); // tag -> {player, n, room, kind, outcome, seq, at: [seq, ...]}
  #violations = new Map(); // text -> times
  counts = { connections: 0, recovered: 0, fresh: 0, jumps: 0, missed: 0, unseen: 0, again: 0, rooms: 0, messages: 0, pushes: 0, volatile: 0 };
  errors = {}; // code -> times
  closes = {}; // code -> times
  jumpKinds = {}; // on what kind of connection a snapshot came in place of events -> times
  gapsMs = []; // from the end of a connection to the next welcome
  examples = []; // of what was missed
  stories = new Map(); // player -> what he said and heard before the first violation that concerns him
  returns = []; // when these welcomes were, by now()

  // player, trace: whose story belongs to it.
  violation(text, player, trace) {
    if (this.#violations.size < TEXTS_MAX || this.#violations.has(text))
      this.#violations.set(text, (this.#violations.get(text) ?? 0) + 1);
    if (player && !this.stories.has(player) && this.stories.size < STORIES_MAX) this.stories.set(player, [...trace, `here: ${text}`]);
  }

  count(table, key) {
    table[key] = (table[key] ?? 0) + 1;
  }

  // --- what players tell ---------------------------------------------------------------------------------------------

  view(player, roomId) {
    const key = `${player} ${roomId}`;
    let view = this.#views.get(key);
    if (!view) {
      view = { player, roomId, upTo: 0, ahead: new Set(), first: null, last: 0, floor: 0, how: 'first connection', jumps: [], endUnknown: false };
      this.#views.set(key, view);
    }
    return view;
  }

  room(roomId) {
    let room = this.rooms.get(roomId);
    if (!room) {
      room = { id: roomId, content: new Map(), players: null, begun: false, over: null, left: new Map(), away: new Map() };
      this.rooms.set(roomId, room);
      this.counts.rooms++;
    }
    return room;
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
    if (seq <= view.floor) this.violation(`I7 ${view.player} got number ${seq} (${event}) behind ${view.floor} in ${roomId}`);
    view.floor = Math.max(view.floor, seq);
    for (const { missed } of view.jumps) missed.delete(seq); // it came after all, behind the snapshot
    this.#account(view, seq, contentOf(frame), frame);
  }

  // A snapshot: the player knows the room up to seq from now on. Missing events are lost for him, and counted. Pushes up to seq may
  // still follow, in order; he ignores them.
  snapshot(view, seq) {
    if (seq <= view.upTo) return;
    const missed = new Set();
    for (let s = view.upTo + 1; view.first !== null && s <= seq; s++) if (!view.ahead.has(s)) missed.add(s);
    if (missed.size) view.jumps.push({ how: view.how, missed });
    view.first ??= seq + 1;
    this.#upTo(view, seq);
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
    const known = room.content.get(seq);
    if (known === undefined) {
      room.content.set(seq, content);
      this.#first(room, seq, content, frame);
    } else if (known !== content)
      this.violation(`I7 number ${seq} of ${view.roomId} is ${content} for ${view.player} and was ${known} for another`);
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
    const { event, data, ts } = frame;
    if (event === 'matchFound') this.#made(room, data, ts);
    if (event === 'gameStart') room.begun = true;
    if (OVER.has(event)) room.over ??= ts;
    if (event === 'opponentDisconnected') room.away.set(data.playerId, { ts, graceMs: data.graceMs });
    if (event === 'opponentReconnected') room.away.delete(data.playerId);
    if (event === 'playerLeft') this.#left(room, data, ts);
  }

  #made(room, data, ts) {
    room.players = data.players.map(({ id }) => id);
    room.from = ts;
    if (new Set(room.players).size !== room.players.length) this.violation(`I2 ${room.id} holds a player twice: ${room.players}`);
  }

  #left(room, { playerId, reason }, ts) {
    if (room.left.has(playerId)) this.violation(`I11 ${playerId} left ${room.id} twice`);
    room.left.set(playerId, ts);
    const away = room.away.get(playerId);
    if (reason === 'grace' && away && ts - away.ts < away.graceMs)
      this.violation(`I11 the grace of ${playerId} in ${room.id} was over after ${ts - away.ts} of ${away.graceMs} ms`);
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

  // --- the end -------------------------------------------------------------------------------------------------------

  // jumps: how many snapshots in place of missed events are in order (default: any number).
  check({ jumps = Infinity } = {}) {
    for (const view of this.#views.values()) this.#countJumps(view);
    if (this.counts.jumps > jumps)
      this.violation(`I7 ${this.counts.jumps} times a snapshot came in place of what was missed (${this.counts.missed} events)`);
    for (const view of this.#views.values()) this.#checkView(view, jumps);
    for (const [tag, entry] of this.#tags) this.#checkTag(tag, entry);
    for (const room of this.rooms.values()) this.#checkRoom(room);
    this.#checkSenders();
    this.#checkMemberships();
    return this.violations;
  }

  get violations() {
    return [...this.#violations].map(([text, times]) => (times > 1 ? `${text} (${times} times)` : text));
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
      else this.violation(`I7 ${view.player} never got number ${seq} of ${view.roomId} (${content ?? 'nobody did'}), but later ones`);
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
      if (promised && !FORGETFUL.has(how))
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
    if (outcome === 'refused' && at.length) this.violation(`I8 ${tag} was refused (${how}), and done all the same: at ${at}`);
    if (outcome === 'ok' && seq && at[0] !== `${roomId} ${seq}`)
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
    if (room.stuck && !room.begun && !room.over && room.left.size === 0)
      this.violation(`I4 ${room.id} of ${room.players} was neither started nor cancelled`);
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

  // One player's rooms, by the server's clock, do not overlap. A room whose end nobody saw is not judged.
  #checkMemberships() {
    const stays = new Map();
    for (const room of this.rooms.values()) {
      if (!room.players || room.from === undefined) continue;
      for (const player of room.players) {
        const to = room.left.get(player) ?? room.over;
        if (!stays.has(player)) stays.set(player, []);
        if (to !== null && to !== undefined) stays.get(player).push({ id: room.id, from: room.from, to });
      }
    }
    for (const [player, list] of stays) {
      list.sort((x, y) => x.from - y.from || x.to - y.to);
      for (let i = 1; i < list.length; i++)
        if (list[i].from < list[i - 1].to)
          this.violation(`I1 ${player} sat in ${list[i].id} from ${list[i].from} and in ${list[i - 1].id} until ${list[i - 1].to}`);
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
    ];
  }
}

// One text per numbered event, the same for all who see it. Own requests are told in the same words (see player.mjs).
function contentOf({ event, data }) {
  const { opponentId, sender, requeued, ...rest } = data;
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
