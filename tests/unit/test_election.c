#include "scaler/election.h"

#include <stdlib.h>

#include "common/mem.h"
#include "tests/tap.h"

#define SECOND_US INT64_C(1000000)

static const struct election_options usual = {"me", 15000, 10000, 2000};

static const struct {
	const char *name;
	struct election_options options;
	const char *message; /* NULL: fine */
} options[] = {
	{"the default times", {"me", 15000, 10000, 2000}, NULL},
	{"short ones", {"me", 1000, 500, 100}, NULL},
	{"UTF-8 in the identity", {"m\xc3\xa9", 15000, 10000, 2000}, NULL},
	{"no identity", {"", 15000, 10000, 2000}, "identity ''"},
	{"an identity with a newline", {"a\nb", 15000, 10000, 2000}, "not printable"},
	{"one that is not UTF-8", {"a\xff", 15000, 10000, 2000}, "not printable"},
	{"a deadline as long as the lease", {"me", 15000, 15000, 2000},
		"renew_deadline 15000ms is not less than lease_duration 15000ms"},
	{"a deadline of 1.2 periods", {"me", 15000, 2400, 2000}, "retry_period 2000ms"},
	{"a deadline of a little more", {"me", 15000, 2401, 2000}, NULL},
	{"no period", {"me", 15000, 10000, 0}, "retry_period 0ms"},
	{"a negative period", {"me", 15000, 10000, -1}, "retry_period -1ms"},
	{"half a second", {"me", 500, 300, 100}, "lease_duration 500ms"},
	{"a second and a half, which a Lease cannot say", {"me", 1500, 1000, 100},
		"lease_duration 1500ms"},
	{"more than a day", {"me", 86401000, 10000, 2000}, "lease_duration 86401000ms"},
	{"the largest numbers", {"me", INT64_MAX, INT64_MAX, INT64_MAX}, "lease_duration"},
	{"the largest period", {"me", 15000, 10000, INT64_MAX}, "retry_period"},
};

static void check_options(void)
{
	char text[255];

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		struct err err = {0};
		int rc = election_check(&options[i].options, &err);

		TAP_INT(options[i].name, rc, options[i].message ? -1 : 0);
		if (options[i].message)
			TAP_HAS("why", err.msg, options[i].message);
	}
	memset(text, 'x', 254);
	text[254] = '\0';
	TAP_INT("an identity of 254 bytes",
		election_check(&(struct election_options){text, 15000, 10000, 2000}, NULL), -1);
	text[253] = '\0';
	TAP_INT("one of 253",
		election_check(&(struct election_options){text, 15000, 10000, 2000}, NULL), 0);
}

/* A record that `holder` renewed for the `renewal`th time. */
static struct lease_record held(const char *holder, int32_t duration_s, int renewal)
{
	return (struct lease_record){
		.holder = mem_strdup(holder),
		.duration_s = duration_s,
		.transitions = 3,
		.has_acquired = true,
		.has_renewed = true,
		.acquired_us = 5 * SECOND_US,
		.renewed_us = (10 + renewal) * SECOND_US,
		.resource_version = "42",
		.document = mem_strdup("{}"),
	};
}

static enum election_event see(struct election *e, const char *holder, int renewal, int64_t now_ms)
{
	struct lease_record r = held(holder, 15, renewal);

	return election_see(e, &r, now_ms);
}

static enum election_event wrote(struct election *e, int64_t sent_ms, int64_t now_ms)
{
	struct lease_record r = held("me", 15, (int)sent_ms);

	return election_wrote(e, &r, sent_ms, now_ms);
}

