/* The island's realm, and the list of its rooms. */
#include "gateway/island.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/json.h"
#include "common/log.h"
#include "common/map.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "gateway/session.h"
#include "matchmaking/events.h"
#include "matchmaking/presence.h"
#include "proto/messages.h"

enum { ISLAND_LEASE_MS = 2000000000 }; /* nobody else is there to let it run out */
enum { STATES_MAX = 16 };

struct island *island_new(struct node *n)
{
    struct island *i = mem_alloc(sizeof *i);
    i->node = n;
    i->rooms = map_new();
    return i;
}

static void free_room(struct island_room *room)
{
    buf_close(&room->states);
    mem_free(room->reason);
    mem_free(room->result);
    mem_free(room->sessions);
    mem_free(room);
}

static void free_one(void *arg, struct str key, void *value)
{
    (void)arg;
    (void)key;
    free_room(value);
}

void island_free(struct island *i)
{
    if (!i)
        return;
    map_each(i->rooms, free_one, NULL);
    map_free(i->rooms);
    mem_free(i->rounds);
    mem_free(i);
}

void island_close(struct island *i)
{
    struct backend *b = i->backend;
    i->backend = NULL;
    if (b)
        b->ops->free(b);
}

/* The store's time goes on here: rooms come from there and go there again, and this machine's clock may have
 * been set. */
static uint64_t now_us(void *arg)
{
    return clock_mono_us() + ((const struct island *)arg)->clock_ahead_us;
}

void island_begin(struct island *i)
{
    const struct realm *fleet = &i->node->realm;
    i->clock_ahead_us = (uint64_t)realm_now_ms(fleet) * 1000 - clock_mono_us();
    const struct backend_memory_options own = {.prefix = fleet->prefix, .now_us = now_us, .now_arg = i};
    i->backend = backend_memory_new(i->node->loop, &own, &(struct backend_events){0});
    struct realm_rules rules = fleet->rules;
    rules.lease_ms = ISLAND_LEASE_MS;
    rules.events_mode = "remote";
    realm_init(&i->realm, i->backend, &rules, fleet->prefix, fleet->instance_id);
    i->since_ms = clock_mono_ms();
    i->open = i->opened = i->leaving = false;
    presence_heartbeat(&i->realm, &(struct presence_beat){.info = STR("{}")}, NULL, NULL);
    metrics_set(METRIC_ISLAND, 1);
}

void island_end(struct island *i)
{
    struct backend *b = i->backend;
    CHECK(map_count(i->rooms) == 0 && i->travelling + i->passengers + i->attaching == 0);
    i->backend = NULL;
    i->open = i->leaving = false;
    b->ops->free(b);
    metrics_set(METRIC_ISLAND, 0);
    metrics_set(METRIC_ISLAND_ROOMS, 0);
}

bool island_is(const struct island *i)
{
    return i->backend != NULL;
}

size_t island_rooms(const struct island *i)
{
    return map_count(i->rooms);
}

bool island_receive(const struct island *i, struct session *s, bool resumes)
{
    const struct session *here = sessions_find(i->node->sessions, str_of(s->player_id));
    bool seated = here && here->room && here->realm != &i->realm; /* in a room that waits for the store */
    if (!i->backend || i->leaving || (!i->open && !resumes))
        return !i->leaving;
    if (seated)
        return false;
    s->realm = &i->realm;
    return true;
}

void island_inherit(const struct island *i, struct session *s, const struct session *older)
{
    s->inherited = s->realm == &i->realm;
    if (s->inherited)
        s->fleet_fence = older->realm == &i->realm ? older->fleet_fence : older->fence;
}

bool island_holds(const struct island *i, const struct session *s)
{
    return s->moving || (i->leaving && s->realm == &i->realm && !s->room);
}

bool island_may_begin(const struct island *i, const struct realm *realm, bool names_rooms)
{
    return realm != &i->realm || (i->open && !names_rooms);
}

struct island_room *island_add(struct island *i, struct str room_id, const struct transfer_base *base)
{
    struct island_room *room = mem_alloc(sizeof *room);
    CHECK(str_copy(room->room_id, sizeof room->room_id, room_id));
    CHECK(!island_find(i, room_id));
    room->born = base->born;
    room->seq = base->seq;
    buf_add_str(&room->states, base->states);
    map_put(i->rooms, room_id, room);
    metrics_set(METRIC_ISLAND_ROOMS, (int64_t)map_count(i->rooms));
    return room;
}

void island_add_session(struct island_room *room, const char *player_id, const char *session_id)
{
    size_t count = room->session_count + 1;
    room->sessions = mem_resize(room->sessions, count * sizeof *room->sessions);
    struct island_session *one = &room->sessions[room->session_count++];
    (void)str_copy(one->player_id, sizeof one->player_id, str_of(player_id));
    (void)str_copy(one->session_id, sizeof one->session_id, str_of(session_id));
}

struct transfer_base island_base(const struct island_room *room)
{
    return (struct transfer_base){room->born, room->seq, buf_str(&room->states)};
}

void island_may_be_home(struct island_room *room, const struct transfer_image *image)
{
    struct str rest = buf_str(&room->states);
    size_t count = 0;
    while (rest.n) {
        (void)str_cut(&rest, ';');
        count++;
    }
    if (count >= STATES_MAX) { /* the oldest is the least likely by now */
        struct buf newer = {0};
        rest = buf_str(&room->states);
        (void)str_cut(&rest, ';');
        buf_add_str(&newer, rest);
        buf_close(&room->states);
        room->states = newer;
    }
    transfer_image_state(image, &room->states);
}

struct island_room *island_find(const struct island *i, struct str room_id)
{
    return map_find(i->rooms, room_id);
}

void island_remove(struct island *i, struct island_room *room)
{
    (void)map_remove(i->rooms, str_of(room->room_id));
    metrics_set(METRIC_ISLAND_ROOMS, (int64_t)map_count(i->rooms));
    free_room(room);
}

static char *text_of(struct json_value v, bool raw)
{
    struct str plain = {0};
    if (raw)
        plain = v.type == JSON_NONE ? STR("null") : v.raw;
    else if (!json_as_plain(v, &plain))
        plain = STR("ended");
    return mem_copy(plain.p, plain.n);
}

/* One that began here leaves no trace; the store is to hear of any other. */
static void ended(struct island *i, struct island_room *room, const struct room_event *e)
{
    struct json_object data;
    const char *why;
    if (room->born || !json_object_scan(e->data, &data, &why)) {
        island_remove(i, room);
        return;
    }
    room->ended = true;
    room->reason = text_of(json_get(&data, "reason", NULL), false);
    room->result = text_of(json_get(&data, "result", NULL), true);
}

void island_note(struct island *i, const struct room_event *e)
{
    struct island_room *room = island_find(i, e->room_id);
    if (!room && e->seq == 1 && str_eq(e->event, STR(PUSH_MATCH_FOUND))) {
        island_add(i, e->room_id, &(struct transfer_base){.born = true});
        metrics_add_for(METRIC_ISLAND_ROOMS_TOTAL, "born", 1);
    } else if (room && !room->ended &&
               (str_eq(e->event, STR(PUSH_GAME_END)) || str_eq(e->event, STR(PUSH_MATCH_CANCELLED)))) {
        ended(i, room, e);
    }
}
