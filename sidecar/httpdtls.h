/* TLS of the HTTP server: a certificate with its key, what clients have to show, and versions and
 * ciphers, from a web configuration. Immutable once made: other files make another one.
 * Thread: any. */
#ifndef HEXLAG_HTTPDTLS_H
#define HEXLAG_HTTPDTLS_H

#include <stdint.h>

#include "sidecar/webconfig.h"

struct httpdtls;

/* Reads the files that `c` names. NULL and ERR_CONFIG where one does not parse, where certificate and
 * key do not match, and where just these cipher suites cannot be had. */
struct httpdtls *httpdtls_new(const struct webconfig *c, struct err *err) MUSTCHECK;
void httpdtls_free(struct httpdtls *t); /* NULL is fine; no session may use it any more */

/* Makes a session (gnutls_session_t) that has not begun its handshake follow `t`. */
void httpdtls_attach(const struct httpdtls *t, void *session);

/* What libmicrohttpd takes for MHD_OPTION_HTTPS_CERT_CALLBACK, so that it starts without a certificate; no
 * session that is attached asks it. */
void *httpdtls_placeholder(void);

/* When the server's certificate ends, seconds since 1970; 0 where it does not say. */
int64_t httpdtls_not_after(const struct httpdtls *t);

/* HMAC-SHA-256 of `len` bytes under a key of 32 bytes that this process made up at its start; as good as
 * the bytes for a comparison, and of no use to who reads memory. */
#define HTTPDTLS_DIGEST 32
void httpdtls_digest(const void *bytes, size_t len, unsigned char ret_digest[HTTPDTLS_DIGEST]);

#endif
