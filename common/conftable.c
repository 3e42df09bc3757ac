/* What is done by option tables alone, without libconfig. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/conftext.h"
#include "common/mem.h"

void conf_strings_add(struct conf_strings *list, char *text)
{
	*(char **)mem_append(&list->items, list->count, sizeof(*list->items)) = text;
	list->count++;
}

void conf_strings_release(struct conf_strings *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct conf_strings){0};
}

void conf_files_release(struct conf_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->items[i].path);
	free(files->items);
	*files = (struct conf_files){0};
}

const char *conf_number_text(double value, char *to, size_t room)
{
	(void)snprintf(to, room, "%.15g", value);
	if (strtod(to, NULL) != value)
		(void)snprintf(to, room, "%.17g", value);
	return to;
}

const char *conf_join(char *to, size_t room, const char *path, const char *key)
{
	(void)snprintf(to, room, "%s%s%s", path, *path ? "." : "", key);
	return to;
}

void conf_free(const struct conf_option *options, void *out)
{
	for (const struct conf_option *o = options; o->key; o++) {
		void *field = (char *)out + o->offset;

		if (o->type == CONF_STRING) {
			mem_free_at(field);
		} else if (o->type == CONF_STRINGS) {
			conf_strings_release(field);
		} else if (o->type == CONF_GROUP) {
			conf_free(o->options, field);
		} else if (o->type == CONF_LIST) {
			struct conf_items *list = field;

			for (size_t i = 0; i < list->count; i++)
				conf_free(o->options, (char *)list->items + i * o->size);
			free(list->items);
		}
	}
}

void conf_list(const struct conf_option *options, const char *prefix, struct strbuf *out)
{
	for (const struct conf_option *o = options; o->key; o++) {
		char path[256];

		(void)conf_join(path, sizeof(path), prefix, o->key);
		if (o->options)
			conf_list(o->options, path, out);
		else
			strbuf_addf(out, "%s\t%s\n", path, o->fallback ? o->fallback : "");
	}
}

static bool same_strings(const struct conf_strings *a, const struct conf_strings *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same = strcmp(a->items[i], b->items[i]) == 0;
	return same;
}

/* `count` structs each. */
static bool same_structs(const struct conf_option *o, const void *a, const void *b, size_t count)
{
	bool same = true;

	for (size_t i = 0; same && i < count; i++)
		same = conf_same(
			o->options, (const char *)a + i * o->size, (const char *)b + i * o->size);
	return same;
}

static bool same_list(
	const struct conf_option *o, const struct conf_items *a, const struct conf_items *b)
{
	return a->count == b->count && same_structs(o, a->items, b->items, a->count);
}

/* `a` and `b` are the structs that hold the arrays. */
static bool same_array(const struct conf_option *o, const void *a, const void *b)
{
	size_t count = *(const size_t *)(const void *)((const char *)a + o->count_at);

	return count == *(const size_t *)(const void *)((const char *)b + o->count_at) &&
	       same_structs(o, (const char *)a + o->offset, (const char *)b + o->offset, count);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Of an option that is no group. */
static bool same_value(const struct conf_option *o, const void *a, const void *b)
{
	switch (o->type) {
	case CONF_STRING:
		return same_text(*(char *const *)a, *(char *const *)b);
	case CONF_STRINGS:
		return same_strings(a, b);
	case CONF_LIST:
		return same_list(o, a, b);
	case CONF_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case CONF_INT32:
		return *(const int32_t *)a == *(const int32_t *)b;
	case CONF_ENUM:
		return *(const int *)a == *(const int *)b;
	case CONF_QUANTITY:
		return !(*(const double *)a < *(const double *)b) &&
		       !(*(const double *)a > *(const double *)b);
	default:
		return *(const int64_t *)a == *(const int64_t *)b;
	}
}

/* Appends to `out` where it is not NULL, and goes on; stops at the first difference where it is. */
static bool compare(const struct conf_option *options, const char *path, const void *a,
	const void *b, struct conf_strings *out)
{
	bool same = true;

	for (const struct conf_option *o = options; o->key && (same || out); o++) {
		const void *in_a = (const char *)a + o->offset, *in_b = (const char *)b + o->offset;
		bool there = !o->present ||
			     ((const bool *)a)[o->present] == ((const bool *)b)[o->present];
		char key[256];

		(void)conf_join(key, sizeof(key), path, o->key);
		if (o->type == CONF_GROUP && there) {
			same &= compare(o->options, key, in_a, in_b, out);
		} else if (!there || !(o->type == CONF_ARRAY ? same_array(o, a, b)
							     : same_value(o, in_a, in_b))) {
			same = false;
			if (out)
				conf_strings_add(out, mem_strdup(key));
		}
	}
	return same;
}

bool conf_same(const struct conf_option *options, const void *a, const void *b)
{
	return compare(options, "", a, b, NULL);
}

void conf_differences(
	const struct conf_option *options, const void *a, const void *b, struct conf_strings *out)
{
	(void)compare(options, "", a, b, out);
}
