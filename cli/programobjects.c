#include "cli/programobjects.h"

#include <unistd.h>

#include "cli/settingstables.h"
#include "scaler/objectsmetrics.h"

static struct kube_options kube_options(const struct settings *s)
{
	return (struct kube_options){.kubeconfig = s->scaler.kubeconfig,
		.context = s->scaler.context,
		.timeout_ms = s->scaler.timeout_ms};
}

int program_objects_open_events(
	struct program_objects *o, const struct settings *s, struct err *err)
{
	char host[256] = "";
	struct events_options options = {.kube = kube_options(s), .instance = host};

	if (!s->scaler.present || !s->scaler.objects.events)
		return 0;
	(void)gethostname(host, sizeof(host) - 1);
	o->events = events_new(&options, err);
	return o->events ? 0 : -1;
}

int program_objects_open(struct program_objects *o, const struct settings *s, struct scaler *scaler,
	struct ruleset *file, void (*changed)(void *ctx, struct ruleset *rules), void *ctx,
	struct err *err)
{
	struct objects_options options = {.kube = kube_options(s),
		.namespaces = s->scaler.objects.namespaces.items,
		.namespace_count = s->scaler.objects.namespaces.count,
		.fields = {settings_rule_options, settings_check_rule},
		.file = file,
		.scaler = scaler,
		.events = o->events,
		.changed = changed,
		.ctx = ctx};

	if (!s->scaler.present || !s->scaler.objects.enabled)
		return 0;
	o->objects = objects_new(&options, err);
	return o->objects ? 0 : -1;
}

int program_objects_start(struct program_objects *o, struct err *err)
{
	if (o->events && events_start(o->events, err) < 0)
		return -1;
	return o->objects ? objects_start(o->objects, err) : 0;
}

void program_objects_stop(struct program_objects *o)
{
	if (o->objects)
		objects_stop(o->objects);
	if (o->events)
		events_stop(o->events);
}

bool program_objects_join(struct program_objects *o, int64_t deadline_ms)
{
	bool ended = !o->objects || objects_join(o->objects, deadline_ms);

	return ended & (!o->events || events_join(o->events, deadline_ms));
}

void program_objects_close(struct program_objects *o)
{
	objects_free(o->objects);
	events_free(o->events);
}

void program_objects_event(void *ctx, const struct ruleset_entry *e, bool warning,
	const char *reason, const char *note)
{
	const struct program_objects *o = ctx;

	if (o->events)
		events_post_rule(o->events, e, warning, reason, note);
}

void program_objects_metrics(void *ctx, struct exposition *x)
{
	const struct program_objects *o = ctx;
	struct objects_counts objects;
	struct events_counts events;

	if (o->objects)
		objects_count(o->objects, &objects);
	if (o->events)
		events = events_counts(o->events);
	objectsmetrics(o->objects ? &objects : NULL, o->events ? &events : NULL, x);
}
