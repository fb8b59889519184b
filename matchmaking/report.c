/* Asks the scripts that look at the whole realm, and reads their answers.
 *
 * Health and queues are jobs of two calls: the index `waiting:levels` says which lists exist, and the second
 * call takes them all as keys. Such a job is one heap object; it ends in job_end, which alone calls back and
 * frees. A level may come or go between the two calls: an absent list counts as empty, a new one is seen next
 * time. */
#include "matchmaking/report.h"

#include <stdlib.h>

#include "common/err.h"
#include "common/mem.h"
#include "matchmaking/scripts.h"

enum { LEVEL_MAX = 1000 * 1000, LEVEL_KEY_BYTES = REALM_PREFIX_MAX + 48, CLEANUP_PAGE = 200 };

struct job {
    const struct realm *realm;
    report_health_cb on_health; /* one of the two */
    report_queues_cb on_queues;
    void *arg;
    int64_t *levels;
    size_t count;
};

static void job_end(struct job *j, int err, const struct reply *reply)
{
    if (j->on_health) {
        struct report_health h = {.reply = reply};
        if (err == ERR_NONE) {
            h.mappings = reply_int(reply, 0);
            h.game_states = reply_int(reply, 1);
            h.matches = reply_int(reply, 2);
            h.waiting = reply_int(reply, 3);
            h.bad_count = reply->count > 4 ? reply->count - 4 : 0;
        }
        j->on_health(j->arg, err, err == ERR_NONE ? &h : NULL);
    } else {
        CHECK(j->on_queues);
        struct report_queue *queues = mem_alloc((j->count + 1) * sizeof *queues);
        for (size_t i = 0; err == ERR_NONE && i < j->count; i++)
            queues[i] =
                (struct report_queue){j->levels[i], reply_int(reply, 2 * i), reply_int(reply, 2 * i + 1)};
        j->on_queues(j->arg, err, queues, err == ERR_NONE ? j->count : 0);
        mem_free(queues);
    }
    mem_free(j->levels);
    mem_free(j);
}

static void on_second(void *arg, int err, const struct reply *reply)
{
    job_end(arg, err, reply);
}

/* Runs `s` with the keys of `c` and one more for each level: more than a realm_call holds. */
static void run_with_levels(struct job *j, const struct realm_call *c, const struct script *s)
{
    struct str *keys = mem_alloc((c->key_count + j->count) * sizeof *keys);
    char(*texts)[LEVEL_KEY_BYTES] = mem_alloc((j->count + 1) * sizeof *texts);
    memcpy(keys, c->keys, c->key_count * sizeof *keys);
    for (size_t i = 0; i < j->count; i++) {
        struct realm_call one;
        realm_call(&one, j->realm);
        realm_key_level(&one, j->levels[i]);
        CHECK(str_copy(texts[i], sizeof texts[i], one.keys[0]));
        keys[c->key_count + i] = (struct str){texts[i], one.keys[0].n};
    }
    struct backend *b = j->realm->backend;
    b->ops->run(b, s, keys, c->key_count + j->count, c->args, c->arg_count, on_second, j);
    mem_free(texts);
    mem_free(keys);
}

