/* Sends the calls of a step in passes of the loop, one instance at a time.
 *
 * What a gateway asks within one pass of its loop goes to Redis together (matchmaking/batch.h), and how much
 * that is depends on its load. Here it is given: a pass asks `together` times, the next pass is the other
 * instance's. So that Redis never waits for the tool there are always several passes' calls under way. */
#include "tests/bench/scripts/play.h"

#include "common/err.h"
#include "common/mem.h"
#include "tests/bench/report.h"
#include "tests/lib/loop_wait.h"

struct call {
    struct play *play;
    struct world_player *player;
};
struct play {
    struct world *world;
    const struct step *step;
    const struct play_options *options;
    struct call *calls; /* in the order in which they are made */
    size_t count, sent, answered;
    bool due; /* a pass is deferred */
};

static bool takes_part(const struct play *p, size_t n, size_t instance)
{
    const struct world *w = p->world;
    return p->step->who & (n % 2 ? STEP_SECOND : STEP_FIRST) && w->players[n].home == &w->instances[instance];
}

/* The next ones of this instance from *at on, as many as go together. */
static void add_group(struct play *p, size_t instance, size_t *at)
{
    for (size_t added = 0; *at < p->options->to && added < p->options->together; ++*at) {
        if (!takes_part(p, *at, instance))
            continue;
        p->calls[p->count++] = (struct call){p, &p->world->players[*at]};
        added++;
    }
}

static void add_round(struct play *p)
{
    size_t at[WORLD_INSTANCES] = {p->options->from, p->options->from};
    while (at[0] < p->options->to || at[1] < p->options->to)
        for (size_t i = 0; i < WORLD_INSTANCES; i++)
            add_group(p, i, &at[i]);
}

static void pass(void *arg);

static void go_on(struct play *p)
{
    if (p->due || p->sent == p->count)
        return;
    if (p->sent > p->answered && p->sent - p->answered + p->options->together > p->options->under_way)
        return;
    p->due = true;
    loop_defer(p->world->loop, pass, p);
}

static void on_answer(void *arg, int err, const struct reply *reply)
{
    struct call *c = arg;
    struct play *p = c->play;
    p->answered++;
    if (err != ERR_NONE)
        report_complain("%s: %s %.*s", c->player->player_id, err_text(err), reply ? (int)reply->str.n : 0,
                        reply ? reply->str.p : "");
    else if (!p->step->good(c->player, reply))
        report_complain("%s: '%.*s' is not what he should be told", c->player->player_id,
                        (int)reply_str(reply, 0).n, reply_str(reply, 0).p);
    go_on(p);
}

static void pass(void *arg)
{
    struct play *p = arg;
    const struct world_instance *whose = p->calls[p->sent].player->home;
    p->due = false;
    for (size_t n = 0; n < p->options->together && p->sent < p->count; n++) {
        struct call *c = &p->calls[p->sent];
        if (c->player->home != whose)
            break;
        p->sent++;
        p->step->ask(c->player, on_answer, c);
    }
    go_on(p);
}

static bool all_answered(void *arg)
{
    const struct play *p = arg;
    return p->answered == p->count || report_complaints() > 0;
}

size_t play_step(struct world *w, const struct step *s, const struct play_options *o)
{
    struct play p = {.world = w, .step = s, .options = o};
    p.calls = mem_alloc((o->to - o->from) * o->rounds * sizeof *p.calls);
    for (size_t i = 0; i < o->rounds; i++)
        add_round(&p);
    go_on(&p);
    if (!loop_wait(w->loop, all_answered, &p, WORLD_WAIT_MS))
        report_complain("only %zu of %zu calls were answered", p.answered, p.count);
    if (report_complaints() > 0)
        report_give_up("the calls were not answered as they should be");
    mem_free(p.calls);
    return p.count;
}
