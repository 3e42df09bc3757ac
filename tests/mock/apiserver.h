/* A fake Kubernetes API server for tests: Scale objects over HTTP/1.1 on 127.0.0.1, with the
 * faults of a real one on demand. It serves discovery of apps/v1 (deployments, statefulsets) and
 * example.com/v1 (kind Widget: widgets with scale; kind Gadget: gadgets without; kind Plant:
 * cluster-scoped plants with scale). A PUT with an old resourceVersion or another uid is a 409, one
 * that changes nothing keeps the resourceVersion, one with an unknown name is a 404. Leases of
 * coordination.k8s.io/v1 are kept and served, too (apileases.h).
 *
 * Every function may be called from any thread but apiserver_stop(). */
#ifndef HEXLAG_TESTS_APISERVER_H
#define HEXLAG_TESTS_APISERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct apiserver;

/* Port 0 takes a free one; another lets a server come back where the last one was. Aborts when it
 * cannot listen. */
struct apiserver *apiserver_start(unsigned port);
void apiserver_stop(struct apiserver *s); /* closes all connections; NULL is fine */
unsigned apiserver_port(const struct apiserver *s);
const char *apiserver_url(const struct apiserver *s); /* "http://127.0.0.1:port" */

/* Writes a kubeconfig with namespace "shop" for this server to `path`; `token_file` may be NULL. */
void apiserver_kubeconfig(const struct apiserver *s, const char *path, const char *token_file);

/* Objects, by their number in order of adding (from 0). `namespace` "" for plants. */
size_t apiserver_add(struct apiserver *s, const char *plural, const char *namespace,
	const char *name, int32_t replicas);
void apiserver_set(struct apiserver *s, size_t object, int32_t spec, int32_t status);
void apiserver_remove(struct apiserver *s, size_t object);           /* answers 404 from now on */
int32_t apiserver_replicas(struct apiserver *s, size_t object);      /* spec.replicas */
void apiserver_bump_before_puts(struct apiserver *s, unsigned puts); /* a conflicting writer */

/* A Lease, by its path from /apis on: another candidate's write (NULL deletes), and what it is now (the
 * caller frees it; NULL: there is none). */
void apiserver_set_lease(struct apiserver *s, const char *path, const char *text);
char *apiserver_lease(struct apiserver *s, const char *path);

/* From now on only this bearer token is let in, others get a 401. NULL: everybody. Borrowed. */
void apiserver_require_token(struct apiserver *s, const char *token);

enum apiserver_fault_kind {
	APISERVER_STATUS,   /* `status`, `headers` (each line with \r\n), `body` */
	APISERVER_HANG,     /* no answer until the client closes */
	APISERVER_SWALLOW,  /* does what is asked, then no answer until the client closes */
	APISERVER_CLOSE,    /* closes without an answer */
	APISERVER_TRUNCATE, /* a Content-Length that the body does not reach, then closes */
	APISERVER_GARBAGE,  /* bytes that are not HTTP */
	APISERVER_OVERSIZE, /* a body of 5 MiB with its Content-Length */
	APISERVER_ENDLESS,  /* a body of 5 MiB that only the end of the connection ends */
	APISERVER_HEADERS,  /* 1 MiB of headers */
};

struct apiserver_fault {
	enum apiserver_fault_kind kind;
	const char *method;   /* that it befalls; NULL: any */
	const char *path_has; /* text in the path that it befalls; NULL: any */
	unsigned times;       /* requests; 0 is 1 */
	int status;
	const char *headers, *body; /* NULL: none */
};

/* Queues a fault; strings borrowed. The first queued one that fits a request befalls it. */
void apiserver_fail(struct apiserver *s, const struct apiserver_fault *fault);
void apiserver_heal(struct apiserver *s); /* forgets all faults, the token and the writer */

/* One collection of any resource, to list and to watch at `path`. Objects are JSON texts, known by
 * metadata.namespace and name; the server numbers their resourceVersions. A watch gets what came
 * after its version. */
void apiserver_collection(struct apiserver *s, const char *path, const char *list_kind);
void apiserver_item(struct apiserver *s, const char *json); /* adds it, or puts it in its place */
void apiserver_item_remove(struct apiserver *s, const char *namespace, const char *name);
void apiserver_bookmark(struct apiserver *s);                /* to all open watches */
void apiserver_emit(struct apiserver *s, const char *text);  /* these bytes, as they are */
void apiserver_end_watches(struct apiserver *s, bool whole); /* as a time-out, or breaking off */
/* Versions up to now are too old: as a status, or as an event of the watch. */
void apiserver_expire(struct apiserver *s, bool as_event);
unsigned apiserver_watches(struct apiserver *s);      /* opened so far */
unsigned apiserver_open_watches(struct apiserver *s); /* now */

/* From now on every request with this method to a path with this text gets 201 and its own body
 * back. Their bodies are kept. Strings borrowed. */
void apiserver_accept(struct apiserver *s, const char *method, const char *path_has);
/* The body of the `n`-th accepted request, from 0; NULL past the last. The caller frees it. */
char *apiserver_accepted(struct apiserver *s, unsigned n);
bool apiserver_wait_accepted(struct apiserver *s, unsigned count); /* false after 10 s */

/* Requests with this method so far, faulty ones included; NULL: all. */
unsigned apiserver_count(struct apiserver *s, const char *method);
unsigned apiserver_connections(struct apiserver *s); /* accepted so far */

/* Waits until apiserver_count() is at least `count`; false after 10 s. */
bool apiserver_wait(struct apiserver *s, const char *method, unsigned count);

/* Of the last request: "PUT /path?query HTTP/1.1", its body, the value of a header ("" if absent).
 * Cut to `size`. Each returns `to`. */
char *apiserver_last_line(struct apiserver *s, char *to, size_t size);
char *apiserver_last_body(struct apiserver *s, char *to, size_t size);
char *apiserver_last_header(struct apiserver *s, const char *name, char *to, size_t size);

#endif
