#include "cli/settings.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/pattern.h"
#include "sidecar/httpd.h"
#include "sidecar/labels.h"

#define KEY_MAX 1000 /* groups, topics and rules in one list */
#define PROPERTIES_MAX 200

#define IN(type, field) offsetof(type, field)

static const char *const isolation_names[] = {"read_uncommitted", "read_committed", NULL};
static const char *const level_names[] = {"error", "warn", "info", "debug", NULL};
static const char *const format_names[] = {"text", "json", NULL};
static const char *const reset_names[] = {"latest", "earliest", NULL};

static const struct conf_option threshold_options[] = {
	{.key = "topic",
		.type = CONF_STRING,
		.offset = IN(struct rule_threshold, topic),
		.required = true},
	{.key = "lag",
		.type = CONF_INT64,
		.offset = IN(struct rule_threshold, lag),
		.min = 1,
		.max = INT64_MAX,
		.required = true},
	{0},
};

static const struct conf_option group_options[] = {
	{.key = "name",
		.type = CONF_STRING,
		.offset = IN(struct rule_group, name),
		.required = true},
	{.key = "topicsThreshold",
		.type = CONF_LIST,
		.offset = IN(struct rule_group, thresholds),
		.min = 1,
		.max = KEY_MAX,
		.options = threshold_options,
		.size = sizeof(struct rule_threshold),
		.required = true},
	{0},
};

static const struct conf_option target_options[] = {
	{.key = "apiVersion",
		.type = CONF_STRING,
		.offset = IN(struct rule_target, api_version),
		.fallback = "apps/v1"},
	{.key = "kind",
		.type = CONF_STRING,
		.offset = IN(struct rule_target, kind),
		.fallback = "Deployment"},
	{.key = "namespace", .type = CONF_STRING, .offset = IN(struct rule_target, namespace)},
	{.key = "name",
		.type = CONF_STRING,
		.offset = IN(struct rule_target, name),
		.required = true},
	{0},
};

static const struct conf_option rule_options[] = {
	{.key = "scaleTargetRef",
		.type = CONF_GROUP,
		.offset = IN(struct rule, target),
		.options = target_options,
		.required = true},
	{.key = "minReplicas",
		.type = CONF_INT32,
		.offset = IN(struct rule, min),
		.min = 1,
		.max = INT32_MAX,
		.fallback = "1"},
	{.key = "maxReplicas",
		.type = CONF_INT32,
		.offset = IN(struct rule, max),
		.min = 1,
		.max = INT32_MAX,
		.required = true},
	{.key = "consumergroups",
		.type = CONF_LIST,
		.offset = IN(struct rule, groups),
		.min = 1,
		.max = KEY_MAX,
		.options = group_options,
		.size = sizeof(struct rule_group),
		.required = true},
	{.key = "policy",
		.type = CONF_ENUM,
		.offset = IN(struct rule, policy),
		.names = policy_names,
		.fallback = "hex"},
	{.key = "offsetReset",
		.type = CONF_ENUM,
		.offset = IN(struct rule, reset),
		.names = reset_names,
		.fallback = "latest"},
	{.key = "cooldown",
		.type = CONF_DURATION,
		.offset = IN(struct rule, cooldown_ms),
		.min = 0,
		.max = 86400000,
		.fallback = "60s"},
	{.key = "dryRun",
		.type = CONF_BOOL,
		.offset = IN(struct rule, dry_run),
		.fallback = "false"},
	{0},
};

/* What is missing was reported already and equals nothing. */
static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static void check_rule(const void *item, struct conf_scope *scope)
{
	const struct rule *r = item;
	const struct rule_threshold *a, *b;
	const char *group_a, *group_b;

	if (r->max && r->min > r->max)
		conf_reject(scope, "minReplicas", "%d is greater than maxReplicas %d", (int)r->min,
			(int)r->max);
	for (size_t i = 0; rule_threshold(r, i, &group_a, &a); i++)
		for (size_t j = 0; j < i && rule_threshold(r, j, &group_b, &b); j++)
			if (same(group_a, group_b) && same(a->topic, b->topic))
				conf_reject(scope, "consumergroups",
					"group \"%s\" has two thresholds for topic \"%s\"", group_a,
					a->topic);
}

static bool same_api_group(const char *a, const char *b)
{
	const char *slash_a = a ? strchr(a, '/') : NULL, *slash_b = b ? strchr(b, '/') : NULL;
	size_t length_a = slash_a ? (size_t)(slash_a - a) : 0;
	size_t length_b = slash_b ? (size_t)(slash_b - b) : 0;

	return a && b && length_a == length_b && memcmp(a, b, length_a) == 0;
}

static bool same_target(const struct rule_target *a, const struct rule_target *b)
{
	const char *in_a = a->namespace ? a->namespace : "",
		   *in_b = b->namespace ? b->namespace : "";

	/* Two versions of one API group hold the same object. */
	return same_api_group(a->api_version, b->api_version) && same(a->kind, b->kind) &&
	       strcmp(in_a, in_b) == 0 && same(a->name, b->name);
}

