#include "scaler/ruleset.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

struct shared {
	struct ruleset set; /* first: what callers see */
	atomic_uint refs;
};

struct ruleset *ruleset_new(void)
{
	struct shared *s = mem_zalloc(1, sizeof(*s));

	atomic_init(&s->refs, 1);
	return &s->set;
}

void ruleset_add(struct ruleset *s, const struct rule *rule, const struct ruleset_origin *origin)
{
	struct ruleset_entry *e = mem_append(&s->entries, s->count, sizeof(*e));

	memset(e, 0, sizeof(*e));
	rule_copy(&e->rule, rule);
	if (origin)
		e->origin = (struct ruleset_origin){mem_strdup(origin->namespace),
			mem_strdup(origin->name), mem_strdup(origin->uid), origin->generation};
	s->count++;
}

struct ruleset *ruleset_ref(struct ruleset *s)
{
	atomic_fetch_add(&((struct shared *)s)->refs, 1);
	return s;
}

void ruleset_unref(struct ruleset *s)
{
	if (!s || atomic_fetch_sub(&((struct shared *)s)->refs, 1) != 1)
		return;
	for (size_t i = 0; i < s->count; i++) {
		rule_release(&s->entries[i].rule);
		free(s->entries[i].origin.namespace);
		free(s->entries[i].origin.name);
		free(s->entries[i].origin.uid);
	}
	free(s->entries);
	free(s);
}

void ruleset_unref_at(struct ruleset **s)
{
	ruleset_unref(*s);
}

static bool same_origin(const struct ruleset_origin *a, const struct ruleset_origin *b)
{
	return (!a->uid && !b->uid) || (a->uid && b->uid && strcmp(a->uid, b->uid) == 0);
}

size_t ruleset_find(const struct ruleset *s, const struct ruleset_entry *e)
{
	for (size_t i = 0; i < s->count; i++)
		if (same_origin(&s->entries[i].origin, &e->origin) &&
			rule_same_target(&s->entries[i].rule, &e->rule))
			return i;
	return SIZE_MAX;
}

size_t ruleset_find_uid(const struct ruleset *s, const char *uid, size_t from)
{
	for (size_t n = 0; n < s->count; n++) {
		size_t i = (from + n) % s->count;
		const char *has = s->entries[i].origin.uid;

		if (has && strcmp(has, uid) == 0)
			return i;
	}
	return SIZE_MAX;
}

size_t ruleset_twin_before(const struct ruleset *s, size_t i, const char *namespace)
{
	for (size_t j = 0; j < i; j++)
		if (rule_same_target_in(&s->entries[j].rule, &s->entries[i].rule, namespace))
			return j;
	return SIZE_MAX;
}

struct ruleset *ruleset_without_twins(struct ruleset *s, const char *namespace)
{
	struct ruleset *set = ruleset_new();

	for (size_t i = 0; i < s->count; i++) {
		const struct ruleset_entry *e = &s->entries[i];

		if (ruleset_twin_before(s, i, namespace) == SIZE_MAX)
			ruleset_add(set, &e->rule, e->origin.uid ? &e->origin : NULL);
	}
	return set;
}
