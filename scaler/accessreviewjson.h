/* The documents by which an API server tells who somebody is and what they may do: TokenReview of
 * authentication.k8s.io/v1, SubjectAccessReview of authorization.k8s.io/v1. Pure. Thread: any. */
#ifndef HEXLAG_ACCESSREVIEWJSON_H
#define HEXLAG_ACCESSREVIEWJSON_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/err.h"

/* Whatever is asked for, also where the metrics have another path: /api/ is also that of the API server,
 * which lets every user get it, as it does some more (the roles system:discovery and
 * system:public-info-viewer). */
#define ACCESSREVIEW_PATH "/metrics"

/* A TokenReview that asks whose `token` is; the caller frees it. */
char *accessreviewjson_token(const char *token);

/* Reads the answer and makes the SubjectAccessReview that asks whether that user may get the
 * nonResourceURL ACCESSREVIEW_PATH; the caller frees it. `*ret_body` is NULL where the token is nobody's.
 * ERR_RETRY where the text is no such answer: a field that is absent or of another type vouches for
 * nobody. */
int accessreviewjson_subject(const char *text, size_t len, char **ret_body, struct err *err)
	MUSTCHECK;

/* Whether the answer to that allows it. ERR_RETRY where the text is no such answer. */
int accessreviewjson_allowed(const char *text, size_t len, bool *ret_allowed, struct err *err)
	MUSTCHECK;

#endif
