/* What the scaler does, as metrics. Pure: from a report to text. */
#ifndef HEXLAG_SCALERMETRICS_H
#define HEXLAG_SCALERMETRICS_H

#include "common/exposition.h"

struct scaler_report;

/* Appends its families. What is not known of a rule yet has no sample. */
void scalermetrics(const struct scaler_report *r, struct exposition *x);

extern const struct family scalermetrics_families[]; /* the families that it appends */

#endif
