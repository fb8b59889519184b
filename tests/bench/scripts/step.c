/* The calls that gateways make of the hot scripts, with the product's own callers, and their answers. */
#include "tests/bench/scripts/step.h"

#include "common/buf.h"
#include "matchmaking/presence.h"
#include "matchmaking/queue.h"
#include "matchmaking/room_state.h"

static bool word(const struct reply *reply, size_t i, const char *expected)
{
    return str_eq(reply_str(reply, i), str_of(expected));
}

static struct room_seat seat_of(const struct world_player *p)
{
    return (struct room_seat){.room_id = str_of(p->room_id),
                              .player_id = str_of(p->player_id),
                              .socket_id = str_of(p->socket_id),
                              .session_id = str_of(p->session_id),
                              .request_id = p->request_id};
}

/* ---- coming ---- */

static void ask_attach(struct world_player *p, backend_cb fn, void *arg)
{
    const struct presence_hello hello = {
        .player_id = str_of(p->player_id),
        .socket_id = str_of(p->socket_id),
        .session_id = str_of(p->session_id),
        .token_hash = STR("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")};
    presence_attach(&p->home->realm, &hello, fn, arg);
}

static bool attached(struct world_player *p, const struct reply *reply)
{
    struct presence_attached a;
    if (!word(reply, 0, "OK"))
        return false;
    presence_attached(reply, &a);
    p->fence = a.fence;
    return a.fence > 0 && str_eq(a.state, STR("idle"));
}

static void ask_join(struct world_player *p, backend_cb fn, void *arg)
{
    const struct queue_ticket ticket = {.player_id = str_of(p->player_id),
                                        .ticket_id = str_of(p->ticket_id),
                                        .session_id = str_of(p->session_id),
                                        .fence = p->fence,
                                        .level = p->level,
                                        .how = QUEUE_ASK};
    queue_hand_in(&p->home->realm, &ticket, fn, arg);
}

static bool waits(struct world_player *p, const struct reply *reply)
{
    (void)p;
    return word(reply, 0, "WAITING") && reply_int(reply, 1) == 1;
}

static bool matched(struct world_player *p, const struct reply *reply)
{
    return word(reply, 0, "MATCHED") && reply_at(reply, 2)->count > 0 &&
           str_copy(p->room_id, sizeof p->room_id, reply_str(reply, 1)) &&
           str_copy(p->partner->room_id, sizeof p->partner->room_id, reply_str(reply, 1));
}

static void ask_confirm(struct world_player *p, backend_cb fn, void *arg)
{
    const struct room_seat seat = seat_of(p);
    room_state_confirm(&p->home->realm, &seat, fn, arg);
}

static bool confirmed(struct world_player *p, const struct reply *reply)
{
    (void)p;
    return word(reply, 0, "OK") && word(reply, 1, "waiting");
}

static bool begun(struct world_player *p, const struct reply *reply)
{
    (void)p;
    return word(reply, 0, "OK") && word(reply, 1, "active") && reply_at(reply, 2)->count > 0;
}

/* ---- playing ---- */

/* As gateway/say.c composes it. A message of 100 bytes, its quotes included. */
static void ask_message(struct world_player *p, backend_cb fn, void *arg)
{
    static const char filling[] = "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"
                                  "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm";
    _Static_assert(sizeof filling - 1 == 98, "100 bytes with its quotes");
    char space[512];
    p->request_id++;
    struct buf data = buf_on(space, sizeof space);
    const struct room_seat seat = seat_of(p);
    buf_add_fmt(&data, "{\"roomId\":\"%s\",\"sender\":\"%s\",\"playerId\":\"%s\",\"message\":\"%s\"}",
                p->room_id, p->socket_id, p->player_id, filling);
    room_state_message(&p->home->realm, &seat, "gameMessage", buf_str(&data), false, fn, arg);
    buf_close(&data);
}

static bool told(struct world_player *p, const struct reply *reply)
{
    int64_t before = p->seq;
    struct world *w = p->home->world;
    p->seq = reply_int(reply, 1);
    w->said++;
    w->published += p->home != p->partner->home;
    return word(reply, 0, "OK") && p->seq > before && reply_str(reply, 2).n > 0;
}

/* ---- going ---- */

static void ask_leave(struct world_player *p, backend_cb fn, void *arg)
{
    queue_leave(&p->home->realm, str_of(p->player_id), p->fence, p->level, fn, arg);
}

static bool left(struct world_player *p, const struct reply *reply)
{
    (void)p;
    return word(reply, 0, "LEFT");
}

static void ask_detach(struct world_player *p, backend_cb fn, void *arg)
{
    const struct presence_leaving leaving = {.player_id = str_of(p->player_id),
                                             .socket_id = str_of(p->socket_id),
                                             .owner_instance_id = str_of(p->home->realm.instance_id),
                                             .level = p->level,
                                             .room_id = str_of(p->room_id),
                                             .session_id = str_of(p->session_id)};
    presence_detach(&p->home->realm, &leaving, fn, arg);
}

static bool gone(struct world_player *p, const struct reply *reply)
{
    return word(reply, 0, "OK") && word(reply, 3, p->room_id[0] ? "seat" : "idle");
}

/* ---- the table ---- */

static const struct step ATTACH = {STEP_BOTH, ask_attach, attached};
static const struct step WAIT = {STEP_FIRST, ask_join, waits};
static const struct step MATCH = {STEP_SECOND, ask_join, matched};
static const struct step CONFIRM_FIRST = {STEP_FIRST, ask_confirm, confirmed};
static const struct step CONFIRM_LAST = {STEP_FIRST, ask_confirm, begun}; /* the other one by his join */
static const struct step MESSAGE = {STEP_BOTH, ask_message, told};
static const struct step LEAVE = {STEP_FIRST, ask_leave, left};
static const struct step DETACH = {STEP_BOTH, ask_detach, gone};

static const struct step_chain CHAINS[] = {
    {.name = "attach", .measured = &ATTACH},
    {.name = "wait", .before = {&ATTACH}, .measured = &WAIT},
    {.name = "match", .before = {&ATTACH, &WAIT}, .measured = &MATCH},
    {.name = "confirm-first",
     .before = {&ATTACH, &WAIT, &MATCH},
     .measured = &CONFIRM_FIRST,
     .ready_check = true},
    {.name = "confirm", .before = {&ATTACH, &WAIT, &MATCH}, .measured = &CONFIRM_LAST},
    {.name = "message",
     .before = {&ATTACH, &WAIT, &MATCH, &CONFIRM_LAST},
     .measured = &MESSAGE,
     .rounds = true},
    {.name = "leave", .before = {&ATTACH, &WAIT}, .measured = &LEAVE},
    {.name = "detach", .before = {&ATTACH}, .measured = &DETACH},
    {.name = "detach-seat", .before = {&ATTACH, &WAIT, &MATCH, &CONFIRM_LAST}, .measured = &DETACH},
};
const char *const step_names =
    "attach, wait, match, confirm-first, confirm, message, leave, detach, detach-seat";

const struct step_chain *step_find(const char *name)
{
    for (size_t i = 0; i < sizeof CHAINS / sizeof *CHAINS; i++)
        if (strcmp(name, CHAINS[i].name) == 0)
            return &CHAINS[i];
    return NULL;
}
