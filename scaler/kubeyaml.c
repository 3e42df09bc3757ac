#include "scaler/kubeyaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "common/yamlfile.h"

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

/* The mapping under `section` in the element called `name` of the sequence `list`; NULL and the
 * error where there is none. From then on errors name that section. */
static const struct yaml_node_s *find_section(
	struct yamlfile *y, const char *list, const char *section, const char *name)
{
	const struct yaml_node_s *root = yamlfile_root(y), *seq = NULL, *map = NULL, *item;

	y->section = NULL;
	if (yamlfile_find(y, root, list, &seq) != 0)
		return NULL;
	if (!seq || !yamlfile_is_list(seq)) {
		yamlfile_fail(y, seq ? seq : root, list, seq ? "not a list" : "missing");
		return NULL;
	}
	for (size_t i = 0; (item = yamlfile_item(y, seq, i)); i++) {
		const char *item_name;

		if (!yamlfile_is_map(item)) {
			yamlfile_fail(y, item, list, "element is not a mapping");
			return NULL;
		}
		if (yamlfile_find_text(y, item, "name", &item_name) != 0)
			return NULL;
		if (!item_name || strcmp(item_name, name) != 0)
			continue;
		y->section = section;
		y->name = name;
		if (yamlfile_find(y, item, section, &map) != 0)
			return NULL;
		if (map && yamlfile_is_map(map))
			return map;
		yamlfile_fail(y, map ? map : item, section, map ? "not a mapping" : "missing");
		return NULL;
	}
	yamlfile_fail(y, seq, list, "none is called '%s'", name);
	return NULL;
}

static int read_pem(struct yamlfile *y, const struct yaml_node_s *node, const char *key,
	const char *text, struct kubeconfig_blob *blob)
{
	struct strbuf pem CLEANUP(strbuf_release) = STRBUF_INIT;
	struct err why = {0};

	if (base64_decode(text, strlen(text), &pem, &why) != 0)
		return yamlfile_fail(y, node, key, "%s", why.msg);
	if (strlen(strbuf_str(&pem)) != pem.len || !strstr(strbuf_str(&pem), "-----BEGIN "))
		return yamlfile_fail(y, node, key, "is not PEM in base64");
	blob->len = pem.len;
	blob->data = strbuf_take(&pem);
	return 0;
}

static int read_text_field(struct yamlfile *y, const struct yaml_node_s *node,
	const struct field *f, const char *text, struct kubeconfig *config)
{
	char *member = (char *)config + f->at;
	char *value;

	switch (f->type) {
	case FIELD_PEM:
		return read_pem(y, node, f->key, text, (void *)member);
	case FIELD_FLAG:
		config->insecure = strcmp(text, "true") == 0;
		if (config->insecure || strcmp(text, "false") == 0)
			return 0;
		return yamlfile_fail(y, node, f->key, "'%s' is neither true nor false", text);
	case FIELD_FILE:
		value = yamlfile_relative(y, text);
		break;
	default:
		value = mem_strdup(text);
	}
	memcpy(member, &value, sizeof(value));
	if (f->type == FIELD_FILE && access(value, R_OK) != 0)
		return yamlfile_fail(y, node, f->key, "'%s': %s", value, strerror(errno));
	if (f->at == AT(token) && !kubeconfig_is_token(text))
		return yamlfile_fail(y, node, f->key, "holds what cannot be a token");
	return 0;
}

static int read_fields(struct yamlfile *y, const struct yaml_node_s *map,
	const struct field *fields, size_t count, struct kubeconfig *config)
{
	for (const struct field *f = fields; f < fields + count; f++) {
		const struct yaml_node_s *node;
		const char *text;

		if (yamlfile_find(y, map, f->key, &node) != 0)
			return -1;
		if (node && f->type == FIELD_REJECTED)
			return yamlfile_fail(y, node, f->key, "not supported");
		if (!node)
			continue;
		if (yamlfile_find_text(y, map, f->key, &text) != 0)
			return -1;
		if (text && read_text_field(y, node, f, text, config) != 0)
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
static int check_cluster(struct yamlfile *y, const struct yaml_node_s *map, struct kubeconfig *c)
{
	if (!c->server)
		return yamlfile_fail(y, map, "server", "missing");
	if (strncmp(c->server, "https://", 8) != 0 && strncmp(c->server, "http://", 7) != 0)
		return yamlfile_fail(y, map, "server",
			"'%s' does not begin with https:// or http://",
			strchr(c->server, '@') ? "(hidden)" : c->server);
	if (strchr(c->server, '@'))
		return yamlfile_fail(y, map, "server", "a user name in the URL is not supported");
	if (c->insecure && (c->ca.data || c->ca_file))
		return yamlfile_fail(
			y, map, "insecure-skip-tls-verify", "true beside a certificate authority");
	drop_if(c->ca.data != NULL, &c->ca_file);
	return 0;
}

static int check_user(struct yamlfile *y, const struct yaml_node_s *map, struct kubeconfig *c)
{
	bool cert = c->cert.data || c->cert_file, key = c->key.data || c->key_file;

	if (cert && !key)
		return yamlfile_fail(y, map, "client-key", "missing beside client-certificate");
	if (key && !cert)
		return yamlfile_fail(y, map, "client-certificate", "missing beside client-key");
	if (c->username && (c->token || c->token_file))
		return yamlfile_fail(y, map, "username", "given beside a token");
	drop_if(c->cert.data != NULL, &c->cert_file);
	drop_if(c->key.data != NULL, &c->key_file);
	return 0;
}

static int read_context(struct yamlfile *y, const char *context, struct kubeconfig *c)
{
	const struct yaml_node_s *root = yamlfile_root(y), *map;
	const char *kind, *cluster, *user;

	if (!root || !yamlfile_is_map(root))
		return err_set(y->err, ERR_CONFIG, "%s: not a kubeconfig", y->file);
	if (yamlfile_find_text(y, root, "kind", &kind) != 0)
		return -1;
	if (kind && strcmp(kind, "Config") != 0)
		return yamlfile_fail(y, root, "kind", "'%s' is not Config", kind);
	if (!context && yamlfile_find_text(y, root, "current-context", &context) != 0)
		return -1;
	if (!context)
		return yamlfile_fail(
			y, root, "current-context", "missing, and no context was asked for");
	map = find_section(y, "contexts", "context", context);
	if (!map || read_fields(y, map, context_fields, ARRAY_LEN(context_fields), c) != 0 ||
		yamlfile_find_text(y, map, "cluster", &cluster) != 0 ||
		yamlfile_find_text(y, map, "user", &user) != 0)
		return -1;
	if (!cluster)
		return yamlfile_fail(y, map, "cluster", "missing");
	map = find_section(y, "clusters", "cluster", cluster);
	if (!map || read_fields(y, map, cluster_fields, ARRAY_LEN(cluster_fields), c) != 0 ||
		check_cluster(y, map, c) != 0)
		return -1;
	if (!user)
		return 0; /* an anonymous one, for servers that allow it */
	map = find_section(y, "users", "user", user);
	if (!map || read_fields(y, map, user_fields, ARRAY_LEN(user_fields), c) != 0)
		return -1;
	return check_user(y, map, c);
}

int kubeyaml_read(struct kubeconfig *c, const char *path, const char *context, struct err *err)
{
	struct yamlfile y CLEANUP(yamlfile_release) = {0};

	if (yamlfile_open(&y, path, KUBECONFIG_FILE_MAX, err) != 0)
		return -1;
	c->source = mem_strdup(path);
	return read_context(&y, context, c);
}
