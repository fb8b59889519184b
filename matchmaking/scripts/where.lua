#!lua
-- where: the records of some attached players, so that an instance can compare them with what it believes. Keeps their
-- sessions: whoever stays connected for longer than a session lives needs it all the same, for resuming and for repeated requests.
-- KEYS  1 players, 2.. session:{sessionId} of each player
-- ARGV  1-3 as in lib/core.lua, 4 session_ms while attached, 5.. the player ids, in the order of the sessions
-- Reply {record or "", ...} in the order of the players; a record is as in lib/player.lua.
--       "" also if the session is lost: attaching again makes a new one. Idempotent; writes only for sessions past half their time.
local ms = tonumber(ARGV[4])
local list = {}
for i = 2, #KEYS do
    local left = redis.call('PTTL', KEYS[i])
    if left >= 0 and left < ms / 2 then
        redis.call('PEXPIRE', KEYS[i], ARGV[4])
    end
    list[#list + 1] = left ~= -2 and redis.call('HGET', KEYS[1], ARGV[i + 3]) or ''
end
return list
