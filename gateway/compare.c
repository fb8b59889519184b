/* Compares sessions and rooms with the store and mends what differs. */
#include "gateway/compare.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "gateway/adopt.h"
#include "gateway/attach.h"
#include "gateway/inbox.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "matchmaking/presence.h"

enum { COMPARE_MS = 5000, ROOMS_PER_SLICE = 256 /* at least */ };

struct look { /* one where.lua call; players are found again by id, for they may be gone */
    struct node *node;
    size_t count;
    char player_ids[PRESENCE_WHERE_MAX][ID_SIZE], session_ids[PRESENCE_WHERE_MAX][ID_SIZE];
};

struct slice {
    struct node *node;
    uint64_t now_ms;
    struct look *look; /* being filled */
    size_t rooms, rooms_max;
};

static bool agrees(const struct session *s, const struct presence_record *now)
{
    if (now->fence != s->fence || !str_eq(now->socket_id, str_of(s->socket_id)))
        return false;
    if (s->state == SESSION_IN_ROOM)
        return str_eq(now->state, STR("room")) && str_eq(now->room_id, str_of(s->room->room_id));
    return str_eq(now->state, s->state == SESSION_QUEUED ? STR("queued") : STR("idle"));
}

static void on_records(void *arg, int err, const struct reply *reply)
{
    struct look *look = arg;
    for (size_t i = 0; !err && i < look->count; i++) {
        struct session *s = sessions_find(look->node->sessions, str_of(look->player_ids[i]));
        if (!s || s->realm != &look->node->realm || s->attaching || s->joining || s->fence == 0)
            continue;
        struct presence_record now;
        if (presence_record(reply_str(reply, i), &now) && agrees(s, &now)) {
            s->differed = false;
        } else if (!s->differed) {
            s->differed = true; /* an event may still be on its way: once more with the next slice */
        } else {
            log_info("session.differs", KV("player", s->player_id), KV("state", session_state_name(s->state)),
                     KV("next", "attached again"));
            attach_again(look->node, s);
        }
    }
    mem_free(look);
}

static void send_look(struct slice *c)
{
    struct look *look = c->look;
    c->look = NULL;
    if (!look)
        return;
    struct presence_whose players[PRESENCE_WHERE_MAX];
    for (size_t i = 0; i < look->count; i++)
        players[i] = (struct presence_whose){str_of(look->player_ids[i]), str_of(look->session_ids[i])};
    presence_where(&c->node->realm, players, look->count, on_records, look);
}

static void look_at_session(void *arg, struct session *s)
{
    struct slice *c = arg;
    if (s->realm != &c->node->realm) /* on the island */
        return;
    if (s->doubt) {
        attach_again(c->node, s);
        return;
    }
    bool due = s->differed || c->now_ms - s->compared_at_ms >= COMPARE_MS;
    if (!due || s->attaching || s->joining || s->fence == 0)
        return;
    s->compared_at_ms = c->now_ms;
    if (!c->look) {
        c->look = mem_alloc(sizeof *c->look);
        c->look->node = c->node;
    }
    memcpy(c->look->session_ids[c->look->count], s->session_id, ID_SIZE);
    memcpy(c->look->player_ids[c->look->count++], s->player_id, ID_SIZE);
    if (c->look->count == PRESENCE_WHERE_MAX)
        send_look(c);
}

/* A confirmation that was lost on its way to the store would cost the match. */
static void confirm_again(struct node *n, struct room *r)
{
    if (r->status == ROOM_WAITING && r->realm == &n->realm)
        n->on_seated(n, r);
}

static void look_at_room(void *arg, struct room *r)
{
    struct slice *c = arg;
    if (c->rooms == c->rooms_max || c->now_ms - r->compared_at_ms < COMPARE_MS)
        return;
    c->rooms++;
    r->compared_at_ms = c->now_ms;
    inbox_fill(c->node, r);
    confirm_again(c->node, r);
    adopt_look(c->node, r);
}

void compare_slice(struct node *n)
{
    /* So many that all have had their turn when the first ones are due again. */
    size_t share = rooms_count(n->rooms) * (size_t)n->settings->sweep_ms / COMPARE_MS + 1;
    struct slice c = {
        .node = n, .now_ms = clock_mono_ms(), .rooms_max = share > ROOMS_PER_SLICE ? share : ROOMS_PER_SLICE};
    sessions_each(n->sessions, look_at_session, &c);
    send_look(&c);
    if (n->backend->durable)
        rooms_each(n->rooms, look_at_room, &c);
}

static void again(void *arg, struct session *s)
{
    /* The beat that found the store back may have found the lease lost: then they are all on their way. */
    if (s->realm == &((struct node *)arg)->realm && !s->attaching && (s->state == SESSION_QUEUED || s->doubt))
        attach_again(arg, s);
}

static void fill(void *arg, struct room *r)
{
    inbox_fill(arg, r);
    confirm_again(arg, r);
    adopt_doubt(arg, r);
}

void compare_all(struct node *n)
{
    sessions_each(n->sessions, again, n);
    rooms_each(n->rooms, fill, n);
}
