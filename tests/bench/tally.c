/* Exactly once and in order, checked per receiver and sender, and by the numbers of the room. */
#include "tests/bench/tally.h"

#include <stdlib.h>
#include <string.h>

#include "tests/bench/report.h"

enum { RING = 1024 }; /* numbers remembered per room; members are never that far apart */

#define OPEN UINT64_MAX

static void *zeroed(size_t n, size_t size)
{
    void *p = calloc(n + 1, size);
    if (p == NULL)
        report_give_up("out of memory");
    return p;
}

void tally_init(struct tally *t, struct game *g)
{
    memset(t, 0, sizeof *t);
    t->game = g;
    t->players = zeroed(g->count, sizeof *t->players);
    t->expected = zeroed((size_t)g->count * g->seats, sizeof *t->expected);
    t->sent = zeroed(g->count, sizeof *t->sent);
    t->agreed = zeroed((size_t)g->rooms * RING, sizeof *t->agreed);
    t->highest = zeroed(g->rooms, sizeof *t->highest);
}

void tally_close(struct tally *t)
{
    free(t->players);
    free(t->expected);
    free(t->sent);
    free(t->agreed);
    free(t->highest);
}

uint32_t tally_send(struct tally *t, uint32_t sender)
{
    return t->sent[sender]++;
}

static uint64_t *meaning_of(struct tally *t, uint32_t room, int64_t seq)
{
    return &t->agreed[(size_t)room * RING + (uint64_t)seq % RING];
}

/* Number `seq` of the room means this message, for everybody. Whoever hears it first says what it means;
 * numbers that somebody is ahead of are open until then. */
static void agree(struct tally *t, uint32_t receiver, int64_t seq, uint32_t sender, uint32_t number)
{
    uint32_t room = receiver / t->game->seats;
    uint64_t meaning = (uint64_t)sender << 32 | number;
    int64_t *highest = &t->highest[room];
    t->players[receiver].numbers++;
    if (seq <= *highest - RING)
        return;
    while (*highest < seq)
        *meaning_of(t, room, ++*highest) = OPEN;
    if (*meaning_of(t, room, seq) == OPEN)
        *meaning_of(t, room, seq) = meaning;
    else if (*meaning_of(t, room, seq) != meaning)
        report_complain("room %u: number %lld is one message for player %u and another one for others", room,
                        (long long)seq, receiver);
}

static void check_number(struct tally *t, uint32_t receiver, int64_t seq, const struct payload *p)
{
    struct tally_player *player = &t->players[receiver];
    if (seq <= player->last_push || seq <= t->game->players[receiver].seq)
        report_complain("player %u: number %lld after %lld", receiver, (long long)seq,
                        (long long)player->last_push);
    player->last_push = seq;
    agree(t, receiver, seq, p->sender, p->number);
}

bool tally_hear(struct tally *t, uint32_t receiver, const struct wire_heard *h, struct payload *p)
{
    uint32_t seats = t->game->seats, *expected;
    if (!payload_read(h->payload, h->payload_n, p)) {
        report_complain("player %u heard: %.*s", receiver, (int)(h->n < 300 ? h->n : 300), h->text);
        return false;
    }
    if (p->sender >= t->game->count || p->sender / seats != receiver / seats ||
        p->number >= t->sent[p->sender]) {
        report_complain("player %u heard message %u of player %u, who is in another room or has not sent it",
                        receiver, p->number, p->sender);
        return false;
    }
    expected = &t->expected[(size_t)receiver * seats + p->sender % seats];
    if (p->number < *expected) {
        report_complain("player %u heard message %u of player %u again or too late; %u was next", receiver,
                        p->number, p->sender, *expected);
        return false;
    }
    if (p->number > *expected) {
        t->lost += p->number - *expected;
        if (!t->losses_allowed)
            report_complain("player %u heard message %u of player %u before %u", receiver, p->number,
                            p->sender, *expected);
    }
    *expected = p->number + 1;
    if (h->seq > 0)
        check_number(t, receiver, h->seq, p);
    if (p->sender != receiver)
        t->deliveries++;
    return true;
}

void tally_reply(struct tally *t, uint32_t sender, uint32_t number, int64_t seq)
{
    if (number >= t->sent[sender])
        report_complain("player %u was answered what he did not ask", sender);
    else if (seq > 0)
        agree(t, sender, seq, sender, number);
}

static void finish_player(struct tally *t, uint32_t who)
{
    uint32_t seats = t->game->seats, room = who / seats;
    int64_t span = t->highest[room] > 0 ? t->highest[room] - t->game->players[who].seq : 0;
    for (uint32_t seat = 0; seat < seats; seat++) {
        uint32_t sender = room * seats + seat, seen = t->expected[(size_t)who * seats + seat];
        if (sender == who || seen == t->sent[sender])
            continue;
        t->lost += t->sent[sender] - seen;
        if (!t->losses_allowed)
            report_complain("player %u never heard messages %u to %u of player %u", who, seen,
                            t->sent[sender] - 1, sender);
    }
    if (!t->others_numbered && span > 0 && t->players[who].numbers != (uint64_t)span)
        report_complain("player %u saw %llu numbers of %lld in room %u", who,
                        (unsigned long long)t->players[who].numbers, (long long)span, room);
}

void tally_finish(struct tally *t)
{
    for (uint32_t who = 0; who < t->game->count; who++)
        if (!t->players[who].forgiven)
            finish_player(t, who);
}
