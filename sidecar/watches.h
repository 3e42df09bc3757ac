/* What is watched for rules: (group, topic) pairs, sorted so that finding one takes a few comparisons
 * however many rules there are. Immutable. Thread: any. */
#ifndef HEXLAG_WATCHES_H
#define HEXLAG_WATCHES_H

#include <stdbool.h>
#include <stddef.h>

/* Watched whatever the filters say and whether it exists or not. */
struct kafka_watch {
	const char *group, *topic;
};

/* In all functions NULL is a set of nothing. */
struct watches;

/* Copies the pairs, each once; NULL where there are none. */
struct watches *watches_new(const struct kafka_watch *pairs, size_t count);
void watches_free(struct watches *w);
void watches_free_at(struct watches **w); /* for CLEANUP */

bool watches_group(const struct watches *w, const char *group);
bool watches_topic(const struct watches *w, const char *topic);

/* The pairs by group, then topic. */
const struct kafka_watch *watches_all(const struct watches *w, size_t *ret_count);

/* Whether `w` has every pair of `part`. */
bool watches_include(const struct watches *w, const struct watches *part);

/* Those of one group; borrowed from `w`. */
const struct kafka_watch *watches_of(const struct watches *w, const char *group, size_t *ret_count);

#endif
