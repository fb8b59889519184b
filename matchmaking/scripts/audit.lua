#!lua flags=no-writes
-- audit: do all keys of the realm agree? Checks, in one state, what redis.md calls the invariants.
-- KEYS  1-7 as in lib/player.lua, 8 fence, 9 instance_info, 10 instance_epochs. Rooms, queues and socket sets are named from
--       the prefix: the audit (like cleanup.lua) reads the whole realm and cannot know its keys before.
-- ARGV  1-3 as in lib/core.lua, 4 prefix, 5 entries at most per collection, 6 texts at most of each sort, 7 log_max, 8 seats
-- Reply {"OK", 1 if everything was read else 0, violations, leftovers, {violation, ...}, {leftover, ...},
--       {name, total, ...}, {kind, count, ...}, {instance, its sockets, ...}}. A text begins with the invariant's number.
--
-- A violation is what no order of our scripts leads to, wherever instances die between them: a bug, or a strange hand in the
-- store. A leftover is what they do lead to: what bears a dead instance's name until the sweeper comes, a connection that
-- has attached but not yet taken its seat or its place, a deadline that will find nothing to do. A settled realm has none of either.
local PREFIX, LIMIT, TEXTS, LOG_MAX, SEATS = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
--@include core clock player room names
local FENCE, INFO, EPOCHS = KEYS[8], KEYS[9], KEYS[10]
local complete = true
local texts, counts, kinds, totals, sockets_of = {violation = {}, leftover = {}}, {violation = 0, leftover = 0}, {}, {}, {}

