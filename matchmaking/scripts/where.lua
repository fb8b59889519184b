#!lua
-- where: the records of some players, so that an instance can compare them with what it believes. Changes nothing.
-- KEYS  1 players
-- ARGV  1-3 as in lib/core.lua, 4.. player ids
-- Reply {record or "", ...} in the order of the players; a record is `state|fence|level|ticketId|joinedAt|roomId|socketId|instanceId`
local list = {}
for i = 4, #ARGV do
    list[#list + 1] = redis.call('HGET', KEYS[1], ARGV[i]) or ''
end
return list
