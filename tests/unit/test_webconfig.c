#include "sidecar/webconfig.h"

#include <string.h>

#include "tests/tap.h"

#define HASH "$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze"
#define TLS "tls_server_config:\n  cert_file: s.crt\n  key_file: /k/s.key\n"
#define MUTUAL TLS "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"
#define BIT(i) (1U << (i))

static int parse(const char *text, struct webconfig *c, struct err *err)
{
	return webconfig_parse(c, "/etc/hexlag/web.yml", text, strlen(text), err);
}

static const struct {
	const char *name, *text, *error;
} refused[] = {
	{"a file is YAML", "a: [", ":2: not YAML: did not find expected node content"},
	{"a file is a mapping", "- a\n", ":1: the file: not a mapping"},
	{"a second document would be ignored", "{}\n---\n{}\n", ":3: a second document"},
	{"a field is known", "\ntls:\n", ":2: tls: unknown field"},
	{"also within a section", TLS "  cert_fil: x\n", ":4: cert_fil: unknown field"},
	{"a field is given once", TLS "  cert_file: x\n", ":4: cert_file: given twice"},
	{"a section is given once", TLS TLS, ":4: tls_server_config: given twice"},
	{"a section is a mapping", "tls_server_config: on\n",
		":1: tls_server_config: not a mapping"},
	{"a certificate needs its key", "tls_server_config:\n  cert_file: x\n",
		":2: key_file: missing"},
	{"a key needs its certificate", "tls_server_config: {key_file: x}\n",
		":1: cert_file: missing"},
	{"other settings do not switch TLS off", "tls_server_config: {min_version: TLS13}\n",
		":1: cert_file: missing"},
	{"a file has a name", "tls_server_config: {cert_file: ''}\n", ":1: cert_file: empty"},
	{"a certificate is given once", TLS "  cert: x\n", ":4: cert: given beside cert_file"},
	{"what is inline is PEM", "tls_server_config: {cert: x}\n", ":1: cert: is not PEM"},
	{"a version is known", TLS "  min_version: TLS14\n",
		":4: min_version: unknown value 'TLS14'"},
	{"versions are in order", TLS "  min_version: TLS13\n  max_version: TLS12\n",
		":2: min_version: TLS13 is above max_version TLS12"},
	{"a cipher suite is known", TLS "  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n",
		":4: cipher_suites: unknown value 'TLS_RSA_WITH_RC4_128_SHA'"},
	{"cipher suites are a list", TLS "  cipher_suites: TLS_AES_256_GCM_SHA384\n",
		":4: cipher_suites: not a list"},
	{"a curve is known", TLS "  curve_preferences:\n  - P256\n",
		":5: curve_preferences: unknown value 'P256'"},
	{"a flag is true or false", TLS "  prefer_server_cipher_suites: 1\n",
		":4: prefer_server_cipher_suites: '1' is neither true nor false"},
	{"a client's duty is known", TLS "  client_auth_type: Require\n",
		":4: client_auth_type: unknown value 'Require'"},
	{"who is verified needs an authority", TLS "  client_auth_type: VerifyClientCertIfGiven\n",
		":2: client_ca_file: missing beside VerifyClientCertIfGiven"},
	{"an authority is used", TLS "  client_ca_file: ca.crt\n",
		":2: client_auth_type: NoClientCert would not use client_ca_file"},
	{"a name that nobody verified says nothing",
		TLS "  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: [a]\n",
		":2: client_allowed_sans: needs client_auth_type "
		"RequireAndVerifyClientCert, "
		"this is RequireAnyClientCert"},
	{"HTTP/2 is true or false", "http_server_config: {http2: 2}\n",
		":1: http2: '2' is neither true nor false"},
	{"a header may be set", "http_server_config: {headers: {Server: x}}\n",
		":1: headers: header 'Server' cannot be configured"},
	{"a header has one of its values",
		"http_server_config: {headers: {X-Frame-Options: allow}}\n",
		":1: X-Frame-Options: unknown value 'allow'"},
	{"a header is one line",
		"http_server_config: {headers: {X-XSS-Protection: \"a\\r\\nb: c\"}}\n",
		":1: X-XSS-Protection: holds a control character"},
	{"a password is hashed", "basic_auth_users:\n  alice: secret\n",
		":2: basic_auth_users: the password of 'alice' is not hashed by bcrypt"},
	{"by bcrypt that was right",
		"basic_auth_users: {a: "
		"$2x$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze}\n",
		":1: basic_auth_users: the password of 'a' is not hashed by bcrypt"},
	{"at a bearable cost",
		"basic_auth_users: {a: "
		"$2y$17$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze}\n",
		":1: basic_auth_users: the password of 'a' has cost 17, want 4 to 16"},
	{"a user has a password", "basic_auth_users:\n  alice:\n", ":2: alice: empty"},
	{"a user is given once", "basic_auth_users:\n  a: " HASH "\n  a: " HASH "\n",
		":3: a: given twice"},
	{"a user can be sent", "basic_auth_users: {'a:b': " HASH "}\n",
		":1: basic_auth_users: user 'a:b' has a colon"},
	{"a text has no NUL", "basic_auth_users: {\"a\\0b\": x}\n",
		":1: basic_auth_users: holds a NUL character"},
	{"an interval is a duration", "rate_limit: {interval: 1, burst: 1}\n",
		":1: interval: '1' is no duration as 250ms, 1s, 5m"},
	{"a limit lets somebody in", "rate_limit: {interval: 1s}\n",
		":1: burst: 0 would refuse every request"},
	{"a burst is a number", "rate_limit: {burst: many}\n",
		":1: burst: 'many' is not in 0 to 1000000"},
};

