/* The exporter section of the configuration file. */
#include <stdlib.h>
#include <string.h>

#include "cli/settingstables.h"
#include "common/mem.h"
#include "common/pattern.h"
#include "sidecar/httpd.h"
#include "sidecar/labels.h"

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
	{.key = "web_config",
		.type = CONF_STRING,
		.offset = IN(struct settings, exporter.web.file)},
	{0},
};
