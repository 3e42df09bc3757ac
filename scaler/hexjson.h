/* HexServerAutoscaler objects: from the document to a rule. The spec is read by the very table that
 * reads a rule of the configuration file, so that names, types, limits, defaults and messages are the
 * same; nothing relies on the API server having checked anything. Pure. Thread: any. */
#ifndef HEXLAG_HEXJSON_H
#define HEXLAG_HEXJSON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/conf.h"
#include "common/err.h"
#include "scaler/conditions.h"
#include "scaler/rule.h"

#define HEX_GROUP "autoscaling.hexfuture.net"
#define HEX_VERSION "v1alpha1"
#define HEX_KIND "HexServerAutoscaler"
#define HEX_PLURAL "hexserverautoscalers"

/* A condition as it is in the status. Texts are "" where absent. */
struct hex_condition {
	char status[8], reason[64], since[32]; /* lastTransitionTime, RFC 3339 */
	char message[512];
};

struct hexobject {
	char *namespace, *name, *uid;
	char version[64];   /* resourceVersion */
	char created[32];   /* RFC 3339 in UTC, so that its text sorts by time */
	int64_t generation; /* 0: not told, or out of range */
	bool deleting;
	bool valid;       /* `rule` is there, and may be acted on */
	struct rule rule; /* its target's namespace is that of the object */
	char *problem;    /* not valid: why, with path and value: "spec.maxReplicas: missing" */

	/* Of the status, as a former process may have left it. */
	struct hex_condition conditions[CONDITIONS]; /* by condition_types */
	char scaled[32];                             /* lastScaleTime */
};

/* What a rule may say: a table for struct rule, and the check of a whole one. Borrowed. */
struct hex_fields {
	const struct conf_option *options;
	conf_check *check;
};

struct json_t; /* of jansson */

/* ERR_CONFIG where the document is not of a named object at all: nothing can be told of it. A spec that
 * is wrong is no failure here. The caller releases `ret`. */
int hexjson_read(const struct json_t *doc, const struct hex_fields *fields, struct hexobject *ret,
	struct err *err) MUSTCHECK;
void hexobject_release(struct hexobject *o); /* empties it */

/* The same in two steps: all but the spec, `valid` and `problem`; and then these. */
int hexjson_read_meta(const struct json_t *doc, struct hexobject *ret, struct err *err) MUSTCHECK;
void hexjson_read_spec(
	const struct json_t *doc, const struct hex_fields *fields, struct hexobject *o);

#endif
