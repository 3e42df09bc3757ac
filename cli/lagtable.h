/* A snapshot as the table or JSON document that `hexlag lag` prints. Pure. */
#ifndef HEXLAG_LAGTABLE_H
#define HEXLAG_LAGTABLE_H

#include "common/strbuf.h"
#include "sidecar/snapshot.h"

/* One row per group, topic and partition with columns as wide as their contents, then a total per
 * group and topic. What is unknown is "?", what does not exist "-", a value that is not fresh carries
 * its age. `group` and `topic`: only those; NULL: all. Returns the number of partition rows. */
size_t lagtable_text(
	struct strbuf *out, const struct snapshot *s, const char *group, const char *topic);

/* One line for each group, broker and listing that failed, and for each group with nothing to show. */
void lagtable_remarks(struct strbuf *out, const struct snapshot *s, const char *group);

#endif
