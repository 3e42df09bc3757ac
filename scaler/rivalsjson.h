/* Lists of the objects that set the size of others: HorizontalPodAutoscalers of autoscaling/v2 and
 * ScaledObjects of keda.sh/v1alpha1. Pure. Thread: any. */
#ifndef HEXLAG_RIVALSJSON_H
#define HEXLAG_RIVALSJSON_H

#include <stddef.h>

#include "common/attr.h"
#include "common/err.h"

enum rival_kind { RIVAL_HPA, RIVAL_SCALED_OBJECT, RIVAL_KINDS };

/* "HorizontalPodAutoscaler", "ScaledObject" */
const char *rival_kind_name(enum rival_kind kind);

/* One of them, and what it scales. */
struct rival {
	char *name;
	char *group; /* API group of the target, "" for the core one */
	char *target_kind, *target_name;
};

struct rivals_list {
	struct rival *items;
	size_t count;
	char *next; /* the token for the next page; NULL: this was the last one */
};

/* Appends the items of one page and sets `next`. What names no target cannot scale one, and neither can a
 * ScaledObject that is paused; these are left out.
 * ERR_RETRY where the text is no such list; `list` is as before then. */
int rivalsjson_page(const char *text, size_t len, enum rival_kind kind, struct rivals_list *list,
	struct err *err) MUSTCHECK;

void rivals_list_release(struct rivals_list *list); /* also for CLEANUP */

#endif
