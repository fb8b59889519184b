/* Counts the connections of each client address. */
#include "gateway/addresses.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "common/err.h"
#include "common/map.h"
#include "common/mem.h"

/* The map's values are the counters themselves, allocated with the first connection of an address and freed
 * with its last, so memory follows the number of addresses that are connected now. */

struct addresses {
    struct map *counters; /* key_of(address) -> size_t */
};

struct addresses *addresses_new(void)
{
    struct addresses *a = mem_alloc(sizeof *a);
    a->counters = map_new();
    return a;
}

static void free_counter(void *arg, struct str key, void *value)
{
    (void)arg, (void)key;
    mem_free(value);
}

void addresses_free(struct addresses *a)
{
    if (a == NULL)
        return;
    map_each(a->counters, free_counter, NULL);
    map_free(a->counters);
    mem_free(a);
}

/* The text itself, or an IPv6 address with its last 64 bits cleared. */
static struct str key_of(char buffer[ADDRESSES_TEXT_SIZE], const char *text)
{
    struct in6_addr v6;
    if (inet_pton(AF_INET6, text, &v6) != 1)
        return str_of(text);
    memset(v6.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &v6, buffer, ADDRESSES_TEXT_SIZE);
    return str_of(buffer);
}

size_t addresses_count(const struct addresses *a, const char *text)
{
    char buffer[ADDRESSES_TEXT_SIZE];
    const size_t *counter = map_find(a->counters, key_of(buffer, text));
    return counter ? *counter : 0;
}

void addresses_add(struct addresses *a, const char *text)
{
    char buffer[ADDRESSES_TEXT_SIZE];
    struct str key = key_of(buffer, text);
    size_t *counter = map_find(a->counters, key);
    if (counter == NULL) {
        counter = mem_alloc(sizeof *counter);
        map_put(a->counters, key, counter);
    }
    ++*counter;
}

void addresses_remove(struct addresses *a, const char *text)
{
    char buffer[ADDRESSES_TEXT_SIZE];
    struct str key = key_of(buffer, text);
    size_t *counter = map_find(a->counters, key);
    CHECK(counter != NULL && *counter > 0);
    if (--*counter == 0)
        mem_free(map_remove(a->counters, key));
}

/* As inet_ntop has it, which formats with printf. */
static void v4_text(char out[ADDRESSES_TEXT_SIZE], const unsigned char raw[4])
{
    char *to = out;
    for (int i = 0; i < 4; i++) {
        to += str_from_int(to, raw[i]);
        *to++ = i < 3 ? '.' : '\0';
    }
}

void addresses_text(char out[ADDRESSES_TEXT_SIZE], const struct sockaddr *address)
{
    const void *raw = NULL;
    int family = address->sa_family;
    if (family == AF_INET)
        raw = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    else if (family == AF_INET6)
        raw = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    if (raw != NULL && family == AF_INET6 && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)raw)) {
        raw = (const char *)raw + 12;
        family = AF_INET;
    }
    if (raw != NULL && family == AF_INET)
        v4_text(out, raw);
    else if (raw == NULL || inet_ntop(family, raw, out, ADDRESSES_TEXT_SIZE) == NULL)
        memcpy(out, "?", 2);
}
