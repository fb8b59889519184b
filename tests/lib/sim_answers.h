/* What a virtual gateway does when an answer reaches it; and what sim_gateway.c, sim_view.c, sim_answers.c
 * and sim_answers_fleet.c share. */
#ifndef TESTS_LIB_SIM_ANSWERS_H
#define TESTS_LIB_SIM_ANSWERS_H

#include "tests/lib/sim_gateway.h"

void sim_answer(struct sim_gateway *g, const struct sim_call *c);
void sim_answer_fleet(struct sim_gateway *g, const struct sim_call *c, struct sim_session *s,
                      struct realm_outcome o); /* s may be NULL */
void sim_answer_room(struct sim_gateway *g, const struct sim_call *c, struct sim_session *s,
                     struct realm_outcome o); /* the same */
/* Once more, with what the script said is right. */
void sim_call_again(struct sim_gateway *g, const struct sim_call *c, int64_t level, struct str room_id);
void sim_gateway_rematch(struct sim_gateway *g, struct str level); /* empty: nothing to do */

struct sim_view *sim_view_find(struct sim_gateway *g, struct str room_id);
/* at: if it is new */
struct sim_view *sim_view_get(struct sim_gateway *g, struct str room_id, struct history_position at);
void sim_view_begin(struct sim_view *v, struct history_position at); /* what is told goes on from here */
void sim_view_leave(struct sim_gateway *g, struct sim_session *s);   /* s->view may be NULL */
void sim_view_fill(struct sim_gateway *g, struct sim_view *v);
void sim_view_drop_copy(struct sim_view *v);
void sim_view_free(struct sim_view *v);
void sim_gateway_retry(struct sim_gateway *g); /* what was put off */
void sim_gateway_doubt(struct sim_gateway *g); /* all are attached again */
/* Hands in a ticket with the time for which he has waited. */
void sim_gateway_enter(struct sim_gateway *g, struct sim_session *s);
void sim_gateway_event(struct sim_gateway *g, struct str text);
void sim_gateway_events(struct sim_gateway *g, const struct reply *events);
/* NULL: gone */
struct sim_session *sim_gateway_by_socket(struct sim_gateway *g, struct str socket_id);
void sim_gateway_attach(struct sim_gateway *g, struct sim_session *s, bool again);
void sim_gateway_detach(struct sim_gateway *g, const struct sim_session *s);
void sim_gateway_confirm(struct sim_gateway *g, struct sim_session *s);

#endif
