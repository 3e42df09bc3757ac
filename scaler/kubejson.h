/* The Kubernetes documents that scaling needs: text to struct and back. Pure. Thread: any.
 * A document is bounded by what http.h lets through; nesting by jansson (2,048 levels). */
#ifndef HEXLAG_KUBEJSON_H
#define HEXLAG_KUBEJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "scaler/kube.h"

/* A Scale of autoscaling/v1. The API server leaves zeros out, so absent replicas are 0. ERR_RETRY
 * where the text is not such a document or a number is no int32 >= 0. */
int kubejson_scale_parse(
	const char *text, size_t len, struct kube_scale *ret_scale, struct err *err) MUSTCHECK;

/* The body of a PUT that sets spec.replicas; the caller frees it. `namespace` NULL: the object is
 * cluster-scoped. `seen` gives uid (left out when empty) and resourceVersion as preconditions. */
char *kubejson_scale_body(
	const char *namespace, const char *name, const struct kube_scale *seen, int32_t replicas);

/* What API discovery says about a kind. */
struct kube_resource {
	char plural[256];
	bool namespaced;
	bool scalable; /* has the scale subresource */
};

/* Looks `kind` up in an APIResourceList. ERR_ABSENT where the list lacks it, ERR_RETRY where the
 * text is no such list. */
int kubejson_resource_find(const char *text, size_t len, const char *kind,
	struct kube_resource *ret_resource, struct err *err) MUSTCHECK;

/* What the server says in an error's body, as one printable line in `ret_text` (cut to `size`):
 * reason and message of a Status, else the text itself, as API priority and fairness answers in
 * plain text; "" where the body is empty. */
void kubejson_status_text(const char *text, size_t len, char *ret_text, size_t size);

#endif
