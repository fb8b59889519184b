/* A store that takes no writes: every script is refused before it changes anything, or is carried out as a
 * whole.
 *
 * Redis refuses a script at its first line: when it is full (unless the script is marked allow-oom, because
 * it makes room), when it has become a replica, and when it has too few replicas. Each case of
 * tests/lib/stage.c is called in each of these states; then the state passes, the case is called again, and
 * the audit must find nothing. */
#include "tests/lib/stage.h"

/* Scripts that take something away go on while the store is full: by them it gets room again. */
static const char *const make_room[] = {
    "detach",     "leave_queue", "leave_room", "end_game",       "expire_tickets",
    "due_timers", "fire_timer",  "list_own",   "list_leftovers", "retire",
};

static bool makes_room(const char *what)
{
    struct str name = str_of(what);
    name = str_cut(&name, ' ');
    for (size_t i = 0; i < sizeof make_room / sizeof *make_room; i++)
        if (str_eq(name, str_of(make_room[i])))
            return true;
    return false;
}

static void make_full(struct fleet_world *w)
{
    (void)ADMIN(w, "CONFIG", "SET", "maxmemory", "1");
}
static void make_empty(struct fleet_world *w)
{
    (void)ADMIN(w, "CONFIG", "SET", "maxmemory", "0");
}

/* Of a master that nobody answers for: port 1. */
static void make_replica(struct fleet_world *w)
{
    (void)ADMIN(w, "REPLICAOF", "127.0.0.1", "1");
}
static void make_master(struct fleet_world *w)
{
    (void)ADMIN(w, "REPLICAOF", "NO", "ONE");
    fleet_world_wait_up(w);
}

static void want_replicas(struct fleet_world *w)
{
    (void)ADMIN(w, "CONFIG", "SET", "min-replicas-to-write", "1");
}
static void want_none(struct fleet_world *w)
{
    (void)ADMIN(w, "CONFIG", "SET", "min-replicas-to-write", "0");
}

struct refusal {
    const char *answer;
    void (*begin)(struct fleet_world *w);
    void (*end)(struct fleet_world *w);
    bool (*passes)(const char *what); /* NULL: nothing passes */
};

static const struct refusal refusals[] = {
    {"!OOM", make_full, make_empty, makes_room},
    {"!READONLY", make_replica, make_master, NULL},
    {"!NOREPLICAS", want_replicas, want_none, NULL},
};

static void try_case(struct fleet_world *w, const struct stage_case *c, const struct refusal *r)
{
    struct stage s;
    stage_set(w, c, &s);
    struct buf before = fleet_world_dump(w), first = {0};
    play_forget(w);
    bool passes = r->passes && r->passes(c->what);
    r->begin(w);
    c->call(w, &s);
    r->end(w);
    buf_add_str(&first, buf_str(&w->text));
    buf_add_text(&first, "");
    if (passes && strcmp(c->first, "?") != 0 && strcmp(first.data, c->first) != 0)
        fail_msg("%s answers %s in place of %s while %s", c->what, first.data, c->first, r->answer);
    if (!passes && strcmp(first.data, r->answer) != 0)
        fail_msg("%s answers %s, not %s", c->what, first.data, r->answer);
    if (passes) {
        buf_close(&before);
    } else {
        fleet_world_same(w, &before, fleet_text("%s with %s", c->what, r->answer));
        for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++)
            assert_string_equal(fleet_world_heard(w, i), "");
        c->call(w, &s);
        if (w->text.data[0] == '!')
            fail_msg("%s answers %s after %s has passed", c->what, w->text.data, r->answer);
    }
    fleet_world_audit(w);
    buf_close(&first);
    stage_clear(&s);
}

static void every_script(struct fleet_world *w)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        for (const struct stage_case *c = stage_cases; c->what; c++)
            try_case(w, c, &refusals[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {IN_STORE(every_script, true, "redis")};
    return FLEET_WORLD_RUN(tests);
}
