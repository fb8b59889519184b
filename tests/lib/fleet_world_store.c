/* The world's store by hand: single commands, dumps, time, and the audit. */
#include "tests/lib/fleet_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/mem.h"
#include "tests/lib/fleet_text.h"

enum { AUDIT_LIMIT = 1000000, AUDIT_TEXTS = 20, WORDS_MAX = 64 };

#define SCRIPT(name, text) static const struct script name = {#name, text, sizeof text - 1, {0}}

static const char command_text[] = "#!lua\nreturn redis.call(unpack(ARGV))\n";
SCRIPT(command, command_text);

static const char clock_text[] = "#!lua\n"
                                 "local t = redis.call('TIME')\n"
                                 "return {t[1] * 1000 + math.floor(t[2] / 1000)}\n";
SCRIPT(store_clock, clock_text);

/* ARGV: prefix. {"type key", {entry, ...}, ...} */
static const char dump_text[] =
    "#!lua\n"
    "local all, cursor = {}, '0'\n"
    "repeat\n"
    "    local page = redis.call('SCAN', cursor, 'COUNT', 1000)\n"
    "    cursor = page[1]\n"
    "    for _, key in ipairs(page[2]) do\n"
    "        local kind = redis.call('TYPE', key).ok\n"
    "        local list = {}\n"
    "        local function pairs_of(flat)\n"
    "            for i = 1, #flat, 2 do list[#list + 1] = flat[i] .. ' = ' .. flat[i + 1] end\n"
    "            table.sort(list)\n"
    "        end\n"
    "        if kind == 'string' then list[1] = redis.call('GET', key)\n"
    "        elseif kind == 'hash' then pairs_of(redis.call('HGETALL', key))\n"
    "        elseif kind == 'zset' then pairs_of(redis.call('ZRANGE', key, 0, -1, 'WITHSCORES'))\n"
    "        elseif kind == 'list' then list = redis.call('LRANGE', key, 0, -1)\n"
    "        else list = redis.call('SMEMBERS', key) table.sort(list) end\n"
    "        local mortal = redis.call('PTTL', key) >= 0 and ', mortal' or ''\n"
    "        for i, entry in ipairs(list) do\n"
    "            local at = kind == 'list' and '[' .. i .. ']' or ''\n"
    "            all[#all + 1] = key .. at .. ' (' .. kind .. mortal .. '): ' .. entry\n"
    "        end\n"
    "    end\n"
    "until cursor == '0'\n"
    "table.sort(all)\n"
    "for i, line in ipairs(all) do all[i] = (string.gsub(line, '1%d%d%d%d%d%d%d%d%d%d%d%d', 'T')) end\n"
    "return all\n";
SCRIPT(dump, dump_text);

/* ARGV: prefix, ms. Every moment in the store moves that far into the past. */
static const char pass_text[] =
    "#!lua\n"
    "local PREFIX, BY = ARGV[1], tonumber(ARGV[2])\n"
    "local function back(n) return string.format('%.0f', tonumber(n) - BY) end\n"
    "local function json(text)\n"
    "    return (string.gsub(text, '(\"[cu]%a+At\":)(%d+)', function(head, n) return head .. back(n) end))\n"
    "end\n"
    "local function last(text)\n"
    "    return (string.gsub(text, '(.*|)(%d+)$', function(head, n) return head .. (n == '0' and n or "
    "back(n)) end))\n"
    "end\n"
    "local function player(text)\n"
    "    local form = '^(%a+|%d+|%d*|[^|]*|)(%d+)(|.*)$'\n"
    "    return (string.gsub(text, form, function(head, n, tail) return head .. (n == '0' and n or back(n)) "
    ".. tail end))\n"
    "end\n"
    "local function each(key, change)\n"
    "    local flat = redis.call('HGETALL', key)\n"
    "    for i = 1, #flat, 2 do redis.call('HSET', key, flat[i], change(flat[i + 1], flat[i])) end\n"
    "end\n"
    "local function room(value, field)\n"
    "    if field == 'createdAt' or field == 'updatedAt' or field == 'lastAt' or field == 'confirmBy' then\n"
    "        return back(value)\n"
    "    end\n"
    "    return string.sub(field, 1, 2) == 'p:' and last(value) or value\n"
    "end\n"
    "local keys, cursor = {}, '0'\n"
    "repeat\n"
    "    local page = redis.call('SCAN', cursor, 'COUNT', 1000)\n"
    "    cursor = page[1]\n"
    "    for _, key in ipairs(page[2]) do keys[#keys + 1] = key end\n"
    "until cursor == '0'\n"
    "for _, key in ipairs(keys) do\n"
    "    local kind, name = redis.call('TYPE', key).ok, string.sub(key, #PREFIX + 1)\n"
    "    local ttl = redis.call('PTTL', key)\n"
    "    if ttl >= 0 and ttl <= BY then redis.call('DEL', key)\n"
    "    elseif ttl >= 0 then redis.call('PEXPIRE', key, ttl - BY)\n"
    "    elseif kind == 'zset' then\n"
    "        local flat = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')\n"
    "        for i = 1, #flat, 2 do\n"
    "            if flat[i] ~= 'shift' then redis.call('ZADD', key, back(flat[i + 1]), flat[i]) end\n"
    "        end\n"
    "    elseif kind == 'hash' and name == 'players' then each(key, player)\n"
    "    elseif kind == 'hash' and (name == 'matches' or name == 'game_states') then each(key, json)\n"
    "    elseif kind == 'hash' and string.match(name, '^room:[^:]+$') then each(key, room)\n"
    "    end\n"
    "end\n"
    "return {'OK'}\n";
