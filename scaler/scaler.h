/* The scaler's loop: for each new snapshot and each rule read the scale, decide, write, say why.
 * Nothing else writes the size of a target. */
#ifndef HEXLAG_SCALER_H
#define HEXLAG_SCALER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/attr.h"
#include "common/err.h"
#include "scaler/kube.h"
#include "scaler/ruleset.h"
#include "scaler/target.h"

struct publish;
struct scaler;
struct snapshot;
struct strbuf;

struct scaler_options {
	struct kube_options kube; /* `stop` is set by the scaler; borrowed, as all below */
	struct publish *publish;
	int64_t max_age_ms; /* an older snapshot is not acted on */
	struct scaler_hooks hooks;
	bool look_only; /* decide, but write nothing */
};

/* ERR_CONFIG where the Kubernetes credentials are wrong. Connects to nothing yet, and has no rules. */
struct scaler *scaler_new(const struct scaler_options *options, struct err *err) MUSTCHECK;
void scaler_free(struct scaler *s); /* only once it does not run; NULL is fine */

const char *scaler_namespace(const struct scaler *s); /* of the credentials */

/* From the first pass on a snapshot with this `seq` or a later one these rules are in force; 0: from the
 * next pass on. What older snapshots say of groups that only these rules name may be of long ago. Rules that
 * have to wait for longer than others before them do not keep those from being in force meanwhile. Takes a
 * reference. What is remembered of a rule stays where its target and origin are the same; the size of a
 * target whose rule is gone is left as it is. Thread: any. */
void scaler_set_rules(struct scaler *s, struct ruleset *rules, uint64_t seq);

/* From now on a thread acts on every new snapshot. */
int scaler_start(struct scaler *s, struct err *err) MUSTCHECK;
void scaler_stop(struct scaler *s);                      /* asks; returns at once. Thread: any */
bool scaler_join(struct scaler *s, int64_t deadline_ms); /* as runloop_join() */

/* One pass over all rules in the calling thread at `now_ms` (monotonic). `snapshot` may be NULL. For
 * tests, instead of start. */
void scaler_pass(struct scaler *s, const struct snapshot *snapshot, int64_t now_ms);

/* Whether this process acts on the rules in force, and may go on now. Thread: any. */
bool scaler_leads(struct scaler *s);

/* All there is to tell of the rules in force, as of one moment. Released by its holder. */
struct scaler_report {
	struct ruleset *rules;
	struct target_view *views; /* one for each entry of `rules` */
	bool leads;                /* scaler_leads() */
	uint64_t requests[KUBE_OUTCOMES];
	struct arena arena;
};

void scaler_report(struct scaler *s, struct scaler_report *ret); /* Thread: any */
void scaler_report_release(struct scaler_report *r);             /* also for CLEANUP */

/* The view of rule `i` alone, without its thresholds. False: there is no such rule. Thread: any. */
bool scaler_look(struct scaler *s, size_t i, struct target_view *ret);

#endif
