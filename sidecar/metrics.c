#include "sidecar/metrics.h"

#include <string.h>

#include "common/attr.h"
#include "common/mem.h"
#include "common/pattern.h"
#include "sidecar/series.h"
#include "sidecar/serieslabels.h"
#include "sidecar/snapshot.h"

/* Partitions of topics and of groups in a snapshot that is large: some 4 ms of compressing. */
#define LARGE 2000

/* What a rendering works with. */
struct render {
	struct exposition *x;
	const struct metrics_options *options;
	const struct series *series; /* whose samples are being written */
	struct series_at at;
	char **topics, **groups; /* escaped names, by index */
	bool *coarse;            /* by topic: options->per_topic matches */
	struct strbuf line;      /* of a partition's sample, all but numbers; empty: to be made */
	size_t hole;             /* where in `line` the partition goes */
	uint32_t line_member;    /* owner that `line` may name */
	bool counting;           /* count samples, write nothing */
	bool announced;          /* HELP and TYPE are written */
	size_t samples;          /* of the family */
};

/* Whether the sample is there. Announces the family before its first: one without samples is not
 * shown, as the Go client has it. */
static bool begin_sample(struct render *r, int64_t *ret)
{
	const struct series *s = r->series;

	if (!s->value(&r->at, ret))
		return false;
	r->samples++;
	if (r->counting)
		return false;
	if (!r->announced)
		exposition_family(
			r->x, &(struct family){.name = s->name, .type = s->type, .help = s->help});
	r->announced = true;
	return true;
}

/* Appends the name and the label set, constant labels sorted in. The next byte is the sample's
 * value. Returns where in `out` the partition goes. */
static size_t add_labels(struct render *r, struct strbuf *out)
{
	const struct series_label *l = series_labels(r->series);
	const char *before = NULL;
	size_t hole = 0, start;

	strbuf_adds(out, r->series->name);
	start = out->len;
	strbuf_addc(out, '{');
	for (; l->name; before = l++->name) {
		labels_add(&r->options->labels, before, l->name, out);
		strbuf_adds(out, l->name);
		strbuf_adds(out, "=\"");
		if (l->of == LABEL_TOPIC)
			strbuf_adds(out, r->topics[r->at.topic - r->at.s->topics]);
		else if (l->of == LABEL_GROUP)
			strbuf_adds(out, r->groups[r->at.group - r->at.s->groups]);
		else if (l->of == LABEL_PARTITION)
			hole = out->len;
		else
			series_label_value(&r->at, l->of, out);
		strbuf_adds(out, "\",");
	}
	labels_add(&r->options->labels, before, NULL, out);
	if (out->len == start + 1)
		out->len = start;
	else
		out->data[out->len - 1] = '}';
	strbuf_addc(out, ' ');
	return hole;
}

static void add_sample(struct render *r)
{
	int64_t value;

	if (!begin_sample(r, &value))
		return;
	(void)add_labels(r, &r->x->text);
	exposition_decimal(&r->x->text, value, r->series->decimals);
	strbuf_addc(&r->x->text, '\n');
}

/* The samples of partitions come by the ten thousands: their label set is made once per topic, or
 * group and topic, and a sample is two copies with a number after each. */
static void begin_partitions(struct render *r)
{
	r->line.len = 0;
	exposition_drain(r->x, false);
}

static void add_partition_sample(struct render *r, size_t partition)
{
	uint32_t member = r->at.group_partition ? r->at.group_partition->member : 0;
	struct strbuf *out = &r->x->text;
	int64_t value;
	char *to;

	if (!begin_sample(r, &value))
		return;
	if (r->line.len == 0 || r->line_member != member) {
		r->line.len = 0;
		r->line_member = member;
		r->hole = add_labels(r, &r->line);
	}
	strbuf_reserve(out, r->line.len + EXPOSITION_NUMBER_MAX);
	to = out->data + out->len;
	memcpy(to, r->line.data, r->hole);
	to = exposition_put_decimal(to + r->hole, (int64_t)partition, 0);
	memcpy(to, r->line.data + r->hole, r->line.len - r->hole);
	to = exposition_put_decimal(to + r->line.len - r->hole, value, r->series->decimals);
	*to++ = '\n';
	*to = '\0';
	out->len = (size_t)(to - out->data);
}

static void add_phases(struct render *r)
{
	for (r->at.phase = 0; r->at.phase < PHASE_COUNT; r->at.phase++)
		add_sample(r);
}

static void add_brokers(struct render *r)
{
	for (size_t i = 0; i < r->at.s->broker_count; i++) {
		r->at.broker = &r->at.s->brokers[i];
		add_sample(r);
	}
}

static void add_topics(struct render *r)
{
	for (size_t i = 0; i < r->at.s->topic_count; i++) {
		r->at.topic = &r->at.s->topics[i];
		if (!r->at.topic->filtered)
			add_sample(r);
	}
}

static void add_partitions(struct render *r)
{
	for (size_t i = 0; i < r->at.s->topic_count; i++) {
		const struct topic *t = &r->at.s->topics[i];

		r->at.topic = t;
		begin_partitions(r);
		for (size_t p = 0; p < t->count && !t->filtered; p++) {
			r->at.partition = &t->partitions[p];
			add_partition_sample(r, p);
		}
	}
}

static void add_group_partitions(struct render *r)
{
	const struct topic *t = r->at.topic;

	begin_partitions(r);
	for (size_t p = 0; p < t->count; p++) {
		r->at.partition = &t->partitions[p];
		r->at.group_partition = &r->at.group_topic->partitions[p];
		if (series_included(&r->at, r->at.group_partition))
			add_partition_sample(r, p);
	}
	r->at.group_partition = NULL;
}