SCRIPT(pass, pass_text);

static void run(struct fleet_world *w, const struct script *s, const struct str *args, size_t count)
{
    struct backend *b = w->backend[1];
    b->ops->run(b, s, NULL, 0, args, count, fleet_world_on_answer, w);
}

const char *fleet_world_raw(struct fleet_world *w, const char *const *words)
{
    struct str args[WORDS_MAX];
    char key[128];
    size_t n = 0;
    for (; words[n]; n++) {
        CHECK(n < WORDS_MAX);
        args[n] = str_of(words[n]);
    }
    if (n > 1) {
        int bytes = snprintf(key, sizeof key, "%s%s", FLEET_WORLD_PREFIX, words[1]);
        CHECK(bytes > 0 && (size_t)bytes < sizeof key);
        args[1] = (struct str){key, (size_t)bytes};
    }
    (void)ASK(w, run(w, &command, args, n));
    buf_clear(&w->scratch);
    fleet_text_plain(&w->scratch, w->err, w->reply);
    return w->scratch.data;
}

struct buf fleet_world_dump(struct fleet_world *w)
{
    (void)ASK(w, run(w, &dump, NULL, 0));
    struct buf text = {0};
    for (size_t i = 0; w->reply && i < w->reply->count; i++) {
        buf_add_str(&text, reply_str(w->reply, i));
        buf_add_text(&text, "\n");
    }
    return text;
}

void fleet_world_same(struct fleet_world *w, struct buf *before, const char *after_what)
{
    struct buf after = fleet_world_dump(w);
    struct str old = buf_str(before), new = buf_str(&after);
    while (old.n || new.n) {
        struct str a = str_cut(&old, '\n'), b = str_cut(&new, '\n');
        if (!str_eq(a, b))
            fail_msg("%s changed the store:\n  before %.*s\n  after  %.*s", after_what, (int)a.n, a.p,
                     (int)b.n, b.p);
    }
    buf_close(before);
    buf_close(&after);
}

void fleet_world_empty(struct fleet_world *w)
{
    static const char text[] = "#!lua\n"
                               "local cursor = '0'\n"
                               "repeat\n"
                               "    local page = redis.call('SCAN', cursor, 'COUNT', 1000)\n"
                               "    cursor = page[1]\n"
                               "    for _, key in ipairs(page[2]) do redis.call('DEL', key) end\n"
                               "until cursor == '0'\n"
                               "return {'OK'}\n";
    SCRIPT(empty, text);
    assert_string_equal(ASK(w, run(w, &empty, NULL, 0)), "OK");
}

int64_t fleet_world_now_ms(struct fleet_world *w)
{
    (void)ASK(w, run(w, &store_clock, NULL, 0));
    return reply_int(w->reply, 0);
}

void fleet_world_pass(struct fleet_world *w, int64_t ms)
{
    if (!w->redis) {
        w->now_us += (uint64_t)ms * 1000;
        return;
    }
    char by[24];
    int n = snprintf(by, sizeof by, "%lld", (long long)ms);
    struct str args[] = {STR(FLEET_WORLD_PREFIX), {by, (size_t)n}};
    assert_string_equal(ASK(w, run(w, &pass, args, 2)), "OK");
}

/* ---- the audit ---- */

static void ask_audit(struct fleet_world *w, struct report_audit *a)
{
    (void)ASK(w, report_audit(&w->realm[1], AUDIT_LIMIT, AUDIT_TEXTS, ANSWER(w)));
    assert_true(realm_said(realm_outcome(w->err, w->reply), "OK"));
    report_audited(w->reply, a);
    assert_true(a->complete);
}

static void print_all(const char *what, const struct reply *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        print_error("%s: %.*s\n", what, (int)texts->items[i].str.n, texts->items[i].str.p);
}

void fleet_world_audit(struct fleet_world *w)
{
    struct report_audit a;
    ask_audit(w, &a);
    print_all("violation", a.violation);
    assert_int_equal(a.violations, 0);
}

void fleet_world_settled(struct fleet_world *w)
{
    struct report_audit a;
    fleet_world_audit(w);
    ask_audit(w, &a);
    print_all("leftover", a.leftover);
    assert_int_equal(a.leftovers, 0);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *fleet_world_found(struct fleet_world *w)
{
    struct report_audit a;
    ask_audit(w, &a);
    char *kinds[64];
    size_t n = 0;
    for (size_t i = 0; i + 1 < a.kinds->count && n < 64; i += 2) {
        struct buf one = {0};
        buf_add_str(&one, reply_str(a.kinds, i));
        buf_add_fmt(&one, "=%lld ", (long long)reply_int(a.kinds, i + 1));
        kinds[n++] = one.data;
    }
    qsort(kinds, n, sizeof *kinds, by_text);
    buf_clear(&w->scratch);
    buf_add_text(&w->scratch, "");
    for (size_t i = 0; i < n; i++) {
        buf_add_text(&w->scratch, kinds[i]);
        mem_free(kinds[i]);
    }
    return w->scratch.data;
}
