#include "scaler/kubeyaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "common/base64.h"
#include "common/mem.h"
#include "common/readfile.h"
#include "common/strbuf.h"

/* A parsed file and the place in it that is being read. */
struct reader {
	yaml_document_t yaml;
	const char *file;
	const char *section, *name; /* "cluster", "prod"; NULL at the top */
	struct err *err;
};

enum field_type {
	FIELD_TEXT,
	FIELD_SECRET,   /* text that is never repeated */
	FIELD_FILE,     /* name of a file */
	FIELD_PEM,      /* base64 of PEM */
	FIELD_FLAG,     /* true or false */
	FIELD_REJECTED, /* acting without it would be wrong */
};

struct field {
	const char *key;
	enum field_type type;
	size_t at; /* in struct kubeconfig */
};

#define AT(member) offsetof(struct kubeconfig, member)

static const struct field cluster_fields[] = {
	{"server", FIELD_TEXT, AT(server)}, {"certificate-authority", FIELD_FILE, AT(ca_file)},
	{"certificate-authority-data", FIELD_PEM, AT(ca)},
	{"insecure-skip-tls-verify", FIELD_FLAG, AT(insecure)},
	{"tls-server-name", FIELD_TEXT, AT(tls_server_name)},
	{"proxy-url", FIELD_SECRET, AT(proxy_url)}, /* may hold a password */
};

static const struct field user_fields[] = {
	{"client-certificate", FIELD_FILE, AT(cert_file)},
	{"client-certificate-data", FIELD_PEM, AT(cert)},
	{"client-key", FIELD_FILE, AT(key_file)},
	{"client-key-data", FIELD_PEM, AT(key)},
	{"token", FIELD_SECRET, AT(token)},
	{"tokenFile", FIELD_FILE, AT(token_file)},
	{"username", FIELD_TEXT, AT(username)},
	{"password", FIELD_SECRET, AT(password)},
	{"exec", FIELD_REJECTED, 0},
	{"auth-provider", FIELD_REJECTED, 0},
	{"as", FIELD_REJECTED, 0},
	{"as-uid", FIELD_REJECTED, 0},
	{"as-groups", FIELD_REJECTED, 0},
	{"as-user-extra", FIELD_REJECTED, 0},
};

static const struct field context_fields[] = {
	{"namespace", FIELD_TEXT, AT(namespace)},
};

