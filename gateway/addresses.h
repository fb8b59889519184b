/* How many connections each client address has: the limit that keeps one host from taking all places. */
#ifndef GATEWAY_ADDRESSES_H
#define GATEWAY_ADDRESSES_H

#include <sys/socket.h>
#include "common/str.h"

enum { ADDRESSES_TEXT_SIZE = 46 }; /* the longest IPv6 text and its NUL */

struct addresses;

struct addresses *addresses_new(void);
void addresses_free(struct addresses *a); /* NULL is fine */

/* Connections counted under `text`, an address as addresses_text gives it. IPv6 counts per /64, since that is
 * what a provider hands to one customer. */
size_t addresses_count(const struct addresses *a, const char *text);
void addresses_add(struct addresses *a, const char *text);
void addresses_remove(struct addresses *a, const char *text); /* must have been added */

/* The peer's address without its port: "192.0.2.1", "2001:db8::1"; an IPv4 address inside an IPv6 one as
 * IPv4. "?" for any other family. */
void addresses_text(char out[ADDRESSES_TEXT_SIZE], const struct sockaddr *address);

#endif
