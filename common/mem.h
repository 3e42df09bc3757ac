/* Allocation that never returns NULL: out of memory aborts, since all state is rebuilt from
 * Kafka and Kubernetes within one cycle of a restart. Sizes are multiplied with overflow checks.
 * The caller owns what is returned and frees it with free(). Thread: any. */
#ifndef HEXLAG_MEM_H
#define HEXLAG_MEM_H

#include <stddef.h>

#include "common/attr.h"

void *mem_alloc(size_t size);                /* contents undefined */
void *mem_zalloc(size_t count, size_t size); /* zeroed */
void *mem_resize(void *p, size_t count, size_t size);
char *mem_strdup(const char *s);            /* NULL stays NULL */
char *mem_strndup(const char *s, size_t n); /* at most n bytes of s */
char *mem_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Makes room for one more element in the array `*items` of `count` elements and returns the
 * (uninitialized) place of it. Room doubles, so appending is linear. `count` is not changed. */
void *mem_append(void *items, size_t count, size_t size);

/* For CLEANUP: frees the pointer that `p` points to. */
void mem_free_at(void *p);

#endif
