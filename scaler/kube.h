/* A client of one Kubernetes API server: credentials, resource names, the scale subresource.
 * Blocking, every call bounded by the timeout in the options and by *stop.
 * Thread: one at a time. */
#ifndef HEXLAG_KUBE_H
#define HEXLAG_KUBE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "scaler/http.h"

struct kube;

struct kube_options {
	const char *kubeconfig;  /* path; NULL: in-cluster, else $KUBECONFIG, else ~/.kube/config */
	const char *context;     /* of the kubeconfig; NULL: current-context */
	int64_t timeout_ms;      /* per request */
	const atomic_bool *stop; /* set: a running request ends within a second; may be NULL */
};

/* What is scaled. All strings borrowed. */
struct kube_target {
	const char *api_version; /* "apps/v1"; the core group is "v1" */
	const char *kind;        /* "Deployment" */
	const char *namespace;   /* NULL or "": the credentials' own namespace, else "default" */
	const char *name;
	/* Whoever asks may act in this namespace only: a kind without namespaces is refused. */
	bool within_namespace;
};

/* A Scale object of autoscaling/v1. */
struct kube_scale {
	int32_t spec_replicas, status_replicas; /* >= 0; absent in the document means 0 */
	char resource_version[64];
	char uid[64];
};

/* Reads the credentials. ERR_CONFIG with file and key where they are missing or wrong. */
struct kube *kube_new(const struct kube_options *options, struct err *err) MUSTCHECK;
void kube_free(struct kube *k); /* NULL is fine */

const char *kube_server(const struct kube *k);    /* "https://host:port", for logs */
const char *kube_namespace(const struct kube *k); /* of the credentials */

/* GET of the scale subresource. The resource name of the kind comes from API discovery once and is
 * kept; a 404 of the object forgets it. Errors: ERR_ABSENT (no such object, kind, or no scale
 * subresource), ERR_DENIED (403; 401, after one more try where the token file has changed), ERR_CONFIG
 * (a name that cannot be one; a kind without namespaces that is to be within one), ERR_RETRY (everything
 * else: time-out, refused, 429 and 5xx with retry_after_s, 422, an answer that is not a Scale or is
 * larger than 4 MiB). A custom resource without spec.replicas is a 500 (kube-apiserver 1.34), not a Scale
 * of 0. Each message names the request and what the server said, in printable ASCII. */
int kube_scale_get(struct kube *k, const struct kube_target *t, struct kube_scale *ret_scale,
	struct err *err) MUSTCHECK;

/* PUT of the same with spec.replicas = `replicas`, the uid and resourceVersion in `seen` as the
 * precondition, fieldManager hexlag. Also ERR_CONFLICT (409): somebody wrote since `seen` was read. */
int kube_scale_put(struct kube *k, const struct kube_target *t, const struct kube_scale *seen,
	int32_t replicas, struct kube_scale *ret_scale, struct err *err) MUSTCHECK;

/* One request and what reads its answer. All borrowed. */
struct kube_request {
	const char *method;
	const char *path;         /* escaped, with the query: kube_add_segment() */
	const char *body;         /* NULL: none */
	const char *content_type; /* of the body; NULL: application/json */
	/* Reads the body of an answer 200 or 201 into `out`; its error is that of the request. NULL: the
	 * answer does not matter. */
	int (*parse)(const char *text, size_t len, void *out, struct err *err);
	void *out;
};

/* Sends it with the credentials and counts the outcome. Errors as of kube_scale_get(), by the status;
 * ERR_CONFLICT for 409, ERR_GONE for 410. */
int kube_request(struct kube *k, const struct kube_request *c, struct err *err) MUSTCHECK;

/* The HTTP status of the answer to the last kube_request(); 0: there was none. */
int kube_status(const struct kube *k);

/* GET of `path` whose answer goes to `sink` as it comes: a watch, or a list of any length. Counts one
 * outcome, at its end. Errors as of kube_request(), also ERR_GONE for 410; ERR_RETRY where a 200 broke
 * off, or was ended by *stop. */
int kube_stream(struct kube *k, const char *path, const struct http_sink *sink,
	enum http_end *ret_end, struct err *err) MUSTCHECK;

/* A name that Kubernetes accepts in a path (ValidatePathSegmentName of its apimachinery); anything
 * else could lead to another resource. ERR_CONFIG names `what` and the value. */
int kube_check_segment(const char *what, const char *s, struct err *err) MUSTCHECK;

struct strbuf;
void kube_add_segment(struct strbuf *path, const char *segment); /* appends "/segment", escaped */

/* Requests made so far by outcome, for metrics. Thread: any. */
enum kube_outcome {
	KUBE_OK,
	KUBE_CONFLICT,
	KUBE_DENIED,
	KUBE_ABSENT,
	KUBE_THROTTLED, /* 429 */
	KUBE_FAILED,    /* everything else */
	KUBE_OUTCOMES,
};
uint64_t kube_requests(const struct kube *k, enum kube_outcome outcome);
const char *kube_outcome_name(enum kube_outcome outcome); /* "ok", "conflict", ... */

#endif
