#include "sidecar/news.h"

#include <inttypes.h>
#include <string.h>

#include "common/log.h"

/* Of one cycle's failed groups so many are named in the log; the rest is a count. */
#define NAMED_MAX 3

/* Metadata failed before, but only now is it known why. */
static bool cause_is_news(const struct snapshot *last, const struct snapshot *s)
{
	return last->error && s->error && strlen(s->error) > strlen(last->error) &&
	       strncmp(s->error, last->error, strlen(last->error)) == 0;
}

static void say_cluster(
	const struct snapshot *last, const struct snapshot *s, const char *bootstrap)
{
	bool was_ok = last && last->metadata_ok;

	if (!s->metadata_ok && (!last || was_ok || cause_is_news(last, s)))
		log_warn("%s; %s, trying again every cycle", s->error ? s->error : "no metadata",
			s->good_ms ? "keeping the last values" : "no values yet");
	else if (s->metadata_ok && !was_ok)
		log_info("Kafka at %s answers: %zu brokers, %zu topics, %zu groups", bootstrap,
			s->broker_count, s->topic_count, s->group_count);
	if (s->metadata_ok && s->error && !(last && last->error))
		log_warn("%s; keeping the groups known so far, asking again every full cycle",
			s->error);
}

static void say_groups(const struct snapshot *last, const struct snapshot *s)
{
	size_t failed = 0, recovered = 0;

	for (size_t i = 0; i < s->group_count; i++) {
		const struct group *g = &s->groups[i];
		const struct group *old = snapshot_group(last, g->name);

		if (!g->asked)
			continue;
		recovered += !g->error && old && old->error;
		if (g->error && !(old && old->error) && failed++ < NAMED_MAX)
			log_warn("group '%s': %s; keeping its last values", g->name, g->error);
	}
	if (failed > NAMED_MAX)
		log_warn("and %zu more groups did not answer", failed - NAMED_MAX);
	if (recovered)
		log_info("%zu group%s answer%s again", recovered, recovered > 1 ? "s" : "",
			recovered > 1 ? "" : "s");
}

static bool broker_failed(const struct snapshot *s, int32_t id)
{
	for (size_t i = 0; s && i < s->broker_count; i++)
		if (s->brokers[i].id == id)
			return s->brokers[i].error != NULL;
	return false;
}

static void say_brokers(const struct snapshot *last, const struct snapshot *s)
{
	for (size_t i = 0; i < s->broker_count; i++) {
		const struct broker *b = &s->brokers[i];
		bool failed = broker_failed(last, b->id);

		if (b->error && !failed)
			log_warn("broker %" PRId32 " (%s): %s; keeping the last values of its "
				 "partitions",
				b->id, b->address, b->error);
		else if (!b->error && failed)
			log_info("broker %" PRId32 " (%s) answers again", b->id, b->address);
	}
}

void news_say(const struct snapshot *last, const struct snapshot *s, const char *bootstrap)
{
	say_cluster(last, s, bootstrap);
	if (!s->metadata_ok)
		return;
	say_groups(last, s);
	say_brokers(last, s);
}
