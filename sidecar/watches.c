#include "sidecar/watches.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/mem.h"

struct watches {
	struct arena arena; /* the strings */
	struct kafka_watch *pairs;
	const char **topics;
	size_t count, topic_count;
};

static int compare_pairs(const void *a, const void *b)
{
	const struct kafka_watch *x = a, *y = b;
	int order = strcmp(x->group, y->group);

	return order ? order : strcmp(x->topic, y->topic);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_topics(struct watches *w)
{
	size_t kept = 0;

	w->topics = mem_zalloc(w->count, sizeof(*w->topics));
	for (size_t i = 0; i < w->count; i++)
		w->topics[i] = w->pairs[i].topic;
	qsort(w->topics, w->count, sizeof(*w->topics), compare_names);
	for (size_t i = 0; i < w->count; i++)
		if (!kept || strcmp(w->topics[kept - 1], w->topics[i]) != 0)
			w->topics[kept++] = w->topics[i];
	w->topic_count = kept;
}

/* Drops what is there twice and copies the strings of the rest, a group's name once. */
static void own_pairs(struct watches *w, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct kafka_watch *last = w->count ? &w->pairs[w->count - 1] : NULL;
		struct kafka_watch p = w->pairs[i];

		if (last && compare_pairs(last, &p) == 0)
			continue;
		p.group = last && strcmp(last->group, p.group) == 0
				  ? last->group
				  : arena_strdup(&w->arena, p.group);
		p.topic = arena_strdup(&w->arena, p.topic);
		w->pairs[w->count++] = p;
	}
}

struct watches *watches_new(const struct kafka_watch *pairs, size_t count)
{
	struct watches *w;

	if (!count)
		return NULL;
	w = mem_zalloc(1, sizeof(*w));
	w->pairs = mem_zalloc(count, sizeof(*w->pairs));
	memcpy(w->pairs, pairs, count * sizeof(*w->pairs));
	qsort(w->pairs, count, sizeof(*w->pairs), compare_pairs);
	own_pairs(w, count);
	sort_topics(w);
	return w;
}

void watches_free(struct watches *w)
{
	if (!w)
		return;
	arena_release(&w->arena);
	free(w->pairs);
	free(w->topics);
	free(w);
}

void watches_free_at(struct watches **w)
{
	watches_free(*w);
}

bool watches_group(const struct watches *w, const char *group)
{
	size_t count;

	(void)watches_of(w, group, &count);
	return count > 0;
}

bool watches_topic(const struct watches *w, const char *topic)
{
	return w && bsearch(&topic, w->topics, w->topic_count, sizeof(*w->topics), compare_names);
}

const struct kafka_watch *watches_all(const struct watches *w, size_t *ret_count)
{
	*ret_count = w ? w->count : 0;
	return w ? w->pairs : NULL;
}

/* The first pair whose group is not before this one, or behind it where `after`. */
static size_t bound(const struct watches *w, const char *group, bool after)
{
	size_t low = 0, high = w->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(w->pairs[middle].group, group);

		if (order < 0 || (after && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct kafka_watch *watches_of(const struct watches *w, const char *group, size_t *ret_count)
{
	size_t first;

	*ret_count = 0;
	if (!w)
		return NULL;
	first = bound(w, group, false);
	*ret_count = bound(w, group, true) - first;
	return *ret_count ? w->pairs + first : NULL;
}

bool watches_include(const struct watches *w, const struct watches *part)
{
	for (size_t i = 0; part && i < part->count; i++)
		if (!w || !bsearch(&part->pairs[i], w->pairs, w->count, sizeof(*w->pairs),
				  compare_pairs))
			return false;
	return true;
}
