/* Stages for the tests that treat all scripts alike. */
#include "tests/lib/stage.h"

#include "common/mem.h"

static void nothing(struct fleet_world *w, struct stage *s)
{
    s->a = play_arrive(w, "a", 1);
    s->b = play_arrive(w, "b", 2);
    s->c = play_arrive(w, "c", 3);
}

static void somebody_waits(struct fleet_world *w, struct stage *s)
{
    nothing(w, s);
    (void)play_join(w, &s->a, 3);
}

static void two_wait(struct fleet_world *w, struct stage *s)
{
    nothing(w, s);
    fleet_world_seats(w, 3);
    (void)play_join(w, &s->a, 3);
    (void)play_join(w, &s->b, 3);
    fleet_world_seats(w, 2);
}

static void both_in(struct fleet_world *w, struct stage *s, bool active)
{
    struct player p[2];
    nothing(w, s);
    p[0] = s->a;
    p[1] = s->b;
    (active ? play_room : play_waiting_room)(w, p, 2, 3);
    s->a = p[0];
    s->b = p[1];
}

static void waiting_room(struct fleet_world *w, struct stage *s)
{
    both_in(w, s, false);
    (void)play_confirm(w, &s->b);
}

static void active_room(struct fleet_world *w, struct stage *s)
{
    both_in(w, s, true);
}

static void one_has_voted(struct fleet_world *w, struct stage *s)
{
    active_room(w, s);
    (void)play_end(w, &s->b, "1");
}

static void in_grace(struct fleet_world *w, struct stage *s)
{
    active_room(w, s);
    (void)play_detach(w, &s->a);
    assert_true(str_copy(s->entry, sizeof s->entry,
                         str_of(fleet_text("grace:%s/a:%lld", s->a.room, (long long)s->a.fence))));
    play_attach(w, &s->a, 1);
}

static void grace_is_over(struct fleet_world *w, struct stage *s)
{
    active_room(w, s);
    (void)play_detach(w, &s->a);
    assert_true(str_copy(s->entry, sizeof s->entry,
                         str_of(fleet_text("grace:%s/a:%lld", s->a.room, (long long)s->a.fence))));
    fleet_world_pass(w, 30000);
}

static void confirm_is_over(struct fleet_world *w, struct stage *s)
{
    waiting_room(w, s);
    assert_true(str_copy(s->entry, sizeof s->entry, str_of(fleet_text("confirm:%s/3:1", s->a.room))));
    fleet_world_pass(w, 10000);
}

static void idle_is_over(struct fleet_world *w, struct stage *s)
{
    active_room(w, s);
    assert_true(str_copy(s->entry, sizeof s->entry, str_of(fleet_text("idle:%s:1", s->a.room))));
    fleet_world_live(w, 1800000);
    for (int i = 1; i <= 3; i++)
        fleet_world_beat(w, i);
}

static void away(struct fleet_world *w, struct stage *s)
{
    somebody_waits(w, s);
    (void)play_detach(w, &s->a);
}

static void queue_grace_is_over(struct fleet_world *w, struct stage *s)
{
    away(w, s);
    assert_true(
        str_copy(s->entry, sizeof s->entry, str_of(fleet_text("queue:a:%lld", (long long)s->a.fence))));
    fleet_world_pass(w, 5000);
}

static void turn_is_over(struct fleet_world *w, struct stage *s)
{
    active_room(w, s);
    struct room_seat who = play_seat(&s->a);
    (void)ASK(w, room_state_deadline(&w->realm[1], &who, 5000, 0, ANSWER(w)));
    assert_true(str_copy(s->entry, sizeof s->entry, str_of(fleet_text("turn:%s:0", s->a.room))));
    fleet_world_pass(w, 5000);
}

static void waited_long(struct fleet_world *w, struct stage *s)
{
    somebody_waits(w, s);
    fleet_world_pass(w, 61000);
}

static void dead_instance(struct fleet_world *w, struct stage *s)
{
    fleet_world_beat(w, 4);
    nothing(w, s);
    fleet_world_die(w, 4);
}

