/* Makes the trip of a room for tests. */
#include "tests/lib/trip.h"

#include <stdio.h>

#include "common/err.h"
#include "common/mem.h"
#include "gateway/copy.h"
#include "matchmaking/events.h"

enum { LEVEL = 3 };

static uint64_t own_now_us(void *arg)
{
    return ((struct trip *)arg)->now_us;
}

void trip_open(struct trip *t, struct fleet_world *w, size_t players)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    *t = (struct trip){.w = w, .own = &w->realm[TRIP_OWN], .n = players};
    t->now_us = (uint64_t)fleet_world_now_ms(w) * 1000;
    struct backend *b = backend_memory_new(
        NULL,
        &(struct backend_memory_options){
            .prefix = FLEET_WORLD_PREFIX, .now_us = own_now_us, .now_arg = t, .immediate = true},
        &(struct backend_events){0});
    realm_init(t->own, b, &w->realm[1].rules, FLEET_WORLD_PREFIX, "i1");
    for (size_t i = 0; i < players; i++)
        t->p[i] = play_arrive(w, names[i], 1);
    fleet_world_beat(w, TRIP_OWN);
}

void trip_close(struct trip *t)
{
    t->own->backend->ops->free(t->own->backend);
    buf_close(&t->states);
    transfer_image_free(t->image);
}

void trip_play(struct trip *t)
{
    play_room(t->w, t->p, t->n, LEVEL);
    memcpy(t->room_id, t->p[0].room, sizeof t->room_id);
}

static void move_all(struct trip *t)
{
    for (size_t i = 0; i < t->n; i++) {
        t->fleet_fence[i] = t->p[i].fence;
        t->p[i].at = TRIP_OWN;
    }
}

void trip_begin_there(struct trip *t, bool active)
{
    t->base = (struct transfer_base){.born = true};
    move_all(t);
    for (size_t i = 0; i < t->n; i++)
        (void)play_attach_again(t->w, &t->p[i]);
    (active ? play_room : play_waiting_room)(t->w, t->p, t->n, LEVEL);
    memcpy(t->room_id, t->p[0].room, sizeof t->room_id);
}

static struct copy *copy_of(struct trip *t)
{
    (void)ASK(t->w, transfer_copy_room(&t->w->realm[1], str_of(t->room_id), ANSWER(t->w)));
    assert_true(realm_said(realm_outcome(t->w->err, t->w->reply), "OK"));
    struct copy *c = copy_read(t->w->reply);
    assert_non_null(c);
    if (reply_str(t->w->reply, 6).n)
        copy_limit_turn(c, c->version, (uint64_t)reply_int(t->w->reply, 6));
    return c;
}

static void adopt(struct trip *t, const struct copy *c)
{
    struct str players[TRIP_PLAYERS];
    for (size_t i = 0; i < c->seat_count; i++) {
        const struct copy_seat *seat = &c->seats[i];
        const struct player *p = &t->p[i];
        assert_string_equal(seat->player_id, p->id);
        players[i] = str_of(p->id);
        transfer_adopt_seat(t->own, str_of(t->room_id),
                            &(struct transfer_seat){.player_id = players[i],
                                                    .socket_id = str_of(p->socket),
                                                    .session_id = str_of(p->socket),
                                                    .ticket_id = str_of(p->ticket),
                                                    .fence = p->fence,
                                                    .level = LEVEL,
                                                    .state = str_of(seat->state),
                                                    .state_version = seat->version,
                                                    .result = str_of(seat->result)},
                            NULL, NULL);
    }
    transfer_adopt_room(t->own,
                        &(struct transfer_room){.room_id = str_of(t->room_id),
                                                .seq = c->seq,
                                                .epoch = c->epoch,
                                                .version = c->version,
                                                .turn = c->turn,
                                                .level = LEVEL,
                                                .game_data = str_of(c->game_data),
                                                .turn_left_ms = copy_turn_left_ms(c, 0),
                                                .player_ids = players,
                                                .player_count = c->seat_count},
                        NULL, NULL);
}

void trip_go(struct trip *t)
{
    struct copy *c = copy_of(t);
    adopt(t, c);
    buf_clear(&t->states);
    copy_state(c, &t->states);
    t->base = (struct transfer_base){.seq = c->seq};
    copy_free(c);
    move_all(t);
}

void trip_pass(struct trip *t, int64_t ms)
{
    t->now_us += (uint64_t)ms * 1000;
}

void trip_take_image(struct trip *t)
{
    (void)ASK(t->w, transfer_image_room(t->own, str_of(t->room_id), ANSWER(t->w)));
    assert_true(realm_said(realm_outcome(t->w->err, t->w->reply), "OK"));
    transfer_image_free(t->image);
    t->image = transfer_image_new(t->w->reply);
}

