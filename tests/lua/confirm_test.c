/* A match's first seconds: confirmations, and the dissolution of a match that does not start. */
#include "tests/lib/play.h"

/* a at i1 and b at i2, matched at level 3. */
static void matched(struct fleet_world *w, struct player *p)
{
    p[0] = play_arrive(w, "a", 1);
    p[1] = play_arrive(w, "b", 2);
    play_waiting_room(w, p, 2, 3);
}

static void partial_then_last(struct fleet_world *w)
{
    struct player p[2];
    matched(w, p);
    assert_string_equal(play_confirm(w, &p[1]), "OK waiting [] 1");
    fleet_world_settled(w);
    assert_string_equal(fleet_world_heard(w, 1), "");
    assert_string_equal(play_confirm(w, &p[0]), "OK active [gameStart#2] 2");
    assert_string_equal(fleet_world_heard(w, 2), "gameStart#2 ");
    assert_string_equal(RAW(w, "ZRANGE", "deadlines", "0", "-1"), fleet_text("idle:%s:1", p[0].room));
    assert_non_null(strstr(RAW(w, "HGET", "game_states", p[0].room), "\"status\":\"active\""));
    fleet_world_settled(w);
}

static void confirm_with_the_match(struct fleet_world *w)
{
    for (size_t i = 0; i <= FLEET_WORLD_INSTANCES; i++)
        w->realm[i].rules.confirm_auto = true;
}

/* CONFIRM=auto: whose join makes the match need not confirm it; of the other one only his instance knows
 * whether he is there, be it the same. */
static void auto_confirms_who_joins(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 1)};
    confirm_with_the_match(w);
    (void)play_join(w, &p[0], 3);
    assert_string_equal(play_join(w, &p[1], 3), "MATCHED <room> [matchFound#1]");
    assert_string_equal(play_confirm(w, &p[1]), "OK waiting [] 1"); /* nothing new */
    memcpy(p[0].room, p[1].room, sizeof p[0].room);
    assert_string_equal(play_confirm(w, &p[0]), "OK active [gameStart#2] 2");
}

/* A match that nobody's join has made. */
static void auto_confirms_nobody_else(struct fleet_world *w)
{
    struct player p[2] = {play_arrive(w, "a", 1), play_arrive(w, "b", 2)};
    confirm_with_the_match(w);
    fleet_world_seats(w, 3);
    (void)play_join(w, &p[0], 3);
    (void)play_join(w, &p[1], 3);
    fleet_world_seats(w, 2);
    assert_string_equal(play_match(w, 3, p[0].room), "MATCHED <room> [matchFound#1]");
    memcpy(p[1].room, p[0].room, sizeof p[1].room);
    assert_string_equal(play_confirm(w, &p[1]), "OK waiting [] 1");
    assert_string_equal(play_confirm(w, &p[0]), "OK active [gameStart#2] 2");
}

static void twice(struct fleet_world *w)
{
    struct player p[2];
    matched(w, p);
    (void)play_confirm(w, &p[0]);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_confirm(w, &p[0]), "OK waiting [] 1");
    fleet_world_same(w, &before, "a second confirmation");
    (void)play_confirm(w, &p[1]);
    before = fleet_world_dump(w);
    play_forget(w);
    assert_string_equal(play_confirm(w, &p[1]), "OK active [] 2");
    assert_string_equal(play_confirm(w, &p[0]), "OK active [] 2");
    fleet_world_same(w, &before, "a confirmation of what has started");
    assert_string_equal(fleet_world_heard(w, 1), "");
    assert_string_equal(fleet_world_heard(w, 2), "");
}

static void foreign(struct fleet_world *w)
{
    struct player p[2], c = play_arrive(w, "c", 3);
    matched(w, p);
    struct buf before = fleet_world_dump(w);
    memcpy(c.room, p[0].room, sizeof c.room);
    assert_string_equal(play_confirm(w, &c), "NOT_IN_ROOM");
    struct player stale = p[0];
    assert_true(str_copy(stale.socket, sizeof stale.socket, STR("a.0")));
    assert_string_equal(play_confirm(w, &stale), "NOT_IN_ROOM");
    assert_true(str_copy(c.room, sizeof c.room, STR("r_1234567890123456789012")));
    assert_string_equal(play_confirm(w, &c), "ROOM_NOT_FOUND");
    fleet_world_same(w, &before, "a stranger's confirmation");
}

