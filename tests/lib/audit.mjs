// Reads everything matchgate keeps in Redis and checks what must hold between the keys, from outside and without any of
// the product's own code. Used after each end-to-end test that ends in a settled state.
//
// audit(redis, {prefix}) resolves with a list of violations, each one a sentence that begins with the invariant's number
// (I1: one ticket and one room a player; I2: matched once; I3: a match is in three keys or in none; I9: no leftovers).

// redis: a RedisServer or anything with command(...).
export async function audit(redis, { prefix = '' } = {}) {
  const state = await load(await redis.cli(), prefix);
  return [...queues(state), ...rooms(state), ...seats(state), ...mappings(state)];
}

async function load(cli, prefix) {
  const [seconds, micros] = await cli.command('TIME');
  const nowMs = Number(seconds) * 1000 + Number(micros) / 1000;
  const leases = await cli.command('ZRANGE', `${prefix}instances`, 0, -1, 'WITHSCORES');
  const live = new Set();
  for (let i = 0; i < leases.length; i += 2) if (Number(leases[i + 1]) > nowMs) live.add(leases[i]);
  const lists = {};
  for (const key of await cli.keys(`${prefix}waiting:level:*`)) lists[key] = await cli.command('LRANGE', key, 0, -1);
  const records = {};
  for (const key of await cli.keys(`${prefix}room:*`))
    if (/^room:[^:]+$/.test(key.slice(prefix.length))) records[key.slice(prefix.length + 5)] = await cli.hash(key);
  return {
    live,
    lists,
    records,
    players: await cli.hash(`${prefix}players`),
    matches: parseAll(await cli.hash(`${prefix}matches`)),
    states: parseAll(await cli.hash(`${prefix}game_states`)),
    mappings: parseAll(await cli.hash(`${prefix}socket_mappings`)),
  };
}

function parseAll(hash) {
  return Object.fromEntries(Object.entries(hash).map(([key, text]) => [key, JSON.parse(text)]));
}

function* queues({ lists, players }) {
  const seen = new Map();
  for (const [key, ids] of Object.entries(lists)) {
    for (const id of ids) {
      if (seen.has(id)) yield `I1: player ${id} waits twice, in ${seen.get(id)} and ${key}`;
      seen.set(id, key);
      const record = players[id]?.split('|');
      if (!record) yield `I1: player ${id} waits in ${key} without a record`;
      else if (record[5]) yield `I1: player ${id} waits in ${key} and sits in room ${record[5]}`;
    }
  }
}

function* rooms({ matches, states, records }) {
  const all = new Set([...Object.keys(matches), ...Object.keys(states), ...Object.keys(records)]);
  for (const roomId of all) {
    const where = [matches[roomId] && 'matches', states[roomId] && 'game_states', records[roomId] && 'room:'];
    if (where.includes(undefined)) yield `I3: room ${roomId} stands only in ${where.filter(Boolean).join(' and ')}`;
  }
}

function* seats({ states, matches, players }) {
  const sits = new Map();
  for (const [roomId, state] of Object.entries(states)) {
    const ids = state.players.map((player) => player.id);
    if (new Set(ids).size !== ids.length) yield `I2: room ${roomId} holds a player twice: ${ids.join(' ')}`;
    for (const id of ids) {
      if (sits.has(id)) yield `I1: player ${id} sits in ${sits.get(id)} and in ${roomId}`;
      sits.set(id, roomId);
      if (players[id]?.split('|')[5] !== roomId)
        yield `I1: room ${roomId} holds ${id}, whose record says "${players[id]}"`;
    }
    const match = matches[roomId];
    if (match && match.roomId !== roomId) yield `I3: matches says ${match.roomId} under ${roomId}`;
  }
}

function* mappings({ mappings: all, live, states }) {
  for (const [socketId, mapping] of Object.entries(all)) {
    if (mapping.socketId !== socketId) yield `I9: mapping ${socketId} names ${mapping.socketId}`;
    if (!live.has(mapping.instanceId)) yield `I9: mapping ${socketId} belongs to the dead ${mapping.instanceId}`;
    if (mapping.roomId !== null && !states[mapping.roomId])
      yield `I9: mapping ${socketId} names the room ${mapping.roomId}, which is gone`;
  }
}
