/* Instances in the model: leases and epochs, the store they find, what of theirs is left. */
#include "tests/lib/sim_model_parts.h"

#include "common/mem.h"
#include "tests/lib/fleet_text.h"

enum { DEAD_NAMED_MAX = 8, FENCES_APART = 1000000 }; /* as in heartbeat.lua */

struct fleet { /* of the model */
    struct sim_model *model;
    int64_t live, dead, newest_ms;
};

static void count_instance(void *arg, struct str key, void *value)
{
    struct fleet *f = arg;
    const struct model_instance *i = value;
    (void)key;
    if (!i->listed)
        return;
    bool lives = i->lease_end_ms > sim_model_now_ms(f->model);
    f->live += lives;
    f->dead += !lives;
    if (i->lease_end_ms > f->newest_ms)
        f->newest_ms = i->lease_end_ms;
}

static void names_all(struct sim_model *m, const struct reply *names, int64_t count, bool live)
{
    sim_model_same(m, (int64_t)names->count, count,
                   live ? "number of live instances" : "number of dead ones");
    for (size_t i = 0; i < names->count; i++)
        if (sim_model_lives(m, reply_str(names, i)) != live)
            SIM_MODEL_FAIL(m, "instance %.*s is called %s", (int)reply_str(names, i).n, reply_str(names, i).p,
                           live ? "live" : "dead");
}

static int64_t positive(int64_t n)
{
    return n > 0 ? n : 0;
}

static int64_t greatest(int64_t a, int64_t b, int64_t c)
{
    int64_t most = a > b ? a : b;
    return most > c ? most : c;
}

/* Which store is it? Another process begins a run. */
static void beat_store(struct sim_model *m)
{
    const struct sim_call *c = m->call;
    int64_t server = sim_store_server(m->sim->store);
    if (server == m->server)
        return;
    m->run = greatest(m->run + 1, c->run + 1, sim_model_now_ms(m));
    m->came_with = m->fence;
    if (m->server || c->run)
        m->fence += FENCES_APART;
    m->server = server;
}

/* What has it forgotten? fence: as it was before this beat. */
static void beat_lost(struct sim_model *m, const struct model_instance *i, int64_t fence,
                      const struct reply *reply)
{
    const struct sim_call *c = m->call;
    bool other = c->run != 0 && c->run != m->run;
    int64_t fences = positive(c->fence - fence), since = positive(c->fence - m->came_with);
    sim_model_same(m, reply_int(reply, 7), m->run, "run");
    sim_model_same(m, reply_int(reply, 6), other && since > fences ? since : fences, "number of lost fences");
    sim_model_same(m, reply_int(reply, 8), other ? positive(c->answered - i->beat) : 0,
                   "number of lost beats");
    m->fence = c->fence > m->fence ? c->fence : m->fence;
}

/* For so long, up to now; 0: somebody lives, or the last one went just now. */
static int64_t nobody_lived(struct sim_model *m)
{
    int64_t lease_ms = sim_model_rules(m)->lease_ms, now = sim_model_now_ms(m);
    struct fleet f = {.model = m};
    map_each(m->instances, count_instance, &f);
    if (m->stopped_ms && m->stopped_ms + lease_ms > f.newest_ms) /* they all went in order */
        f.newest_ms = m->stopped_ms + lease_ms;
    return f.newest_ms > 0 && f.newest_ms <= now ? now - (f.newest_ms - lease_ms) : 0;
}

/* It renews nothing; but what its instance does now must not get that time on top. */
static void beat_late(struct sim_model *m, int64_t moved)
{
    if (moved == 0)
        return;
    sim_model_beat_shift(m, moved, true);
    if (m->stopped_ms || m->shift_kept || !sim_model_nothing_waits(m))
        m->stopped_ms = sim_model_now_ms(m);
}

static void ran_beat(struct sim_model *m, struct str word, const struct reply *reply)
{
    struct model_instance *i = sim_model_instance(m, str_of(sim_model_origin(m)));
    const struct realm_rules *rules = sim_model_rules(m);
    int64_t now = sim_model_now_ms(m), fence = m->fence;
    beat_store(m);
    int64_t moved = nobody_lived(m);
    if (str_eq(word, STR("LATE"))) {
        beat_late(m, moved);
        sim_model_same(m, reply_int(reply, 3), moved, "time in which nobody lived");
        sim_model_same(m, reply_int(reply, 2), m->run, "run");
        return;
    }
    struct fleet after = {.model = m};
    m->stopped_ms = 0;
    sim_model_same(m, reply_int(reply, 5), moved, "time in which nobody lived");
    sim_model_beat_shift(m, moved, moved > 0);
    if (!i->listed || i->lease_end_ms <= now || i->epoch == 0)
        i->epoch = (i->epoch > m->call->number ? i->epoch : m->call->number) + 1;
    sim_model_same(m, reply_int(reply, 1), i->epoch, "epoch");
    beat_lost(m, i, fence, reply);
    i->beat = m->call->beat;
    i->listed = true;
    i->lease_end_ms = now + rules->lease_ms;
    map_each(m->instances, count_instance, &after);
    names_all(m, reply_at(reply, 3), after.dead < DEAD_NAMED_MAX ? after.dead : DEAD_NAMED_MAX, false);
    names_all(m, reply_at(reply, 4), after.live, true);
}