static void check_following(void)
{
	struct election e;
	struct lease_record r;

	election_init(&e, &usual);
	TAP_TRUE("before anything was read nothing may be written", !election_may_write(&e, 0));
	TAP_INT("seeing a holder changes nothing", see(&e, "other", 0, 1000), ELECTION_SAME);
	TAP_TRUE("its Lease is left alone", !election_may_write(&e, 1000));
	(void)see(&e, "other", 0, 15000);
	TAP_TRUE("and still to its last moment", !election_may_write(&e, 15999));
	TAP_TRUE("an unchanged record runs out", election_may_write(&e, 16000));
	(void)see(&e, "other", 1, 16000);
	TAP_TRUE("a renewal in time prolongs it", !election_may_write(&e, 30999));
	TAP_TRUE("by its duration", election_may_write(&e, 31000));
	r = held("other", 60, 2);
	(void)election_see(&e, &r, 31000);
	TAP_TRUE("which is the record's own", !election_may_write(&e, 90999));
	TAP_TRUE("not ours", election_may_write(&e, 91000));
	r = held("other", INT32_MAX, 3);
	(void)election_see(&e, &r, 91000);
	TAP_TRUE("a very long one does not overflow",
		!election_may_write(&e, 91000 + INT64_C(2147483646999)));
	r = held("other", 0, 4);
	(void)election_see(&e, &r, 100000);
	TAP_TRUE("a record without a duration has run out", election_may_write(&e, 100000));
	(void)see(&e, "", 5, 100000);
	TAP_TRUE("a Lease that was given back may be taken", election_may_write(&e, 100000));
	(void)see(&e, "me", 6, 100000);
	TAP_TRUE("one that names us, too", election_may_write(&e, 100000));
	TAP_INT("who only may write does not lead", (int64_t)election_term(&e, 100000, 0), 0);
	TAP_TRUE("and reads first", !election_knows_version(&e, 100000));
	election_release(&e);
}

static void check_leading(void)
{
	struct election e;

	election_init(&e, &usual);
	(void)see(&e, "", 0, 1000);
	TAP_INT("a claim that the server took is a gain", wrote(&e, 1000, 1500), ELECTION_GAINED);
	TAP_INT("the first term", (int64_t)election_term(&e, 1500, 0), 1);
	TAP_INT("a renewal is none", wrote(&e, 3000, 3100), ELECTION_SAME);
	TAP_INT("it is the same term", (int64_t)election_term(&e, 3100, 0), 1);
	TAP_TRUE("renewals need no reading", election_knows_version(&e, 5000));
	TAP_INT("the term lasts to the deadline", (int64_t)election_term(&e, 12999, 0), 1);
	TAP_INT("counted from before the request", (int64_t)election_term(&e, 13000, 0), 0);
	TAP_INT("a margin that the Lease outlasts", (int64_t)election_term(&e, 8000, 10000), 1);
	TAP_INT("one that it does not", (int64_t)election_term(&e, 8001, 10000), 0);
	TAP_INT("a margin as long as the lease", (int64_t)election_term(&e, 3100, 15000), 0);
	TAP_INT("the largest margin", (int64_t)election_term(&e, 3100, INT64_MAX), 0);
	TAP_INT("a moment before the deadline", election_tick(&e, 12999), ELECTION_SAME);
	TAP_INT("at the deadline it is lost", election_tick(&e, 13000), ELECTION_LOST);
	TAP_INT("once", election_tick(&e, 13001), ELECTION_SAME);
	TAP_TRUE("whoever lost it reads first", !election_knows_version(&e, 13001));
	(void)see(&e, "me", 3000, 14000);
	TAP_INT("with nobody else there it leads again", wrote(&e, 14000, 14001), ELECTION_GAINED);
	TAP_INT("in another term", (int64_t)election_term(&e, 14001, 0), 2);
	election_release(&e);
}