static int by_level(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Members that are no levels are left out: they name no queue of ours. */
static void read_levels(struct job *j, const struct reply *reply)
{
    j->levels = mem_alloc(REPORT_LEVELS_MAX * sizeof *j->levels);
    for (size_t i = 0; i < reply->count && j->count < REPORT_LEVELS_MAX; i++) {
        int64_t level;
        if (str_to_int(reply_str(reply, i), &level) && level >= 0 && level <= LEVEL_MAX)
            j->levels[j->count++] = level;
    }
    qsort(j->levels, j->count, sizeof *j->levels, by_level);
}

static void ask_health(struct job *j)
{
    static const enum redis_key keys[] = {KEY_SOCKET_MAPPINGS, KEY_GAME_STATES, KEY_MATCHES, KEY_PLAYERS,
                                          KEY_INSTANCES,       KEY_DEADLINES,   KEY_LEVELS};
    struct realm_call c;
    realm_call(&c, j->realm);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        realm_key(&c, keys[i]);
    run_with_levels(j, &c, &script_check_health);
}

static void ask_queues(struct job *j)
{
    struct realm_call c;
    realm_call(&c, j->realm);
    realm_key(&c, KEY_PLAYERS);
    run_with_levels(j, &c, &script_list_queues);
}

/* An index of a foreign type is no reason to stop: health goes on and names it. */
static void on_levels(void *arg, int err, const struct reply *reply)
{
    struct job *j = arg;
    if (err == ERR_NONE)
        read_levels(j, reply);
    if (j->on_health && (err == ERR_NONE || err == ERR_SCRIPT))
        ask_health(j);
    else if (j->on_queues && err == ERR_NONE && j->count > 0)
        ask_queues(j);
    else
        job_end(j, err, reply);
}

static void job_start(const struct realm *r, struct job start)
{
    struct job *j = mem_alloc(sizeof *j);
    *j = start;
    struct realm_call c;
    realm_call(&c, r);
    realm_key(&c, KEY_LEVELS);
    realm_run(&c, &script_list_levels, on_levels, j);
}

void report_health(const struct realm *r, report_health_cb fn, void *arg)
{
    job_start(r, (struct job){.realm = r, .on_health = fn, .arg = arg});
}

struct str report_bad_key(const struct report_health *h, size_t i)
{
    return reply_str(h->reply, 4 + i);
}

void report_queues(const struct realm *r, report_queues_cb fn, void *arg)
{
    job_start(r, (struct job){.realm = r, .on_queues = fn, .arg = arg});
}

void report_fleet(const struct realm *r, backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    realm_key(&c, KEY_INSTANCES);
    realm_key(&c, KEY_INSTANCE_INFO);
    realm_run(&c, &script_list_fleet, fn, arg);
}

bool report_fleet_next(const struct reply *reply, size_t *at, struct report_instance *out)
{
    if (*at + 3 > reply->count)
        return false;
    *out = (struct report_instance){
        .instance_id = reply_str(reply, *at),
        .lease_left_ms = reply_int(reply, *at + 1),
        .info = reply_str(reply, *at + 2),
    };
    *at += 3;
    return true;
}

void report_audit(const struct realm *r, int64_t limit, int64_t texts, backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    realm_keys_player(&c);
    realm_key(&c, KEY_FENCE);
    realm_key(&c, KEY_INSTANCE_INFO);
    realm_key(&c, KEY_INSTANCE_EPOCHS);
    realm_arg(&c, str_of(r->prefix));
    realm_arg_int(&c, limit);
    realm_arg_int(&c, texts);
    realm_arg_int(&c, r->rules.log_max);
    realm_arg_int(&c, r->rules.seats);
    realm_run(&c, &script_audit, fn, arg);
}

void report_audited(const struct reply *reply, struct report_audit *out)
{
    *out = (struct report_audit){
        .complete = reply_int(reply, 1) == 1,
        .violations = reply_int(reply, 2),
        .leftovers = reply_int(reply, 3),
        .violation = reply_at(reply, 4),
        .leftover = reply_at(reply, 5),
        .totals = reply_at(reply, 6),
        .kinds = reply_at(reply, 7),
        .sockets = reply_at(reply, 8),
    };
}

int64_t report_number(const struct reply *pairs, struct str name)
{
    for (size_t i = 0; i + 1 < pairs->count; i += 2) {
        if (str_eq(reply_str(pairs, i), name))
            return reply_int(pairs, i + 1);
    }
    return 0;
}

void report_cleanup(const struct realm *r, const struct report_page *from, bool dry_run, backend_cb fn,
                    void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    realm_keys_player(&c);
    realm_key(&c, KEY_INSTANCE_INFO);
    realm_key(&c, KEY_INSTANCE_EPOCHS);
    realm_arg(&c, str_of(r->prefix));
    realm_arg(&c, str_of(from->collection));
    realm_arg(&c, from->cursor[0] ? str_of(from->cursor) : STR("0"));
    realm_arg_int(&c, CLEANUP_PAGE);
    realm_arg_int(&c, dry_run);
    realm_run(&c, &script_cleanup, fn, arg);
}

bool report_cleaned(const struct reply *reply, struct report_cleaned *out)
{
    *out = (struct report_cleaned){
        .cleaned = reply_int(reply, 1),
        .errors = reply_int(reply, 2),
        .more = reply_str(reply, 3).n > 0,
        .kinds = reply_at(reply, 5),
    };
    return str_eq(reply_str(reply, 0), STR("OK")) &&
           str_copy(out->next.collection, sizeof out->next.collection, reply_str(reply, 3)) &&
           str_copy(out->next.cursor, sizeof out->next.cursor, reply_str(reply, 4));
}
