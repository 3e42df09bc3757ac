#include "common/yamlfile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/mem.h"
#include "common/readfile.h"
#include "common/strbuf.h"

int yamlfile_fail(const struct yamlfile *y, const struct yaml_node_s *at, const char *key,
	const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (y->section)
		return err_set(y->err, ERR_CONFIG, "%s:%zu: %s '%s': %s: %s", y->file,
			at->start_mark.line + 1, y->section, y->name, key, text);
	return err_set(
		y->err, ERR_CONFIG, "%s:%zu: %s: %s", y->file, at->start_mark.line + 1, key, text);
}

static int load(struct yamlfile *y, yaml_parser_t *parser)
{
	yaml_document_t second;
	const yaml_node_t *more;

	if (!yaml_parser_load(parser, y->document)) {
		free(y->document);
		y->document = NULL;
		return err_set(y->err, ERR_CONFIG, "%s:%zu: not YAML: %s", y->file,
			parser->problem_mark.line + 1, parser->problem ? parser->problem : "?");
	}
	/* What a second document says would be ignored. */
	if (!yamlfile_root(y))
		return 0;
	if (!yaml_parser_load(parser, &second))
		return err_set(y->err, ERR_CONFIG, "%s:%zu: not YAML: %s", y->file,
			parser->problem_mark.line + 1, parser->problem ? parser->problem : "?");
	more = yaml_document_get_root_node(&second);
	if (more)
		(void)err_set(y->err, ERR_CONFIG, "%s:%zu: a second document", y->file,
			more->start_mark.line + 1);
	yaml_document_delete(&second);
	return more ? -1 : 0;
}

int yamlfile_parse(
	struct yamlfile *y, const char *file, const char *text, size_t len, struct err *err)
{
	yaml_parser_t parser;
	int rc;

	*y = (struct yamlfile){.file = file, .err = err};
	if (!yaml_parser_initialize(&parser))
		return err_set(err, ERR_CONFIG, "%s: the YAML library does not start", file);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	y->document = mem_zalloc(1, sizeof(yaml_document_t));
	rc = load(y, &parser);
	yaml_parser_delete(&parser);
	return rc;
}

int yamlfile_open(struct yamlfile *y, const char *path, size_t max, struct err *err)
{
	struct strbuf text CLEANUP(strbuf_release) = STRBUF_INIT;

	*y = (struct yamlfile){.file = path, .err = err};
	if (readfile(path, max, &text, err) != 0)
		return -1;
	return yamlfile_parse(y, path, strbuf_str(&text), text.len, err);
}

void yamlfile_release(struct yamlfile *y)
{
	if (y->document)
		yaml_document_delete(y->document);
	free(y->document);
	y->document = NULL;
}

const struct yaml_node_s *yamlfile_root(const struct yamlfile *y)
{
	return yaml_document_get_root_node(y->document);
}

bool yamlfile_is_map(const struct yaml_node_s *n)
{
	return n->type == YAML_MAPPING_NODE;
}

bool yamlfile_is_list(const struct yaml_node_s *n)
{
	return n->type == YAML_SEQUENCE_NODE;
}

bool yamlfile_is_null(const struct yaml_node_s *n)
{
	const char *s;

	if (n->type != YAML_SCALAR_NODE || n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	s = (const char *)n->data.scalar.value;
	return !*s || strcmp(s, "~") == 0 || strcmp(s, "null") == 0;
}

const struct yaml_node_s *yamlfile_item(
	const struct yamlfile *y, const struct yaml_node_s *list, size_t i)
{
	const yaml_node_item_t *first = list->data.sequence.items.start;

	if (i >= (size_t)(list->data.sequence.items.top - first))
		return NULL;
	return yaml_document_get_node(y->document, first[i]);
}

bool yamlfile_pair(const struct yamlfile *y, const struct yaml_node_s *map, size_t i,
	const struct yaml_node_s **ret_key, const struct yaml_node_s **ret_value)
{
	const yaml_node_pair_t *first = map->data.mapping.pairs.start;

	if (i >= (size_t)(map->data.mapping.pairs.top - first))
		return false;
	*ret_key = yaml_document_get_node(y->document, first[i].key);
	*ret_value = yaml_document_get_node(y->document, first[i].value);
	return true;
}

int yamlfile_find(const struct yamlfile *y, const struct yaml_node_s *map, const char *key,
	const struct yaml_node_s **ret_node)
{
	const struct yaml_node_s *found = NULL, *k, *value;

	for (size_t i = 0; yamlfile_pair(y, map, i, &k, &value); i++) {
		if (k->type != YAML_SCALAR_NODE ||
			strcmp((const char *)k->data.scalar.value, key) != 0)
			continue;
		if (found)
			return yamlfile_fail(y, k, key, "given twice");
		found = value;
	}
	*ret_node = found && !yamlfile_is_null(found) ? found : NULL;
	return 0;
}

int yamlfile_text(const struct yamlfile *y, const struct yaml_node_s *n, const char *key,
	const char **ret_text)
{
	if (n->type != YAML_SCALAR_NODE)
		return yamlfile_fail(y, n, key, "not a string");
	if (strlen((const char *)n->data.scalar.value) != n->data.scalar.length)
		return yamlfile_fail(y, n, key, "holds a NUL character");
	*ret_text = n->data.scalar.length ? (const char *)n->data.scalar.value : NULL;
	return 0;
}

int yamlfile_find_text(const struct yamlfile *y, const struct yaml_node_s *map, const char *key,
	const char **ret_text)
{
	const struct yaml_node_s *node;

	if (yamlfile_find(y, map, key, &node) != 0)
		return -1;
	*ret_text = NULL;
	return node ? yamlfile_text(y, node, key, ret_text) : 0;
}

char *yamlfile_relative(const struct yamlfile *y, const char *name)
{
	const char *slash = strrchr(y->file, '/');

	if (name[0] == '/' || !slash)
		return mem_strdup(name);
	return mem_printf("%.*s/%s", (int)(slash - y->file), y->file, name);
}
