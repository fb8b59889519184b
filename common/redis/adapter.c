/* Carries the events of one socket between libuv and hiredis, while a connection is made and greeted.
 *
 * hiredis' own libuv adapter ignores the error status of a poll, so that a refused connection is never
 * reported. This one lets hiredis read when libuv reports an error (it has then stopped the handle), and
 * hiredis finds the error. Once the connection stands it is link_stream.c's.
 *
 * Death: hiredis frees a context inside its own functions. `depth` counts our calls into it; only at zero,
 * when no frame of hiredis is on the stack any more, does the owner hear that the context is gone. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>
#include "common/mem.h"
#include "common/redis/adapter.h"
#include <hiredis/hiredis.h>
#include <hiredis/async.h>

struct adapter {
    uv_poll_t poll;
    struct redisAsyncContext *ac; /* NULL once hiredis has freed it */
    adapter_gone_cb on_gone;
    void *arg;
    char why[128];
    int want, armed; /* UV_READABLE | UV_WRITABLE: what hiredis wants, what libuv watches */
    unsigned depth;
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void arm(struct adapter *a)
{
    if (a->want == a->armed)
        return;
    a->armed = a->want;
    if (a->want)
        uv_poll_start(&a->poll, a->want, on_poll);
    else
        uv_poll_stop(&a->poll);
}

static void want(struct adapter *a, int event, bool on)
{
    a->want = on ? a->want | event : a->want & ~event;
    arm(a);
}

static void leave(struct adapter *a)
{
    if (--a->depth > 0 || a->ac != NULL || a->on_gone == NULL)
        return;
    adapter_gone_cb on_gone = a->on_gone;
    a->on_gone = NULL;
    on_gone(a->arg, a->why);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct adapter *a = poll->data;
    if (status < 0) {
        a->armed = 0;
        events = UV_READABLE;
    }
    a->depth++;
    if (a->ac != NULL && (events & UV_READABLE))
        redisAsyncHandleRead(a->ac);
    if (a->ac != NULL && (events & UV_WRITABLE))
        redisAsyncHandleWrite(a->ac);
    if (a->ac != NULL)
        arm(a);
    leave(a);
}

static void add_read(void *arg)
{
    want(arg, UV_READABLE, true);
}

static void del_read(void *arg)
{
    want(arg, UV_READABLE, false);
}

static void add_write(void *arg)
{
    want(arg, UV_WRITABLE, true);
}

static void del_write(void *arg)
{
    want(arg, UV_WRITABLE, false);
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

/* Called by hiredis while it frees the context. The handle must let go of the socket before hiredis closes
 * it. */
static void cleanup(void *arg)
{
    struct adapter *a = arg;
    if (a->ac->err != 0 && a->ac->errstr != NULL)
        snprintf(a->why, sizeof a->why, "%s", a->ac->errstr);
    a->ac = NULL;
    uv_close((uv_handle_t *)&a->poll, on_closed);
}

struct adapter *adapter_attach(struct redisAsyncContext *ac, struct loop *l, adapter_gone_cb on_gone,
                               void *arg)
{
    struct adapter *a = mem_alloc(sizeof *a);
    if (uv_poll_init(loop_uv(l), &a->poll, ac->c.fd) != 0) {
        mem_free(a);
        return NULL;
    }
    a->poll.data = a;
    a->ac = ac;
    a->on_gone = on_gone;
    a->arg = arg;
    ac->ev.data = a;
    ac->ev.addRead = add_read;
    ac->ev.delRead = del_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    ac->ev.cleanup = cleanup;
    return a;
}

void adapter_abandon(struct adapter *a)
{
    a->on_gone = NULL;
    a->depth++;
    if (a->ac != NULL)
        redisAsyncFree(a->ac);
    leave(a);
}

struct adapter_lookup {
    uv_getaddrinfo_t request;
    adapter_lookup_cb fn; /* NULL: cancelled, but the resolver's thread may still be inside the request */
    void *arg;
};

static bool has_address(const struct adapter_addresses *list, const char *ip)
{
    for (unsigned i = 0; i < list->count; i++)
        if (strcmp(list->ip[i], ip) == 0)
            return true;
    return false;
}

static void on_looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct adapter_lookup *q = request->data;
    struct adapter_addresses list = {.count = 0};
    for (struct addrinfo *it = found; it != NULL && list.count < ADAPTER_ADDRESSES_MAX; it = it->ai_next) {
        char *ip = list.ip[list.count];
        if (getnameinfo(it->ai_addr, it->ai_addrlen, ip, sizeof list.ip[0], NULL, 0, NI_NUMERICHOST) == 0)
            list.count += !has_address(&list, ip);
    }
    uv_freeaddrinfo(found);
    if (q->fn != NULL)
        q->fn(q->arg, status != 0 ? uv_strerror(status) : list.count == 0 ? "no address" : NULL, &list);
    mem_free(q);
}

struct adapter_lookup *adapter_lookup(struct loop *l, const char *host, adapter_lookup_cb fn, void *arg)
{
    struct adapter_lookup *q = mem_alloc(sizeof *q);
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    q->request.data = q;
    q->fn = fn;
    q->arg = arg;
    if (uv_getaddrinfo(loop_uv(l), &q->request, on_looked_up, host, NULL, &hints) != 0) {
        mem_free(q);
        return NULL;
    }
    return q;
}

void adapter_lookup_cancel(struct adapter_lookup *q)
{
    q->fn = NULL;
    uv_cancel((uv_req_t *)&q->request);
}
