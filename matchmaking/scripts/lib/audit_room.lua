-- audit_room: the part of audit.lua that checks rooms and seats against everything that refers to them: I1, I2, I3, I4, I7,
-- I11. Uses what audit.lua has defined before it includes this part.

-- nil if room_load can read the hash, else what is wrong with it.
local function room_fault(key)
    local flat, f, seats, seated = redis.call('HGETALL', key), {}, 0, {}
    for i = 1, #flat, 2 do
        f[flat[i]] = flat[i + 1]
    end
    for _, name in ipairs({'seq', 'epoch', 'version', 'turn', 'level', 'createdAt', 'updatedAt', 'confirmBy', 'lastAt'}) do
        if not tonumber(f[name] or '') then
            return name .. ' is not a number'
        end
    end
    if (f.status ~= 'waiting' and f.status ~= 'active') or not f.gameData or not f.insts or not f.seats then
        return 'status, gameData, insts or seats is missing'
    end
    for player in string.gmatch(f.seats, '%S+') do
        local seat = f['p:' .. player]
        if seated[player] or not seat or not string.match(seat, '^[^|]*|[^|]*|%d|%d+|%d*|[^|]*|%d*$') then
            return 'the seat of ' .. player .. ' stands twice or is unreadable'
        end
        seated[player], seats = true, seats + 1
    end
    for name in pairs(f) do
        local player = string.match(name, '^[psvr]:(.+)$')
        if player and not seated[player] then
            return 'field ' .. name .. ' belongs to nobody seated'
        end
    end
    return seats < 2 and 'a room has at least two seats' or nil
end

local seated_in = {}
local function check_seat(room, player, seat)
    local p, where = player_get(player), 'room ' .. room.id .. ', seat of ' .. player
    if seated_in[player] then
        violation('two_rooms', 'I1 player ' .. player .. ' sits in room ' .. seated_in[player] .. ' and in ' .. room.id)
    end
    seated_in[player] = room.id
    check_fence(seat.fence, where)
    if not p or p.state ~= 'room' or p.room ~= room.id then
        violation('seat_without_record', 'I1 ' .. where .. ': the record says ' ..
            (p and p.state .. ' ' .. p.room or 'nothing'))
        return
    end
    local same = p.socket == seat.socket and p.instance == seat.instance
    local newer = p.socket ~= seat.socket and p.socket ~= '' and p.fence > seat.fence
    if not (same or newer) or p.fence < seat.fence or p.level ~= seat.level or p.ticket ~= seat.ticket then
        violation('seat_differs', 'I1 ' .. where .. ' and the record differ')
    elseif newer then
        leftover('seat_not_taken', 'I1 ' .. where .. ': attached again, the seat is not taken yet')
    end
    if p.setup ~= '' and not (room.setup and room.status == 'waiting') then
        violation('setup_left', 'I1 ' .. where .. ': the record still has its setup')
    end
    if seat.socket ~= '' then
        if not instance_live(seat.instance) then
            leftover('seat_dead_instance', 'I9 ' .. where .. ' is held by instance ' .. seat.instance .. ', ' ..
                why_dead(seat.instance))
        end
    elseif room.status == 'waiting' then
        violation('waiting_without_socket', 'I4 ' .. where .. ' is empty, but the match was not dissolved')
    elseif not redis.call('ZSCORE', DEADLINES, grace_member(room, player)) then
        violation('deadline_missing', 'I11 ' .. where .. ' is in grace without ' .. grace_member(room, player))
    end
end

