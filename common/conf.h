/* Configuration files by table: a libconfig file is read into structs that option tables describe.
 * Every error is collected with file, line, key and value; nothing is silently defaulted, ignored
 * or wrapped. The same tables tell which options exist (conf_list()). Thread: one at a time. */
#ifndef HEXLAG_CONF_H
#define HEXLAG_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/filemark.h"
#include "common/strbuf.h"

enum conf_type {
	CONF_STRING,   /* char *; not empty */
	CONF_INT32,    /* int32_t in [min, max] */
	CONF_INT64,    /* int64_t in [min, max] */
	CONF_BOOL,     /* bool */
	CONF_DURATION, /* int64_t milliseconds in [min, max], written "250ms", "30s", "5m", "1h" */
	CONF_ENUM,     /* int: index of the value in `names` */
	CONF_STRINGS,  /* struct conf_strings, [min, max] elements */
	CONF_GROUP,    /* a struct embedded at offset, described by `options` */
	CONF_LIST,     /* struct conf_items, [min, max] structs of `size` described by `options` */
	CONF_ARRAY, /* the same in place: an array of `max` structs without memory of their own */
	CONF_QUANTITY, /* double in [min, max], by `parse` */
};

struct conf_strings {
	char **items;
	size_t count;
};

void conf_strings_add(struct conf_strings *list, char *text); /* takes `text`, of malloc() */
void conf_strings_release(struct conf_strings *list);         /* empties it. For CLEANUP, too */

struct conf_items {
	void *items;
	size_t count;
};

struct conf_scope; /* where in the file a check looks */

/* Checks a filled struct as a whole and reports by conf_reject(). A value that was reported already, or
 * is missing, is zero or NULL. */
typedef void conf_check(const void *item, struct conf_scope *scope);

struct conf_option {
	const char *key; /* NULL ends a table */
	enum conf_type type;
	size_t offset;            /* in the struct the table describes */
	int64_t min, max;         /* inclusive; see the type */
	const char *fallback;     /* default, written as in the file; NULL: absent stays zero */
	const char *const *names; /* CONF_ENUM, NULL-terminated */
	const struct conf_option *options; /* CONF_GROUP, CONF_LIST */
	size_t size;                       /* CONF_LIST, CONF_ARRAY: of one element */
	size_t count_at; /* CONF_ARRAY: offset of its number of elements (size_t) */
	int (*parse)(const char *text, double *ret, struct err *err); /* CONF_QUANTITY */
	size_t present;    /* offset of a bool that tells if it is there; 0: none */
	conf_check *check; /* CONF_GROUP, CONF_LIST: after one struct has been filled */
	bool required;
};

struct conf_errors {
	struct strbuf text; /* one line each */
	size_t count;
};

/* A file that was read, or a folder in which files were looked for, as it was just before. */
struct conf_file {
	char *path;
	struct filemark mark;
};

struct conf_files {
	struct conf_file *items;
	size_t count;
};

void conf_files_release(struct conf_files *files); /* empties it */

/* Reads the file at `path`, and what it includes by @include "file, folder or pattern", into `out` (zeroed
 * by the caller). -1 when `errors` got at least one line. `out` may be half filled then; conf_free()
 * releases it in both cases. A file has up to 4 MiB, all of them 32 MiB; they nest 10 deep. Each file and
 * folder is appended to `files`, also what could not be read. */
int conf_read(const char *path, const struct conf_option *options, conf_check *check, void *out,
	struct conf_files *files, struct conf_errors *errors) MUSTCHECK;

/* The same from a string; `name` stands for the file in messages, and for where included files are. */
int conf_parse(const char *text, const char *name, const struct conf_option *options,
	conf_check *check, void *out, struct conf_errors *errors) MUSTCHECK;

void conf_free(const struct conf_option *options, void *out);

/* Reports an error at `key` of the struct being checked, or at the struct where it lacks that key. */
void conf_reject(struct conf_scope *scope, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same at element `index` of the list `key`. */
void conf_reject_item(struct conf_scope *scope, const char *key, size_t index, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* "file:line" of element `index` of the list `key` into `to`, which it returns. */
const char *conf_place_item(
	struct conf_scope *scope, const char *key, size_t index, char *to, size_t room);

/* Appends one "path<TAB>default" line for each option that holds a value, e.g.
 * "scaler.rules.minReplicas<TAB>1"; lists are named once, without an index. */
void conf_list(const struct conf_option *options, const char *prefix, struct strbuf *out);

/* Whether two filled structs hold the same values. */
bool conf_same(const struct conf_option *options, const void *a, const void *b);

/* Appends the path of each option that differs, e.g. "exporter.listen"; a list, or a group that only one
 * of them has, as a whole. */
void conf_differences(
	const struct conf_option *options, const void *a, const void *b, struct conf_strings *out);

/* "path.key", or the key alone where the path is empty, into `to`, which it returns. */
const char *conf_join(char *to, size_t room, const char *path, const char *key);

#endif