static void check_scaler(const void *item, struct conf_scope *scope)
{
	const struct settings *s = item;
	const struct rule *rules = s->scaler.rules.items;
	char name[RULE_NAME_MAX];

	for (size_t i = 0; i < s->scaler.rules.count; i++)
		for (size_t j = 0; j < i; j++)
			if (same_target(&rules[i].target, &rules[j].target)) {
				conf_reject_item(scope, "rules", i,
					"scaleTargetRef %s is also that of rules[%zu]",
					rule_name(&rules[i], name), j);
				break;
			}
}

static void check_expression(struct conf_scope *scope, const char *key, const char *text)
{
	struct err err = {0};
	struct pattern *p = text ? pattern_new(text, &err) : NULL;

	if (text && !p)
		conf_reject(scope, key, "%s", err.msg);
	pattern_free(p);
}

static void check_labels(struct conf_scope *scope, const char *text)
{
	struct labels labels = {0};
	struct err err = {0};

	if (text && labels_parse(text, &labels, &err) < 0)
		conf_reject(scope, "labels", "%s", err.msg);
	labels_release(&labels);
}

static void check_exporter(const void *item, struct conf_scope *scope)
{
	const struct settings *s = item;
	struct err err = {0};

	check_labels(scope, s->exporter.labels);
	if (s->exporter.listen && httpd_check_address(s->exporter.listen, &err) < 0)
		conf_reject(scope, "listen", "%s", err.msg);
	check_expression(scope, "group_filter", s->exporter.group_filter);
	check_expression(scope, "group_exclude", s->exporter.group_exclude);
	check_expression(scope, "topic_filter", s->exporter.topic_filter);
	check_expression(scope, "topic_exclude", s->exporter.topic_exclude);
}

static void check_kafka(const void *item, struct conf_scope *scope)
{
	struct kafka_options options = settings_kafka(item, NULL, NULL, 0);
	struct err err = {0};

	if (kafka_check(&options, &err) < 0)
		conf_reject(scope, "properties", "%s", err.msg);
}

static void check_root(const void *item, struct conf_scope *scope)
{
	const struct settings *s = item;

	if (!s->exporter.present && !s->scaler.present)
		conf_reject(
			scope, "exporter", "neither exporter nor scaler is there: nothing to do");
}

static const struct conf_option kafka_options[] = {
	{.key = "bootstrap",
		.type = CONF_STRING,
		.offset = IN(struct settings, kafka.bootstrap),
		.required = true},
	{.key = "properties",
		.type = CONF_STRINGS,
		.offset = IN(struct settings, kafka.properties),
		.max = PROPERTIES_MAX},
	{.key = "property_files",
		.type = CONF_STRINGS,
		.offset = IN(struct settings, kafka.property_files),
		.max = PROPERTIES_MAX},
	{.key = "property_env",
		.type = CONF_STRINGS,
		.offset = IN(struct settings, kafka.property_env),
		.max = PROPERTIES_MAX},
	{.key = "isolation",
		.type = CONF_ENUM,
		.offset = IN(struct settings, kafka.isolation),
		.names = isolation_names,
		.fallback = "read_uncommitted"},
	{.key = "timeout",
		.type = CONF_DURATION,
		.offset = IN(struct settings, kafka.timeout_ms),
		.min = 100,
		.max = 60000,
		.fallback = "2s"},
	{0},
};

static const struct conf_option exporter_options[] = {
	{.key = "listen",
		.type = CONF_STRING,
		.offset = IN(struct settings, exporter.listen),
		.fallback = ":9308"},
	{.key = "interval",
		.type = CONF_DURATION,
		.offset = IN(struct settings, exporter.interval_ms),
		.min = 100,
		.max = 3600000,
		.fallback = "10s"},
	{.key = "group_filter",
		.type = CONF_STRING,
		.offset = IN(struct settings, exporter.group_filter)},
	{.key = "group_exclude",
		.type = CONF_STRING,
		.offset = IN(struct settings, exporter.group_exclude)},
	{.key = "topic_filter",
		.type = CONF_STRING,
		.offset = IN(struct settings, exporter.topic_filter)},
	{.key = "topic_exclude",
		.type = CONF_STRING,
		.offset = IN(struct settings, exporter.topic_exclude)},
	{.key = "labels", .type = CONF_STRING, .offset = IN(struct settings, exporter.labels)},
	{.key = "show_all",
		.type = CONF_BOOL,
		.offset = IN(struct settings, exporter.show_all),
		.fallback = "true"},
	{0},
};

