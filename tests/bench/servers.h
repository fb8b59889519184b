/* What the servers under load cost: CPU, context switches and memory from /proc, and Redis' own figures. */
#ifndef TESTS_BENCH_SERVERS_H
#define TESTS_BENCH_SERVERS_H

#include <stdbool.h>
#include <stdint.h>

enum { SERVERS_MAX = 32 };

/* One side of the fleet; sums over its processes. */
struct servers_sum {
    uint64_t cpu_ns;   /* user and system, all threads */
    uint64_t switches; /* context switches, voluntary or not */
    uint64_t rss_kib;
};

struct servers_sample {
    uint64_t at; /* ns */
    struct servers_sum gateways, redis, bench;
    uint64_t machine_ns; /* CPU time of everybody, all cores */
    /* From INFO, 0 without a Redis. */
    uint64_t evalsha_calls, evalsha_us, publish_calls, publish_us, commands, redis_bytes;
};

struct servers {
    int gateways[SERVERS_MAX], redis[SERVERS_MAX]; /* process ids */
    unsigned gateways_count, redis_count;
    uint16_t redis_port; /* 0: none */
    int redis_fd;
    bool marks; /* --marks: before each sample say "mark" on stderr and wait for a line on stdin */
};

/* "123" or "123,124" into pids; gives up when it is nothing of the kind. */
void servers_add(int *pids, unsigned *count, const char *list);

/* This gateway is going to die: its cost is left out of all samples from now on. */
void servers_forget(struct servers *s, int pid);

/* With a port, connects to Redis. */
void servers_open(struct servers *s);
void servers_close(struct servers *s);

/* With marks, somebody outside (a profiler's driver) is told first and may take his time. */
void servers_take(struct servers *s, struct servers_sample *out);

/* The integer a short Redis command answers with (HLEN matches); -1 for anything else. */
int64_t servers_redis_int(struct servers *s, const char *command);

/* Members of the report about the time between two samples: seconds, *_cpu_s, *_switches, and when
 * `per_million` > 0 the servers' CPU seconds per million of that many things, cpu_s_per_million. */
void servers_report(const struct servers_sample *from, const struct servers_sample *to, uint64_t things);

#endif
