/* Tickets as an instance knows them: when one is over, and when it may be handed in again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/mem.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "gateway/settings.h"
#include "gateway/ticket.h"
#include "matchmaking/presence.h"

static struct settings settings;
static struct realm realm = {.rules = {.ticket_ttl_ms = 60000}};
static struct node node = {.settings = &settings};

/* A session without a connection, waiting with ticket "t1" since just now. */
static struct session waiting(void)
{
    struct session s = {.state = SESSION_IDLE, .realm = &realm, .joined_at_ms = clock_mono_ms()};
    ticket_take(&s, STR("t1"));
    session_move(&s, SESSION_QUEUED, "test");
    return s;
}

static void a_new_ticket_is_not_over(void **state)
{
    (void)state;
    struct session s = waiting();
    assert_true(ticket_may_enter(&s));
    ticket_end(&s);
    assert_false(ticket_may_enter(&s));
    ticket_take(&s, STR("t1"));
    assert_true(s.ticket_over); /* the same one */
    ticket_take(&s, STR("t2"));
    assert_string_equal(s.ticket_id, "t2");
    assert_true(ticket_may_enter(&s));
    session_move(&s, SESSION_IDLE, "test");
}

static void an_old_or_unknown_one_does_not_enter(void **state)
{
    (void)state;
    struct session s = waiting();
    struct realm impatient = {.rules = {.ticket_ttl_ms = 0}};
    s.realm = &impatient;
    assert_false(ticket_may_enter(&s));
    s.realm = &realm;
    assert_true(ticket_may_enter(&s));
    s.ticket_id[0] = '\0'; /* he may have left */
    assert_false(ticket_may_enter(&s));
    session_move(&s, SESSION_IDLE, "test");
}

/* As the store had it before the island; of another ticket it says nothing. */
static void the_fleets_time_goes_with_the_ticket(void **state)
{
    (void)state;
    struct session s = waiting();
    ticket_read_fleet(&s, STR("idle|5||||||s_1|i1"));
    ticket_read_fleet(&s, STR("queued|5|3|t0|1700000000000||s_1|i1"));
    ticket_read_fleet(&s, STR(""));
    assert_int_equal(s.fleet_since_ms, 0);
    ticket_read_fleet(&s, STR("away|5|3|t1|1700000000123||s_1|i1"));
    assert_int_equal(s.fleet_since_ms, 1700000000123);
    ticket_read_fleet(&s, STR("idle|6|||0||s_1|i1")); /* withdrawn meanwhile */
    ticket_take(&s, STR("t1"));
    assert_int_equal(s.fleet_since_ms, 1700000000123);
    ticket_take(&s, STR("t2"));
    assert_int_equal(s.fleet_since_ms, 0);
    session_move(&s, SESSION_IDLE, "test");
}

static void expired(void **state)
{
    (void)state;
    struct session s = waiting();
    ticket_expire(&node, &s, "ended");
    assert_int_equal(s.state, SESSION_IDLE);
    assert_true(s.ticket_over);
}

/* A game that has started uses the ticket up; a match that never did, does not. */
static void a_room_that_was_left(void **state)
{
    (void)state;
    for (int started = 0; started < 2; started++) {
        struct session s = waiting();
        struct room r = {.status = started ? ROOM_ACTIVE : ROOM_WAITING};
        list_init(&r.members);
        list_init(&s.in_room);
        room_enter(&r, &s);
        session_move(&s, SESSION_IN_ROOM, "test");
        assert_false(s.ticket_over);
        room_leave(&s);
        assert_int_equal(s.ticket_over, started);
        session_move(&s, SESSION_IDLE, "test");
    }
}

/* It belongs to the ticket: another one begins without, and one that is over has told it. */
static void what_he_says_about_himself(void **state)
{
    (void)state;
    size_t blocks = mem_live_count();
    struct session s = waiting();
    char given[] = "{\"n\":1}";
    ticket_setup(&s, str_of(given));
    given[0] = '?';
    assert_string_equal(s.setup, "{\"n\":1}"); /* a copy */
    ticket_take(&s, STR("t1"));
    assert_string_equal(s.setup, "{\"n\":1}");
    ticket_take(&s, STR("t2"));
    assert_null(s.setup);
    ticket_setup(&s, STR("{}"));
    ticket_end(&s);
    assert_null(s.setup);
    session_move(&s, SESSION_IDLE, "test");
    assert_int_equal(mem_live_count(), blocks);
}

/* The record knows it best, also of a ticket that was handed in elsewhere. */
static void the_record_says_it(void **state)
{
    (void)state;
    struct session s = waiting();
    struct presence_attached now = {.level = 7, .waited_ms = 40, .setup = STR("{\"a\":2}")};
    ticket_read(&s, STR("t9"), &now, clock_mono_ms());
    assert_string_equal(s.ticket_id, "t9");
    assert_string_equal(s.setup, "{\"a\":2}");
    assert_int_equal(s.level, 7);
    now.setup = (struct str){0};
    ticket_read(&s, STR("t9"), &now, clock_mono_ms());
    assert_null(s.setup);
    session_move(&s, SESSION_IDLE, "test");
}

/* When the store has read its clock is known up to the time that the answer took. */
static void no_ticket_is_thought_older_than_it_is(void **state)
{
    (void)state;
    struct session s = waiting();
    struct presence_attached now = {.level = 7, .waited_ms = 40};
    uint64_t at = clock_mono_ms(), asked_at_ms = at - 1000;
    ticket_read(&s, STR("t9"), &now, asked_at_ms);
    assert_in_range(s.joined_at_ms, at - 40, clock_mono_ms() - 40);
    s.joined_at_ms = at - 500; /* known already, and it may well be */
    ticket_read(&s, STR("t9"), &now, asked_at_ms);
    assert_int_equal(s.joined_at_ms, at - 500);
    ticket_read(&s, STR("t8"), &now, asked_at_ms); /* another ticket */
    assert_in_range(s.joined_at_ms, at - 40, clock_mono_ms() - 40);
    s.joined_at_ms = at - 5000; /* it cannot be */
    ticket_read(&s, STR("t8"), &now, asked_at_ms);
    assert_in_range(s.joined_at_ms, at - 40, clock_mono_ms() - 40);
    now.waited_ms = -100; /* the store's clock was set back */
    ticket_read(&s, STR("t7"), &now, asked_at_ms);
    assert_in_range(s.joined_at_ms, at, clock_mono_ms());
    session_move(&s, SESSION_IDLE, "test");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_ticket_is_not_over),
        cmocka_unit_test(an_old_or_unknown_one_does_not_enter),
        cmocka_unit_test(the_fleets_time_goes_with_the_ticket),
        cmocka_unit_test(expired),
        cmocka_unit_test(a_room_that_was_left),
        cmocka_unit_test(what_he_says_about_himself),
        cmocka_unit_test(no_ticket_is_thought_older_than_it_is),
        cmocka_unit_test(the_record_says_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