local function note(sort, kind, text)
    counts[sort] = counts[sort] + 1
    kinds[kind] = (kinds[kind] or 0) + 1
    if #texts[sort] < TEXTS then
        -- Raw values are shown: plain ASCII and not too much of it, so that any reader can print it.
        texts[sort][#texts[sort] + 1] = (string.gsub(string.sub(text, 1, 300), '[^\32-\126]', '?'))
    end
end
local function violation(kind, text)
    note('violation', kind, text)
end
local function leftover(kind, text)
    note('leftover', kind, text)
end

-- Reading: at most LIMIT entries of each collection; the queues are one collection, and so are the socket sets.

local left = {queues = LIMIT, sockets = LIMIT, events = LIMIT}
-- How many of `wanted` entries may still be read.
local function take(budget, wanted)
    local n = math.min(left[budget], wanted)
    left[budget] = left[budget] - n
    complete = complete and n == wanted
    return n
end

-- Where to begin in a collection of so many: in one that is too large each audit looks at another part of it.
local function first_cursor(size)
    return size > LIMIT and int(NOW % 1048576) or '0'
end

-- {name, value, ...} of a hash (step 2) or {name, ...} of a set (step 1), each name once.
local function pages(command, key, step, limit, first)
    local list, seen, n, cursor = {}, {}, 0, first or '0'
    repeat
        local page = redis.call(command, key, cursor, 'COUNT', 200)
        cursor = page[1]
        for i = 1, #page[2], step do
            local name = page[2][i]
            if not seen[name] and n < limit then
                seen[name], n = true, n + 1
                list[#list + 1] = name
                if step == 2 then
                    list[#list + 1] = page[2][i + 1]
                end
            end
        end
    until cursor == '0' or n >= limit
    return list
end
local function hash_entries(key)
    local size = redis.call('HLEN', key)
    complete = complete and size <= LIMIT
    return pages('HSCAN', key, 2, LIMIT, first_cursor(size))
end

-- May this computed key be read as `kind`? A foreign type is a violation by itself.
local function readable(key, kind)
    local found = redis.call('TYPE', key).ok
    if found ~= kind and found ~= 'none' then
        violation('wrong_type', 'KEY ' .. key .. ' holds a ' .. found .. ', not a ' .. kind)
    end
    return found == kind
end

-- The keys of the realm that carry a name: rooms, logs, levels and socket owners, as lists and as sets.
local names = {room = {}, log = {}, level = {}, owner = {}}
local function name_add(sort, name)
    if not names[sort][name] then
        names[sort][name] = true
        names[sort][#names[sort] + 1] = name
    end
end
local function name_find()
    local most = 2 * LIMIT + 1000
    local cursor, got, looked = redis.call('DBSIZE') > most and int(NOW % 1048576) or '0', 0, 0
    complete = complete and cursor == '0'
    repeat
        local page = redis.call('SCAN', cursor, 'COUNT', 500)
        cursor, got, looked = page[1], got + #page[2], looked + 500
        for _, key in ipairs(page[2]) do
            local sort, name = name_parse(key)
            if sort then
                name_add(sort, name)
            end
        end
    until cursor == '0' or got > most or looked > 20 * most
    complete = complete and cursor == '0'
end

local function why_dead(instance)
    return redis.call('ZSCORE', INSTANCES, instance) and 'whose lease is over' or 'which is unknown'
end

-- The fleet: I9, I10.

local function check_sockets(instance)
    local key = PREFIX .. 'instance:' .. instance .. ':sockets'
    if not readable(key, 'set') then
        return
    end
    sockets_of[#sockets_of + 1], sockets_of[#sockets_of + 2] = instance, redis.call('SCARD', key)
    for _, socket in ipairs(pages('SSCAN', key, 1, take('sockets', redis.call('SCARD', key)))) do
        local raw = redis.call('HGET', MAPPINGS, socket)
        if not raw then
            leftover('socket_without_mapping', 'I9 socket ' .. socket .. ' of instance ' .. instance .. ' has no mapping')
        elseif string.match(raw, '"instanceId":"([^"]*)"') ~= instance then
            violation('socket_of_another', 'I9 socket ' .. socket .. ' stands in the set of instance ' .. instance ..
                ', its mapping says ' .. raw)
        end
    end
end

local function check_fleet()
    local leases = redis.call('ZRANGE', INSTANCES, 0, LIMIT - 1, 'WITHSCORES')
    totals.instances, totals.deadInstances = redis.call('ZCARD', INSTANCES), 0
    complete = complete and totals.instances <= LIMIT
    for i = 1, #leases, 2 do
        local id = leases[i]
        name_add('owner', id)
        if not instance_live(id) then
            totals.deadInstances = totals.deadInstances + 1
            leftover('dead_instance', 'I9 instance ' .. id .. ' is dead and not retired yet')
        end
        for _, key in ipairs({INFO, EPOCHS}) do
            if redis.call('HEXISTS', key, id) == 0 then
                violation('fleet_differs', 'I10 instance ' .. id .. ' has a lease but no entry in ' .. key)
            end
        end
    end
    for _, key in ipairs({INFO, EPOCHS}) do
        local list = hash_entries(key)
        for i = 1, #list, 2 do
            if not redis.call('ZSCORE', INSTANCES, list[i]) then
                violation('fleet_differs', 'I10 ' .. key .. ' names instance ' .. list[i] .. ', which has no lease')
            end
        end
    end
    for _, owner in ipairs(names.owner) do
        if not redis.call('ZSCORE', INSTANCES, owner) then
            leftover('unknown_owner', 'I9 sockets of instance ' .. owner .. ' are left, which is unknown')
        end
        check_sockets(owner)
    end
end

-- Who is connected: socket_mappings and players, I1 and I9.

local function check_mapping(field, raw)
    local socket, instance, room, player = string.match(raw,
        '^{"socketId":"([^"]*)","instanceId":"([^"]*)","roomId":([^,]+),"playerId":"([^"]*)"}$')
    if socket ~= field then
        violation('mapping_unreadable', 'I9 mapping ' .. field .. ' reads ' .. raw)
        return
    end
    if not instance_live(instance) then
        leftover('mapping_dead_instance', 'I9 mapping ' .. field .. ' belongs to instance ' .. instance .. ', ' ..
            why_dead(instance))
        return
    end
    local p = player_get(player)
    if not p or p.socket ~= field or p.instance ~= instance then
        violation('mapping_without_player', 'I9 mapping ' .. field .. ' names player ' .. player ..
            ', whose record does not name it')
    elseif room ~= (p.room == '' and 'null' or '"' .. p.room .. '"') then
        violation('mapping_room', 'I9 mapping ' .. field .. ' says room ' .. room .. ', player ' .. player .. ' is in "' ..
            p.room .. '"')
    end
    if redis.call('SISMEMBER', PREFIX .. 'instance:' .. instance .. ':sockets', field) == 0 then
        violation('mapping_not_in_set', 'I9 mapping ' .. field .. ' is missing in the set of instance ' .. instance)
    end
end

local fence_max = 0
local function check_fence(fence, what)
    if fence > fence_max then
        violation('fence', 'I8 ' .. what .. ' holds fence ' .. int(fence) .. ', the counter stands at ' .. int(fence_max))
    end
end

-- What a record may say in each state; nil if it is in order.
local function player_fault(p)
    if (p.socket == '') ~= (p.instance == '') then
        return 'socket and instance go together'
    elseif p.setup ~= '' and (p.state == 'idle' or not string.match(p.setup, '^{.*}$')) then
        return 'a setup is a JSON object, and belongs to a ticket'
    elseif p.state == 'room' then
        return (p.room == '' or p.level == '' or p.ticket == '') and 'a seat needs room, level and ticket' or nil
    elseif p.state == 'away' then
        return (p.socket ~= '' or p.room ~= '' or p.level == '' or p.ticket == '') and 'away means a ticket and no socket' or nil
    elseif p.socket == '' then
        return 'only a seat or a ticket outlives its socket'
    elseif p.room ~= '' then
        return 'only a seat has a room'
    elseif p.state == 'queued' then
        return (p.level == '' or p.ticket == '') and 'a ticket needs a level' or nil
    elseif p.state == 'idle' then
        return (p.level ~= '' or (p.ticket ~= '' and p.ticket ~= TICKET_LOST)) and 'idle means no ticket' or nil
    end
    return 'there is no such state'
end

local queued = {}
local function check_player(id, raw)
    local p = player_get(id)
    local fault = p and player_fault(p) or nil
    if not p or fault then
        violation('player_record', 'I1 the record of player ' .. id .. ' reads ' .. raw .. (fault and ': ' .. fault or ''))
        return
    end
    check_fence(p.fence, 'player ' .. id)
    local live = instance_live(p.instance)
    if p.socket ~= '' and not live then
        leftover('player_dead_instance', 'I9 player ' .. id .. ' (' .. p.state .. ') belongs to instance ' .. p.instance ..
            ', ' .. why_dead(p.instance))
    elseif p.socket ~= '' and redis.call('HEXISTS', MAPPINGS, p.socket) == 0 then
        violation('player_without_mapping', 'I9 player ' .. id .. ' is connected as ' .. p.socket .. ', which has no mapping')
    end
    if p.state == 'queued' then
        queued[#queued + 1] = p
    elseif p.state == 'away' then
        if not redis.call('ZSCORE', DEADLINES, 'queue:' .. id .. ':' .. int(p.fence)) then
            violation('away_without_deadline', 'I11 player ' .. id .. ' is away, and nothing ends that')
        end
    elseif p.state == 'room' then
        local key = PREFIX .. 'room:' .. p.room
        name_add('room', p.room)
        if redis.call('TYPE', key).ok ~= 'hash' or redis.call('HEXISTS', key, 'p:' .. id) == 0 then
            violation('record_without_seat', 'I1 player ' .. id .. ' is said to sit in room ' .. p.room ..
                ', which has no such seat')
        end
    end
end

-- The queues: I1, I5, I6.

local waits = {}
local function check_entry(id, level)
    if waits[id] then
        violation('queued_twice', 'I1 player ' .. id .. ' waits twice, at level ' .. waits[id] .. ' and at ' .. level)
        return false
    end
    waits[id] = level
    local p = player_get(id)
    if not p then
        violation('queue_orphan', 'I5 player ' .. id .. ' waits at level ' .. level .. ' without a record')
    elseif p.state == 'room' then
        violation('queued_and_in_room', 'I1 player ' .. id .. ' waits at level ' .. level .. ' and sits in room ' .. p.room)
    elseif p.state ~= 'queued' or p.level ~= level then
        violation('queue_orphan', 'I5 player ' .. id .. ' waits at level ' .. level .. ', the record says ' .. p.state ..
            ' ' .. p.level)
    elseif not instance_live(p.instance) then
        leftover('queued_dead', 'I5 player ' .. id .. ' waits at level ' .. level .. ', but instance ' .. p.instance ..
            ' is dead')
    else
        return p.joined + 1000 < NOW
    end
    return false
end

local function check_queue(level)
    local key = PREFIX .. 'waiting:level:' .. level
    if not string.match(level, '^%d+$') then
        violation('levels_index', 'I6 there is no level ' .. level)
    end
    if not readable(key, 'list') then
        violation('levels_index', 'I6 waiting:levels names level ' .. level .. ', where nobody waits')
        return
    end
    if redis.call('SISMEMBER', LEVELS, level) == 0 then
        violation('levels_index', 'I6 players wait at level ' .. level .. ', which waiting:levels does not name')
    end
    local length, ready = redis.call('LLEN', key), 0
    totals.queued = totals.queued + length
    local some = take('queues', length)
    for _, id in ipairs(some > 0 and redis.call('LRANGE', key, 0, some - 1) or {}) do
        if check_entry(id, level) then
            ready = ready + 1
        end
    end
    if ready >= SEATS then
        leftover('unmatched', 'I6 ' .. ready .. ' live players wait at level ' .. level .. ' for more than a second')
    end
end

local function check_queues()
    totals.queued = 0
    for _, level in ipairs(pages('SSCAN', LEVELS, 1, LIMIT)) do
        name_add('level', level)
    end
    for _, level in ipairs(names.level) do
        check_queue(level)
    end
    -- A dead instance's players lose their entries to whoever matches at their level, and their records to the sweeper. If the
    -- instance comes back, or the player at another one, the same ticket is handed in again.
    for _, p in ipairs(queued) do
        if complete and waits[p.id] ~= p.level and instance_live(p.instance) then
            leftover('queued_without_entry', 'I6 player ' .. p.id .. ' is queued at level ' .. p.level ..
                ', but stands in no list')
        end
    end
end

--@include audit_room

-- The deadlines: I11.

local now -- of the deadlines' clock
local function check_deadline(entry, due)
    if not is_deadline(entry) then
        return
    end
    local kind, subject, version = string.match(entry, '^(%a+):(.+):(%d+)$')
    if kind == 'queue' then
        local p = player_get(subject)
        if not p or p.state ~= 'away' or int(p.fence) ~= version then
            leftover('deadline_void', 'I11 ' .. entry .. ' will find nothing to do')
        end
        return
    end
    local id, rest = string.match(subject or '', '^([^/]+)/?(.*)$')
    if not id or (kind ~= 'idle' and kind ~= 'confirm' and kind ~= 'grace' and kind ~= 'turn') then
        violation('deadline_unreadable', 'I11 deadlines holds ' .. entry)
        return
    end
    local key = PREFIX .. 'room:' .. id
    local exists = redis.call('TYPE', key).ok == 'hash'
    if not exists and kind ~= 'grace' then
        violation('deadline_without_room', 'I11 ' .. entry .. ' is left of a room that has ended')
    elseif exists and kind == 'turn' then
        if version ~= redis.call('HGET', key, 'version') or rest ~= '' then
            violation('deadline_stale', 'I11 ' .. entry .. ' does not belong to the room as it is')
        end
    elseif exists and kind ~= 'grace' then
        local level = redis.call('HGET', key, 'level')
        if version ~= '1' or rest ~= (kind == 'confirm' and level or '') then
            violation('deadline_stale', 'I11 ' .. entry .. ' does not belong to the room as it is')
        end
    else
        local seat = exists and redis.call('HGET', key, 'p:' .. rest)
        if not seat or string.match(seat, '^|[^|]*|%d|(%d+)|') ~= version then
            leftover('deadline_void', 'I11 ' .. entry .. ' will find nothing to do')
        end
    end
    if due + 1000 < now and totals.instances > totals.deadInstances then
        leftover('overdue', 'I11 ' .. entry .. ' is overdue by ' .. int(now - due) .. ' ms')
    end
end

for i, kind in ipairs({'hash', 'zset', 'hash', 'hash', 'hash', 'zset', 'set', 'string', 'hash', 'hash'}) do
    local bad = need(KEYS[i], kind)
    if bad then
        return bad
    end
end
fence_max = tonumber(redis.call('GET', FENCE) or '0') or 0
name_find()
check_fleet()
totals.mappings, totals.players = redis.call('HLEN', MAPPINGS), redis.call('HLEN', PLAYERS)
local list = hash_entries(MAPPINGS)
for i = 1, #list, 2 do
    check_mapping(list[i], list[i + 1])
end
list = hash_entries(PLAYERS)
for i = 1, #list, 2 do
    check_player(list[i], list[i + 1])
end
check_queues()
check_rooms()
totals.matches, totals.gameStates = redis.call('HLEN', MATCHES), redis.call('HLEN', GAME_STATES)
totals.deadlines = redis.call('ZCARD', DEADLINES) - (redis.call('ZSCORE', DEADLINES, SHIFT) and 1 or 0) -
    (redis.call('ZSCORE', DEADLINES, STOPPED) and 1 or 0)
complete = complete and totals.deadlines <= LIMIT
now = fleet_now(DEADLINES)
list = redis.call('ZRANGE', DEADLINES, 0, LIMIT - 1, 'WITHSCORES')
for i = 1, #list, 2 do
    check_deadline(list[i], tonumber(list[i + 1]))
end

local function flat(map)
    local pairs_list = {}
    for name, n in pairs(map) do
        pairs_list[#pairs_list + 1], pairs_list[#pairs_list + 2] = name, n
    end
    return pairs_list
end
return {'OK', complete and 1 or 0, counts.violation, counts.leftover, texts.violation, texts.leftover, flat(totals),
        flat(kinds), sockets_of}
