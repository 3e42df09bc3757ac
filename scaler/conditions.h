/* The conditions of a target by the names of a HorizontalPodAutoscaler of autoscaling/v2, and by its reasons
 * where it has one for it. The same in the status of an object and in the API. Pure. Thread: any. */
#ifndef HEXLAG_CONDITIONS_H
#define HEXLAG_CONDITIONS_H

#include "scaler/target.h"

enum condition_type {
	CONDITION_ABLE_TO_SCALE,   /* the scale can be read, and may be written now */
	CONDITION_SCALING_ACTIVE,  /* the lag is known, and sizing not switched off */
	CONDITION_SCALING_LIMITED, /* a bound or a rate holds it back */
	CONDITIONS,
};

extern const char *const condition_types[CONDITIONS]; /* "AbleToScale", ... */

/* Texts are borrowed from the view and the struct. */
struct condition {
	const char *status;           /* "True", "False", "Unknown" */
	const char *reason, *message; /* NULL: unknown */
};

struct conditions {
	struct condition by_type[CONDITIONS];
	char rescaled[80];
};

void conditions_of(const struct target_view *v, struct conditions *ret);

#endif
