#include "scaler/handoverjson.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/gunzip.h"
#include "common/gzip.h"
#include "common/jsonout.h"
#include "common/mem.h"
#include "scaler/docjson.h"

#define VERSION 1
#define DEPTH_MAX 12  /* what control_save() writes has less */
#define GROUP_MAX 253 /* a DNS name */
#define KEY_MAX (RULE_NAME_MAX + GROUP_MAX + 80)

/* Of the longest end: "}}". */
#define END_LEN 2

struct handover {
	json_t *rules; /* by key; an object */
};

/* "group/namespace/kind/name#uid", where versions of one group are the same. A rule of an object is another
 * one when the object was made anew. */
static const char *key_of(const struct ruleset_entry *e, char to[KEY_MAX])
{
	const char *version = e->rule.target.api_version;
	size_t group = version ? rule_group_length(version) : 0;
	char name[RULE_NAME_MAX];

	(void)snprintf(to, KEY_MAX, "%.*s/%s%s%.64s", (int)(group < GROUP_MAX ? group : GROUP_MAX),
		version ? version : "", rule_name(&e->rule, name), e->origin.uid ? "#" : "",
		e->origin.uid ? e->origin.uid : "");
	return to;
}

void handover_begin(struct strbuf *out)
{
	strbuf_addf(out, "{\"version\":%d,\"rules\":{", VERSION);
}

static bool add(struct strbuf *out, size_t max, const char *key, const char *control)
{
	struct jsonout j = {.to = out, .comma = out->len && out->data[out->len - 1] != '{'};
	size_t before = out->len;

	jsonout_text(&j, NULL, key);
	strbuf_addf(out, ":%s", control);
	if (out->len + END_LEN <= max)
		return true;
	out->len = before;
	out->data[before] = '\0';
	return false;
}

bool handover_add(
	struct strbuf *out, size_t max, const struct ruleset_entry *e, const char *control)
{
	char key[KEY_MAX];

	return add(out, max, key_of(e, key), control);
}

void handover_add_rest(
	struct strbuf *out, size_t max, const struct handover *h, const struct ruleset *without)
{
	json_t *known = json_object(), *control;
	const char *key;
	char buffer[KEY_MAX];

	for (size_t i = 0; i < without->count; i++)
		(void)json_object_set_new(known, key_of(&without->entries[i], buffer), json_true());
	json_object_foreach(h ? h->rules : NULL, key, control)
	{
		char *text = json_object_get(known, key)
				     ? NULL
				     : json_dumps(control, JSON_COMPACT | JSON_ENCODE_ANY);

		if (text)
			(void)add(out, max, key, text);
		free(text);
	}
	json_decref(known);
}

void handover_end(struct strbuf *out)
{
	strbuf_adds(out, "}}");
}

char *handover_pack(const struct strbuf *text)
{
	struct strbuf CLEANUP(strbuf_release) packed = STRBUF_INIT;
	struct strbuf out = STRBUF_INIT;
	struct gzip *z;

	if (text->len <= HANDOVER_PLAIN_MAX)
		return mem_strdup(strbuf_str(text));
	gzip_header(&packed);
	z = gzip_begin(&packed);
	gzip_add(z, text->data, text->len);
	gzip_trailer(&packed, gzip_end(z), (struct gzip_sum){0});
	base64_encode(packed.data, packed.len, &out);
	if (out.len <= HANDOVER_MAX)
		return strbuf_take(&out);
	strbuf_release(&out);
	return NULL;
}

/* Appends the text that was packed. */
static int unpack(const char *text, struct strbuf *out, struct err *err)
{
	struct strbuf CLEANUP(strbuf_release) packed = STRBUF_INIT;

	if (*text == '{') {
		strbuf_adds(out, text);
		return 0;
	}
	if (base64_decode(text, strlen(text), &packed, err) != 0)
		return -1;
	return gunzip(strbuf_str(&packed), packed.len, HANDOVER_UNPACKED_MAX, out, err);
}

struct handover *handover_parse(const char *text, struct err *err)
{
	struct strbuf CLEANUP(strbuf_release) plain = STRBUF_INIT;
	struct handover *h = NULL;
	json_t *root, *rules;
	json_error_t why;

	if (unpack(text, &plain, err) != 0)
		return NULL;
	root = json_loads(strbuf_str(&plain), JSON_REJECT_DUPLICATES, &why);
	rules = json_object_get(root, "rules");
	if (!root)
		(void)err_set(err, ERR_CONFIG, "no JSON: %s", why.text);
	else if (json_integer_value(json_object_get(root, "version")) != VERSION ||
		 !json_is_object(rules))
		(void)err_set(err, ERR_CONFIG, "not of a version that is known");
	else if (docjson_is_deep(rules, DEPTH_MAX))
		(void)err_set(err, ERR_CONFIG, "nested deeper than anything of ours");
	else
		h = mem_zalloc(1, sizeof(*h));
	if (h)
		h->rules = json_incref(rules);
	json_decref(root);
	return h;
}

void handover_free(struct handover *h)
{
	if (!h)
		return;
	json_decref(h->rules);
	free(h);
}

char *handover_peek(const struct handover *h, const struct ruleset_entry *e)
{
	char key[KEY_MAX];
	json_t *control = h ? json_object_get(h->rules, key_of(e, key)) : NULL;

	return control ? json_dumps(control, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
}

char *handover_take(struct handover *h, const struct ruleset_entry *e)
{
	char *text = handover_peek(h, e);
	char key[KEY_MAX];

	if (text)
		(void)json_object_del(h->rules, key_of(e, key));
	return text;
}