local function check_log(room)
    if not readable(room.log, 'list') then
        violation('log', 'I7 room ' .. room.id .. ' has no log')
        return
    end
    local length = redis.call('LLEN', room.log)
    -- Another ROOM_LOG_MAX after a restart shows until the room has had as many events.
    local most = room.log_max + math.ceil(room.log_max / 8) - 1 -- as lib/emit.lua cuts it
    if length < math.min(room.seq, room.log_max) or length > math.min(room.seq, most) then
        leftover('log_length', 'I7 the log of room ' .. room.id .. ' holds ' .. length .. ' events at seq ' .. int(room.seq))
    end
    local events = redis.call('LRANGE', room.log, -math.max(1, take('events', length)), -1)
    local epoch
    for i, event in ipairs(events) do
        local seq, tail = string.match(event, '.*"originInstanceId":"[^"]*","timestamp":%d+,"seq":(%d+)(.*)$')
        if string.match(event, '^{"roomId":"([^"]*)"') ~= room.id or tonumber(seq or '') ~= room.seq - #events + i then
            violation('log', 'I7 the log of room ' .. room.id .. ' has a gap before seq ' .. int(room.seq - #events + i))
            return
        end
        local own, from = tonumber(string.match(tail, '^,"epoch":(%d+)') or '1'), string.match(tail, '^,"epoch":%d+,"from":(%d+)')
        if epoch and own ~= epoch and tonumber(from or '') ~= epoch then
            violation('log_epoch', 'I7 the log of room ' .. room.id .. ' goes from epoch ' .. int(epoch) .. ' to ' .. int(own) ..
                ' without saying so')
        end
        epoch = own
    end
    if epoch and epoch ~= room.epoch then
        violation('log_epoch', 'I7 the log of room ' .. room.id .. ' ends in epoch ' .. int(epoch) .. ', the room is in ' ..
            int(room.epoch))
    end
end

-- Number and epoch are those of its writing: messages do not renew it.
local function check_projection(room, state)
    local seq, epoch = string.match(state, ',"seq":(%d+),"epoch":(%d+)}$')
    local seq_now, epoch_now = room.seq, room.epoch
    room.seq, room.epoch = math.min(tonumber(seq or '0'), seq_now), math.min(tonumber(epoch or '0'), epoch_now)
    if room_record(room) ~= state then
        violation('projection', 'I3 game_states ' .. room.id .. ' is not what room ' .. room.id .. ' says')
    end
    room.seq, room.epoch = seq_now, epoch_now
end

local function check_match(room, raw)
    local id, list, created = string.match(raw,
        '^{"player1":{.-},"player2":{.-},"roomId":"([^"]*)","players":%[(.*)%],"createdAt":(%d+)}$')
    local matched = {}
    for player in string.gmatch(list or '', '{"id":"([^"]*)","level":%d+}') do
        if matched[player] then
            violation('match_twice', 'I2 match ' .. room.id .. ' holds player ' .. player .. ' twice')
        end
        matched[player] = true
    end
    for _, player in ipairs(room.order) do
        if not matched[player] then
            violation('match_differs', 'I2 match ' .. room.id .. ' does not hold player ' .. player .. ', who sits in its room')
        end
    end
    if id ~= room.id or tonumber(created or '') ~= room.created then
        violation('match_differs', 'I3 match ' .. room.id .. ' reads ' .. raw)
    end
end

local function check_timers(room)
    local due = redis.call('ZSCORE', DEADLINES, confirm_member(room))
    -- Later than planned is right: an outage of the whole fleet stops the deadlines' clock.
    local lost = NOW - fleet_now(DEADLINES)
    if room.status == 'waiting' and (tonumber(due or '') or 0) + lost < room.confirm_by then
        violation('deadline_missing', 'I11 room ' .. room.id .. ' waits without ' .. confirm_member(room))
    elseif room.status ~= 'waiting' and due then
        violation('deadline_stale', 'I11 room ' .. room.id .. ' has started and still has ' .. confirm_member(room))
    end
    if not redis.call('ZSCORE', DEADLINES, idle_member(room)) then
        violation('deadline_missing', 'I11 room ' .. room.id .. ' has no idle deadline')
    end
end

local function check_whole(id, key)
    local match, state, here = redis.call('HGET', MATCHES, id), redis.call('HGET', GAME_STATES, id), readable(key, 'hash')
    local function missing(kind, has, text)
        if has then
            violation(kind, 'I3 ' .. text)
        end
    end
    missing('match_without_state', match and not state, 'match ' .. id .. ' has no game_states')
    missing('match_without_room', match and not here, 'match ' .. id .. ' has no room')
    missing('state_without_match', state and not match, 'game_states ' .. id .. ' has no match')
    missing('state_without_room', state and not here, 'game_states ' .. id .. ' has no room')
    missing('room_without_match', here and not match, 'room ' .. id .. ' has no match')
    missing('room_without_state', here and not state, 'room ' .. id .. ' has no game_states')
    return match, state, here
end

local function check_room(id)
    local key = PREFIX .. 'room:' .. id
    local match, state, here = check_whole(id, key)
    local fault = here and room_fault(key)
    if not here or fault then
        if fault then
            violation('room_unreadable', 'I3 room ' .. id .. ': ' .. fault)
        end
        return
    end
    totals.rooms = totals.rooms + 1
    local room, ready = room_load(id, key, key .. ':log', LOG_MAX), true
    for _, player in ipairs(room.order) do
        check_seat(room, player, room.seats[player])
        ready = ready and room.seats[player].confirmed
    end
    if (room.status == 'active') ~= ready then
        violation('confirmations', 'I4 room ' .. id .. ' is ' .. room.status .. (ready and ', but all' or ', but not all') ..
            ' seats are confirmed')
    end
    if room.insts ~= room_insts(room) then
        violation('insts', 'I3 room ' .. id .. ' is published to "' .. room.insts .. '", its seats are on "' ..
            room_insts(room) .. '"')
    end
    check_log(room)
    check_timers(room)
    if state then
        check_projection(room, state)
    end
    if match then
        check_match(room, match)
    end
end

local function check_rooms()
    totals.rooms = 0
    local matched = hash_entries(MATCHES)
    for i = 1, #matched, 2 do
        name_add('room', matched[i])
    end
    -- The values of game_states are large: the names alone, or nothing.
    if redis.call('HLEN', GAME_STATES) <= LIMIT then
        for _, id in ipairs(redis.call('HKEYS', GAME_STATES)) do
            name_add('room', id)
        end
    else
        complete = false
    end
    complete = complete and #names.room <= LIMIT
    for i = 1, math.min(#names.room, LIMIT) do
        check_room(names.room[i])
    end
    for _, id in ipairs(names.log) do
        local log = PREFIX .. 'room:' .. id .. ':log'
        if redis.call('EXISTS', PREFIX .. 'room:' .. id) == 0 and redis.call('PTTL', log) == -1 then
            violation('log_without_room', 'I3 the log of room ' .. id .. ' is left for ever')
        end
    end
end

