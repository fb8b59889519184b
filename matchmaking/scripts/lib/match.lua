-- match: who is taken from a level's list, how a room is born, and how one that never started dissolves.

local DEAD_MAX = 64

-- The first `want` live players of the list, longest waiting first; dead entries met on the way are removed. Fewer than
-- `want`: the live ones stay where they were. Returns players and whether the look-ahead bound was hit (ask again).
local function queue_take(queue, level, want, except)
    local live, seen, at, dead = {}, {}, 0, {}
    local chunk = want
    while #live < want and #dead < DEAD_MAX do
        local ids = redis.call('LRANGE', queue, at, at + chunk - 1)
        for _, id in ipairs(ids) do
            if #live == want or #dead == DEAD_MAX then
                break
            end
            at = at + 1
            local p = player_get(id)
            if id ~= except and not seen[id] and p and p.state == 'queued' and p.level == level and instance_live(p.instance) then
                live[#live + 1] = p
            else
                dead[#dead + 1] = id
            end
            seen[id] = true
        end
        if #ids < chunk then
            break
        end
        chunk = want + 4 -- there are dead ones
    end
    if at > 0 and (#live == want or #dead > 0) then
        redis.call('LTRIM', queue, at, -1)
        if #live < want then
            for i = #live, 1, -1 do
                redis.call('LPUSH', queue, live[i].id)
            end
        end
    end
    return live, #dead == DEAD_MAX and #live < want
end

local function queue_index(queue, level)
    if redis.call('LLEN', queue) == 0 then
        redis.call('SREM', LEVELS, level)
    else
        redis.call('SADD', LEVELS, level)
    end
end

-- What room_create writes unread: an error reply, as need.
local function room_create_bad_type()
    return need(MAPPINGS, 'hash') or need(MATCHES, 'hash') or need(GAME_STATES, 'hash') or need(DEADLINES, 'zset')
end

-- A new room for these players (records as in player_get): truth, match and projection in one go, and event number 1. Its keys
-- are new; the players' records have been read. o.ready: the player who is certainly there, for he has just asked, and needs no
-- confirmation; '' = nobody.
local function room_create(id, key, log, level, players, o)
    local room = {id = id, key = key, log = log, log_max = tonumber(o.log_max), events = {}, status = 'waiting', seq = 0,
                  epoch = 1, run = RUN, version = 0, turn = 0, data = '{}', level = level, created = NOW, updated = NOW,
                  confirm_by = NOW + tonumber(o.confirm_ms), order = {}, seats = {}}
    local listed, place, records, mappings = {}, {}, {}, {}
    local fields = {'epoch', 1, 'run', RUN, 'version', 0, 'turn', 0, 'gameData', '{}', 'level', level, 'createdAt', int(NOW),
                    'confirmBy', int(room.confirm_by)}
    for i, p in ipairs(players) do
        room.order[i] = p.id
        room.setup = room.setup or p.setup ~= ''
        room.seats[p.id] = {socket = p.socket, instance = p.instance, confirmed = p.id == o.ready, fence = p.fence, level = p.level,
                            ticket = p.ticket, joined = p.joined, state = '{}', version = 0}
        listed[i] = player_listed(p.id, p.setup)
        place[i] = p.id .. '|' .. p.instance .. '|' .. p.socket
        p.state, p.room = 'room', id
        records[2 * i - 1], records[2 * i] = p.id, player_text(p)
        mappings[2 * i - 1], mappings[2 * i] = p.socket, mapping_text(p)
        fields[#fields + 1], fields[#fields + 2] = 'p:' .. p.id, seat_text(room.seats[p.id])
    end
    if room.setup then
        fields[#fields + 1], fields[#fields + 2] = 'setup', '1'
    end
    redis.call('HSET', PLAYERS, unpack(records))
    redis.call('HSET', MAPPINGS, unpack(mappings))
    room.insts = room_insts(room)
    emit(room, 'matchFound', '{"roomId":"' .. id .. '","level":' .. level .. ',"players":[' .. table.concat(listed, ',') ..
        '],"confirmByMs":' .. int(room.confirm_by) .. '}', ',"place":"' .. table.concat(place, ' ') .. '"')
    redis.call('HSET', MATCHES, id, room_match(room))
    local now = fleet_now(DEADLINES)
    redis.call('ZADD', DEADLINES, int(now + tonumber(o.confirm_ms)), confirm_member(room), int(now + tonumber(o.idle_ms)),
        idle_member(room))
    room_save(room, true, fields)
    return room
end

-- A room that never started: `gone` (or nil) has left; the ready ones return to the head of the list in joinedAt order, the
-- others become idle. Ready = confirmed, or merely connected when somebody left before the time was up.
local function room_dissolve(room, reason, gone, queue)
    local back, names = {}, {}
    for _, player in ipairs(room.order) do
        local seat, p = room.seats[player], room_member(room, player)
        if p and player ~= gone and p.socket ~= '' and (seat.confirmed or gone) then
            p.state, p.room = 'queued', ''
            back[#back + 1] = p
        elseif p then
            player_idle(p)
        end
    end
    table.sort(back, function(a, b)
        return a.joined < b.joined or (a.joined == b.joined and a.id < b.id)
    end)
    for i = #back, 1, -1 do
        redis.call('LPUSH', queue, back[i].id)
        player_put(back[i])
        mapping_put(back[i])
        names[#names + 1] = back[i].id
    end
    if #back > 0 then
        redis.call('SADD', LEVELS, room.level)
    end
    emit(room, 'matchCancelled', '{"roomId":"' .. room.id .. '","reason":"' .. reason .. '"}',
        ',"requeued":"' .. table.concat(names, ' ') .. '","members":"' .. room.cast .. '"')
    room_delete(room)
end
