/* Who is turned away from a server: requests beyond the rate limit, without a password or a token that
 * is right, and those of whom that cannot be told. Internal to httpd.c. */
#ifndef HEXLAG_HTTPDACCESS_H
#define HEXLAG_HTTPDACCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sidecar/httpd.h"

enum httpdaccess_reason {
	ACCESS_CREDENTIALS, /* 401 */
	ACCESS_RATE,        /* 429 */
	ACCESS_FORBIDDEN,   /* 403, only by a gate */
	ACCESS_UNAVAILABLE, /* 503, the same */
	ACCESS_REASONS,
};

struct httpdaccess {
	int64_t rate_next_ms; /* when the burst would be whole again; the library's thread */
	atomic_uint_least64_t refused[ACCESS_REASONS];
};

/* Takes one request of the rate that `c` allows; false where it is used up. Thread: one. */
bool httpdaccess_within_rate(struct httpdaccess *a, const struct webconfig *c, int64_t now_ms);

/* What follows "Bearer " in the Authorization header (NULL: it has none); NULL where it is something else. */
const char *httpdaccess_token(const char *authorization);

/* The reply to a request that a gate has judged by 401, 403 or 503, or which lacks a password (401), or comes
 * beyond the rate (429). Counts it. Thread: any. */
struct httpd_reply httpdaccess_refusal(struct httpdaccess *a, const struct webconfig *c,
	const struct httpd_gate *gate, unsigned status);

/* Appends what has been counted; of a gate's own reasons only where there is one. Thread: any. */
void httpdaccess_metrics(
	struct httpdaccess *a, const struct httpd_gate *gate, struct exposition *x);

#endif
