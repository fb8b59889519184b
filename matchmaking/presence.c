/* Sends the scripts that know who is connected where, and reads their answers. */
#include "matchmaking/presence.h"

#include "matchmaking/scripts.h"

/* Attached players' sessions outlive an instance that forgets them; where.lua renews them while the
 * connection lives, detach.lua shortens it to the real time. */
static void arg_session_ms(struct realm_call *c)
{
    enum { DAY_MS = 86400000 };
    int64_t ms = c->realm->rules.session_ms;
    realm_arg_int(c, ms > DAY_MS ? ms : DAY_MS);
}

void presence_attach(const struct realm *r, const struct presence_hello *who, backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    realm_keys_player(&c);
    realm_key(&c, KEY_FENCE);
    realm_key_of(&c, KEY_INSTANCE_SOCKETS, str_of(r->instance_id));
    realm_key(&c, KEY_INSTANCE_INFO);
    realm_key(&c, KEY_INSTANCE_EPOCHS);
    realm_key(&c, KEY_REPLACED);
    realm_key_of(&c, KEY_SESSION, who->session_id);
    arg_session_ms(&c);
    realm_arg_int(&c, r->rules.session_ms);
    realm_arg(&c, who->player_id);
    realm_arg(&c, who->socket_id);
    realm_arg_int(&c, who->held_fence);
    realm_arg(&c, who->token_hash);
    realm_arg_int(&c, who->resume);
    realm_arg_int(&c, who->hello_id);
    realm_run(&c, &script_attach, fn, arg);
}

void presence_attached(const struct reply *reply, struct presence_attached *out)
{
    *out = (struct presence_attached){
        .fence = reply_int(reply, 1),
        .state = reply_str(reply, 2),
        .level = reply_int(reply, 3),
        .ticket_id = reply_str(reply, 4),
        .waited_ms = reply_int(reply, 5),
        .room_id = reply_str(reply, 6),
        .lost = reply_int(reply, 9) == 1,
        .old_instance_id = reply_str(reply, 7),
        .old_socket_id = reply_str(reply, 8),
        .setup = reply_str(reply, 10),
    };
}

void presence_reseat(const struct realm *r, struct str room_id, struct str player_id, struct str session_id,
                     int64_t fence, backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    realm_keys_player(&c);
    realm_keys_room(&c, room_id);
    realm_key_of(&c, KEY_SESSION, session_id);
    realm_arg(&c, room_id);
    realm_arg(&c, player_id);
    realm_arg_int(&c, fence);
    realm_arg_int(&c, r->rules.log_max);
    realm_key(&c, KEY_LINEAGE);
    realm_run(&c, &script_reseat, fn, arg);
}

void presence_reseated(const struct reply *reply, struct presence_reseated *out)
{
    *out = (struct presence_reseated){
        .status = reply_str(reply, 1),
        .seq = reply_int(reply, 2),
        .record = reply_str(reply, 3),
        .level = reply_int(reply, 4),
        .confirm_by_ms = reply_int(reply, 5),
        .place = reply_str(reply, 6),
        .events = reply_at(reply, 7),
        .epoch = reply_int(reply, 8),
        .answered_id = reply_int(reply, 9),
        .players = reply_str(reply, 10),
    };
}

void presence_detach(const struct realm *r, const struct presence_leaving *who, backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    realm_keys_player(&c);
    realm_key_of(&c, KEY_INSTANCE_SOCKETS, who->owner_instance_id);
    realm_key_level(&c, who->level);
    realm_keys_room(&c, who->room_id);
    realm_key_of(&c, KEY_SESSION, who->session_id);
    realm_arg(&c, who->player_id);
    realm_arg(&c, who->socket_id);
    realm_arg(&c, who->owner_instance_id);
    realm_arg_int(&c, who->only_if_owner_dead);
    realm_arg_int(&c, r->rules.grace_ms);
    realm_arg_int(&c, who->level);
    realm_arg(&c, who->room_id);
    realm_arg_int(&c, r->rules.log_max);
    realm_arg_int(&c, r->rules.queue_grace_ms);
    realm_arg_int(&c, r->rules.session_ms);
    realm_key(&c, KEY_LINEAGE);
    realm_run(&c, &script_detach, fn, arg);
}

static void keys_fleet(struct realm_call *c)
{
    realm_key(c, KEY_INSTANCES);
    realm_key(c, KEY_INSTANCE_INFO);
    realm_key(c, KEY_INSTANCE_EPOCHS);
}

void presence_heartbeat(const struct realm *r, const struct presence_beat *beat, backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    keys_fleet(&c);
    realm_key(&c, KEY_DEADLINES);
    realm_key(&c, KEY_FENCE);
    realm_key(&c, KEY_LINEAGE);
    realm_arg_int(&c, r->rules.lease_ms);
    realm_arg(&c, beat->info);
    realm_arg_int(&c, beat->known_epoch);
    realm_arg_int(&c, r->rules.seats);
    realm_arg_int(&c, beat->first);
    realm_arg_int(&c, beat->fence);
    realm_arg_int(&c, beat->known_run);
    realm_arg_int(&c, beat->answered);
    realm_arg_int(&c, beat->not_after_ms);
    realm_probe(&c, &script_heartbeat, fn, arg);
}

void presence_retire(const struct realm *r, struct str instance_id, backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    keys_fleet(&c);
    realm_key_of(&c, KEY_INSTANCE_SOCKETS, instance_id);
    realm_key(&c, KEY_DEADLINES);
    realm_arg(&c, instance_id);
    realm_run(&c, &script_retire, fn, arg);
}

void presence_leftovers(const struct realm *r, struct str instance_id, int64_t about, backend_cb fn,
                        void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    realm_key(&c, KEY_INSTANCES);
    realm_key_of(&c, KEY_INSTANCE_SOCKETS, instance_id);
    realm_key(&c, KEY_SOCKET_MAPPINGS);
    realm_key(&c, KEY_PLAYERS);
    realm_arg(&c, instance_id);
    realm_arg_int(&c, about);
    realm_run(&c, &script_list_leftovers, fn, arg);
}

void presence_own(const struct realm *r, struct str cursor, int64_t about, backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    realm_key_of(&c, KEY_INSTANCE_SOCKETS, str_of(r->instance_id));
    realm_key(&c, KEY_SOCKET_MAPPINGS);
    realm_arg(&c, cursor);
    realm_arg_int(&c, about);
    realm_run(&c, &script_list_own, fn, arg);
}

void presence_where(const struct realm *r, const struct presence_whose *players, size_t count, backend_cb fn,
                    void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    realm_key(&c, KEY_PLAYERS);
    arg_session_ms(&c);
    for (size_t i = 0; i < count; i++) {
        realm_key_of(&c, KEY_SESSION, players[i].session_id);
        realm_arg(&c, players[i].player_id);
    }
    realm_run(&c, &script_where, fn, arg);
}

bool presence_record(struct str text, struct presence_record *out)
{
    struct str rest = text;
    out->state = str_cut(&rest, '|');
    if (!str_to_int(str_cut(&rest, '|'), &out->fence))
        return false;
    (void)str_cut(&rest, '|'); /* the level */
    out->ticket_id = str_cut(&rest, '|');
    if (!str_to_int(str_cut(&rest, '|'), &out->joined_at_ms))
        return false;
    out->room_id = str_cut(&rest, '|');
    out->socket_id = str_cut(&rest, '|');
    return true;
}
