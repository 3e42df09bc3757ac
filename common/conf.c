#include "common/conf.h"

#include <inttypes.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/conftext.h"
#include "common/duration.h"
#include "common/mem.h"

struct conf_scope {
	const struct conftext *text;
	struct conf_errors *errors;
	config_setting_t *setting; /* the group being read */
	const char *path;          /* of that group, "" at the root */
};

static void fill_group(struct conf_scope *scope, const struct conf_option *options, void *out);

static PRINTF_LIKE(4, 0) void report(
	struct conf_scope *scope, unsigned line, const char *path, const char *fmt, va_list ap)
{
	struct strbuf *text = &scope->errors->text;
	unsigned file_line;
	const char *file = conftext_place(scope->text, line, &file_line);
	char message[512];

	(void)vsnprintf(message, sizeof(message), fmt, ap);
	strbuf_addf(text, line ? "%s:%u: " : "%s: ", file, file_line);
	if (*path)
		strbuf_addf(text, "%s: ", path);
	strbuf_addf(text, "%s\n", message);
	scope->errors->count++;
}

static PRINTF_LIKE(4, 5) void complain(struct conf_scope *scope, const config_setting_t *at,
	const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(scope, at ? config_setting_source_line(at) : 0, path, fmt, ap);
	va_end(ap);
}

static PRINTF_LIKE(3, 4) void complain_at(
	struct conf_scope *scope, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(scope, line, "", fmt, ap);
	va_end(ap);
}

void conf_reject(struct conf_scope *scope, const char *key, const char *fmt, ...)
{
	config_setting_t *at = config_setting_get_member(scope->setting, key);
	char path[256];
	va_list ap;

	va_start(ap, fmt);
	report(scope, config_setting_source_line(at ? at : scope->setting),
		conf_join(path, sizeof(path), scope->path, key), fmt, ap);
	va_end(ap);
}

void conf_reject_item(struct conf_scope *scope, const char *key, size_t index, const char *fmt, ...)
{
	config_setting_t *list = config_setting_get_member(scope->setting, key);
	config_setting_t *at = list ? config_setting_get_elem(list, (unsigned)index) : NULL;
	char path[256], item[300];
	va_list ap;

	(void)snprintf(item, sizeof(item), "%s[%zu]",
		conf_join(path, sizeof(path), scope->path, key), index);
	va_start(ap, fmt);
	report(scope, config_setting_source_line(at ? at : scope->setting), item, fmt, ap);
	va_end(ap);
}

const char *conf_place_item(
	struct conf_scope *scope, const char *key, size_t index, char *to, size_t room)
{
	config_setting_t *list = config_setting_get_member(scope->setting, key);
	config_setting_t *at = list ? config_setting_get_elem(list, (unsigned)index) : NULL;
	unsigned line;
	const char *file = conftext_place(
		scope->text, config_setting_source_line(at ? at : scope->setting), &line);

	(void)snprintf(to, room, "%s:%u", file, line);
	return to;
}

static const char *type_name(enum conf_type type)
{
	static const char *const names[] = {
		[CONF_STRING] = "a string in quotes",
		[CONF_INT32] = "a whole number",
		[CONF_INT64] = "a whole number",
		[CONF_BOOL] = "true or false",
		[CONF_DURATION] = "a duration in quotes, such as \"30s\" (ms, s, m, h)",
		[CONF_ENUM] = "a string in quotes",
		[CONF_STRINGS] = "a list of strings: [ \"...\", \"...\" ]",
		[CONF_GROUP] = "a group: { ... }",
		[CONF_LIST] = "a list of groups: ( { ... }, { ... } )",
		[CONF_ARRAY] = "a list of groups: ( { ... }, { ... } )",
		[CONF_QUANTITY] = "a number, or a quantity in quotes",
	};

	return names[type];
}

