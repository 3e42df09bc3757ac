#include "scaler/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* Longest names that Kubernetes (DNS subdomains, RFC 1123) and Kafka (topics) know. */
#define OBJECT_NAME_MAX 253
#define NAMESPACE_MAX 63
#define TOPIC_MAX 249
#define GROUP_NAME_MAX 1024

const char *const rule_fallback_names[] = {
	"static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower", NULL};
const char *const rule_steps_names[] = {"auto", "on", "off", NULL};
const char *const rule_self_names[] = {"self", NULL};

bool rule_is_open(const struct rule *r)
{
	return r->self && !r->target.name;
}

const char *rule_name(const struct rule *r, char to[RULE_NAME_MAX])
{
	if (rule_is_open(r))
		(void)snprintf(to, RULE_NAME_MAX, "self");
	else
		(void)snprintf(to, RULE_NAME_MAX, "%s%s%s/%s",
			r->target.namespace ? r->target.namespace : "",
			r->target.namespace ? "/" : "", r->target.kind, r->target.name);
	return to;
}

bool rule_threshold(const struct rule *r, size_t i, const char **ret_group,
	const struct rule_threshold **ret_threshold)
{
	const struct rule_group *groups = r->groups.items;

	for (size_t g = 0; g < r->groups.count; i -= groups[g++].thresholds.count) {
		const struct rule_threshold *thresholds = groups[g].thresholds.items;

		if (i < groups[g].thresholds.count) {
			*ret_group = groups[g].name;
			*ret_threshold = &thresholds[i];
			return true;
		}
	}
	return false;
}

size_t rule_threshold_count(const struct rule *r)
{
	const struct rule_group *groups = r->groups.items;
	size_t count = 0;

	for (size_t g = 0; g < r->groups.count; g++)
		count += groups[g].thresholds.count;
	return count;
}

size_t rule_find_threshold(const struct rule *r, const char *group, const char *topic)
{
	const struct rule_threshold *t;
	const char *name;

	for (size_t i = 0; rule_threshold(r, i, &name, &t); i++)
		if (strcmp(name, group) == 0 && strcmp(t->topic, topic) == 0)
			return i;
	return SIZE_MAX;
}

/* What is missing equals nothing. */
static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static bool same_or_both_absent(const char *a, const char *b)
{
	return a == b || same(a, b);
}

static int check_length(const char *what, const char *field, const char *s, size_t max,
	const char **ret_field, struct err *err)
{
	size_t length = s ? strlen(s) : 0;

	if (length <= max)
		return 0;
	*ret_field = field;
	return err_set(err, ERR_CONFIG,
		"%s \"%.40s...\" has %zu characters, at most %zu are possible", what, s, length,
		max);
}

static int check_names(const struct rule *r, const char **ret_field, struct err *err)
{
	const struct rule_group *groups = r->groups.items;
	const struct rule_target *t = &r->target;
	static const char target[] = "scaleTargetRef";

	if (check_length("apiVersion", target, t->api_version, OBJECT_NAME_MAX + NAMESPACE_MAX + 1,
		    ret_field, err) < 0 ||
		check_length("kind", target, t->kind, NAMESPACE_MAX, ret_field, err) < 0 ||
		check_length("namespace", target, t->namespace, NAMESPACE_MAX, ret_field, err) <
			0 ||
		check_length("name", target, t->name, OBJECT_NAME_MAX, ret_field, err) < 0)
		return -1;
	for (size_t g = 0; g < r->groups.count; g++) {
		const struct rule_threshold *thresholds = groups[g].thresholds.items;

		if (check_length("group", "consumergroups", groups[g].name, GROUP_NAME_MAX,
			    ret_field, err) < 0)
			return -1;
		for (size_t i = 0; i < groups[g].thresholds.count; i++)
			if (check_length("topic", "consumergroups", thresholds[i].topic, TOPIC_MAX,
				    ret_field, err) < 0)
				return -1;
	}
	return 0;
}

static int check_thresholds(const struct rule *r, const char **ret_field, struct err *err)
{
	size_t count = rule_threshold_count(r);
	const struct rule_threshold *thresholds[RULE_THRESHOLDS_MAX];
	const char *groups[RULE_THRESHOLDS_MAX];

	*ret_field = "consumergroups";
	if (count > RULE_THRESHOLDS_MAX)
		return err_set(err, ERR_CONFIG, "%zu thresholds, at most %d are possible", count,
			RULE_THRESHOLDS_MAX);
	for (size_t i = 0; i < count; i++) {
		(void)rule_threshold(r, i, &groups[i], &thresholds[i]);
		for (size_t j = 0; j < i; j++)
			if (same(groups[i], groups[j]) &&
				same(thresholds[i]->topic, thresholds[j]->topic))
				return err_set(err, ERR_CONFIG,
					"group \"%s\" has two thresholds for topic \"%s\"",
					groups[i], thresholds[i]->topic);
	}
	return 0;
}

