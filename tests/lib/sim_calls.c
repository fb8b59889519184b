/* Runs the scripts of virtual gateways and queues what comes back. */
#include "tests/lib/sim_calls.h"

#include <stdio.h>

#include "common/err.h"
#include "common/loop.h"
#include "common/mem.h"
#include "tests/lib/fleet_text.h"
#include "tests/lib/sim_gateway.h"
#include "tests/lib/sim_island.h"
#include "tests/lib/sim_model.h"

enum { LOST_PER_10000 = 20, TOGETHER_PER_10000 = 9000, LEFTOVERS_PER_CALL = 8, TIMERS_PER_CALL = 20 };

const char *sim_call_name(enum sim_call_kind kind)
{
    static const char *const names[SIM_CALL_KINDS] = {
        [SIM_ATTACH] = "attach",
        [SIM_RESEAT] = "reseat",
        [SIM_JOIN] = "join",
        [SIM_LEAVE_QUEUE] = "leave_queue",
        [SIM_MATCH] = "match",
        [SIM_EXPIRE] = "expire_tickets",
        [SIM_CONFIRM] = "confirm",
        [SIM_MESSAGE] = "message",
        [SIM_SET] = "set_state",
        [SIM_DEADLINE] = "set_deadline",
        [SIM_READ] = "read_room",
        [SIM_LEAVE_ROOM] = "leave_room",
        [SIM_END] = "end_game",
        [SIM_DETACH] = "detach",
        [SIM_LOG] = "read_log",
        [SIM_DUE] = "due_timers",
        [SIM_FIRE] = "fire_timer",
        [SIM_BEAT] = "heartbeat",
        [SIM_LEFTOVERS] = "list_leftovers",
        [SIM_OWN] = "list_own",
        [SIM_RETIRE] = "retire",
        [SIM_WHERE] = "where",
        [SIM_COPY] = "copy_room",
        [SIM_RESTORE_SESSION] = "restore_session",
        [SIM_RESTORE] = "restore_room",
    };
    return names[kind];
}

void sim_call_free(struct sim_call *c)
{
    mem_free(c->reply);
    mem_free(c->carried);
    mem_free(c);
}

static const struct realm *realm_of(const struct sim_call *c)
{
    return c->island ? &c->gateway->island->realm : &c->gateway->realm;
}

const char *sim_call_message(const struct sim_call *c)
{
    return fleet_text(
        "{\"roomId\":\"%s\",\"sender\":\"%s\",\"playerId\":\"%s\",\"message\":{\"n\":%s,\"r\":%lld}}",
        c->room, c->socket, c->player, c->text, (long long)c->request);
}

static void trace(const struct sim_call *c, const struct reply *reply)
{
    if (c->kind == SIM_DUE && reply->count == 0)
        return;
    struct buf *text = &c->gateway->sim->text;
    buf_clear(text);
    fleet_text_plain(text, ERR_NONE, reply);
    sim_trace(c->gateway->sim, "%s %s%s %s%s%s%s%s%s -> %.100s%s", c->gateway->realm.instance_id,
              c->island ? "there: " : "", sim_call_name(c->kind), c->player, c->socket[0] ? " " : "",
              c->socket, c->room[0] ? " " : "", c->room, c->kind == SIM_FIRE ? c->text : "", text->data,
              c->lost ? " (answer lost)" : "");
}

/* It waits for others of its script (batch.h): answered when its batch is full, or is sent before another
 * script or at the pass's end. */
static bool collected(const struct sim_call *c)
{
    bool together =
        c->kind == SIM_MESSAGE || c->kind == SIM_JOIN || c->kind == SIM_CONFIRM || c->kind == SIM_ATTACH;
    return together && !c->island; /* which has no batch */
}

static void on_answer(void *arg, int err, const struct reply *reply)
{
    struct sim_call *c = arg;
    struct sim *s = c->gateway->sim;
    if (err != ERR_NONE)
        sim_fail(s, "%s of %s: %s %.*s", sim_call_name(c->kind), c->player, err_name(err),
                 reply ? (int)reply->str.n : 0, reply ? reply->str.p : "");
    if (collected(c)) {
        c->more = --c->gateway->collected[c->kind] > 0;
        s->count.together += c->more;
    }
    if (!c->island && c->place != ++c->gateway->carried_out)
        sim_fail(s, "the store sees %s of %s before what was asked earlier", sim_call_name(c->kind),
                 c->player);
    trace(c, reply);
    sim_model_ran(c->island ? c->gateway->island->model : s->model, c, reply);
    c->err = c->lost ? ERR_UNKNOWN : ERR_NONE;
    if (!c->lost)
        c->reply = fleet_text_copy(reply);
}

