/* PROTOCOL.md says what the code does: events, members, codes and every JSON example are compared with the
 * tables.
 *
 * What the test relies on in the document: `## ` headings as below; one `### <event>` section per event, in
 * which tables headed
 * `| data |` and `| reply |` list the members in the order of messages.c, optional ones marked "optional" in
 * their second column; ```json fences in which each frame begins with `{` in the first column and goes on in
 * indented lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/buf.h"
#include "proto/decode.h"

enum part { OTHER, CLIENT, PUSH, ERRORS, CLOSES };

static struct {
    size_t line;
    enum part part;
    char section[64];              /* event of the present ### section, or empty */
    struct buf data, reply;        /* its tables, as messages.c writes member lists */
    struct buf *table;             /* the one whose rows come now, or NULL */
    bool in_json;                  /* inside a ```json fence */
    struct buf frame;              /* the example being gathered */
    size_t frames[MSG_COUNT + 64]; /* examples seen: per message, then per push */
    size_t sections[MSG_COUNT + 64];
    size_t codes[CODE_COUNT], closes[64];
} doc;

static void wrong(const char *what, struct str text)
{
    fail_msg("PROTOCOL.md:%zu (%s): %s: %.*s", doc.line, doc.section, what, (int)text.n,
             text.p ? text.p : "");
}

static bool starts(struct str text, const char *with)
{
    return text.n >= strlen(with) && memcmp(text.p, with, strlen(with)) == 0;
}

static struct str trim(struct str text)
{
    for (; text.n > 0 && text.p[0] == ' '; text.n--)
        text.p++;
    while (text.n > 0 && text.p[text.n - 1] == ' ')
        text.n--;
    return text;
}

/* What stands in the first pair of backquotes; empty if there is none. */
static struct str quoted(struct str text)
{
    str_cut(&text, '`');
    return text.n > 0 ? str_cut(&text, '`') : text;
}

/* The n-th cell (from 0) of a table row. */
static struct str cell(struct str row, size_t n)
{
    for (size_t i = 0; i <= n; i++)
        str_cut(&row, '|');
    return trim(str_cut(&row, '|'));
}

/* Where the section's event counts: the messages first, then the pushes. SIZE_MAX: no such event. */
static size_t event_index(enum part part, struct str name)
{
    if (part == CLIENT)
        return message_find(name) == MSG_UNKNOWN ? SIZE_MAX : (size_t)message_find(name);
    for (size_t i = 0; message_push_at(i) != NULL; i++)
        if (str_eq(name, str_of(message_push_at(i)->name)))
            return MSG_COUNT + i;
    return SIZE_MAX;
}

static const char *list_of(size_t event, bool reply)
{
    if (event >= MSG_COUNT)
        return message_push_at(event - MSG_COUNT)->members;
    const struct message_info *info = message_info((enum message)event);
    return reply ? info->reply : info->members;
}

/* --- examples --- */

/* The object's members are in the list, and all that must be there are. */
static void check_members(struct str object, const char *list)
{
    struct json_object o;
    const char *why;
    size_t known = 0;
    if (strcmp(list, "*") == 0)
        return;
    if (object.n == 0)
        object = STR("{}");
    if (!json_object_scan(object, &o, &why))
        wrong(why, object);
    for (struct str rest = str_of(list); rest.n > 0;) {
        char key[64];
        struct str name = str_cut(&rest, ' ');
        bool optional = name.p[name.n - 1] == '?';
        name.n -= optional;
        assert_true(str_copy(key, sizeof key, name));
        bool there = json_get(&o, key, NULL).type != JSON_NONE;
        if (!there && !optional)
            wrong("the example lacks a member", name);
        known += there;
    }
    if (known != o.count)
        wrong("the example has a member that messages.c does not know", object);
}

static void check_error(struct str error)
{
    struct json_object o;
    const char *why;
    struct str name;
    char code[64];
    bool retryable;
    if (!json_object_scan(error, &o, &why))
        wrong(why, error);
    if (!json_as_plain(json_get(&o, "code", NULL), &name) || !str_copy(code, sizeof code, name) ||
        strcmp(code_name(code_find(code)), code) != 0)
        wrong("no such code", error);
    if (!json_as_bool(json_get(&o, "retryable", NULL), &retryable) ||
        retryable != code_retryable(code_find(code)))
        wrong("retryable differs from codes.c", error);
}

