/* Brings a room home from the island, when the store is back.
 *
 *   image_room (island) -> its members' passages -> restore_room (store) -> release_room (island)
 *
 * With the members go the requests that were answered to them and to those who have lost their lines here
 * (departed.h); they count in the store from the moment in which the room is there.
 *
 * Every answer finds the room again by its id, for it may have ended just before it was to leave, and its
 * members by holding them, for their connections may close meanwhile: such a one is restored as it was and
 * detached afterwards, so that the others hear of it in the right order.
 *
 * When restoring gets no answer the store may have the room all the same. Then the states in which it may be
 * there grow by this image, and what follows here gets numbers of another epoch (begin_run.lua). */
#include "gateway/journey.h"

#include "common/err.h"
#include "common/list.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/attach.h"
#include "gateway/copy.h"
#include "gateway/departed.h"
#include "gateway/inbox.h"
#include "gateway/island.h"
#include "gateway/lease.h"
#include "gateway/passage.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "matchmaking/queue.h"

enum { REFUSALS_MAX = 3 };

struct journey {
    struct node *node;
    void (*arrived)(struct node *n);
    char room_id[ID_SIZE];
    struct transfer_image *image;
    size_t waiting; /* for so many passages, and one more while they are being started */
    bool failed;    /* one of them did */
    size_t count;
    struct session **members; /* held */
    size_t session_count;     /* theirs, and those of players who have lost their lines here */
    struct journey_session {
        char player_id[ID_SIZE], session_id[ID_SIZE];
    } sessions[TRANSFER_SESSIONS_MAX];
};

/* The room, if it is still on the island. */
static struct island_room *find(const struct journey *j)
{
    struct island_room *room = island_find(j->node->island, str_of(j->room_id));
    return room && room->journey == j ? room : NULL;
}

static void end(struct journey *j)
{
    struct node *n = j->node;
    n->island->travelling--;
    for (size_t i = 0; i < j->count; i++) {
        n->on_settled(n, j->members[i]);
        session_release(j->members[i]);
    }
    transfer_image_free(j->image);
    mem_free(j->members);
    mem_free(j);
}

static void stay(struct journey *j)
{
    struct island_room *room = find(j);
    if (room)
        room->journey = NULL;
    for (size_t i = 0; i < j->count; i++)
        passage_stay(j->node, j->members[i]);
    end(j);
}

/* Whose connection ended here comes with the room all the same. */
static void forget_departed(struct journey *j)
{
    for (size_t i = j->count; i < j->session_count; i++)
        departed_forget(j->node->departed, str_of(j->sessions[i].player_id),
                        str_of(j->sessions[i].session_id));
}

/* The local view is the store's again. The room; NULL if nobody is in it here. */
static struct room *arrive(struct journey *j, struct island_room *room)
{
    struct node *n = j->node;
    transfer_release_room(&n->island->realm, str_of(j->room_id), NULL, NULL);
    island_remove(n->island, room);
    forget_departed(j);
    struct room *r = rooms_find(n->rooms, str_of(j->room_id));
    if (r)
        r->realm = &n->realm;
    for (size_t i = 0; i < j->count; i++)
        passage_arrive(n, j->members[i]);
    return r;
}

static void come_home(struct journey *j, struct island_room *room, const struct reply *events)
{
    struct node *n = j->node;
    (void)arrive(j, room);
    inbox_events(n, &n->realm, events);
    struct room *r = rooms_find(n->rooms, str_of(j->room_id));
    if (r) /* what the store had carried out late, and timers of others */
        inbox_fill(n, r);
    void (*arrived)(struct node *) = j->arrived;
    end(j);
    arrived(n);
}

/* The store knows better. */
static void give_up(struct journey *j, struct island_room *room)
{
    struct node *n = j->node;
    struct room *r = arrive(j, room);
    if (r) {
        copy_free(r->copy);
        r->copy = NULL;
    }
    for (size_t i = 0; i < j->count; i++)
        if (j->members[i]->state != SESSION_CLOSED)
            attach_again(n, j->members[i]);
    void (*arrived)(struct node *) = j->arrived;
    end(j);
    arrived(n);
}

void journey_count(const char *room_id, const char *how, struct str why)
{
    bool good = strcmp(how, "restored") == 0 || strcmp(how, "ended") == 0;
    metrics_add_for(METRIC_ISLAND_ROOMS_TOTAL, how, 1);
    if (good)
        log_info("island.room_home", KV("room", room_id), KV("outcome", how));
    else
        log_warn("island.room_given_up", KV("room", room_id), KV("outcome", how), KV_STR("reason", why),
                 KV("next", "the store is right; members get its snapshot, or hear that the room is gone"));
}

