/* For tests of CHECK: does fn(arg) abort? Runs in a child process, its last words are thrown away. */
#ifndef TESTS_UNIT_COMMON_ABORTS_H
#define TESTS_UNIT_COMMON_ABORTS_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

static inline bool aborts(void (*fn)(void *arg), void *arg)
{
    int status = 0;
    pid_t child = fork();
    if (child < 0)
        return false;
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, 2);
        fn(arg);
        _exit(0);
    }
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#endif
