/* Who leads, by a Lease: the rules of client-go's leaderelection (k8s.io/client-go v0.34,
 * tools/leaderelection/leaderelection.go) without clock and requests, so that its candidates and ours
 * can share one Lease. Pure. Thread: one at a time.
 *
 * Times of different machines are never compared: a candidate measures by its own clock how long the
 * record has stayed the same; election_holder_wall_ms() goes by the same. `now_ms` is clock_boot_ms(),
 * which goes on while the machine sleeps.
 *
 * Stricter than client-go: a leader that reads another holder, or no Lease, ceases to lead at once, and
 * its time counts from before its write was sent. */
#ifndef HEXLAG_ELECTION_H
#define HEXLAG_ELECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "scaler/leasejson.h"

struct election_options {
	const char *identity; /* differs from that of every other candidate; borrowed */
	int64_t lease_ms;     /* others may take over so long after the last renewal they saw */
	int64_t renew_ms;     /* a leader without a renewal for so long ceases to lead */
	int64_t retry_ms;     /* between two tries */
};

/* ERR_CONFIG unless lease_ms > renew_ms > 1.2 * retry_ms > 0, lease_ms is whole seconds of at most
 * 24 h, and the identity is printable UTF-8 of 1 to 253 bytes. */
int election_check(const struct election_options *o, struct err *err) MUSTCHECK;

struct election {
	struct election_options options;
	/* The Lease as last read or written. Without has_seen there is none: empty, or that of ours which was
	 * deleted before it ran out. */
	struct lease_record seen;
	bool has_seen;
	bool stale;      /* a write failed since: its version may not be that of the server */
	int64_t seen_ms; /* when it last changed */
	bool has_before; /* it was not the first that was seen, but the one before was still there at: */
	int64_t before_ms;
	int64_t looked_ms; /* when it was last read or written */
	bool leading;      /* until election_tick() says otherwise */
	uint64_t term;     /* how often this process has begun to lead */
	int64_t sent_ms;   /* when the last successful write was about to be sent */
};

enum election_event { ELECTION_SAME, ELECTION_GAINED, ELECTION_LOST };

void election_init(struct election *e, const struct election_options *options);
void election_release(struct election *e);

/* The Lease has been read; takes the contents of `record`. */
enum election_event election_see(struct election *e, struct lease_record *record, int64_t now_ms);

/* There is no Lease. Where it was ours and had not run out nobody else can have led before we make it anew,
 * as whoever makes it first keeps the others from it. */
enum election_event election_see_none(struct election *e, int64_t now_ms);

/* Whether the version that we know of may be written over without reading it: a leader's renewal. */
bool election_knows_version(const struct election *e, int64_t now_ms);

/* Whether the Lease that was seen is ours to write: held by us or nobody, or run out. */
bool election_may_write(const struct election *e, int64_t now_ms);

/* Whether a claim goes on with what we hold, or held until it was deleted: the Lease keeps its acquireTime
 * and leaseTransitions. */
bool election_goes_on(const struct election *e);

/* What to write to lead on, at `wall_us` since 1970. Strings borrowed. */
void election_claim(const struct election *e, int64_t wall_us, struct lease_write *ret);

/* What to write to give the Lease back: no holder, for one second. */
void election_disclaim(const struct election *e, int64_t wall_us, struct lease_write *ret);

/* The server took the claim, which was sent at or after `sent_ms`; takes the contents of `record`, its
 * answer. When the answer was too late it gains nothing. */
enum election_event election_wrote(
	struct election *e, struct lease_record *record, int64_t sent_ms, int64_t now_ms);

/* What the wall clock of whoever wrote the Lease last shows, where `wall_ms` is what ours does. That is the
 * same, if it can be: the other showed renewTime some time before the change was seen, which was not seen
 * at the look before. Else what it shows at least. */
int64_t election_holder_wall_ms(const struct election *e, int64_t now_ms, int64_t wall_ms);

/* A write failed, and may have been applied all the same: its version is not known any more. */
void election_write_failed(struct election *e);

/* To be called often: a leader whose time is over ceases to lead. */
enum election_event election_tick(struct election *e, int64_t now_ms);

/* Ceases to lead of its own accord, before the Lease is given back. */
void election_resign(struct election *e);

/* The number of the present term, 0 unless this process leads, the last renewal is younger than
 * renew_ms, and the Lease lasts for margin_ms more. */
uint64_t election_term(const struct election *e, int64_t now_ms, int64_t margin_ms);

/* How long to wait after a try: a leader for retry_ms, others for up to 1.2 times that longer, by
 * `random`, but not past the end of the Lease that they have seen. `retry_after_s` is what the server has
 * asked for; a leader obeys as far as it can without letting its time run out. */
int64_t election_wait_ms(
	const struct election *e, int64_t now_ms, uint32_t random, int retry_after_s);

/* Whether the Lease as last seen names us. */
bool election_is_holder(const struct election *e);

#endif