static void on_restored(void *arg, int err, const struct reply *reply)
{
    struct journey *j = arg;
    struct island_room *room = find(j);
    struct realm_outcome o = realm_outcome(err, reply);
    CHECK(room); /* it stood still */
    bool in_vain = transfer_hopeless(err, reply) && ++room->refusals == REFUSALS_MAX;
    if (o.err == ERR_UNKNOWN || o.err == ERR_TIMEOUT) {
        island_may_be_home(room, j->image);
        transfer_begin_run(&j->node->island->realm, NULL, NULL);
    }
    if (o.err && !in_vain) {
        stay(j); /* sent again when the store is back */
    } else if (realm_said(o, "OK")) {
        journey_count(j->room_id, "restored", (struct str){0});
        come_home(j, room, reply_at(reply, 1));
    } else {
        journey_count(j->room_id, realm_said(o, "GONE") ? "gone" : "changed",
                      in_vain ? reply->str : reply_str(reply, 1));
        give_up(j, room);
    }
}

static void when_all_are_there(struct journey *j)
{
    if (--j->waiting > 0)
        return;
    struct node *n = j->node;
    struct island_room *room = find(j);
    if (!room || j->failed) {
        stay(j);
        return;
    }
    const struct transfer_base base = island_base(room);
    bool lost = lease_data_lost_at_ms(n->lease) >= n->island->since_ms;
    struct transfer_session sessions[TRANSFER_SESSIONS_MAX];
    for (size_t i = 0; i < j->session_count; i++)
        sessions[i] =
            (struct transfer_session){str_of(j->sessions[i].player_id), str_of(j->sessions[i].session_id)};
    transfer_restore_room(&n->realm, str_of(j->room_id), &base, lost, j->image, sessions, j->session_count,
                          on_restored, j);
}

static void on_passed(void *arg, const struct passage *p)
{
    struct journey *j = arg;
    j->failed = j->failed || p->end == PASSAGE_FAILED;
    if (p->end == PASSAGE_THERE &&
        p->queued) /* a sweep had put his ticket aside, and attaching put it back */
        queue_leave(&j->node->realm, str_of(p->session->player_id), p->session->fleet_fence, p->level, NULL,
                    NULL);
    when_all_are_there(j);
}

static void on_carried(void *arg, bool carried)
{
    struct journey *j = arg;
    j->failed = j->failed || !carried;
    when_all_are_there(j);
}

static void add_session(struct journey *j, struct str player_id, const char *session_id)
{
    struct journey_session *one = &j->sessions[j->session_count++];
    (void)str_copy(one->player_id, sizeof one->player_id, player_id);
    (void)str_copy(one->session_id, sizeof one->session_id, str_of(session_id));
}

static void start_departed(struct journey *j, struct str player_id)
{
    const char *session_ids[DEPARTED_SESSIONS_MAX];
    size_t count = departed_of(j->node, player_id, session_ids);
    for (size_t i = 0; i < count && j->session_count < TRANSFER_SESSIONS_MAX; i++) {
        add_session(j, player_id, session_ids[i]);
        j->waiting++;
        departed_carry(j->node, str_of(session_ids[i]), true, on_carried, j);
    }
}

static void on_image(void *arg, int err, const struct reply *reply)
{
    struct journey *j = arg;
    if (!find(j) || !realm_said(realm_outcome(err, reply), "OK")) {
        stay(j); /* it ended just before */
        return;
    }
    j->image = transfer_image_new(reply);
    j->waiting = 1;
    for (size_t i = 0; i < j->count; i++) {
        j->waiting++;
        add_session(j, str_of(j->members[i]->player_id), j->members[i]->session_id);
        passage_start(j->node, j->members[i], true, on_passed, j);
    }
    struct str player_id;
    for (size_t i = 0; (player_id = transfer_image_player(j->image, i)).n; i++)
        start_departed(j, player_id);
    when_all_are_there(j);
}

void journey_start(struct node *n, struct island_room *room, void (*arrived)(struct node *n))
{
    struct journey *j = mem_alloc(sizeof *j);
    j->node = n;
    j->arrived = arrived;
    memcpy(j->room_id, room->room_id, sizeof j->room_id);
    room->journey = j;
    n->island->travelling++;
    struct room *r = rooms_find(n->rooms, str_of(room->room_id));
    if (r) {
        j->members = mem_alloc(ROOM_SEATS_MAX * sizeof *j->members);
        LIST_EACH(it, &r->members)
        {
            struct session *s = OWNER(it, struct session, in_room);
            CHECK(j->count < ROOM_SEATS_MAX);
            j->members[j->count++] = s;
            session_hold(s);
            s->moving = true;
        }
    }
    transfer_image_room(&n->island->realm, str_of(room->room_id), on_image, j);
}

bool journey_ready(const struct node *n, const struct island_room *room)
{
    const struct room *r = rooms_find(n->rooms, str_of(room->room_id));
    if (!r)
        return true;
    LIST_EACH(it, &r->members)
    {
        const struct session *s = OWNER(it, struct session, in_room);
        if (s->attaching || s->joining || s->catching_up)
            return false;
    }
    return !r->filling;
}
