/* Constant labels that every series of a snapshot carries, as kafka_exporter's --kafka.labels.
 * Embedded: labels_parse, labels_release; {0} is the empty set. Frozen once parsed. */
#ifndef HEXLAG_LABELS_H
#define HEXLAG_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/strbuf.h"

struct label {
	char *name;
	char *value; /* escaped for the exposition */
};

struct labels {
	struct label *items; /* sorted by name (strcmp) */
	size_t count;
};

/* Reads "name=value,name=value"; a value may hold '=' but no comma, "" is the empty set. -1 and
 * ERR_CONFIG for what is no label name and for a name given twice. Whether the series have the name
 * already is profile_check_labels()'s to say. */
int labels_parse(const char *list, struct labels *ret, struct err *err) MUSTCHECK;
void labels_release(struct labels *l); /* also for CLEANUP */

/* Appends `name="value",` for each constant label whose name sorts after `after` and before
 * `before`; NULL is an open end. */
void labels_add(const struct labels *l, const char *after, const char *before, struct strbuf *out);

#endif
