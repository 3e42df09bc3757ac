#include "scaler/objectsmetrics.h"

#include <inttypes.h>

#include "common/attr.h"

enum {
	FAMILY_OBJECTS,
	FAMILY_SYNCED,
	FAMILY_LISTS,
	FAMILY_RESTARTS,
	FAMILY_FAILURES,
	FAMILY_BROKEN,
	FAMILY_STATUS,
	FAMILY_EVENTS,
};

const struct family objectsmetrics_families[] = {
	[FAMILY_OBJECTS] = {"hexlag_objects", "gauge", "state",
		"HexServerAutoscaler objects: valid, invalid, or ambiguous."},
	[FAMILY_SYNCED] = {"hexlag_objects_synced", "gauge", "",
		"1 if all HexServerAutoscaler objects are known and watched."},
	[FAMILY_LISTS] = {"hexlag_objects_lists_total", "counter", "",
		"Lists of HexServerAutoscaler objects that were whole."},
	[FAMILY_RESTARTS] = {"hexlag_objects_watch_restarts_total", "counter", "",
		"Watches of HexServerAutoscaler objects opened again."},
	[FAMILY_FAILURES] = {"hexlag_objects_watch_failures_total", "counter", "",
		"Lists and watches of HexServerAutoscaler objects that failed."},
	[FAMILY_BROKEN] = {"hexlag_objects_broken_total", "counter", "",
		"HexServerAutoscaler objects that could not be read at all."},
	[FAMILY_STATUS] = {"hexlag_objects_status_writes_total", "counter", "outcome",
		"Writes of a HexServerAutoscaler's status, by outcome: ok, failed."},
	[FAMILY_EVENTS] = {"hexlag_events_total", "counter", "outcome",
		"Requests for Kubernetes events: posted, failed; events never sent: dropped."},
	{0},
};

struct sample {
	const char *value; /* of the label */
	uint64_t number;
};

static void add(struct exposition *x, int family, const struct sample *samples, size_t count)
{
	const struct family *f = &objectsmetrics_families[family];

	exposition_family(x, f);
	for (size_t i = 0; i < count; i++)
		strbuf_addf(&x->text, "%s{%s=\"%s\"} %" PRIu64 "\n", f->name, f->labels,
			samples[i].value, samples[i].number);
}

static void add_objects(const struct objects_counts *o, struct exposition *x)
{
	const struct sample states[] = {
		{"valid", o->valid}, {"invalid", o->invalid}, {"ambiguous", o->ambiguous}};
	const struct sample status[] = {{"ok", o->status_writes}, {"failed", o->status_failures}};
	const struct {
		int family;
		uint64_t number;
	} singles[] = {{FAMILY_SYNCED, o->synced}, {FAMILY_LISTS, o->watches.lists},
		{FAMILY_RESTARTS, o->watches.restarts}, {FAMILY_FAILURES, o->watches.failures},
		{FAMILY_BROKEN, o->watches.broken + o->nameless}};

	add(x, FAMILY_OBJECTS, states, ARRAY_LEN(states));
	for (size_t i = 0; i < ARRAY_LEN(singles); i++)
		exposition_single(x, &objectsmetrics_families[singles[i].family],
			(int64_t)singles[i].number, 0);
	add(x, FAMILY_STATUS, status, ARRAY_LEN(status));
}

void objectsmetrics(const struct objects_counts *objects, const struct events_counts *events,
	struct exposition *x)
{
	if (objects)
		add_objects(objects, x);
	if (events) {
		const struct sample samples[] = {{"posted", events->posted},
			{"failed", events->failed}, {"dropped", events->dropped}};

		add(x, FAMILY_EVENTS, samples, ARRAY_LEN(samples));
	}
}
