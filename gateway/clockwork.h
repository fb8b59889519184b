/* The third door, the clock: polls the fleet's deadlines, sweeps dead instances, runs the matching step,
 * informs the waiting.
 *
 * Every instance runs the same clockwork; what must happen once is decided by the scripts. After an outage of
 * the store nothing is swept and no timer is claimed for two leases, so that the living can come back first.
 */
#ifndef GATEWAY_CLOCKWORK_H
#define GATEWAY_CLOCKWORK_H

#include "gateway/node.h"

struct clockwork *clockwork_new(struct node *n);
void clockwork_free(struct clockwork *c);
void clockwork_start(struct clockwork *c);
void clockwork_stop(struct clockwork *c);
/* The store is away: nothing is swept and no timer claimed until it has been back for two leases. */
void clockwork_store_away(struct clockwork *c);
/* The store was away and is back: lost events are looked up, waiting tickets handed in again, put-off
 * detaches done. */
void clockwork_store_back(struct clockwork *c);
/* A lease is over: remove what the instance left, unless that is under way. */
void clockwork_sweep(struct clockwork *c, struct str instance_id);

#endif
