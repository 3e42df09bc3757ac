/* One decision for one rule: what size the target should have now, and why. A function of its
 * arguments alone: no clock, no I/O. Only what the caller writes changes the world. */
#ifndef HEXLAG_DECIDE_H
#define HEXLAG_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "scaler/control.h"
#include "scaler/rule.h"

/* Reasons, most with the names that HPA users know. */
enum reason {
	REASON_WITHIN_RANGE, /* the lag asks for the current size */
	REASON_SCALE_UP,
	REASON_SCALE_DOWN,
	REASON_TOO_FEW_REPLICAS,  /* raised or held at minReplicas */
	REASON_TOO_MANY_REPLICAS, /* lowered or held at maxReplicas */
	REASON_SCALING_DISABLED,  /* the target has 0 replicas: somebody switched it off */
	REASON_COOLDOWN,          /* would change, but the last write is too recent */
	REASON_LAG_UNKNOWN,       /* no data to decide by: held */
	REASON_LAG_STALE,         /* only old data: held */
	REASON_LAG_PARTIAL,       /* would lower, but only part of the lag is known: held */
	REASON_LEARNING,          /* the policy has not seen enough to say anything: held */
	REASON_PARTITION_LIMIT,   /* more replicas than partitions would idle */
	REASON_RATE_NEEDED,       /* would lower below what the produce rate needs: held above */
	REASON_FALLBACK,      /* the lag has not been known for long: what the rule says for that */
	REASON_REBALANCING,   /* would change, but the group is being rebalanced: held */
	REASON_STARTING,      /* would change, but pods are on their way: held */
	REASON_NOT_EFFECTIVE, /* would raise, but the last raise did not help: held */
	REASON_REGRET,        /* would lower, but the last lowerings were taken back soon: held */
	REASON_CONTENDED,     /* would change, but somebody else sets the size, too: left alone */
	REASON_PAUSED,        /* would change, but the rule is paused: left alone */
	REASON_ACTIVATED,     /* the first records for a target that was scaled to zero */
	REASON_IDLE,          /* no lag for the whole cooldown: to zero */
	REASON_UP_STABILIZED, /* would raise, but a lower size was asked for within the window */
	REASON_DOWN_STABILIZED, /* would lower, but a higher size was asked for within the window */
	REASON_UP_LIMIT,        /* raised by as much as a rate policy allows */
	REASON_DOWN_LIMIT,      /* lowered by as much as a rate policy allows */
	REASON_COUNT,
};

/* One step of a decision that had a say, for explanations. */
enum step {
	STEP_BOUNDS,
	STEP_QUALITY,
	STEP_POLICY,
	STEP_TOLERANCE,
	STEP_CAP,
	STEP_FALLBACK,
	STEP_HOLD,
	STEP_STABILIZE,
	STEP_LIMIT,
	STEP_CLAMP,
	STEP_COUNT,
};

struct decision_step {
	enum step step;
	enum reason reason;
	int32_t replicas; /* wanted after it */
};

struct decision {
	int32_t current, want; /* replicas */
	bool write;            /* want differs from current and is to be written */
	enum reason reason;
	/* The write is of a kind that must not be: without usable data, or down on partial. */
	bool on_bad_data;
	bool fallen_back;       /* by the rule's fallback, whatever the reason for the final size */
	enum quality quality;   /* of the worst threshold */
	bool has_lag;           /* a threshold decided: the next three are of it */
	size_t decided_by;      /* its index: rule_threshold() */
	int64_t lag, threshold; /* messages */
	bool has_rate;          /* the next three are known, of that threshold */
	double rate;            /* records per second that arrive */
	double late;            /* records */
	double per_replica;     /* records per second; 0: not known */
	size_t step_count;
	struct decision_step steps[STEP_COUNT];
	char detail[320]; /* one sentence with the figures */
};

/* What a decision is made from, besides the rule and what is remembered. */
struct decide_input {
	int64_t now_ms;
	int32_t replicas; /* spec.replicas, >= 0 */
	int32_t ready;    /* pods that work, as far as known: <= replicas unless pods surge */
	const struct observation *observations; /* one for each threshold, in the rule's order */
	bool contended; /* somebody else sets the size, too: nothing is written */
};

/* Decides, and remembers in `control` what later decisions need. Deciding again at the same time with a
 * newer size is fine. Steps, in order:
 *   bounds     current = 0 with min >= 1: switched off by hand, as the HPA sees it; nothing is written.
 *              current outside [min, max]: the nearest bound, without any lag. current = 0 otherwise: the
 *              first records raise it at once, past holds, windows and rates.
 *   quality    a threshold whose lag is unknown or stale adds nothing, and while there is one, or one
 *              whose lag is partial (a lower bound), nothing is lowered: what is known may only raise.
 *   policy     per threshold; the largest wins. hexOperator: the first that changes something.
 *   tolerance  per threshold: what is near enough to right is left alone, unless the proposal reaches a
 *              bound or the cap. hexOperator has it only where behavior says so. rate and drain have
 *              dead bands of their own.
 *   cap        not below what the produce rate needs as far as known (hex, hexOperator); whole steps of
 *              partitions; not above the largest number of partitions of all thresholds: consumers of
 *              several topics get partitions of each, and the assignors spread each topic by itself.
 *   fallback   without usable data for longer than fallback.after.
 *   hold       rebalance, pods on their way, a raise that did not help, cooldown since the last write;
 *              all limited in time. The first reaction is immediate.
 *   stabilize  the windows of behavior, limit: its rates; clamp to [min, max], last.
 * A rule that is paused, and a target that is contended, is decided on as ever; `want` says what would be
 * done, and `write` is false.
 *
 * To zero (min = 0) it goes after a complete observation of no lag at all times of the cooldown; a
 * target that is woken within ten minutes has to be idle four times as long the next time, then eight times.
 * From one replica the default window is not waited for; one that is configured is. */
void decide(const struct rule *rule, const struct decide_input *in, struct control *control,
	struct decision *ret);

const char *reason_name(enum reason reason); /* "ScaleUp", ... */
bool reason_is_trouble(enum reason reason);  /* something keeps the rule from doing its work */
const char *step_name(enum step step);       /* "policy", ... */

#endif
