/* The table scaler.objects of the configuration file. */
#include <string.h>

#include "cli/settingstables.h"
#include "scaler/kube.h"

#define NAMESPACES_MAX 32 /* each is a watch with a thread and a connection */

const struct conf_option settings_objects_options[] = {
	{.key = "enabled",
		.type = CONF_BOOL,
		.offset = IN(struct settings, scaler.objects.enabled),
		.fallback = "false"},
	{.key = "namespaces",
		.type = CONF_STRINGS,
		.offset = IN(struct settings, scaler.objects.namespaces),
		.max = NAMESPACES_MAX},
	{.key = "events",
		.type = CONF_BOOL,
		.offset = IN(struct settings, scaler.objects.events),
		.fallback = "true"},
	{0},
};

void settings_check_objects(const void *item, struct conf_scope *scope)
{
	const struct objects_settings *o = &((const struct settings *)item)->scaler.objects;

	for (size_t i = 0; i < o->namespaces.count; i++) {
		struct err err = {0};

		if (kube_check_segment("namespace", o->namespaces.items[i], &err) < 0)
			conf_reject(scope, "namespaces", "%s", err.msg);
		for (size_t j = 0; j < i; j++)
			if (strcmp(o->namespaces.items[i], o->namespaces.items[j]) == 0)
				conf_reject(scope, "namespaces", "\"%s\" is there twice",
					o->namespaces.items[i]);
	}
}
