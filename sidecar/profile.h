/* Whose names the series of Kafka have: kafka_exporter's, or those of another lag exporter that sites
 * have dashboards for. A profile is a table of series; the values are of one snapshot. What the
 * snapshot does not know is in no table. */
#ifndef HEXLAG_PROFILE_H
#define HEXLAG_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/err.h"
#include "sidecar/labels.h"
#include "sidecar/series.h"

enum profile_id { PROFILE_KAFKA_EXPORTER, PROFILE_KMINION, PROFILE_LAG_EXPORTER, PROFILE_COUNT };

extern const char *const profile_names[]; /* by enum profile_id; NULL ends it */

/* ERR_CONFIG where a constant label has the name of one that a series of the profile has: the same
 * name twice on a series is not valid. */
int profile_check_labels(enum profile_id id, const struct labels *labels, struct err *err)
	MUSTCHECK;

/* Row `i` of the series of a profile, our own first; NULL behind the last. */
const struct series *profile_series(enum profile_id id, size_t i);

#endif