void trip_attach(struct trip *t, size_t i)
{
    struct player at_home = t->p[i];
    at_home.at = 1;
    at_home.fence = t->fleet_fence[i];
    (void)play_attach_again(t->w, &at_home);
    t->fleet_fence[i] = at_home.fence;
}

const char *trip_restore(struct trip *t)
{
    t->base.states = buf_str(&t->states);
    return ASK(t->w, transfer_restore_room(&t->w->realm[1], str_of(t->room_id), &t->base, t->data_lost,
                                           t->image, t->sessions, t->session_count, ANSWER(t->w)));
}

const char *trip_end(struct trip *t, const char *result)
{
    t->base.states = buf_str(&t->states);
    return ASK(t->w, transfer_end_room(&t->w->realm[1], str_of(t->room_id), &t->base, STR("agreed"),
                                       str_of(result), t->sessions, t->session_count, ANSWER(t->w)));
}

/* Is he connected there? */
static bool connected(struct trip *t, size_t i)
{
    struct backend *b = t->own->backend;
    static const char text[] = "#!lua\nreturn redis.call('HGET', KEYS[1], ARGV[1])\n";
    static const struct script look = {"look", text, sizeof text - 1, {0}};
    const struct str key = STR(FLEET_WORLD_PREFIX "players"), id = str_of(t->p[i].id);
    struct presence_record now;
    (void)ASK(t->w, b->ops->run(b, &look, &key, 1, &id, 1, ANSWER(t->w)));
    return t->w->reply && t->w->reply->type == REPLY_STR && presence_record(t->w->reply->str, &now) &&
           str_eq(now.socket_id, str_of(t->p[i].socket));
}

const char *trip_come_home(struct trip *t)
{
    bool here[TRIP_PLAYERS] = {false};
    trip_take_image(t);
    for (size_t i = 0; i < t->n; i++)
        if ((here[i] = connected(t, i)))
            trip_attach(t, i);
    const char *text = fleet_text("%s", trip_restore(t));
    if (strncmp(text, "OK", 2) != 0)
        fail_msg("restored: %s", text);
    transfer_release_room(t->own, str_of(t->room_id), NULL, NULL);
    for (size_t i = 0; i < t->n; i++) {
        transfer_release_session(t->own, str_of(t->p[i].socket), str_of(t->p[i].id), str_of(t->p[i].socket),
                                 LEVEL, NULL, NULL);
        t->p[i].at = 1;
        t->p[i].fence = t->fleet_fence[i];
        if (!here[i])
            (void)play_detach(t->w, &t->p[i]);
    }
    return text;
}

void trip_may_be_home(struct trip *t)
{
    transfer_image_state(t->image, &t->states);
    transfer_begin_run(t->own, NULL, NULL);
}

const char *trip_describe(struct trip *t, const struct realm *r)
{
    struct buf out = {0};
    (void)ASK(t->w, transfer_image_room(r, str_of(t->room_id), ANSWER(t->w)));
    const struct reply *head = reply_at(t->w->reply, 1), *seats = reply_at(t->w->reply, 2);
    assert_int_equal(head->count, 12);
    static const size_t fields[] = {0, 1, 3, 4, 5};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        buf_add_str(&out, reply_str(head, fields[i]));
        buf_add_text(&out, " ");
    }
    for (size_t i = 0; i + 11 <= seats->count; i += 11) {
        buf_add_text(&out, "| ");
        for (size_t k = 0; k < 9; k++) {
            bool shown = k == 0 || k == 2 || (k >= 5 && k != 7);
            if (!shown)
                continue;
            buf_add_str(&out, reply_str(seats, i + k));
            buf_add_text(&out, " ");
        }
    }
    const char *text = fleet_text("%s", out.data);
    buf_close(&out);
    return text;
}

const char *trip_log(struct trip *t)
{
    struct buf out = {0};
    buf_add_text(&out, "");
    (void)ASK(t->w, room_state_log(&t->w->realm[1], str_of(t->room_id), (struct str){0}, 0, ANSWER(t->w)));
    const struct reply *events = reply_at(t->w->reply, 2);
    for (size_t i = 0; i < events->count; i++) {
        struct room_event e;
        const char *why;
        assert_true(events_parse(reply_str(events, i), &e, &why));
        buf_add_fmt(&out, "%s%lld%s", i ? " " : "", (long long)e.seq, e.epoch == 1 ? "" : "@E");
    }
    const char *text = fleet_text("%s", out.data);
    buf_close(&out);
    return text;
}
