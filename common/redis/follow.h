/* Listens to the sentinels: +switch-master, the moment at which another server becomes the master.
 *
 * Without it a failover is found out by what fails (the connection, READONLY, the probe); it only saves time.
 * One subscription per sentinel, each made again for ever; one that is gone is logged once. */
#ifndef COMMON_REDIS_FOLLOW_H
#define COMMON_REDIS_FOLLOW_H

#include "common/redis/sentinel.h"

struct follow;
/* Our master is at host:port now (borrowed). Every sentinel says it; told once. */
typedef void (*follow_cb)(void *arg, struct str host, int port);

/* hosts is borrowed for life. No callback before return. */
struct follow *follow_new(struct loop *l, const struct sentinel_hosts *hosts, uint64_t connect_timeout_ms,
                          follow_cb fn, void *arg);
void follow_free(struct follow *f); /* NULL is fine; also from inside fn */
/* "NAME oldhost oldport newhost newport". false: another master, or not readable. */
bool follow_parse(struct str message, const char *master, struct str *host, int *port);

#endif
