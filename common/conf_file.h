/* The format of config files, read and written: lines KEY=VALUE; blank lines and # comments; blanks around
 * key and value do not count; a value with blanks at its ends or a " #" inside stands in "..." or '...' (no
 * escapes). */
#ifndef COMMON_CONF_FILE_H
#define COMMON_CONF_FILE_H

#include "common/buf.h"

/* One line with a key; both borrowed until return. false: stop reading (the callee has said why). */
typedef bool (*conf_file_cb)(void *arg, struct str key, struct str value, unsigned line);

/* Calls fn for every line of the file. false: fn has stopped; or err, "line 3: ..." or the system's reason,
 * says why it cannot be read (at most 1 MiB). err is "" when fn has stopped. */
bool conf_file_read(const char *path, conf_file_cb fn, void *arg, char *err, size_t err_size);
/* Appends `KEY=VALUE # comment` such that it is read back the same, unless value holds both kinds of quotes.
 */
void conf_file_add(struct buf *out, const char *key, struct str value, struct str comment);

#endif
