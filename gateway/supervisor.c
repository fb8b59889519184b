/* A small parent process: fork, wait, restart with back-off, hand signals on.
 *
 * One loop around sigtimedwait: SIGCHLD says that somebody ended, SIGTERM and SIGINT that all shall end, the
 * time-out that a restart is due. A worker that ends is started again after 100 ms * 2^n, at most 5 s; one
 * that has lived for 10 s begins anew. If the parent is killed its workers get SIGTERM (PR_SET_PDEATHSIG) and
 * drain. */
#include "gateway/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"

enum { BACKOFF_FIRST_MS = 100, BACKOFF_MAX_MS = 5000, SETTLED_MS = 10000, START_MS = 2000, LOOK_MS = 200 };

struct worker {
    pid_t pid; /* 0 = not running */
    uint64_t started_at_ms, restart_at_ms;
    unsigned failures; /* in a row */
};

struct supervisor {
    const struct supervisor_options *options;
    struct worker *workers;
    sigset_t signals, before; /* what we wait for; the mask to give back to the children */
    bool stopping, settled;
    int exit_code;
};

static void start(struct supervisor *s, struct worker *w)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        (void)sigprocmask(SIG_SETMASK, &s->before, NULL);
        if (getppid() != parent) /* it died in between */
            _exit(EXIT_FAILURE);
        int (*work)(void *, int) = s->options->work;
        void *arg = s->options->arg;
        int worker = (int)(w - s->workers);
        mem_free(s->workers);
        exit(work(arg, worker));
    }
    w->started_at_ms = clock_mono_ms();
    w->pid = pid > 0 ? pid : 0;
    if (pid < 0) {
        w->restart_at_ms = w->started_at_ms + BACKOFF_MAX_MS;
        log_error("worker.not_started", KV_INT("errno", errno), KV("next", "tried again"));
    } else {
        log_info("worker.started", KV_INT("pid", pid), KV_INT("worker", w - s->workers));
    }
}

static void hand_on(const struct supervisor *s, int signum)
{
    for (int i = 0; i < s->options->workers; i++)
        if (s->workers[i].pid)
            (void)kill(s->workers[i].pid, signum);
}

static void ended(struct supervisor *s, struct worker *w, int status)
{
    uint64_t now = clock_mono_ms(), lived_ms = now - w->started_at_ms;
    bool crashed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    w->pid = 0;
    metrics_ended((int)(w - s->workers));
    if (s->stopping) {
        if (crashed)
            s->exit_code = EXIT_FAILURE;
        return;
    }
    if (crashed && WIFEXITED(status) && lived_ms < START_MS && !s->settled) {
        log_error("worker.start_failed", KV_INT("worker", w - s->workers),
                  KV("next", "all workers are stopped"));
        s->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
        s->stopping = true;
        hand_on(s, SIGTERM);
        return;
    }
    w->failures = crashed && lived_ms < SETTLED_MS ? w->failures + 1 : 0;
    uint64_t wait_ms = crashed ? BACKOFF_FIRST_MS : 0;
    for (unsigned i = 0; i < w->failures && wait_ms < BACKOFF_MAX_MS; i++)
        wait_ms *= 2;
    if (wait_ms > BACKOFF_MAX_MS)
        wait_ms = BACKOFF_MAX_MS;
    w->restart_at_ms = now + wait_ms;
    log_warn("worker.ended", KV_INT("worker", w - s->workers),
             KV_INT("code", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
             KV_INT("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0), KV_INT("lived_ms", lived_ms),
             KV_INT("restart_in_ms", wait_ms),
             KV("next", "started again; its players reconnect to the others meanwhile"));
}

static void reap(struct supervisor *s)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (int i = 0; i < s->options->workers; i++)
            if (s->workers[i].pid == pid)
                ended(s, &s->workers[i], status);
}

/* Starts what is due; returns how many run. */
static int look_after(struct supervisor *s)
{
    int running = 0;
    for (int i = 0; i < s->options->workers; i++) {
        struct worker *w = &s->workers[i];
        if (!w->pid && !s->stopping && clock_mono_ms() >= w->restart_at_ms)
            start(s, w);
        running += w->pid != 0;
        s->settled = s->settled || (w->pid && clock_mono_ms() - w->started_at_ms > START_MS);
    }
    return running;
}

int supervisor_run(const struct supervisor_options *options)
{
    struct supervisor s = {.options = options};
    metrics_share(options->workers);
    s.workers = mem_alloc((size_t)options->workers * sizeof *s.workers);
    (void)sigemptyset(&s.signals);
    (void)sigaddset(&s.signals, SIGTERM);
    (void)sigaddset(&s.signals, SIGINT);
    (void)sigaddset(&s.signals, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &s.signals, &s.before);
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    while (look_after(&s) > 0 || !s.stopping) {
        int signum = sigtimedwait(&s.signals, NULL, &pause);
        if (signum == SIGTERM || signum == SIGINT) {
            s.stopping = true;
            log_info("supervisor.stopping", KV("next", "SIGTERM to all workers"));
            hand_on(&s, SIGTERM);
        }
        reap(&s);
    }
    mem_free(s.workers);
    log_info("supervisor.ended", KV_INT("code", s.exit_code));
    return s.exit_code;
}
