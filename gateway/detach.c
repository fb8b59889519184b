/* Detaches players, asking again with the right keys when the record knows better, and again later when the
 * store is away. */
#include "gateway/detach.h"

#include "common/err.h"
#include "common/list.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/departed.h"
#include "gateway/inbox.h"
#include "gateway/island.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "gateway/waiting.h"
#include "matchmaking/presence.h"

enum { DETACH_TRIES_MAX = 8 }; /* AGAIN comes at most once or twice unless the record changes under us */

struct detaches {
    struct list waiting; /* struct detach.link */
    size_t running, waiting_count, of_island, there;
};

struct detach {
    struct list link;
    struct node *node;
    const struct realm *realm; /* where the record is */
    int64_t level;
    unsigned tries;
    bool leftover, stray, of_island;
    void (*done)(void *arg, bool removed);
    void *arg;
    char player_id[ID_SIZE], socket_id[ID_SIZE], owner_instance_id[ID_SIZE], room_id[ID_SIZE],
        session_id[ID_SIZE];
};

struct detaches *detaches_new(void)
{
    struct detaches *f = mem_alloc(sizeof *f);
    list_init(&f->waiting);
    return f;
}

void detaches_free(struct detaches *f)
{
    if (!f)
        return;
    while (!list_empty(&f->waiting)) {
        struct detach *d = OWNER(f->waiting.next, struct detach, link);
        list_remove(&d->link);
        mem_free(d);
    }
    mem_free(f);
}

size_t detaches_running(const struct detaches *f)
{
    return f->running;
}

size_t detaches_waiting(const struct detaches *f)
{
    return f->waiting_count;
}

size_t detaches_of_island(const struct detaches *f)
{
    return f->of_island;
}

size_t detaches_there(const struct detaches *f)
{
    return f->there;
}

static void ask(struct detach *d);

static void finish(struct detach *d, bool removed)
{
    d->node->detaches->running--;
    d->node->detaches->of_island -= d->of_island;
    d->node->detaches->there -= d->realm != &d->node->realm;
    if (d->done)
        d->done(d->arg, removed);
    mem_free(d);
}

/* Own sessions wait for the store; leftovers and strays are found again by the next sweep. An island fails
 * only when it ends, and then it is gone with all its records. */
static void put_off(struct detach *d, int err)
{
    struct detaches *f = d->node->detaches;
    if (d->leftover || d->stray || d->realm != &d->node->realm) {
        finish(d, false);
        return;
    }
    log_limited(LOG_WARN, "session.detach_put_off", KV("player", d->player_id), KV("socket", d->socket_id),
                KV("reason", err_name(err)), KV("next", "tried again when the store is back"));
    f->running--;
    f->waiting_count++;
    d->tries = 0;
    list_push(&f->waiting, &d->link);
}

static void on_detached(void *arg, int err, const struct reply *reply)
{
    struct detach *d = arg;
    struct realm_outcome o = realm_outcome(err, reply);
    if (o.err) {
        put_off(d, o.err);
        return;
    }
    struct str room_id = reply_str(reply, 2);
    if (realm_said(o, "AGAIN") && ++d->tries < DETACH_TRIES_MAX && (room_id.n == 0 || id_valid(room_id))) {
        d->level = reply_int(reply, 1);
        (void)str_copy(d->room_id, sizeof d->room_id, room_id);
        ask(d);
        return;
    }
    if (realm_said(o, "OK")) {
        if (d->leftover) {
            char kind[16];
            (void)str_copy(kind, sizeof kind, reply_str(reply, 3));
            metrics_add_for(METRIC_SWEPT, kind, 1);
        }
        if (d->stray && !str_eq(reply_str(reply, 3), STR("stale"))) {
            metrics_add(METRIC_STRAYS, 1);
            log_info("session.stray", KV("player", d->player_id), KV("socket", d->socket_id),
                     KV_STR("was", reply_str(reply, 3)),
                     KV("reason", "the store has lost that it was detached"));
        }
        inbox_events(d->node, d->realm, reply_at(reply, 2));
        waiting_match_text(d->node, d->realm, reply_str(reply, 1));
    }
    finish(d, realm_said(o, "OK"));
}

