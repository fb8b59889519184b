/* Workload deadlines: the instance of half of the players is killed; how late are the deadlines of its rooms?
 *
 * Rooms of 2: the first member on the instance that dies, the second one, who listens, on another. Needs
 * CONFIRM=client. A third of the rooms waits for a ready check that nobody answers (matchFound.confirmByMs →
 * matchCancelled), a third has turn limits (dueAt → turnTimeout) spread over SPREAD_MS, in a third a seat is
 * held for the grace time (opponentDisconnected's time + graceMs → playerLeft). Lateness is read from the
 * wall clock: servers and tool must be on one machine. When the lease of the dead instance runs out its
 * unconfirmed matches are cancelled as player_gone: CONFIRM_MS must be shorter than LEASE_MS. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "tests/bench/clock.h"
#include "tests/bench/game.h"
#include "tests/bench/hist.h"
#include "tests/bench/report.h"
#include "tests/bench/work.h"

enum { CONFIRM, TURN, GRACE, KINDS, FIRST_MS = 1000, SPREAD_MS = 7000 };

static const char *const NAMES[] = {"confirm_late_us", "turn_late_us", "grace_late_us"};

struct world {
    struct game game;
    int64_t *due_ms; /* by room: the wall clock of its deadline, 0 = not known yet */
    uint32_t matched, limits, fired[KINDS], expected[KINDS];
    bool struck;
    struct hist late[KINDS];
};

static int kind_of(uint32_t room)
{
    return (int)(room % KINDS);
}

static void fire(struct world *w, uint32_t room, int kind, const struct wire_heard *h)
{
    int64_t late = clock_wall_ms() - w->due_ms[room];
    if (kind_of(room) != kind || w->due_ms[room] == 0) {
        report_complain("room %u heard of a deadline that was not its own: %.*s", room, (int)h->n, h->text);
        return;
    }
    if (late < -1)
        report_complain("room %u: a deadline passed %lld ms too early", room, (long long)-late);
    hist_add(&w->late[kind], late > 0 ? (uint64_t)late * CLOCK_MS : 0);
    w->fired[kind]++;
    w->due_ms[room] = 0;
}

static void on_match(struct world *w, uint32_t who, const struct wire_heard *h)
{
    uint32_t room = who / 2;
    w->matched++;
    if (kind_of(room) == CONFIRM)
        w->due_ms[room] = wire_number(h, "confirmByMs", 0);
    else
        game_ask(&w->game, who, "\"event\":\"confirmJoined\",\"data\":{\"roomId\":\"%s\"}}",
                 w->game.players[who].room);
}

static bool on_heard(void *ctx, uint32_t who, const struct wire_heard *h)
{
    struct world *w = ctx;
    uint32_t room = who / 2;
    switch (h->kind) {
    case WIRE_MATCH:
        on_match(w, who, h);
        break;
    case WIRE_REPLY:
        if (kind_of(room) == TURN && wire_has(h, "\"dueAt\"")) {
            w->due_ms[room] = wire_number(h, "dueAt", 0);
            w->limits++;
        }
        break;
    case WIRE_CANCELLED:
        if (!wire_has(h, "\"confirm_timeout\""))
            report_complain("room %u: %.*s", room, (int)h->n, h->text);
        fire(w, room, CONFIRM, h);
        break;
    case WIRE_TURN:
        if (who % 2 == 1)
            fire(w, room, TURN, h);
        break;
    case WIRE_AWAY:
        if (kind_of(room) == GRACE)
            w->due_ms[room] = wire_number(h, "ts", 0) + wire_number(h, "graceMs", 0);
        break;
    case WIRE_LEFT:
        if (kind_of(room) == GRACE)
            fire(w, room, GRACE, h);
        break;
    default:
        return w->struck && (h->kind == WIRE_END || h->kind == WIRE_CLEANUP);
    }
    return true;
}

static bool on_gone(void *ctx, uint32_t who, int code)
{
    struct world *w = ctx;
    (void)code;
    return w->struck && who % 2 == 0;
}

static void turn_until(struct world *w, const uint32_t *count, uint32_t goal, const char *what)
{
    uint64_t end = clock_ns() + (uint64_t)w->game.o->deadline_ms * CLOCK_MS;
    while (*count < goal && clock_ns() < end)
        crowd_turn(&w->game.crowd, end);
    if (*count < goal)
        report_give_up("deadlines: %u of %u %s", *count, goal, what);
}

/* Rooms of these kinds join, each on a level of its own. */
static void join(struct world *w, int from, int to)
{
    char text[256];
    uint32_t goal = w->matched;
    for (uint32_t who = 0; who < w->game.count; who++) {
        int kind = kind_of(who / 2);
        if (kind < from || kind > to)
            continue;
        crowd_text(&w->game.crowd, who, text,
                   w->game.o->wire->join(text, sizeof text, who / 2, ++w->game.players[who].last_id));
        goal++;
    }
    turn_until(w, &w->matched, goal, "players were matched");
}

static void set_limits(struct world *w)
{
    uint32_t nth = 0, rooms = w->expected[TURN];
    for (uint32_t room = 0; room < w->game.rooms; room++)
        if (kind_of(room) == TURN)
            game_ask(
                &w->game, room * 2,
                "\"event\":\"setTurnDeadline\",\"data\":{\"roomId\":\"%s\",\"ms\":%u,\"expectedVersion\":0}}",
                w->game.players[room * 2].room, FIRST_MS + SPREAD_MS * nth++ / rooms);
    turn_until(w, &w->limits, rooms, "limits were set");
}

static void open_world(struct world *w, struct options *o)
{
    game_init(&w->game, o, 2, on_heard, on_gone, w);
    if (w->game.rooms > 1000 || w->game.rooms < KINDS || o->ports_count < 2 || o->kill_pid == 0)
        report_give_up("deadlines: 6 to 2,000 clients, two instances, and --kill_pid, the first of them");
    w->due_ms = calloc(w->game.rooms, sizeof *w->due_ms);
    if (w->due_ms == NULL)
        report_give_up("out of memory");
    for (uint32_t room = 0; room < w->game.rooms; room++)
        w->expected[kind_of(room)]++;
    for (uint32_t who = 0; who < w->game.count; who++) {
        game_connect_one(&w->game, who,
                         who % 2 == 0 ? o->ports[0] : o->ports[1 + who / 2 % (o->ports_count - 1)]);
        turn_until(w, &w->game.welcomed, who + 1, "players were welcome");
    }
}

void work_deadlines(struct options *o)
{
    static struct world w;
    open_world(&w, o);
    join(&w, TURN, GRACE);
    turn_until(&w, &w.game.seated, (w.expected[TURN] + w.expected[GRACE]) * 2, "players began");
    set_limits(&w);
    join(&w, CONFIRM, CONFIRM);
    w.struck = true;
    if (kill((pid_t)o->kill_pid, SIGKILL) != 0)
        report_give_up("deadlines: nobody to kill");
    for (int kind = 0; kind < KINDS; kind++)
        turn_until(&w, &w.fired[kind], w.expected[kind], NAMES[kind]);
    report_int("clients", w.game.count);
    for (int kind = 0; kind < KINDS; kind++)
        report_hist(NAMES[kind], &w.late[kind]);
    free(w.due_ms);
    game_close(&w.game);
}
