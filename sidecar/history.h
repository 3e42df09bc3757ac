/* What one snapshot cannot tell: how old the records are that a group has not read, when it committed last
 * and how fast it moves, and whether it stands still. Bounded: some 300 bytes for a busy partition, 12 for
 * each partition that a group has a commit on.
 *
 * Pure: no clock and no I/O; times are those of the snapshots. Only values that the snapshot's own cycle
 * read are entered, so a broker that is away leaves a gap and no false sample. What is saved and
 * loaded again is for one cluster, which the file names. Thread: any. */
#ifndef HEXLAG_HISTORY_H
#define HEXLAG_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/strbuf.h"

struct history;
struct snapshot;

struct history_options {
	int64_t stuck_after_ms; /* lag and no commit for so long is `stuck`; > 0 */
	int64_t max_idle_ms; /* groups without members and commits for so long are `idle`; 0: none */
};

struct history *history_new(const struct history_options *options);
void history_free(struct history *h); /* NULL is fine */

/* Enters what the cycle of `s` read and fills the fields of `s` that come from history. False: what was
 * loaded is of another cluster and was dropped. */
bool history_apply(struct history *h, struct snapshot *s);

/* Appends everything as a file, with the wall clock's time. False: there is nothing to save, since
 * Kafka has not answered yet. */
bool history_save(struct history *h, int64_t mono_ms, int64_t wall_ms, struct strbuf *out);

/* Takes up what was saved, before the first history_apply(). ERR_CONFIG: it is not such a file, is
 * damaged, or was saved in the future; then nothing of it is taken. */
int history_load(struct history *h, const void *data, size_t len, int64_t mono_ms, int64_t wall_ms,
	struct err *err) MUSTCHECK;

#endif
