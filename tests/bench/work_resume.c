/* Workloads resume and resume-storm: players come back to other instances, one by one or all at once. */
#include <signal.h>
#include <string.h>
#include <sys/types.h>

#include "tests/bench/clock.h"
#include "tests/bench/comeback.h"
#include "tests/bench/report.h"
#include "tests/bench/work.h"

enum {
    AT_ONCE = 500
}; /* messages under way when everybody says something: not the load that is measured here */

static void everybody_says(struct comeback *c)
{
    uint64_t end = clock_ns() + (uint64_t)c->game.o->deadline_ms * CLOCK_MS;
    for (uint32_t who = 0; who < c->game.count && clock_ns() < end;) {
        while (who < c->game.count && c->due < AT_ONCE)
            comeback_say(c, who++);
        comeback_turn(c, end);
    }
}

/* What is still under way, such as the last opponentReconnected, gets the time to arrive. */
static void finish(struct comeback *c)
{
    everybody_says(c);
    if (comeback_settle(c))
        comeback_check(c);
}

/* The first seats of all rooms, then the others, and again: who has just spoken (without an id: at most once)
 * does not break his own line while the server may not have read it. */
static uint32_t hopper(const struct comeback *c, uint32_t nth)
{
    uint32_t half = c->game.count / 2;
    return nth % half * 2 + nth / half % 2;
}

/* --rate a second break, one after the other, and come back at once to another instance; meanwhile somebody
 * of the room says something, so that there may be something to catch up with. */
static void hop(struct comeback *c, uint64_t run_ms)
{
    uint64_t due = clock_ns(), until = due + run_ms * CLOCK_MS;
    double at = (double)due, step = 1e9 / (double)c->game.o->rate;
    uint32_t nth = 0;
    while (due < until) {
        comeback_turn(c, due);
        for (uint64_t now = clock_ns(); due <= now && due < until; due = (uint64_t)at) {
            uint32_t who = hopper(c, nth);
            if (c->players[who].stage != COMEBACK_HERE)
                break;
            comeback_cut(c, who, due);
            if (c->players[who ^ 1].stage == COMEBACK_HERE)
                comeback_say(c, who ^ 1);
            comeback_return(c, who);
            nth++;
            at += step;
        }
        if (clock_ns() > until + 5 * CLOCK_S)
            report_give_up("resume: the servers are more than 5 s behind, %u players are away", c->away);
    }
}

void work_resume(struct options *o)
{
    static struct comeback c;
    struct servers_sample from, to;
    uint64_t hops;
    if (o->rate == 0 || o->seats % 2 != 0)
        report_give_up("resume: --rate is missing, or --seats is odd");
    comeback_open(&c, o);
    everybody_says(&c);
    comeback_settle(&c);
    servers_take(&o->servers, &from);
    hop(&c, (uint64_t)o->run_ms);
    comeback_settle(&c);
    servers_take(&o->servers, &to);
    hops = c.back.count;
    finish(&c);
    report_int("hops", (int64_t)hops);
    servers_report(&from, &to, hops);
    comeback_report(&c);
    comeback_close(&c);
}

/* Everybody on the instance with --kill_pid, the first of --port, or all lines at once. */
static void strike(struct comeback *c, const struct options *o)
{
    uint64_t now = clock_ns();
    if (o->kill_pid == 0) {
        for (uint32_t who = 0; who < c->game.count; who++)
            comeback_cut(c, who, now);
        return;
    }
    c->ports_count--;
    memmove(c->ports, c->ports + 1, c->ports_count * sizeof c->ports[0]);
    if (c->ports_count == 0 || kill((pid_t)o->kill_pid, SIGKILL) != 0)
        report_give_up("resume-storm: nobody to kill, or nobody left to come back to");
    while (c->away == 0 && clock_ns() < now + 5 * CLOCK_S)
        comeback_turn(c, UINT64_MAX);
}

void work_resume_storm(struct options *o)
{
    static struct comeback c;
    struct servers_sample from, to;
    uint64_t struck;
    uint32_t lost;
    comeback_open(&c, o);
    everybody_says(&c);
    comeback_settle(&c);
    servers_forget(&o->servers, (int)o->kill_pid);
    servers_take(&o->servers, &from);
    struck = clock_ns();
    strike(&c, o);
    comeback_settle(&c);
    servers_take(&o->servers, &to);
    lost = (uint32_t)c.back.count;
    finish(&c);
    report_int("lost_the_line", lost);
    report_num("all_back_s", (double)(c.last_back_at - struck) / 1e9);
    report_num("all_playing_s", (double)(clock_ns() - struck) / 1e9);
    servers_report(&from, &to, lost);
    comeback_report(&c);
    comeback_close(&c);
}
