/* Closed and open loops of room messages.
 *
 * Closed: a sender has at most --window messages under way, and one is under way until every listener has it;
 * so all of a room's copies count, not the fastest. Open: messages are due at fixed times, whoever is late;
 * the time written into a message is the one at which it was due, so that a server (or this tool) that falls
 * behind shows in the latencies of all messages that wait, not only in those it happened to send (coordinated
 * omission). */
#include "tests/bench/relay.h"

#include <stdlib.h>
#include <string.h>

#include "tests/bench/clock.h"
#include "tests/bench/report.h"

enum { ENVELOPE_MAX = 512, PAYLOAD_MAX = 65536 };

void relay_init(struct relay *r, struct game *g)
{
    memset(r, 0, sizeof *r);
    r->game = g;
    tally_init(&r->tally, g);
    r->heard = calloc(g->count + 1, sizeof *r->heard);
    r->listeners = calloc(g->rooms + 1, sizeof *r->listeners);
    if (r->heard == NULL || r->listeners == NULL)
        report_give_up("out of memory");
    for (uint32_t room = 0; room < g->rooms; room++)
        r->listeners[room] = g->seats;
}

void relay_close(struct relay *r)
{
    tally_close(&r->tally);
    free(r->heard);
    free(r->listeners);
}

void relay_forgive(struct relay *r, uint32_t who)
{
    r->tally.players[who].forgiven = true;
    r->listeners[who / r->game->seats]--;
}

/* Players with a low seat talk; a forgiven one does not. */
static bool talks(const struct relay *r, uint32_t who)
{
    return who % r->game->seats < r->game->o->talkers && !r->tally.players[who].forgiven;
}

static uint32_t listeners_of(const struct relay *r, uint32_t sender)
{
    return r->listeners[sender / r->game->seats] - 1;
}

static void say(struct relay *r, uint32_t sender, uint64_t at)
{
    const struct options *o = r->game->o;
    static char text[PAYLOAD_MAX + ENVELOPE_MAX], filled[PAYLOAD_MAX];
    size_t n = (size_t)o->size - 2;
    struct payload p = {.sender = sender, .number = tally_send(&r->tally, sender), .at = at};
    struct wire_saying s = {.room = r->game->players[sender].room,
                            .is_volatile = !o->numbered,
                            .payload = filled,
                            .payload_n = n};
    payload_write(filled, n, &p);
    if (o->numbered && !o->silent)
        s.id = r->game->players[sender].last_id + 1 + p.number;
    crowd_text(&r->game->crowd, sender, text, o->wire->say(text, &s));
    r->sent++;
    r->due += listeners_of(r, sender);
}

static void hear_message(struct relay *r, uint32_t who, const struct wire_heard *h)
{
    struct payload p;
    if (!tally_hear(&r->tally, who, h, &p))
        return;
    if (p.sender == who) {
        r->replies += r->game->o->silent; /* his own message is all the answer that he gets */
        return;
    }
    if (r->measuring && p.at >= r->measured_from)
        hist_add(&r->latency, r->game->crowd.now > p.at ? r->game->crowd.now - p.at : 0);
    if (r->tally.players[who].forgiven)
        return;
    r->due--;
    if (++r->heard[p.sender] % listeners_of(r, p.sender) == 0 && r->talking && r->game->o->rate == 0)
        say(r, p.sender, r->game->crowd.now);
}

bool relay_heard(struct relay *r, uint32_t who, const struct wire_heard *h)
{
    if (h->kind == WIRE_MESSAGE) {
        hear_message(r, who, h);
        return true;
    }
    if (h->kind == WIRE_REPLY && h->id > r->game->players[who].last_id) {
        r->replies++;
        tally_reply(&r->tally, who, (uint32_t)(h->id - r->game->players[who].last_id - 1), h->seq);
        return true;
    }
    return false;
}

/* Whose turn it is in the open loop: room by room, then seat by seat. */
static uint32_t next_talker(struct relay *r)
{
    for (;;) {
        uint32_t at = r->turn++ % (r->game->rooms * (uint32_t)r->game->o->talkers);
        uint32_t who = at % r->game->rooms * r->game->seats + at / r->game->rooms;
        if (talks(r, who))
            return who;
    }
}

static void open_loop(struct relay *r, uint64_t until, uint64_t *due, double step)
{
    double at = (double)*due;
    while (*due < until) {
        crowd_turn(&r->game->crowd, *due);
        for (uint64_t now = clock_ns(); *due <= now && *due < until; *due = (uint64_t)at) {
            say(r, next_talker(r), *due);
            at += step;
        }
    }
}

static void start_closed(struct relay *r)
{
    for (uint32_t who = 0; who < r->game->count; who++)
        for (int64_t i = 0; talks(r, who) && i < r->game->o->window; i++)
            say(r, who, clock_ns());
}

static void talk_until(struct relay *r, uint64_t until, uint64_t *due)
{
    if (r->game->o->rate == 0)
        game_run_until(r->game, until);
    else
        open_loop(r, until, due, 1e9 / (double)r->game->o->rate);
}

static void drain(struct relay *r)
{
    uint64_t end = clock_ns() + (uint64_t)r->game->o->deadline_ms * CLOCK_MS / 4;
    uint64_t replies = r->game->o->wire->numbers && r->game->o->numbered ? r->sent : 0;
    while ((r->due > 0 || r->replies < replies) && clock_ns() < end)
        crowd_turn(&r->game->crowd, end);
    if (r->replies < replies)
        report_complain("%llu of %llu requests were not answered", (unsigned long long)(replies - r->replies),
                        (unsigned long long)replies);
}

uint64_t relay_run(struct relay *r, struct servers *servers, struct servers_sample *from,
                   struct servers_sample *to)
{
    const struct options *o = r->game->o;
    uint64_t due = clock_ns(), warm = due + (uint64_t)o->warm_ms * CLOCK_MS, before;
    r->talking = true;
    if (o->rate == 0)
        start_closed(r);
    talk_until(r, warm, &due);
    servers_take(servers, from);
    before = r->tally.deliveries;
    r->measuring = true;
    due = r->measured_from = clock_ns(); /* taking the sample was our delay, nobody else's */
    talk_until(r, due + (uint64_t)o->run_ms * CLOCK_MS, &due);
    r->measuring = false;
    servers_take(servers, to);
    r->talking = false;
    before = r->tally.deliveries - before;
    drain(r);
    tally_finish(&r->tally);
    return before;
}