static void check_push(const struct json_object *o, size_t event)
{
    const struct message_push *push = message_push_at(event - MSG_COUNT);
    struct json_value data = json_get(o, "data", NULL), room = json_get(o, "room", NULL);
    bool has_seq = json_get(o, "seq", NULL).type != JSON_NONE, has_room = room.type != JSON_NONE;
    bool is_error = strcmp(push->name, PUSH_ERROR) == 0,
         may_lack_seq = strcmp(push->name, PUSH_GAME_MESSAGE) == 0;
    if (!is_error && has_room != (push->scope != MESSAGE_PLAIN))
        wrong("room is there or absent against messages.c", o->text);
    if (!is_error && has_seq != (push->scope == MESSAGE_NUMBERED) && !(may_lack_seq && !has_seq))
        wrong("seq is there or absent against messages.c", o->text);
    check_members(data.raw, push->members);
    if (is_error)
        check_error(data.raw);
    if (has_room) {
        struct json_object inner;
        const char *why;
        assert_true(json_object_scan(data.raw, &inner, &why));
        if (!str_eq(json_get(&inner, "roomId", NULL).raw, room.raw))
            wrong("room and data.roomId differ", o->text);
    }
}

static void check_request(struct str text)
{
    static struct request r;
    const char *why = NULL;
    if (decode_request(text, &r, &why) != CODE_OK)
        wrong(why, text);
    if (!str_eq(r.event, str_of(doc.section)))
        wrong("an example of another event", text);
    check_members(r.data_raw.raw, message_info(r.kind)->members);
    doc.frames[r.kind]++;
}

static void check_frame(void)
{
    struct json_object o;
    const char *why;
    bool ok;
    if (doc.frame.len == 0)
        return;
    struct str text = buf_str(&doc.frame);
    if (!json_object_scan(text, &o, &why))
        wrong(why, text);
    size_t event = event_index(doc.part, str_of(doc.section));
    if (doc.section[0] == '\0' || (doc.part != CLIENT && doc.part != PUSH)) {
        buf_clear(&doc.frame);
        return; /* valid JSON is all that can be said */
    }
    if (doc.part == PUSH) {
        struct str name;
        if (!json_as_plain(json_get(&o, "event", NULL), &name) || !str_eq(name, str_of(doc.section)))
            wrong("an example of another event", text);
        check_push(&o, event);
        doc.frames[event]++;
    } else if (!json_as_bool(json_get(&o, "ok", NULL), &ok)) {
        check_request(text);
    } else if (ok) {
        check_members(json_get(&o, "data", NULL).raw, list_of(event, true));
    } else {
        check_error(json_get(&o, "error", NULL).raw);
    }
    buf_clear(&doc.frame);
}

/* --- sections and tables --- */

static void end_section(void)
{
    if (doc.section[0] != '\0' && (doc.part == CLIENT || doc.part == PUSH)) {
        size_t event = event_index(doc.part, str_of(doc.section));
        const char *data = list_of(event, false), *reply = doc.part == CLIENT ? list_of(event, true) : "";
        if (strcmp(data, "*") != 0 && !str_eq(buf_str(&doc.data), str_of(data)))
            wrong("the data table differs from messages.c", buf_str(&doc.data));
        if (!str_eq(buf_str(&doc.reply), str_of(reply)))
            wrong("the reply table differs from messages.c", buf_str(&doc.reply));
        doc.sections[event]++;
    }
    doc.section[0] = '\0';
    doc.table = NULL;
    buf_clear(&doc.data);
    buf_clear(&doc.reply);
}

static void heading(struct str line)
{
    end_section();
    if (starts(line, "### ")) {
        struct str name = {line.p + 4, line.n - 4};
        name = str_cut(&name, ' '); /* "gameMessage (push)" */
        if ((doc.part != CLIENT && doc.part != PUSH))
            return;
        if (event_index(doc.part, name) == SIZE_MAX)
            wrong("a section about no event of messages.c", name);
        assert_true(str_copy(doc.section, sizeof doc.section, name));
        return;
    }
    doc.part = starts(line, "## What a client sends")      ? CLIENT
               : starts(line, "## What the server pushes") ? PUSH
               : starts(line, "## Errors")                 ? ERRORS
               : starts(line, "## Close codes")            ? CLOSES
                                                           : OTHER;
}

