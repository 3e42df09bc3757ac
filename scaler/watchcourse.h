/* What a list and watch of one resource type asks for next, and when: the rules of client-go's
 * Reflector (k8s.io/client-go, tools/cache). Pure: no clock, no requests. Thread: one at a time. */
#ifndef HEXLAG_WATCHCOURSE_H
#define HEXLAG_WATCHCOURSE_H

#include <stdbool.h>
#include <stdint.h>

#define WATCHCOURSE_BACKOFF_MIN_MS 800
#define WATCHCOURSE_BACKOFF_MAX_MS 30000
#define WATCHCOURSE_BACKOFF_RESET_MS 120000
/* A resource type that does not exist has no objects; but an API server that starts does not know
 * it at first, so only after so long. */
#define WATCHCOURSE_ABSENT_MS 60000

struct watchcourse {
	/* The newest seen; a list asks for at least this, "" for the newest there is. */
	char version[64];
	bool listed;       /* the next request is a watch from `version` */
	bool has_list;     /* a list was whole once */
	bool expired;      /* the last watch ended because its version was too old */
	int64_t delay_ms;  /* the last wait after a failure, without its jitter; 0: none */
	int64_t failed_ms; /* when that was */
	bool has_absent;
	int64_t absent_ms; /* since when there is no such resource type */
};

enum watchcourse_end {
	WATCHCOURSE_OK,      /* a whole list, or a watch that ended as it should */
	WATCHCOURSE_EXPIRED, /* 410, as a status or as an event */
	WATCHCOURSE_ABSENT,  /* 404 */
	WATCHCOURSE_ERROR,   /* the watch sent an error: what it knows may be incomplete, so list */
	WATCHCOURSE_FAILED,  /* no answer, or one that broke off: go on from where it was */
};

struct watchcourse_result {
	enum watchcourse_end end;
	int64_t lasted_ms;
	bool heard;        /* any event that could be read, bookmarks too */
	int retry_after_s; /* what the server asked for; 0: nothing */
};

/* Begins; the first list takes any version that the server has at hand. */
void watchcourse_init(struct watchcourse *c);

/* The server has told a newer version; "" is none. */
void watchcourse_version(struct watchcourse *c, const char *version);

/* After a request that ended at `now_ms`, where `random` is any number in [0, 1): how long to wait
 * before the next. After a list that was OK its version is to be told before. */
int64_t watchcourse_next(
	struct watchcourse *c, const struct watchcourse_result *r, int64_t now_ms, double random);

/* Whether the resource type has been absent for long enough to believe it. */
bool watchcourse_is_absent(const struct watchcourse *c, int64_t now_ms);

#endif