struct sockets { /* that stand in an instance's name */
    struct sim_model *model;
    const char *instance_id;
    int64_t mapped, unmapped;
    bool drop_unmapped;
};

static void count_socket(void *arg, struct str key, void *value)
{
    struct sockets *of = arg;
    const struct model_socket *s = value;
    if (strcmp(s->instance->id, of->instance_id) != 0)
        return;
    bool mapped = str_eq(key, str_of(s->player->socket));
    of->mapped += mapped;
    of->unmapped += !mapped;
    if (!mapped && of->drop_unmapped)
        mem_free(map_remove(of->model->sockets, key));
}

static struct sockets sockets_of(struct sim_model *m, const char *instance_id, bool drop_unmapped)
{
    struct sockets of = {.model = m, .instance_id = instance_id, .drop_unmapped = drop_unmapped};
    map_each(m->sockets, count_socket, &of);
    return of;
}

static void ran_retire(struct sim_model *m, struct str word, const struct reply *reply)
{
    struct model_instance *i = sim_model_instance(m, str_of(m->call->owner));
    if (str_eq(word, STR("LIVE")))
        return;
    struct sockets left = sockets_of(m, i->id, false);
    sim_model_same(m, reply_int(reply, 1), left.mapped + left.unmapped, "number of sockets left");
    if (!str_eq(word, STR("OK")))
        return;
    bool lived = strcmp(i->id, sim_model_origin(m)) == 0 && sim_model_lives(m, str_of(i->id));
    i->listed = false;
    i->epoch = i->beat = 0;
    struct fleet f = {.model = m};
    map_each(m->instances, count_instance, &f);
    bool kept = m->shift_kept || !sim_model_nothing_waits(m);
    bool last = f.live == 0 && (lived || f.dead == 0);
    if (last && kept && m->stopped_ms == 0)
        m->stopped_ms = sim_model_now_ms(m);
}

/* All of a set come in one page: what has no mapping is dropped. */
static void ran_leftovers(struct sim_model *m, struct str word, const struct reply *reply)
{
    const struct reply *list = reply_at(reply, 1);
    if (!str_eq(word, STR("OK")))
        return;
    sim_model_same(m, (int64_t)list->count, 4 * sockets_of(m, m->call->owner, true).mapped,
                   "number of leftovers, in fours,");
    for (size_t i = 0; i + 3 < list->count; i += 4) {
        struct model_player *p = sim_model_player_of(m, reply_str(list, i + 1));
        const struct model_socket *s = map_find(m->sockets, reply_str(list, i));
        sim_model_expect(m, s && s->player == p && strcmp(s->instance->id, m->call->owner) == 0, p,
                         "a leftover");
        sim_model_same(m, reply_int(list, i + 2), p->state > FREE ? p->level : 0, "its level");
        sim_model_same_text(m, reply_str(list, i + 3), p->room ? p->room->id : "", "its room");
    }
}

static void ran_own(struct sim_model *m, const struct reply *reply)
{
    const struct reply *list = reply_at(reply, 2);
    sim_model_same(m, (int64_t)list->count, 2 * sockets_of(m, sim_model_origin(m), true).mapped,
                   "number of sockets and players");
    for (size_t i = 0; i + 1 < list->count; i += 2) {
        const struct model_player *p = sim_model_player_of(m, reply_str(list, i + 1));
        sim_model_same_text(m, reply_str(list, i), p->socket, "socket");
        sim_model_same_text(m, str_of(p->instance), sim_model_origin(m), "its instance");
    }
}

/* What players has of him. */
static void ran_where(struct sim_model *m, const struct model_player *p, const struct reply *reply)
{
    static const char *const states[] = {"", "idle", "queued", "away", "room"};
    bool busy = p->state != FREE, none = p->state == ABSENT || !p->session;
    const char *level = busy ? fleet_text("%lld", (long long)p->level) : "";
    const char *setup = sim_model_setup(p);
    const char *record =
        none ? ""
             : fleet_text("%s|%lld|%s|%s|%lld|%s|%s|%s%s%s", states[p->state], (long long)p->fence, level,
                          busy      ? p->ticket
                          : p->lost ? "-"
                                    : "",
                          (long long)(busy ? p->joined_ms : 0), p->state == SEATED ? p->room->id : "",
                          p->socket, p->instance, *setup ? "|" : "", setup);
    sim_model_same_text(m, reply_str(reply, 0), record, "his record");
}

void sim_model_fleet_ran(struct sim_model *m, struct model_player *p, struct str word,
                         const struct reply *reply)
{
    switch (m->call->kind) {
    case SIM_BEAT:
        ran_beat(m, word, reply);
        break;
    case SIM_RETIRE:
        ran_retire(m, word, reply);
        break;
    case SIM_LEFTOVERS:
        ran_leftovers(m, word, reply);
        break;
    case SIM_OWN:
        ran_own(m, reply);
        break;
    default:
        ran_where(m, p, reply);
    }
}
