/* One HTTP server, one request at a time over a kept connection. Bounded in time, size and
 * place: no redirects, no protocol but HTTP, at most HTTP_BODY_MAX bytes of body; the body of
 * http_stream() goes to a function instead and may be of any length.
 * Thread: one at a time. */
#ifndef HEXLAG_HTTP_H
#define HEXLAG_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/strbuf.h"

#define HTTP_BODY_MAX ((size_t)4 << 20)
#define HTTP_HEADER_MAX ((size_t)64 << 10) /* of all headers of one answer together */
#define HTTP_RETRY_AFTER_MAX_S 60

struct http;

/* PEM text, in memory or in a file. With `data` the file is not looked at; both NULL: none. Files
 * are read again for every new connection, so that rotated ones are picked up. */
struct http_pem {
	const char *file;
	const char *data;
	size_t len;
};

/* All borrowed until http_new() returns, but for `stop`. */
struct http_options {
	const char *server;   /* "https://host:port" and an optional path; no query */
	struct http_pem ca;   /* none: those of the system; otherwise only these are trusted */
	struct http_pem cert; /* of the client */
	struct http_pem key;  /* of the client */
	const char *tls_name; /* expected in the server's certificate instead of the host */
	bool insecure;        /* the server's certificate is not looked at */
	const char *proxy;    /* URL; NULL: as the environment says (https_proxy, no_proxy) */
	const char *username; /* NULL: no basic authentication */
	const char *password;
	int64_t timeout_ms;      /* > 0; of one whole request */
	const atomic_bool *stop; /* may be NULL */
};

struct http_request {
	const char *method;       /* "GET" */
	const char *path;         /* begins with '/', escaped, with the query */
	const char *token;        /* bearer token: printable, no spaces; NULL: none */
	const char *content_type; /* of the body */
	const char *body;         /* NULL: none */
	size_t body_len;
};

struct http_response {
	int status;
	int retry_after_s; /* 0: not said; at most HTTP_RETRY_AFTER_MAX_S */
	struct strbuf body;
};

/* ERR_CONFIG where the server is not an http or https URL, or libcurl lacks what is asked for. */
struct http *http_new(const struct http_options *options, struct err *err) MUSTCHECK;
void http_free(struct http *h); /* NULL is fine */

/* Sends `req` and waits for the answer, of any status. The caller releases `ret_res`, which is set
 * only on success. ERR_RETRY where there was no whole answer: time-out, refused, TLS, truncated,
 * too large, or *stop became true, which ends the wait within HTTP_STOP_POLL_MS.
 *
 * When the server has closed a kept connection, libcurl sends the request once more on a new one,
 * of whatever method: the caller's writes must carry a precondition (resourceVersion does). */
int http_perform(struct http *h, const struct http_request *req, struct http_response *ret_res,
	struct err *err) MUSTCHECK;

#define HTTP_STOP_POLL_MS 200

/* Where the body of an answer goes as it comes. */
struct http_sink {
	/* Gets the next part of the body of an answer 200, never an empty one. False: enough, the
	 * connection is closed and that is the end of the answer. */
	bool (*part)(void *ctx, const char *bytes, size_t len);
	void *ctx;
	int64_t silence_ms; /* > 0; an answer that brings nothing for so long has ended, too */
	int64_t whole_ms;   /* > 0; an answer that lasts longer has ended, too */
};

/* Why an answer that began has ended. */
enum http_end { HTTP_END_SERVER, HTTP_END_SINK, HTTP_END_SILENCE, HTTP_END_TIME };

/* As http_perform(), with the body of a 200 going to `sink`; that of another status is in
 * `ret_res`, as there. Headers have to come within the timeout of the options. Where the answer
 * broke off, and on *stop, ERR_RETRY, whatever went to the sink before. */
int http_stream(struct http *h, const struct http_request *req, const struct http_sink *sink,
	struct http_response *ret_res, enum http_end *ret_end, struct err *err) MUSTCHECK;

void http_response_release(struct http_response *res); /* also for CLEANUP */

#endif
