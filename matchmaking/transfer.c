/* Sends the scripts by which rooms move between the store and an instance's own memory. */
#include "matchmaking/transfer.h"

#include "common/err.h"
#include "common/mem.h"
#include "common/redis/wire.h"
#include "matchmaking/scripts.h"

enum { HEAD_FIELDS = 12, SEAT_FIELDS = 11 };

struct transfer_image { /* the arguments of restore_room.lua from the head on, in one block */
    char image_id[ID_SIZE];
    size_t count, seat_count;
    struct str args[]; /* their bytes follow */
};

/* KEYS 1-9 and ARGV 1-5 of all scripts about a room here. */
static void begin(struct realm_call *c, const struct realm *r, struct str room_id)
{
    realm_call(c, r);
    realm_keys_player(c);
    realm_keys_room(c, room_id);
    realm_arg(c, room_id);
    realm_arg_int(c, r->rules.log_max);
}

/* The last of KEYS in all of them. */
static void run_with_lineage(struct realm_call *c, const struct script *s, backend_cb fn, void *arg)
{
    realm_key(c, KEY_LINEAGE);
    realm_run(c, s, fn, arg);
}

void transfer_copy_room(const struct realm *store, struct str room_id, backend_cb fn, void *arg)
{
    struct realm_call c;
    begin(&c, store, room_id);
    run_with_lineage(&c, &script_copy_room, fn, arg);
}

void transfer_adopt_seat(const struct realm *own, struct str room_id, const struct transfer_seat *seat,
                         backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, own);
    realm_keys_player(&c);
    realm_key_of(&c, KEY_ROOM, room_id);
    realm_key(&c, KEY_FENCE);
    realm_key_of(&c, KEY_INSTANCE_SOCKETS, str_of(own->instance_id));
    realm_key_of(&c, KEY_SESSION, seat->session_id);
    realm_arg(&c, room_id);
    realm_arg(&c, seat->player_id);
    realm_arg(&c, seat->socket_id);
    realm_arg_int(&c, seat->fence);
    realm_arg_int(&c, seat->level);
    realm_arg(&c, seat->ticket_id);
    realm_arg(&c, seat->state);
    realm_arg_int(&c, seat->state_version);
    realm_arg(&c, seat->result.n ? STR("1") : STR("0"));
    realm_arg(&c, seat->result);
    realm_arg(&c, seat->token_hash);
    realm_arg_int(&c, seat->answered);
    run_with_lineage(&c, &script_adopt_seat, fn, arg);
}

void transfer_adopt_room(const struct realm *own, const struct transfer_room *room, backend_cb fn, void *arg)
{
    struct realm_call c;
    begin(&c, own, room->room_id);
    realm_arg_int(&c, own->rules.idle_ms);
    realm_arg_int(&c, room->seq);
    realm_arg_int(&c, room->epoch);
    realm_arg_int(&c, room->version);
    realm_arg_int(&c, room->turn);
    realm_arg(&c, room->game_data);
    realm_arg_int(&c, room->level);
    if (room->turn_left_ms < 0)
        realm_arg(&c, (struct str){0});
    else
        realm_arg_int(&c, room->turn_left_ms);
    for (size_t i = 0; i < room->player_count; i++)
        realm_arg(&c, room->player_ids[i]);
    run_with_lineage(&c, &script_adopt_room, fn, arg);
}

void transfer_begin_run(const struct realm *own, backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, own);
    run_with_lineage(&c, &script_begin_run, fn, arg);
}

void transfer_image_room(const struct realm *own, struct str room_id, backend_cb fn, void *arg)
{
    struct realm_call c;
    begin(&c, own, room_id);
    run_with_lineage(&c, &script_image_room, fn, arg);
}

void transfer_release_room(const struct realm *own, struct str room_id, backend_cb fn, void *arg)
{
    struct realm_call c;
    begin(&c, own, room_id);
    run_with_lineage(&c, &script_release_room, fn, arg);
}

struct transfer_image *transfer_image_new(const struct reply *reply)
{
    const struct reply *parts[] = {reply_at(reply, 1), reply_at(reply, 2), reply_at(reply, 3)};
    CHECK(parts[0]->count == HEAD_FIELDS && parts[1]->count % SEAT_FIELDS == 0);
    char digits[STR_INT_BYTES];
    size_t seat_count = parts[1]->count / SEAT_FIELDS;
    struct str seats = {digits, str_from_int(digits, (int64_t)seat_count)};
    size_t count = parts[0]->count + 1 + parts[1]->count + parts[2]->count, bytes = seats.n;
    for (size_t p = 0; p < 3; p++)
        for (size_t i = 0; i < parts[p]->count; i++)
            bytes += reply_str(parts[p], i).n;
    struct transfer_image *image = mem_alloc(sizeof *image + count * sizeof *image->args + bytes);
    id_random(image->image_id, "i_");
    image->seat_count = seat_count;
    char *at = (char *)(image->args + count);
    for (size_t p = 0; p < 3; p++) {
        for (size_t i = 0; i < parts[p]->count + (p == 0); i++) {
            struct str from = i < parts[p]->count ? reply_str(parts[p], i) : seats; /* behind the head */
            if (from.n)
                memcpy(at, from.p, from.n);
            image->args[image->count++] = (struct str){at, from.n};
            at += from.n;
        }
    }
    CHECK(image->count == count);
    return image;
}