/* "file:line: cluster 'prod': key: " and the text. Returns -1. */
static int fail(struct reader *r, const yaml_node_t *at, const char *key, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

static int fail(struct reader *r, const yaml_node_t *at, const char *key, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (r->section)
		return err_set(r->err, ERR_CONFIG, "%s:%zu: %s '%s': %s: %s", r->file,
			at->start_mark.line + 1, r->section, r->name, key, text);
	return err_set(
		r->err, ERR_CONFIG, "%s:%zu: %s: %s", r->file, at->start_mark.line + 1, key, text);
}

static bool is_null(const yaml_node_t *n)
{
	const char *s;

	if (n->type != YAML_SCALAR_NODE || n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	s = (const char *)n->data.scalar.value;
	return !*s || strcmp(s, "~") == 0 || strcmp(s, "null") == 0;
}

/* The node of `key` in a mapping, NULL where it is absent or null. */
static int find(struct reader *r, const yaml_node_t *map, const char *key, yaml_node_t **ret_node)
{
	yaml_node_t *found = NULL;

	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
		p++) {
		yaml_node_t *k = yaml_document_get_node(&r->yaml, p->key);

		if (k->type != YAML_SCALAR_NODE ||
			strcmp((const char *)k->data.scalar.value, key) != 0)
			continue;
		if (found)
			return fail(r, k, key, "given twice");
		found = yaml_document_get_node(&r->yaml, p->value);
	}
	*ret_node = found && !is_null(found) ? found : NULL;
	return 0;
}

/* The text of `key`, borrowed from the document; NULL where it is absent or empty. */
static int find_text(
	struct reader *r, const yaml_node_t *map, const char *key, const char **ret_text)
{
	yaml_node_t *node;

	if (find(r, map, key, &node) != 0)
		return -1;
	*ret_text = NULL;
	if (!node)
		return 0;
	if (node->type != YAML_SCALAR_NODE)
		return fail(r, node, key, "not a string");
	if (strlen((const char *)node->data.scalar.value) != node->data.scalar.length)
		return fail(r, node, key, "holds a NUL character");
	if (node->data.scalar.length)
		*ret_text = (const char *)node->data.scalar.value;
	return 0;
}

/* The mapping under `section` in the element called `name` of the sequence `list`; NULL and the
 * error where there is none. From then on errors name that section. */
static yaml_node_t *find_section(
	struct reader *r, const char *list, const char *section, const char *name)
{
	yaml_node_t *root = yaml_document_get_root_node(&r->yaml), *seq = NULL, *map = NULL;

	r->section = NULL;
	if (find(r, root, list, &seq) != 0)
		return NULL;
	if (!seq || seq->type != YAML_SEQUENCE_NODE) {
		fail(r, seq ? seq : root, list, seq ? "not a list" : "missing");
		return NULL;
	}
	for (yaml_node_item_t *i = seq->data.sequence.items.start; i < seq->data.sequence.items.top;
		i++) {
		yaml_node_t *item = yaml_document_get_node(&r->yaml, *i);
		const char *item_name;

		if (item->type != YAML_MAPPING_NODE) {
			fail(r, item, list, "element is not a mapping");
			return NULL;
		}
		if (find_text(r, item, "name", &item_name) != 0)
			return NULL;
		if (!item_name || strcmp(item_name, name) != 0)
			continue;
		r->section = section;
		r->name = name;
		if (find(r, item, section, &map) != 0)
			return NULL;
		if (map && map->type == YAML_MAPPING_NODE)
			return map;
		fail(r, map ? map : item, section, map ? "not a mapping" : "missing");
		return NULL;
	}
	fail(r, seq, list, "none is called '%s'", name);
	return NULL;
}

/* `name` as seen from the folder of the kubeconfig. */
static char *relative(const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');

	if (name[0] == '/' || !slash)
		return mem_strdup(name);
	return mem_printf("%.*s/%s", (int)(slash - file), file, name);
}

static int read_pem(struct reader *r, const yaml_node_t *node, const char *key, const char *text,
	struct kubeconfig_blob *blob)
{
	struct strbuf pem CLEANUP(strbuf_release) = STRBUF_INIT;
	struct err why = {0};

	if (base64_decode(text, strlen(text), &pem, &why) != 0)
		return fail(r, node, key, "%s", why.msg);
	if (strlen(strbuf_str(&pem)) != pem.len || !strstr(strbuf_str(&pem), "-----BEGIN "))
		return fail(r, node, key, "is not PEM in base64");
	blob->len = pem.len;
	blob->data = strbuf_take(&pem);
	return 0;
}

static int read_text_field(struct reader *r, const yaml_node_t *node, const struct field *f,
	const char *text, struct kubeconfig *config)
{
	char *member = (char *)config + f->at;
	char *value;

	switch (f->type) {
	case FIELD_PEM:
		return read_pem(r, node, f->key, text, (void *)member);
	case FIELD_FLAG:
		config->insecure = strcmp(text, "true") == 0;
		if (config->insecure || strcmp(text, "false") == 0)
			return 0;
		return fail(r, node, f->key, "'%s' is neither true nor false", text);
	case FIELD_FILE:
		value = relative(r->file, text);
		break;
	default:
		value = mem_strdup(text);
	}
	memcpy(member, &value, sizeof(value));
	if (f->type == FIELD_FILE && access(value, R_OK) != 0)
		return fail(r, node, f->key, "'%s': %s", value, strerror(errno));
	if (f->at == AT(token) && !kubeconfig_is_token(text))
		return fail(r, node, f->key, "holds what cannot be a token");
	return 0;
}

static int read_fields(struct reader *r, const yaml_node_t *map, const struct field *fields,
	size_t count, struct kubeconfig *config)
{
	for (const struct field *f = fields; f < fields + count; f++) {
		yaml_node_t *node;
		const char *text;

		if (find(r, map, f->key, &node) != 0)
			return -1;
		if (node && f->type == FIELD_REJECTED)
			return fail(r, node, f->key, "not supported");
		if (!node)
			continue;
		if (find_text(r, map, f->key, &text) != 0)
			return -1;
		if (text && read_text_field(r, node, f, text, config) != 0)
			return -1;
	}
	return 0;
}

static void drop_if(bool condition, char **text)
{
	if (!condition)
		return;
	free(*text);
	*text = NULL;
}

/* What makes sense only together. */
static int check_cluster(struct reader *r, const yaml_node_t *map, struct kubeconfig *c)
{
	if (!c->server)
		return fail(r, map, "server", "missing");
	if (strncmp(c->server, "https://", 8) != 0 && strncmp(c->server, "http://", 7) != 0)
		return fail(r, map, "server", "'%s' does not begin with https:// or http://",
			strchr(c->server, '@') ? "(hidden)" : c->server);
	if (strchr(c->server, '@'))
		return fail(r, map, "server", "a user name in the URL is not supported");
	if (c->insecure && (c->ca.data || c->ca_file))
		return fail(
			r, map, "insecure-skip-tls-verify", "true beside a certificate authority");
	drop_if(c->ca.data != NULL, &c->ca_file);
	return 0;
}

static int check_user(struct reader *r, const yaml_node_t *map, struct kubeconfig *c)
{
	bool cert = c->cert.data || c->cert_file, key = c->key.data || c->key_file;

	if (cert && !key)
		return fail(r, map, "client-key", "missing beside client-certificate");
	if (key && !cert)
		return fail(r, map, "client-certificate", "missing beside client-key");
	if (c->username && (c->token || c->token_file))
		return fail(r, map, "username", "given beside a token");
	drop_if(c->cert.data != NULL, &c->cert_file);
	drop_if(c->key.data != NULL, &c->key_file);
	return 0;
}

static int read_context(struct reader *r, const char *context, struct kubeconfig *c)
{
	yaml_node_t *root = yaml_document_get_root_node(&r->yaml), *map;
	const char *kind, *cluster, *user;

	if (!root || root->type != YAML_MAPPING_NODE)
		return err_set(r->err, ERR_CONFIG, "%s: not a kubeconfig", r->file);
	if (find_text(r, root, "kind", &kind) != 0)
		return -1;
	if (kind && strcmp(kind, "Config") != 0)
		return fail(r, root, "kind", "'%s' is not Config", kind);
	if (!context && find_text(r, root, "current-context", &context) != 0)
		return -1;
	if (!context)
		return fail(r, root, "current-context", "missing, and no context was asked for");
	map = find_section(r, "contexts", "context", context);
	if (!map || read_fields(r, map, context_fields, ARRAY_LEN(context_fields), c) != 0 ||
		find_text(r, map, "cluster", &cluster) != 0 ||
		find_text(r, map, "user", &user) != 0)
		return -1;
	if (!cluster)
		return fail(r, map, "cluster", "missing");
	map = find_section(r, "clusters", "cluster", cluster);
	if (!map || read_fields(r, map, cluster_fields, ARRAY_LEN(cluster_fields), c) != 0 ||
		check_cluster(r, map, c) != 0)
		return -1;
	if (!user)
		return 0; /* an anonymous one, for servers that allow it */
	map = find_section(r, "users", "user", user);
	if (!map || read_fields(r, map, user_fields, ARRAY_LEN(user_fields), c) != 0)
		return -1;
	return check_user(r, map, c);
}

int kubeyaml_read(struct kubeconfig *c, const char *path, const char *context, struct err *err)
{
	struct strbuf text CLEANUP(strbuf_release) = STRBUF_INIT;
	struct reader r = {.file = path, .err = err};
	yaml_parser_t parser;
	int rc;

	if (readfile(path, KUBECONFIG_FILE_MAX, &text, err) != 0)
		return -1;
	if (!yaml_parser_initialize(&parser))
		return err_set(err, ERR_CONFIG, "%s: the YAML library does not start", path);
	yaml_parser_set_input_string(&parser, (const unsigned char *)strbuf_str(&text), text.len);
	if (!yaml_parser_load(&parser, &r.yaml)) {
		rc = err_set(err, ERR_CONFIG, "%s:%zu: not YAML: %s", path,
			parser.problem_mark.line + 1, parser.problem ? parser.problem : "?");
	} else {
		c->source = mem_strdup(path);
		rc = read_context(&r, context, c);
		yaml_document_delete(&r.yaml);
	}
	yaml_parser_delete(&parser);
	return rc;
}
