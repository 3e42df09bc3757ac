#include "cli/demoscreen.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

void demoscreen_sample(
	struct demoscreen *d, bool known, int64_t lag, int32_t replicas, bool bursting)
{
	d->samples[d->sample_count++ % DEMOSCREEN_SAMPLES] =
		(struct demoscreen_sample){known, lag, replicas, bursting};
}

bool demoscreen_note(struct demoscreen *d, long second, int32_t replicas,
	const struct decision *decision, char ret_line[DEMOSCREEN_LINE])
{
	bool resized = d->replicas && replicas != d->replicas;
	bool news = resized || !d->has_reason ||
		    (decision->reason != d->reason && decision->reason != REASON_COOLDOWN &&
			    !decision->write);

	if (resized)
		(void)snprintf(ret_line, DEMOSCREEN_LINE,
			"%4lds  %" PRId32 " -> %" PRId32 " replicas  %s: lag %" PRId64
			", threshold %" PRId64,
			second, d->replicas, replicas, replicas > d->replicas ? "up" : "down",
			decision->lag, decision->threshold);
	else
		(void)snprintf(ret_line, DEMOSCREEN_LINE, "%4lds  %s: %.120s", second,
			reason_name(decision->reason), decision->detail);
	if (news)
		memcpy(d->events[d->event_count++ % DEMOSCREEN_EVENTS], ret_line, DEMOSCREEN_LINE);
	d->replicas = replicas;
	d->reason = decision->reason;
	d->has_reason = true;
	return news;
}

static const struct demoscreen_sample *sample(const struct demoscreen *d, size_t i)
{
	size_t first =
		d->sample_count > DEMOSCREEN_SAMPLES ? d->sample_count - DEMOSCREEN_SAMPLES : 0;

	return &d->samples[(first + i) % DEMOSCREEN_SAMPLES];
}

static size_t shown(const struct demoscreen *d)
{
	return d->sample_count < DEMOSCREEN_SAMPLES ? d->sample_count : DEMOSCREEN_SAMPLES;
}

static const char *bar(int64_t value, int64_t top)
{
	int64_t level = top > 0 ? value * 8 / (top + 1) : 0;

	return blocks[level > 7 ? 7 : level < 0 ? 0 : level];
}

static void add_lag(const struct demoscreen *d, struct strbuf *out)
{
	size_t count = shown(d);
	int64_t top = 1;

	for (size_t i = 0; i < count; i++)
		if (sample(d, i)->known && sample(d, i)->lag > top)
			top = sample(d, i)->lag;
	strbuf_adds(out, "  lag       ");
	for (size_t i = 0; i < count; i++)
		strbuf_adds(out, sample(d, i)->known ? bar(sample(d, i)->lag, top) : "?");
	if (count && sample(d, count - 1)->known)
		strbuf_addf(out, "  %" PRId64, sample(d, count - 1)->lag);
	else
		strbuf_adds(out, "  unknown");
	strbuf_addc(out, '\n');
}

static void add_replicas(const struct demoscreen *d, struct strbuf *out)
{
	size_t count = shown(d);

	strbuf_adds(out, "  replicas  ");
	for (size_t i = 0; i < count; i++)
		strbuf_addc(out, (char)('0' + sample(d, i)->replicas % 10));
	strbuf_addf(out, "  %" PRId32 "\n  burst     ", d->replicas);
	for (size_t i = 0; i < count; i++)
		strbuf_addc(out, sample(d, i)->bursting ? '#' : '.');
	strbuf_addc(out, '\n');
}

void demoscreen_render(const struct demoscreen *d, long second, const char *url, struct strbuf *out)
{
	size_t count = d->event_count < DEMOSCREEN_EVENTS ? d->event_count : DEMOSCREEN_EVENTS;

	strbuf_addf(out,
		"\033[H\033[2J  hexlag demo, %ld s, one column a second; threshold 500, 2 to 8 "
		"replicas, "
		"cooldown 5 s\n  %s\n\n",
		second, url);
	add_lag(d, out);
	add_replicas(d, out);
	strbuf_adds(out, "\n  decisions\n");
	for (size_t i = d->event_count - count; i < d->event_count; i++)
		strbuf_addf(out, "  %s\n", d->events[i % DEMOSCREEN_EVENTS]);
	strbuf_adds(out, "\n  Ctrl-C ends it.\n");
}
