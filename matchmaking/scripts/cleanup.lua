#!lua flags=allow-oom
-- cleanup: removes orphans that no owner, sweeper or timer will ever come for. One page of one collection per call.
-- KEYS  1-7 as in lib/player.lua, 8 instance_info, 9 instance_epochs. Rooms, queues and socket sets are named from the prefix
--       (see audit.lua).
-- ARGV  1-3 as in lib/core.lua, 4 prefix, 5 collection to look through ("" = the first), 6 cursor in it ("0" = its beginning),
--       7 about how many entries to look at, 8 "1" = dry run: count only
-- Reply {"OK", cleaned, errors, next collection or "" = done, next cursor, {kind, cleaned, ...}}; errors = what is broken but
--       not ours to remove: a live instance owns it, or it is unreadable.
--
-- What a live instance owns is never touched. What a dead one owns is handed to the sweeper, which knows how to end a ticket
-- or a seat; only what the sweeper cannot find is removed here. Idempotent: a second call finds less.
local PREFIX, DRY = ARGV[4], ARGV[8] == '1'
local PAGE = math.max(10, tonumber(ARGV[7]))
--@include core clock player names
local INFO, EPOCHS = KEYS[8], KEYS[9]
local LOG_TTL_MS = 15000
local cleaned, errors, kinds = 0, 0, {}

-- Carries out a redis command (or, on a dry run, does not).
local function write(...)
    if not DRY then
        return redis.call(...)
    end
end
local function count(kind)
    cleaned = cleaned + 1
    kinds[kind] = (kinds[kind] or 0) + 1
end
local function error_found()
    errors = errors + 1
end

local function is(kind, key)
    return redis.call('TYPE', key).ok == kind
end
local function room_key(id)
    return PREFIX .. 'room:' .. id
end
local function sockets_key(instance)
    return PREFIX .. 'instance:' .. instance .. ':sockets'
end

-- A dead instance that is not in the fleet table any more gets its line back, so that the sweeper comes for the rest of it.
local function fleet_put(instance)
    if redis.call('ZSCORE', INSTANCES, instance) then
        return false
    end
    write('ZADD', INSTANCES, 0, instance)
    write('HSETNX', INFO, instance, '{}')
    write('HSETNX', EPOCHS, instance, 1)
    return true
end

-- A player's record: of a dead instance, the sweeper must be able to find its socket; without a socket, only a seat counts.
local function clean_player(id)
    local p = player_get(id)
    if not p then
        error_found()
    elseif p.socket ~= '' then
        if instance_live(p.instance) then
            return
        elseif p.instance == '' then
            error_found()
            return
        end
        local lost = redis.call('HEXISTS', MAPPINGS, p.socket) == 0
        if lost and not DRY then
            mapping_put(p)
        end
        local stray = redis.call('SISMEMBER', sockets_key(p.instance), p.socket) == 0
        if stray then
            write('SADD', sockets_key(p.instance), p.socket)
        end
        if fleet_put(p.instance) or lost or stray then
            count('handedToSweeper')
        end
    elseif p.state == 'away' and redis.call('ZSCORE', DEADLINES, 'queue:' .. id .. ':' .. int(p.fence)) then
        return -- its deadline ends it
    elseif p.state ~= 'room' or not is('hash', room_key(p.room)) or
        redis.call('HEXISTS', room_key(p.room), 'p:' .. id) == 0 then
        write('HDEL', PLAYERS, id)
        count('players')
    end
end

local function clean_mapping(socket, raw)
    local instance, player = string.match(raw, '"instanceId":"([^"]*)".*"playerId":"([^"]*)"}$')
    if not instance then
        error_found()
        return
    end
    local p = player_get(player)
    if p and p.socket == socket then
        return
    end
    if instance_live(instance) then
        error_found()
        return
    end
    write('HDEL', MAPPINGS, socket)
    write('SREM', sockets_key(instance), socket)
    count('mappings')
