/* Pub/sub is a hint: what this instance believes of its players and rooms is compared with the store, a slice
 * at a time.
 *
 * Each is looked at every COMPARE_MS. A room behind its number is filled from its log. A player whose record
 * differs twice in a row (once may be an event still on its way) is attached again; so is every player in
 * doubt. His session's record, which would expire, is kept with the same look, or made anew by that attach.
 */
#ifndef GATEWAY_COMPARE_H
#define GATEWAY_COMPARE_H

#include "gateway/node.h"

/* The next slice; call it about every SWEEP_MS. */
void compare_slice(struct node *n);
/* Everybody at once (the store was away): rooms are filled, waiting players attached again. */
void compare_all(struct node *n);

#endif
