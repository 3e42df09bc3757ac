/* The web configuration file that Prometheus and its exporters share: TLS, client certificates,
 * basic auth, headers, rate limit. Fields, defaults and meaning are those of
 * https://prometheus.io/docs/prometheus/latest/configuration/https/ . What is unknown, or cannot be
 * honoured and would make the server less safe than its author thinks, is an error.
 * Reads that one file, and none that it names. Thread: any. */
#ifndef HEXLAG_WEBCONFIG_H
#define HEXLAG_WEBCONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"

/* Where the configuration comes from: the file, or the names of the files for TLS, or nowhere (plain
 * HTTP for everybody). Everything is borrowed. */
struct webconfig_source {
	char *file; /* then nothing else counts */
	const char *cert_file, *key_file;
	const char *client_ca_file; /* with `mutual` */
	bool mutual;                /* clients need a certificate of that authority */
};

/* Names of Go's crypto/tls. */
enum webconfig_client_auth {
	CLIENT_AUTH_NONE,
	CLIENT_AUTH_REQUEST,         /* asked for, neither needed nor looked at */
	CLIENT_AUTH_REQUIRE_ANY,     /* needed, not looked at */
	CLIENT_AUTH_VERIFY_IF_GIVEN, /* asked for; a wrong one is refused */
	CLIENT_AUTH_REQUIRE_AND_VERIFY,
};

struct webconfig_pem {
	char *file; /* or, where NULL, */
	char *text;
};

struct webconfig_pair {
	char *name, *value;
};

struct webconfig {
	char *source; /* for messages */
	bool tls;
	struct webconfig_pem cert, key, client_ca;
	enum webconfig_client_auth client_auth;
	char **sans; /* a client's certificate needs one of them; NULL: any certificate */
	size_t san_count;
	int min_version, max_version; /* 10 to 13 */
	bool prefer_server;           /* the server's order of cipher suites counts */
	uint32_t suites;              /* bits: indexes into webconfig_suites[]; 0: the defaults */
	uint32_t curves;              /* the same for webconfig_curves[] */
	struct webconfig_pair *headers;
	size_t header_count;
	struct webconfig_pair *users; /* name and bcrypt hash */
	size_t user_count;
	int64_t rate_interval_ms; /* one more request in each; 0: no limit */
	int64_t rate_burst;       /* requests that may come at once */
};

/* What Go calls a cipher suite or a curve, and how GnuTLS' priority strings write it. */
struct webconfig_name {
	const char *name;
	const char *priority; /* ":+..." */
	unsigned id;          /* of a suite, by IANA */
};

extern const struct webconfig_name webconfig_suites[], webconfig_curves[]; /* end with {0} */

/* -1 and ERR_CONFIG "file:line: field: why" on failure. `ret` is zeroed first and is to be released in
 * both cases. */
int webconfig_read(struct webconfig *ret, const struct webconfig_source *source, struct err *err)
	MUSTCHECK;

/* The same from a string; `file` stands for the file in messages and for relative names. */
int webconfig_parse(struct webconfig *ret, const char *file, const char *text, size_t len,
	struct err *err) MUSTCHECK;

void webconfig_release(struct webconfig *c); /* also for CLEANUP */

#endif
