/* A foreign type under one of our keys: every script refuses before it changes anything, and works again when
 * the key is mended. Nobody is popped, matched halfway or lost.
 *
 * Each script is a case: what must be there before, and the call. Each case is tried with each key in turn:
 * the key is moved aside and a value of another type put in its place. The script may answer as if nothing
 * were wrong (it does not use the key), else it must answer WRONGTYPE and leave every byte as it was. Then
 * the key is put back, the script called again, and the audit must find nothing. */
#include "tests/lib/play.h"

struct stage { /* what a case prepares and its call uses */
    struct player a, b, c;
    char entry[160]; /* of `deadlines` */
};

static void nothing(struct fleet_world *w, struct stage *s)
{
    s->a = play_arrive(w, "a", 1);
    s->b = play_arrive(w, "b", 2);
    s->c = play_arrive(w, "c", 3);
}

static void somebody_waits(struct fleet_world *w, struct stage *s)
{
    nothing(w, s);
    (void)play_join(w, &s->a, 3);
}

static void two_wait(struct fleet_world *w, struct stage *s)
{
    nothing(w, s);
    fleet_world_seats(w, 3);
    (void)play_join(w, &s->a, 3);
    (void)play_join(w, &s->b, 3);
    fleet_world_seats(w, 2);
}

static void both_in(struct fleet_world *w, struct stage *s, bool active)
{
    struct player p[2];
    nothing(w, s);
    p[0] = s->a;
    p[1] = s->b;
    (active ? play_room : play_waiting_room)(w, p, 2, 3);
    s->a = p[0];
    s->b = p[1];
}

static void waiting_room(struct fleet_world *w, struct stage *s)
{
    both_in(w, s, false);
    (void)play_confirm(w, &s->b);
}

static void active_room(struct fleet_world *w, struct stage *s)
{
    both_in(w, s, true);
}

static void one_has_voted(struct fleet_world *w, struct stage *s)
{
    active_room(w, s);
    (void)play_end(w, &s->b, "1");
}

static void in_grace(struct fleet_world *w, struct stage *s)
{
    active_room(w, s);
    (void)play_detach(w, &s->a);
    assert_true(str_copy(s->entry, sizeof s->entry,
                         str_of(fleet_text("grace:%s/a:%lld", s->a.room, (long long)s->a.fence))));
    play_attach(w, &s->a, 1);
}

static void grace_is_over(struct fleet_world *w, struct stage *s)
{
    active_room(w, s);
    (void)play_detach(w, &s->a);
    assert_true(str_copy(s->entry, sizeof s->entry,
                         str_of(fleet_text("grace:%s/a:%lld", s->a.room, (long long)s->a.fence))));
    fleet_world_pass(w, 30000);
}

static void confirm_is_over(struct fleet_world *w, struct stage *s)
{
    waiting_room(w, s);
    assert_true(str_copy(s->entry, sizeof s->entry, str_of(fleet_text("confirm:%s/3:1", s->a.room))));
    fleet_world_pass(w, 10000);
}

static void idle_is_over(struct fleet_world *w, struct stage *s)
{
    active_room(w, s);
    assert_true(str_copy(s->entry, sizeof s->entry, str_of(fleet_text("idle:%s:1", s->a.room))));
    fleet_world_pass(w, 1800000);
    for (int i = 1; i <= 3; i++)
        fleet_world_beat(w, i);
}

static void dead_instance(struct fleet_world *w, struct stage *s)
{
    fleet_world_beat(w, 4);
    nothing(w, s);
    fleet_world_die(w, 4);
}

static void do_attach(struct fleet_world *w, struct stage *s)
{
    (void)ASK(w, presence_attach(&w->realm[3], str_of(s->a.id), STR("new"), 0, ANSWER(w)));
}
static void do_join(struct fleet_world *w, struct stage *s)
{
    (void)play_join(w, &s->b, 3);
}
static void do_leave_queue(struct fleet_world *w, struct stage *s)
{
    (void)play_leave_queue(w, &s->a);
}
static void do_match(struct fleet_world *w, struct stage *s)
{
    (void)s;
    (void)play_match(w, 3, NULL);
}
static void do_confirm(struct fleet_world *w, struct stage *s)
{
    (void)play_confirm(w, &s->a);
}
static void do_detach(struct fleet_world *w, struct stage *s)
{
    (void)play_detach(w, &s->a);
}
static void do_message(struct fleet_world *w, struct stage *s)
{
    (void)play_say(w, &s->a, "{}");
}
static void do_set_own(struct fleet_world *w, struct stage *s)
{
    (void)play_set(w, &s->a, &(struct room_change){.json = STR("{\"x\":1}")});
}
static void do_set_game(struct fleet_world *w, struct stage *s)
{
    (void)play_set(w, &s->a, &(struct room_change){.game = true, .json = STR("{}"), .has_turn = true});
}
static void do_leave_room(struct fleet_world *w, struct stage *s)
{
    (void)play_leave_room(w, &s->a);
}
static void do_end(struct fleet_world *w, struct stage *s)
{
    (void)play_end(w, &s->a, "1");
}
static void do_read(struct fleet_world *w, struct stage *s)
{
    struct room_seat who = play_seat(&s->a);
    (void)ASK(w, room_state_read(&w->realm[1], &who, ANSWER(w)));
}
static void do_log(struct fleet_world *w, struct stage *s)
{
    (void)play_log(w, s->a.room, 0);
}
static void do_reseat(struct fleet_world *w, struct stage *s)
{
    (void)play_reseat(w, &s->a);
}
static void do_due(struct fleet_world *w, struct stage *s)
{
    (void)s;
    (void)ASK(w, timers_due(&w->realm[1], 10, ANSWER(w)));
}
static void do_fire(struct fleet_world *w, struct stage *s)
{
    struct timer_entry entry;
    assert_true(timers_parse(str_of(s->entry), &entry));
    (void)ASK(w, timers_fire(&w->realm[1], &entry, ANSWER(w)));
}
static void do_beat(struct fleet_world *w, struct stage *s)
{
    (void)s;
    struct presence_beat beat = {.info = STR("{\"seats\":2,\"x\":1}"), .first = true};
    (void)ASK(w, presence_heartbeat(&w->realm[4], &beat, ANSWER(w)));
}
static void do_retire(struct fleet_world *w, struct stage *s)
{
    (void)s;
    (void)ASK(w, presence_retire(&w->realm[1], STR("i4"), ANSWER(w)));
}
static void do_leftovers(struct fleet_world *w, struct stage *s)
{
    (void)s;
    (void)ASK(w, presence_leftovers(&w->realm[1], STR("i4"), 10, ANSWER(w)));
}

