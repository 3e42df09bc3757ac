/* A small HTTP/1.1 server: listener, TLS, who may ask, limits, replies. It knows no routes; a handler
 * does. One thread of the HTTP library serves all connections, so a handler must not block. */
#ifndef HEXLAG_HTTPD_H
#define HEXLAG_HTTPD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/strbuf.h"
#include "sidecar/webconfig.h"

struct exposition;
struct httpd;

struct httpd_request {
	const char *method; /* as sent, but HEAD arrives as GET: only the sending differs */
	const char *path;   /* decoded, without the query */
	const char *accept, *accept_encoding; /* of the headers; "" where there is none */
	const char *body;                     /* NUL-terminated; "" where there is none */
	size_t body_len;
	const char *if_none_match; /* that header; NULL: not sent */
};

/* Bytes that a reply sends without copying. `release(owner)` is called once they are sent or never
 * will be, on the server's thread or inside httpd_stop(). */
struct httpd_part {
	const char *data;
	size_t len;
	void (*release)(void *owner); /* NULL: the bytes are static */
	void *owner;
};

#define HTTPD_PARTS 3

/* Replies whose bytes in memory are bounded together: readers of one kind never end those of another. */
enum httpd_kind { HTTPD_DOCUMENT, HTTPD_EXPOSITION, HTTPD_KINDS };

struct httpd_reply {
	enum httpd_kind kind;
	unsigned status;                     /* preset to 200 */
	const char *content_type;            /* NULL: none; static text */
	const char *content_encoding, *vary; /* the same */
	const char *allow;        /* of a 405: the methods that are allowed; static text */
	const char *authenticate; /* WWW-Authenticate, of a 401; static text */
	const char *cache;        /* Cache-Control; NULL: "no-store"; static text */
	char etag[48];            /* "": none */
	struct httpd_part parts[HTTPD_PARTS]; /* sent one after another */
};

/* Fills `reply`. Thread: the server's own. `req` is borrowed until it returns. */
typedef void httpd_handler(void *ctx, const struct httpd_request *req, struct httpd_reply *reply);

/* Judges requests by the bearer token that they carry. A verdict is an HTTP status: 200 lets the request in,
 * 401, 403 and 503 refuse it. Neither function may block. `token` is borrowed until they return. */
struct httpd_gate {
	/* Whether the verdict is known already. Thread: the server's own. */
	bool (*known)(void *ctx, const char *token, unsigned *ret_status);
	/* Has the verdict found out: done(who, status) is called once, by any thread. Before httpd_stop()
	 * the gate's owner sees to it that nobody waits any more, nor will. Thread: the server's own. */
	void (*ask)(
		void *ctx, const char *token, void (*done)(void *who, unsigned status), void *who);
	void *ctx;
};

struct httpd_options {
	/* "host:port", ":port" (all addresses, IPv6 and IPv4), "[v6]:port"; port 0 takes a free one. */
	const char *listen;
	httpd_handler *handler;
	void *ctx;
	struct webconfig_source
		web; /* TLS and who may ask; its strings are borrowed until the end */
	/* Who else may ask: with a gate a request needs a token, or the password of a user of the web
	 * configuration. NULL: users alone count. Borrowed until the end. */
	const struct httpd_gate *gate;
	/* Paths, up to a NULL, that are answered to everybody and beyond the rate limit: what a
	 * kubelet asks for has no place for a secret. NULL: none. */
	const char *const *open_paths;
	/* Of a request, in bytes; a larger one is refused (413). 0: no path takes a body, and the
	 * handler is asked for its 404 or 405 before any byte of it. */
	size_t body_max;
};

/* NULL and ERR_CONFIG (address, web configuration) or ERR_RETRY (in use) on failure, with what is at fault
 * in the message. Limits: those of httpdclients.h, 64 KiB of headers (431).
 * All signals must be blocked already. */
struct httpd *httpd_start(const struct httpd_options *options, struct err *err) MUSTCHECK;

/* Whether `listen` has the form of an address; ERR_CONFIG where not. */
int httpd_check_address(const char *listen, struct err *err) MUSTCHECK;

/* Whether the web configuration and the files that it names can be used; ERR_CONFIG where not. */
int httpd_check_web(const struct webconfig_source *web, struct err *err) MUSTCHECK;

/* Appends series about connections, certificates and refused requests. Thread: any. */
void httpd_metrics(struct httpd *h, struct exposition *x);

void httpd_stop(struct httpd *h); /* NULL is fine; closes all connections, waits for no client */

unsigned httpd_port(const struct httpd *h); /* the port in use */

/* Makes what is in `text` the part `i` of a reply; `text` is empty after. */
void httpd_reply_take(struct httpd_reply *reply, size_t i, struct strbuf *text);

#endif
