#!lua
-- join: a player enters a level's queue, or is matched at once with the longest waiting.
-- KEYS  1-7 as in lib/player.lua, 8 waiting:level:N, 9 room:{roomId}, 10 room:{roomId}:log, 11 session:{sessionId}, or any
--       missing key if nobody asks who might have asked before, 12 lineage
-- ARGV  1-3 as in lib/core.lua, 4 seats, 5 confirm_ms, 6 idle_ms, 7 log_max, 8 "1" = CONFIRM is auto: his own seat is
--       confirmed with the match, 9 player, 10 fence,
--       11 level, 12 ticket, 13 roomId for a new room, 14 how: "ask" = not if the session has handed in this ticket before,
--       "keep" = only if he still waits with it, "enter" = in any case (the store had lost it), 15 for "enter": since when he
--       waits, in ms by the store's clock; 0 or less: by so many ms before now, 16 what he says about himself (raw JSON) or "": a
--       ticket that waits keeps what came with it
-- Reply {"WAITING", position, more} | {"MATCHED", roomId, events} | {"ALREADY_QUEUED", ticket} |
--       {"ALREADY_IN_MATCH", roomId} | {"NOT_QUEUED"} (this ticket has come to its end) | {"REPLACED"} | {"GONE"} |
--       {"LEASE"} (the caller's own lease is over); one for each call. more = 1: too many dead entries for one call, run
--       match.lua for the level.
-- Atomic because seeing a partner and taking him must be one; idempotent by ticket: the same ticket asks "where am I?", and
-- the session remembers its last one, so that asking late is not joining again.
--@include core clock
local RUN -- asked for when there may be a match
--@include emit player room match each
--@each 7 4 8 8
local queue, level, ticket, seats = KEYS[8], ARGV[11], ARGV[12], tonumber(ARGV[4])
local p, why = player_own(ARGV[9], tonumber(ARGV[10]))
if not p then
    return {why}
end
if p.state == 'room' then
    if p.ticket == ticket then
        return {'MATCHED', p.room, {}} -- this very ticket: its answer was lost
    end
    return {'ALREADY_IN_MATCH', p.room}
end
local session = redis.call('HMGET', KEYS[11], 'player', 'ticket')
if p.state ~= 'queued' and (ARGV[14] == 'keep' or (ARGV[14] == 'ask' and session[2] == ticket)) then
    return {'NOT_QUEUED'}
end
if not instance_live(ORIGIN) then
    return {'LEASE'}
end
local again = p.state == 'queued'
if again and (p.ticket ~= ticket or p.level ~= level) then
    return {'ALREADY_QUEUED', p.ticket}
end
-- A list that is too short for a match is not read, however many wait there, unless it has to be known who came later.
local enough = redis.call('LLEN', queue) + 1 >= seats
local bad = need(LEVELS, 'set') or (enough and room_create_bad_type())
if bad then
    return bad
end
if enough then
    RUN = RUN or store_run()
end
local since = tonumber(ARGV[15])
if again then
    redis.call('LREM', queue, 1, p.id)
else
    p.joined = math.min(NOW, since > 0 and since or NOW + since)
    if session[1] then
        redis.call('HSET', KEYS[11], 'ticket', ticket)
    end
end
local partners, more = {}, false
if enough or again or since ~= 0 then
    partners, more = queue_take(queue, level, seats - 1, p.id)
end
p.state, p.level, p.ticket = 'queued', level, ticket
if p.setup == '' then
    p.setup = ARGV[16]
end
-- A returning ticket goes back to where its time puts it: before all who came later. The partners are the list's first.
local before = #partners
while before > 0 and partners[before].joined > p.joined do
    before = before - 1
end
if #partners == seats - 1 then
    table.insert(partners, before + 1, p)
    local room = room_create(ARGV[13], KEYS[9], KEYS[10], level, partners,
        {confirm_ms = ARGV[5], idle_ms = ARGV[6], log_max = ARGV[7], ready = ARGV[8] == '1' and p.id or ''})
    queue_index(queue, level)
    return {'MATCHED', room.id, room.events}
end
local position
if before == #partners then
    position = redis.call('RPUSH', queue, p.id)
else
    position = before + 1
    redis.call('LTRIM', queue, before, -1)
    redis.call('LPUSH', queue, p.id)
    for i = before, 1, -1 do
        redis.call('LPUSH', queue, partners[i].id)
    end
end
redis.call('SADD', LEVELS, level)
player_put(p)
return {'WAITING', position, more and 1 or 0}