static const struct {
    const char *what;
    void (*before)(struct fleet_world *w, struct stage *s);
    void (*call)(struct fleet_world *w, struct stage *s);
} cases[] = {
    {"attach (takeover)", nothing, do_attach},
    {"attach (with a seat)", active_room, do_attach},
    {"join (waits)", nothing, do_join},
    {"join (is matched)", somebody_waits, do_join},
    {"leave_queue", somebody_waits, do_leave_queue},
    {"match", two_wait, do_match},
    {"confirm (the last)", waiting_room, do_confirm},
    {"detach (idle)", nothing, do_detach},
    {"detach (queued)", somebody_waits, do_detach},
    {"detach (before the start)", waiting_room, do_detach},
    {"detach (seat)", active_room, do_detach},
    {"message", active_room, do_message},
    {"set_state (own)", active_room, do_set_own},
    {"set_state (game)", active_room, do_set_game},
    {"leave_room (before the start)", waiting_room, do_leave_room},
    {"leave_room", active_room, do_leave_room},
    {"end_game (first vote)", active_room, do_end},
    {"end_game (last vote)", one_has_voted, do_end},
    {"read_room", active_room, do_read},
    {"read_log", active_room, do_log},
    {"reseat", in_grace, do_reseat},
    {"due_timers", active_room, do_due},
    {"fire_timer (confirm)", confirm_is_over, do_fire},
    {"fire_timer (grace)", grace_is_over, do_fire},
    {"fire_timer (idle)", idle_is_over, do_fire},
    {"heartbeat", nothing, do_beat},
    {"retire", dead_instance, do_retire},
    {"list_leftovers", dead_instance, do_leftovers},
};

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
    "instance:i1:sockets",
    "instance:i3:sockets",
    "instance:i4:sockets",
    "instance_info",
    "instance_epochs",
    "room:%s",
    "room:%s:log",
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
    static const struct script mover = {"mover", text, sizeof text - 1};
    struct str names[] = {str_of(fleet_text(FLEET_WORLD_PREFIX "%s", from)),
                          str_of(fleet_text(FLEET_WORLD_PREFIX "%s", to))};
    struct backend *b = w->backend[1];
    assert_string_equal(ASK(w, b->ops->run(b, &mover, names, 2, NULL, 0, ANSWER(w))), "OK");
}

static bool refused(const struct fleet_world *w)
{
    return w->text.data[0] == '!';
}

/* The case's stage in an empty store; false if it has no such key. */
static bool set_stage(struct fleet_world *w, size_t i, const char *key, struct stage *s, char name[128])
{
    *s = (struct stage){0};
    fleet_world_empty(w);
    for (int n = 1; n <= 3; n++)
        fleet_world_beat(w, n);
    cases[i].before(w, s);
    const char *hole = strstr(key, "%s");
    if (hole && !s->a.room[0])
        return false;
    const char *full = hole ? fleet_text("room:%s%s", s->a.room, hole + 2) : key;
    assert_true(str_copy(name, 128, str_of(full)));
    return true;
}

/* true if the script needed the key. */
static bool try_key(struct fleet_world *w, size_t i, const char *key)
{
    struct stage s;
    char name[128];
    if (!set_stage(w, i, key, &s, name))
        return false;
    bool was_string = strcmp(RAW(w, "TYPE", name), "string") == 0 || strcmp(name, "fence") == 0;
    move(w, name, "aside");
    (void)(was_string ? RAW(w, "RPUSH", name, "foreign") : RAW(w, "SET", name, "foreign"));
    struct buf before = fleet_world_dump(w);
    cases[i].call(w, &s);
    bool needed = refused(w);
    if (needed) {
        assert_string_equal(w->text.data, "!WRONGTYPE");
        fleet_world_same(w, &before, fleet_text("%s with a foreign %s", cases[i].what, key));
    }
    buf_close(&before);
    (void)RAW(w, "DEL", name);
    move(w, "aside", name);
    if (needed) {
        cases[i].call(w, &s);
        if (refused(w))
            fail_msg("%s answers %s after %s was mended", cases[i].what, w->text.data, key);
    }
    fleet_world_audit(w);
    return needed;
}

static void every_script_with_every_key(struct fleet_world *w)
{
    size_t needed = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t of_this = 0;
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            of_this += try_key(w, i, keys[k]);
        if (of_this == 0)
            fail_msg("%s needs no key", cases[i].what);
        needed += of_this;
    }
    assert_true(needed > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH(every_script_with_every_key)};
    return FLEET_WORLD_RUN(tests);
}
