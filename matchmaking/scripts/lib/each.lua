-- each: a script that is carried out for every call that came with it (the line --@each). What fails in one keeps the others
-- from nothing. The tables are the same ones each time: a call does not keep them.
local function each_call(call, keys_front, keys_own, args_front, args_own)
    local replies, keys, args, k, a = {}, {}, {}, keys_front, args_front
    for i = 1, keys_front do
        keys[i] = KEYS[i]
    end
    for i = 1, args_front do
        args[i] = ARGV[i]
    end
    for n = 1, (#ARGV - args_front) / args_own do
        for i = 1, keys_own do
            keys[keys_front + i] = KEYS[k + i]
        end
        for i = 1, args_own do
            args[args_front + i] = ARGV[a + i]
        end
        k, a = k + keys_own, a + args_own
        local good, reply = pcall(call, keys, args)
        replies[n] = good and reply or {err = reply}
    end
    return replies
end
