/* Which word each script must answer, from what is known before it runs. */
#include "tests/lib/sim_model_parts.h"

static const char *own(const struct sim_call *c, const struct model_player *p)
{
    if (p->state == ABSENT || !p->socket[0])
        return "GONE";
    return p->fence == c->fence ? NULL : "REPLACED";
}

/* The time stands in its id, behind "s_". */
static bool younger(const char *socket, const char *than)
{
    return strncmp(socket, than, 2 + ID_TIME_DIGITS) > 0;
}

static const char *word_of_attach(const struct sim_call *c, const struct model_player *p)
{
    bool elsewhere_now =
        p->state != ABSENT && p->socket[0] && strcmp(p->instance, c->gateway->realm.instance_id) != 0;
    if (c->home && !c->again && elsewhere_now && younger(p->socket, c->socket))
        return "REPLACED";
    if (c->resume && !p->session)
        return "NO_SESSION";
    bool later = p->state != ABSENT && p->fence > c->fence && strcmp(p->socket, c->socket) != 0;
    bool elsewhere = p->session && p->session_fence > c->fence && strcmp(p->session_socket, c->socket) != 0;
    return c->again && (later || elsewhere) ? "REPLACED" : "OK";
}

static const char *word_of_reseat(const struct sim_call *c, const struct model_player *p)
{
    const char *not_his = own(c, p);
    if (not_his)
        return not_his;
    return p->state == SEATED && strcmp(p->room->id, c->room) == 0 ? "OK" : "ROOM_NOT_FOUND";
}

static const char *word_of_detach(struct sim_model *m, const struct sim_call *c, const struct model_player *p)
{
    if (c->leftover && sim_model_lives(m, str_of(c->owner)))
        return "LIVE";
    bool his = p->state != ABSENT && strcmp(p->socket, c->socket) == 0;
    bool other_level = p->level != c->level;
    if (his && p->state == WAITING && other_level)
        return "AGAIN";
    if (his && p->state == SEATED && (other_level || strcmp(p->room->id, c->room) != 0))
        return "AGAIN";
    return "OK";
}

static const char *word_of_join(struct sim_model *m, const struct sim_call *c, const struct model_player *p)
{
    const char *not_his = own(c, p);
    if (not_his)
        return not_his;
    if (p->state == SEATED)
        return strcmp(p->ticket, c->ticket) == 0 ? "MATCHED" : "ALREADY_IN_MATCH";
    bool asked = p->session && strcmp(p->session_ticket, c->ticket) == 0;
    if (p->state != WAITING && (c->how == QUEUE_KEEP || (c->how == QUEUE_ASK && asked)))
        return "NOT_QUEUED";
    if (!sim_model_lives(m, str_of(sim_model_origin(m))))
        return "LEASE";
    if (p->state == WAITING && (strcmp(p->ticket, c->ticket) != 0 || p->level != c->level))
        return "ALREADY_QUEUED";
    return NULL; /* WAITING or MATCHED: the list decides */
}

static const char *word_of_leave_queue(const struct sim_call *c, const struct model_player *p)
{
    const char *not_his = own(c, p);
    if (not_his)
        return not_his;
    if (p->state == SEATED)
        return "MATCHED";
    if (p->state != WAITING)
        return "NOT_QUEUED";
    return p->level == c->level ? "LEFT" : "AGAIN";
}

static const char *word_in_room(struct sim_model *m, const struct sim_call *c, const struct model_player *p)
{
    struct model_room *r = sim_model_room_of(m, str_of(c->room));
    const char *known = c->request ? sim_model_seen(p, c->request) : NULL;
    if (known)
        return known;
    if (!r || r->ended)
        return "ROOM_NOT_FOUND";
    const struct model_seat *seat = sim_model_seat(r, p);
    if (c->kind == SIM_READ)
        return seat ? "OK" : "NOT_IN_ROOM";
    if (!seat || !seat->socket[0] || strcmp(seat->socket, c->socket) != 0)
        return "NOT_IN_ROOM";
    if (c->kind == SIM_LEAVE_ROOM)
        return r->level == c->level ? "OK" : "AGAIN";
    if (c->kind == SIM_CONFIRM)
        return "OK";
    if (!r->active)
        return "NOT_STARTED";
    bool versioned = c->kind == SIM_DEADLINE || (c->kind == SIM_SET && c->number >= 0);
    int64_t version = c->kind == SIM_SET && !c->game ? seat->version : r->version;
    bool elsewhere = c->epoch != 0 && c->epoch != r->epoch; /* the number may have stood for something else */
    return versioned && (c->number != version || elsewhere) ? "STALE_VERSION" : "OK";
}

static const char *word_of_copy(struct sim_model *m, const struct sim_call *c)
{
    const struct model_room *r = sim_model_room_of(m, str_of(c->room));
    return !r || r->ended ? "ROOM_NOT_FOUND" : r->active ? "OK" : "NOT_STARTED";
}

static const char *word_of_fire(struct sim_model *m, const struct sim_call *c)
{
    struct model_due d;
    sim_model_due(m, str_of(c->text), &d);
    if (!d.due_ms)
        return "TAKEN";
    return *d.due_ms > sim_model_fleet_ms(m) ? "EARLY" : "OK";
}

static const char *word_of_retire(struct sim_model *m, const struct sim_call *c)
{
    bool other = strcmp(c->owner, sim_model_origin(m)) != 0;
    return other && sim_model_lives(m, str_of(c->owner)) ? "LIVE" : NULL;
}

const char *sim_model_word(struct sim_model *m, const struct sim_call *c, struct model_player *p)
{
    switch (c->kind) {
    case SIM_ATTACH:
        return word_of_attach(c, p);
    case SIM_RESEAT:
        return word_of_reseat(c, p);
    case SIM_DETACH:
        return word_of_detach(m, c, p);
    case SIM_JOIN:
        return word_of_join(m, c, p);
    case SIM_LEAVE_QUEUE:
        return word_of_leave_queue(c, p);
    case SIM_FIRE:
        return word_of_fire(m, c);
    case SIM_RETIRE:
        return word_of_retire(m, c);
    case SIM_LEFTOVERS:
        return sim_model_lives(m, str_of(c->owner)) ? "LIVE" : "OK";
    case SIM_COPY:
        return word_of_copy(m, c);
    case SIM_RESTORE:
        return sim_model_word_of_restore(m);
    case SIM_RESTORE_SESSION:
    case SIM_EXPIRE:
    case SIM_LOG:
    case SIM_OWN:
        return "OK";
    case SIM_BEAT:
        return sim_model_now_ms(m) > c->not_after_ms ? "LATE" : "OK";
    case SIM_MATCH:
    case SIM_DUE:
    case SIM_WHERE:
        return NULL;
    default:
        return word_in_room(m, c, p);
    }
}
