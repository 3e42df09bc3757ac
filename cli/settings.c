#include "cli/settings.h"

#include <string.h>

#include "cli/settingstables.h"
#include "common/log.h"
#include "common/pattern.h"

#define PROPERTIES_MAX 200

static const char *const isolation_names[] = {"read_uncommitted", "read_committed", NULL};
static const char *const level_names[] = {"error", "warn", "info", "debug", NULL};
static const char *const format_names[] = {"text", "json", NULL};

static void check_kafka(const void *item, struct conf_scope *scope)
{
	struct kafka_options options = settings_kafka(item, NULL);
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
		.options = settings_exporter_options,
		.present = IN(struct settings, exporter.present),
		.check = settings_check_exporter},
	{.key = "scaler",
		.type = CONF_GROUP,
		.options = settings_scaler_options,
		.present = IN(struct settings, scaler.present),
		.check = settings_check_scaler},
	{.key = "log", .type = CONF_GROUP, .options = log_options},
	{0},
};

int settings_read(const char *path, struct settings *ret, struct conf_errors *errors)
{
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = conf_read(path, options, check_root, ret, &ret->files, errors);
	return settings_find_web(ret, path, errors) < 0 ? -1 : rc;
}

int settings_read_offline(const char *path, struct settings *ret, struct conf_errors *errors)
{
	struct conf_option offline_options[ARRAY_LEN(options)];

	memcpy(offline_options, options, sizeof(options));
	offline_options[0].required = false; /* kafka */
	memset(ret, 0, sizeof(*ret));
	return conf_read(path, offline_options, check_root, ret, &ret->files, errors);
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
	conf_files_release(&s->files);
}

void settings_differences(
	const struct settings *a, const struct settings *b, struct conf_strings *out)
{
	conf_differences(options, a, b, out);
}

void settings_list(struct strbuf *out)
{
	conf_list(options, "", out);
}

struct kafka_options settings_kafka(
	const struct settings *s, const struct settings_filters *filters)
{
	struct kafka_options o = {
		.bootstrap = s->kafka.bootstrap,
		.properties = s->kafka.properties,
		.property_files = s->kafka.property_files,
		.property_env = s->kafka.property_env,
		.read_committed = s->kafka.isolation == 1,
		.timeout_ms = s->kafka.timeout_ms,
		.group_states = settings_group_states(s),
	};

	if (filters) {
		o.group_filter = filters->group_filter;
		o.group_exclude = filters->group_exclude;
		o.topic_filter = filters->topic_filter;
		o.topic_exclude = filters->topic_exclude;
		o.keep_filtered = s->exporter.present && !s->exporter.show_all;
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
		{s->exporter.per_topic, &ret->per_topic},
		{s->exporter.time_lag_exact, &ret->time_lag_exact},
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
	pattern_free(f->per_topic);
	pattern_free(f->time_lag_exact);
}
