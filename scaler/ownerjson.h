/* Who made an object, by its metadata.ownerReferences. Pure. Thread: any. */
#ifndef HEXLAG_OWNERJSON_H
#define HEXLAG_OWNERJSON_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/err.h"

/* The one owner reference of an object that has `controller: true`. */
struct ownerjson_ref {
	bool found; /* false: the object has none, and the rest is empty */
	char api_version[320], kind[64], name[254];
};

/* Reads it from the document of an object. ERR_RETRY where the text is no JSON object, or the reference
 * is no reference: a field that is missing, empty, or longer than Kubernetes has it. */
int ownerjson_controller(const char *text, size_t len, struct ownerjson_ref *ret, struct err *err)
	MUSTCHECK;

#endif
