/* The table scaler.leader_election of the configuration file. */
#include <inttypes.h>
#include <string.h>

#include "cli/settingstables.h"
#include "scaler/election.h"
#include "scaler/kube.h"
#include "scaler/lease.h"

#define DAY_MS 86400000

const struct conf_option settings_lease_options[] = {
	{.key = "enabled",
		.type = CONF_BOOL,
		.offset = IN(struct settings, scaler.lease.enabled),
		.fallback = "false"},
	{.key = "namespace",
		.type = CONF_STRING,
		.offset = IN(struct settings, scaler.lease.namespace)},
	{.key = "name",
		.type = CONF_STRING,
		.offset = IN(struct settings, scaler.lease.name),
		.fallback = "hexlag"},
	{.key = "identity",
		.type = CONF_STRING,
		.offset = IN(struct settings, scaler.lease.identity)},
	{.key = "lease_duration",
		.type = CONF_DURATION,
		.offset = IN(struct settings, scaler.lease.duration_ms),
		.min = 1000,
		.max = DAY_MS,
		.fallback = "15s"},
	{.key = "renew_deadline",
		.type = CONF_DURATION,
		.offset = IN(struct settings, scaler.lease.deadline_ms),
		.min = 100,
		.max = DAY_MS,
		.fallback = "10s"},
	{.key = "retry_period",
		.type = CONF_DURATION,
		.offset = IN(struct settings, scaler.lease.period_ms),
		.min = 10,
		.max = DAY_MS,
		.fallback = "2s"},
	{0},
};

/* Reports at the option that the message begins with. */
static void reject_by_name(struct conf_scope *scope, const char *message)
{
	size_t len = strcspn(message, " ");

	for (const struct conf_option *o = settings_lease_options; o->key; o++)
		if (strlen(o->key) == len && strncmp(message, o->key, len) == 0)
			conf_reject(scope, o->key, "%s", message + len + 1);
}

void settings_check_lease(const void *item, struct conf_scope *scope)
{
	const struct lease_settings *l = &((const struct settings *)item)->scaler.lease;
	const struct election_options options = {
		.identity = l->identity ? l->identity : "made up",
		.lease_ms = l->duration_ms,
		.renew_ms = l->deadline_ms,
		.retry_ms = l->period_ms,
	};
	struct err err = {0}, name_err = {0};

	/* What is wrong in itself was reported already. */
	if (!l->duration_ms || !l->deadline_ms || !l->period_ms)
		return;
	if (election_check(&options, &err) < 0)
		reject_by_name(scope, err.msg);
	if ((l->namespace && kube_check_segment("namespace", l->namespace, &name_err) < 0) ||
		(l->name && kube_check_segment("name", l->name, &name_err) < 0))
		reject_by_name(scope, name_err.msg);
}

/* A write begins only where it and the lag of the server are over before the Lease is; directly after
 * a renewal at least that has to hold. */
void settings_check_lease_timeout(const struct settings *s, struct conf_scope *scope)
{
	const struct lease_settings *l = &s->scaler.lease;
	int64_t most = l->duration_ms - l->period_ms - LEASE_SLACK_MS;

	if ((l->enabled || settings_scales_self(s)) && l->duration_ms && l->period_ms &&
		s->scaler.timeout_ms > most)
		conf_reject(scope, "timeout",
			"%" PRId64 "ms is more than %" PRId64
			"ms, which leader_election leaves for a write",
			s->scaler.timeout_ms, most);
}
