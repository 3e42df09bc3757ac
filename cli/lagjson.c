#include "cli/lagjson.h"

#include <jansson.h>
#include <string.h>

#include "common/mem.h"

/* A name from Kafka is UTF-8 as a rule; jansson refuses what is not, and then it is null. */
static json_t *text(const char *s)
{
	json_t *j = s ? json_string(s) : NULL;

	return j ? j : json_null();
}

static json_t *number(bool known, int64_t value)
{
	return known ? json_integer(value) : json_null();
}

static json_t *partition_json(
	const struct snapshot *s, const struct group *g, const struct group_topic *gt, size_t i)
{
	const struct group_partition *gp = &gt->partitions[i];
	const struct partition *p = &s->topics[gt->topic].partitions[i];
	json_t *j = json_object();

	json_object_set_new(j, "partition", json_integer((json_int_t)i));
	json_object_set_new(
		j, "committed", number(gp->answered && gp->has_committed, gp->committed));
	json_object_set_new(j, "start", number(p->has_offsets, p->start));
	json_object_set_new(j, "end", number(p->has_offsets, p->end));
	json_object_set_new(j, "lag", number(gp->has_lag, gp->lag));
	json_object_set_new(j, "age_ms", number(gp->answered, snapshot_age_ms(s, gp)));
	json_object_set_new(j, "member", text(gp->member ? g->members[gp->member - 1].id : NULL));
	return j;
}

static json_t *topic_json(
	const struct snapshot *s, const struct group *g, const struct group_topic *gt)
{
	const struct topic *t = &s->topics[gt->topic];
	struct lag_total total = snapshot_lag_total(s, g->name, t->name, OFFSET_RESET_LATEST);
	json_t *j = json_object(), *partitions = json_array();

	for (size_t i = 0; i < t->count; i++)
		json_array_append_new(partitions, partition_json(s, g, gt, i));
	json_object_set_new(j, "topic", text(t->name));
	json_object_set_new(j, "lag", number(total.quality != QUALITY_UNKNOWN, total.lag));
	json_object_set_new(j, "quality", text(quality_name(total.quality)));
	json_object_set_new(j, "partitions", partitions);
	return j;
}

static json_t *group_json(const struct snapshot *s, const struct group *g, const char *topic)
{
	json_t *j = json_object(), *topics = json_array();

	for (size_t i = 0; i < g->topic_count; i++)
		if (!topic || strcmp(topic, s->topics[g->topics[i].topic].name) == 0)
			json_array_append_new(topics, topic_json(s, g, &g->topics[i]));
	json_object_set_new(j, "group", text(g->name));
	json_object_set_new(j, "state", text(group_state_name(g->state)));
	json_object_set_new(j, "members", number(g->members_known, (int64_t)g->member_count));
	json_object_set_new(j, "error", text(g->error));
	json_object_set_new(j, "topics", topics);
	return j;
}

char *lagjson(const struct snapshot *s, const char *group, const char *topic)
{
	json_t *root = json_object(), *groups = json_array();
	char *out;

	for (size_t i = 0; i < s->group_count; i++)
		if (!group || strcmp(group, s->groups[i].name) == 0)
			json_array_append_new(groups, group_json(s, &s->groups[i], topic));
	json_object_set_new(root, "timestamp_ms", json_integer(s->wall_ms));
	json_object_set_new(root, "error", text(s->error));
	json_object_set_new(root, "groups", groups);
	out = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return out;
}