/* The value as text for a message; groups and lists by their kind. */
static const char *value_text(const config_setting_t *s, char *to, size_t room)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		(void)snprintf(to, room, "\"%s\"", config_setting_get_string(s));
		break;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		(void)snprintf(to, room, "%lld", config_setting_get_int64(s));
		break;
	case CONFIG_TYPE_FLOAT:
		(void)snprintf(to, room, "%g", config_setting_get_float(s));
		break;
	case CONFIG_TYPE_BOOL:
		(void)snprintf(to, room, "%s", config_setting_get_bool(s) ? "true" : "false");
		break;
	case CONFIG_TYPE_GROUP:
		(void)snprintf(to, room, "a group { }");
		break;
	case CONFIG_TYPE_LIST:
		(void)snprintf(to, room, "a list ( )");
		break;
	default:
		(void)snprintf(to, room, "an array [ ]");
		break;
	}
	return to;
}

static void wrong_type(
	struct conf_scope *scope, const config_setting_t *s, const char *path, enum conf_type want)
{
	char text[300];

	complain(scope, s, path, "got %s, want %s", value_text(s, text, sizeof(text)),
		type_name(want));
}

static void fill_int(struct conf_scope *scope, const struct conf_option *o, const char *path,
	const config_setting_t *s, void *field)
{
	int type = config_setting_type(s);
	int64_t value;
	int32_t narrow;

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		wrong_type(scope, s, path, o->type);
		return;
	}
	value = config_setting_get_int64(s);
	if (value < o->min || value > o->max) {
		complain(scope, s, path, "%" PRId64 " is outside %" PRId64 " to %" PRId64, value,
			o->min, o->max);
	} else if (conftext_is_wide(scope->text, config_setting_source_line(s), value)) {
		complain(scope, s, path, "%" PRId64 " does not fit 32 bits; write %" PRId64 "L",
			value, value);
	} else if (o->type == CONF_INT32) {
		narrow = (int32_t)value;
		memcpy(field, &narrow, sizeof(narrow));
	} else {
		memcpy(field, &value, sizeof(value));
	}
}

static void fill_duration(struct conf_scope *scope, const struct conf_option *o, const char *path,
	const config_setting_t *s, const char *text, void *field)
{
	int64_t ms;

	if (duration_parse(text, &ms) < 0)
		complain(scope, s, path, "got \"%s\", want %s", text, type_name(o->type));
	else if (ms < o->min || ms > o->max)
		complain(scope, s, path, "\"%s\" is outside %" PRId64 "ms to %" PRId64 "ms", text,
			o->min, o->max);
	else
		memcpy(field, &ms, sizeof(ms));
}

static void fill_enum(struct conf_scope *scope, const struct conf_option *o, const char *path,
	const config_setting_t *s, const char *text, void *field)
{
	struct strbuf CLEANUP(strbuf_release) known = STRBUF_INIT;

	for (int i = 0; o->names[i]; i++) {
		if (strcmp(text, o->names[i]) == 0) {
			memcpy(field, &i, sizeof(i));
			return;
		}
		strbuf_addf(&known, "%s\"%s\"", i ? ", " : "", o->names[i]);
	}
	complain(scope, s, path, "got \"%s\", want one of %s", text, strbuf_str(&known));
}

static void fill_quantity(struct conf_scope *scope, const struct conf_option *o, const char *path,
	const config_setting_t *s, const char *text, void *field)
{
	struct err err = {0};
	double value;

	if (o->parse(text, &value, &err) < 0)
		complain(scope, s, path, "%s", err.msg);
	else if (value < (double)o->min || value > (double)o->max)
		complain(scope, s, path, "%s is outside %" PRId64 " to %" PRId64, text, o->min,
			o->max);
	else
		memcpy(field, &value, sizeof(value));
}

/* A value written as a string, from the file or a table's default. */
static void fill_text(struct conf_scope *scope, const struct conf_option *o, const char *path,
	const config_setting_t *s, const char *text, void *field)
{
	char *copy;

	switch (o->type) {
	case CONF_DURATION:
		fill_duration(scope, o, path, s, text, field);
		break;
	case CONF_ENUM:
		fill_enum(scope, o, path, s, text, field);
		break;
	case CONF_QUANTITY:
		fill_quantity(scope, o, path, s, text, field);
		break;
	default:
		if (!*text) {
			complain(scope, s, path, "must not be empty");
			return;
		}
		copy = mem_strdup(text);
		memcpy(field, &copy, sizeof(copy));
		break;
	}
}