static void check_losing(void)
{
	struct election e;

	election_init(&e, &usual);
	(void)see(&e, "", 0, 1000);
	(void)wrote(&e, 1000, 1001);
	TAP_INT("another holder ends the term at once", see(&e, "other", 1, 3000), ELECTION_LOST);
	TAP_INT("with all its time left", (int64_t)election_term(&e, 3000, 0), 0);
	TAP_TRUE("its Lease is left alone", !election_may_write(&e, 3000));
	election_release(&e);

	election_init(&e, &usual);
	(void)see(&e, "", 0, 1000);
	(void)wrote(&e, 1000, 1001);
	TAP_INT("a Lease that is gone ends the term", election_see_none(&e, 3000), ELECTION_LOST);
	TAP_TRUE("nothing is known of it", !election_may_write(&e, 99999));
	TAP_INT("a new one begins another", wrote(&e, 3000, 3001), ELECTION_GAINED);
	election_release(&e);

	election_init(&e, &usual);
	(void)see(&e, "", 0, 1000);
	TAP_INT("an answer after the deadline gains nothing", wrote(&e, 1000, 11000),
		ELECTION_SAME);
	TAP_INT("no term", (int64_t)election_term(&e, 11000, 0), 0);
	(void)wrote(&e, 11000, 11001);
	TAP_INT("a renewal that comes after the deadline", wrote(&e, 20500, 21000),
		ELECTION_GAINED);
	TAP_INT("begins another term", (int64_t)election_term(&e, 21000, 0), 2);
	TAP_INT("one that came too late ends a term that it should have prolonged",
		wrote(&e, 22000, 40000), ELECTION_LOST);
	election_release(&e);

	election_init(&e, &usual);
	(void)see(&e, "", 0, 1000);
	(void)wrote(&e, 1000, 1001);
	election_write_failed(&e);
	TAP_TRUE(
		"after a failed write the version is not known", !election_knows_version(&e, 2000));
	TAP_INT("yet the term goes on", (int64_t)election_term(&e, 2000, 0), 1);
	(void)see(&e, "me", 1000, 3000);
	TAP_TRUE("until it was read again", election_knows_version(&e, 3000));
	election_resign(&e);
	TAP_INT("who resigns leads no longer", (int64_t)election_term(&e, 3000, 0), 0);
	TAP_TRUE("but holds the Lease, to give it back", election_is_holder(&e));
	election_release(&e);
}

/* Our wall clock shows 5000 s, as the other may have done when it wrote, and does so ever after. */
static void check_clocks(void)
{
	static const struct {
		const char *name;
		int64_t looked_ms,
			now_ms; /* the look before the change; the change is seen at 20000 */
		int renewal;    /* its time is so many s after 10 s */
		int64_t wall_ms, want_ms;
	} rows[] = {
		{"a clock that can be right is", 17000, 30000, 4988, 5009000, 5009000},
		{"at least what the other showed, and the time since", 17000, 30000, 4988, 5008000,
			5008000},
		{"one that is behind is not believed", 17000, 30000, 4988, 5007999, 5008000},
		{"at most the time since the look before, and a write's", 17000, 30000, 4988,
			5012000, 5012000},
		{"nor is one that is ahead", 17000, 30000, 4988, 5012001, 5008000},
		{"not even by minutes", 19000, 20000, 4988, 5400000, 4998000},
		{"who came later knows how old it is at least", 0, 30000, 4988, 5007999, 5008000},
		{"but not at most", 0, 30000, 4988, 9000000, 9000000},
	};
	struct election e;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		election_init(&e, &usual);
		if (rows[i].looked_ms) {
			(void)see(&e, "other", 0, 9000);
			(void)see(&e, "other", 0, rows[i].looked_ms);
		}
		(void)see(&e, "other", rows[i].renewal, 20000);
		(void)see(&e, "other", rows[i].renewal, 25000);
		TAP_INT(rows[i].name, election_holder_wall_ms(&e, rows[i].now_ms, rows[i].wall_ms),
			rows[i].want_ms);
		election_release(&e);
	}
	election_init(&e, &usual);
	TAP_INT("without a Lease ours counts", election_holder_wall_ms(&e, 30000, 77), 77);
	(void)see(&e, "", 0, 20000);
	e.seen.has_renewed = false;
	TAP_INT("also without a time in it", election_holder_wall_ms(&e, 30000, 77), 77);
	(void)wrote(&e, 21, 22);
	TAP_INT("of ours the time is known", election_holder_wall_ms(&e, 1022, 34000), 32000);
	election_release(&e);
}

