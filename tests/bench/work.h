/* The workloads. Each plays its part against the instances of *o and adds its figures to the report. */
#ifndef TESTS_BENCH_WORK_H
#define TESTS_BENCH_WORK_H

#include "tests/bench/options.h"

void work_echo(struct options *o);         /* requests that the edge answers by itself */
void work_room(struct options *o);         /* room messages, closed or open loop */
void work_slow(struct options *o);         /* the same with members who do not read */
void work_queue(struct options *o);        /* joining and leaving a queue */
void work_storm(struct options *o);        /* everybody joins at once */
void work_pairs(struct options *o);        /* matches at a steady rate */
void work_memory(struct options *o);       /* what a player weighs */
void work_connect(struct options *o);      /* how fast players come */
void work_resume(struct options *o);       /* they come back one by one */
void work_resume_storm(struct options *o); /* they all lose the line and come back at once */
void work_deadlines(struct options *o);    /* how late deadlines are when their instance has been killed */

#endif
