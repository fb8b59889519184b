/* A foreign type under one of our keys: every script refuses before it changes anything, and works again when
 * the key is mended. Nobody is popped, matched halfway or lost.
 *
 * Each case of tests/lib/stage.c is tried with each key in turn:
 * the key is moved aside and a value of another type put in its place. The script may answer as if nothing
 * were wrong (it does not use the key), else it must answer WRONGTYPE and leave every byte as it was. Then
 * the key is put back, the script called again, and the audit must find nothing. */
#include "tests/lib/stage.h"

/* %s is the room. */
static const char *const keys[] = {
    "players",
    "instances",
    "socket_mappings",
    "matches",
    "game_states",
    "deadlines",
    "waiting:levels",
    "waiting:level:3",
    "fence",
    "lineage",
    "instance:i1:sockets",
    "instance:i3:sockets",
    "instance:i4:sockets",
    "instance_info",
    "instance_epochs",
    "replaced",
    "room:%s",
    "room:%s:log",
    "session:a.1",
    "session:new",
};

/* KEYS[1] becomes KEYS[2] (RENAME is not among the commands of the in-memory store). */
static void move(struct fleet_world *w, const char *from, const char *to)
{
    static const char text[] =
        "#!lua\n"
        "local from, to, kind = KEYS[1], KEYS[2], redis.call('TYPE', KEYS[1]).ok\n"
        "if kind == 'string' then redis.call('SET', to, redis.call('GET', from))\n"
        "elseif kind == 'list' then redis.call('RPUSH', to, unpack(redis.call('LRANGE', from, 0, -1)))\n"
        "elseif kind == 'set' then redis.call('SADD', to, unpack(redis.call('SMEMBERS', from)))\n"
        "elseif kind == 'hash' then redis.call('HSET', to, unpack(redis.call('HGETALL', from)))\n"
        "elseif kind == 'zset' then\n"
        "    local flat = redis.call('ZRANGE', from, 0, -1, 'WITHSCORES')\n"
        "    for i = 1, #flat, 2 do redis.call('ZADD', to, flat[i + 1], flat[i]) end\n"
        "end\n"
        "redis.call('DEL', from)\n"
        "return {'OK'}\n";
    static const struct script mover = {"mover", text, sizeof text - 1, {0}};
    struct str names[] = {str_of(fleet_text(FLEET_WORLD_PREFIX "%s", from)),
                          str_of(fleet_text(FLEET_WORLD_PREFIX "%s", to))};
    struct backend *b = w->backend[1];
    assert_string_equal(ASK(w, b->ops->run(b, &mover, names, 2, NULL, 0, ANSWER(w))), "OK");
}

static bool refused(const struct fleet_world *w)
{
    return w->text.data[0] == '!';
}

/* true if the script needed the key. */
static bool try_key(struct fleet_world *w, const struct stage_case *c, const char *key)
{
    struct stage s;
    char name[128];
    stage_set(w, c, &s);
    const char *hole = strstr(key, "%s");
    if (hole && !s.a.room[0]) {
        stage_clear(&s);
        return false;
    }
    assert_true(
        str_copy(name, sizeof name, str_of(hole ? fleet_text("room:%s%s", s.a.room, hole + 2) : key)));
    bool was_string = strcmp(name, "fence") == 0 || strcmp(name, "lineage") == 0;
    move(w, name, "aside");
    (void)(was_string ? RAW(w, "RPUSH", name, "foreign") : RAW(w, "SET", name, "foreign"));
    struct buf before = fleet_world_dump(w);
    c->call(w, &s);
    bool needed = refused(w);
    if (needed) {
        assert_string_equal(w->text.data, "!WRONGTYPE");
        fleet_world_same(w, &before, fleet_text("%s with a foreign %s", c->what, key));
    }
    buf_close(&before);
    (void)RAW(w, "DEL", name);
    move(w, "aside", name);
    if (needed) {
        c->call(w, &s);
        if (refused(w))
            fail_msg("%s answers %s after %s was mended", c->what, w->text.data, key);
    }
    fleet_world_audit(w);
    stage_clear(&s);
    return needed;
}

static void every_script_with_every_key(struct fleet_world *w)
{
    size_t needed = 0;
    for (const struct stage_case *c = stage_cases; c->what; c++) {
        size_t of_this = 0;
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            of_this += try_key(w, c, keys[k]);
        if (of_this == 0)
            fail_msg("%s needs no key", c->what);
        needed += of_this;
    }
    assert_true(needed > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH(every_script_with_every_key)};
    return FLEET_WORLD_RUN(tests);
}
