/* The admin rule: `Authorization: Bearer $ADMIN_TOKEN`, and nothing else. Loopback is not trusted, since a
 * proxy on the same host looks like loopback. Pure. */
#ifndef GATEWAY_ADMIN_H
#define GATEWAY_ADMIN_H

#include "common/str.h"

/* May a caller with this header (empty = none) do admin calls? 200; 401: no or a wrong token; 403:
 * admin_token is not set (NULL or empty), so nobody may. The tokens are compared in constant time; their
 * lengths are not secret. */
int admin_check(struct str authorization, const char *admin_token);

#endif
