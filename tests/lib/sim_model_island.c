/* Rooms and sessions that are on an island, in its model. */
#include "tests/lib/sim_model_island.h"

#include <stdlib.h>

#include "common/err.h"
#include "common/mem.h"
#include "tests/lib/fleet_text.h"
#include "tests/lib/sim_model_parts.h"

void sim_model_begin_island(struct sim_model *m, const struct realm *r)
{
    m->realm = r;
    struct model_instance *i = sim_model_instance(m, str_of(r->instance_id));
    i->listed = true;
    i->epoch = 1;
    i->lease_end_ms = sim_model_now_ms(m) + r->rules.lease_ms;
}

/* ---- coming ---- */

static struct model_room *room_here(struct sim_model *m, const char *room_id)
{
    struct model_room *r = sim_model_room_of(m, str_of(room_id));
    if (r && r->ended) { /* the store knew better: it is there still */
        (void)map_remove(m->rooms, str_of(room_id));
        if (m->touched == r)
            m->touched = NULL;
        sim_model_room_free(r);
        r = NULL;
    }
    if (r)
        return r;
    r = mem_alloc(sizeof *r);
    (void)str_copy(r->id, sizeof r->id, str_of(room_id));
    r->seats = mem_alloc((size_t)sim_model_rules(m)->seats * sizeof *r->seats);
    map_put(m->rooms, str_of(room_id), r);
    return r;
}

void sim_model_adopt_seat(struct sim_model *m, const char *room_id, const struct transfer_seat *seat)
{
    struct model_room *r = room_here(m, room_id);
    struct model_player *p = sim_model_player_of(m, seat->player_id);
    struct model_socket *own = mem_alloc(sizeof *own);
    struct str instance = str_of(m->realm->instance_id);
    struct model_seat *s = &r->seats[r->seat_count++];
    *p = (struct model_player){.state = SEATED,
                               .level = seat->level,
                               .fence = seat->fence,
                               .joined_ms = sim_model_now_ms(m),
                               .room = r,
                               .session = true,
                               .greatest = seat->answered,
                               .floor = seat->answered};
    (void)str_copy(p->id, sizeof p->id, seat->player_id);
    (void)str_copy(p->ticket, sizeof p->ticket, seat->ticket_id);
    (void)str_copy(p->socket, sizeof p->socket, seat->socket_id);
    (void)str_copy(p->session_socket, sizeof p->session_socket, seat->socket_id);
    (void)str_copy(p->instance, sizeof p->instance, instance);
    *own = (struct model_socket){sim_model_instance(m, instance), p};
    mem_free(map_remove(m->sockets, seat->socket_id));
    map_put(m->sockets, seat->socket_id, own);
    *s = (struct model_seat){.player = p,
                             .confirmed = true,
                             .reported = seat->result.n > 0,
                             .fence = seat->fence,
                             .version = seat->state_version};
    memcpy(s->socket, p->socket, sizeof s->socket);
    memcpy(s->instance, p->instance, sizeof s->instance);
    (void)str_copy(s->state, sizeof s->state, seat->state);
    (void)str_copy(s->report, sizeof s->report, seat->result);
    if (seat->fence > m->fence)
        m->fence = seat->fence;
}

void sim_model_adopt_room(struct sim_model *m, const struct transfer_room *room)
{
    int64_t now = sim_model_now_ms(m), next = room->epoch + 1;
    struct model_room *r = sim_model_room_of(m, room->room_id);
    if (m->run <= room->epoch)
        m->run = now > next ? now : next;
    r->active = true;
    r->level = room->level;
    r->epoch = room->epoch;
    r->version = room->version;
    r->turn = room->turn;
    r->created_ms = r->updated_ms = r->last_ms = r->confirm_by_ms = now;
    r->idle_due_ms = sim_model_fleet_ms(m) + sim_model_rules(m)->idle_ms;
    r->turn_due_ms = room->turn_left_ms < 0 ? 0 : sim_model_fleet_ms(m) + room->turn_left_ms;
    (void)str_copy(r->data, sizeof r->data, room->game_data);
    r->count = r->cap = (size_t)room->seq; /* what was before is not there */
    r->events = mem_alloc(r->count * sizeof *r->events);
    sim_model_cast(r);
    m->live_rooms++;
}

void sim_model_begin_run(struct sim_model *m)
{
    int64_t now = sim_model_now_ms(m);
    m->run = now > m->run + 1 ? now : m->run + 1;
}

/* ---- going ---- */

static void forget(struct model_player *p)
{
    p->state = ABSENT;
    p->room = NULL;
    p->lost = false;
    p->socket[0] = p->instance[0] = p->ticket[0] = '\0';
}

void sim_model_release_room(struct sim_model *m, const char *room_id)
{
    struct model_room *r = sim_model_room_of(m, str_of(room_id));
    CHECK(r && !r->ended);
    for (size_t i = 0; i < r->seat_count; i++)
        forget(r->seats[i].player);
    (void)map_remove(m->rooms, str_of(room_id));
    sim_model_room_free(r);
    m->live_rooms--;
}

