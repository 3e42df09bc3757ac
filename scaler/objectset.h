/* All HexServerAutoscalers that are known, and the rules that they make together with the file. Pure.
 * Thread: one at a time. */
#ifndef HEXLAG_OBJECTSET_H
#define HEXLAG_OBJECTSET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "scaler/hexjson.h"
#include "scaler/objectstatus.h"
#include "scaler/ruleset.h"

struct object {
	struct hexobject hex;
	bool listed; /* came in the list that is running */
	char *rival; /* who has its target already, as a text; NULL: nobody */
	struct objectstatus_told told;
};

struct objectset {
	struct object **items; /* by namespace and name */
	size_t count;
};

void objectset_release(struct objectset *s);

/* Takes what is in `hex`, which is zeroed: adds the object, or puts it in the place of its older self.
 * Returns whether the rules may be others now. Where we write the status (`ours`), what was last
 * written stays what is known of it. */
bool objectset_put(struct objectset *s, struct hexobject *hex, bool ours);

/* The same with what hexjson_read_meta() has read, where its spec is known already: an object of this uid
 * and generation. False: it is not, and nothing was taken. */
bool objectset_refresh(struct objectset *s, struct hexobject *hex, bool ours);

/* Returns whether it was there. */
bool objectset_remove(struct objectset *s, const char *namespace, const char *name);

struct object *objectset_find(const struct objectset *s, const char *namespace, const char *name);

/* A list of one namespace, or of all (NULL), begins; at its end what did not come in it has gone.
 * Returns whether anything has. */
void objectset_list_began(struct objectset *s, const char *namespace);
bool objectset_list_ended(struct objectset *s, const char *namespace);

/* The rules of the file and of all valid objects, as a new set. Of several for one target that of the
 * file wins, then that of the oldest object, then by name; the `rival` of each other tells who.
 * `namespace` is where rules without one act. */
struct ruleset *objectset_rules(
	struct objectset *s, const struct ruleset *file, const char *namespace) MUSTCHECK;

#endif
