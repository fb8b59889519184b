/* Sends the scripts that read and change a room. */
#include "matchmaking/room_state.h"

#include "matchmaking/scripts.h"

/* KEYS 1-9 and ARGV 1-4 as nearly all room scripts begin. */
static void begin(struct realm_call *c, const struct realm *r, struct str room_id)
{
    realm_call(c, r);
    realm_keys_player(c);
    realm_keys_room(c, room_id);
    realm_arg(c, room_id);
}

/* The request's id, by which a script knows it again; empty = none. */
static void arg_request(struct realm_call *c, const struct room_seat *who)
{
    if (who->request_id && who->session_id.n)
        realm_arg_int(c, who->request_id);
    else
        realm_arg(c, (struct str){0});
}

void room_state_confirm(const struct realm *r, const struct room_seat *who, backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    realm_keys_player(&c);
    realm_keys_room(&c, who->room_id);
    realm_key(&c, KEY_LINEAGE);
    realm_arg_int(&c, r->rules.log_max);
    realm_arg(&c, who->room_id);
    realm_arg(&c, who->player_id);
    realm_arg(&c, who->socket_id);
    realm_run(&c, &script_confirm, fn, arg);
}

void room_state_message(const struct realm *r, const struct room_seat *who, const char *event,
                        struct str data, bool echo, backend_cb fn, void *arg)
{
    struct realm_call c;
    char digits[STR_INT_BYTES];
    bool asked = who->request_id && who->session_id.n;
    realm_call(&c, r);
    realm_keys_room(&c, who->room_id);
    realm_key_of(&c, KEY_SESSION, who->session_id);
    realm_key(&c, KEY_LINEAGE);
    realm_arg_int(&c, r->rules.log_max);
    realm_arg_now(&c);
    realm_arg_run(&c);
    realm_arg(&c, who->room_id);
    realm_arg(&c, who->player_id);
    realm_arg(&c, who->socket_id);
    realm_arg(&c, str_of(event));
    realm_arg(&c, data);
    realm_arg(&c, echo ? (struct str){0} : who->player_id);
    realm_arg(&c, (struct str){digits, asked ? str_from_int(digits, who->request_id) : 0});
    realm_run(&c, &script_message, fn, arg);
}

void room_state_set(const struct realm *r, const struct room_seat *who, const struct room_change *change,
                    backend_cb fn, void *arg)
{
    struct realm_call c;
    begin(&c, r, who->room_id);
    realm_key_of(&c, KEY_SESSION, who->session_id);
    realm_arg(&c, who->player_id);
    realm_arg(&c, who->socket_id);
    realm_arg(&c, change->game ? STR("game") : STR("player"));
    realm_arg(&c, change->json);
    if (change->has_turn)
        realm_arg_int(&c, change->turn);
    else
        realm_arg(&c, (struct str){0});
    if (change->has_expected_version)
        realm_arg_int(&c, change->expected_version);
    else
        realm_arg(&c, (struct str){0});
    realm_arg_int(&c, r->rules.log_max);
    realm_arg_int(&c, r->rules.record_max_bytes);
    realm_arg(&c, change->echo ? (struct str){0} : who->player_id);
    arg_request(&c, who);
    realm_arg_int(&c, who->epoch);
    realm_key(&c, KEY_LINEAGE);
    realm_run(&c, &script_set_state, fn, arg);
}

void room_state_deadline(const struct realm *r, const struct room_seat *who, int64_t after_ms,
                         int64_t expected_version, backend_cb fn, void *arg)
{
    struct realm_call c;
    begin(&c, r, who->room_id);
    realm_arg(&c, who->player_id);
    realm_arg(&c, who->socket_id);
    realm_arg_int(&c, after_ms);
    realm_arg_int(&c, expected_version);
    realm_arg_int(&c, r->rules.log_max);
    realm_arg_int(&c, who->epoch);
    realm_key(&c, KEY_LINEAGE);
    realm_run(&c, &script_set_deadline, fn, arg);
}

void room_state_leave(const struct realm *r, const struct room_seat *who, int64_t level, backend_cb fn,
                      void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    realm_keys_player(&c);
    realm_key_level(&c, level);
    realm_keys_room(&c, who->room_id);
    realm_key_of(&c, KEY_SESSION, who->session_id);
    realm_arg(&c, who->room_id);
    realm_arg(&c, who->player_id);
    realm_arg(&c, who->socket_id);
    realm_arg_int(&c, level);
    realm_arg_int(&c, r->rules.log_max);
    arg_request(&c, who);
    realm_key(&c, KEY_LINEAGE);
    realm_run(&c, &script_leave_room, fn, arg);
}

void room_state_end(const struct realm *r, const struct room_seat *who, struct str result, backend_cb fn,
                    void *arg)
{
    struct realm_call c;
    begin(&c, r, who->room_id);
    realm_key_of(&c, KEY_SESSION, who->session_id);
    realm_arg(&c, who->player_id);
    realm_arg(&c, who->socket_id);
    realm_arg(&c, result);
    realm_arg_int(&c, r->rules.log_max);
    realm_arg_int(&c, r->rules.record_max_bytes);
    arg_request(&c, who);
    realm_key(&c, KEY_LINEAGE);
    realm_run(&c, &script_end_game, fn, arg);
}

void room_state_read(const struct realm *r, const struct room_seat *who, backend_cb fn, void *arg)
{
    struct realm_call c;
    begin(&c, r, who->room_id);
    realm_arg(&c, who->player_id);
    realm_arg_int(&c, r->rules.log_max);
    realm_key(&c, KEY_LINEAGE);
    realm_run(&c, &script_read_room, fn, arg);
}

void room_state_log(const struct realm *r, struct str room_id, struct str player_id, int64_t have,
                    backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    realm_keys_room(&c, room_id);
    realm_arg_int(&c, have);
    realm_arg(&c, player_id);
    realm_run(&c, &script_read_log, fn, arg);
}
