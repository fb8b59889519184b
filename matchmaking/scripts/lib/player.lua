-- player: the player's own record, `state|fence|level|ticketId|joinedAt|roomId|socketId|instanceId[|setup]` in the hash `players`,
-- and the seed's socket_mappings. setup is what he says about himself with a ticket, raw JSON; it is there until the game starts. KEYS[1..7] are the same in every script that includes this part.
local PLAYERS, INSTANCES, MAPPINGS, MATCHES, GAME_STATES, DEADLINES, LEVELS =
    KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]

-- In place of an idle player's ticket: his record was lost and made anew, and the instance that holds him may still know
-- of a ticket. Until he joins or leaves anything.
local TICKET_LOST = '-'

-- nil, or the error reply that stops a script before it would change half of what belongs together: there is no rollback.
local function player_bad_type()
    return need(PLAYERS, 'hash') or need(INSTANCES, 'zset') or need(MAPPINGS, 'hash') or need(MATCHES, 'hash') or
        need(GAME_STATES, 'hash') or need(DEADLINES, 'zset') or need(LEVELS, 'set')
end

local function player_get(id)
    local raw = redis.call('HGET', PLAYERS, id)
    if not raw then
        return nil
    end
    local state, fence, level, ticket, joined, room, socket, instance, setup =
        string.match(raw, '^(%a+)|(%d+)|(%d*)|([^|]*)|(%d*)|([^|]*)|([^|]*)|([^|]*)|?(.*)$')
    if not state then
        return nil
    end
    return {id = id, state = state, fence = tonumber(fence), level = level, ticket = ticket, joined = tonumber(joined) or 0,
            room = room, socket = socket, instance = instance, setup = setup}
end

local function player_text(p)
    return p.state .. '|' .. int(p.fence) .. '|' .. p.level .. '|' .. p.ticket .. '|' .. int(p.joined) .. '|' .. p.room .. '|' ..
        p.socket .. '|' .. p.instance .. (p.setup ~= '' and '|' .. p.setup or '')
end
local function player_put(p)
    redis.call('HSET', PLAYERS, p.id, player_text(p))
end

-- Who is connected where, in the seed's form. Nothing for a player without a socket.
local function mapping_text(p)
    return '{"socketId":"' .. p.socket .. '","instanceId":"' .. p.instance .. '","roomId":' ..
        (p.room ~= '' and '"' .. p.room .. '"' or 'null') .. ',"playerId":"' .. p.id .. '"}'
end
local function mapping_put(p)
    if p.socket ~= '' then
        redis.call('HSET', MAPPINGS, p.socket, mapping_text(p))
    end
end

-- As matchFound lists him.
local function player_listed(id, setup)
    return '{"id":"' .. id .. '"' .. (setup ~= '' and ',"setup":' .. setup or '') .. '}'
end

-- Out of queue or room: an attached player stays as idle, the record of one without a socket goes.
local function player_idle(p)
    p.state, p.level, p.ticket, p.joined, p.room, p.setup = 'idle', '', '', 0, '', ''
    if p.socket == '' then
        redis.call('HDEL', PLAYERS, p.id)
    else
        player_put(p)
        mapping_put(p)
    end
end

local leases = {}
local function instance_live(instance)
    if instance == '' then
        return false
    end
    if leases[instance] == nil then
        leases[instance] = tonumber(redis.call('ZSCORE', INSTANCES, instance) or '0') > NOW
    end
    return leases[instance]
end

-- The caller's own hold on the player: nil and REPLACED or GONE if another attach came later, or if a sweep took the record or
-- wrote its connection off (a seat in grace, a place remembered): that is taken back by attaching, not by a step that was late.
local function player_own(id, fence)
    local p = player_get(id)
    if not p or p.socket == '' then
        return nil, 'GONE'
    end
    if p.fence ~= fence then
        return nil, 'REPLACED'
    end
    return p
end