/* a's seat, with a request's id on the session that play_attach made. */
static struct room_seat with_request(const struct stage *s)
{
    struct room_seat who = play_seat(&s->a);
    who.session_id = str_of(s->a.socket);
    who.request_id = 7;
    return who;
}

static void do_attach(struct fleet_world *w, struct stage *s)
{
    (void)ASK(w, presence_attach(&w->realm[3],
                                 &(struct presence_hello){.player_id = str_of(s->a.id),
                                                          .socket_id = STR("new"),
                                                          .held_fence = 0,
                                                          .session_id = STR("new")},
                                 ANSWER(w)));
}
static void do_join(struct fleet_world *w, struct stage *s)
{
    s->b.level = 3;
    assert_true(str_copy(s->b.ticket, sizeof s->b.ticket, STR("the-ticket")));
    (void)play_join_again(w, &s->b);
}
static void do_leave_queue(struct fleet_world *w, struct stage *s)
{
    (void)play_leave_queue(w, &s->a);
}
static void do_match(struct fleet_world *w, struct stage *s)
{
    (void)s;
    (void)play_match(w, 3, NULL);
}
static void do_confirm(struct fleet_world *w, struct stage *s)
{
    (void)play_confirm(w, &s->a);
}
static void do_detach(struct fleet_world *w, struct stage *s)
{
    (void)play_detach(w, &s->a);
}
static void do_message(struct fleet_world *w, struct stage *s)
{
    struct room_seat who = with_request(s);
    (void)ASK(w, room_state_message(&w->realm[1], &who, "gameMessage", STR("{}"), false, ANSWER(w)));
}
static void do_set_own(struct fleet_world *w, struct stage *s)
{
    struct room_seat who = with_request(s);
    struct room_change change = {.json = STR("{\"x\":1}")};
    (void)ASK(w, room_state_set(&w->realm[1], &who, &change, ANSWER(w)));
}
static void do_set_game(struct fleet_world *w, struct stage *s)
{
    struct room_change change = {
        .game = true, .json = STR("{}"), .has_turn = true, .has_expected_version = true};
    (void)play_set(w, &s->a, &change);
}
static void do_leave_room(struct fleet_world *w, struct stage *s)
{
    struct room_seat who = with_request(s);
    (void)ASK(w, room_state_leave(&w->realm[1], &who, 3, ANSWER(w)));
}
static void do_deadline(struct fleet_world *w, struct stage *s)
{
    struct room_seat who = play_seat(&s->a);
    (void)ASK(w, room_state_deadline(&w->realm[1], &who, 5000, 0, ANSWER(w)));
}
static void do_expire(struct fleet_world *w, struct stage *s)
{
    (void)s;
    w->realm[1].rules.ticket_ttl_ms = 60000;
    (void)ASK(w, queue_expire(&w->realm[1], 3, ANSWER(w)));
}
static void do_end(struct fleet_world *w, struct stage *s)
{
    struct room_seat who = with_request(s);
    (void)ASK(w, room_state_end(&w->realm[1], &who, STR("1"), ANSWER(w)));
}
static void do_read(struct fleet_world *w, struct stage *s)
{
    struct room_seat who = play_seat(&s->a);
    (void)ASK(w, room_state_read(&w->realm[1], &who, ANSWER(w)));
}
static void do_where(struct fleet_world *w, struct stage *s)
{
    struct presence_whose who = {str_of(s->a.id), str_of(s->a.socket)};
    (void)ASK(w, presence_where(&w->realm[1], &who, 1, ANSWER(w)));
}
static void do_log(struct fleet_world *w, struct stage *s)
{
    (void)play_log(w, s->a.room, 0);
}
static void do_reseat(struct fleet_world *w, struct stage *s)
{
    (void)play_reseat(w, &s->a);
}
static void do_due(struct fleet_world *w, struct stage *s)
{
    (void)s;
    (void)ASK(w, timers_due(&w->realm[1], 10, ANSWER(w)));
}
static void do_fire(struct fleet_world *w, struct stage *s)
{
    struct timer_entry entry;
    assert_true(timers_parse(str_of(s->entry), &entry));
    (void)ASK(w, timers_fire(&w->realm[1], &entry, ANSWER(w)));
}
static void do_beat(struct fleet_world *w, struct stage *s)
{
    (void)s;
    struct presence_beat beat = {.info = STR("{\"seats\":2,\"x\":1}"), .first = true};
    (void)ASK(w, presence_heartbeat(&w->realm[4], &beat, ANSWER(w)));
}
static void do_retire(struct fleet_world *w, struct stage *s)
{
    (void)s;
    (void)ASK(w, presence_retire(&w->realm[1], STR("i4"), ANSWER(w)));
}
static void do_leftovers(struct fleet_world *w, struct stage *s)
{
    (void)s;
    (void)ASK(w, presence_leftovers(&w->realm[1], STR("i4"), 10, ANSWER(w)));
}

