#include "scaler/eventsjson.h"

#include <stdio.h>
#include <time.h>

#include "common/jsonout.h"

#define CONTROLLER "hexlag"
#define INSTANCE_MAX 128
#define NOTE_MAX 1000 /* of 1,024; a character that is cut off becomes a longer one */

const char *eventsjson_time(int64_t us, bool micro, char to[EVENT_TIME_SIZE])
{
	time_t seconds = (time_t)(us / 1000000);
	size_t len;
	struct tm tm;

	(void)gmtime_r(&seconds, &tm);
	len = strftime(to, EVENT_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	if (micro)
		(void)snprintf(to + len, EVENT_TIME_SIZE - len, ".%06dZ", (int)(us % 1000000));
	else
		(void)snprintf(to + len, EVENT_TIME_SIZE - len, "Z");
	return to;
}

static void add_about(struct jsonout *j, const char *key, const struct event_body *e)
{
	jsonout_open(j, key, '{');
	jsonout_text(j, "apiVersion", e->about_api_version);
	jsonout_text(j, "kind", e->about_kind);
	if (*e->about_namespace)
		jsonout_text(j, "namespace", e->about_namespace);
	jsonout_text(j, "name", e->about_name);
	if (*e->about_uid)
		jsonout_text(j, "uid", e->about_uid);
	jsonout_close(j, '}');
}

static void add_time(struct jsonout *j, const char *key, int64_t us, bool micro)
{
	char text[EVENT_TIME_SIZE];

	jsonout_text(j, key, eventsjson_time(us, micro, text));
}

static void add_cut(struct jsonout *j, const char *key, const char *text, int max)
{
	char cut[NOTE_MAX + 1];

	(void)snprintf(cut, sizeof(cut), "%.*s", max, text);
	jsonout_text(j, key, cut);
}

static void add_series(struct jsonout *j, const struct event_body *e)
{
	jsonout_open(j, "series", '{');
	jsonout_int(j, "count", true, e->count);
	add_time(j, "lastObservedTime", e->last_us, true);
	jsonout_close(j, '}');
}

void eventsjson_new(const struct event_body *e, bool core, struct strbuf *out)
{
	struct jsonout j = {.to = out};

	jsonout_open(&j, NULL, '{');
	jsonout_text(&j, "apiVersion", core ? "v1" : "events.k8s.io/v1");
	jsonout_text(&j, "kind", "Event");
	jsonout_open(&j, "metadata", '{');
	jsonout_text(&j, "namespace", e->namespace);
	jsonout_text(&j, "name", e->name);
	jsonout_close(&j, '}');
	add_about(&j, core ? "involvedObject" : "regarding", e);
	jsonout_text(&j, "type", e->warning ? "Warning" : "Normal");
	jsonout_text(&j, "reason", e->reason);
	add_cut(&j, core ? "message" : "note", e->note, NOTE_MAX);
	if (core) {
		jsonout_open(&j, "source", '{');
		jsonout_text(&j, "component", CONTROLLER);
		jsonout_close(&j, '}');
		jsonout_text(&j, "reportingComponent", CONTROLLER);
		add_time(&j, "firstTimestamp", e->first_us, false);
		add_time(&j, "lastTimestamp", e->last_us, false);
		jsonout_int(&j, "count", true, e->count);
	} else {
		jsonout_text(&j, "reportingController", CONTROLLER);
		jsonout_text(&j, "action", "Scale");
		add_time(&j, "eventTime", e->first_us, true);
		if (e->count > 1)
			add_series(&j, e);
	}
	add_cut(&j, "reportingInstance", e->instance, INSTANCE_MAX);
	jsonout_close(&j, '}');
}

void eventsjson_again(const struct event_body *e, bool core, struct strbuf *out)
{
	struct jsonout j = {.to = out};

	jsonout_open(&j, NULL, '{');
	if (core) {
		jsonout_int(&j, "count", true, e->count);
		add_time(&j, "lastTimestamp", e->last_us, false);
	} else {
		add_series(&j, e);
	}
	jsonout_close(&j, '}');
}