end

local function clean_match(id)
    if redis.call('EXISTS', room_key(id)) == 0 then
        write('HDEL', MATCHES, id)
        count('matches')
    end
end

local function clean_state(id)
    if redis.call('EXISTS', room_key(id)) == 0 then
        write('HDEL', GAME_STATES, id)
        count('gameStates')
    end
end

-- A room without match: kept while anybody who sits in it is connected to a live instance.
local function clean_room(id, key)
    if redis.call('HEXISTS', MATCHES, id) == 1 then
        return
    end
    local room = redis.call('HMGET', key, 'seats', 'level')
    local records = {}
    for player in string.gmatch(room[1] or '', '%S+') do
        local p = player_get(player)
        local seat = redis.call('HGET', key, 'p:' .. player) or ''
        if instance_live(string.match(seat, '^[^|]*|([^|]*)|') or '') then
            error_found()
            return
        end
        if p and p.state == 'room' and p.room == id then
            if p.socket ~= '' and instance_live(p.instance) then
                error_found()
                return
            end
            records[#records + 1] = p
        end
        write('ZREM', DEADLINES, 'grace:' .. id .. '/' .. player .. ':' .. (string.match(seat, '^|[^|]*|%d|(%d+)|') or ''))
    end
    for _, p in ipairs(records) do
        if not DRY then
            player_idle(p)
        end
    end
    write('ZREM', DEADLINES, 'confirm:' .. id .. '/' .. (room[2] or '') .. ':1', 'idle:' .. id .. ':1')
    write('HDEL', GAME_STATES, id)
    write('DEL', key)
    write('PEXPIRE', key .. ':log', LOG_TTL_MS)
    count('rooms')
end

local function clean_log(id, key)
    if redis.call('EXISTS', room_key(id)) == 0 and redis.call('PTTL', key) == -1 then
        write('PEXPIRE', key, LOG_TTL_MS)
        count('logs')
    end
end

-- A list of waiting players that the index does not name; its entries are looked at in their turn.
local function clean_queue(level)
    if redis.call('SISMEMBER', LEVELS, level) == 0 then
        write('SADD', LEVELS, level)
        count('levels')
    end
end

local function clean_owner(instance)
    if fleet_put(instance) then
        count('handedToSweeper')
    end
end

local function clean_key(key)
    local sort, name = name_parse(key)
    local how = {room = {'hash', clean_room}, log = {'list', clean_log}, level = {'list', clean_queue},
                 owner = {'set', clean_owner}}
    if not sort then
        return
    end
    if is(how[sort][1], key) then
        how[sort][2](name, key)
    else
        error_found()
    end
end

-- true if the entry is gone: a player who is not queued at this level.
local function clean_entry(queue, level, id)
    local p = player_get(id)
    if p and p.state == 'queued' and p.level == level then
        return false
    end
    write('LREM', queue, 1, id)
    count('queueEntries')
    return not DRY
end

-- true if the entry is gone.
local function clean_deadline(entry)
    if not is_deadline(entry) then
        return
    end
    local away, fence = string.match(entry, '^queue:(.+):(%d+)$')
    if away then
        local p = player_get(away)
        if not p or p.state ~= 'away' or int(p.fence) ~= fence then
            write('ZREM', DEADLINES, entry)
            count('deadlines')
            return not DRY
        end
        return
    end
    local id = string.match(entry, '^%a+:([^/:]+)[/:]')
    if not id then
        error_found()
    elseif redis.call('EXISTS', room_key(id)) == 0 then
        write('ZREM', DEADLINES, entry)
        count('deadlines')
        return not DRY
    end
end

local function clean_fleet(key, instance)
    if not redis.call('ZSCORE', INSTANCES, instance) and redis.call('EXISTS', sockets_key(instance)) == 0 then
        write('HDEL', key, instance)
        count('instances')
    end
end

-- How to walk each collection: takes a cursor, returns the next one, "0" at the end.

local function hash_walk(key, clean, page_entries)
    return function(cursor)
        local page = redis.call('HSCAN', key, cursor, 'COUNT', page_entries or PAGE)
        for i = 1, #page[2], 2 do
            clean(page[2][i], page[2][i + 1])
        end
        return page[1]
    end
end
local function keys_walk(cursor)
    local page = redis.call('SCAN', cursor, 'COUNT', PAGE)
    for _, key in ipairs(page[2]) do
        clean_key(key)
    end
    return page[1]
end
-- One page of a level's list: how many entries there were, and at which rank the next page begins.
local function queue_page(level, rank)
    local queue = PREFIX .. 'waiting:level:' .. level
    if not is('list', queue) then
        if redis.call('EXISTS', queue) == 0 then
            write('SREM', LEVELS, level)
            count('levels')
        end
        return 0, rank
    end
    local entries = redis.call('LRANGE', queue, rank, rank + PAGE - 1)
    for _, id in ipairs(entries) do
        rank = rank + (clean_entry(queue, level, id) and 0 or 1)
    end
    if redis.call('EXISTS', queue) == 0 then
        write('SREM', LEVELS, level)
    end
    return #entries, rank
end
-- The cursor is "level/rank".
local function queues_walk(cursor)
    local levels, looked = redis.call('SMEMBERS', LEVELS), 0
    table.sort(levels)
    local from, rank = string.match(cursor, '^(.+)/(%d+)$')
    for _, level in ipairs(levels) do
        if not from or level >= from then
            if looked > PAGE then
                return level .. '/0'
            end
            local entries, following = queue_page(level, level == from and tonumber(rank) or 0)
            if entries == PAGE then
                return level .. '/' .. int(following)
            end
            looked = looked + entries + 1
        end
    end
    return '0'
end
-- The cursor is "@rank" (rank 0 is not the end); entries that went make room for the next ones.
local function deadlines_walk(cursor)
    local at = tonumber(string.match(cursor, '^@(%d+)$') or '0')
    local entries = redis.call('ZRANGE', DEADLINES, at, at + PAGE - 1)
    local kept = 0
    for _, entry in ipairs(entries) do
        kept = kept + (clean_deadline(entry) and 0 or 1)
    end
    return #entries < PAGE and '0' or '@' .. int(at + kept)
end

local order = {'players', 'socket_mappings', 'matches', 'game_states', 'keys', 'queues', 'deadlines', 'instance_info',
               'instance_epochs'}
local walks = {
    players = hash_walk(PLAYERS, clean_player),
    socket_mappings = hash_walk(MAPPINGS, clean_mapping),
    matches = hash_walk(MATCHES, clean_match),
    game_states = hash_walk(GAME_STATES, clean_state, math.max(1, math.floor(PAGE / 4))),
    keys = keys_walk,
    queues = queues_walk,
    deadlines = deadlines_walk,
    instance_info = hash_walk(INFO, function(id)
        clean_fleet(INFO, id)
    end),
    instance_epochs = hash_walk(EPOCHS, function(id)
        clean_fleet(EPOCHS, id)
    end),
}

for i, kind in ipairs({'hash', 'zset', 'hash', 'hash', 'hash', 'zset', 'set', 'hash', 'hash'}) do
    local bad = need(KEYS[i], kind)
    if bad then
        return bad
    end
end
local at = ARGV[5] ~= '' and ARGV[5] or order[1]
if not walks[at] then
    return redis.error_reply('ERR there is no collection ' .. at)
end
local cursor = walks[at](ARGV[6])
local following = at
if cursor == '0' then
    following = ''
    for i, name in ipairs(order) do
        if name == at then
            following = order[i + 1] or ''
        end
    end
end
local list = {}
for kind, n in pairs(kinds) do
    list[#list + 1], list[#list + 2] = kind, n
end
return {'OK', cleaned, errors, following, cursor, list}
