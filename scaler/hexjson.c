#include "scaler/hexjson.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/strbuf.h"

#define DEPTH_MAX 16       /* a spec has six levels */
#define TEXT_MAX 1000      /* of a problem */
#define EXACT_MAX 9.007e15 /* whole numbers up to here are exact in a double */

/* Writes JSON as a libconfig value. -1: it has none, and `err` says where and why. */
static int write_value(
	struct strbuf *out, const char *path, const json_t *value, int depth, struct err *err);

static bool is_key(const char *s)
{
	if (!isalpha((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-_*", *s))
			return false;
	return true;
}

static void write_string(struct strbuf *out, const char *s)
{
	strbuf_addc(out, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			strbuf_addf(out, "\\%c", c);
		else if (c < ' ' || c == 127)
			strbuf_addf(out, "\\x%02x", c);
		else
			strbuf_addc(out, *s);
	}
	strbuf_addc(out, '"');
}

static void write_int(struct strbuf *out, int64_t n)
{
	strbuf_addi(out, n);
	if (n < INT32_MIN || n > INT32_MAX)
		strbuf_addc(out, 'L');
}

/* Where a number elsewhere in the document is beyond int64, whole ones come as real ones, too. */
static void write_real(struct strbuf *out, double x)
{
	char text[40];

	if (x == floor(x) && fabs(x) < EXACT_MAX) {
		write_int(out, (int64_t)x);
		return;
	}
	(void)snprintf(text, sizeof(text), "%.17g", x);
	strbuf_adds(out, text);
	if (!strpbrk(text, ".e"))
		strbuf_adds(out, ".0");
}

static int write_object(
	struct strbuf *out, const char *path, const json_t *object, int depth, struct err *err)
{
	const char *key;
	json_t *value;

	/* The macro of jansson casts away const, as its iterators do. */
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		char *inner CLEANUP(mem_free_at) = mem_printf("%.200s.%.60s", path, key);

		if (json_is_null(value))
			continue; /* as if it were absent */
		if (!is_key(key))
			return err_set(err, ERR_CONFIG, "%s: unknown key", inner);
		strbuf_addf(out, "%s = ", key);
		if (write_value(out, inner, value, depth + 1, err) != 0)
			return -1;
		strbuf_adds(out, "; ");
	}
	return 0;
}

static int write_array(
	struct strbuf *out, const char *path, const json_t *array, int depth, struct err *err)
{
	json_t *value;
	size_t i;

	strbuf_adds(out, "( ");
	json_array_foreach(array, i, value)
	{
		char *inner CLEANUP(mem_free_at) = mem_printf("%.200s[%zu]", path, i);

		if (i)
			strbuf_adds(out, ", ");
		if (json_is_null(value))
			return err_set(err, ERR_CONFIG, "%s: got null", inner);
		if (write_value(out, inner, value, depth + 1, err) != 0)
			return -1;
	}
	strbuf_adds(out, " )");
	return 0;
}

static int write_value(
	struct strbuf *out, const char *path, const json_t *value, int depth, struct err *err)
{
	if (depth > DEPTH_MAX)
		return err_set(err, ERR_CONFIG, "%s: too many levels", path);
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		strbuf_adds(out, "{ ");
		if (write_object(out, path, value, depth, err) != 0)
			return -1;
		strbuf_addc(out, '}');
		return 0;
	case JSON_ARRAY:
		return write_array(out, path, value, depth, err);
	case JSON_STRING:
		if (strlen(json_string_value(value)) != json_string_length(value))
			return err_set(err, ERR_CONFIG, "%s: has a NUL character", path);
		write_string(out, json_string_value(value));
		return 0;
	case JSON_INTEGER:
		write_int(out, json_integer_value(value));
		return 0;
	case JSON_REAL:
		write_real(out, json_real_value(value));
		return 0;
	default:
		strbuf_adds(out, json_is_true(value) ? "true" : "false");
		return 0;
	}
}

/* The first message, with "spec." in the place of file ("spec") and line, which may be absent. */
static char *first_problem(const char *text)
{
	size_t place = strlen("spec:"), line = strspn(text + place, "0123456789"), length;

	text += place + (line ? line + 1 : 0) + 1;
	length = strcspn(text, "\n");
	return mem_printf("spec.%.*s", (int)(length < TEXT_MAX ? length : TEXT_MAX), text);
}

static void read_spec(const json_t *doc, const struct hex_fields *fields, struct hexobject *o)
{
	struct strbuf text CLEANUP(strbuf_release) = STRBUF_INIT;
	struct conf_errors errors = {0};
	const json_t *spec = json_object_get(doc, "spec");
	const json_t *target = json_object_get(spec, "scaleTargetRef");
	struct err why = {0};

	if (!json_is_object(spec)) {
		o->problem = mem_strdup(spec ? "spec: is not an object" : "spec: missing");
		return;
	}
	/* Only the file's rules may have another way to say what is scaled. */
	if (!target || json_is_null(target)) {
		o->problem = mem_strdup("spec.scaleTargetRef: missing");
		return;
	}
	if (json_object_get(spec, "target")) {
		o->problem = mem_strdup("spec.target: unknown key");
		return;
	}
	if (write_object(&text, "spec", spec, 0, &why) != 0) {
		o->problem = mem_strdup(why.msg);
		return;
	}
	if (conf_parse(strbuf_str(&text), "spec", fields->options, fields->check, &o->rule,
		    &errors) != 0)
		o->problem = first_problem(strbuf_str(&errors.text));
	strbuf_release(&errors.text);
}

/* An object sizes what is in its own namespace: who may make objects in one may not thereby act in
 * another. */
static void place_target(struct hexobject *o)
{
	struct rule_target *t = &o->rule.target;

	if (!t->namespace)
		t->namespace = mem_strdup(o->namespace);
	if (strcmp(t->namespace, o->namespace) != 0)
		o->problem = mem_printf("spec.scaleTargetRef.namespace: \"%.100s\" is not the "
					"namespace of the object",
			t->namespace);
}

static void copy_text(char *to, size_t size, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	(void)snprintf(to, size, "%s", text ? text : "");
}

static void read_status(const json_t *status, struct hexobject *o)
{
	json_t *list = json_object_get(status, "conditions"), *item;
	size_t n;

	copy_text(o->scaled, sizeof(o->scaled), status, "lastScaleTime");
	json_array_foreach(list, n, item)
	{
		const char *type = json_string_value(json_object_get(item, "type"));

		for (size_t i = 0; type && i < CONDITIONS; i++) {
			struct hex_condition *c = &o->conditions[i];

			if (strcmp(type, condition_types[i]) != 0)
				continue;
			copy_text(c->status, sizeof(c->status), item, "status");
			copy_text(c->reason, sizeof(c->reason), item, "reason");
			copy_text(c->message, sizeof(c->message), item, "message");
			copy_text(c->since, sizeof(c->since), item, "lastTransitionTime");
		}
	}
}

/* What stands in a path of the API has to be a name. */
static char *read_name(const json_t *meta, const char *key)
{
	const char *text = json_string_value(json_object_get(meta, key));

	return text && *text && strlen(text) <= 253 && !strpbrk(text, "/%") ? mem_strdup(text)
									    : NULL;
}

/* 0 for what is no number, or none that an int64 holds. */
static int64_t read_int(const json_t *value)
{
	double real = json_real_value(value);

	if (!json_is_real(value))
		return json_integer_value(value);
	return fabs(real) < EXACT_MAX ? (int64_t)real : 0;
}

int hexjson_read_meta(const struct json_t *doc, struct hexobject *ret, struct err *err)
{
	const json_t *meta = json_object_get(doc, "metadata");
	const json_t *deleted = json_object_get(meta, "deletionTimestamp");

	memset(ret, 0, sizeof(*ret)); /* with its padding: rule_equal() compares it */
	ret->namespace = read_name(meta, "namespace");
	ret->name = read_name(meta, "name");
	ret->uid = read_name(meta, "uid");
	if (!ret->namespace || !ret->name || !ret->uid) {
		hexobject_release(ret);
		return err_set(
			err, ERR_CONFIG, "a " HEX_KIND " without metadata.namespace, name and uid");
	}
	copy_text(ret->version, sizeof(ret->version), meta, "resourceVersion");
	copy_text(ret->created, sizeof(ret->created), meta, "creationTimestamp");
	ret->generation = read_int(json_object_get(meta, "generation"));
	ret->deleting = deleted && !json_is_null(deleted);
	read_status(json_object_get(doc, "status"), ret);
	return 0;
}

void hexjson_read_spec(
	const struct json_t *doc, const struct hex_fields *fields, struct hexobject *o)
{
	read_spec(doc, fields, o);
	if (!o->problem)
		place_target(o);
	o->valid = !o->problem;
}

int hexjson_read(const struct json_t *doc, const struct hex_fields *fields, struct hexobject *ret,
	struct err *err)
{
	if (hexjson_read_meta(doc, ret, err) != 0)
		return -1;
	hexjson_read_spec(doc, fields, ret);
	return 0;
}

void hexobject_release(struct hexobject *o)
{
	free(o->namespace);
	free(o->name);
	free(o->uid);
	free(o->problem);
	rule_release(&o->rule);
	*o = (struct hexobject){0};
}