static void error_row(struct str line)
{
    char code[64];
    if (quoted(cell(line, 0)).n == 0)
        return;
    assert_true(str_copy(code, sizeof code, quoted(cell(line, 0))));
    if (strcmp(code_name(code_find(code)), code) != 0)
        wrong("no such code", line);
    doc.codes[code_find(code)]++;
    if (!str_eq(cell(line, 2), code_retryable(code_find(code)) ? STR("yes") : STR("no")))
        wrong("retryable differs from codes.c", line);
}

static void close_row(struct str line)
{
    int64_t code;
    size_t i = 0;
    if (!str_to_int(cell(line, 0), &code))
        return;
    while (close_at(i) != 0 && close_at(i) != code)
        i++;
    if (close_at(i) == 0)
        wrong("no such close code", line);
    doc.closes[i]++;
    struct str expected = !close_reconnect((int)code) ? STR("no")
                          : code >= 4200              ? STR("at once")
                                                      : STR("after a pause");
    if (!str_eq(cell(line, 2), expected))
        wrong("reconnect differs from codes.c", line);
}

static void table_row(struct str line)
{
    if (doc.part == ERRORS)
        error_row(line);
    if (doc.part == CLOSES)
        close_row(line);
    if (str_eq(cell(line, 0), STR("data")))
        doc.table = &doc.data;
    else if (str_eq(cell(line, 0), STR("reply")))
        doc.table = &doc.reply;
    else if (doc.table != NULL && quoted(cell(line, 0)).n > 0) {
        char type[200];
        assert_true(str_copy(type, sizeof type, cell(line, 1)));
        buf_add_text(doc.table, doc.table->len > 0 ? " " : "");
        buf_add_str(doc.table, quoted(cell(line, 0)));
        buf_add_text(doc.table, strstr(type, "optional") ? "?" : "");
    }
}

static void read_line(struct str line)
{
    static bool in_fence;
    doc.line++;
    if (starts(line, "```")) {
        check_frame();
        in_fence = !in_fence;
        doc.in_json = in_fence && starts(line, "```json");
    } else if (in_fence) {
        if (!doc.in_json)
            return;
        if (starts(line, "{"))
            check_frame();
        buf_add_str(&doc.frame, line);
    } else if (starts(line, "## ") || starts(line, "### ")) {
        heading(line);
    } else if (starts(line, "|")) {
        table_row(line);
    } else {
        doc.table = NULL;
    }
}

static struct buf read_document(void)
{
    char path[1024], bytes[4096];
    struct buf text = {0};
    size_t n;
    assert_true(str_copy(path, sizeof path - 32, str_of(__FILE__)));
    char *at = strstr(path, "tests/unit/proto/");
    assert_non_null(at);
    strcpy(at, "proto/PROTOCOL.md");
    FILE *f = fopen(path, "r");
    if (f == NULL)
        fail_msg("cannot open %s", path);
    while ((n = fread(bytes, 1, sizeof bytes, f)) > 0)
        buf_add(&text, bytes, n);
    fclose(f);
    return text;
}

static void the_document_agrees(void **state)
{
    (void)state;
    struct buf text = read_document();
    for (struct str rest = buf_str(&text); rest.n > 0;)
        read_line(str_cut(&rest, '\n'));
    end_section();
    for (size_t m = MSG_UNKNOWN + 1; m < MSG_COUNT; m++)
        if (doc.sections[m] != 1 || doc.frames[m] == 0)
            fail_msg("PROTOCOL.md: %s needs one section and an example", message_name((enum message)m));
    for (size_t i = 0; message_push_at(i) != NULL; i++)
        if (doc.sections[MSG_COUNT + i] != 1 || doc.frames[MSG_COUNT + i] == 0)
            fail_msg("PROTOCOL.md: the push %s needs one section and an example", message_push_at(i)->name);
    for (size_t c = CODE_OK + 1; c < CODE_COUNT; c++)
        if (doc.codes[c] != 1)
            fail_msg("PROTOCOL.md: %s needs one row under Errors", code_name((enum code)c));
    for (size_t i = 0; close_at(i) != 0; i++)
        if (doc.closes[i] != 1)
            fail_msg("PROTOCOL.md: %d needs one row under Close codes", close_at(i));
    buf_close(&text);
    buf_close(&doc.data);
    buf_close(&doc.reply);
    buf_close(&doc.frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_document_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
