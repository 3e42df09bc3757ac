/* History kept over restarts in a file: read once at the start, written every minute and at the end, by a
 * thread of its own, so that a slow disk delays no cycle. The file is replaced as a whole or not at all. */
#ifndef HEXLAG_STATEFILE_H
#define HEXLAG_STATEFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"

struct history;
struct statefile;

/* `path` and `history` are borrowed. */
struct statefile *statefile_new(const char *path, struct history *history);
void statefile_free(struct statefile *f); /* only once it does not run; NULL is fine */

/* Loads the file into the history, which is empty. A file that is not there is none; one that cannot
 * be used is an error, with which the program can go on and which the next save replaces. */
int statefile_load(struct statefile *f, struct err *err) MUSTCHECK;

/* Replaces the file. 0 also where there is nothing to save yet. */
int statefile_save(struct statefile *f, struct err *err) MUSTCHECK;

int statefile_start(struct statefile *f, struct err *err) MUSTCHECK;
void statefile_stop(struct statefile *f); /* asks for the last save; returns at once. Thread: any */
bool statefile_join(struct statefile *f, int64_t deadline_ms);

#endif
