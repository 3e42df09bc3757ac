/* Bodies of Kubernetes events, of both API groups. Pure. Thread: any. */
#ifndef HEXLAG_EVENTSJSON_H
#define HEXLAG_EVENTSJSON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/strbuf.h"

#define EVENT_TIME_SIZE 32

/* All borrowed. */
struct event_body {
	const char *namespace, *name; /* of the event */
	const char *instance;         /* who reports, at most 128 bytes are used */
	/* What it is about; uid "" where it is not known. */
	const char *about_api_version, *about_kind, *about_namespace, *about_name, *about_uid;
	bool warning;
	const char *reason, *note; /* 1,000 bytes of the note are used */
	int64_t first_us, last_us; /* microseconds since 1970 */
	int64_t count;             /* >= 1 */
};

/* A new event of events.k8s.io/v1, or of core/v1. */
void eventsjson_new(const struct event_body *e, bool core, struct strbuf *out);

/* The merge patch that says it happened again. */
void eventsjson_again(const struct event_body *e, bool core, struct strbuf *out);

/* RFC 3339 in UTC with six digits of a second, as MicroTime is; or with none, as Time is. */
const char *eventsjson_time(int64_t us, bool micro, char to[EVENT_TIME_SIZE]);

#endif
