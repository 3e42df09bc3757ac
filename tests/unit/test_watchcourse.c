#include "scaler/watchcourse.h"

#include "common/attr.h"
#include "tests/tap.h"

#define OK WATCHCOURSE_OK
#define EXPIRED WATCHCOURSE_EXPIRED
#define ABSENT WATCHCOURSE_ABSENT
#define ERROR WATCHCOURSE_ERROR
#define FAILED WATCHCOURSE_FAILED

/* One request after another: how each ended, and what is asked next and when. */
static const struct step {
	const char *name;
	enum watchcourse_end end;
	int64_t lasted_ms;
	bool heard;
	int retry_after_s;
	const char *told; /* version that came, or NULL */
	int64_t pause_ms; /* since the request before */
	bool want_watch;
	const char *want_version;
	int64_t want_delay;
	bool begin; /* anew */
} steps[] = {
	{"a whole list is watched from its version", OK, 20, .told = "5", .want_watch = true,
		.want_version = "5", .begin = true},
	{"a watch that ends is opened again from the last version", OK, 300000, true, .told = "8",
		.want_watch = true, .want_version = "8"},
	{"without an event, too", OK, 300000, .want_watch = true, .want_version = "8"},
	{"one that ends at once and says nothing is an error", OK, 900, .want_watch = true,
		.want_version = "8", .want_delay = 800},
	{"the next time the wait is twice as long", OK, 900, .want_watch = true,
		.want_version = "8", .want_delay = 1600},
	{"and no connection is just the same", FAILED, 0, .want_watch = true, .want_version = "8",
		.want_delay = 3200},
	{"up", FAILED, 0, .want_watch = true, .want_version = "8", .want_delay = 6400},
	{"up", FAILED, 0, .want_watch = true, .want_version = "8", .want_delay = 12800},
	{"up", FAILED, 0, .want_watch = true, .want_version = "8", .want_delay = 25600},
	{"to half a minute", FAILED, 0, .want_watch = true, .want_version = "8",
		.want_delay = 30000},
	{"and not more", FAILED, 0, .want_watch = true, .want_version = "8", .want_delay = 30000},
	{"what the server asks for is kept", FAILED, 0, .retry_after_s = 45, .want_watch = true,
		.want_version = "8", .want_delay = 45000},
	{"after two minutes without a failure the waits begin anew", FAILED, .pause_ms = 120000,
		.want_watch = true, .want_version = "8", .want_delay = 800},
	{"a shorter wait of the server changes nothing", FAILED, 0, .retry_after_s = 1,
		.want_watch = true, .want_version = "8", .want_delay = 1600},
	{"one that ends at once but says something is none", OK, 900, true, .told = "9",
		.want_watch = true, .want_version = "9"},

	{"the first list takes any version", FAILED, 0, .want_version = "", .want_delay = 800,
		.begin = true},
	{"after a failure it takes the newest", OK, 20, .told = "7", .want_watch = true,
		.want_version = "7"},
	{"an expiry lists at once, the newest", EXPIRED, 1000, .want_version = ""},
	{"which is watched again", OK, 20, .told = "70", .want_watch = true, .want_version = "70"},
	{"that expires again: after a pause", EXPIRED, 5, .want_version = "", .want_delay = 1600},
	{"a list may expire", EXPIRED, 5, .want_version = "", .want_delay = 3200},
	{"and succeed", OK, 20, .told = "90", .want_watch = true, .want_version = "90"},
	{"a watch that lasts ends the story", OK, 300000, .want_watch = true, .want_version = "90"},
	{"so that the next expiry is listed at once", EXPIRED, 300000, .want_version = ""},

	{"a list is watched", OK, 20, .told = "5", .want_watch = true, .want_version = "5",
		.begin = true},
	{"an error within the watch lists from the last version", ERROR, 5000, true, .told = "6",
		.want_version = "6", .want_delay = 800},
	{"which the server may not have: the newest then", FAILED, 0, .want_version = "",
		.want_delay = 1600},
	{"a type that has gone is listed", ABSENT, 0, .want_version = "", .want_delay = 3200},
};

static void check_steps(void)
{
	struct watchcourse c;
	int64_t now = 1000000;

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		const struct step *s = &steps[i];
		struct watchcourse_result r = {s->end, s->lasted_ms, s->heard, s->retry_after_s};

		if (s->begin) {
			watchcourse_init(&c);
			TAP_STR("any version at first", c.version, "0");
			TAP_TRUE("to list", !c.listed);
		}
		now += s->pause_ms;
		if (s->told)
			watchcourse_version(&c, s->told);
		TAP_INT(s->name, watchcourse_next(&c, &r, now, 0), s->want_delay);
		TAP_INT("list or watch", c.listed, s->want_watch);
		TAP_STR("from", c.version, s->want_version);
	}
}

static void check_rest(void)
{
	const struct watchcourse_result failed = {.end = FAILED}, absent = {.end = ABSENT};
	char too_long[100];
	struct watchcourse c;

	watchcourse_init(&c);
	TAP_INT("jitter is up to the wait itself", watchcourse_next(&c, &failed, 0, 0.5), 1200);
	watchcourse_version(&c, "12");
	watchcourse_version(&c, "");
	TAP_STR("no version changes nothing", c.version, "12");
	memset(too_long, '1', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	watchcourse_version(&c, too_long);
	TAP_STR("nor does an absurd one", c.version, "12");
	(void)watchcourse_next(&c, &absent, 5000, 0);
	TAP_TRUE("absent is not believed at once", !watchcourse_is_absent(&c, 5000));
	(void)watchcourse_next(&c, &absent, 60000, 0);
	TAP_TRUE("nor soon", !watchcourse_is_absent(&c, 64999));
	TAP_TRUE("but after a minute", watchcourse_is_absent(&c, 65000));
	(void)watchcourse_next(&c, &failed, 66000, 0);
	TAP_TRUE("no answer is no absence", !watchcourse_is_absent(&c, 200000));
}

int main(void)
{
	check_steps();
	check_rest();
	return tap_done();
}
