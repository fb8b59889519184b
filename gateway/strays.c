/* Finds connections that only the store still has, and detaches them. */
#include "gateway/strays.h"

#include "gateway/detach.h"
#include "gateway/session.h"
#include "matchmaking/presence.h"

enum { SOCKETS_PER_PAGE = 128 };

/* The page was read behind every attach and detach that were asked before it, on the same line: a connection
 * of ours has its session by now. One that has closed since is detached twice, which does no harm. */
static bool is_ours(const struct node *n, struct str player_id, struct str socket_id)
{
    const struct session *s = sessions_find(n->sessions, player_id);
    return s && str_eq(socket_id, str_of(s->socket_id));
}

static void begin(struct strays *s)
{
    (void)str_copy(s->cursor, sizeof s->cursor, STR("0"));
}

static void ask(struct strays *s);

static void on_page(void *arg, int err, const struct reply *reply)
{
    struct strays *s = arg;
    struct node *n = s->node;
    s->asking = false;
    if (!realm_said(realm_outcome(err, reply), "OK") ||
        !str_copy(s->cursor, sizeof s->cursor, reply_str(reply, 1))) {
        begin(s);
        s->hurry = false;
        return;
    }
    const struct reply *list = reply_at(reply, 2);
    for (size_t i = 0; i + 1 < list->count; i += 2)
        if (!is_ours(n, reply_str(list, i + 1), reply_str(list, i)))
            detach_stray(n, reply_str(list, i + 1), reply_str(list, i));
    if (s->again)
        begin(s);
    else if (strcmp(s->cursor, "0") == 0)
        s->hurry = false;
    s->again = false;
    if (s->hurry)
        ask(s);
}

static void ask(struct strays *s)
{
    const struct realm *r = &s->node->realm;
    if (s->asking || !s->node->backend->durable) /* this process's own memory forgets nothing */
        return;
    if (!s->cursor[0])
        begin(s);
    s->asking = true;
    presence_own(r, str_of(s->cursor), SOCKETS_PER_PAGE, on_page, s);
}

void strays_step(struct strays *s)
{
    ask(s);
}

void strays_walk(struct strays *s)
{
    s->hurry = true;
    s->again = s->asking;
    begin(s);
    ask(s);
}
