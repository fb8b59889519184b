/* The simulator over the in-memory back end: a fleet's life at random, under a model that knows what must be
 * true. */
#include "tests/lib/sim_run.h"

int main(int argc, char **argv)
{
    return sim_run(argc, argv, false, 100000);
}
