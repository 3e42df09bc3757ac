/* Custom resources and events, as metrics. Pure: from counts to text. */
#ifndef HEXLAG_OBJECTSMETRICS_H
#define HEXLAG_OBJECTSMETRICS_H

#include "common/exposition.h"
#include "scaler/events.h"
#include "scaler/objects.h"

/* Either may be NULL: it does not run, and its series are absent. */
void objectsmetrics(const struct objects_counts *objects, const struct events_counts *events,
	struct exposition *x);

extern const struct family objectsmetrics_families[]; /* the families that it appends */

#endif
