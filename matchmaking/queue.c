/* Sends the scripts of the waiting lists. */
#include "matchmaking/queue.h"

#include "matchmaking/scripts.h"

/* What join.lua and match.lua need to make a room. */
static void args_new_room(struct realm_call *c)
{
    const struct realm_rules *rules = &c->realm->rules;
    realm_arg_int(c, rules->seats);
    realm_arg_int(c, rules->confirm_ms);
    realm_arg_int(c, rules->idle_ms);
    realm_arg_int(c, rules->log_max);
}

void queue_hand_in(const struct realm *r, const struct queue_ticket *t, backend_cb fn, void *arg)
{
    static const char *const how[] = {[QUEUE_ASK] = "ask", [QUEUE_KEEP] = "keep", [QUEUE_ENTER] = "enter"};
    char room_id[ID_SIZE];
    id_random(room_id, "r_");
    struct realm_call c;
    realm_call(&c, r);
    realm_keys_player(&c);
    realm_key_level(&c, t->level);
    realm_keys_room(&c, str_of(room_id));
    realm_key_of(&c, KEY_SESSION, t->session_id);
    args_new_room(&c);
    realm_arg_int(&c, r->rules.confirm_auto);
    realm_arg(&c, t->player_id);
    realm_arg_int(&c, t->fence);
    realm_arg_int(&c, t->level);
    realm_arg(&c, t->ticket_id);
    realm_arg(&c, str_of(room_id));
    realm_arg(&c, str_of(how[t->how]));
    realm_arg_int(&c, t->since_ms);
    realm_arg(&c, t->setup);
    realm_key(&c, KEY_LINEAGE);
    realm_run(&c, &script_join, fn, arg);
}

void queue_join(const struct realm *r, struct str player_id, int64_t fence, int64_t level,
                struct str ticket_id, backend_cb fn, void *arg)
{
    queue_hand_in(r,
                  &(struct queue_ticket){.player_id = player_id,
                                         .ticket_id = ticket_id,
                                         .fence = fence,
                                         .level = level,
                                         .how = QUEUE_ENTER},
                  fn, arg);
}

void queue_leave(const struct realm *r, struct str player_id, int64_t fence, int64_t level, backend_cb fn,
                 void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    realm_keys_player(&c);
    realm_key_level(&c, level);
    realm_arg(&c, player_id);
    realm_arg_int(&c, fence);
    realm_arg_int(&c, level);
    realm_run(&c, &script_leave_queue, fn, arg);
}

void queue_match(const struct realm *r, int64_t level, backend_cb fn, void *arg)
{
    char room_id[ID_SIZE];
    id_random(room_id, "r_");
    struct realm_call c;
    realm_call(&c, r);
    realm_keys_player(&c);
    realm_key_level(&c, level);
    realm_keys_room(&c, str_of(room_id));
    realm_arg_int(&c, level);
    realm_arg(&c, str_of(room_id));
    args_new_room(&c);
    realm_key(&c, KEY_LINEAGE);
    realm_run(&c, &script_match, fn, arg);
}

enum { EXPIRED_PER_CALL = 64 };

void queue_expire(const struct realm *r, int64_t level, backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    realm_keys_player(&c);
    realm_key_level(&c, level);
    realm_arg_int(&c, level);
    realm_arg_int(&c, r->rules.ticket_ttl_ms);
    realm_arg_int(&c, EXPIRED_PER_CALL);
    realm_run(&c, &script_expire_tickets, fn, arg);
}
