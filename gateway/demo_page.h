/* The demo page as one HTML document, script and style inline: built from deploy/demo and proto/sdk/js by
 * deploy/demo/build.cmake. Served at `/` when DEMO=1, as text/html in UTF-8. */
#ifndef GATEWAY_DEMO_PAGE_H
#define GATEWAY_DEMO_PAGE_H

#include <stddef.h>

extern const char demo_page[];       /* a zero byte follows the last one */
extern const size_t demo_page_bytes; /* without that zero byte */

#endif