static void fill_strings(struct conf_scope *scope, const struct conf_option *o, const char *path,
	config_setting_t *s, void *field)
{
	struct conf_strings *strings = field;
	int count = config_setting_length(s);

	if (!config_setting_is_array(s) && !config_setting_is_list(s)) {
		/* The value is not shown: lists of strings may hold secrets. */
		complain(scope, s, path, "want %s", type_name(o->type));
		return;
	}
	if (count < o->min || count > o->max)
		complain(scope, s, path, "has %d elements, want %" PRId64 " to %" PRId64, count,
			o->min, o->max);
	for (int i = 0; i < count; i++) {
		config_setting_t *element = config_setting_get_elem(s, (unsigned)i);
		const char *text = config_setting_get_string(element);

		if (!text || !*text)
			wrong_type(scope, element, path, CONF_STRING);
		else
			conf_strings_add(strings, mem_strdup(text));
	}
}

/* Reads one { } into `out`, then checks it as a whole. */
static void fill_struct(struct conf_scope *outer, config_setting_t *s, const char *path,
	const struct conf_option *options, conf_check *check, void *out)
{
	struct conf_scope scope = *outer;

	scope.setting = s;
	scope.path = path;
	fill_group(&scope, options, out);
	if (check)
		check(out, &scope);
}

static void fill_list(struct conf_scope *scope, const struct conf_option *o, const char *path,
	config_setting_t *s, void *field)
{
	struct conf_items *list = field;
	char *items;
	int count = config_setting_length(s);

	if (!config_setting_is_list(s)) {
		wrong_type(scope, s, path, o->type);
		return;
	}
	if (count < o->min || count > o->max)
		complain(scope, s, path, "has %d elements, want %" PRId64 " to %" PRId64, count,
			o->min, o->max);
	if (o->type == CONF_ARRAY) {
		count = count > (int)o->max ? (int)o->max : count;
		memcpy((char *)field - o->offset + o->count_at, &(size_t){(size_t)count},
			sizeof(size_t));
		items = field;
	} else {
		list->items = items = mem_zalloc((size_t)count, o->size);
		list->count = (size_t)count;
	}
	for (int i = 0; i < count; i++) {
		config_setting_t *element = config_setting_get_elem(s, (unsigned)i);
		char item[300];

		(void)snprintf(item, sizeof(item), "%s[%d]", path, i);
		if (config_setting_is_group(element))
			fill_struct(scope, element, item, o->options, o->check,
				items + (size_t)i * o->size);
		else
			wrong_type(scope, element, item, CONF_GROUP);
	}
}

static void fill_value(struct conf_scope *scope, const struct conf_option *o, const char *path,
	config_setting_t *s, void *field)
{
	char number[40];
	bool on;

	switch (o->type) {
	case CONF_INT32:
	case CONF_INT64:
		fill_int(scope, o, path, s, field);
		break;
	case CONF_STRINGS:
		fill_strings(scope, o, path, s, field);
		break;
	case CONF_LIST:
	case CONF_ARRAY:
		fill_list(scope, o, path, s, field);
		break;
	case CONF_GROUP:
		if (config_setting_is_group(s))
			fill_struct(scope, s, path, o->options, o->check, field);
		else
			wrong_type(scope, s, path, o->type);
		break;
	case CONF_BOOL:
		if (config_setting_type(s) == CONFIG_TYPE_BOOL) {
			on = config_setting_get_bool(s);
			memcpy(field, &on, sizeof(on));
		} else {
			wrong_type(scope, s, path, o->type);
		}
		break;
	default:
		if (o->type == CONF_QUANTITY && config_setting_is_number(s))
			fill_quantity(scope, o, path, s,
				conf_number_text(
					config_setting_get_float(s), number, sizeof(number)),
				field);
		else if (config_setting_type(s) == CONFIG_TYPE_STRING)
			fill_text(scope, o, path, s, config_setting_get_string(s), field);
		else
			wrong_type(scope, s, path, o->type);
		break;
	}
}

