-- clock: what time it is in the store, in ms since 1970; all instances go by it.
local NOW = store_now()

-- Deadlines are due by a clock of their own, which stands still while no instance lives: NOW less the time that nobody could
-- use. heartbeat.lua keeps the sum of that time as the entry SHIFT of `deadlines`, with a score where no deadline is; STOPPED is
-- there while no instance lives, and says since when, if the leases do not: the last one went in order (retire.lua), or a beat that
-- renewed nothing has counted the time up to then.
local SHIFT, STOPPED, SHIFT_ZERO = 'shift', 'stopped', 4e15
local function is_deadline(entry)
    return entry ~= SHIFT and entry ~= STOPPED
end
local shifted -- asked for once; only heartbeat.lua changes it
local function fleet_now(deadlines)
    shifted = shifted or SHIFT_ZERO - tonumber(redis.call('ZSCORE', deadlines, SHIFT) or SHIFT_ZERO)
    return NOW + shifted
end
