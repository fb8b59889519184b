/* Turns the store's answers into the parts of /health/stats. */
#include "gateway/stats_part.h"

#include "common/json.h"

static const char *yes(bool b)
{
    return b ? "true" : "false";
}

static void comma(struct buf *out, size_t i)
{
    if (i > 0)
        buf_add_text(out, ",");
}

void stats_part_queues(struct buf *out, const struct report_queue *queues, size_t count)
{
    buf_add_text(out, "[");
    for (size_t i = 0; i < count; i++) {
        comma(out, i);
        buf_add_fmt(out, "{\"level\":%lld,\"length\":%lld,\"oldestWaitMs\":%lld}", (long long)queues[i].level,
                    (long long)queues[i].length, (long long)queues[i].oldest_wait_ms);
    }
    buf_add_text(out, "]");
}

/* Instance ids and infos were written by other processes: what is not JSON is left out. */
void stats_part_fleet(struct buf *out, const struct reply *fleet)
{
    struct report_instance one;
    size_t at = 0, printed = 0;
    buf_add_text(out, "[");
    while (report_fleet_next(fleet, &at, &one)) {
        if (!id_valid(one.instance_id))
            continue;
        comma(out, printed++);
        buf_add_text(out, "{\"instanceId\":");
        buf_add_json(out, one.instance_id);
        buf_add_fmt(out, ",\"live\":%s,\"leaseLeftMs\":%lld,\"info\":", yes(one.lease_left_ms > 0),
                    (long long)one.lease_left_ms);
        buf_add_str(out, json_valid(one.info) ? one.info : STR("null"));
        buf_add_text(out, "}");
    }
    buf_add_text(out, "]");
}

/* Names and numbers in turn, as an object. */
static void print_numbers(struct buf *out, const struct reply *pairs)
{
    size_t printed = 0;
    buf_add_text(out, "{");
    for (size_t i = 0; i + 1 < pairs->count; i += 2) {
        if (!id_valid(reply_str(pairs, i)))
            continue;
        comma(out, printed++);
        buf_add_json(out, reply_str(pairs, i));
        buf_add_fmt(out, ":%lld", (long long)reply_int(pairs, i + 1));
    }
    buf_add_text(out, "}");
}

void stats_part_sockets(struct buf *out, const struct report_audit *audit)
{
    print_numbers(out, audit->sockets);
}

static void print_texts(struct buf *out, const struct reply *texts)
{
    buf_add_text(out, "[");
    for (size_t i = 0; i < texts->count; i++) {
        comma(out, i);
        buf_add_json(out, reply_str(texts, i));
    }
    buf_add_text(out, "]");
}

/* The four kinds that operators ask for by name (seed inventory G52), then everything the audit found. */
void stats_part_integrity(struct buf *out, const struct report_audit *audit)
{
    static const struct {
        const char *name, *kind;
    } asked[] = {
        {"matchWithoutState", "match_without_state"},
        {"stateWithoutMatch", "state_without_match"},
        {"mappingToDeadInstance", "mapping_dead_instance"},
        {"queuedAndInRoom", "queued_and_in_room"},
    };
    buf_add_fmt(out, "{\"complete\":%s,\"violations\":%lld,\"leftovers\":%lld", yes(audit->complete),
                (long long)audit->violations, (long long)audit->leftovers);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        buf_add_fmt(out, ",\"%s\":%lld", asked[i].name,
                    (long long)report_number(audit->kinds, str_of(asked[i].kind)));
    buf_add_text(out, ",\"totals\":");
    print_numbers(out, audit->totals);
    buf_add_text(out, ",\"kinds\":");
    print_numbers(out, audit->kinds);
    buf_add_text(out, ",\"violationTexts\":");
    print_texts(out, audit->violation);
    buf_add_text(out, ",\"leftoverTexts\":");
    print_texts(out, audit->leftover);
    buf_add_text(out, "}");
}

void stats_part_bad_keys(struct buf *out, const struct report_health *health)
{
    buf_add_text(out, "[");
    for (size_t i = 0; i < health->bad_count; i++) {
        comma(out, i);
        buf_add_json(out, report_bad_key(health, i));
    }
    buf_add_text(out, "]");
}
