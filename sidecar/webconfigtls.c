/* The section tls_server_config of a web configuration file. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/yamlfile.h"
#include "sidecar/webfield.h"

#define KX_RSA ":+RSA"
#define KX_ECDHE_RSA ":+ECDHE-RSA"
#define KX_ECDHE_ECDSA ":+ECDHE-ECDSA"

/* Of each kind the better one first. The first three belong to TLS 1.3, which has no choice of key
 * exchange. */
const struct webconfig_name webconfig_suites[] = {
	{"TLS_AES_256_GCM_SHA384", ":+AES-256-GCM:+AEAD", 0x1302},
	{"TLS_CHACHA20_POLY1305_SHA256", ":+CHACHA20-POLY1305:+AEAD", 0x1303},
	{"TLS_AES_128_GCM_SHA256", ":+AES-128-GCM:+AEAD", 0x1301},
	{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", KX_ECDHE_ECDSA ":+AES-256-GCM:+AEAD", 0xc02c},
	{"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
		KX_ECDHE_ECDSA ":+CHACHA20-POLY1305:+AEAD", 0xcca9},
	{"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", KX_ECDHE_ECDSA ":+AES-128-GCM:+AEAD", 0xc02b},
	{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", KX_ECDHE_RSA ":+AES-256-GCM:+AEAD", 0xc030},
	{"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", KX_ECDHE_RSA ":+CHACHA20-POLY1305:+AEAD",
		0xcca8},
	{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", KX_ECDHE_RSA ":+AES-128-GCM:+AEAD", 0xc02f},
	{"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", KX_ECDHE_ECDSA ":+AES-256-CBC:+SHA1", 0xc00a},
	{"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", KX_ECDHE_ECDSA ":+AES-128-CBC:+SHA1", 0xc009},
	{"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", KX_ECDHE_RSA ":+AES-256-CBC:+SHA1", 0xc014},
	{"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", KX_ECDHE_RSA ":+AES-128-CBC:+SHA1", 0xc013},
	{"TLS_RSA_WITH_AES_256_GCM_SHA384", KX_RSA ":+AES-256-GCM:+AEAD", 0x009d},
	{"TLS_RSA_WITH_AES_128_GCM_SHA256", KX_RSA ":+AES-128-GCM:+AEAD", 0x009c},
	{"TLS_RSA_WITH_AES_256_CBC_SHA", KX_RSA ":+AES-256-CBC:+SHA1", 0x0035},
	{"TLS_RSA_WITH_AES_128_CBC_SHA", KX_RSA ":+AES-128-CBC:+SHA1", 0x002f},
	{0},
};

const struct webconfig_name webconfig_curves[] = {
	{"X25519", ":+GROUP-X25519", 0},
	{"CurveP256", ":+GROUP-SECP256R1", 0},
	{"CurveP384", ":+GROUP-SECP384R1", 0},
	{"CurveP521", ":+GROUP-SECP521R1", 0},
	{0},
};

static const struct webconfig_name client_auths[] = {
	[CLIENT_AUTH_NONE] = {"NoClientCert", NULL, 0},
	[CLIENT_AUTH_REQUEST] = {"RequestClientCert", NULL, 0},
	[CLIENT_AUTH_REQUIRE_ANY] = {"RequireAnyClientCert", NULL, 0},
	[CLIENT_AUTH_VERIFY_IF_GIVEN] = {"VerifyClientCertIfGiven", NULL, 0},
	[CLIENT_AUTH_REQUIRE_AND_VERIFY] = {"RequireAndVerifyClientCert", NULL, 0},
	{0},
};

/* Index + 10 is the number. */
static const struct webconfig_name versions[] = {
	{"TLS10", NULL, 0}, {"TLS11", NULL, 0}, {"TLS12", NULL, 0}, {"TLS13", NULL, 0}, {0}};

#define AT(member) offsetof(struct webconfig, member)

static int read_name(
	struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f, int *ret_index)
{
	const char *text;

	if (webfield_text(y, n, f->key, &text) != 0)
		return -1;
	for (int i = 0; f->names[i].name; i++) {
		if (strcmp(f->names[i].name, text) == 0) {
			*ret_index = i;
			return 0;
		}
	}
	return yamlfile_fail(y, n, f->key, "unknown value '%s'", text);
}

static int read_file(struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f,
	struct webconfig *c)
{
	struct webconfig_pem *pem = (void *)((char *)c + f->at);
	const char *text;

	if (webfield_text(y, n, f->key, &text) != 0)
		return -1;
	pem->file = yamlfile_relative(y, text);
	return 0;
}

/* The PEM may be a private key, and is never repeated. */
static int read_pem(struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f,
	struct webconfig *c)
{
	struct webconfig_pem *pem = (void *)((char *)c + f->at);
	const char *text;

	if (webfield_text(y, n, f->key, &text) != 0)
		return -1;
	if (pem->file)
		return yamlfile_fail(y, n, f->key, "given beside %s_file", f->key);
	if (!strstr(text, "-----BEGIN "))
		return yamlfile_fail(y, n, f->key, "is not PEM");
	pem->text = mem_strdup(text);
	return 0;
}

static int read_client_auth(struct yamlfile *y, const struct yaml_node_s *n,
	const struct webfield *f, struct webconfig *c)
{
	const char *text;
	int index;

	/* The name that RequireAnyClientCert had at first. */
	if (yamlfile_text(y, n, f->key, &text) == 0 && text &&
		strcmp(text, "RequireClientCert") == 0) {
		c->client_auth = CLIENT_AUTH_REQUIRE_ANY;
		return 0;
	}
	if (read_name(y, n, f, &index) != 0)
		return -1;
	c->client_auth = (enum webconfig_client_auth)index;
	return 0;
}

static int read_version(struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f,
	struct webconfig *c)
{
	int index;

	if (read_name(y, n, f, &index) != 0)
		return -1;
	*(int *)(void *)((char *)c + f->at) = 10 + index;
	return 0;
}

static int read_bool(struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f,
	struct webconfig *c)
{
	return webfield_bool(y, n, f->key, (bool *)((char *)c + f->at));
}

static int check_list(struct yamlfile *y, const struct yaml_node_s *n, const char *key)
{
	if (!yamlfile_is_list(n))
		return yamlfile_fail(y, n, key, "not a list");
	if (yamlfile_item(y, n, LIST_MAX))
		return yamlfile_fail(y, n, key, "more than %d elements", LIST_MAX);
	return 0;
}

/* Sets a bit for each name: Go gives no meaning to their order. */
static int read_names(struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f,
	struct webconfig *c)
{
	uint32_t *bits = (void *)((char *)c + f->at);
	const struct yaml_node_s *item;
	int index;

	if (check_list(y, n, f->key) != 0)
		return -1;
	for (size_t i = 0; (item = yamlfile_item(y, n, i)); i++) {
		if (read_name(y, item, f, &index) != 0)
			return -1;
		*bits |= 1U << index;
	}
	return 0;
}

static int read_sans(struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f,
	struct webconfig *c)
{
	const struct yaml_node_s *item;
	const char *text;

	if (check_list(y, n, f->key) != 0)
		return -1;
	c->sans = mem_zalloc(1, sizeof(*c->sans)); /* an empty list refuses everybody */
	for (size_t i = 0; (item = yamlfile_item(y, n, i)); i++) {
		if (webfield_text(y, item, f->key, &text) != 0)
			return -1;
		c->sans = mem_resize(c->sans, i + 1, sizeof(*c->sans));
		c->sans[c->san_count++] = mem_strdup(text);
	}
	return 0;
}

static bool has_pem(const struct webconfig_pem *pem)
{
	return pem->file || pem->text;
}

/* What makes sense only together. */
static int check_tls(struct yamlfile *y, const struct yaml_node_s *n, const struct webconfig *c)
{
	bool verify = c->client_auth == CLIENT_AUTH_VERIFY_IF_GIVEN ||
		      c->client_auth == CLIENT_AUTH_REQUIRE_AND_VERIFY;
	const char *auth = client_auths[c->client_auth].name;

	if (!has_pem(&c->cert))
		return yamlfile_fail(y, n, "cert_file", "missing");
	if (!has_pem(&c->key))
		return yamlfile_fail(y, n, "key_file", "missing");
	if (c->min_version > c->max_version)
		return yamlfile_fail(y, n, "min_version", "TLS%d is above max_version TLS%d",
			c->min_version, c->max_version);
	if (verify && !has_pem(&c->client_ca))
		return yamlfile_fail(y, n, "client_ca_file", "missing beside %s", auth);
	if (!verify && has_pem(&c->client_ca))
		return yamlfile_fail(
			y, n, "client_auth_type", "%s would not use client_ca_file", auth);
	if (c->sans && c->client_auth != CLIENT_AUTH_REQUIRE_AND_VERIFY)
		return yamlfile_fail(y, n, "client_allowed_sans",
			"needs client_auth_type RequireAndVerifyClientCert, this is %s", auth);
	return 0;
}

int webfield_tls(struct yamlfile *y, const struct yaml_node_s *n, const struct webfield *f,
	struct webconfig *c)
{
	static const struct webfield fields[] = {
		{"cert_file", read_file, AT(cert), NULL},
		{"key_file", read_file, AT(key), NULL},
		{"client_ca_file", read_file, AT(client_ca), NULL},
		{"cert", read_pem, AT(cert), NULL},
		{"key", read_pem, AT(key), NULL},
		{"client_ca", read_pem, AT(client_ca), NULL},
		{"client_auth_type", read_client_auth, 0, client_auths},
		{"client_allowed_sans", read_sans, 0, NULL},
		{"min_version", read_version, AT(min_version), versions},
		{"max_version", read_version, AT(max_version), versions},
		{"cipher_suites", read_names, AT(suites), webconfig_suites},
		{"prefer_server_cipher_suites", read_bool, AT(prefer_server), NULL},
		{"curve_preferences", read_names, AT(curves), webconfig_curves},
	};
	const struct yaml_node_s *key, *value;

	if (webfield_section(y, n, f->key, fields, ARRAY_LEN(fields), c) != 0)
		return -1;
	c->tls = yamlfile_pair(y, n, 0, &key, &value);
	return c->tls ? check_tls(y, n, c) : 0;
}