const char *sim_setup(const char *ticket)
{
    size_t n = strlen(ticket);
    bool says = n > 0 && ticket[n - 1] % 2 == 0;
    return says ? fleet_text("{\"of\":\"%s|\"}", ticket) : "";
}

/* A ticket that waits keeps its own setup. What is collected is answered on the way: fleet_text's places may
 * be needed for that. */
static void run_join(struct sim_call *c)
{
    char setup[2 * ID_SIZE];
    (void)str_copy(setup, sizeof setup, str_of(c->how == QUEUE_KEEP ? "" : sim_setup(c->ticket)));
    queue_hand_in(realm_of(c),
                  &(struct queue_ticket){.player_id = str_of(c->player),
                                         .ticket_id = str_of(c->ticket),
                                         .session_id = str_of(c->player),
                                         .setup = str_of(setup),
                                         .fence = c->fence,
                                         .level = c->level,
                                         .how = c->how,
                                         .since_ms = c->since_ms},
                  on_answer, c);
}

static void run_queue(struct sim_call *c)
{
    const struct realm *r = realm_of(c);
    if (c->kind == SIM_JOIN)
        run_join(c);
    else if (c->kind == SIM_LEAVE_QUEUE)
        queue_leave(r, str_of(c->player), c->fence, c->level, on_answer, c);
    else if (c->kind == SIM_MATCH)
        queue_match(r, c->level, on_answer, c);
    else
        queue_expire(r, c->level, on_answer, c);
}

static void say(struct sim_call *c, const struct room_seat *who)
{
    room_state_message(realm_of(c), who, "gameMessage", str_of(sim_call_message(c)), false, on_answer, c);
}

static void run_room(struct sim_call *c)
{
    const struct realm *r = realm_of(c);
    struct room_seat who = {.room_id = str_of(c->room),
                            .player_id = str_of(c->player),
                            .socket_id = str_of(c->socket),
                            .session_id = str_of(c->player),
                            .request_id = c->request,
                            .epoch = c->epoch};
    struct room_change change = {.game = c->game,
                                 .json = str_of(c->text),
                                 .has_turn = c->game,
                                 .turn = c->number + 1,
                                 .has_expected_version = c->number >= 0,
                                 .expected_version = c->number};
    if (c->kind == SIM_CONFIRM)
        room_state_confirm(r, &who, on_answer, c);
    else if (c->kind == SIM_MESSAGE)
        say(c, &who);
    else if (c->kind == SIM_SET)
        room_state_set(r, &who, &change, on_answer, c);
    else if (c->kind == SIM_DEADLINE)
        room_state_deadline(r, &who, c->after_ms, c->number, on_answer, c);
    else if (c->kind == SIM_READ)
        room_state_read(r, &who, on_answer, c);
    else if (c->kind == SIM_LEAVE_ROOM)
        room_state_leave(r, &who, c->level, on_answer, c);
    else if (c->kind == SIM_END)
        room_state_end(r, &who, str_of(c->text), on_answer, c);
    else
        room_state_log(r, who.room_id, (struct str){0}, c->number, on_answer, c);
}

static void run_detach(struct sim_call *c)
{
    struct presence_leaving who = {.player_id = str_of(c->player),
                                   .socket_id = str_of(c->socket),
                                   .owner_instance_id = str_of(c->owner),
                                   .only_if_owner_dead = c->leftover,
                                   .level = c->level,
                                   .room_id = str_of(c->room),
                                   .session_id = str_of(c->player)};
    presence_detach(realm_of(c), &who, on_answer, c);
}

static void run_presence(struct sim_call *c)
{
    const struct realm *r = realm_of(c);
    struct str player = str_of(c->player);
    char info[80]; /* as in run_join */
    (void)snprintf(info, sizeof info, "{\"seats\":%lld,\"beat\":%lld}", (long long)r->rules.seats,
                   (long long)c->beat);
    struct presence_beat beat = {.info = str_of(info),
                                 .known_epoch = c->number,
                                 .first = c->number == 0,
                                 .fence = c->fence,
                                 .known_run = c->run,
                                 .answered = c->answered,
                                 .not_after_ms = c->not_after_ms};
    struct presence_hello hello = {.player_id = player,
                                   .socket_id = str_of(c->socket),
                                   .held_fence = c->again  ? c->fence
                                                 : c->home ? PRESENCE_NEVER_HELD
                                                           : 0,
                                   .session_id = player,
                                   .token_hash = STR("token"),
                                   .resume = c->resume};
    if (c->kind == SIM_ATTACH)
        presence_attach(r, &hello, on_answer, c);
    else if (c->kind == SIM_RESEAT)
        presence_reseat(r, str_of(c->room), player, player, c->fence, on_answer, c);
    else if (c->kind == SIM_DETACH)
        run_detach(c);
    else if (c->kind == SIM_BEAT)
        presence_heartbeat(r, &beat, on_answer, c);
    else if (c->kind == SIM_LEFTOVERS)
        presence_leftovers(r, str_of(c->owner), LEFTOVERS_PER_CALL, on_answer, c);
    else if (c->kind == SIM_OWN)
        presence_own(r, STR("0"), LEFTOVERS_PER_CALL, on_answer, c);
    else if (c->kind == SIM_RETIRE)
        presence_retire(r, str_of(c->owner), on_answer, c);
    else
        presence_where(r, &(struct presence_whose){player, player}, 1, on_answer, c);
}

