/* Mean waiting time per level: new = old + (sample - old) / 8, as TCP smooths its round trips (RFC 6298). */
#include "gateway/estimate.h"

#include "common/mem.h"

struct estimate {
    int64_t level_max;
    double mean_ms[]; /* 0 = unknown, else mean + 1 */
};

struct estimate *estimate_new(int64_t level_max)
{
    struct estimate *e = mem_alloc(sizeof *e + ((size_t)level_max + 1) * sizeof e->mean_ms[0]);
    e->level_max = level_max;
    return e;
}

void estimate_free(struct estimate *e)
{
    mem_free(e);
}

void estimate_add(struct estimate *e, int64_t level, uint64_t waited_ms)
{
    if (level < 0 || level > e->level_max)
        return;
    double *mean = &e->mean_ms[level], sample = (double)waited_ms + 1;
    *mean = *mean > 0 ? *mean + (sample - *mean) / 8 : sample;
}

int64_t estimate_next(const struct estimate *e, int64_t after)
{
    for (int64_t level = after + 1; level <= e->level_max; level++)
        if (e->mean_ms[level] > 0)
            return level;
    return -1;
}

int64_t estimate_get(const struct estimate *e, int64_t level)
{
    if (level < 0 || level > e->level_max || e->mean_ms[level] <= 0)
        return -1;
    return (int64_t)e->mean_ms[level] - 1;
}
