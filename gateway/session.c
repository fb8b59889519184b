/* Sessions: the table of allowed moves, the registry, and their lifetime. */
#include "gateway/session.h"

#include <stdlib.h>

#include "common/err.h"
#include "common/log.h"
#include "common/map.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/conn.h"

struct sessions {
    struct map *by_player;
};

static const char *const state_names[] = {"new", "attaching", "idle", "queued", "in_room", "closed"};

/* Bit n set: state n may follow. From CLOSED nothing follows. */
static const unsigned allowed[] = {
    [SESSION_NEW] = 1u << SESSION_ATTACHING | 1u << SESSION_CLOSED,
    [SESSION_ATTACHING] = 1u << SESSION_IDLE | 1u << SESSION_QUEUED | 1u << SESSION_CLOSED,
    [SESSION_IDLE] = 1u << SESSION_QUEUED | 1u << SESSION_IN_ROOM | 1u << SESSION_CLOSED,
    [SESSION_QUEUED] = 1u << SESSION_IDLE | 1u << SESSION_IN_ROOM | 1u << SESSION_CLOSED,
    [SESSION_IN_ROOM] = 1u << SESSION_IDLE | 1u << SESSION_QUEUED | 1u << SESSION_CLOSED,
    [SESSION_CLOSED] = 0,
};

const char *session_state_name(enum session_state state)
{
    return state_names[state];
}

struct sessions *sessions_new(void)
{
    struct sessions *all = mem_alloc(sizeof *all);
    all->by_player = map_new();
    return all;
}

void sessions_free(struct sessions *all)
{
    if (!all)
        return;
    map_free(all->by_player);
    mem_free(all);
}

size_t sessions_count(const struct sessions *all)
{
    return map_count(all->by_player);
}

struct each {
    void (*fn)(void *arg, struct session *s);
    void *arg;
};

static void each_session(void *arg, struct str key, void *value)
{
    (void)key;
    const struct each *e = arg;
    e->fn(e->arg, value);
}

void sessions_each(struct sessions *all, void (*fn)(void *arg, struct session *s), void *arg)
{
    map_each(all->by_player, each_session, &(struct each){fn, arg});
}

struct picked {
    bool (*pick)(void *arg, struct session *s);
    void *arg;
    struct session **list;
    size_t count;
};

static void pick_one(void *arg, struct session *s)
{
    struct picked *p = arg;
    if (p->pick(p->arg, s))
        p->list[p->count++] = s;
}

static int by_arrival(const void *a, const void *b)
{
    const struct session *x = *(struct session *const *)a, *y = *(struct session *const *)b;
    return (x->joined_at_ms > y->joined_at_ms) - (x->joined_at_ms < y->joined_at_ms);
}

struct session **sessions_by_arrival(struct sessions *all, bool (*pick)(void *arg, struct session *s),
                                     void *arg, size_t *count)
{
    struct picked p = {
        .pick = pick, .arg = arg, .list = mem_alloc((sessions_count(all) + 1) * sizeof *p.list)};
    sessions_each(all, pick_one, &p);
    qsort(p.list, p.count, sizeof *p.list, by_arrival);
    *count = p.count;
    return p.list;
}

struct session *sessions_find(const struct sessions *all, struct str player_id)
{
    return map_find(all->by_player, player_id);
}

struct session *sessions_put(struct sessions *all, struct session *s)
{
    struct session *before = map_find(all->by_player, str_of(s->player_id));
    if (before == s)
        return NULL;
    map_put(all->by_player, str_of(s->player_id), s);
    metrics_set(METRIC_SESSIONS, (int64_t)map_count(all->by_player));
    return before;
}

void sessions_remove(struct sessions *all, struct session *s)
{
    if (map_find(all->by_player, str_of(s->player_id)) != s)
        return;
    (void)map_remove(all->by_player, str_of(s->player_id));
    metrics_set(METRIC_SESSIONS, (int64_t)map_count(all->by_player));
}

struct session *session_new(struct conn *c, int64_t began_at_ms)
{
    struct session *s = mem_alloc(sizeof *s);
    s->holds = 1;
    s->conn = c;
    conn_hold(c);
    list_init(&s->in_room);
    list_init(&s->kept);
    id_timed(s->socket_id, "s_", (uint64_t)began_at_ms);
    return s;
}

void session_hold(struct session *s)
{
    s->holds++;
}

void session_release(struct session *s)
{
    CHECK(s->holds > 0);
    if (--s->holds > 0)
        return;
    CHECK(s->room == NULL && s->conn == NULL);
    for (struct session_kept *k; (k = session_next_kept(s));)
        mem_free(k);
    mem_free(s->setup);
    mem_free(s);
}

void session_move(struct session *s, enum session_state next, const char *reason)
{
    if (s->state == next)
        return;
    CHECK(allowed[s->state] & 1u << next);
    log_debug("session.moved", KV("player", s->player_id), KV("socket", s->socket_id),
              KV("from", state_names[s->state]), KV("to", state_names[next]), KV("reason", reason));
    metrics_add(METRIC_QUEUED, (next == SESSION_QUEUED) - (s->state == SESSION_QUEUED));
    s->state = next;
}

bool session_keep(struct session *s, struct str text)
{
    if (s->kept_count == SESSION_KEPT_MAX || s->kept_bytes + text.n > SESSION_KEPT_BYTES_MAX)
        return false;
    struct session_kept *k = mem_alloc(sizeof *k + text.n);
    k->bytes = text.n;
    memcpy(k->text, text.p, text.n);
    list_push(&s->kept, &k->link);
    s->kept_count++;
    s->kept_bytes += text.n;
    return true;
}

struct session_kept *session_next_kept(struct session *s)
{
    if (list_empty(&s->kept))
        return NULL;
    struct session_kept *k = OWNER(s->kept.next, struct session_kept, link);
    list_remove(&k->link);
    s->kept_count--;
    s->kept_bytes -= k->bytes;
    return k;
}

void session_answered(struct session *s, int64_t request_id)
{
    if (request_id > s->answered_id)
        s->answered_id = request_id;
}

void session_unknown(struct session *s, int64_t request_id, struct history_position asked_at)
{
    if (s->unknown_id <= s->answered_id)
        s->unknown_at = asked_at; /* of several that are open the first */
    if (request_id > s->unknown_id)
        s->unknown_id = request_id;
}

int64_t session_done_up_to(const struct session *s, struct history_position room_at)
{
    bool moved = room_at.seq != s->unknown_at.seq || room_at.epoch != s->unknown_at.epoch;
    return moved && s->unknown_id > s->answered_id ? s->unknown_id : s->answered_id;
}

void session_drop_conn(struct session *s)
{
    struct conn *c = s->conn;
    s->conn = NULL;
    if (c)
        conn_release(c);
}
