-- names: what a key of the realm is about, for the two scripts that read the whole realm (audit, cleanup). Needs PREFIX.

-- "room", roomId | "log", roomId | "level", level | "owner", instanceId; nil for any other key.
local function name_parse(key)
    if string.sub(key, 1, #PREFIX) ~= PREFIX then
        return nil
    end
    local name = string.sub(key, #PREFIX + 1)
    for _, form in ipairs({{'room', '^room:([^:]+)$'}, {'log', '^room:([^:]+):log$'}, {'level', '^waiting:level:(.+)$'},
                           {'owner', '^instance:(.+):sockets$'}}) do
        local part = string.match(name, form[2])
        if part then
            return form[1], part
        end
    end
    return nil
end