void transfer_image_free(struct transfer_image *image)
{
    mem_free(image);
}

void transfer_image_state(const struct transfer_image *image, struct buf *states)
{
    enum { SEQ = 1, VERSION = 3, PLAYER = 0, STATE_VERSION = 6 };
    const struct str *head = image->args, *seat = image->args + HEAD_FIELDS + 1;
    buf_add_text(states, states->len ? ";" : "");
    buf_add_str(states, head[SEQ]);
    buf_add_fmt(states, " =%s ", image->image_id);
    buf_add_str(states, head[VERSION]);
    for (size_t i = 0; i < image->seat_count; i++, seat += SEAT_FIELDS) {
        buf_add_text(states, " ");
        buf_add_str(states, seat[PLAYER]);
        buf_add_text(states, ":");
        buf_add_str(states, seat[STATE_VERSION]);
    }
}

struct str transfer_image_player(const struct transfer_image *image, size_t at)
{
    return at < image->seat_count ? image->args[HEAD_FIELDS + 1 + at * SEAT_FIELDS] : (struct str){0};
}

/* KEYS, and ARGV up to the sessions' players. */
static void begin_restore(struct realm_call *c, const struct realm *store, struct str room_id,
                          const struct transfer_base *base, bool data_lost, const char *image_id)
{
    begin(c, store, room_id);
    realm_key(c, KEY_FENCE);
    realm_arg_int(c, store->rules.grace_ms);
    realm_arg(c, data_lost ? STR("1") : STR("0"));
    if (base->born)
        realm_arg(c, (struct str){0});
    else
        realm_arg_int(c, base->seq);
    realm_arg(c, base->states);
    realm_arg(c, str_of(image_id));
}

/* The sessions' KEYS, and their players in one of ARGV. */
static void add_sessions(struct realm_call *c, const struct transfer_session *sessions, size_t count,
                         struct buf *players)
{
    for (size_t i = 0; i < count; i++) {
        realm_key_of(c, KEY_SESSION, sessions[i].session_id);
        buf_add_str(players, sessions[i].player_id);
        buf_add_text(players, " ");
    }
    realm_key(c, KEY_LINEAGE);
    realm_arg(c, buf_str(players));
}

void transfer_restore_room(const struct realm *store, struct str room_id, const struct transfer_base *base,
                           bool data_lost, const struct transfer_image *image,
                           const struct transfer_session *sessions, size_t session_count, backend_cb fn,
                           void *arg)
{
    struct realm_call c;
    struct buf players = {0};
    begin_restore(&c, store, room_id, base, data_lost, image->image_id);
    add_sessions(&c, sessions, session_count, &players);
    size_t count = c.arg_count + image->count; /* more than a realm_call holds */
    struct str *args = mem_alloc(count * sizeof *args);
    memcpy(args, c.args, c.arg_count * sizeof *args);
    memcpy(args + c.arg_count, image->args, image->count * sizeof *args);
    struct backend *b = store->backend;
    realm_in_order(store);
    b->ops->run(b, &script_restore_room, c.keys, c.key_count, args, count, fn, arg);
    mem_free(args);
    buf_close(&players);
}

void transfer_end_room(const struct realm *store, struct str room_id, const struct transfer_base *base,
                       struct str reason, struct str result, const struct transfer_session *sessions,
                       size_t session_count, backend_cb fn, void *arg)
{
    struct realm_call c;
    struct buf players = {0};
    begin_restore(&c, store, room_id, base, false, "");
    add_sessions(&c, sessions, session_count, &players);
    for (size_t i = 0; i < HEAD_FIELDS; i++)
        realm_arg(&c, i == 0 ? STR("ended") : i == 5 ? result : i == 6 ? reason : (struct str){0});
    realm_arg_int(&c, 0);
    realm_run(&c, &script_restore_room, fn, arg);
    buf_close(&players);
}

bool transfer_hopeless(int err, const struct reply *reply)
{
    return err == ERR_SCRIPT && wire_no_write(reply->str) == REDIS_OK;
}

void transfer_read_session(const struct realm *own, struct str session_id, backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, own);
    realm_key_of(&c, KEY_SESSION, session_id);
    realm_run(&c, &script_read_session, fn, arg);
}

void transfer_restore_session(const struct realm *store, struct str session_id, bool with_room,
                              const struct reply *answered, backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, store);
    realm_key_of(&c, KEY_SESSION, session_id);
    realm_arg(&c, with_room ? STR("1") : STR("0"));
    for (size_t i = 0; i < answered->count; i++)
        realm_arg(&c, reply_str(answered, i));
    realm_run(&c, &script_restore_session, fn, arg);
}

void transfer_release_session(const struct realm *own, struct str session_id, struct str player_id,
                              struct str socket_id, int64_t level, backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, own);
    realm_keys_player(&c);
    realm_key_of(&c, KEY_SESSION, session_id);
    realm_key_level(&c, level);
    realm_arg(&c, player_id);
    realm_arg(&c, socket_id);
    realm_run(&c, &script_release_session, fn, arg);
}
