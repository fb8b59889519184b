/* The instances that live, as the last heartbeat's answer said: who may number a room's events. */
#ifndef GATEWAY_FLEET_H
#define GATEWAY_FLEET_H

#include "common/reply.h"

struct fleet;
struct fleet *fleet_new(const char *own_instance_id); /* copied; always known */
void fleet_free(struct fleet *f);
void fleet_renew(struct fleet *f,
                 const struct reply *instance_ids); /* an array of texts, replaces what was known */
bool fleet_knows(const struct fleet *f, struct str instance_id);

#endif