static void add_group_topics(struct render *r)
{
	const struct group *g = r->at.group;

	for (size_t i = 0; i < g->topic_count; i++) {
		size_t topic = g->topics[i].topic;

		r->at.group_topic = &g->topics[i];
		r->at.topic = &r->at.s->topics[topic];
		if (r->series->per == SERIES_PER_GROUP_TOPIC)
			add_sample(r);
		else if (!r->coarse[topic] && series_consumed(&r->at))
			add_group_partitions(r);
	}
}

static void add_states(struct render *r)
{
	for (r->at.state = GROUP_UNKNOWN; r->at.state <= GROUP_DEAD; r->at.state++)
		add_sample(r);
}

static void add_groups(struct render *r)
{
	for (size_t i = 0; i < r->at.s->group_count; i++) {
		r->at.group = &r->at.s->groups[i];
		if (r->series->per == SERIES_PER_GROUP)
			add_sample(r);
		else if (r->series->per == SERIES_PER_STATE)
			add_states(r);
		else
			add_group_topics(r);
	}
}

/* Returns the number of samples. */
static size_t add_series(struct render *r, const struct series *series)
{
	r->series = series;
	r->announced = false;
	r->samples = 0;
	switch (series->per) {
	case SERIES_PER_SNAPSHOT:
		add_sample(r);
		break;
	case SERIES_PER_PHASE:
		add_phases(r);
		break;
	case SERIES_PER_BROKER:
		add_brokers(r);
		break;
	case SERIES_PER_TOPIC:
		add_topics(r);
		break;
	case SERIES_PER_PARTITION:
		add_partitions(r);
		break;
	case SERIES_PER_GROUP:
	case SERIES_PER_STATE:
	case SERIES_PER_GROUP_TOPIC:
	case SERIES_PER_GROUP_PARTITION:
		add_groups(r);
		break;
	}
	exposition_drain(r->x, false);
	return r->samples;
}

static char *escape_name(struct arena *a, struct strbuf *scratch, const char *name)
{
	scratch->len = 0;
	exposition_label_value(scratch, name);
	return arena_strdup(a, scratch->len ? scratch->data : "");
}

static void prepare_names(struct render *r, struct arena *arena)
{
	const struct snapshot *s = r->at.s;

	r->topics = arena_alloc(arena, s->topic_count, sizeof(*r->topics));
	r->coarse = arena_alloc(arena, s->topic_count, sizeof(*r->coarse));
	r->groups = arena_alloc(arena, s->group_count, sizeof(*r->groups));
	for (size_t i = 0; i < s->topic_count; i++) {
		r->topics[i] = escape_name(arena, &r->line, s->topics[i].name);
		r->coarse[i] = r->options->per_topic &&
			       pattern_matches(r->options->per_topic, s->topics[i].name);
	}
	for (size_t i = 0; i < s->group_count; i++)
		r->groups[i] = escape_name(arena, &r->line, s->groups[i].name);
}

/* Which rows have to go for the rest to fit, by index; the order does not depend on how many samples
 * a family happens to have, so that they do not come and go in turns. What there is one of, or one
 * per broker, always stays. */
static bool *find_unfit(struct render *r, struct arena *arena)
{
	static const enum series_per order[] = {SERIES_PER_GROUP_PARTITION, SERIES_PER_PARTITION,
		SERIES_PER_STATE, SERIES_PER_GROUP_TOPIC, SERIES_PER_TOPIC, SERIES_PER_GROUP};
	size_t rows = 0, total = 0, *samples;
	const struct series *s;
	bool *unfit;

	while (profile_series(r->options->profile, rows))
		rows++;
	unfit = arena_alloc(arena, rows, sizeof(*unfit));
	samples = arena_alloc(arena, rows, sizeof(*samples));
	if (!r->options->max_series)
		return unfit;
	r->counting = true;
	for (size_t i = 0; (s = profile_series(r->options->profile, i)); i++)
		total += samples[i] = add_series(r, s);
	r->counting = false;
	for (size_t o = 0; o < ARRAY_LEN(order); o++)
		for (size_t i = 0; i < rows && total > r->options->max_series; i++) {
			if (profile_series(r->options->profile, i)->per != order[o])
				continue;
			unfit[i] = true;
			total -= samples[i];
		}
	return unfit;
}

struct metrics_count metrics_render(
	struct exposition *x, const struct snapshot *s, const struct metrics_options *options)
{
	static const struct metrics_options defaults;
	const struct metrics_options *o = options ? options : &defaults;
	CLEANUP(arena_release) struct arena arena = {0};
	struct render r = {.x = x,
		.options = o,
		.at = {.s = s,
			.assigned_only = o->assigned_only,
			.hide_zero_lag = o->hide_zero_lag}};
	struct metrics_count count = {0};
	const struct series *series;
	bool *unfit;

	prepare_names(&r, &arena);
	unfit = find_unfit(&r, &arena);
	for (size_t i = 0; (series = profile_series(o->profile, i)); i++) {
		r.counting = unfit[i];
		*(unfit[i] ? &count.dropped : &count.series) += add_series(&r, series);
	}
	strbuf_release(&r.line);
	return count;
}

bool metrics_large(const struct snapshot *s)
{
	size_t partitions = 0;

	for (size_t i = 0; i < s->topic_count; i++)
		partitions += s->topics[i].count;
	for (size_t g = 0; g < s->group_count && partitions < LARGE; g++)
		for (size_t i = 0; i < s->groups[g].topic_count; i++)
			partitions += s->topics[s->groups[g].topics[i].topic].count;
	return partitions >= LARGE;
}
