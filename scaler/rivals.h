/* Who else is configured to set the size of our targets: a HorizontalPodAutoscaler, a ScaledObject of KEDA
 * or both, as KEDA makes an HPA of its own. A thread lists them in every namespace that has a rule, once a
 * minute, the first time at once. The account needs `list` of horizontalpodautoscalers (autoscaling) and
 * scaledobjects (keda.sh) in these namespaces; without it nothing is known of them, which is said once.
 * Where KEDA is not installed it is asked again after ten minutes, in one namespace. A server that does not
 * answer, or asks for patience, is asked nothing more for ten seconds. */
#ifndef HEXLAG_RIVALS_H
#define HEXLAG_RIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/exposition.h"
#include "scaler/kube.h"
#include "scaler/rule.h"

struct rivals;
struct ruleset;

/* `kube` is borrowed; its `stop` is set by rivals. ERR_CONFIG where the credentials are wrong. Connects to
 * nothing yet. */
struct rivals *rivals_new(const struct kube_options *kube, struct err *err) MUSTCHECK;
void rivals_free(struct rivals *r); /* only once it does not run; NULL is fine */

/* Namespaces that are new are looked at as soon as the thread has the time. Takes no reference. Thread: any,
 * but not during rivals_start() and rivals_join(). */
void rivals_set_rules(struct rivals *r, const struct ruleset *rules);

int rivals_start(struct rivals *r, struct err *err) MUSTCHECK;
void rivals_stop(struct rivals *r); /* asks; returns at once. Thread: any */
bool rivals_join(struct rivals *r, int64_t deadline_ms);

/* Lists what is due at `now_ms` (monotonic) in the calling thread, and returns when it is to be called
 * again. For tests, instead of start. */
int64_t rivals_look(struct rivals *r, int64_t now_ms);

/* Whether something else is configured to set the size of the rule's target; `ret_why` tells what, cut to
 * `size`. Also true, with a `ret_why` of "", as long as the first look at its namespace has not ended.
 * What could not be read is taken not to be there. Asks nobody. Thread: any. */
bool rivals_find(struct rivals *r, const struct rule *rule, char *ret_why, size_t size);

/* Its requests, for kube_requests(). */
const struct kube *rivals_kube(const struct rivals *r);

/* Appends how the lists ended. Thread: any. */
void rivals_metrics(struct rivals *r, struct exposition *x);
extern const struct family rivals_families[]; /* the families that it appends */

#endif
