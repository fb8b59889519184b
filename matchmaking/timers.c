/* Reads and fires the entries of `deadlines`. */
#include "matchmaking/timers.h"

#include "matchmaking/scripts.h"

void timers_due(const struct realm *r, int64_t at_most, backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    realm_key(&c, KEY_DEADLINES);
    realm_arg_int(&c, at_most);
    realm_run(&c, &script_due_timers, fn, arg);
}

/* Player ids may hold ':' but no '/': the version is what follows the last ':'. */
bool timers_parse(struct str text, struct timer_entry *out)
{
    *out = (struct timer_entry){.text = text};
    struct str rest = text;
    out->kind = str_cut(&rest, ':');
    size_t last = rest.n;
    while (last > 0 && rest.p[last - 1] != ':')
        last--;
    if (last == 0 || !str_to_int((struct str){rest.p + last, rest.n - last}, &out->version))
        return false;
    struct str subject = {rest.p, last - 1};
    if (str_eq(out->kind, STR("queue"))) {
        out->player_id = subject;
        return id_valid(subject);
    }
    out->room_id = str_cut(&subject, '/');
    if (!id_valid(out->room_id))
        return false;
    if (str_eq(out->kind, STR("confirm")))
        return str_to_int(subject, &out->level);
    if (str_eq(out->kind, STR("grace"))) {
        out->player_id = subject;
        return id_valid(subject);
    }
    return str_eq(out->kind, STR("idle")) || str_eq(out->kind, STR("turn"));
}

void timers_fire(const struct realm *r, const struct timer_entry *entry, backend_cb fn, void *arg)
{
    struct realm_call c;
    realm_call(&c, r);
    realm_keys_player(&c);
    realm_keys_room(&c, entry->room_id);
    realm_key_level(&c, entry->level);
    realm_arg(&c, entry->text);
    realm_arg(&c, entry->kind);
    realm_arg(&c, entry->room_id);
    realm_arg(&c, entry->player_id);
    realm_arg_int(&c, entry->version);
    realm_arg_int(&c, r->rules.log_max);
    realm_arg_int(&c, r->rules.idle_ms);
    realm_key(&c, KEY_LINEAGE);
    realm_run(&c, &script_fire_timer, fn, arg);
}
