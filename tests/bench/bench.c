/* The load tool: one workload per run, one JSON object as its result.
 *
 *   bench room --port 3030,3031 --clients 1000 --seats 2 --gateway-pid 71,72 --redis-pid 70 --redis-port 6379
 *
 * Status 0: the figures stand. Status 2: something was lost, doubled, out of order, refused or late beyond
 * reason; stderr says what. Reading order: wire, crowd, game (who are the players), tally, relay (what is
 * measured), work_*. */
#include <string.h>

#include "tests/bench/report.h"
#include "tests/bench/work.h"

static const struct {
    const char *name;
    void (*run)(struct options *o);
} WORKLOADS[] = {
    {"echo", work_echo},           {"room", work_room},
    {"slow", work_slow},           {"queue", work_queue},
    {"storm", work_storm},         {"pairs", work_pairs},
    {"memory", work_memory},       {"connect", work_connect},
    {"resume", work_resume},       {"resume-storm", work_resume_storm},
    {"deadlines", work_deadlines},
};

int main(int argc, char **argv)
{
    struct options o;
    options_read(&o, argc, argv);
    for (unsigned i = 0; i < sizeof WORKLOADS / sizeof WORKLOADS[0]; i++) {
        if (strcmp(o.workload, WORKLOADS[i].name) != 0)
            continue;
        report_text("workload", o.workload);
        report_text("wire", o.wire->name);
        servers_open(&o.servers);
        WORKLOADS[i].run(&o);
        servers_close(&o.servers);
        return report_end();
    }
    report_give_up("there is no workload '%s'; bench --help lists all", o.workload);
}
