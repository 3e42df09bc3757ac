/* The target of a rule with target = "self": found once in the life of the process, by a thread with a
 * connection of its own that tries until the API server has told it. */
#ifndef HEXLAG_SELFTARGET_H
#define HEXLAG_SELFTARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "scaler/kube.h"

struct ruleset;
struct rule_target;
struct selftarget;

struct selftarget_options {
	struct kube_options kube; /* `stop` is set by selftarget; borrowed, as the rest */
	const char *pod;          /* name of the pod; NULL: $POD_NAME, else $HOSTNAME */
	/* These rules are to be in force: those set last, without a rule for "self" as long as its target is
	 * not known, and with its target after that. Takes no reference. One call at a time, in order; by
	 * the thread or by who calls selftarget_set_rules(). Must not call back, nor block. */
	void (*resolved)(void *ctx, struct ruleset *rules);
	void *ctx;
};

/* ERR_CONFIG where the credentials are wrong. */
struct selftarget *selftarget_new(const struct selftarget_options *options, struct err *err)
	MUSTCHECK;
void selftarget_free(struct selftarget *s); /* only once it does not run; NULL is fine */

/* Calls `resolved` before it returns, and once more when a target that is missing is known; takes a
 * reference. Starts the thread with the first rule that needs it. ERR_CONFIG: one needs the name of the
 * pod, and there is none; nothing has changed then. Thread: one at a time. */
int selftarget_set_rules(struct selftarget *s, struct ruleset *rules, struct err *err) MUSTCHECK;

void selftarget_stop(struct selftarget *s); /* asks; returns at once. Thread: any */
bool selftarget_join(struct selftarget *s, int64_t deadline_ms);

/* For one-shot commands: asks in the calling thread, once, and only where a rule needs it. The caller gets a
 * reference to the rules with their targets. Of the options only kube and pod count. */
int selftarget_once(const struct selftarget_options *options, struct ruleset *rules,
	struct ruleset **ret_rules, struct err *err) MUSTCHECK;

/* The set with `target` for its rule for "self", NULL: without that rule. A rule that names the same object
 * (without a namespace: in that of `target`) stays, and that for "self" is left out, which `ret_taken`
 * tells. The caller gets a reference. Pure. */
struct ruleset *selftarget_resolve(
	struct ruleset *rules, const struct rule_target *target, bool *ret_taken);

#endif
