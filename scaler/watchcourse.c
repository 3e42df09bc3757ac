#include "scaler/watchcourse.h"

#include <stdio.h>
#include <string.h>

#include "common/backoff.h"

/* A watch that ends sooner without an event would only be opened again and again. */
#define TOO_SHORT_MS 1000

void watchcourse_init(struct watchcourse *c)
{
	*c = (struct watchcourse){.version = "0"};
}

void watchcourse_version(struct watchcourse *c, const char *version)
{
	if (*version && strlen(version) < sizeof(c->version))
		(void)snprintf(c->version, sizeof(c->version), "%s", version);
}

static int64_t back_off(struct watchcourse *c, int retry_after_s, int64_t now_ms, double random)
{
	if (now_ms - c->failed_ms >= WATCHCOURSE_BACKOFF_RESET_MS)
		c->delay_ms = 0;
	c->delay_ms =
		backoff_next(c->delay_ms, WATCHCOURSE_BACKOFF_MIN_MS, WATCHCOURSE_BACKOFF_MAX_MS);
	c->failed_ms = now_ms;
	return backoff_obey(c->delay_ms + (int64_t)((double)c->delay_ms * random), retry_after_s);
}

/* The next request is a list; after a failed one it takes the newest version, since the server may
 * not have, or no longer have, the one that was asked for. */
static void list_again(struct watchcourse *c, bool newest)
{
	if (!c->listed || newest)
		c->version[0] = '\0';
	c->listed = false;
}

static void note_absence(struct watchcourse *c, bool absent, int64_t now_ms)
{
	if (absent && !c->has_absent)
		c->absent_ms = now_ms;
	c->has_absent = absent;
}

int64_t watchcourse_next(
	struct watchcourse *c, const struct watchcourse_result *r, int64_t now_ms, double random)
{
	bool was_expired = c->expired;

	note_absence(c, r->end == WATCHCOURSE_ABSENT, now_ms);
	c->expired = r->end == WATCHCOURSE_EXPIRED;
	switch (r->end) {
	case WATCHCOURSE_OK:
		if (c->listed && r->lasted_ms < TOO_SHORT_MS && !r->heard)
			break;
		/* A list says nothing about the watch, so its success forgets no expiry. */
		c->expired = was_expired && !c->listed;
		c->listed = c->has_list = true;
		return 0;
	case WATCHCOURSE_EXPIRED:
		list_again(c, true);
		if (!was_expired)
			return 0;
		break;
	case WATCHCOURSE_ABSENT:
	case WATCHCOURSE_ERROR:
		list_again(c, r->end == WATCHCOURSE_ABSENT);
		break;
	case WATCHCOURSE_FAILED:
		if (!c->listed)
			list_again(c, true);
		break;
	}
	return back_off(c, r->retry_after_s, now_ms, random);
}

bool watchcourse_is_absent(const struct watchcourse *c, int64_t now_ms)
{
	return c->has_absent && now_ms - c->absent_ms >= WATCHCOURSE_ABSENT_MS;
}