static void refused_before_the_start(struct fleet_world *w)
{
    struct player p[2];
    matched(w, p);
    (void)play_confirm(w, &p[0]);
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_say(w, &p[0], "{}"), "NOT_STARTED");
    assert_string_equal(play_set(w, &p[0], &(struct room_change){.json = STR("{}")}), "NOT_STARTED");
    assert_string_equal(play_set(w, &p[0], &(struct room_change){.game = true, .json = STR("{}")}),
                        "NOT_STARTED");
    assert_string_equal(play_end(w, &p[0], "1"), "NOT_STARTED");
    fleet_world_same(w, &before, "a request before the start");
}

/* ---- the time is up ---- */

static void confirm_timeout_one_ready(struct fleet_world *w)
{
    struct player p[2];
    matched(w, p);
    (void)play_confirm(w, &p[1]);
    assert_string_equal(play_fire(w, 3, "confirm"), "EARLY");
    fleet_world_pass(w, 10000);
    play_forget(w);
    assert_string_equal(play_fire(w, 3, "confirm"), "OK 3 [matchCancelled#2]");
    assert_string_equal(play_record(w, "a"), "idle||");
    assert_string_equal(play_record(w, "b"), "queued|3|");
    assert_string_equal(play_queue(w, "3"), "b");
    for (int i = 1; i <= 2; i++)
        assert_string_equal(fleet_world_heard(w, i), "matchCancelled#2 ");
    assert_string_equal(RAW(w, "EXISTS", "deadlines"), "0");
    assert_string_equal(RAW(w, "EXISTS", "matches"), "0");
    assert_string_equal(RAW(w, "EXISTS", "game_states"), "0");
    assert_string_equal(RAW(w, "EXISTS", fleet_text("room:%s", p[0].room)), "0");
    fleet_world_settled(w);
    assert_string_equal(play_match(w, 3, NULL), "NONE 0");
}

static void confirm_timeout_nobody_ready(struct fleet_world *w)
{
    struct player p[2];
    matched(w, p);
    fleet_world_pass(w, 10000);
    assert_string_equal(play_fire(w, 1, "confirm"), "OK 3 [matchCancelled#2]");
    assert_string_equal(play_record(w, "a"), "idle||");
    assert_string_equal(play_record(w, "b"), "idle||");
    assert_string_equal(RAW(w, "EXISTS", "waiting:levels"), "0");
    fleet_world_settled(w);
}

/* What matchCancelled says: why, and who is in the queue again. */
static void what_a_cancellation_says(struct fleet_world *w)
{
    struct player p[3];
    for (int i = 0; i < 3; i++)
        p[i] = play_arrive(w, fleet_text("%c", 'a' + i), 1 + i);
    play_waiting_room(w, p, 3, 3);
    (void)play_confirm(w, &p[0]);
    (void)play_confirm(w, &p[2]);
    fleet_world_pass(w, 10000);
    play_forget(w);
    (void)play_fire(w, 3, "confirm");
    const char *heard = fleet_world_heard_raw(w, 1),
               *tail = ",\"seq\":2,\"requeued\":\"c a\",\"members\":\"a b c\"}\n";
    const char *start =
        fleet_text("{\"roomId\":\"%s\",\"event\":\"matchCancelled\",\"data\":{\"roomId\":\"%s\","
                   "\"reason\":\"confirm_timeout\"},\"originInstanceId\":\"i3\",",
                   p[0].room, p[0].room);
    assert_memory_equal(heard, start, strlen(start));
    assert_string_equal(heard + strlen(heard) - strlen(tail), tail);
}

static void each_timer_once(struct fleet_world *w)
{
    struct player p[2];
    matched(w, p);
    const char *text = fleet_text("confirm:%s/3:1", p[0].room);
    struct timer_entry entry;
    assert_true(timers_parse(str_of(text), &entry));
    fleet_world_pass(w, 10000);
    assert_string_equal(ASK(w, timers_due(&w->realm[1], 10, ANSWER(w))), text);
    assert_string_equal(ASK(w, timers_fire(&w->realm[1], &entry, ANSWER(w))), "OK 3 [matchCancelled#2]");
    struct buf before = fleet_world_dump(w);
    assert_string_equal(ASK(w, timers_fire(&w->realm[2], &entry, ANSWER(w))), "TAKEN");
    fleet_world_same(w, &before, "a timer that was taken");
    assert_string_equal(ASK(w, timers_due(&w->realm[1], 10, ANSWER(w))), "");
    /* Should the entry come back by whatever hand: the room is gone, nothing happens. */
    (void)RAW(w, "ZADD", "deadlines", "5", text);
    assert_string_equal(ASK(w, timers_fire(&w->realm[2], &entry, ANSWER(w))), "STALE");
    fleet_world_settled(w);
}