static void run_timer(struct sim_call *c)
{
    struct timer_entry entry;
    if (c->kind == SIM_DUE) {
        timers_due(realm_of(c), TIMERS_PER_CALL, on_answer, c);
        return;
    }
    if (!timers_parse(str_of(c->text), &entry))
        sim_fail(c->gateway->sim, "deadlines holds %s", c->text);
    timers_fire(realm_of(c), &entry, on_answer, c);
}

static void go_in_order(struct sim_call *c)
{
    struct sim_gateway *g = c->gateway;
    c->place = ++g->reached;
    if (c->kind != g->last_kind) /* now, and not while this call's texts (fleet_text.h) are in use */
        realm_in_order(&g->realm);
    g->last_kind = c->kind;
    if (collected(c))
        g->collected[c->kind]++;
}

static void run(struct sim_call *c)
{
    if (!c->island)
        go_in_order(c);
    switch (c->kind) {
    case SIM_JOIN:
    case SIM_LEAVE_QUEUE:
    case SIM_MATCH:
    case SIM_EXPIRE:
        run_queue(c);
        break;
    case SIM_CONFIRM:
    case SIM_MESSAGE:
    case SIM_SET:
    case SIM_DEADLINE:
    case SIM_READ:
    case SIM_LEAVE_ROOM:
    case SIM_END:
    case SIM_LOG:
        run_room(c);
        break;
    case SIM_DUE:
    case SIM_FIRE:
        run_timer(c);
        break;
    case SIM_COPY:
        transfer_copy_room(realm_of(c), str_of(c->room), on_answer, c);
        break;
    case SIM_RESTORE_SESSION:
    case SIM_RESTORE:
        sim_home_run(c, on_answer);
        break;
    default:
        run_presence(c);
    }
}

void sim_call(struct sim_gateway *g, const struct sim_call *asked)
{
    struct sim *s = g->sim;
    struct sim_call *c = mem_alloc(sizeof *c);
    *c = *asked;
    c->gateway = g;
    c->line = g->line;
    s->count.calls++;
    if (c->island) {
        run(c);
        list_push(&g->answers, &c->link);
        return;
    }
    /* On a new line the heartbeat goes first: its answer says which store this is. */
    bool away = s->now_us < g->away_until_us || (!g->trusts && c->kind != SIM_BEAT);
    if (away)
        c->err = ERR_UNAVAILABLE;
    list_push(away ? &g->answers : &g->wire, &c->link);
}

bool sim_calls_run(struct sim_gateway *g)
{
    struct sim *s = g->sim;
    bool stuck = g->stalled && s->now_us < g->frozen_until_us;
    if (list_empty(&g->wire) || stuck)
        return false;
    bool lost = !s->calm && sim_chance(s, LOST_PER_10000), more = true;
    while (more) {
        struct sim_call *c = OWNER(g->wire.next, struct sim_call, link);
        list_remove(&c->link);
        c->lost = lost;
        run(c);
        list_push(&g->answers, &c->link);
        more = collected(c) && !list_empty(&g->wire) && sim_chance(s, TOGETHER_PER_10000);
    }
    loop_flush(s->loop);
    return true;
}

void sim_calls_cut(struct sim_gateway *g)
{
    bool cut = false;
    while (!list_empty(&g->wire)) {
        struct sim_call *c = OWNER(g->wire.next, struct sim_call, link);
        list_remove(&c->link);
        cut = cut || sim_chance(g->sim, 3000);
        c->lost = true;
        c->err = ERR_UNKNOWN;
        if (!cut)
            run(c);
        list_push(&g->answers, &c->link);
    }
    loop_flush(g->sim->loop);
}
