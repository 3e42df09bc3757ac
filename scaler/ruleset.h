/* The rules in force: an immutable set that the scaler, the collector and screens share by reference.
 * A reload or a changed object makes a new one. */
#ifndef HEXLAG_RULESET_H
#define HEXLAG_RULESET_H

#include <stddef.h>
#include <stdint.h>

#include "scaler/rule.h"

/* The object that a rule was read from; all empty for a rule of the file. */
struct ruleset_origin {
	char *namespace, *name, *uid; /* NULL: the configuration file */
	int64_t generation;
};

struct ruleset_entry {
	struct rule rule;
	struct ruleset_origin origin;
	/* Of the target, as far as an event is to tell: borrowed for that call. NULL or "": not known, as
	 * always in a set. */
	const char *target_uid;
};

struct ruleset {
	struct ruleset_entry *entries;
	size_t count;
};

/* Empty, with one reference for the caller, to be filled by ruleset_add() before it is shared. */
struct ruleset *ruleset_new(void);

/* Appends a copy of the rule; `origin` NULL: the file. */
void ruleset_add(struct ruleset *s, const struct rule *rule, const struct ruleset_origin *origin);

struct ruleset *ruleset_ref(struct ruleset *s); /* Thread: any */
void ruleset_unref(struct ruleset *s);          /* NULL is fine. Thread: any */
void ruleset_unref_at(struct ruleset **s);      /* for CLEANUP */

/* Index of the rule with the same target and origin as entry `e`, SIZE_MAX where there is none. */
size_t ruleset_find(const struct ruleset *s, const struct ruleset_entry *e);

/* Index of the rule of the object with this uid, SIZE_MAX where there is none; looked for from index `from`
 * on, and then from the first. */
size_t ruleset_find_uid(const struct ruleset *s, const char *uid, size_t from);

/* Index of the first rule before the `i`-th with the same target, where a target without a namespace is in
 * `namespace`; SIZE_MAX where there is none. Open rules have no target yet. */
size_t ruleset_twin_before(const struct ruleset *s, size_t i, const char *namespace);

/* Those without a twin before them, as a new reference. */
struct ruleset *ruleset_without_twins(struct ruleset *s, const char *namespace);

#endif
