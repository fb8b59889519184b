-- room: the room's truth in the hash room:{id}, its projection in game_states, and how seats come, go and end.
-- A seat is the field p:<player> = `socket|instance|confirmed|fence|level|ticket|joinedAt`; an empty socket = in grace.
-- The field setup is there while a record of theirs may have one: until the game starts.

-- As player_bad_type, for a script that changes the room.
local function room_bad_type(key, log)
    return need(key, 'hash') or need(log, 'list') or player_bad_type()
end

-- nil if there is no such room.
local function room_load(id, key, log, log_max)
    local flat = redis.call('HGETALL', key)
    if #flat == 0 then
        return nil
    end
    local f = {}
    for i = 1, #flat, 2 do
        f[flat[i]] = flat[i + 1]
    end
    local room = {id = id, key = key, log = log, log_max = tonumber(log_max), events = {}, status = f.status,
                  seq = tonumber(f.seq), epoch = tonumber(f.epoch), run = f.run or '', version = tonumber(f.version), turn = tonumber(f.turn),
                  data = f.gameData, level = f.level, created = tonumber(f.createdAt), updated = tonumber(f.updatedAt),
                  confirm_by = tonumber(f.confirmBy), insts = f.insts, cast = f.seats, setup = f.setup == '1', order = {}, seats = {}}
    for player in string.gmatch(f.seats, '%S+') do
        local socket, instance, confirmed, fence, level, ticket, joined =
            string.match(f['p:' .. player], '^([^|]*)|([^|]*)|(%d)|(%d+)|(%d*)|([^|]*)|(%d*)$')
        room.order[#room.order + 1] = player
        room.seats[player] = {socket = socket, instance = instance, confirmed = confirmed == '1', fence = tonumber(fence),
                              level = level, ticket = ticket, joined = tonumber(joined) or 0,
                              state = f['s:' .. player] or '{}', version = tonumber(f['v:' .. player] or '0'),
                              result = f['r:' .. player]}
    end
    return room
end

-- The player's seat if this is its present socket, else nil. Nobody acts for a seat in grace.
local function seat_held(room, player, socket)
    local seat = room.seats[player]
    return seat and socket ~= '' and seat.socket == socket and seat or nil
end

local function seat_text(s)
    return s.socket .. '|' .. s.instance .. '|' .. (s.confirmed and '1' or '0') .. '|' .. int(s.fence) .. '|' .. s.level .. '|' ..
        s.ticket .. '|' .. int(s.joined)
end
local function seat_put(room, player)
    redis.call('HSET', room.key, 'p:' .. player, seat_text(room.seats[player]))
end

-- The instances that hold a connected seat, and those in `also` ("a b"), each once.
local function room_insts(room, also)
    local seen, list = {}, {}
    local function add(instance)
        if instance ~= '' and not seen[instance] then
            seen[instance] = true
            list[#list + 1] = instance
        end
    end
    for _, player in ipairs(room.order) do
        if room.seats[player].socket ~= '' then
            add(room.seats[player].instance)
        end
    end
    for instance in string.gmatch(also or '', '%S+') do
        add(instance)
    end
    return table.concat(list, ' ')
end

-- Where every seat is, for instances: "player|instance|socket ..."; instance and socket are empty in grace.
local function room_places(room)
    local place = {}
    for i, player in ipairs(room.order) do
        local seat = room.seats[player]
        place[i] = player .. '|' .. (seat.socket ~= '' and seat.instance or '') .. '|' .. seat.socket
    end
    return table.concat(place, ' ')
end

-- The seed's record, composed from raw slices: client JSON is never decoded.
local function room_record(room)
    local players = {}
    for i, player in ipairs(room.order) do
        local s = room.seats[player]
        local where = s.socket ~= '' and '"instanceId":"' .. s.instance .. '","socketId":"' .. s.socket .. '"' or
            '"instanceId":null,"socketId":null'
        players[i] = '{"id":"' .. player .. '",' .. where .. ',"state":' .. s.state .. '}'
    end
    return '{"roomId":"' .. room.id .. '","players":[' .. table.concat(players, ',') .. '],"gameData":' .. room.data ..
        ',"turn":' .. int(room.turn) .. ',"status":"' .. room.status .. '","createdAt":' .. int(room.created) ..
        ',"updatedAt":' .. int(room.updated) .. ',"version":' .. int(room.version) .. ',"seq":' .. int(room.seq) ..
        ',"epoch":' .. int(room.epoch) .. '}'
end

-- Writes what changed in common, and `also` (field, value, ...): call once, after the last emit. `project` also renews the seed's
-- record.
local function room_save(room, project, also)
    room.insts = room_insts(room)
    redis.call('HSET', room.key, 'status', room.status, 'seq', int(room.seq), 'insts', room.insts, 'seats',
        table.concat(room.order, ' '), 'updatedAt', int(room.updated), 'lastAt', int(NOW), unpack(also or {}))
    if project then
        redis.call('HSET', GAME_STATES, room.id, room_record(room))
    end
end

local function grace_member(room, player)
    return 'grace:' .. room.id .. '/' .. player .. ':' .. int(room.seats[player].fence)
end
local function turn_member(room)
    return 'turn:' .. room.id .. ':' .. int(room.version)
end
-- There is one of each in a room's life, so their version is always 1.
local function confirm_member(room)
    return 'confirm:' .. room.id .. '/' .. room.level .. ':1'
end
local function idle_member(room)
    return 'idle:' .. room.id .. ':1'
end

-- The entry in `matches`, in the seed's form with all players behind the first two.
local function room_match(room)
    local seats = {}
    for i, player in ipairs(room.order) do
        seats[i] = '{"id":"' .. player .. '","level":' .. room.seats[player].level .. '}'
    end
    return '{"player1":' .. seats[1] .. ',"player2":' .. seats[2] .. ',"roomId":"' .. room.id .. '","players":[' ..
        table.concat(seats, ',') .. '],"createdAt":' .. int(room.created) .. '}'
end

-- All the room owned goes; its log stays a little for instances that are still catching up.
local function room_delete(room)
    redis.call('DEL', room.key)
    redis.call('PEXPIRE', room.log, 15000)
    redis.call('HDEL', MATCHES, room.id)
    redis.call('HDEL', GAME_STATES, room.id)
    redis.call('ZREM', DEADLINES, confirm_member(room), idle_member(room), turn_member(room))
end

-- The player's record when it still belongs to this room, else nil.
local function room_member(room, player)
    local p = player_get(player)
    return p and p.state == 'room' and p.room == room.id and p or nil
end

-- What he says about himself, until the game starts.
local function room_setup(room, player)
    local p = room.setup and room_member(room, player)
    return p and p.setup or ''
end
-- The game starts: who met whom has been said.
local function room_setups_end(room)
    for _, player in ipairs(room.order) do
        local p = room_member(room, player)
        if p and p.setup ~= '' then
            p.setup = ''
            player_put(p)
        end
    end
    redis.call('HDEL', room.key, 'setup')
end

local function seat_free(room, player)
    if room.seats[player].socket == '' then
        redis.call('ZREM', DEADLINES, grace_member(room, player))
    end
    local p = room_member(room, player)
    if p then
        player_idle(p)
    end
end

local function room_end(room, reason, result)
    local tail = '{"roomId":"' .. room.id .. '","reason":"' .. reason .. '"'
    emit(room, 'gameEnd', tail .. ',"result":' .. result .. '}')
    emit(room, 'roomCleanup', tail .. '}', ',"members":"' .. room.cast .. '"')
    for _, player in ipairs(room.order) do
        seat_free(room, player)
    end
    room_delete(room)
end

-- A seat is given up; a room below two seats ends. Writes everything.
local function seat_remove(room, player, reason)
    room.insts = room_insts(room)
    emit(room, 'playerLeft', '{"roomId":"' .. room.id .. '","playerId":"' .. player .. '","reason":"' .. reason .. '"}')
    seat_free(room, player)
    local order = {}
    for _, other in ipairs(room.order) do
        if other ~= player then
            order[#order + 1] = other
        end
    end
    room.order = order
    redis.call('HDEL', room.key, 'p:' .. player, 's:' .. player, 'v:' .. player, 'r:' .. player)
    if #order < 2 then
        room_end(room, 'players_left', 'null')
        return
    end
    room.updated = NOW
    room_save(room, true)
end

-- When everybody who still holds a seat has reported: the same bytes end the game, different ones are a dispute and the
-- votes are cast anew. true if the room has ended. Writes everything.
local function votes_count(room)
    local first = room.seats[room.order[1]].result
    local same = true
    for _, player in ipairs(room.order) do
        local result = room.seats[player].result
        if not result then
            return false
        end
        same = same and result == first
    end
    if same then
        room_end(room, 'agreed', first)
        return true
    end
    emit(room, 'error', '{"roomId":"' .. room.id .. '","code":"RESULT_DISPUTED",' ..
        '"message":"the players reported different results; report again","retryable":true}')
    for _, player in ipairs(room.order) do
        room.seats[player].result = nil
        redis.call('HDEL', room.key, 'r:' .. player)
    end
    room_save(room, false)
    return false
end
