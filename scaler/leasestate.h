/* The text that a leader leaves in the Lease to the next one: what was found, what is to be written and
 * when. Pure. Thread: one at a time; in lease.c under its lock.
 *
 * A tenure is the time from one change of holder to the next, told by acquireTime and leaseTransitions.
 * It may last for several terms: a leader that could not renew in time, or whose Lease was deleted, and
 * then finds that nobody took its place, goes on with all that it has set itself, written or not. */
#ifndef HEXLAG_LEASESTATE_H
#define HEXLAG_LEASESTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "scaler/leasejson.h"

#define LEASE_STATE_MAX ((size_t)128 << 10)
#define LEASE_STATE_INTERVAL_MS 10000
#define LEASE_STATE_URGENT_MS 1000 /* the same for what is urgent */

/* Embedded, zeroed. */
struct leasestate {
	char *left;               /* found when the term began; NULL: none, or taken */
	char *text;               /* to be left; NULL: nothing was set in this tenure */
	uint64_t number, written; /* versions of `text`: the newest, and that in the Lease */
	bool urgent;              /* the newest must not be lost */
	bool has_written_ms;
	int64_t written_ms; /* when it was last written in this tenure */
	int32_t transitions;
	int64_t acquired_us; /* of the tenure */
};

void leasestate_release(struct leasestate *s);

/* A term begins with this Lease, which holds us. */
void leasestate_begin(struct leasestate *s, const struct lease_record *seen);

/* ERR_CONFIG where `text` is no UTF-8 of at most LEASE_STATE_MAX bytes. */
int leasestate_check(const char *text, struct err *err) MUSTCHECK;
void leasestate_set(struct leasestate *s, const char *text, bool urgent);

/* What is to be written over `seen`, which holds us, or NULL; borrowed until the next change. It is due
 * when it has changed, LEASE_STATE_INTERVAL_MS after the last time, LEASE_STATE_URGENT_MS where it is
 * urgent or, with `last`, at once. */
const char *leasestate_due(
	const struct leasestate *s, const struct lease_record *seen, int64_t now_ms, bool last);

/* How long until what is urgent is due; INT64_MAX: nothing that is urgent waits. */
int64_t leasestate_wait_ms(
	const struct leasestate *s, const struct lease_record *seen, int64_t now_ms);

/* The version `number`, that of when it was due, is in the Lease. */
void leasestate_wrote(struct leasestate *s, uint64_t number, int64_t now_ms);

/* The Lease was deleted, and what was written with it: all that was set is due at once in one that goes on. */
void leasestate_gone(struct leasestate *s);

#endif
