#include "scaler/election.h"

#include <inttypes.h>
#include <string.h>

#include "common/utf8.h"

/* In tenths: client-go's JitterFactor. */
#define JITTER_TENTHS 12
/* Candidates that wait for the same end differ by this part of a period. */
#define EXPIRY_JITTER 10
#define IDENTITY_MAX 253
#define LEASE_MAX_MS INT64_C(86400000)
/* From reading the clock to the answer a write takes no longer, as a rule. */
#define WRITE_MS 1000

static bool printable(const char *text)
{
	while (*text) {
		uint32_t code;
		size_t n = utf8_read(text, &code);

		if (!n || code < ' ' || code == 0x7f)
			return false;
		text += n;
	}
	return true;
}

int election_check(const struct election_options *o, struct err *err)
{
	size_t len = strlen(o->identity);

	if (len < 1 || len > IDENTITY_MAX || !printable(o->identity))
		return err_set(err, ERR_CONFIG,
			"identity '%.80s' is not printable UTF-8 of 1 to %d bytes", o->identity,
			IDENTITY_MAX);
	if (o->lease_ms < 1000 || o->lease_ms > LEASE_MAX_MS || o->lease_ms % 1000)
		return err_set(err, ERR_CONFIG,
			"lease_duration %" PRId64 "ms is not whole seconds from 1s to 24h",
			o->lease_ms);
	if (o->renew_ms >= o->lease_ms)
		return err_set(err, ERR_CONFIG,
			"renew_deadline %" PRId64 "ms is not less than lease_duration %" PRId64
			"ms",
			o->renew_ms, o->lease_ms);
	if (o->retry_ms < 1 || o->retry_ms >= o->renew_ms ||
		o->retry_ms * JITTER_TENTHS >= o->renew_ms * 10)
		return err_set(err, ERR_CONFIG,
			"retry_period %" PRId64 "ms, times 1.2, is not less than renew_deadline "
			"%" PRId64 "ms",
			o->retry_ms, o->renew_ms);
	return 0;
}

void election_init(struct election *e, const struct election_options *options)
{
	*e = (struct election){.options = *options};
}

void election_release(struct election *e)
{
	lease_record_release(&e->seen);
}

static void take_record(struct election *e, struct lease_record *record)
{
	lease_record_release(&e->seen);
	e->seen = *record;
	*record = (struct lease_record){0};
	e->has_seen = true;
	e->stale = false;
}

static enum election_event lose(struct election *e)
{
	if (!e->leading)
		return ELECTION_SAME;
	e->leading = false;
	return ELECTION_LOST;
}

bool election_goes_on(const struct election *e)
{
	return e->seen.holder && strcmp(e->seen.holder, e->options.identity) == 0;
}

bool election_is_holder(const struct election *e)
{
	return e->has_seen && election_goes_on(e);
}

enum election_event election_see(struct election *e, struct lease_record *record, int64_t now_ms)
{
	if (!e->has_seen || !lease_record_same(&e->seen, record)) {
		e->has_before = e->has_seen;
		e->before_ms = e->looked_ms;
		e->seen_ms = now_ms;
	}
	e->looked_ms = now_ms;
	take_record(e, record);
	return election_is_holder(e) ? ELECTION_SAME : lose(e);
}

enum election_event election_see_none(struct election *e, int64_t now_ms)
{
	if (!election_goes_on(e) || now_ms - e->sent_ms >= e->options.lease_ms)
		lease_record_release(&e->seen);
	e->has_seen = false;
	return lose(e);
}

bool election_knows_version(const struct election *e, int64_t now_ms)
{
	return e->leading && !e->stale && election_is_holder(e) &&
	       now_ms - e->sent_ms < e->options.lease_ms;
}

bool election_may_write(const struct election *e, int64_t now_ms)
{
	return e->has_seen && (!*e->seen.holder || election_is_holder(e) ||
				      now_ms - e->seen_ms >= (int64_t)e->seen.duration_s * 1000);
}

void election_claim(const struct election *e, int64_t wall_us, struct lease_write *ret)
{
	bool own = election_goes_on(e);

	*ret = (struct lease_write){
		.holder = e->options.identity,
		.duration_s = (int32_t)(e->options.lease_ms / 1000),
		.acquired_us = own && e->seen.has_acquired ? e->seen.acquired_us : wall_us,
		.renewed_us = wall_us,
		.transitions = e->seen.transitions,
	};
	if (e->has_seen && !own && ret->transitions < INT32_MAX)
		ret->transitions++;
}

void election_disclaim(const struct election *e, int64_t wall_us, struct lease_write *ret)
{
	*ret = (struct lease_write){
		.holder = "",
		.duration_s = 1,
		.transitions = e->seen.transitions,
		.acquired_us = wall_us,
		.renewed_us = wall_us,
	};
}

enum election_event election_wrote(
	struct election *e, struct lease_record *record, int64_t sent_ms, int64_t now_ms)
{
	/* A renewal that comes after the deadline begins another term: who asked meanwhile was told no. */
	bool led = e->leading && now_ms - e->sent_ms < e->options.renew_ms;

	take_record(e, record);
	e->has_before = true;
	e->before_ms = sent_ms;
	e->seen_ms = e->looked_ms = now_ms;
	e->sent_ms = sent_ms;
	if (!election_is_holder(e))
		return lose(e); /* an admission webhook may have changed it */
	if (now_ms - sent_ms >= e->options.renew_ms)
		return lose(e);
	e->leading = true;
	if (led)
		return ELECTION_SAME;
	e->term++;
	return ELECTION_GAINED;
}

int64_t election_holder_wall_ms(const struct election *e, int64_t now_ms, int64_t wall_ms)
{
	int64_t least = e->seen.renewed_us / 1000 + now_ms - e->seen_ms;
	int64_t most = least + e->seen_ms - e->before_ms + WRITE_MS;

	if (!e->seen.has_renewed)
		return wall_ms;
	return wall_ms < least || (e->has_before && wall_ms > most) ? least : wall_ms;
}

void election_write_failed(struct election *e)
{
	e->stale = true;
}

enum election_event election_tick(struct election *e, int64_t now_ms)
{
	return now_ms - e->sent_ms >= e->options.renew_ms ? lose(e) : ELECTION_SAME;
}

void election_resign(struct election *e)
{
	e->leading = false;
}

uint64_t election_term(const struct election *e, int64_t now_ms, int64_t margin_ms)
{
	int64_t age_ms = now_ms - e->sent_ms;

	if (!e->leading || age_ms >= e->options.renew_ms ||
		margin_ms > e->options.lease_ms - age_ms)
		return 0;
	return e->term;
}

int64_t election_wait_ms(
	const struct election *e, int64_t now_ms, uint32_t random, int retry_after_s)
{
	int64_t period = e->options.retry_ms, asked = (int64_t)retry_after_s * 1000;
	int64_t rest = e->sent_ms + e->options.renew_ms - now_ms, expiry;

	if (e->leading) {
		if (asked > rest / 2)
			asked = rest / 2;
		return asked > period ? asked : period;
	}
	expiry = e->seen_ms + (int64_t)e->seen.duration_s * 1000 - now_ms;
	period += (int64_t)((double)period * JITTER_TENTHS / 10 * random / UINT32_MAX);
	/* So that what the period adds to the lease of a dead leader is its part before the last renewal was
	 * seen, and not another one after the end. */
	if (e->has_seen && expiry > 0 && expiry < period)
		period = expiry + random % (e->options.retry_ms / EXPIRY_JITTER + 1);
	return asked > period ? asked : period;
}
