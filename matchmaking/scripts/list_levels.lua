#!lua
-- list_levels: the levels somebody waits at. KEYS 1 waiting:levels. Reply {level, ...}
return redis.call('SMEMBERS', KEYS[1])
