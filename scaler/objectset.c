#include "scaler/objectset.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

static void object_free(struct object *o)
{
	hexobject_release(&o->hex);
	free(o->rival);
	free(o);
}

void objectset_release(struct objectset *s)
{
	for (size_t i = 0; i < s->count; i++)
		object_free(s->items[i]);
	free(s->items);
	*s = (struct objectset){0};
}

/* Index of the first object that is not before this name. */
static size_t place_of(const struct objectset *s, const char *namespace, const char *name)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct hexobject *h = &s->items[middle]->hex;
		int order = strcmp(h->namespace, namespace);

		if (!order)
			order = strcmp(h->name, name);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct object *objectset_find(const struct objectset *s, const char *namespace, const char *name)
{
	size_t i = place_of(s, namespace, name);

	if (i == s->count || strcmp(s->items[i]->hex.namespace, namespace) != 0 ||
		strcmp(s->items[i]->hex.name, name) != 0)
		return NULL;
	return s->items[i];
}

static struct object *insert(struct objectset *s, const char *namespace, const char *name)
{
	size_t i = place_of(s, namespace, name);
	struct object *o = mem_zalloc(1, sizeof(*o));

	(void)mem_append(&s->items, s->count, sizeof(struct object *));
	memmove(&s->items[i + 1], &s->items[i], (s->count - i) * sizeof(struct object *));
	s->items[i] = o;
	s->count++;
	return o;
}

static bool same_rule(const struct hexobject *a, const struct hexobject *b)
{
	/* The generation, too: a rule is known by it in reports. */
	if (strcmp(a->uid, b->uid) != 0 || a->generation != b->generation || a->valid != b->valid ||
		a->deleting != b->deleting)
		return false;
	return !a->valid || rule_equal(&a->rule, &b->rule);
}

static void replace(struct object *o, struct hexobject *hex, bool ours)
{
	if (!o->hex.uid || strcmp(o->hex.uid, hex->uid) != 0 || !ours) {
		o->told = (struct objectstatus_told){0};
		objectstatus_told_take(&o->told, hex);
	}
	if (o->hex.generation != hex->generation)
		o->told.retry_ms = 0; /* what was refused may be right now */
	hexobject_release(&o->hex);
	o->hex = *hex;
	o->listed = true;
	*hex = (struct hexobject){0};
}

bool objectset_put(struct objectset *s, struct hexobject *hex, bool ours)
{
	struct object *o = objectset_find(s, hex->namespace, hex->name);
	bool same = o && same_rule(&o->hex, hex);

	if (!o)
		o = insert(s, hex->namespace, hex->name);
	replace(o, hex, ours);
	return !same;
}

bool objectset_refresh(struct objectset *s, struct hexobject *hex, bool ours)
{
	struct object *o = objectset_find(s, hex->namespace, hex->name);

	if (!o || strcmp(o->hex.uid, hex->uid) != 0 || !hex->generation ||
		o->hex.generation != hex->generation || o->hex.deleting != hex->deleting)
		return false;
	/* rule_equal() compares rules with their padding, which an assignment need not copy. */
	memcpy(&hex->rule, &o->hex.rule, sizeof(hex->rule));
	memset(&o->hex.rule, 0, sizeof(o->hex.rule));
	hex->valid = o->hex.valid;
	hex->problem = o->hex.problem;
	o->hex.problem = NULL;
	replace(o, hex, ours);
	return true;
}

static void remove_at(struct objectset *s, size_t i)
{
	object_free(s->items[i]);
	s->count--;
	memmove(&s->items[i], &s->items[i + 1], (s->count - i) * sizeof(struct object *));
}

bool objectset_remove(struct objectset *s, const char *namespace, const char *name)
{
	if (!objectset_find(s, namespace, name))
		return false;
	remove_at(s, place_of(s, namespace, name));
	return true;
}

static bool within(const struct object *o, const char *namespace)
{
	return !namespace || strcmp(o->hex.namespace, namespace) == 0;
}

void objectset_list_began(struct objectset *s, const char *namespace)
{
	for (size_t i = 0; i < s->count; i++)
		if (within(s->items[i], namespace))
			s->items[i]->listed = false;
}

bool objectset_list_ended(struct objectset *s, const char *namespace)
{
	bool gone = false;

	for (size_t i = s->count; i-- > 0;)
		if (within(s->items[i], namespace) && !s->items[i]->listed) {
			remove_at(s, i);
			gone = true;
		}
	return gone;
}

/* Objects of one target stand together, the oldest first. */
static int by_target_and_age(const void *left, const void *right)
{
	const struct hexobject *a = &(*(struct object *const *)left)->hex;
	const struct hexobject *b = &(*(struct object *const *)right)->hex;
	int order = strcmp(a->namespace, b->namespace);

	if (!order)
		order = strcmp(a->rule.target.name, b->rule.target.name);
	if (!order)
		order = strcmp(a->rule.target.kind, b->rule.target.kind);
	if (!order)
		order = strcmp(a->created, b->created);
	return order ? order : strcmp(a->name, b->name);
}

static bool near(const struct object *a, const struct object *b)
{
	return strcmp(a->hex.namespace, b->hex.namespace) == 0 &&
	       strcmp(a->hex.rule.target.name, b->hex.rule.target.name) == 0;
}

static bool in_file(const struct ruleset *file, const char *namespace, const struct rule *rule)
{
	for (size_t i = 0; i < file->count; i++)
		if (rule_same_target_in(&file->entries[i].rule, rule, namespace))
			return true;
	return false;
}

/* The winner among those before `i` in the sorted list, or NULL. */
static const struct object *winner_before(struct object **sorted, size_t i)
{
	for (size_t j = i; j-- > 0 && near(sorted[j], sorted[i]);)
		if (!sorted[j]->rival &&
			rule_same_target(&sorted[j]->hex.rule, &sorted[i]->hex.rule))
			return sorted[j];
	return NULL;
}

static void find_rivals(struct objectset *s, const struct ruleset *file, const char *namespace)
{
	struct object **sorted = mem_zalloc(s->count + 1, sizeof(struct object *));
	size_t count = 0;

	for (size_t i = 0; i < s->count; i++) {
		free(s->items[i]->rival);
		s->items[i]->rival = NULL;
		if (s->items[i]->hex.valid && !s->items[i]->hex.deleting)
			sorted[count++] = s->items[i];
	}
	qsort(sorted, count, sizeof(struct object *), by_target_and_age);
	for (size_t i = 0; i < count; i++) {
		const struct object *winner = winner_before(sorted, i);

		if (in_file(file, namespace, &sorted[i]->hex.rule))
			sorted[i]->rival = mem_strdup("the configuration file");
		else if (winner)
			sorted[i]->rival =
				mem_printf("the older " HEX_KIND " \"%.253s\"", winner->hex.name);
	}
	free(sorted);
}

struct ruleset *objectset_rules(
	struct objectset *s, const struct ruleset *file, const char *namespace)
{
	struct ruleset *rules = ruleset_new();

	find_rivals(s, file, namespace);
	for (size_t i = 0; i < file->count; i++)
		ruleset_add(rules, &file->entries[i].rule, NULL);
	for (size_t i = 0; i < s->count; i++) {
		const struct object *o = s->items[i];

		if (o->hex.valid && !o->hex.deleting && !o->rival)
			ruleset_add(rules, &o->hex.rule,
				&(struct ruleset_origin){o->hex.namespace, o->hex.name, o->hex.uid,
					o->hex.generation});
	}
	return rules;
}
