#include "cli/scalingobjects.h"

#include <unistd.h>

#include "cli/settingstables.h"
#include "scaler/objectsmetrics.h"

static struct kube_options kube_options(const struct settings *s)
{
	return (struct kube_options){.kubeconfig = s->scaler.kubeconfig,
		.context = s->scaler.context,
		.timeout_ms = s->scaler.timeout_ms};
}

int scaling_objects_open_events(
	struct scaling_objects *o, const struct settings *s, struct err *err)
{
	char host[256] = "";
	struct events_options options = {.kube = kube_options(s), .instance = host};

	if (!s->scaler.present || !s->scaler.objects.events)
		return 0;
	(void)gethostname(host, sizeof(host) - 1);
	o->events = events_new(&options, err);
	return o->events ? 0 : -1;
}

int scaling_objects_open(struct scaling_objects *o, const struct settings *s, struct scaler *scaler,
	void (*changed)(void *ctx, struct ruleset *rules), void *ctx, struct err *err)
{
	struct ruleset *CLEANUP(ruleset_unref_at) none = ruleset_new();
	struct objects_options options = {.kube = kube_options(s),
		.namespaces = s->scaler.objects.namespaces.items,
		.namespace_count = s->scaler.objects.namespaces.count,
		.fields = {settings_rule_options, settings_check_rule},
		.file = none,
		.scaler = scaler,
		.events = o->events,
		.changed = changed,
		.ctx = ctx};

	if (!s->scaler.present || !s->scaler.objects.enabled)
		return 0;
	o->objects = objects_new(&options, err);
	return o->objects ? 0 : -1;
}

int scaling_objects_start(struct scaling_objects *o, struct err *err)
{
	if (o->events && events_start(o->events, err) < 0)
		return -1;
	return o->objects ? objects_start(o->objects, err) : 0;
}

void scaling_objects_stop(struct scaling_objects *o)
{
	if (o->objects)
		objects_stop(o->objects);
	if (o->events)
		events_stop(o->events);
}

bool scaling_objects_join(struct scaling_objects *o, int64_t deadline_ms)
{
	bool ended = !o->objects || objects_join(o->objects, deadline_ms);

	return ended & (!o->events || events_join(o->events, deadline_ms));
}

void scaling_objects_close(struct scaling_objects *o)
{
	objects_free(o->objects);
	events_free(o->events);
}

void scaling_objects_event(const struct scaling_objects *o, const struct ruleset_entry *e,
	bool warning, const char *reason, const char *note)
{
	if (o->events)
		events_post_rule(o->events, e, warning, reason, note);
}

void scaling_objects_requests(const struct scaling_objects *o, uint64_t requests[KUBE_OUTCOMES])
{
	struct objects_counts objects = {0};

	if (o->objects)
		objects_count(o->objects, &objects);
	for (int i = 0; i < KUBE_OUTCOMES; i++)
		requests[i] += objects.requests[i] +
			       (o->events ? events_requests(o->events, (enum kube_outcome)i) : 0);
}

void scaling_objects_metrics(const struct scaling_objects *o, struct exposition *x)
{
	struct objects_counts objects;
	struct events_counts events;

	if (o->objects)
		objects_count(o->objects, &objects);
	if (o->events)
		events = events_counts(o->events);
	objectsmetrics(o->objects ? &objects : NULL, o->events ? &events : NULL, x);
}
