#!lua flags=allow-oom
-- due_timers: the entries of `deadlines` that are overdue by the fleet's clock, at most ARGV[4] of them. Changes nothing.
-- KEYS  1 deadlines
-- ARGV  1-3 as in lib/core.lua, 4 at most
-- Reply {entry, ...}
--@include core clock
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', int(fleet_now(KEYS[1])), 'LIMIT', 0, ARGV[4])
