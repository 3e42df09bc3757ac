#include "sidecar/labels.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/exposition.h"
#include "common/mem.h"

static bool name_valid(const char *name, size_t len)
{
	if (len == 0 || isdigit((unsigned char)name[0]))
		return false;
	/* Prometheus keeps names that begin with two underscores for itself. */
	if (len >= 2 && name[0] == '_' && name[1] == '_')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return false;
	return true;
}

static int compare_labels(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Adds the label that "name=value" of `len` bytes spells. */
static int add_item(struct labels *l, const char *item, size_t len, struct err *err)
{
	const char *equals = memchr(item, '=', len);
	size_t name_len = equals ? (size_t)(equals - item) : len;
	struct strbuf escaped = STRBUF_INIT;
	struct label *label;
	char *value;

	if (!equals)
		return err_set(err, ERR_CONFIG, "label '%.*s' has no '='", (int)len, item);
	if (!name_valid(item, name_len))
		return err_set(err, ERR_CONFIG, "'%.*s' is not a label name", (int)name_len, item);
	l->items = mem_resize(l->items, l->count + 1, sizeof(*l->items));
	label = &l->items[l->count++];
	label->name = mem_strndup(item, name_len);
	value = mem_strndup(equals + 1, len - name_len - 1);
	exposition_label_value(&escaped, value);
	label->value = strbuf_take(&escaped);
	free(value);
	return 0;
}

int labels_parse(const char *list, struct labels *ret, struct err *err)
{
	CLEANUP(labels_release) struct labels l = {0};

	for (const char *item = list; *item;) {
		size_t len = strcspn(item, ",");

		if (len > 0 && add_item(&l, item, len, err))
			return -1;
		item += len + (item[len] == ',');
	}
	if (l.count)
		qsort(l.items, l.count, sizeof(*l.items), compare_labels);
	for (size_t i = 1; i < l.count; i++)
		if (strcmp(l.items[i - 1].name, l.items[i].name) == 0)
			return err_set(
				err, ERR_CONFIG, "label '%s' is given twice", l.items[i].name);
	*ret = l;
	l = (struct labels){0};
	return 0;
}

void labels_release(struct labels *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->items[i].name);
		free(l->items[i].value);
	}
	free(l->items);
	*l = (struct labels){0};
}

void labels_add(const struct labels *l, const char *after, const char *before, struct strbuf *out)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct label *label = &l->items[i];

		if (after && strcmp(label->name, after) < 0)
			continue;
		if (before && strcmp(label->name, before) > 0)
			return;
		strbuf_adds(out, label->name);
		strbuf_adds(out, "=\"");
		strbuf_adds(out, label->value);
		strbuf_adds(out, "\",");
	}
}
