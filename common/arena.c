#include "common/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* Small enough for a sidecar's one group, and doubled for every further chunk. */
#define ARENA_FIRST 4096
#define ARENA_LARGEST ((size_t)1 << 20)

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, room;
	alignas(max_align_t) char data[];
};

static struct arena_chunk *arena_grow(struct arena *a, size_t bytes)
{
	size_t room = a->chunks ? a->chunks->room * 2 : ARENA_FIRST;
	struct arena_chunk *chunk;

	if (room > ARENA_LARGEST)
		room = ARENA_LARGEST;
	if (room < bytes)
		room = bytes;
	chunk = mem_zalloc(1, sizeof(*chunk) + room);
	chunk->room = room;
	chunk->next = a->chunks;
	a->chunks = chunk;
	return chunk;
}

void *arena_alloc(struct arena *a, size_t count, size_t size)
{
	struct arena_chunk *chunk = a->chunks;
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
		bytes = SIZE_MAX / 2; /* the allocation aborts */
	bytes = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!chunk || chunk->room - chunk->used < bytes)
		chunk = arena_grow(a, bytes);
	p = chunk->data + chunk->used;
	chunk->used += bytes;
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	size_t size;

	if (!s)
		return NULL;
	size = strlen(s) + 1;
	return memcpy(arena_alloc(a, size, 1), s, size);
}

void arena_release(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *chunk = a->chunks;

		a->chunks = chunk->next;
		free(chunk);
	}
}
