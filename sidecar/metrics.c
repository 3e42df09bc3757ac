#include "sidecar/metrics.h"

#include <string.h>

#include "common/attr.h"
#include "common/exposition.h"
#include "common/mem.h"
#include "sidecar/series.h"
#include "sidecar/snapshot.h"

struct pair {
	const char *name, *value; /* the value is escaped; NULL: to be filled in per sample */
};

/* What a rendering works with. */
struct render {
	struct strbuf *out;
	const struct labels *labels;
	const struct series *series; /* whose samples are being written */
	struct series_at at;
	char **topics, **groups;  /* escaped names, by index */
	const struct pair *pairs; /* labels of samples that differ only in their partition */
	size_t pair_count;
	struct strbuf line; /* the same as text, empty until the first of these samples */
	size_t hole;        /* where in `line` the partition goes */
};

/* Appends the name and the label set, constant labels sorted in. The next byte is the sample's
 * value. Returns where in `out` the label value goes that is NULL. */
static size_t add_labels(
	struct render *r, const struct pair *pairs, size_t count, struct strbuf *out)
{
	const char *before = NULL;
	size_t hole = 0, start;

	strbuf_adds(out, r->series->name);
	start = out->len;
	strbuf_addc(out, '{');
	for (size_t i = 0; i < count; before = pairs[i++].name) {
		labels_add(r->labels, before, pairs[i].name, out);
		strbuf_adds(out, pairs[i].name);
		strbuf_adds(out, "=\"");
		if (pairs[i].value)
			strbuf_adds(out, pairs[i].value);
		else
			hole = out->len;
		strbuf_adds(out, "\",");
	}
	labels_add(r->labels, before, NULL, out);
	if (out->len == start + 1)
		out->len = start;
	else
		out->data[out->len - 1] = '}';
	strbuf_addc(out, ' ');
	return hole;
}

static void add_sample(struct render *r, const struct pair *pairs, size_t count)
{
	int64_t value;

	if (!r->series->value(&r->at, &value))
		return;
	(void)add_labels(r, pairs, count, r->out);
	exposition_decimal(r->out, value, r->series->decimals);
	strbuf_addc(r->out, '\n');
}

/* The samples of a partition come by the ten thousands: their label set is made once per topic, or
 * group and topic, and a sample is two copies with a number after each. The caller keeps `pairs`.
 */
static void partition_labels(struct render *r, const struct pair *pairs, size_t count)
{
	r->pairs = pairs;
	r->pair_count = count;
	r->line.len = 0;
}

static void add_partition_sample(struct render *r, size_t partition)
{
	int64_t value;
	char *to;

	if (!r->series->value(&r->at, &value))
		return;
	if (r->line.len == 0)
		r->hole = add_labels(r, r->pairs, r->pair_count, &r->line);
	strbuf_reserve(r->out, r->line.len + EXPOSITION_NUMBER_MAX);
	to = r->out->data + r->out->len;
	memcpy(to, r->line.data, r->hole);
	to = exposition_put_decimal(to + r->hole, (int64_t)partition, 0);
	memcpy(to, r->line.data + r->hole, r->line.len - r->hole);
	to = exposition_put_decimal(to + r->line.len - r->hole, value, r->series->decimals);
	*to++ = '\n';
	*to = '\0';
	r->out->len = (size_t)(to - r->out->data);
}

static void add_phases(struct render *r)
{
	for (enum phase p = 0; p < PHASE_COUNT; p++) {
		r->at.phase = p;
		add_sample(r, &(struct pair){"phase", phase_name(p)}, 1);
	}
}

static void add_brokers(struct render *r)
{
	for (size_t i = 0; i < r->at.s->broker_count; i++) {
		const struct broker *b = &r->at.s->brokers[i];
		CLEANUP(strbuf_release) struct strbuf address = STRBUF_INIT;
		CLEANUP(strbuf_release) struct strbuf id = STRBUF_INIT;

		r->at.broker = b;
		exposition_label_value(&address, b->address);
		strbuf_addi(&id, b->id);
		add_sample(r,
			(const struct pair[]){
				{"address", strbuf_str(&address)}, {"id", strbuf_str(&id)}},
			2);
	}
}

static void add_topics(struct render *r)
{
	for (size_t i = 0; i < r->at.s->topic_count; i++) {
		r->at.topic = &r->at.s->topics[i];
		add_sample(r, &(struct pair){"topic", r->topics[i]}, 1);
	}
}

