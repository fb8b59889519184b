/* The embedded Lua scripts, one per file in scripts/ (the build writes their text; each file's head is its
 * manual). */
#ifndef MATCHMAKING_SCRIPTS_H
#define MATCHMAKING_SCRIPTS_H

#include "common/redis/script.h"

extern const struct script script_attach, script_reseat, script_detach;
extern const struct script script_join, script_match, script_leave_queue, script_expire_tickets;
extern const struct script script_confirm, script_message, script_set_state, script_set_deadline,
    script_leave_room, script_end_game, script_read_room, script_read_log;
extern const struct script script_due_timers, script_fire_timer;
extern const struct script script_heartbeat, script_retire, script_list_leftovers, script_list_own,
    script_where;
extern const struct script script_list_levels, script_list_queues, script_check_health, script_list_fleet;
extern const struct script script_copy_room, script_adopt_seat, script_adopt_room, script_begin_run,
    script_image_room, script_read_session, script_restore_room, script_restore_session, script_release_room,
    script_release_session;
extern const struct script script_audit, script_cleanup;

extern const struct script *const scripts_all[]; /* NULL at the end */

#endif
