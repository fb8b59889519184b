/* The steps of players in conformance tests. */
#include "tests/lib/play.h"

#include <stdio.h>

#include "common/err.h"

static struct realm *realm_of(struct fleet_world *w, const struct player *p)
{
    CHECK(p->at >= 1 && p->at <= FLEET_WORLD_INSTANCES);
    return &w->realm[p->at];
}

struct player play_arrive(struct fleet_world *w, const char *id, int at)
{
    struct player p = {0};
    CHECK(str_copy(p.id, sizeof p.id, str_of(id)));
    play_attach(w, &p, at);
    return p;
}

/* "<id>.<n>", one higher than the last. */
static void next_socket(struct player *p)
{
    const char *dot = strrchr(p->socket, '.');
    int64_t n = 0;
    if (dot)
        (void)str_to_int(str_of(dot + 1), &n);
    int bytes = snprintf(p->socket, sizeof p->socket, "%.50s.%d", p->id, (int)n + 1);
    CHECK(bytes > 0 && (size_t)bytes < sizeof p->socket);
}

void play_attach(struct fleet_world *w, struct player *p, int at)
{
    struct presence_attached now;
    p->at = at;
    next_socket(p);
    (void)ASK(w, presence_attach(realm_of(w, p),
                                 &(struct presence_hello){.player_id = str_of(p->id),
                                                          .socket_id = str_of(p->socket),
                                                          .held_fence = 0,
                                                          .session_id = str_of(p->socket)},
                                 ANSWER(w)));
    assert_true(realm_said(realm_outcome(w->err, w->reply), "OK"));
    presence_attached(w->reply, &now);
    assert_true(now.fence > p->fence);
    p->fence = now.fence;
}

const char *play_attach_again(struct fleet_world *w, struct player *p)
{
    const char *text = ASK(w, presence_attach(realm_of(w, p),
                                              &(struct presence_hello){.player_id = str_of(p->id),
                                                                       .socket_id = str_of(p->socket),
                                                                       .held_fence = p->fence,
                                                                       .session_id = str_of(p->socket)},
                                              ANSWER(w)));
    if (realm_said(realm_outcome(w->err, w->reply), "OK"))
        p->fence = reply_int(w->reply, 1);
    return text;
}

const char *play_join(struct fleet_world *w, struct player *p, int64_t level)
{
    static unsigned number;
    p->level = level;
    (void)snprintf(p->ticket, sizeof p->ticket, "t%u", ++number);
    return play_join_again(w, p);
}

const char *play_join_again(struct fleet_world *w, struct player *p)
{
    const char *text = ASK(w, queue_hand_in(realm_of(w, p),
                                            &(struct queue_ticket){.player_id = str_of(p->id),
                                                                   .ticket_id = str_of(p->ticket),
                                                                   .setup = str_of(p->setup),
                                                                   .fence = p->fence,
                                                                   .level = p->level,
                                                                   .how = QUEUE_ENTER},
                                            ANSWER(w)));
    if (realm_said(realm_outcome(w->err, w->reply), "MATCHED"))
        CHECK(str_copy(p->room, sizeof p->room, reply_str(w->reply, 1)));
    return text;
}

const char *play_leave_queue(struct fleet_world *w, struct player *p)
{
    return ASK(w, queue_leave(realm_of(w, p), str_of(p->id), p->fence, p->level, ANSWER(w)));
}

const char *play_match(struct fleet_world *w, int64_t level, char room_id[ID_SIZE])
{
    const char *text = ASK(w, queue_match(&w->realm[1], level, ANSWER(w)));
    if (room_id && realm_said(realm_outcome(w->err, w->reply), "MATCHED"))
        CHECK(str_copy(room_id, ID_SIZE, reply_str(w->reply, 1)));
    return text;
}

void play_waiting_room(struct fleet_world *w, struct player *players, size_t n, int64_t level)
{
    fleet_world_seats(w, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        (void)play_join(w, &players[i], level);
        assert_true(realm_said(realm_outcome(w->err, w->reply), i + 1 < n ? "WAITING" : "MATCHED"));
    }
    for (size_t i = 0; i < n; i++)
        memcpy(players[i].room, players[n - 1].room, ID_SIZE);
    play_forget(w);
}

void play_room(struct fleet_world *w, struct player *players, size_t n, int64_t level)
{
    play_waiting_room(w, players, n, level);
    for (size_t i = 0; i < n; i++)
        (void)play_confirm(w, &players[i]);
    assert_true(str_eq(reply_str(w->reply, 1), STR("active")));
    play_forget(w);
}

struct room_seat play_seat(const struct player *p)
{
    return (struct room_seat){
        .room_id = str_of(p->room), .player_id = str_of(p->id), .socket_id = str_of(p->socket)};
}