static void ask(struct detach *d)
{
    presence_detach(d->realm,
                    &(struct presence_leaving){.player_id = str_of(d->player_id),
                                               .socket_id = str_of(d->socket_id),
                                               .owner_instance_id = str_of(d->owner_instance_id),
                                               .only_if_owner_dead = d->leftover,
                                               .level = d->level,
                                               .room_id = str_of(d->room_id),
                                               .session_id = str_of(d->session_id)},
                    on_detached, d);
}

/* NULL: an id is none (somebody else wrote it), nothing can be detached by it. */
static struct detach *detach_new(struct node *n, struct str player_id, struct str socket_id, struct str owner,
                                 struct str room_id)
{
    if (!id_valid(player_id) || !id_valid(socket_id) || !id_valid(owner) || (room_id.n && !id_valid(room_id)))
        return NULL;
    struct detach *d = mem_alloc(sizeof *d);
    d->node = n;
    d->realm = &n->realm;
    (void)str_copy(d->player_id, sizeof d->player_id, player_id);
    (void)str_copy(d->socket_id, sizeof d->socket_id, socket_id);
    (void)str_copy(d->owner_instance_id, sizeof d->owner_instance_id, owner);
    (void)str_copy(d->room_id, sizeof d->room_id, room_id);
    n->detaches->running++;
    return d;
}

/* A session of the island is in the store as well, as it was when it went: that record is looked after when
 * the store is back. */
static void put_by(struct node *n, const struct session *s)
{
    struct detach *d = detach_new(n, str_of(s->player_id), str_of(s->socket_id), str_of(n->realm.instance_id),
                                  (struct str){0});
    CHECK(d != NULL);
    d->level = s->level;
    d->of_island = true;
    memcpy(d->session_id, s->session_id, sizeof d->session_id);
    n->detaches->running--;
    n->detaches->waiting_count++;
    n->detaches->of_island++;
    list_push(&n->detaches->waiting, &d->link);
}

void detach_start(struct node *n, const struct session *s)
{
    if (s->fence == 0 && !s->attach_unknown)
        return;
    bool islander = s->realm != &n->realm;
    if (islander && (s->fleet_fence || s->attach_unknown))
        put_by(n, s);
    if (islander && !island_is(n->island)) /* replaced there, and its closing took longer than the island */
        return;
    if (islander)
        departed_note(n, s);
    struct str room_id = s->room ? str_of(s->room->room_id) : (struct str){0};
    struct detach *d =
        detach_new(n, str_of(s->player_id), str_of(s->socket_id), str_of(n->realm.instance_id), room_id);
    CHECK(d != NULL);
    d->realm = s->realm;
    d->level = s->level;
    n->detaches->there += islander;
    memcpy(d->session_id, s->session_id, sizeof d->session_id);
    ask(d);
}

void detach_leftover(struct node *n, const struct detach_leftover *left,
                     void (*done)(void *arg, bool removed), void *arg)
{
    struct detach *d =
        detach_new(n, left->player_id, left->socket_id, left->owner_instance_id, left->room_id);
    if (!d) {
        log_limited(LOG_WARN, "instance.leftover_unreadable", KV_STR("player", left->player_id),
                    KV_STR("socket", left->socket_id), KV("next", "left to POST /health/cleanup"));
        done(arg, false);
        return;
    }
    d->leftover = true;
    d->level = left->level;
    d->done = done;
    d->arg = arg;
    ask(d);
}

void detach_stray(struct node *n, struct str player_id, struct str socket_id)
{
    struct detach *d = detach_new(n, player_id, socket_id, str_of(n->realm.instance_id), (struct str){0});
    if (!d)
        return;
    d->stray = true;
    ask(d);
}

void detach_retry(struct node *n)
{
    struct detaches *f = n->detaches;
    while (!list_empty(&f->waiting)) {
        struct detach *d = OWNER(f->waiting.next, struct detach, link);
        list_remove(&d->link);
        f->waiting_count--;
        f->running++;
        ask(d);
    }
}
