/* The exporter section of the configuration file. */
#include <stdlib.h>
#include <string.h>

#include "cli/settingstables.h"
#include "common/mem.h"
#include "common/pattern.h"
#include "sidecar/httpd.h"
#include "sidecar/labels.h"
#include "sidecar/profile.h"
#include "sidecar/snapshot.h"
#include "sidecar/web.h"

#define DAY_MS INT64_C(86400000)

static const char *const time_lag_names[] = {
	"group", "partition", "off", NULL}; /* enum series_time_lag */

static const char *const auth_names[] = {"none", "kubernetes", NULL};

static const char *const group_series_names[] = {
	"auto", "always", "leader", NULL}; /* enum settings_group_series */

static void check_expression(struct conf_scope *scope, const char *key, const char *text)
{
	struct err err = {0};
	struct pattern *p = text ? pattern_new(text, &err) : NULL;

	if (text && !p)
		conf_reject(scope, key, "%s", err.msg);
	pattern_free(p);
}

static void check_labels(struct conf_scope *scope, const char *text, enum profile_id profile)
{
	struct labels labels = {0};
	struct err err = {0};

	if (text && (labels_parse(text, &labels, &err) < 0 ||
			    profile_check_labels(profile, &labels, &err) < 0))
		conf_reject(scope, "labels", "%s", err.msg);
	labels_release(&labels);
}

/* The state with that name, as Kafka spells it; GROUP_UNKNOWN where there is none. */
static enum group_state state_named(const char *name)
{
	enum group_state state = GROUP_DEAD;

	while (state != GROUP_UNKNOWN && strcmp(group_state_name(state), name) != 0)
		state--;
	return state;
}

unsigned settings_group_states(const struct settings *s)
{
	unsigned states = 0;

	for (size_t i = 0; i < s->exporter.group_states.count; i++)
		states |= 1U << state_named(s->exporter.group_states.items[i]);
	return states;
}

static void check_states(struct conf_scope *scope, const struct conf_strings *states)
{
	for (size_t i = 0; i < states->count; i++)
		if (state_named(states->items[i]) == GROUP_UNKNOWN)
			conf_reject(scope, "group_states",
				"\"%s\" is none of Stable, PreparingRebalance, "
				"CompletingRebalance, Empty and Dead",
				states->items[i]);
}

void settings_check_exporter(const void *item, struct conf_scope *scope)
{
	const struct settings *s = item;
	struct err err = {0};

	check_labels(scope, s->exporter.labels, (enum profile_id)s->exporter.profile);
	check_states(scope, &s->exporter.group_states);
	if (s->exporter.listen && httpd_check_address(s->exporter.listen, &err) < 0)
		conf_reject(scope, "listen", "%s", err.msg);
	err_clear(&err);
	if (s->exporter.path && web_check_path(s->exporter.path, &err) < 0)
		conf_reject(scope, "path", "%s", err.msg);
	check_expression(scope, "group_filter", s->exporter.group_filter);
	check_expression(scope, "group_exclude", s->exporter.group_exclude);
	check_expression(scope, "topic_filter", s->exporter.topic_filter);
	check_expression(scope, "topic_exclude", s->exporter.topic_exclude);
	check_expression(scope, "per_topic", s->exporter.per_topic);
	check_expression(scope, "time_lag_exact", s->exporter.time_lag_exact);
}

int settings_find_web(struct settings *s, const char *path, struct conf_errors *errors)
{
	char *file = s->exporter.web.file;
	const char *slash = strrchr(path, '/');
	struct err err = {0};

	if (!file)
		return 0;
	if (file[0] != '/' && slash) {
		s->exporter.web.file = mem_printf("%.*s/%s", (int)(slash - path), path, file);
		free(file);
	}
	if (httpd_check_web(&s->exporter.web, &err) == 0)
		return 0;
	strbuf_addf(&errors->text, "%s: exporter.web_config: %s\n", path, err.msg);
	errors->count++;
	return -1;
}

const struct conf_option settings_exporter_options[] = {
	{.key = "listen",
		.type = CONF_STRING,
		.offset = IN(struct settings, exporter.listen),
		.fallback = ":9308"},
	{.key = "path",
		.type = CONF_STRING,
		.offset = IN(struct settings, exporter.path),
		.fallback = "/metrics"},
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
	{.key = "group_states",
		.type = CONF_STRINGS,
		.offset = IN(struct settings, exporter.group_states),
		.max = GROUP_DEAD},
	{.key = "labels", .type = CONF_STRING, .offset = IN(struct settings, exporter.labels)},
	{.key = "show_all",
		.type = CONF_BOOL,
		.offset = IN(struct settings, exporter.show_all),
		.fallback = "true"},
	{.key = "profile",
		.type = CONF_ENUM,
		.offset = IN(struct settings, exporter.profile),
		.names = profile_names,
		.fallback = "kafka_exporter"},
	{.key = "per_topic",
		.type = CONF_STRING,
		.offset = IN(struct settings, exporter.per_topic)},
	{.key = "hide_zero_lag",
		.type = CONF_BOOL,
		.offset = IN(struct settings, exporter.hide_zero_lag),
		.fallback = "false"},
	{.key = "max_series",
		.type = CONF_INT64,
		.offset = IN(struct settings, exporter.max_series),
		.max = 1000000000,
		.fallback = "0"},
	{.key = "web_config",
		.type = CONF_STRING,
		.offset = IN(struct settings, exporter.web.file)},
	{.key = "auth",
		.type = CONF_ENUM,
		.offset = IN(struct settings, exporter.auth),
		.names = auth_names,
		.fallback = "none"},
	{.key = "time_lag",
		.type = CONF_ENUM,
		.offset = IN(struct settings, exporter.time_lag),
		.names = time_lag_names,
		.fallback = "group"},
	{.key = "time_lag_exact",
		.type = CONF_STRING,
		.offset = IN(struct settings, exporter.time_lag_exact)},
	{.key = "stuck_after",
		.type = CONF_DURATION,
		.offset = IN(struct settings, exporter.stuck_after_ms),
		.min = 1000,
		.max = DAY_MS,
		.fallback = "5m"},
	{.key = "group_max_idle",
		.type = CONF_DURATION,
		.offset = IN(struct settings, exporter.group_max_idle_ms),
		.min = 0,
		.max = 100 * DAY_MS,
		.fallback = "0s"},
	{.key = "group_series",
		.type = CONF_ENUM,
		.offset = IN(struct settings, exporter.group_series),
		.names = group_series_names,
		.fallback = "auto"},
	{.key = "state_file",
		.type = CONF_STRING,
		.offset = IN(struct settings, exporter.state_file)},
	{0},
};
