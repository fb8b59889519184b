/* What an island knows of its rooms and of who may come: no store, no connection, only the book. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/mem.h"
#include "gateway/island.h"
#include "gateway/room.h"
#include "gateway/session.h"
#include "matchmaking/events.h"
#include "matchmaking/presence.h"

struct world {
    struct node node;
    struct island *island;
};

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof *w);
    w->node.loop = loop_new();
    w->node.sessions = sessions_new();
    realm_init(&w->node.realm, NULL, &(struct realm_rules){.seats = 2, .events_mode = "all"}, "p:", "i1");
    w->island = w->node.island = island_new(&w->node);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (island_is(w->island))
        island_close(w->island);
    loop_run(w->node.loop); /* what was deferred */
    island_free(w->island);
    sessions_free(w->node.sessions);
    loop_free(w->node.loop);
    mem_free(w);
    return mem_live_count() == 0 ? 0 : -1;
}

static void note(struct world *w, const char *room_id, int64_t seq, const char *event, const char *data)
{
    char json[512];
    int n = snprintf(json, sizeof json,
                     "{\"roomId\":\"%s\",\"event\":\"%s\",\"data\":%s,\"originInstanceId\":\"i1\","
                     "\"timestamp\":1,\"seq\":%lld}",
                     room_id, event, data, (long long)seq);
    struct room_event e;
    const char *why = "";
    assert_true(events_parse((struct str){json, (size_t)n}, &e, &why));
    island_note(w->island, &e);
}

static void on_beat(void *arg, int err, const struct reply *reply)
{
    assert_int_equal(err, 0);
    *(int64_t *)arg = reply_int(reply, 2);
}

/* Else a clock that was set would show in the times of its events, and by them a room that came home would
 * seem to have lasted till tomorrow. */
static void its_time_is_the_store_s(void **state)
{
    struct world *w = *state;
    int64_t now_ms = 0;
    realm_heard(&w->node.realm, 86400000, 1);
    island_begin(w->island);
    presence_heartbeat(&w->island->realm, &(struct presence_beat){.info = STR("{}")}, on_beat, &now_ms);
    while (now_ms == 0)
        loop_turn(w->node.loop);
    assert_in_range(now_ms, 86400000, 86400000 + 3600000);
}

static struct island_room *adopt(struct world *w, const char *room_id)
{
    return island_add(w->island, str_of(room_id),
                      &(struct transfer_base){.seq = 7, .states = STR("7 1 2 a:0 b:1")});
}

static void it_begins_and_ends(void **state)
{
    struct world *w = *state;
    assert_false(island_is(w->island));
    island_begin(w->island);
    assert_true(island_is(w->island));
    assert_true(w->island->since_ms > 0);
    assert_false(w->island->realm.backend->durable);
    assert_string_equal(w->island->realm.instance_id, "i1");
    assert_string_equal(w->island->realm.rules.events_mode, "remote"); /* nobody else listens there */
    island_end(w->island);
    assert_false(island_is(w->island));
}

static void a_room_that_was_adopted(void **state)
{
    struct world *w = *state;
    island_begin(w->island);
    char states[] = "7 1 2 a:0 b:1";
    struct island_room *room =
        island_add(w->island, STR("r1"), &(struct transfer_base){.seq = 7, .states = str_of(states)});
    states[0] = 'x'; /* it was copied */
    assert_ptr_equal(island_find(w->island, STR("r1")), room);
    const struct transfer_base base = island_base(room);
    assert_false(base.born);
    assert_int_equal(base.seq, 7);
    assert_true(str_eq(base.states, STR("7 1 2 a:0 b:1")));
    assert_int_equal(island_rooms(w->island), 1);
    island_remove(w->island, room);
    assert_null(island_find(w->island, STR("r1")));
    island_end(w->island);
}

/* The store is to hear how it ended; the first word counts. */
static void its_end_is_kept(void **state)
{
    struct world *w = *state;
    island_begin(w->island);
    struct island_room *room = adopt(w, "r1");
    note(w, "r1", 8, "gameMessage", "{\"roomId\":\"r1\"}");
    assert_false(room->ended);
    note(w, "r1", 9, "gameEnd", "{\"roomId\":\"r1\",\"reason\":\"agreed\",\"result\":{\"w\": 1e999}}");
    note(w, "r1", 10, "gameEnd", "{\"roomId\":\"r1\",\"reason\":\"idle\",\"result\":null}");
    assert_true(room->ended);
    assert_string_equal(room->reason, "agreed");
    assert_string_equal(room->result, "{\"w\": 1e999}");
    struct island_room *other = adopt(w, "r2");
    note(w, "r2", 8, "gameEnd", "{\"roomId\":\"r2\"}");
    assert_string_equal(other->reason, "ended");
    assert_string_equal(other->result, "null");
}

static void a_room_that_began_there(void **state)
{
    struct world *w = *state;
    island_begin(w->island);
    note(w, "r1", 1, "matchFound", "{\"roomId\":\"r1\"}");
    assert_true(island_base(island_find(w->island, STR("r1"))).born);
    note(w, "r1", 1, "matchFound", "{\"roomId\":\"r1\"}"); /* heard again */
    note(w, "r2", 2, "matchFound", "{\"roomId\":\"r2\"}"); /* not its beginning */
    note(w, "r3", 5, "gameEnd", "{\"roomId\":\"r3\"}");    /* of nobody's */
    assert_int_equal(island_rooms(w->island), 1);
    note(w, "r1", 2, "matchCancelled", "{\"roomId\":\"r1\",\"reason\":\"player_gone\"}");
    assert_int_equal(island_rooms(w->island), 0); /* the store never knew it */
}