/* The process was stopped, or the machine slept, while it led; nothing was asked since. */
static void check_asleep(void)
{
	struct election e;

	election_init(&e, &usual);
	(void)see(&e, "", 0, 1000);
	(void)wrote(&e, 1000, 1001);
	TAP_INT("awake again after the lease it does not lead, without being told",
		(int64_t)election_term(&e, 61000, 0), 0);
	TAP_TRUE("and does not renew what may be another's", !election_knows_version(&e, 61000));
	TAP_INT("the loss is told once", election_tick(&e, 61000), ELECTION_LOST);
	TAP_INT("and seeing the new holder is no further one", see(&e, "other", 9, 61000),
		ELECTION_SAME);
	TAP_TRUE("whose Lease counts from when it was seen", !election_may_write(&e, 75999));
	election_release(&e);
}

static void check_claims(void)
{
	struct election e;
	struct lease_write w;
	struct lease_record r;

	election_init(&e, &usual);
	election_claim(&e, 99 * SECOND_US, &w);
	TAP_TRUE("a new Lease begins at 0 transitions, with both times now",
		w.transitions == 0 && w.acquired_us == 99 * SECOND_US &&
			w.renewed_us == 99 * SECOND_US);
	TAP_TRUE("for us, for the duration",
		strcmp(w.holder, "me") == 0 && w.duration_s == 15 && !w.state);
	(void)see(&e, "other", 0, 0);
	election_claim(&e, 99 * SECOND_US, &w);
	TAP_TRUE("one that was another's has a transition more",
		w.transitions == 4 && w.acquired_us == 99 * SECOND_US);
	(void)see(&e, "", 0, 0);
	election_claim(&e, 99 * SECOND_US, &w);
	TAP_INT("and so has one that was given back", w.transitions, 4);
	(void)see(&e, "me", 0, 0);
	election_claim(&e, 99 * SECOND_US, &w);
	TAP_TRUE("ours keeps its transitions and since when",
		w.transitions == 3 && w.acquired_us == 5 * SECOND_US &&
			w.renewed_us == 99 * SECOND_US);
	election_disclaim(&e, 99 * SECOND_US, &w);
	TAP_TRUE("given back it has no holder, for a second, from now on",
		!*w.holder && w.duration_s == 1 && w.transitions == 3 &&
			w.acquired_us == 99 * SECOND_US && w.renewed_us == 99 * SECOND_US);
	r = held("other", 15, 0);
	r.transitions = INT32_MAX;
	(void)election_see(&e, &r, 0);
	election_claim(&e, 99 * SECOND_US, &w);
	TAP_INT("transitions do not overflow", w.transitions, INT32_MAX);
	election_release(&e);
}

static void check_waits(void)
{
	struct election e;

	election_init(&e, &usual);
	TAP_INT("a candidate waits for a period", election_wait_ms(&e, 0, 0, 0), 2000);
	TAP_INT("or up to 1.2 more", election_wait_ms(&e, 0, UINT32_MAX, 0), 4400);
	TAP_INT("or as long as the server asks", election_wait_ms(&e, 0, 0, 30), 30000);
	(void)see(&e, "other", 0, 1000);
	TAP_INT("with a Lease that lasts for longer, too",
		election_wait_ms(&e, 11000, UINT32_MAX, 0), 4400);
	TAP_INT("but only to its end", election_wait_ms(&e, 15000, 0, 0), 1000);
	TAP_TRUE("or a little longer, unlike others",
		election_wait_ms(&e, 15000, 100, 0) > 1000 &&
			election_wait_ms(&e, 15000, UINT32_MAX, 0) <= 1200);
	TAP_INT("after it for a period again", election_wait_ms(&e, 16000, 0, 0), 2000);
	(void)wrote(&e, 1000, 1000);
	TAP_INT("a leader waits for exactly one", election_wait_ms(&e, 1000, UINT32_MAX, 0), 2000);
	TAP_INT("or as the server asks", election_wait_ms(&e, 1000, 0, 4), 4000);
	TAP_INT("as far as it can", election_wait_ms(&e, 1000, 0, 30), 5000);
	TAP_INT("and no less than a period", election_wait_ms(&e, 10500, 0, 30), 2000);
	election_release(&e);
}

int main(void)
{
	check_options();
	check_following();
	check_leading();
	check_losing();
	check_asleep();
	check_clocks();
	check_claims();
	check_waits();
	return tap_done();
}
