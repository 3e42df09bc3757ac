/* A YAML document, read key by key with errors that name file, line and key. Nothing is expanded:
 * an alias is the node that it names, so a small file stays small. Embedded: yamlfile_open or
 * yamlfile_parse, yamlfile_release. Thread: one at a time. */
#ifndef HEXLAG_YAMLFILE_H
#define HEXLAG_YAMLFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/err.h"

struct yaml_node_s; /* the library's; borrowed from the document */

struct yamlfile {
	const char *file;           /* its name in messages; borrowed */
	const char *section, *name; /* where reading is ("cluster", "prod"); NULL: at the top */
	struct err *err;            /* where errors go; borrowed */
	void *document;
};

/* Reads the file at `path`, at most `max` bytes. -1 and ERR_CONFIG "file:line: why" for what is not
 * one document of YAML. To be released in both cases. */
int yamlfile_open(struct yamlfile *y, const char *path, size_t max, struct err *err) MUSTCHECK;

/* The same of `len` bytes at `text`; `file` stands for the file in messages. */
int yamlfile_parse(struct yamlfile *y, const char *file, const char *text, size_t len,
	struct err *err) MUSTCHECK;

void yamlfile_release(struct yamlfile *y); /* also for CLEANUP */

/* NULL: the document is empty. */
const struct yaml_node_s *yamlfile_root(const struct yamlfile *y);

bool yamlfile_is_map(const struct yaml_node_s *n);
bool yamlfile_is_list(const struct yaml_node_s *n);
bool yamlfile_is_null(const struct yaml_node_s *n); /* nothing, ~ or null without quotes */

/* Element `i` of a list, NULL behind its end. */
const struct yaml_node_s *yamlfile_item(
	const struct yamlfile *y, const struct yaml_node_s *list, size_t i);

/* Key and value number `i` of a mapping; false behind its end. */
bool yamlfile_pair(const struct yamlfile *y, const struct yaml_node_s *map, size_t i,
	const struct yaml_node_s **ret_key, const struct yaml_node_s **ret_value);

/* The node of `key` in a mapping, NULL where it is absent or null. -1: given twice. */
int yamlfile_find(const struct yamlfile *y, const struct yaml_node_s *map, const char *key,
	const struct yaml_node_s **ret_node) MUSTCHECK;

/* The text of a node, NULL where it is empty; borrowed. -1 where it is no string, or holds a NUL. */
int yamlfile_text(const struct yamlfile *y, const struct yaml_node_s *n, const char *key,
	const char **ret_text) MUSTCHECK;

/* The text of `key` in a mapping, NULL where it is absent, null or empty; borrowed. */
int yamlfile_find_text(const struct yamlfile *y, const struct yaml_node_s *map, const char *key,
	const char **ret_text) MUSTCHECK;

/* `name` as seen from the folder of the file; the caller frees it. */
char *yamlfile_relative(const struct yamlfile *y, const char *name);

/* "file:line: section 'name': key: " and the text. Returns -1. */
int yamlfile_fail(const struct yamlfile *y, const struct yaml_node_s *at, const char *key,
	const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
