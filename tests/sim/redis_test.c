/* The simulator over a redis-server: the same fleet, the same scripts, run by Redis. */
#include "tests/lib/sim_run.h"

int main(int argc, char **argv)
{
    return sim_run(argc, argv, true, 15000);
}
