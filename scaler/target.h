/* One scale target: its scale as read, what is remembered, the decision, the write. The scaler's thread
 * calls; other threads see copies of the view under the scaler's lock. */
#ifndef HEXLAG_TARGET_H
#define HEXLAG_TARGET_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "common/strbuf.h"
#include "scaler/decide.h"
#include "scaler/kube.h"
#include "scaler/ruleset.h"

/* What the scaler asks of, and tells, the rest of the program. Any may be NULL. None may block. */
struct scaler_hooks {
	void *ctx;
	/* The number of the term in which this process leads now and for `margin_ms` more, 0: it may not
	 * write. Another number is another term: somebody else may have led before it. NULL: always 1. */
	uint64_t (*term)(void *ctx, int64_t margin_ms);
	/* The text that the leader before left, as `term` has begun; the scaler frees it. NULL: none.
	 * `ret_ahead_ms`, of a text: by how much its wall clock is ahead of ours. */
	char *(*take_state)(void *ctx, uint64_t term, int64_t *ret_ahead_ms);
	/* What whoever leads next is to know; `urgent`: a size was written, so that it must not be lost. */
	void (*save_state)(void *ctx, uint64_t term, const char *text, bool urgent);
	/* Whether something else is configured to set the size of this target; `ret_why` says what, or is ""
	 * where that is not known yet: then nothing is decided. */
	bool (*rival)(void *ctx, const struct rule *r, char *ret_why, size_t size);
	/* Something to tell about a rule, as Kubernetes events do. */
	void (*event)(void *ctx, const struct ruleset_entry *e, bool warning, const char *reason,
		const char *note);
};

/* The latest write of a size, by ourselves. */
struct target_write {
	bool has;
	bool dry_run; /* it would have been written, but for dryRun */
	int32_t from, to;
	int64_t at_ms; /* monotonic */
};

/* What there is to tell of one target. */
struct target_view {
	bool has_decision;
	struct decision decision;
	int64_t decided_ms;           /* monotonic time of it */
	struct threshold_look *looks; /* of each threshold, in reports; else NULL */
	size_t look_count;
	struct target_write write;
	uint64_t writes, dry_writes, errors, bad_data_writes;
	uint64_t decisions[REASON_COUNT];
	char problem[sizeof(((struct err *)0)->msg)]; /* why it cannot act now; "": it can */
	char contended[160]; /* who else sets the size; "": nobody, so far as known */
};

struct target {
	bool begun; /* what another leader remembered was looked for */
	struct kube_scale scale;
	bool has_scale;
	int64_t read_ms;              /* when `scale` was read */
	int64_t retry_ms, backoff_ms; /* after failures: not before; 0: none */
	bool slow;                    /* the latest failure held up the others */
	enum err_kind failed;         /* of the latest failure */
	struct control control;
	struct observation *seen; /* one for each threshold of the rule */

	/* A write whose answer was lost may have been applied all the same: the next reading tells. */
	bool uncertain, unanswered; /* the second: of an attempt, by the server */
	struct decision attempt;
	int64_t attempt_ms;
	bool write_failed; /* the latest failure was one of a write */

	enum reason said; /* the reason last logged */
	bool has_said;
	enum reason latest; /* the reason of the latest decision, */
	int64_t latest_ms;  /* and since when it is that */
	bool has_told_dry;  /* the change that a dry run told last */
	int32_t told_from, told_to;

	struct target_view view; /* changed only under the lock */
};

/* What acting needs besides the target. */
struct target_env {
	struct kube *kube;
	pthread_mutex_t *lock; /* guards every target's view */
	const atomic_bool *stop;
	const struct scaler_hooks *hooks;
	uint64_t term;     /* decided in it: nothing is written in another */
	int64_t margin_ms; /* a write may take so long */
	size_t *rereads;   /* scales that may yet be read in this pass only to look */
	bool *wrote;       /* set where a size was written */
	bool look_only;    /* decide, but write nothing */
	bool alone;        /* there is no other target to be held up */
};

struct target *target_new(void);
void target_free(struct target *t); /* NULL is fine */

/* Takes over what is counted of another one: it goes on while this process does. */
void target_keep_counts(struct target *t, const struct target *from);

/* The rule is another one for the same target: what does not depend on it stays. */
void target_rule_changed(struct target *t, const struct rule *before, const struct rule *after);

/* Goes on with what another leader remembered of the rule: `text` of control_save(). To be called before
 * the first act. `wall_ms`: now, by the wall clock of that leader. -1: it cannot be read, and the rule
 * begins anew. */
int target_resume(struct target *t, const struct rule *r, const char *text, int64_t now_ms,
	int64_t wall_ms, struct err *err) MUSTCHECK;

/* Appends what the next leader is to remember. */
void target_save(const struct target *t, const struct rule *r, int64_t now_ms, struct strbuf *out);

/* Reads, decides, writes, and says so. A failure is kept, logged once, and tried again later. False: it
 * failed slowly, and so held up whatever comes after it. */
bool target_act(struct target *t, const struct target_env *env, const struct ruleset_entry *e,
	const struct snapshot *snapshot, int64_t now_ms);

/* Nothing is read any more: a write whose answer is not known is remembered as done, since whoever leads
 * next had better wait in vain than do it twice. Returns whether there was one. */
bool target_give_up(struct target *t, const struct rule *r);

#endif
