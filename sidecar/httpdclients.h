/* The connections of the HTTP server and how long each may take for what it does. Clients that are
 * too slow, too many, or keep too much memory from being freed are cut off: their socket is shut
 * down, and the HTTP library finds it ended. Embedded: httpdclients_init, httpdclients_release.
 * Thread: any. */
#ifndef HEXLAG_HTTPDCLIENTS_H
#define HEXLAG_HTTPDCLIENTS_H

#include <pthread.h>
#include <stdint.h>

#include "common/strbuf.h"
#include "sidecar/httpd.h"

/* Limits of the time in a state, from its beginning, whatever moves in between: a client that sends a
 * byte now and then is not idle, and just as far from a request. */
#define HTTPD_HEAD_S 10 /* from the connection, TLS included, to the end of the first headers */
#define HTTPD_IDLE_S \
	90 /* from an answer to the end of the next headers: more than between scrapes */
#define HTTPD_BODY_S 30
#define HTTPD_SEND_S 60

/* With so many connections the one that has waited longest gives way to a new one. The library
 * itself stops accepting a little later. */
#define HTTPD_CONNECTIONS 448
#define HTTPD_CONNECTIONS_MAX 512

/* Beside the newest few answers that differ, so many bytes of each kind may be on their way at once, what
 * several share counted once. With more, who reads the oldest is cut off. */
#define HTTPD_DOCUMENT_BYTES ((size_t)32 << 20)
#define HTTPD_EXPOSITION_BYTES ((size_t)64 << 20)
#define HTTPD_ANSWERS_KEPT 2

enum httpdclient_state {
	CLIENT_CONNECTED, /* nothing has come, or half of the first headers */
	CLIENT_WAITING,   /* the same after an answer */
	CLIENT_ASKING,    /* headers are in; a body comes, or a password is checked */
	CLIENT_ANSWERED,  /* an answer is being sent */
	CLIENT_STATES,
};

/* What an answer keeps in memory. {0}: nothing. */
struct httpdweight {
	enum httpd_kind kind;
	const void *shared; /* its largest part, only to be compared */
	size_t shared_bytes;
	size_t own_bytes; /* of the others */
};

struct exposition;
struct httpdclient;

struct httpdclients {
	pthread_mutex_t lock;
	struct httpdclient *oldest, *newest; /* by the beginning of their state */
	size_t count;
	size_t leaving;               /* cut off, but not gone yet */
	uint64_t late[CLIENT_STATES]; /* cut off for taking too long */
	uint64_t displaced;           /* gave way to a new connection */
	uint64_t outdated;            /* read an answer that is too old */
	size_t bytes[HTTPD_KINDS];    /* of all answers; what is shared is in it each time */
};

void httpdclients_init(struct httpdclients *all);
void httpdclients_release(struct httpdclients *all);

/* A connection begins; `fd` stays the caller's, and open until httpdclients_remove(). */
struct httpdclient *httpdclients_add(struct httpdclients *all, int fd, int64_t now_ms);
void httpdclients_remove(struct httpdclients *all, struct httpdclient *client);

/* A state begins. `weight` is that of the answer; NULL: none is being sent. */
void httpdclients_mark(struct httpdclients *all, struct httpdclient *client,
	enum httpdclient_state state, const struct httpdweight *weight, int64_t now_ms);

/* Cuts off who is over its time. To be called now and then. */
void httpdclients_sweep(struct httpdclients *all, int64_t now_ms);

/* Appends series about the connections. */
void httpdclients_metrics(struct httpdclients *all, struct exposition *x);

#endif
