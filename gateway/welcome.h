/* The welcome push: who the client is here, how it may come back, and where its player stands. */
#ifndef GATEWAY_WELCOME_H
#define GATEWAY_WELCOME_H

#include "gateway/node.h"

struct resume;
struct session;

struct welcome {                 /* all borrowed */
    const struct resume *resume; /* session, token, and the rooms the client asked about */
    bool recovered;              /* nothing that it missed is lost */
    bool queued;                 /* the session's ticket waits */
    const char *room_id;         /* where its player has a seat; NULL = nowhere */
};
/* The session is QUEUED or IDLE from here on, and its client may send. Once per connection. */
void welcome_push(const struct node *n, struct session *s, const struct welcome *w);

#endif