/* A confirm timer of a room that has started by then (the claim came a moment too late). */
static void timer_after_the_start(struct fleet_world *w)
{
    struct player p[2];
    matched(w, p);
    (void)play_confirm(w, &p[0]);
    (void)play_confirm(w, &p[1]);
    const char *text = fleet_text("confirm:%s/3:1", p[0].room);
    struct timer_entry entry;
    assert_true(timers_parse(str_of(text), &entry));
    assert_string_equal(ASK(w, timers_fire(&w->realm[2], &entry, ANSWER(w))), "TAKEN");
    (void)RAW(w, "ZADD", "deadlines", "5", text);
    assert_string_equal(ASK(w, timers_fire(&w->realm[2], &entry, ANSWER(w))), "STALE");
    fleet_world_settled(w);
}

static void confirm_after_the_end(struct fleet_world *w)
{
    struct player p[2];
    matched(w, p);
    fleet_world_pass(w, 10000);
    (void)play_fire(w, 1, "confirm");
    struct buf before = fleet_world_dump(w);
    assert_string_equal(play_confirm(w, &p[0]), "ROOM_NOT_FOUND");
    assert_string_equal(play_say(w, &p[0], "{}"), "ROOM_NOT_FOUND");
    fleet_world_same(w, &before, "a confirmation after the end");
}

/* ---- somebody is gone before ---- */

/* Three seats; the one in the middle drops. The others were connected, which is enough: they are asked again
 * at once. */
static void a_member_drops(struct fleet_world *w)
{
    struct player p[3];
    for (int i = 0; i < 3; i++) {
        p[i] = play_arrive(w, fleet_text("%c", 'a' + i), 1 + i);
        fleet_world_pass(w, 1000);
    }
    play_waiting_room(w, p, 3, 3);
    (void)play_confirm(w, &p[2]);
    struct player late = play_arrive(w, "late", 1);
    assert_string_equal(play_join(w, &late, 3), "WAITING 1 0");
    play_forget(w);
    assert_string_equal(play_detach(w, &p[1]), "OK 3 [matchCancelled#2] seat");
    assert_string_equal(play_record(w, "b"), "nil");
    assert_string_equal(play_queue(w, "3"), "a c late"); /* at the head, in the order in which they came */
    assert_string_equal(fleet_world_heard(w, 1), "matchCancelled#2 ");
    assert_string_equal(RAW(w, "HEXISTS", "socket_mappings", "b.1"), "0");
    fleet_world_settled(w);
    char room[ID_SIZE];
    assert_string_equal(play_match(w, 3, room), "MATCHED <room> [matchFound#1]");
    assert_string_equal(RAW(w, "HGET", fleet_text("room:%s", room), "seats"), "a c late");
    fleet_world_settled(w);
}

/* The order is that of the tickets, whatever the players are called. */
static void back_in_the_order_of_arrival(struct fleet_world *w)
{
    static const char *const ids[] = {"z", "m", "a", "q"};
    struct player p[4];
    for (int i = 0; i < 4; i++)
        p[i] = play_arrive(w, ids[i], 1 + i % 3);
    fleet_world_seats(w, 4);
    for (int i = 0; i < 4; i++) {
        (void)play_join(w, &p[i], 3);
        fleet_world_pass(w, 10);
    }
    memcpy(p[1].room, p[3].room, ID_SIZE);
    assert_string_equal(play_detach(w, &p[1]), "OK 3 [matchCancelled#2] seat");
    assert_string_equal(play_queue(w, "3"), "z a q");
}

static void a_member_leaves(struct fleet_world *w)
{
    struct player p[2];
    matched(w, p);
    play_forget(w);
    assert_string_equal(play_leave_room(w, &p[0]), "OK 3 [matchCancelled#2]");
    assert_string_equal(play_record(w, "a"), "idle||");
    assert_string_equal(play_record(w, "b"), "queued|3|");
    assert_string_equal(fleet_world_heard(w, 2), "matchCancelled#2 ");
    fleet_world_settled(w);
    assert_string_equal(play_join(w, &p[0], 3), "MATCHED <room> [matchFound#1]");
}

/* The level a leaver names must be the room's: the others would be put into a list where nobody finds them.
 */
static void leaving_under_another_level(struct fleet_world *w)
{
    struct player p[2];
    matched(w, p);
    struct buf before = fleet_world_dump(w);
    p[0].level = 4;
    assert_string_equal(play_leave_room(w, &p[0]), "AGAIN 3");
    fleet_world_same(w, &before, "a leave under another level");
    p[0].level = 3;
    assert_string_equal(play_leave_room(w, &p[0]), "OK 3 [matchCancelled#2]");
}

