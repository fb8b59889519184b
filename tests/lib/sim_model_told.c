/* Who has been told, in the model: each event reaches every instance that has a member of its room. */
#include "tests/lib/sim_model_parts.h"

#include "common/mem.h"
#include "tests/lib/fleet_text.h"

void sim_model_published(struct sim_model *m, struct str to, struct str message)
{
    if (m->told_count == m->told_cap) {
        m->told_cap = m->told_cap ? 2 * m->told_cap : 8;
        m->told = mem_resize(m->told, m->told_cap * sizeof *m->told);
    }
    struct model_told *t = &m->told[m->told_count++];
    *t = (struct model_told){.text = mem_copy(message.p, message.n)};
    (void)str_copy(t->to, sizeof t->to, to);
}

void sim_model_audience(struct model_audience *a, const struct model_room *r, const char *but)
{
    for (size_t i = 0; i < r->seat_count; i++) {
        const char *instance = r->seats[i].instance;
        bool there = !*instance || (but && strcmp(r->seats[i].player->id, but) == 0);
        for (size_t k = 0; k < a->count && !there; k++)
            there = strcmp(a->instances[k], instance) == 0;
        if (!there)
            memcpy(a->instances[a->count++], instance, ID_SIZE);
    }
}

/* How often the text was sent to this instance; "": to all. */
static size_t times_told(struct sim_model *m, struct str text, const char *to)
{
    size_t times = 0;
    for (size_t i = 0; i < m->told_count; i++) {
        struct model_told *t = &m->told[i];
        if (strcmp(t->to, to) != 0 || !str_eq(text, str_of(t->text)))
            continue;
        times++;
        t->expected = true;
    }
    return times;
}

void sim_model_told_event(struct sim_model *m, struct str text, const struct model_audience *a)
{
    const char *mode = sim_model_rules(m)->events_mode;
    bool direct = strcmp(mode, "direct") == 0, others = strcmp(mode, "all") == 0;
    for (size_t i = 0; i < a->count; i++) {
        const char *to = a->instances[i];
        if (strcmp(to, sim_model_origin(m)) == 0)
            continue;
        others = true;
        if (direct && times_told(m, text, to) != 1)
            SIM_MODEL_FAIL(m, "instance %s is not told, or twice: %.*s", to, (int)text.n, text.p);
    }
    size_t times = direct ? 0 : times_told(m, text, "");
    if (!direct && (times > 1 || (others && times == 0)))
        SIM_MODEL_FAIL(m, "published %zu times: %.*s", times, (int)text.n, text.p);
}

void sim_model_told_replaced(struct sim_model *m, const char *instance_id, const char *socket_id)
{
    bool due = socket_id[0] && strcmp(socket_id, m->call->socket) != 0 &&
               strcmp(instance_id, sim_model_origin(m)) != 0;
    const char *quoted = fleet_text("\"%s\"", socket_id);
    int64_t times = 0;
    for (size_t i = 0; i < m->told_count && socket_id[0]; i++) {
        struct model_told *t = &m->told[i];
        if (strcmp(t->to, instance_id) != 0 || !strstr(t->text, "\"event\":\"sessionReplaced\"") ||
            !strstr(t->text, quoted))
            continue;
        times++;
        t->expected = true;
    }
    sim_model_same(m, times, due, "number of times an instance is told of a replaced session");
}

void sim_model_told_all(struct sim_model *m)
{
    if (m->call->more) /* of the same script */
        return;
    bool one_by_one = m->call->kind == SIM_EXPIRE || m->call->kind == SIM_RESTORE; /* looked at there */
    for (size_t i = 0; i < m->told_count; i++) {
        const struct model_told *t = &m->told[i];
        if (!t->expected && !one_by_one)
            SIM_MODEL_FAIL(m, "published, but nothing that happened: %s", t->text);
        mem_free(t->text);
    }
    m->told_count = 0;
}
