#include "sidecar/webconfig.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/duration.h"
#include "common/mem.h"
#include "common/yamlfile.h"
#include "sidecar/webfield.h"

#define FILE_MAX ((size_t)1 << 20)
#define BURST_MAX 1000000

/* bcrypt doubles its work with each step; 16 is some 5 s on a fast machine. */
#define COST_MAX 16

int webfield_text(
	struct yamlfile *y, const struct yaml_node_s *n, const char *key, const char **ret_text)
{
	if (yamlfile_text(y, n, key, ret_text) != 0)
		return -1;
	return *ret_text ? 0 : yamlfile_fail(y, n, key, "empty");
}

int webfield_bool(struct yamlfile *y, const struct yaml_node_s *n, const char *key, bool *ret)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
	const char *text;

	if (webfield_text(y, n, key, &text) != 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(words[i], text) == 0) {
			*ret = i % 2;
			return 0;
		}
	}
	return yamlfile_fail(y, n, key, "'%s' is neither true nor false", text);
}

int webfield_section(struct yamlfile *y, const struct yaml_node_s *map, const char *name,
	const struct webfield *fields, size_t count, struct webconfig *c)
{
	const struct yaml_node_s *key, *value;
	const char *text;
	size_t f;

	if (!yamlfile_is_map(map))
		return yamlfile_fail(y, map, name, "not a mapping");
	for (size_t i = 0; yamlfile_pair(y, map, i, &key, &value); i++) {
		if (webfield_text(y, key, name, &text) != 0)
			return -1;
		for (f = 0; f < count && strcmp(fields[f].key, text) != 0; f++)
			;
		if (f == count)
			return yamlfile_fail(y, key, text, "unknown field");
	}
	for (f = 0; f < count; f++) {
		if (yamlfile_find(y, map, fields[f].key, &value) != 0)
			return -1;
		if (value && fields[f].read(y, value, &fields[f], c) != 0)
			return -1;
	}
	return 0;
}

/* Both values are right: a server of HTTP/1.1 serves those who would speak HTTP/2, too. */
static int read_http2(struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f,
	struct webconfig *c)
{
	bool ignored;

	(void)c;
	return webfield_bool(y, n, f->key, &ignored);
}

/* "name: value" of a mapping; false with -1 in `ret_rc` at an error, with 0 behind the last. */
static bool next_pair(struct yamlfile *y, const struct yaml_node_s *map, size_t i, const char *key,
	const char **ret_name, const char **ret_value, const struct yaml_node_s **ret_at,
	int *ret_rc)
{
	const struct yaml_node_s *value, *again;

	*ret_rc = 0;
	if (!yamlfile_is_map(map)) {
		*ret_rc = yamlfile_fail(y, map, key, "not a mapping");
		return false;
	}
	if (!yamlfile_pair(y, map, i, ret_at, &value))
		return false;
	if (i == LIST_MAX)
		*ret_rc = yamlfile_fail(y, map, key, "more than %d elements", LIST_MAX);
	else if (webfield_text(y, *ret_at, key, ret_name) != 0 ||
		 webfield_text(y, value, *ret_name, ret_value) != 0 ||
		 yamlfile_find(y, map, *ret_name, &again) != 0)
		*ret_rc = -1;
	return *ret_rc == 0;
}

static void add_pair(
	struct webconfig_pair **list, size_t *count, const char *name, const char *value)
{
	struct webconfig_pair *pair = mem_append(list, *count, sizeof(*pair));

	*pair = (struct webconfig_pair){mem_strdup(name), mem_strdup(value)};
	++*count;
}

/* "$2y$10$" and 53 characters. "$2x$" is what a bug made of passwords. */
static bool is_bcrypt(const char *hash)
{
	static const char alphabet[] =
		"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

	return strlen(hash) == 60 && memcmp(hash, "$2", 2) == 0 && strchr("aby", hash[2]) &&
	       hash[3] == '$' && strspn(hash + 4, "0123456789") == 2 && hash[6] == '$' &&
	       strspn(hash + 7, alphabet) == 53;
}

static int read_users(struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f,
	struct webconfig *c)
{
	const char *name, *hash;
	const struct yaml_node_s *at;
	long cost;
	int rc;

	for (size_t i = 0; next_pair(y, n, i, f->key, &name, &hash, &at, &rc); i++) {
		if (strchr(name, ':'))
			return yamlfile_fail(y, at, f->key, "user '%s' has a colon", name);
		if (!is_bcrypt(hash))
			return yamlfile_fail(y, at, f->key,
				"the password of '%s' is not hashed by bcrypt", name);
		cost = strtol(hash + 4, NULL, 10);
		if (cost < 4 || cost > COST_MAX)
			return yamlfile_fail(y, at, f->key,
				"the password of '%s' has cost %ld, want 4 to %d", name, cost,
				COST_MAX);
		add_pair(&c->users, &c->user_count, name, hash);
	}
	return rc;
}

static bool is_one_of(const char *value, const char *const *allowed)
{
	for (; *allowed; allowed++)
		if (strcasecmp(*allowed, value) == 0)
			return true;
	return false;
}

static int read_headers(struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f,
	struct webconfig *c)
{
	static const struct {
		const char *name, *values[3]; /* none: any */
	} known[] = {
		{"Strict-Transport-Security", {0}},
		{"Content-Security-Policy", {0}},
		{"X-XSS-Protection", {0}},
		{"X-Content-Type-Options", {"nosniff"}},
		{"X-Frame-Options", {"deny", "sameorigin"}},
	};
	const char *name, *value;
	const struct yaml_node_s *at;
	int rc;

