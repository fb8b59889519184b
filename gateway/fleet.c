/* The set of live instances: a handful of ids, looked through one by one. */
#include "gateway/fleet.h"

#include "common/id.h"
#include "common/mem.h"

struct fleet {
    char own[ID_SIZE];
    char (*ids)[ID_SIZE]; /* owned */
    size_t count;
};

struct fleet *fleet_new(const char *own_instance_id)
{
    struct fleet *f = mem_alloc(sizeof *f);
    (void)str_copy(f->own, sizeof f->own, str_of(own_instance_id));
    return f;
}

void fleet_free(struct fleet *f)
{
    if (!f)
        return;
    mem_free(f->ids);
    mem_free(f);
}

void fleet_renew(struct fleet *f, const struct reply *instance_ids)
{
    f->count = 0;
    if (instance_ids->count == 0)
        return;
    f->ids = mem_resize(f->ids, instance_ids->count * sizeof *f->ids);
    for (size_t i = 0; i < instance_ids->count; i++)
        f->count += str_copy(f->ids[f->count], ID_SIZE, reply_str(instance_ids, i));
}

bool fleet_knows(const struct fleet *f, struct str instance_id)
{
    if (instance_id.n == 0)
        return false;
    if (str_eq(instance_id, str_of(f->own)))
        return true;
    for (size_t i = 0; i < f->count; i++)
        if (str_eq(instance_id, str_of(f->ids[i])))
            return true;
    return false;
}