int rule_check(const struct rule *r, const char **ret_field, struct err *err)
{
	if (r->max && r->min > r->max) {
		*ret_field = "minReplicas";
		return err_set(err, ERR_CONFIG, "%d is greater than maxReplicas %d", (int)r->min,
			(int)r->max);
	}
	if (r->self && r->min == 0) {
		*ret_field = "minReplicas";
		return err_set(err, ERR_CONFIG,
			"0 is not possible with target \"self\": the sidecar would scale itself "
			"away and could not come back");
	}
	if (r->policy == POLICY_RATE && r->rate_per_replica == 0) {
		*ret_field = "policy";
		return err_set(err, ERR_CONFIG, "\"rate\" needs ratePerReplica");
	}
	if (check_names(r, ret_field, err) < 0)
		return -1;
	return check_thresholds(r, ret_field, err);
}

size_t rule_group_length(const char *api_version)
{
	const char *slash = strchr(api_version, '/');

	return slash ? (size_t)(slash - api_version) : 0;
}

static bool same_api_group(const char *a, const char *b)
{
	return a && b && rule_group_length(a) == rule_group_length(b) &&
	       memcmp(a, b, rule_group_length(a)) == 0;
}

bool rule_same_target(const struct rule *a, const struct rule *b)
{
	if (rule_is_open(a) || rule_is_open(b))
		return rule_is_open(a) && rule_is_open(b);
	return same_api_group(a->target.api_version, b->target.api_version) &&
	       same(a->target.kind, b->target.kind) &&
	       same_or_both_absent(a->target.namespace, b->target.namespace) &&
	       same(a->target.name, b->target.name);
}

bool rule_same_target_in(const struct rule *a, const struct rule *b, const char *namespace)
{
	struct rule x = {.target = a->target}, y = {.target = b->target};

	if (rule_is_open(a) || rule_is_open(b))
		return false;
	if (!x.target.namespace)
		memcpy(&x.target.namespace, &namespace, sizeof(namespace));
	if (!y.target.namespace)
		memcpy(&y.target.namespace, &namespace, sizeof(namespace));
	return rule_same_target(&x, &y);
}

static bool equal_groups(const struct rule *a, const struct rule *b)
{
	const struct rule_threshold *ta, *tb;
	const char *ga, *gb;
	size_t i = 0;

	for (; rule_threshold(a, i, &ga, &ta) && rule_threshold(b, i, &gb, &tb); i++)
		if (!same(ga, gb) || !same(ta->topic, tb->topic) || ta->lag != tb->lag)
			return false;
	return i == rule_threshold_count(a) && i == rule_threshold_count(b);
}

bool rule_equal(const struct rule *a, const struct rule *b)
{
	struct rule x = *a, y = *b;

	if (!rule_same_target(a, b) || !same(a->target.api_version, b->target.api_version) ||
		!equal_groups(a, b))
		return false;
	/* The rest is plain: rules are made from zeroed memory, so that padding is equal, too. */
	x.target = y.target = (struct rule_target){0};
	x.groups = y.groups = (struct conf_items){0};
	return memcmp(&x, &y, sizeof(x)) == 0;
}

static void copy_groups(struct rule *to, const struct rule *from)
{
	const struct rule_group *groups = from->groups.items;
	struct rule_group *copies = mem_zalloc(from->groups.count, sizeof(*copies));

	for (size_t g = 0; g < from->groups.count; g++) {
		const struct rule_threshold *thresholds = groups[g].thresholds.items;
		size_t count = groups[g].thresholds.count;
		struct rule_threshold *list = mem_zalloc(count, sizeof(*list));

		for (size_t i = 0; i < count; i++)
			list[i] = (struct rule_threshold){
				mem_strdup(thresholds[i].topic), thresholds[i].lag};
		copies[g] = (struct rule_group){mem_strdup(groups[g].name), {list, count}};
	}
	to->groups = (struct conf_items){copies, from->groups.count};
}

void rule_copy(struct rule *to, const struct rule *from)
{
	memcpy(to, from, sizeof(*to)); /* with its padding: rule_equal() compares it */
	to->target = (struct rule_target){mem_strdup(from->target.api_version),
		mem_strdup(from->target.kind), mem_strdup(from->target.namespace),
		mem_strdup(from->target.name)};
	copy_groups(to, from);
}

void rule_release(struct rule *r)
{
	struct rule_group *groups = r->groups.items;

	for (size_t g = 0; g < r->groups.count; g++) {
		struct rule_threshold *thresholds = groups[g].thresholds.items;

		for (size_t i = 0; i < groups[g].thresholds.count; i++)
			free(thresholds[i].topic);
		free(thresholds);
		free(groups[g].name);
	}
	free(groups);
	rule_target_release(&r->target);
	*r = (struct rule){0};
}

void rule_target_release(struct rule_target *t)
{
	free(t->api_version);
	free(t->kind);
	free(t->namespace);
	free(t->name);
	*t = (struct rule_target){0};
}