static void test_refused(void)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct webconfig c CLEANUP(webconfig_release) = {0};
		struct err err = {0};

		TAP_INT(refused[i].name, parse(refused[i].text, &c, &err), -1);
		TAP_STR(refused[i].name, err.msg + strlen("/etc/hexlag/web.yml"), refused[i].error);
	}
}

static void test_nothing(void)
{
	static const char *const texts[] = {"", "# nothing\n", "{}\n", "~\n",
		"tls_server_config:\nbasic_auth_users:\nhttp_server_config: {http2: true}\n",
		"tls_server_config: {}\nbasic_auth_users: {}\nrate_limit: {interval: 0}\n"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct webconfig c CLEANUP(webconfig_release) = {0};
		struct err err = {0};

		TAP_INT("a file may ask for nothing", parse(texts[i], &c, &err), 0);
		TAP_STR("without an error", err.msg, "");
		TAP_TRUE("and that is plain HTTP for everybody",
			!c.tls && !c.user_count && !c.rate_interval_ms && !c.header_count);
	}
}

static void test_all_fields(void)
{
	struct webconfig c CLEANUP(webconfig_release) = {0};
	struct err err = {0};

	TAP_INT("every field is read",
		parse(MUTUAL "  client_allowed_sans: [a.example, 10.0.0.1]\n"
			     "  min_version: TLS10\n  max_version: TLS12\n"
			     "  cipher_suites:\n  - TLS_AES_128_GCM_SHA256\n"
			     "  - TLS_AES_256_GCM_SHA384\n"
			     "  prefer_server_cipher_suites: false\n"
			     "  curve_preferences: [CurveP256, X25519]\n"
			     "http_server_config:\n  http2: false\n"
			     "  headers: {Strict-Transport-Security: max-age=1, "
			     "X-Frame-Options: SAMEORIGIN}\n"
			     "basic_auth_users:\n  alice: " HASH "\n  b: '" HASH "'\n"
			     "rate_limit: {interval: 250ms, burst: 20}\n",
			&c, &err),
		0);
	TAP_STR("without an error", err.msg, "");
	TAP_TRUE("TLS is on", c.tls);
	TAP_STR("a relative name is seen from the file", c.cert.file, "/etc/hexlag/s.crt");
	TAP_STR("an absolute one stays", c.key.file, "/k/s.key");
	TAP_STR("the authority is a file, too", c.client_ca.file, "/etc/hexlag/ca.crt");
	TAP_INT("clients are verified", c.client_auth, CLIENT_AUTH_REQUIRE_AND_VERIFY);
	TAP_INT("by name", c.san_count, 2);
	TAP_STR("of whom this is the second", c.san_count == 2 ? c.sans[1] : "", "10.0.0.1");
	TAP_INT("the lowest version", c.min_version, 10);
	TAP_INT("the highest version", c.max_version, 12);
	TAP_INT("two suites", c.suites, BIT(0) | BIT(2));
	TAP_INT("two curves", c.curves, BIT(0) | BIT(1));
	TAP_TRUE("the client's order", !c.prefer_server);
	TAP_INT("two headers", c.header_count, 2);
	TAP_STR("the first of them", c.headers[0].value, "max-age=1");
	TAP_INT("two users", c.user_count, 2);
	TAP_STR("the second of them", c.users[1].name, "b");
	TAP_STR("with a hash", c.users[1].value, HASH);
	TAP_INT("the interval", c.rate_interval_ms, 250);
	TAP_INT("the burst", c.rate_burst, 20);
}

