/* What of configurations needs no libconfig: releasing and listing them, and numbers as text. */
#include <stdio.h>
#include <stdlib.h>

#include "common/conf.h"
#include "common/conftext.h"
#include "common/mem.h"

const char *conf_number_text(double value, char *to, size_t room)
{
	(void)snprintf(to, room, "%.15g", value);
	if (strtod(to, NULL) != value)
		(void)snprintf(to, room, "%.17g", value);
	return to;
}

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

		(void)snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", o->key);
		if (o->options)
			conf_list(o->options, path, out);
		else
			strbuf_addf(out, "%s\t%s\n", path, o->fallback ? o->fallback : "");
	}
}
