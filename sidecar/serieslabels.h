/* The labels of series. Pure. */
#ifndef HEXLAG_SERIESLABELS_H
#define HEXLAG_SERIESLABELS_H

#include "common/strbuf.h"
#include "sidecar/series.h"

/* Those of a row, or of what it is about; the list ends with a NULL name. */
const struct series_label *series_labels(const struct series *series);

/* Appends a label's value, escaped. Not for LABEL_TOPIC, LABEL_GROUP and LABEL_PARTITION, which
 * the caller has at hand. */
void series_label_value(const struct series_at *at, enum label_of of, struct strbuf *out);

#endif