static void detach_names_room_and_level(struct fleet_world *w)
{
    struct player p[2];
    matched(w, p);
    struct player wrong = p[0];
    struct buf before = fleet_world_dump(w);
    wrong.level = 5;
    assert_string_equal(play_detach(w, &wrong), "AGAIN 3 <room>");
    wrong.level = 3;
    assert_true(str_copy(wrong.room, sizeof wrong.room, STR("r_1234567890123456789012")));
    assert_string_equal(play_detach(w, &wrong), "AGAIN 3 <room>");
    fleet_world_same(w, &before, "a detach with the wrong keys");
    assert_string_equal(play_detach(w, &p[0]), "OK 3 [matchCancelled#2] seat");
}

/* Ready once, but his connection went before the time was up: only the living go back to the queue. */
static void ready_but_gone(struct fleet_world *w)
{
    struct player p[3];
    for (int i = 0; i < 3; i++)
        p[i] = play_arrive(w, fleet_text("%c", 'a' + i), 1 + i);
    play_waiting_room(w, p, 3, 3);
    for (int i = 0; i < 3; i++)
        if (i != 1)
            (void)play_confirm(w, &p[i]);
    assert_string_equal(play_detach(w, &p[0]), "OK 3 [matchCancelled#2] seat");
    assert_string_equal(play_queue(w, "3"), "b c");
    assert_string_equal(play_record(w, "a"), "nil");
    fleet_world_settled(w);
}

/* The ticket survives a dissolution: its next match is told like the first, and a late repetition finds it.
 */
static void requeued_with_the_same_ticket(struct fleet_world *w)
{
    struct player p[2], c = play_arrive(w, "c", 3);
    matched(w, p);
    (void)play_detach(w, &p[1]);
    assert_string_equal(play_join_again(w, &p[0]), "WAITING 1 0");
    assert_string_equal(play_join(w, &c, 3), "MATCHED <room> [matchFound#1]");
    assert_string_equal(play_join_again(w, &p[0]), "MATCHED <room> []");
    assert_string_equal(p[0].room, c.room);
    fleet_world_settled(w);
}

/* The player's connection changed between match and dissolution: he is requeued where he is now. */
static void requeued_at_another_instance(struct fleet_world *w)
{
    struct player p[2];
    matched(w, p);
    play_attach(w, &p[0], 3);
    (void)play_detach(w, &p[1]);
    assert_string_equal(play_record(w, "a"), "queued|3|");
    assert_string_equal(play_reseat(w, &p[0]), "ROOM_NOT_FOUND");
    assert_string_equal(play_record(w, "a"), "queued|3|");
    struct player c = play_arrive(w, "c", 1);
    play_forget(w);
    assert_string_equal(play_join(w, &c, 3), "MATCHED <room> [matchFound#1]");
    assert_non_null(strstr(fleet_world_heard_raw(w, 3), "\"place\":\"a|i3|a.2 c|i1|c.1\""));
}

/* A member whose instance has died meanwhile goes back with the others, and is passed over by the matching.
 */
static void requeued_but_dead(struct fleet_world *w)
{
    struct player p[2], c = play_arrive(w, "c", 3);
    matched(w, p);
    (void)play_confirm(w, &p[0]);
    fleet_world_die(w, 1);
    fleet_world_pass(w, 10000);
    assert_string_equal(play_fire(w, 2, "confirm"), "OK 3 [matchCancelled#2]");
    assert_string_equal(play_queue(w, "3"), "a");
    assert_string_equal(play_join(w, &c, 3), "WAITING 1 0");
    assert_string_equal(play_queue(w, "3"), "c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(partial_then_last),
        BOTH(auto_confirms_who_joins),
        BOTH(auto_confirms_nobody_else),
        BOTH(twice),
        BOTH(foreign),
        BOTH(refused_before_the_start),
        BOTH(confirm_timeout_one_ready),
        BOTH(confirm_timeout_nobody_ready),
        BOTH(what_a_cancellation_says),
        BOTH(each_timer_once),
        BOTH(timer_after_the_start),
        BOTH(confirm_after_the_end),
        BOTH(a_member_drops),
        BOTH(back_in_the_order_of_arrival),
        BOTH(a_member_leaves),
        BOTH(leaving_under_another_level),
        BOTH(detach_names_room_and_level),
        BOTH(ready_but_gone),
        BOTH(requeued_with_the_same_ticket),
        BOTH(requeued_at_another_instance),
        BOTH(requeued_but_dead),
    };
    return FLEET_WORLD_RUN(tests);
}
