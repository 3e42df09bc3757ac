/* What the webconfig*.c files share: sections of the file by table. Internal to them. */
#ifndef HEXLAG_WEBFIELD_H
#define HEXLAG_WEBFIELD_H

#include "sidecar/webconfig.h"

#define LIST_MAX 1000 /* elements of a list or a mapping */

struct yamlfile;
struct yaml_node_s;

struct webfield {
	const char *key;
	int (*read)(struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f,
		struct webconfig *c);
	size_t at;                          /* in struct webconfig; 0: read() knows */
	const struct webconfig_name *names; /* allowed values; NULL: see read() */
};

/* Reads the known fields of a mapping in the order of the table; others are an error. */
int webfield_section(struct yamlfile *y, const struct yaml_node_s *map, const char *name,
	const struct webfield *fields, size_t count, struct webconfig *c) MUSTCHECK;

/* A text that is not empty; borrowed. */
int webfield_text(struct yamlfile *y, const struct yaml_node_s *n, const char *key,
	const char **ret_text) MUSTCHECK;

int webfield_bool(struct yamlfile *y, const struct yaml_node_s *n, const char *key, bool *ret)
	MUSTCHECK;

/* The section tls_server_config. */
int webfield_tls(struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f,
	struct webconfig *c) MUSTCHECK;

#endif