static void do_own(struct fleet_world *w, struct stage *s)
{
    (void)s;
    (void)ASK(w, presence_own(&w->realm[1], STR("0"), 10, ANSWER(w)));
}

/* ---- a room that moves; here the store itself plays the instance's own memory ---- */

static struct transfer_seat seat_to_adopt(const struct player *p)
{
    return (struct transfer_seat){.player_id = str_of(p->id),
                                  .socket_id = str_of(p->socket),
                                  .session_id = str_of(p->socket),
                                  .ticket_id = STR("t"),
                                  .fence = p->fence,
                                  .level = 3,
                                  .state = STR("{}")};
}

static void adopt_seat(struct fleet_world *w, const struct player *p, const char *room_id)
{
    struct transfer_seat seat = seat_to_adopt(p);
    transfer_adopt_seat(&w->realm[1], str_of(room_id), &seat, ANSWER(w));
}

static void all_at_one(struct fleet_world *w, struct stage *s)
{
    s->a = play_arrive(w, "a", 1);
    s->b = play_arrive(w, "b", 1);
    s->c = play_arrive(w, "c", 3);
}

static void seats_adopted(struct fleet_world *w, struct stage *s)
{
    static const char room_id[] = "r_adopted";
    all_at_one(w, s);
    (void)ASK(w, adopt_seat(w, &s->a, room_id));
    (void)ASK(w, adopt_seat(w, &s->b, room_id));
    /* For the audit: the log as it was in the store does not come along. */
    (void)RAW(w, "RPUSH", "room:r_adopted:log",
              "{\"roomId\":\"r_adopted\",\"event\":\"gameStart\",\"data\":{},\"originInstanceId\":\"i1\","
              "\"timestamp\":1,\"seq\":1}");
    memcpy(s->a.room, room_id, sizeof room_id);
}

static void answered_requests(struct fleet_world *w, struct stage *s)
{
    active_room(w, s);
    struct room_seat who = with_request(s);
    for (who.request_id = 5; who.request_id < 8; who.request_id++)
        (void)ASK(w, room_state_message(&w->realm[1], &who, "gameMessage", STR("{}"), false, ANSWER(w)));
    (void)ASK(w, transfer_read_session(&w->realm[1], str_of(s->a.socket), ANSWER(w)));
    s->answered = w->reply;
    w->reply = NULL;
    (void)RAW(w, "HDEL", "session:a.1", "k1");
}

static void take_image(struct fleet_world *w, struct stage *s)
{
    (void)ASK(w, transfer_image_room(&w->realm[1], str_of(s->a.room), ANSWER(w)));
    s->image = transfer_image_new(w->reply);
}

static void image_taken(struct fleet_world *w, struct stage *s)
{
    active_room(w, s);
    take_image(w, s);
}

/* It began there: here its players are idle, and one of them is elsewhere. */
static void image_born(struct fleet_world *w, struct stage *s)
{
    image_taken(w, s);
    (void)ASK(w, transfer_release_room(&w->realm[1], str_of(s->a.room), ANSWER(w)));
    (void)play_attach_again(w, &s->a);
    (void)play_attach_again(w, &s->b);
    play_forget(w);
}