	for (size_t i = 0; next_pair(y, n, i, f->key, &name, &value, &at, &rc); i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(known) && strcmp(known[k].name, name) != 0)
			k++;
		if (k == ARRAY_LEN(known))
			return yamlfile_fail(
				y, at, f->key, "header '%s' cannot be configured", name);
		if (known[k].values[0] && !is_one_of(value, known[k].values))
			return yamlfile_fail(y, at, name, "unknown value '%s'", value);
		for (const char *s = value; *s; s++)
			if ((unsigned char)*s < ' ' || *s == 0x7f)
				return yamlfile_fail(y, at, name, "holds a control character");
		add_pair(&c->headers, &c->header_count, name, value);
	}
	return rc;
}

static int read_interval(struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f,
	struct webconfig *c)
{
	const char *text;

	if (webfield_text(y, n, f->key, &text) != 0)
		return -1;
	if (strcmp(text, "0") != 0 && duration_parse(text, &c->rate_interval_ms) != 0)
		return yamlfile_fail(y, n, f->key, "'%s' is no duration as 250ms, 1s, 5m", text);
	return 0;
}

static int read_burst(struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f,
	struct webconfig *c)
{
	const char *text;
	char *end;

	if (webfield_text(y, n, f->key, &text) != 0)
		return -1;
	c->rate_burst = strtol(text, &end, 10);
	if (*end || c->rate_burst < 0 || c->rate_burst > BURST_MAX)
		return yamlfile_fail(y, n, f->key, "'%s' is not in 0 to %d", text, BURST_MAX);
	return 0;
}

static int read_http(struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f,
	struct webconfig *c)
{
	static const struct webfield fields[] = {
		{"http2", read_http2, 0, NULL},
		{"headers", read_headers, 0, NULL},
	};

	return webfield_section(y, n, f->key, fields, ARRAY_LEN(fields), c);
}

static int read_rate(struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f,
	struct webconfig *c)
{
	static const struct webfield fields[] = {
		{"interval", read_interval, 0, NULL},
		{"burst", read_burst, 0, NULL},
	};

	if (webfield_section(y, n, f->key, fields, ARRAY_LEN(fields), c) != 0)
		return -1;
	if (c->rate_interval_ms && !c->rate_burst)
		return yamlfile_fail(y, n, "burst", "0 would refuse every request");
	return 0;
}

static int read_root(struct yamlfile *y, struct webconfig *c)
{
	static const struct webfield fields[] = {
		{"tls_server_config", webfield_tls, 0, NULL},
		{"http_server_config", read_http, 0, NULL},
		{"basic_auth_users", read_users, 0, NULL},
		{"rate_limit", read_rate, 0, NULL},
	};
	const struct yaml_node_s *root = yamlfile_root(y);

	if (!root || yamlfile_is_null(root))
		return 0;
	return webfield_section(y, root, "the file", fields, ARRAY_LEN(fields), c);
}

static void set_defaults(struct webconfig *c, const char *source)
{
	*c = (struct webconfig){.source = mem_strdup(source),
		.min_version = 12,
		.max_version = 13,
		.prefer_server = true};
}

int webconfig_parse(
	struct webconfig *ret, const char *file, const char *text, size_t len, struct err *err)
{
	struct yamlfile y CLEANUP(yamlfile_release) = {0};

	set_defaults(ret, file);
	return yamlfile_parse(&y, file, text, len, err) != 0 ? -1 : read_root(&y, ret);
}

static int take_files(struct webconfig *ret, const struct webconfig_source *source, struct err *err)
{
	set_defaults(ret, source->cert_file ? source->cert_file : "TLS");
	if (!source->cert_file && !source->key_file && !source->mutual)
		return 0;
	if (!source->cert_file || !source->key_file)
		return err_set(err, ERR_CONFIG, "TLS needs a certificate and its key, and %s",
			source->cert_file ? "there is no key" : "there is no certificate");
	if (source->mutual && !source->client_ca_file)
		return err_set(err, ERR_CONFIG,
			"mutual TLS needs the certificate of the clients' authority");
	ret->tls = true;
	ret->cert.file = mem_strdup(source->cert_file);
	ret->key.file = mem_strdup(source->key_file);
	if (source->mutual) {
		ret->client_auth = CLIENT_AUTH_REQUIRE_AND_VERIFY;
		ret->client_ca.file = mem_strdup(source->client_ca_file);
	}
	return 0;
}

int webconfig_read(struct webconfig *ret, const struct webconfig_source *source, struct err *err)
{
	struct yamlfile y CLEANUP(yamlfile_release) = {0};

	if (!source->file)
		return take_files(ret, source, err);
	set_defaults(ret, source->file);
	return yamlfile_open(&y, source->file, FILE_MAX, err) != 0 ? -1 : read_root(&y, ret);
}

static void release_pem(struct webconfig_pem *pem)
{
	free(pem->file);
	free(pem->text);
}

static void release_pairs(struct webconfig_pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(pairs[i].name);
		free(pairs[i].value);
	}
	free(pairs);
}

void webconfig_release(struct webconfig *c)
{
	release_pem(&c->cert);
	release_pem(&c->key);
	release_pem(&c->client_ca);
	for (size_t i = 0; i < c->san_count; i++)
		free(c->sans[i]);
	free(c->sans);
	release_pairs(c->headers, c->header_count);
	release_pairs(c->users, c->user_count);
	free(c->source);
	*c = (struct webconfig){0};
}
