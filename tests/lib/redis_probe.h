/* For the tests of the Redis layer: a loop, a server, a link, and everything the link ever said. */
#ifndef TESTS_LIB_REDIS_PROBE_H
#define TESTS_LIB_REDIS_PROBE_H

#include "common/buf.h"
#include "tests/lib/redis_server.h"

enum { PROBE_ANSWERS_MAX = 4096, PROBE_ERROR_REPLY = 1 };

struct probe {
    struct loop *loop;
    struct redis_server *server; /* NULL or stopped by the teardown */
    struct redis_link *link;     /* NULL or freed by the teardown */
    int ups, downs;              /* reported states; they must alternate */
    enum redis_reason reason;    /* of the last down */
    struct {
        int call; /* which: 0 is the first one asked */
        int err;  /* ERR_NONE with an error reply is kept as PROBE_ERROR_REPLY */
    } answers[PROBE_ANSWERS_MAX];
    int asked, answered;
    bool inside;           /* a call has not returned: no answer may come now */
    struct buf text;       /* the replies, a line each: nil, 1, "text", ERROR text, [..,..] */
    struct buf messages;   /* channel=message, a line each */
    bool free_in_callback; /* the next answer or message frees the link */
};

int probe_setup(void **state); /* cmocka fixtures */
int probe_teardown(void **state);
#define PROBE_TEST(name) cmocka_unit_test_setup_teardown(name, probe_setup, probe_teardown)
void probe_setup_log(void); /* errors only; everything with TEST_LOG set in the environment */

/* The argument for probe_on_answer: of the next call. Set p->inside while making it. */
void *probe_question(struct probe *p);
void probe_on_answer(void *question, int err, const struct reply *reply); /* a redis_cb */
void probe_on_state(void *probe, bool up, enum redis_reason reason);
void probe_on_message(void *probe, struct str channel, struct str message);

void probe_ask(struct probe *p, const char *const *args);
#define ASK(p, ...) probe_ask(p, (const char *const[]){__VA_ARGS__, NULL})

bool probe_is_up(void *probe); /* conditions for WAIT */
bool probe_is_down(void *probe);
bool probe_all_answered(void *probe);
#define WAIT(p, cond) assert_true(loop_wait((p)->loop, cond, p, LOOP_WAIT_MS))

/* Waits until every call is answered; each exactly once and in the order of the calls, or the test fails. */
void probe_wait_in_order(struct probe *p);

#endif
