/* One table of options; all are --name value, or --name alone for a switch. */
#include "tests/bench/options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/report.h"

static const struct {
    const char *name;
    size_t at;
    int64_t preset, min, max;
    const char *help;
} NUMBERS[] = {
#define N(member, preset, min, max, help)                                                                    \
    {                                                                                                        \
#member, offsetof(struct options, member), preset, min, max, help                                    \
    }
    N(clients, 1000, 1, 1000000, "players"),
    N(seats, 2, 2, 64, "players per room; the server's ROOM_SEATS"),
    N(talkers, 0, 0, 64, "members of a room who send; 0 = all"),
    N(size, 100, 34, 65536, "bytes of a message's payload, with its quotes"),
    N(window, 1, 1, 1024, "closed loop: messages of one sender under way"),
    N(rate, 0, 0, 100000000, "open loop: this many a second instead; 0 = closed loop"),
    N(warm_ms, 1000, 0, 600000, "before the measured time"),
    N(run_ms, 5000, 1, 3600000, "the measured time"),
    N(at_once, 256, 1, 100000, "handshakes under way"),
    N(levels, 1, 1, 1000, "storm: levels the players spread over"),
    N(deaf, 0, 0, 1000, "slow: one client who does not read in every so many rooms"),
    N(kill_pid, 0, 0, INT32_MAX,
      "resume-storm, deadlines: the instance to kill -9; 0 = cut the lines instead"),
    N(deadline_ms, 60000, 1, 3600000, "for anything to come to its end"),
#undef N
};

static const struct {
    const char *name;
    size_t at;
    const char *help;
} SWITCHES[] = {
#define S(member, help)                                                                                      \
    {                                                                                                        \
#member, offsetof(struct options, member), help                                                      \
    }
    {"marks", offsetof(struct options, servers.marks),
     "before each sample say so on stderr and wait for a line on stdin"},
    S(same, "all members of a room on one instance; otherwise seat by seat on the next"),
    S(crowded, "everybody begins on the first instance"),
    S(numbered, "numbered messages instead of volatile ones"),
    S(silent, "numbered messages without an id: they come back as a push instead of a reply"),
    S(spin, "never sleep: latencies without the tool's own wake-up"),
    S(seated, "memory: in rooms"),
#undef S
};

enum {
    NUMBERS_COUNT = sizeof NUMBERS / sizeof NUMBERS[0],
    SWITCHES_COUNT = sizeof SWITCHES / sizeof SWITCHES[0]
};

static void help(void)
{
    puts("bench WORKLOAD --port P[,P...] [options]: load on a running fleet; prints one JSON object.\n"
         "Workloads: echo, room, queue, storm, pairs, memory, connect, slow, resume, resume-storm, "
         "deadlines.\n"
         "  --port P,P             instances on 127.0.0.1\n"
         "  --wire NAME            matchgate (default), plain, socketio, matchgate-socketio\n"
         "  --gateway-pid PID,PID  whose cost to measure\n"
         "  --redis-pid PID,PID\n"
         "  --redis-port P         for Redis' own figures");
    for (int i = 0; i < NUMBERS_COUNT; i++)
        printf("  --%-20s %s (%lld)\n", NUMBERS[i].name, NUMBERS[i].help, (long long)NUMBERS[i].preset);
    for (int i = 0; i < SWITCHES_COUNT; i++)
        printf("  --%-20s %s\n", SWITCHES[i].name, SWITCHES[i].help);
}

static void read_ports(struct options *o, const char *list)
{
    while (*list != '\0') {
        char *end;
        long port = strtol(list, &end, 10);
        if (end == list || port <= 0 || port > 65535 || o->ports_count == OPTIONS_PORTS_MAX)
            report_give_up("'%s' is no list of ports", list);
        o->ports[o->ports_count++] = (uint16_t)port;
        list = *end == ',' ? end + 1 : end;
    }
}

/* The options that are neither numbers nor switches; false for another name. */
static bool read_special(struct options *o, const char *name, const char *value)
{
    unsigned one = 0;
    int port;
    if (strcmp(name, "port") == 0) {
        read_ports(o, value);
    } else if (strcmp(name, "gateway-pid") == 0) {
        servers_add(o->servers.gateways, &o->servers.gateways_count, value);
    } else if (strcmp(name, "redis-pid") == 0) {
        servers_add(o->servers.redis, &o->servers.redis_count, value);
    } else if (strcmp(name, "redis-port") == 0) {
        servers_add(&port, &one, value);
        o->servers.redis_port = (uint16_t)port;
    } else if (strcmp(name, "wire") == 0) {
        o->wire = wire_find(value);
        if (o->wire == NULL)
            report_give_up("there is no wire '%s'", value);
    } else {
        return false;
    }
    return true;
}

static bool read_number(struct options *o, const char *name, const char *value)
{
    for (int i = 0; i < NUMBERS_COUNT; i++) {
        char *end;
        long long number;
        if (strcmp(name, NUMBERS[i].name) != 0)
            continue;
        number = strtoll(value, &end, 10);
        if (end == value || *end != '\0' || number < NUMBERS[i].min || number > NUMBERS[i].max)
            report_give_up("--%s %s: a number from %lld to %lld is needed", name, value,
                           (long long)NUMBERS[i].min, (long long)NUMBERS[i].max);
        *(int64_t *)(void *)((char *)o + NUMBERS[i].at) = number;
        return true;
    }
    return false;
}

static bool read_switch(struct options *o, const char *name)
{
    for (int i = 0; i < SWITCHES_COUNT; i++)
        if (strcmp(name, SWITCHES[i].name) == 0) {
            *((bool *)o + SWITCHES[i].at) = true;
            return true;
        }
    return false;
}

void options_read(struct options *o, int argc, char **argv)
{
    memset(o, 0, sizeof *o);
    o->wire = &wire_matchgate;
    for (int i = 0; i < NUMBERS_COUNT; i++)
        *(int64_t *)(void *)((char *)o + NUMBERS[i].at) = NUMBERS[i].preset;
    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        help();
        exit(0);
    }
    o->workload = argv[1];
    for (int i = 2; i < argc; i++) {
        const char *name = strncmp(argv[i], "--", 2) == 0 ? argv[i] + 2 : "";
        if (read_switch(o, name))
            continue;
        if (i + 1 == argc || !(read_special(o, name, argv[i + 1]) || read_number(o, name, argv[i + 1])))
            report_give_up("'%s' is not understood; bench --help lists all", argv[i]);
        i++;
    }
    if (o->ports_count == 0)
        report_give_up("--port is missing");
    if (o->talkers == 0 || o->talkers > o->seats)
        o->talkers = o->seats;
}
