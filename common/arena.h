/* Memory for many small things that die together. Nothing in it is freed alone.
 * Embedded: arena_release. Thread: one at a time while it grows. */
#ifndef HEXLAG_ARENA_H
#define HEXLAG_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
};

void *arena_alloc(struct arena *a, size_t count, size_t size); /* zeroed, aligned for any type */
char *arena_strdup(struct arena *a, const char *s);            /* NULL stays NULL */
void arena_release(struct arena *a);

#endif
