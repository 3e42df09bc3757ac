/* What the history*.c files share; nobody else includes this. */
#ifndef HEXLAG_HISTORYSTORE_H
#define HEXLAG_HISTORYSTORE_H

#include <pthread.h>

#include "sidecar/ends.h"
#include "sidecar/history.h"

/* Times are 32-bit ticks, which is 497 days. The origin lies a quarter of them before the start, so that
 * what is loaded has times, too, and moves on when three quarters are used up. */
#define TICK_MS 10
#define TICKS_QUARTER (UINT32_C(1) << 30)

/* Committed offsets that are none. */
#define COMMIT_UNSEEN (-2) /* the group was never seen to answer */
#define COMMIT_NONE (-1)   /* it has none */

struct history_topic {
	char *name;
	struct ends *partitions;
	size_t count;
	size_t slot; /* within one group: 1 + index of its view of this topic; 0: none */
	bool gone;   /* the snapshot does not have it any more */
};

/* A topic as one group sees it. There are ten thousands of them, so every byte counts. */
struct history_view {
	struct history_topic *topic;
	int64_t *commits;  /* by partition; in one block with the ticks of history_since() */
	int64_t moved_ms;  /* wall time at which a commit was last seen to move; 0: never */
	uint64_t advanced; /* records by which commits moved on */
	uint64_t mark_advanced[2]; /* the same at the ticks of `mark_at`, the older first */
	uint32_t mark_at[2];       /* 0: not read yet */
	uint32_t read_at;          /* when it was last read; 0: not yet */
	uint32_t moved_at;         /* `moved_ms` as ticks, or when the view was first seen */
	uint32_t count;            /* partitions */
};

/* When the commit of each partition was last seen to move, or without lag, or first at all. */
static inline uint32_t *history_since(const struct history_view *v)
{
	return (uint32_t *)(void *)(v->commits + v->count);
}

struct history_group {
	char *name;
	struct history_view *views;
	size_t count;
};

struct history {
	pthread_mutex_t lock;
	struct history_options options;
	int64_t origin_ms; /* monotonic time of tick 0; valid with `started` */
	bool started;
	bool applied;  /* a snapshot has been entered */
	char *cluster; /* id of the cluster all this is about; NULL: not known yet */
	struct history_topic **topics; /* sorted by name */
	size_t topic_count;
	struct history_group *groups; /* sorted by name */
	size_t group_count;
};

/* Sets the origin with the first time that is seen. */
void history_start(struct history *h, int64_t mono_ms);

uint32_t history_tick(const struct history *h, int64_t mono_ms);

/* Forgets all topics and groups, and the cluster. */
void history_clear(struct history *h);

/* Room for the commits of `count` partitions, those beyond the present ones not seen yet. */
void history_view_resize(struct history_view *v, size_t count, uint32_t now);

/* More or fewer partitions; new ones are empty. */
void history_topic_resize(struct history_topic *t, size_t count);

#endif
