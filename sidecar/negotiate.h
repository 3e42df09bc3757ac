/* Which form of a text a client wants, by its Accept and Accept-Encoding headers (RFC 9110, 12.5).
 * Pure. */
#ifndef HEXLAG_NEGOTIATE_H
#define HEXLAG_NEGOTIATE_H

#include <stdbool.h>

/* Whether OpenMetrics 1.0 is wanted rather than Prometheus' text format, which is also the answer to
 * anything that names neither. `accept` is the header's value, "" where there is none. */
bool negotiate_openmetrics(const char *accept);

struct negotiate_encoding {
	bool gzip;      /* wanted rather than no encoding */
	bool gzip_only; /* and no encoding is refused */
};

/* `accept_encoding` is the header's value, "" where there is none. */
struct negotiate_encoding negotiate_encoding(const char *accept_encoding);

#endif