void sim_model_release_session(struct sim_model *m, const struct sim_session *s)
{
    struct model_player *p = sim_model_player_of(m, str_of(s->client->id));
    p->session = false;
    p->session_socket[0] = p->session_ticket[0] = '\0';
    p->session_fence = p->floor = p->greatest = 0;
    p->done_count = 0;
    memset(p->done, 0, sizeof p->done);
    if (p->state == SEATED || strcmp(p->socket, s->socket) != 0)
        return;
    sim_model_queue_remove(m, p);
    forget(p);
}

/* ---- what is said of it ---- */

static int64_t left(const struct sim_model *m, int64_t due_ms)
{
    int64_t ms = due_ms - sim_model_fleet_ms(m);
    return ms > 0 ? ms : 0;
}

static void same_left(struct sim_model *m, struct str got, int64_t due_ms, const char *what)
{
    sim_model_same_text(m, got, due_ms ? fleet_text("%lld", (long long)left(m, due_ms)) : "", what);
}

static void same_number(struct sim_model *m, struct str got, int64_t expected, const char *what)
{
    sim_model_same_text(m, got, fleet_text("%lld", (long long)expected), what);
}

static void same_seat(struct sim_model *m, const struct model_seat *s, const struct reply *all, size_t at)
{
    const struct model_player *p = s->player;
    sim_model_same_text(m, reply_str(all, at), p->id, "player of an image");
    sim_model_same_text(m, reply_str(all, at + 1), s->socket, "socket of an image");
    same_number(m, reply_str(all, at + 2), s->confirmed, "confirmation of an image");
    sim_model_same_text(m, reply_str(all, at + 3), p->ticket, "ticket of an image");
    same_number(m, reply_str(all, at + 4), p->joined_ms, "joinedAt of an image");
    sim_model_same_text(m, reply_str(all, at + 5), s->state, "state of an image");
    same_number(m, reply_str(all, at + 6), s->version, "state's version of an image");
    same_number(m, reply_str(all, at + 7), s->reported, "report of an image");
    sim_model_same_text(m, reply_str(all, at + 8), s->reported ? s->report : "", "result of an image");
    same_left(m, reply_str(all, at + 9), s->socket[0] ? 0 : s->grace_due_ms, "grace of an image");
    sim_model_same_text(m, reply_str(all, at + 10), sim_model_setup(p), "setup of an image");
}

/* They are compared with what is known by hand: no call is looked at. */
static const struct sim_call by_hand = {.kind = SIM_COPY};

bool sim_model_image(struct sim_model *m, const char *room_id, const struct reply *reply)
{
    m->call = &by_hand;
    struct model_room *r = sim_model_room_of(m, str_of(room_id));
    const struct reply *head = reply_at(reply, 1), *seats = reply_at(reply, 2), *events = reply_at(reply, 3);
    bool lives = r && !r->ended;
    sim_model_same_text(m, reply_str(reply, 0), lives ? "OK" : "ENDED", "an image");
    if (!lives)
        return false;
    sim_model_same_text(m, reply_str(head, 0), r->active ? "active" : "waiting", "status of an image");
    same_number(m, reply_str(head, 1), (int64_t)r->count, "seq of an image");
    same_number(m, reply_str(head, 2), r->epoch, "epoch of an image");
    same_number(m, reply_str(head, 3), r->version, "version of an image");
    same_number(m, reply_str(head, 4), r->turn, "turn of an image");
    sim_model_same_text(m, reply_str(head, 5), r->data, "gameData of an image");
    same_number(m, reply_str(head, 6), r->level, "level of an image");
    same_number(m, reply_str(head, 7), r->created_ms, "createdAt of an image");
    same_number(m, reply_str(head, 8), r->updated_ms, "updatedAt of an image");
    same_left(m, reply_str(head, 9), r->confirm_due_ms, "confirm deadline of an image");
    same_left(m, reply_str(head, 10), r->idle_due_ms, "idle deadline of an image");
    same_left(m, reply_str(head, 11), r->turn_due_ms, "turn's limit of an image");
    sim_model_same(m, (int64_t)seats->count, (int64_t)r->seat_count * 11, "seats of an image, in elevens,");
    for (size_t i = 0; i < r->seat_count; i++)
        same_seat(m, &r->seats[i], seats, 11 * i);
    sim_model_same(m, (int64_t)events->count, r->log_count, "number of events of an image");
    for (size_t i = 0; i < events->count; i++)
        sim_model_same_text(m, reply_str(events, i), r->events[r->count - events->count + i],
                            "an event of an image");
    return true;
}

void sim_model_read_session(struct sim_model *m, const char *player_id, const struct reply *reply)
{
    struct model_done list[REQUESTS_KEPT];
    m->call = &by_hand;
    size_t count = sim_model_done_list(sim_model_player_of(m, str_of(player_id)), list);
    sim_model_same(m, (int64_t)reply->count, 2 * (int64_t)count, "number of answered requests, in twos,");
    for (size_t i = 0; i < count; i++) {
        same_number(m, reply_str(reply, 2 * i), list[i].request, "an answered request");
        sim_model_same_text(m, reply_str(reply, 2 * i + 1), sim_model_done_text(&list[i]),
                            "what was answered");
    }
}