static void do_copy(struct fleet_world *w, struct stage *s)
{
    (void)ASK(w, transfer_copy_room(&w->realm[1], str_of(s->a.room), ANSWER(w)));
}
static void do_adopt_seat(struct fleet_world *w, struct stage *s)
{
    struct transfer_seat seat = seat_to_adopt(&s->a);
    seat.ticket_id = str_of(s->a.ticket);
    (void)ASK(w, transfer_adopt_seat(&w->realm[1], str_of(s->a.room), &seat, ANSWER(w)));
}
static void do_adopt_room(struct fleet_world *w, struct stage *s)
{
    const struct str players[] = {str_of(s->a.id), str_of(s->b.id)};
    const struct transfer_room room = {.room_id = str_of(s->a.room),
                                       .seq = 1,
                                       .epoch = 1,
                                       .level = 3,
                                       .game_data = STR("{}"),
                                       .turn_left_ms = 1000,
                                       .player_ids = players,
                                       .player_count = 2};
    (void)ASK(w, transfer_adopt_room(&w->realm[1], &room, ANSWER(w)));
}
static void do_begin_run(struct fleet_world *w, struct stage *s)
{
    (void)s;
    (void)ASK(w, transfer_begin_run(&w->realm[1], ANSWER(w)));
}
static void do_image(struct fleet_world *w, struct stage *s)
{
    (void)ASK(w, transfer_image_room(&w->realm[1], str_of(s->a.room), ANSWER(w)));
}
static void do_restore(struct fleet_world *w, struct stage *s)
{
    const struct transfer_base base = {.seq = 2, .states = STR("2 1 0 a:0 b:0")};
    (void)ASK(w, transfer_restore_room(&w->realm[1], str_of(s->a.room), &base, false, s->image, NULL, 0,
                                       ANSWER(w)));
}
static void do_restore_born(struct fleet_world *w, struct stage *s)
{
    const struct transfer_base base = {.born = true};
    (void)ASK(w, transfer_restore_room(&w->realm[1], str_of(s->a.room), &base, false, s->image, NULL, 0,
                                       ANSWER(w)));
}
static void do_restore_end(struct fleet_world *w, struct stage *s)
{
    const struct transfer_base base = {.seq = 2, .states = STR("2 1 0 a:0 b:0")};
    (void)ASK(w, transfer_end_room(&w->realm[1], str_of(s->a.room), &base, STR("agreed"), STR("1"), NULL, 0,
                                   ANSWER(w)));
}
static void do_release_room(struct fleet_world *w, struct stage *s)
{
    (void)ASK(w, transfer_release_room(&w->realm[1], str_of(s->a.room), ANSWER(w)));
}
static void do_read_session(struct fleet_world *w, struct stage *s)
{
    (void)ASK(w, transfer_read_session(&w->realm[1], str_of(s->a.socket), ANSWER(w)));
}
static void do_restore_session(struct fleet_world *w, struct stage *s)
{
    (void)ASK(w, transfer_restore_session(&w->realm[1], str_of(s->a.socket), false, s->answered, ANSWER(w)));
}
static void do_release_session(struct fleet_world *w, struct stage *s)
{
    (void)ASK(w, transfer_release_session(&w->realm[1], str_of(s->a.socket), str_of(s->a.id),
                                          str_of(s->a.socket), 3, ANSWER(w)));
}

