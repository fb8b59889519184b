/* What a virtual gateway does when an answer reaches it; and what sim_gateway.c, sim_view.c and sim_answers.c
 * share. */
#ifndef TESTS_LIB_SIM_ANSWERS_H
#define TESTS_LIB_SIM_ANSWERS_H

#include "tests/lib/sim_gateway.h"

void sim_answer(struct sim_gateway *g, const struct sim_call *c);

struct sim_view *sim_view_find(struct sim_gateway *g, struct str room_id);
struct sim_view *sim_view_get(struct sim_gateway *g, struct str room_id, int64_t seq); /* seq: if it is new */
void sim_view_leave(struct sim_gateway *g, struct sim_session *s); /* s->view may be NULL */
void sim_view_fill(struct sim_gateway *g, struct sim_view *v);
void sim_gateway_event(struct sim_gateway *g, struct str text);
void sim_gateway_events(struct sim_gateway *g, const struct reply *events);
void sim_gateway_attach(struct sim_gateway *g, struct sim_session *s, bool again);
void sim_gateway_detach(struct sim_gateway *g, const struct sim_session *s);
void sim_session_use(struct sim_session *s); /* its ticket has led to a game */
void sim_gateway_confirm(struct sim_gateway *g, struct sim_session *s);

#endif
