/* The copy of a room's truth: made, kept up by events, thrown away. No I/O here. */
#include "gateway/copy.h"

#include "common/err.h"
#include "common/json.h"
#include "common/mem.h"
#include "gateway/history.h"
#include "matchmaking/events.h"
#include "proto/messages.h"

enum { READ_SEAT_FIELDS = 5 };

static void replace(char **text, struct str with)
{
    mem_free(*text);
    *text = mem_copy(with.p, with.n);
}

static struct copy *new_copy(size_t seat_count)
{
    struct copy *c = mem_alloc(sizeof *c);
    c->seat_count = seat_count;
    c->seats = mem_alloc(seat_count * sizeof *c->seats);
    return c;
}

struct copy *copy_fresh(const struct str *player_ids, size_t count, int64_t seq)
{
    struct copy *c = new_copy(count);
    c->seq = seq;
    c->epoch = 1;
    replace(&c->game_data, STR("{}"));
    for (size_t i = 0; i < count; i++) {
        CHECK(str_copy(c->seats[i].player_id, sizeof c->seats[i].player_id, player_ids[i]));
        replace(&c->seats[i].state, STR("{}"));
    }
    return c;
}

struct copy *copy_read(const struct reply *reply)
{
    const struct reply *seats = reply_at(reply, 7);
    if (seats->count < 2 * READ_SEAT_FIELDS)
        return NULL;
    struct copy *c = new_copy(seats->count / READ_SEAT_FIELDS);
    c->seq = reply_int(reply, 1);
    c->epoch = reply_int(reply, 2);
    c->version = reply_int(reply, 3);
    c->turn = reply_int(reply, 4);
    replace(&c->game_data, reply_str(reply, 5));
    bool good = true;
    for (size_t i = 0; i < c->seat_count; i++) {
        struct copy_seat *s = &c->seats[i];
        size_t at = i * READ_SEAT_FIELDS;
        good = good && str_copy(s->player_id, sizeof s->player_id, reply_str(seats, at));
        replace(&s->state, reply_str(seats, at + 1));
        s->version = reply_int(seats, at + 2);
        if (reply_int(seats, at + 3))
            replace(&s->result, reply_str(seats, at + 4));
    }
    if (good)
        return c;
    copy_free(c);
    return NULL;
}

static void drop_seat(struct copy_seat *s)
{
    mem_free(s->state);
    mem_free(s->result);
}

void copy_free(struct copy *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->seat_count; i++)
        drop_seat(&c->seats[i]);
    mem_free(c->seats);
    mem_free(c->game_data);
    mem_free(c);
}

static struct copy_seat *find(struct copy *c, struct str player_id)
{
    for (size_t i = 0; i < c->seat_count; i++)
        if (str_eq(str_of(c->seats[i].player_id), player_id))
            return &c->seats[i];
    return NULL;
}

static void leave(struct copy *c, struct copy_seat *s)
{
    drop_seat(s);
    size_t behind = (size_t)(c->seats + c->seat_count - (s + 1));
    memmove(s, s + 1, behind * sizeof *s);
    c->seat_count--;
}

static void clear_votes(struct copy *c)
{
    for (size_t i = 0; i < c->seat_count; i++) {
        mem_free(c->seats[i].result);
        c->seats[i].result = NULL;
    }
}

static bool take_state(struct copy_seat *s, const struct json_object *data)
{
    struct json_value state = json_get(data, "state", NULL);
    if (!s || state.type == JSON_NONE ||
        !json_as_int(json_get(data, "version", NULL), 0, INT64_MAX, &s->version))
        return false;
    replace(&s->state, state.raw);
    return true;
}

static bool take_game(struct copy *c, const struct json_object *data)
{
    struct json_value game_data = json_get(data, "gameData", NULL), turn = json_get(data, "turn", NULL);
    if (!json_as_int(json_get(data, "version", NULL), 0, INT64_MAX, &c->version))
        return false;
    if (game_data.type != JSON_NONE)
        replace(&c->game_data, game_data.raw);
    return turn.type == JSON_NONE || json_as_int(turn, 0, INT64_MAX, &c->turn);
}

bool copy_apply(struct copy *c, const struct room_event *e)
{
    if (e->epoch == c->epoch && e->seq <= c->seq)
        return true;
    if (!history_follows((struct history_position){c->epoch, c->seq}, e))
        return false;
    c->seq = e->seq;
    c->epoch = e->epoch;
    bool state = str_eq(e->event, STR(PUSH_PLAYER_STATE_UPDATED)),
         game = str_eq(e->event, STR(PUSH_GAME_DATA_UPDATED)), left = str_eq(e->event, STR(PUSH_PLAYER_LEFT));
    if (str_eq(e->event, STR(PUSH_ERROR))) /* the results differed: they are reported anew */
        clear_votes(c);
    if (str_eq(e->event, STR(PUSH_TURN_TIMEOUT))) /* it has passed, and passes once */
        c->turn_due_ms = 0;
    if (!state && !game && !left)
        return true;
    struct json_object data;
    struct str player_id = {0};
    const char *why;
    if (!json_object_scan(e->data, &data, &why))
        return false;
    if (game)
        return take_game(c, &data);
    if (!json_as_plain(json_get(&data, "playerId", NULL), &player_id))
        return false;
    struct copy_seat *s = find(c, player_id);
    if (state)
        return take_state(s, &data);
    if (s)
        leave(c, s);
    return true;
}

void copy_vote(struct copy *c, struct str player_id, struct str result)
{
    struct copy_seat *s = find(c, player_id);
    if (s)
        replace(&s->result, result);
}

void copy_limit_turn(struct copy *c, int64_t version, uint64_t due_ms)
{
    c->turn_version = version;
    c->turn_due_ms = due_ms;
}

void copy_state(const struct copy *c, struct buf *out)
{
    buf_add_fmt(out, "%lld %lld %lld", (long long)c->seq, (long long)c->epoch, (long long)c->version);
    for (size_t i = 0; i < c->seat_count; i++)
        buf_add_fmt(out, " %s:%lld", c->seats[i].player_id, (long long)c->seats[i].version);
}

int64_t copy_turn_left_ms(const struct copy *c, uint64_t now_ms)
{
    if (!c->turn_due_ms || c->turn_version != c->version)
        return -1;
    return c->turn_due_ms > now_ms ? (int64_t)(c->turn_due_ms - now_ms) : 0;
}
