/* Requests that were answered, as lib/once.lua remembers them, in the model. */
#include <stdlib.h>

#include "common/err.h"
#include "common/json.h"

#include "tests/lib/fleet_text.h"
#include "tests/lib/sim_model_parts.h"

enum { NOTHING = -1 }; /* in place of a number that an answer does not have */

const struct model_done *sim_model_done(const struct model_player *p, int64_t request)
{
    for (size_t i = 0; i < REQUESTS_KEPT; i++)
        if (p->done[i].request == request)
            return &p->done[i];
    return NULL;
}

/* Too old to be known? */
static bool forgotten(const struct model_player *p, int64_t request)
{
    size_t kept = 0;
    int64_t oldest = INT64_MAX;
    for (size_t i = 0; i < REQUESTS_KEPT; i++) {
        int64_t one = p->done[i].request;
        kept += one != 0;
        oldest = one && one < oldest ? one : oldest;
    }
    return kept == REQUESTS_KEPT && request < oldest;
}

const char *sim_model_seen(const struct model_player *p, int64_t request)
{
    if (!p->session || request > p->greatest)
        return NULL;
    if (sim_model_done(p, request))
        return "DONE";
    return request <= p->floor || forgotten(p, request) ? "OUTCOME_UNKNOWN" : NULL;
}

void sim_model_remember(struct model_player *p, struct model_done answered)
{
    if (!p->session)
        return;
    p->done[p->done_count++ % REQUESTS_KEPT] = answered;
    p->greatest = answered.request > p->greatest ? answered.request : p->greatest;
}

struct model_done sim_model_answered(const struct sim_call *c, const struct reply *reply)
{
    int64_t a = c->kind == SIM_LEAVE_ROOM ? NOTHING : reply_int(reply, 1);
    return (struct model_done){c->request, a, c->kind == SIM_SET ? reply_int(reply, 2) : NOTHING};
}

bool sim_model_did(const struct model_done *d, int64_t number)
{
    return (d->b == NOTHING ? d->a : d->b) == number;
}

bool sim_model_voted_in_vain(const struct model_done *d)
{
    return d->a == 0 && d->b == NOTHING;
}

const char *sim_model_done_text(const struct model_done *d)
{
    const char *a = d->a == NOTHING ? "" : fleet_text("%lld", (long long)d->a);
    return fleet_text("%s|%s", a, d->b == NOTHING ? "" : fleet_text("%lld", (long long)d->b));
}

static int by_request(const void *a, const void *b)
{
    const struct model_done *x = a, *y = b;
    return (x->request > y->request) - (x->request < y->request);
}

size_t sim_model_done_list(const struct model_player *p, struct model_done out[REQUESTS_KEPT])
{
    size_t count = 0;
    for (size_t i = 0; i < REQUESTS_KEPT; i++)
        if (p->done[i].request)
            out[count++] = p->done[i];
    qsort(out, count, sizeof *out, by_request);
    return count;
}

/* Answered by another store: that counts, whatever was done here late. */
void sim_model_restore_done(struct model_player *p, const struct model_done *answered)
{
    const char *seen = sim_model_seen(p, answered->request);
    if (seen && strcmp(seen, "DONE") == 0)
        *(struct model_done *)(uintptr_t)sim_model_done(p, answered->request) = *answered;
    else if (!seen)
        sim_model_remember(p, *answered);
}

/* ---- messages ---- */

static struct str sayer_of(struct str text, struct json_object *data)
{
    struct room_event e;
    struct str player;
    const char *why;
    CHECK(events_parse(text, &e, &why) && json_object_scan(e.data, data, &why) &&
          json_as_plain(json_get(data, "playerId", NULL), &player));
    return player;
}

/* "player request"; empty: said without an id. */
static const char *request_of(struct str text)
{
    struct json_object data;
    struct str player = sayer_of(text, &data), message = json_get(&data, "message", NULL).raw;
    const char *number = memmem(message.p, message.n, "\"r\":", 4);
    CHECK(number);
    struct str request = {number + 4, strspn(number + 4, "0123456789")};
    return *request.p == '0' ? ""
                             : fleet_text("%.*s %.*s", (int)player.n, player.p, (int)request.n, request.p);
}

void sim_model_said(struct sim_model *m, struct str text)
{
    const char *key = request_of(text);
    if (*key && map_find(m->said, str_of(key)))
        SIM_MODEL_FAIL(m, "what was asked once is said twice: %.*s", (int)text.n, text.p);
    if (*key)
        map_put(m->said, str_of(key), m);
}

/* Said elsewhere. A player whose session this store has lost, and who was not there to make a new one, cannot
 * resume it: his client may not ask again under its ids. That of the simulation does, which knows no ids of
 * sessions. */
void sim_model_said_there(struct sim_model *m, struct str text)
{
    struct json_object data;
    if (sim_model_player_of(m, sayer_of(text, &data))->session)
        sim_model_said(m, text);
}

void sim_model_unsaid(struct sim_model *m, struct str text)
{
    (void)map_remove(m->said, str_of(request_of(text)));
}
