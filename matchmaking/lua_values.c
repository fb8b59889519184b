/* Converts answers to Lua values and Lua values to answers. */
#include "matchmaking/lua_values.h"

#include <lauxlib.h>

static void push_field(lua_State *L, const char *name, struct str text)
{
    lua_createtable(L, 0, 1);
    lua_pushlstring(L, text.n ? text.p : "", text.n);
    lua_setfield(L, -2, name);
}

void lua_values_push_error(lua_State *L, struct str message)
{
    push_field(L, "err", message);
}

static void push(lua_State *L, const struct answer *a, size_t *next)
{
    const struct answer_item *item = &a->items[(*next)++];
    luaL_checkstack(L, 4, "answer nested too deeply");
    switch (item->type) {
    case ANSWER_NIL:
        lua_pushboolean(L, 0);
        break;
    case ANSWER_INT:
        lua_pushnumber(L, (lua_Number)item->integer);
        break;
    case ANSWER_TEXT:
        lua_pushlstring(L, answer_item_text(a, item).p, item->length);
        break;
    case ANSWER_STATUS:
        push_field(L, "ok", answer_item_text(a, item));
        break;
    case ANSWER_ERROR:
        lua_values_push_error(L, answer_item_text(a, item));
        break;
    case ANSWER_ARRAY:
        lua_createtable(L, (int)item->length, 0);
        for (size_t i = 1; i <= item->length; i++) {
            push(L, a, next);
            lua_rawseti(L, -2, (int)i);
        }
        break;
    }
}

void lua_values_push(lua_State *L, const struct answer *a)
{
    size_t next = 0;
    push(L, a, &next);
}

/* Cut towards zero; what no integer can hold becomes the lowest one, as it does in Redis on common machines.
 */
static int64_t to_integer(lua_Number number)
{
    return number >= -0x1p63 && number < 0x1p63 ? (int64_t)number : INT64_MIN;
}

static struct str top_text(lua_State *L)
{
    struct str text;
    text.p = lua_tolstring(L, -1, &text.n);
    return text;
}

/* Is the table on top {name = "text"}? Then that is the answer. */
static bool answer_field(lua_State *L, const char *name, void (*append)(struct answer *a, struct str text),
                         struct answer *out)
{
    lua_pushstring(L, name);
    lua_rawget(L, -2);
    bool found = lua_type(L, -1) == LUA_TSTRING;
    if (found)
        append(out, top_text(L));
    lua_pop(L, 1);
    return found;
}

static bool answer_value(lua_State *L, int depth, struct answer *out);

static bool answer_table(lua_State *L, int depth, struct answer *out)
{
    if (answer_field(L, "err", answer_error, out) || answer_field(L, "ok", answer_status, out))
        return true;
    if (depth == LUA_VALUES_DEPTH_MAX || !lua_checkstack(L, 4))
        return false;
    size_t mark = answer_array(out, 0), count = 0;
    bool fits = true;
    for (int i = 1; fits; i++, count++) {
        lua_rawgeti(L, -1, i);
        bool end = lua_isnil(L, -1);
        fits = end || answer_value(L, depth + 1, out);
        lua_pop(L, 1);
        if (end)
            break;
    }
    answer_set_count(out, mark, count);
    return fits;
}

static bool answer_value(lua_State *L, int depth, struct answer *out)
{
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        answer_text(out, top_text(L));
        return true;
    case LUA_TNUMBER:
        answer_int(out, to_integer(lua_tonumber(L, -1)));
        return true;
    case LUA_TTABLE:
        return answer_table(L, depth, out);
    case LUA_TBOOLEAN:
        if (lua_toboolean(L, -1)) {
            answer_int(out, 1);
            return true;
        }
        break;
    default:
        break;
    }
    answer_nil(out);
    return true;
}

bool lua_values_answer(lua_State *L, struct answer *out)
{
    return answer_value(L, 0, out);
}