const char *play_confirm(struct fleet_world *w, const struct player *p)
{
    struct room_seat seat = play_seat(p);
    return ASK(w, room_state_confirm(realm_of(w, p), &seat, ANSWER(w)));
}

const char *play_say(struct fleet_world *w, const struct player *p, const char *json)
{
    struct room_seat seat = play_seat(p);
    return ASK(w, room_state_message(realm_of(w, p), &seat, "gameMessage", str_of(json), false, ANSWER(w)));
}

const char *play_set(struct fleet_world *w, const struct player *p, const struct room_change *change)
{
    struct room_seat seat = play_seat(p);
    return ASK(w, room_state_set(realm_of(w, p), &seat, change, ANSWER(w)));
}

const char *play_leave_room(struct fleet_world *w, const struct player *p)
{
    struct room_seat seat = play_seat(p);
    return ASK(w, room_state_leave(realm_of(w, p), &seat, p->level, ANSWER(w)));
}

const char *play_end(struct fleet_world *w, const struct player *p, const char *result)
{
    struct room_seat seat = play_seat(p);
    return ASK(w, room_state_end(realm_of(w, p), &seat, str_of(result), ANSWER(w)));
}

const char *play_log(struct fleet_world *w, const char *room_id, int64_t have)
{
    return play_log_for(w, "", room_id, have);
}

const char *play_log_for(struct fleet_world *w, const char *player_id, const char *room_id, int64_t have)
{
    return ASK(w, room_state_log(&w->realm[1], str_of(room_id), str_of(player_id), have, ANSWER(w)));
}

const char *play_detach(struct fleet_world *w, const struct player *p)
{
    struct realm *r = realm_of(w, p);
    struct presence_leaving who = {.player_id = str_of(p->id),
                                   .socket_id = str_of(p->socket),
                                   .owner_instance_id = str_of(r->instance_id),
                                   .level = p->level,
                                   .room_id = str_of(p->room),
                                   .session_id = str_of(p->socket)};
    return ASK(w, presence_detach(r, &who, ANSWER(w)));
}

const char *play_reseat(struct fleet_world *w, const struct player *p)
{
    return ASK(w, presence_reseat(realm_of(w, p), str_of(p->room), str_of(p->id), str_of(p->socket), p->fence,
                                  ANSWER(w)));
}

const char *play_beat(struct fleet_world *w, int i, int64_t known_epoch, bool first)
{
    struct presence_beat b = {
        .info = str_of(fleet_text("{\"host\":\"h\",\"seats\":%lld}", (long long)w->realm[i].rules.seats)),
        .known_epoch = known_epoch,
        .first = first};
    return ASK(w, presence_heartbeat(&w->realm[i], &b, ANSWER(w)));
}

const char *play_epoch(struct fleet_world *w)
{
    return fleet_text("%.*s %lld", (int)reply_str(w->reply, 0).n, reply_str(w->reply, 0).p,
                      (long long)reply_int(w->reply, 1));
}

const char *play_fire(struct fleet_world *w, int at, const char *kind)
{
    (void)RAW(w, "ZRANGE", "deadlines", "0", "-1");
    for (size_t i = 0; w->reply && i < w->reply->count; i++) {
        struct timer_entry entry;
        char text[256];
        struct str member = reply_str(w->reply, i);
        if (member.n < strlen(kind) || memcmp(member.p, kind, strlen(kind)) != 0)
            continue;
        CHECK(str_copy(text, sizeof text, member));
        assert_true(timers_parse(str_of(text), &entry));
        return ASK(w, timers_fire(&w->realm[at], &entry, ANSWER(w)));
    }
    return "none";
}

const char *play_record(struct fleet_world *w, const char *player_id)
{
    static char text[256];
    struct str rest = str_of(RAW(w, "HGET", "players", player_id)), part[8] = {0};
    for (size_t i = 0; i < 8; i++)
        part[i] = str_cut(&rest, '|');
    if (!part[5].p && part[0].n == 3)
        return "nil";
    (void)snprintf(text, sizeof text, "%.*s|%.*s|%s", (int)part[0].n, part[0].p, (int)part[2].n, part[2].p,
                   part[5].n ? "<room>" : "");
    return text;
}

const char *play_queue(struct fleet_world *w, const char *level)
{
    char key[64];
    (void)snprintf(key, sizeof key, "waiting:level:%s", level);
    return RAW(w, "LRANGE", key, "0", "-1");
}

void play_forget(struct fleet_world *w)
{
    for (int i = 1; i <= FLEET_WORLD_INSTANCES; i++)
        (void)fleet_world_heard_raw(w, i);
}