static struct transfer_image *an_image(void)
{
    static struct reply head[12], seat[11], parts[4];
    for (size_t i = 0; i < 12; i++)
        head[i] = (struct reply){.type = REPLY_STR, .str = STR("5")};
    for (size_t i = 0; i < 11; i++)
        seat[i] = (struct reply){.type = REPLY_STR, .str = i == 0 ? STR("a") : STR("3")};
    parts[0] = (struct reply){.type = REPLY_STR, .str = STR("OK")};
    parts[1] = (struct reply){.type = REPLY_ARRAY, .items = head, .count = 12};
    parts[2] = (struct reply){.type = REPLY_ARRAY, .items = seat, .count = 11};
    parts[3] = (struct reply){.type = REPLY_ARRAY};
    const struct reply answer = {.type = REPLY_ARRAY, .items = parts, .count = 4};
    return transfer_image_new(&answer);
}

/* Each image that may have arrived is one more state in which the store may have the room, up to a bound. */
static void where_it_may_be(void **state)
{
    struct world *w = *state;
    island_begin(w->island);
    struct island_room *room = adopt(w, "r1");
    struct transfer_image *image = an_image();
    island_may_be_home(room, image);
    struct str rest = buf_str(&room->states), first = str_cut(&rest, ';');
    assert_true(str_eq(first, STR("7 1 2 a:0 b:1")));
    assert_memory_equal(rest.p, "5 =i_", 5);
    assert_memory_equal(rest.p + rest.n - 6, " 5 a:3", 6);
    for (int i = 0; i < 100; i++)
        island_may_be_home(room, image);
    size_t count = 0;
    for (rest = buf_str(&room->states); rest.n; count++)
        (void)str_cut(&rest, ';');
    assert_int_equal(count, 16);
    transfer_image_free(image);
}

static struct session somebody(const struct realm *realm, const char *player_id)
{
    struct session s = {.realm = realm, .fence = 5, .fleet_fence = 3};
    assert_true(str_copy(s.player_id, sizeof s.player_id, str_of(player_id)));
    return s;
}

static void who_may_come(void **state)
{
    struct world *w = *state;
    const struct realm *store = &w->node.realm, *own = &w->island->realm;
    struct session s = somebody(store, "ann");
    assert_true(island_receive(w->island, &s, true)); /* there is none: the store is asked */
    assert_ptr_equal(s.realm, store);
    island_begin(w->island);
    assert_true(island_receive(w->island, &s, false)); /* not before it is open */
    assert_ptr_equal(s.realm, store);
    assert_true(island_receive(w->island, &s, true)); /* but he may sit there */
    assert_ptr_equal(s.realm, own);
    assert_false(island_may_begin(w->island, own, false));
    w->island->open = true;
    s.realm = store;
    assert_true(island_receive(w->island, &s, false));
    assert_ptr_equal(s.realm, own);
    assert_true(island_may_begin(w->island, own, false));
    assert_false(island_may_begin(w->island, own, true)); /* only the store knows that room */
    assert_true(island_may_begin(w->island, store, true));
    w->island->leaving = true;
    s.realm = store;
    assert_false(island_receive(w->island, &s, true));
    assert_ptr_equal(s.realm, store);
    w->island->leaving = false;
    island_end(w->island);
}

/* He has a seat in a room that waits for the store. */
static void who_sits_elsewhere(void **state)
{
    struct world *w = *state;
    struct room room = {0};
    struct session older = somebody(&w->node.realm, "ann"), s = somebody(&w->node.realm, "ann");
    island_begin(w->island);
    w->island->open = true;
    older.room = &room;
    (void)sessions_put(w->node.sessions, &older);
    assert_false(island_receive(w->island, &s, false));
    older.realm = &w->island->realm; /* that room is on the island */
    assert_true(island_receive(w->island, &s, false));
    sessions_remove(w->node.sessions, &older);
}

static void what_is_inherited(void **state)
{
    struct world *w = *state;
    const struct realm *store = &w->node.realm, *own = &w->island->realm;
    struct session s = somebody(own, "ann"), older = somebody(store, "ann");
    s.fleet_fence = 0;
    island_inherit(w->island, &s, &older);
    assert_int_equal(s.fleet_fence, 5);
    assert_true(s.inherited);
    older.realm = own;
    island_inherit(w->island, &s, &older);
    assert_int_equal(s.fleet_fence, 3);
    struct session at_home = somebody(store, "ann");
    at_home.fleet_fence = 0;
    island_inherit(w->island, &at_home, &older);
    assert_int_equal(at_home.fleet_fence, 0);
    assert_false(at_home.inherited);
}

static void whose_requests_wait(void **state)
{
    struct world *w = *state;
    struct room room = {0};
    struct session s = somebody(&w->island->realm, "ann");
    assert_false(island_holds(w->island, &s));
    w->island->leaving = true;
    assert_true(island_holds(w->island, &s));
    s.room = &room; /* the room's journey has not begun */
    assert_false(island_holds(w->island, &s));
    s.moving = true;
    assert_true(island_holds(w->island, &s));
    struct session at_home = somebody(&w->node.realm, "bob");
    assert_false(island_holds(w->island, &at_home));
    w->island->leaving = false;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(its_time_is_the_store_s),
        TEST(it_begins_and_ends),
        TEST(a_room_that_was_adopted),
        TEST(its_end_is_kept),
        TEST(a_room_that_began_there),
        TEST(where_it_may_be),
        TEST(who_may_come),
        TEST(who_sits_elsewhere),
        TEST(what_is_inherited),
        TEST(whose_requests_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