const struct stage_case stage_cases[] = {
    {"attach (takeover)", nothing, do_attach, NULL, NULL},
    {"attach (with a seat)", active_room, do_attach, NULL, NULL},
    {"join (waits)", nothing, do_join, "WAITING 1 0", "="},
    {"join (is matched)", somebody_waits, do_join, "MATCHED <room> [matchFound#1]", "MATCHED <room> []"},
    {"leave_queue", somebody_waits, do_leave_queue, "LEFT", "NOT_QUEUED"},
    {"match", two_wait, do_match, "MATCHED <room> [matchFound#1]", "NONE 0"},
    {"confirm (the last)", waiting_room, do_confirm, "OK active [gameStart#2] 2", "OK active [] 2"},
    {"detach (idle)", nothing, do_detach, "OK  [] idle", "OK  [] stale"},
    {"detach (queued)", somebody_waits, do_detach, "OK  [] queued", "OK  [] stale"},
    {"detach (before the start)", waiting_room, do_detach, "OK 3 [matchCancelled#2] seat", "OK  [] stale"},
    {"detach (seat)", active_room, do_detach, "OK  [opponentDisconnected#3] seat", "OK  [] stale"},
    {"message", active_room, do_message, "OK 3 gameMessage#3", "DONE 3 "},
    {"set_state (own)", active_room, do_set_own, "OK 1 3 [playerStateUpdated#3]", "DONE 1 3"},
    {"set_state (game)", active_room, do_set_game, "OK 1 3 [gameDataUpdated#3]", "STALE_VERSION 1"},
    {"leave_room (before the start)", waiting_room, do_leave_room, "OK 3 [matchCancelled#2]", "DONE  "},
    {"leave_room", active_room, do_leave_room, "OK  [playerLeft#3 gameEnd#4 roomCleanup#5]", "DONE  "},
    {"set_deadline", active_room, do_deadline, "?", "?"},
    {"fire_timer (turn)", turn_is_over, do_fire, "OK  [turnTimeout#3]", "TAKEN"},
    {"expire_tickets", waited_long, do_expire, "OK [ticketExpired]", "OK []"},
    {"end_game (first vote)", active_room, do_end, "OK 0 []", "DONE 0 "},
    {"end_game (last vote)", one_has_voted, do_end, "OK 1 [gameEnd#3 roomCleanup#4]", "DONE 1 "},
    {"read_room", active_room, do_read, "?", "="},
    {"where", active_room, do_where, "?", "="},
    {"read_log", active_room, do_log, "OK 2 [matchFound#1 gameStart#2] 2 1", "="},
    {"reseat", in_grace, do_reseat, NULL, NULL},
    {"due_timers", active_room, do_due, "", "="},
    {"fire_timer (confirm)", confirm_is_over, do_fire, "OK 3 [matchCancelled#2]", "TAKEN"},
    {"fire_timer (grace)", grace_is_over, do_fire, "OK  [playerLeft#4 gameEnd#5 roomCleanup#6]", "TAKEN"},
    {"fire_timer (idle)", idle_is_over, do_fire, "OK  [gameEnd#3 roomCleanup#4]", "TAKEN"},
    {"fire_timer (queue)", queue_grace_is_over, do_fire, "OK  []", "TAKEN"},
    {"attach (back in the queue)", away, do_attach, NULL, NULL},
    {"heartbeat", nothing, do_beat, "?", "?"},
    {"retire", dead_instance, do_retire, "OK", "="},
    {"list_own", nothing, do_own, "OK 0 [a.1 a]", "="},
    {"list_leftovers", dead_instance, do_leftovers, "OK []", "="},
    {"copy_room", active_room, do_copy, "OK 2 1 0 0 {}  [a {} 0 0  b {} 0 0 ]", "="},
    {"adopt_seat", active_room, do_adopt_seat, "OK", "="},
    {"adopt_room", seats_adopted, do_adopt_room, "OK", "="},
    {"begin_run", active_room, do_begin_run, "OK", "="},
    {"image_room", active_room, do_image, "?", "?"},
    {"restore_room", image_taken, do_restore, "OK []", "="},
    {"restore_room (began there)", image_born, do_restore_born, "OK [opponentReconnected#3]", "OK []"},
    {"restore_room (ended there)", active_room, do_restore_end, "ENDED [gameEnd#3 roomCleanup#4]", "GONE"},
    {"release_room", active_room, do_release_room, "OK", "="},
    {"read_session", answered_requests, do_read_session, "5 3| 7 5|", "="},
    {"restore_session", answered_requests, do_restore_session, "OK", "="},
    {"release_session", somebody_waits, do_release_session, "OK", "="},
    {NULL, NULL, NULL, NULL, NULL},
};

void stage_clear(struct stage *s)
{
    transfer_image_free(s->image);
    mem_free(s->answered);
}

void stage_set(struct fleet_world *w, const struct stage_case *c, struct stage *s)
{
    *s = (struct stage){0};
    fleet_world_empty(w);
    for (int i = 1; i <= 3; i++)
        fleet_world_beat(w, i);
    c->before(w, s);
}
