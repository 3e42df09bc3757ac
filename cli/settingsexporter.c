/* The exporter section of the configuration file. */
#include "cli/settingstables.h"
#include "common/pattern.h"
#include "sidecar/httpd.h"
#include "sidecar/labels.h"

#define DAY_MS INT64_C(86400000)

static const char *const time_lag_names[] = {
	"group", "partition", "off", NULL}; /* enum series_time_lag */

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

void settings_check_exporter(const void *item, struct conf_scope *scope)
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
	check_expression(scope, "time_lag_exact", s->exporter.time_lag_exact);
}

const struct conf_option settings_exporter_options[] = {
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
	{.key = "state_file",
		.type = CONF_STRING,
		.offset = IN(struct settings, exporter.state_file)},
	{0},
};