static void test_defaults(void)
{
	struct webconfig c CLEANUP(webconfig_release) = {0};

	TAP_INT("a certificate and its key are enough", parse(TLS, &c, NULL), 0);
	TAP_INT("TLS 1.2 is the lowest", c.min_version, 12);
	TAP_INT("TLS 1.3 the highest", c.max_version, 13);
	TAP_TRUE("the server's order counts", c.prefer_server);
	TAP_INT("no client needs a certificate", c.client_auth, CLIENT_AUTH_NONE);
}

static void test_inline(void)
{
	struct webconfig c CLEANUP(webconfig_release) = {0};

	TAP_INT("PEM may be inline",
		parse("tls_server_config:\n"
		      "  client_auth_type: RequireClientCert\n"
		      "  cert: |\n    -----BEGIN CERTIFICATE-----\n    x\n"
		      "  key: |\n    -----BEGIN PRIVATE KEY-----\n    y\n",
			&c, NULL),
		0);
	TAP_STR("as it stands", c.key.text, "-----BEGIN PRIVATE KEY-----\ny\n");
	TAP_INT("an old name is known", c.client_auth, CLIENT_AUTH_REQUIRE_ANY);
}

static void test_files_by_name(void)
{
	static const struct {
		const char *name;
		struct webconfig_source source;
		const char *error;
	} rows[] = {
		{"nothing is plain HTTP", {0}, ""},
		{"a certificate and a key", {.cert_file = "c", .key_file = "k"}, ""},
		{"with an authority of clients",
			{.cert_file = "c", .key_file = "k", .client_ca_file = "a", .mutual = true},
			""},
		{"a certificate alone", {.cert_file = "c"},
			"TLS needs a certificate and its key, and there is no key"},
		{"a key alone", {.key_file = "k"},
			"TLS needs a certificate and its key, and there is no certificate"},
		{"clients without an authority",
			{.cert_file = "c", .key_file = "k", .mutual = true},
			"mutual TLS needs the certificate of the clients' authority"},
		{"clients without TLS", {.client_ca_file = "a", .mutual = true},
			"TLS needs a certificate and its key, and there is no certificate"},
		{"a file that is not there", {.file = "/nonexistent/web.yml"},
			"/nonexistent/web.yml: No such file or directory"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct webconfig c CLEANUP(webconfig_release) = {0};
		struct err err = {0};

		TAP_INT(rows[i].name, webconfig_read(&c, &rows[i].source, &err),
			rows[i].error[0] ? -1 : 0);
		TAP_STR(rows[i].name, err.msg, rows[i].error);
		if (rows[i].error[0])
			continue;
		TAP_INT(rows[i].name, c.tls, rows[i].source.cert_file != NULL);
		TAP_INT(rows[i].name, c.client_auth,
			rows[i].source.mutual ? CLIENT_AUTH_REQUIRE_AND_VERIFY : CLIENT_AUTH_NONE);
	}
}

int main(void)
{
	test_refused();
	test_nothing();
	test_all_fields();
	test_defaults();
	test_inline();
	test_files_by_name();
	return tap_done();
}
