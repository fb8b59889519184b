/* Keeps the sessions of connections that ended on the island, and takes home what was answered to them. */
#include "gateway/departed.h"

#include "common/err.h"
#include "common/map.h"
#include "common/mem.h"
#include "gateway/island.h"
#include "gateway/session.h"
#include "matchmaking/transfer.h"

enum { AT_ONCE = 128 };

struct departed {
    struct map *by_player; /* struct one */
    size_t carrying;       /* on their way by themselves */
};

struct one { /* player */
    size_t count;
    struct {
        char session_id[ID_SIZE];
        bool carried; /* on its way by itself */
    } sessions[DEPARTED_SESSIONS_MAX];
};

struct departed *departed_new(void)
{
    struct departed *all = mem_alloc(sizeof *all);
    all->by_player = map_new();
    return all;
}

static void free_one(void *arg, struct str player_id, void *value)
{
    mem_free(map_remove(((struct departed *)arg)->by_player, player_id));
    (void)value;
}

void departed_clear(struct departed *all)
{
    CHECK(all->carrying == 0);
    map_each(all->by_player, free_one, all);
}

void departed_free(struct departed *all)
{
    if (!all)
        return;
    map_each(all->by_player, free_one, all);
    map_free(all->by_player);
    mem_free(all);
}

static size_t place_of(const struct one *d, struct str session_id)
{
    size_t at = 0;
    while (at < d->count && !str_eq(str_of(d->sessions[at].session_id), session_id))
        at++;
    return at;
}

static void take_out(struct one *d, size_t at)
{
    memmove(&d->sessions[at], &d->sessions[at + 1], (--d->count - at) * sizeof *d->sessions);
}

void departed_note(struct node *n, const struct session *s)
{
    struct map *by_player = n->departed->by_player;
    struct one *d = map_find(by_player, str_of(s->player_id));
    if (!d)
        map_put(by_player, str_of(s->player_id), d = mem_alloc(sizeof *d));
    size_t at = place_of(d, str_of(s->session_id));
    if (at < d->count || d->count == DEPARTED_SESSIONS_MAX)
        take_out(d, at < d->count ? at : 0);
    d->sessions[d->count].carried = false;
    (void)str_copy(d->sessions[d->count++].session_id, ID_SIZE, str_of(s->session_id));
}

size_t departed_of(const struct node *n, struct str player_id, const char *session_ids[DEPARTED_SESSIONS_MAX])
{
    const struct one *d = map_find(n->departed->by_player, player_id);
    const struct session *here = sessions_find(n->sessions, player_id);
    size_t count = 0;
    for (size_t k = 0; d && k < d->count; k++)
        if (!here || strcmp(here->session_id, d->sessions[k].session_id) != 0)
            session_ids[count++] = d->sessions[k].session_id;
    return count;
}

void departed_forget(struct departed *all, struct str player_id, struct str session_id)
{
    struct one *d = map_find(all->by_player, player_id);
    size_t at = d ? place_of(d, session_id) : 0;
    if (!d || at == d->count)
        return;
    take_out(d, at);
    if (d->count == 0)
        mem_free(map_remove(all->by_player, player_id));
}

/* ---- carrying ---- */

struct carrying {
    struct node *node;
    bool with_room;
    void (*done)(void *arg, bool carried);
    void *arg;
    char session_id[ID_SIZE];
};

static void end(struct carrying *c, bool carried)
{
    c->done(c->arg, carried);
    mem_free(c);
}

static void on_restored(void *arg, int err, const struct reply *reply)
{
    end(arg, !err || transfer_hopeless(err, reply));
}

static void on_read(void *arg, int err, const struct reply *reply)
{
    struct carrying *c = arg;
    if (err)
        end(c, false);
    else
        transfer_restore_session(&c->node->realm, str_of(c->session_id), c->with_room, reply, on_restored, c);
}

void departed_carry(struct node *n, struct str session_id, bool with_room,
                    void (*done)(void *arg, bool carried), void *arg)
{
    struct carrying *c = mem_alloc(sizeof *c);
    *c = (struct carrying){.node = n, .with_room = with_room, .done = done, .arg = arg};
    (void)str_copy(c->session_id, sizeof c->session_id, session_id);
    transfer_read_session(&n->island->realm, session_id, on_read, c);
}

/* ---- by themselves ---- */

struct alone {
    struct departed *all;
    char player_id[ID_SIZE], session_id[ID_SIZE];
};

static void on_carried(void *arg, bool carried)
{
    struct alone *a = arg;
    struct one *d = map_find(a->all->by_player, str_of(a->player_id));
    size_t at = d ? place_of(d, str_of(a->session_id)) : 0;
    a->all->carrying--;
    if (d && at < d->count)
        d->sessions[at].carried = false;
    if (carried)
        departed_forget(a->all, str_of(a->player_id), str_of(a->session_id));
    mem_free(a);
}

struct going {
    struct node *node;
    size_t left;
};

/* One whose session goes on here goes home with it. */
static void start_one(void *arg, struct str player_id, void *value)
{
    struct going *g = arg;
    struct departed *all = g->node->departed;
    struct one *d = value;
    const struct session *here = sessions_find(g->node->sessions, player_id);
    for (size_t k = 0; k < d->count; k++) {
        if (here && strcmp(here->session_id, d->sessions[k].session_id) == 0)
            continue;
        g->left++;
        if (d->sessions[k].carried || all->carrying >= AT_ONCE)
            continue;
        struct alone *a = mem_alloc(sizeof *a);
        a->all = all;
        (void)str_copy(a->player_id, sizeof a->player_id, player_id);
        memcpy(a->session_id, d->sessions[k].session_id, ID_SIZE);
        d->sessions[k].carried = true;
        all->carrying++;
        departed_carry(g->node, str_of(a->session_id), false, on_carried, a);
    }
}

size_t departed_go_home(struct node *n)
{
    struct going g = {.node = n};
    map_each(n->departed->by_player, start_one, &g);
    return g.left + n->departed->carrying;
}