/* Defaults come through the same code as the file, so that they are checked alike. */
static void fill_fallback(
	struct conf_scope *scope, const struct conf_option *o, const char *path, void *field)
{
	int64_t number;
	int32_t narrow;
	bool on;

	if (o->type == CONF_INT32 || o->type == CONF_INT64) {
		number = strtoll(o->fallback, NULL, 10);
		narrow = (int32_t)number;
		if (o->type == CONF_INT32)
			memcpy(field, &narrow, sizeof(narrow));
		else
			memcpy(field, &number, sizeof(number));
	} else if (o->type == CONF_BOOL) {
		on = strcmp(o->fallback, "true") == 0;
		memcpy(field, &on, sizeof(on));
	} else {
		fill_text(scope, o, path, scope->setting, o->fallback, field);
	}
}

/* Defaults of a group that the file leaves out. */
static void fill_absent(struct conf_scope *scope, const struct conf_option *options, void *out)
{
	for (const struct conf_option *o = options; o->key; o++) {
		if (o->type == CONF_GROUP)
			fill_absent(scope, o->options, (char *)out + o->offset);
		else if (o->fallback)
			fill_fallback(scope, o, o->key, (char *)out + o->offset);
	}
}

static void reject_unknown(struct conf_scope *scope, const struct conf_option *options)
{
	int count = config_setting_length(scope->setting);

	for (int i = 0; i < count; i++) {
		config_setting_t *s = config_setting_get_elem(scope->setting, (unsigned)i);
		const char *name = config_setting_name(s);
		const struct conf_option *o = options;
		char path[256];

		while (o->key && strcmp(o->key, name) != 0)
			o++;
		if (!o->key)
			complain(scope, s, conf_join(path, sizeof(path), scope->path, name),
				"unknown key");
	}
}

static void fill_group(struct conf_scope *scope, const struct conf_option *options, void *out)
{
	reject_unknown(scope, options);
	for (const struct conf_option *o = options; o->key; o++) {
		config_setting_t *s = config_setting_get_member(scope->setting, o->key);
		char *field = (char *)out + o->offset;
		char path[256];

		(void)conf_join(path, sizeof(path), scope->path, o->key);
		if (s) {
			if (o->present)
				*((bool *)out + o->present) = true;
			fill_value(scope, o, path, s, field);
		} else if (o->required) {
			complain(scope, scope->setting, path, "missing");
		} else if (o->type == CONF_GROUP) {
			fill_absent(scope, o->options, field);
		} else if (o->fallback) {
			fill_fallback(scope, o, path, field);
		}
	}
}

static void parse(
	struct conf_scope *scope, const struct conf_option *options, conf_check *check, void *out)
{
	config_t config;

	config_init(&config);
	if (config_read_string(&config, strbuf_str(&scope->text->text)) == CONFIG_FALSE)
		complain_at(scope, (unsigned)config_error_line(&config), "%s",
			config_error_text(&config));
	else
		fill_struct(scope, config_root_setting(&config), "", options, check, out);
	config_destroy(&config);
}

int conf_parse(const char *text, const char *name, const struct conf_option *options,
	conf_check *check, void *out, struct conf_errors *errors)
{
	struct conf_files files = {0};
	struct conftext whole = {.files = &files};
	struct conf_scope scope = {.text = &whole, .errors = errors, .path = ""};
	size_t before = errors->count;

	if (conftext_parse(&whole, text, name, errors) == 0)
		parse(&scope, options, check, out);
	conftext_release(&whole);
	conf_files_release(&files);
	return errors->count == before ? 0 : -1;
}

int conf_read(const char *path, const struct conf_option *options, conf_check *check, void *out,
	struct conf_files *files, struct conf_errors *errors)
{
	struct conftext whole = {.files = files};
	struct conf_scope scope = {.text = &whole, .errors = errors, .path = ""};
	size_t before = errors->count;

	if (conftext_read(&whole, path, errors) == 0)
		parse(&scope, options, check, out);
	conftext_release(&whole);
	return errors->count == before ? 0 : -1;
}
