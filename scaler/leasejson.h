/* A Lease of coordination.k8s.io/v1: text to struct and back. Pure. Thread: any.
 * A document is bounded by what http.h lets through; nesting by jansson (2,048 levels). */
#ifndef HEXLAG_LEASEJSON_H
#define HEXLAG_LEASEJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"

/* The annotation in which a leader leaves text for its successor. */
#define LEASE_STATE_ANNOTATION "autoscaling.hexfuture.net/state"

/* A Lease as it was read. Empty: zeroed. */
struct lease_record {
	char *holder;        /* holderIdentity; "": nobody */
	int32_t duration_s;  /* leaseDurationSeconds; absent is 0, as client-go reads it */
	int32_t transitions; /* leaseTransitions; absent is 0 */
	/* By the clock of whoever wrote them, in microseconds since 1970; worth nothing but to be told
	 * apart. */
	bool has_acquired, has_renewed;
	int64_t acquired_us, renewed_us;
	char resource_version[64];
	char *state;    /* LEASE_STATE_ANNOTATION; NULL: none */
	char *document; /* all of it, for what is not known here */
};

void lease_record_release(struct lease_record *r); /* empties it. For CLEANUP, too */

/* Whether both say the same of who holds the Lease since when; the rest of the documents may differ. */
bool lease_record_same(const struct lease_record *a, const struct lease_record *b);

/* ERR_RETRY where the text is not a Lease: no resourceVersion, a negative number or one beyond int32, a
 * time that is not RFC 3339. `ret`, zeroed by the caller, is set only on success. */
int leasejson_parse(const char *text, size_t len, struct lease_record *ret, struct err *err)
	MUSTCHECK;

/* What is to stand in a Lease. */
struct lease_write {
	const char *holder;
	int32_t duration_s, transitions;
	int64_t acquired_us, renewed_us;
	const char *state; /* UTF-8; NULL: as it is */
};

/* The body of a PUT that makes `seen` say this, or, where `seen` is NULL, of a POST of a new Lease; the
 * caller frees it. Everything else in `seen`, labels, annotations and fields that are not known here
 * among it, stays, and its resourceVersion and uid are preconditions. Strings that are not UTF-8 make
 * "{}", which the server refuses. */
char *leasejson_body(const char *namespace, const char *name, const struct lease_record *seen,
	const struct lease_write *w);

/* "2026-11-21T10:15:40.123456Z": RFC 3339 with any fraction and offset. False: it is not one, or it is
 * before the year 1 or after 9999. */
bool leasejson_parse_time(const char *text, int64_t *ret_us);

/* The same with exactly six digits and Z, as MicroTime of the API needs them. */
#define LEASEJSON_TIME_MAX 32
void leasejson_print_time(int64_t us, char to[LEASEJSON_TIME_MAX]);

#endif