static void add_partitions(struct render *r)
{
	for (size_t i = 0; i < r->at.s->topic_count; i++) {
		const struct topic *t = &r->at.s->topics[i];

		r->at.topic = t;
		partition_labels(
			r, (const struct pair[]){{"partition", NULL}, {"topic", r->topics[i]}}, 2);
		for (size_t p = 0; p < t->count; p++) {
			r->at.partition = &t->partitions[p];
			add_partition_sample(r, p);
		}
	}
}

static void add_group_partitions(struct render *r, const char *group)
{
	const struct topic *t = r->at.topic;

	partition_labels(r,
		(const struct pair[]){{"consumergroup", group}, {"partition", NULL},
			{"topic", r->topics[r->at.group_topic->topic]}},
		3);
	for (size_t p = 0; p < t->count; p++) {
		r->at.partition = &t->partitions[p];
		r->at.group_partition = &r->at.group_topic->partitions[p];
		if (series_included(&r->at, r->at.group_partition))
			add_partition_sample(r, p);
	}
}

static void add_group_topics(struct render *r, const char *group)
{
	const struct group *g = r->at.group;

	for (size_t i = 0; i < g->topic_count; i++) {
		size_t topic = g->topics[i].topic;

		r->at.group_topic = &g->topics[i];
		r->at.topic = &r->at.s->topics[topic];
		if (r->series->per == SERIES_PER_GROUP_TOPIC)
			add_sample(r,
				(const struct pair[]){
					{"consumergroup", group}, {"topic", r->topics[topic]}},
				2);
		else if (series_consumed(&r->at))
			add_group_partitions(r, group);
	}
}

static void add_states(struct render *r, const char *group)
{
	for (enum group_state state = GROUP_UNKNOWN; state <= GROUP_DEAD; state++) {
		r->at.state = state;
		add_sample(r,
			(const struct pair[]){
				{"consumergroup", group}, {"state", group_state_name(state)}},
			2);
	}
}

static void add_groups(struct render *r)
{
	for (size_t i = 0; i < r->at.s->group_count; i++) {
		r->at.group = &r->at.s->groups[i];
		if (r->at.group->idle)
			continue;
		if (r->series->per == SERIES_PER_GROUP)
			add_sample(r, &(struct pair){"consumergroup", r->groups[i]}, 1);
		else if (r->series->per == SERIES_PER_STATE)
			add_states(r, r->groups[i]);
		else
			add_group_topics(r, r->groups[i]);
	}
}

static void add_series(struct render *r)
{
	size_t before = r->out->len, header;

	exposition_family(r->out, r->series->name, r->series->type, r->series->help);
	header = r->out->len;
	switch (r->series->per) {
	case SERIES_PER_SNAPSHOT:
		add_sample(r, NULL, 0);
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
	/* A family without samples is not shown, as the Go client has it. */
	if (r->out->len == header) {
		r->out->len = before;
		r->out->data[before] = '\0';
	}
}

static char *escape_name(struct arena *a, struct strbuf *scratch, const char *name)
{
	scratch->len = 0;
	exposition_label_value(scratch, name);
	return arena_strdup(a, scratch->len ? scratch->data : "");
}

void metrics_render(
	struct strbuf *out, const struct snapshot *s, const struct metrics_options *options)
{
	static const struct metrics_options defaults;
	const struct metrics_options *o = options ? options : &defaults;
	CLEANUP(arena_release) struct arena arena = {0};
	struct render r = {.out = out,
		.labels = &o->labels,
		.at = {.s = s, .assigned_only = o->assigned_only, .time_lag = o->time_lag}};

	r.topics = arena_alloc(&arena, s->topic_count, sizeof(*r.topics));
	r.groups = arena_alloc(&arena, s->group_count, sizeof(*r.groups));
	for (size_t i = 0; i < s->topic_count; i++)
		r.topics[i] = escape_name(&arena, &r.line, s->topics[i].name);
	for (size_t i = 0; i < s->group_count; i++)
		r.groups[i] = escape_name(&arena, &r.line, s->groups[i].name);
	for (size_t i = 0; i < series_count; i++) {
		r.series = &series_all[i];
		add_series(&r);
	}
	strbuf_release(&r.line);
}