static const struct conf_option scaler_options[] = {
	{.key = "interval",
		.type = CONF_DURATION,
		.offset = IN(struct settings, scaler.interval_ms),
		.min = 100,
		.max = 3600000,
		.fallback = "1s"},
	{.key = "kubeconfig",
		.type = CONF_STRING,
		.offset = IN(struct settings, scaler.kubeconfig)},
	{.key = "context", .type = CONF_STRING, .offset = IN(struct settings, scaler.context)},
	{.key = "timeout",
		.type = CONF_DURATION,
		.offset = IN(struct settings, scaler.timeout_ms),
		.min = 100,
		.max = 60000,
		.fallback = "5s"},
	{.key = "rules",
		.type = CONF_LIST,
		.offset = IN(struct settings, scaler.rules),
		.min = 1,
		.max = KEY_MAX,
		.options = rule_options,
		.size = sizeof(struct rule),
		.check = check_rule,
		.required = true},
	{0},
};

static const struct conf_option log_options[] = {
	{.key = "level",
		.type = CONF_ENUM,
		.offset = IN(struct settings, log.level),
		.names = level_names,
		.fallback = "info"},
	{.key = "format",
		.type = CONF_ENUM,
		.offset = IN(struct settings, log.format),
		.names = format_names,
		.fallback = "text"},
	{0},
};

/* The groups are structs within struct settings, so their tables count from its beginning. */
static const struct conf_option options[] = {
	{.key = "kafka",
		.type = CONF_GROUP,
		.options = kafka_options,
		.check = check_kafka,
		.required = true},
	{.key = "exporter",
		.type = CONF_GROUP,
		.options = exporter_options,
		.present = IN(struct settings, exporter.present),
		.check = check_exporter},
	{.key = "scaler",
		.type = CONF_GROUP,
		.options = scaler_options,
		.present = IN(struct settings, scaler.present),
		.check = check_scaler},
	{.key = "log", .type = CONF_GROUP, .options = log_options},
	{0},
};

int settings_read(const char *path, struct settings *ret, struct conf_errors *errors)
{
	memset(ret, 0, sizeof(*ret));
	return conf_read(path, options, check_root, ret, errors);
}

int settings_parse(
	const char *text, const char *name, struct settings *ret, struct conf_errors *errors)
{
	memset(ret, 0, sizeof(*ret));
	return conf_parse(text, name, options, check_root, ret, errors);
}

void settings_release(struct settings *s)
{
	conf_free(options, s);
}

void settings_list(struct strbuf *out)
{
	conf_list(options, "", out);
}

struct kafka_options settings_kafka(const struct settings *s,
	const struct settings_filters *filters, const struct kafka_watch *watches,
	size_t watch_count)
{
	struct kafka_options o = {
		.bootstrap = s->kafka.bootstrap,
		.properties = s->kafka.properties,
		.property_files = s->kafka.property_files,
		.property_env = s->kafka.property_env,
		.read_committed = s->kafka.isolation == 1,
		.timeout_ms = s->kafka.timeout_ms,
		.watches = watches,
		.watch_count = watch_count,
	};

	if (filters) {
		o.group_filter = filters->group_filter;
		o.group_exclude = filters->group_exclude;
		o.topic_filter = filters->topic_filter;
		o.topic_exclude = filters->topic_exclude;
	}
	return o;
}

int settings_filters(const struct settings *s, struct settings_filters *ret, struct err *err)
{
	const struct {
		const char *text;
		struct pattern **to;
	} all[] = {
		{s->exporter.group_filter, &ret->group_filter},
		{s->exporter.group_exclude, &ret->group_exclude},
		{s->exporter.topic_filter, &ret->topic_filter},
		{s->exporter.topic_exclude, &ret->topic_exclude},
	};

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (!all[i].text)
			continue;
		*all[i].to = pattern_new(all[i].text, err);
		if (!*all[i].to)
			return -1;
	}
	return 0;
}

void settings_filters_release(struct settings_filters *f)
{
	pattern_free(f->group_filter);
	pattern_free(f->group_exclude);
	pattern_free(f->topic_filter);
	pattern_free(f->topic_exclude);
}

static bool watched(
	const struct kafka_watch *watches, size_t count, const char *group, const char *topic)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(watches[i].group, group) == 0 && strcmp(watches[i].topic, topic) == 0)
			return true;
	return false;
}

struct kafka_watch *settings_watches(const struct settings *s, size_t *ret_count)
{
	const struct rule *rules = s->scaler.rules.items;
	struct kafka_watch *watches = NULL;
	size_t count = 0;

	for (size_t i = 0; i < s->scaler.rules.count; i++) {
		const struct rule_threshold *threshold;
		const char *group;

		for (size_t t = 0; rule_threshold(&rules[i], t, &group, &threshold); t++) {
			struct kafka_watch *w;

			if (watched(watches, count, group, threshold->topic))
				continue;
			w = mem_append(&watches, count++, sizeof(*w));

			*w = (struct kafka_watch){group, threshold->topic};
		}
	}
	*ret_count = count;
	return watches;
}
