#include "scaler/scaler.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/exposition.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/runloop.h"
#include "common/strbuf.h"
#include "sidecar/publish.h"

/* Without a snapshot to wake it the loop looks at its rules this often (sizes out of bounds). */
#define IDLE_MS 15000

/* A scale that was read is good for so long where the decision on it is to leave it: the API server is
 * not asked once a second and rule. Before a write it is always read again. */
#define REREAD_MS 15000

/* A write that conflicts is decided anew on a new reading, as often as the HPA does. */
#define CONFLICTS_MAX 5

/* After a failure: one second, doubled each time, or what the server asks for. */
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 30000

struct target_state {
	struct kube_scale scale;
	bool has_scale;
	int64_t read_ms;              /* when `scale` was read */
	int64_t retry_ms, backoff_ms; /* after failures: not before; 0: none */
	struct control control;
	struct observation *seen; /* one for each threshold */

	/* A write whose answer was lost may have been applied all the same: the next reading tells. */
	bool uncertain;
	int32_t attempted_from, attempted; /* replicas */
	int64_t attempt_ms;

	enum reason said; /* the reason last logged */
	bool has_said;

	/* What other threads may see. Changed by the scaler's own, and only under the lock. Its
	 * `problem` is the failure last logged. */
	struct scaler_view view;
	uint64_t decisions[REASON_COUNT];
};

struct scaler {
	struct scaler_options options;
	struct kube *kube;
	struct runloop loop;
	pthread_mutex_t lock;
	struct target_state *targets; /* by rule */
};

struct scaler *scaler_new(const struct scaler_options *options, struct err *err)
{
	struct scaler *s = mem_zalloc(1, sizeof(*s));

	s->options = *options;
	s->options.kube.stop = &s->loop.stop;
	s->targets = mem_zalloc(options->rule_count, sizeof(*s->targets));
	pthread_mutex_init(&s->lock, NULL);
	s->kube = kube_new(&s->options.kube, err);
	if (!s->kube) {
		scaler_free(s);
		return NULL;
	}
	return s;
}

void scaler_free(struct scaler *s)
{
	if (!s)
		return;
	kube_free(s->kube);
	pthread_mutex_destroy(&s->lock);
	for (size_t i = 0; i < s->options.rule_count; i++) {
		control_release(&s->targets[i].control);
		free(s->targets[i].seen);
	}
	free(s->targets);
	free(s);
}

static struct kube_target target_of(const struct rule *r)
{
	return (struct kube_target){
		.api_version = r->target.api_version,
		.kind = r->target.kind,
		.namespace = r->target.namespace,
		.name = r->target.name,
	};
}

static void note_decision(
	struct scaler *s, struct target_state *t, const struct decision *d, int64_t now_ms)
{
	pthread_mutex_lock(&s->lock);
	t->view.decision = *d;
	t->view.has_decision = true;
	t->view.decided_ms = now_ms;
	t->decisions[d->reason]++;
	pthread_mutex_unlock(&s->lock);
}

/* A reason is logged when it changes; a write is always logged, by say_write(). */
static void say_decision(const struct rule *r, struct target_state *t, const struct decision *d)
{
	char name[RULE_NAME_MAX];

	if (d->write || (t->has_said && t->said == d->reason))
		return;
	t->has_said = true;
	t->said = d->reason;
	log_info("%s: %s: staying at %" PRId32 " replicas: %s", rule_name(r, name),
		reason_name(d->reason), d->current, d->detail);
}

static void say_write(const struct rule *r, struct target_state *t, const struct decision *d)
{
	char name[RULE_NAME_MAX];

	/* A dry run would say the same once a second. */
	if (r->dry_run && t->has_said && t->said == d->reason)
		return;
	t->has_said = true;
	t->said = d->reason;
	log_info("%s: %s: %s from %" PRId32 " to %" PRId32 " replicas: %s", rule_name(r, name),
		reason_name(d->reason), r->dry_run ? "dry run, would scale" : "scaled", d->current,
		d->want, d->detail);
}

static void note_problem(struct scaler *s, struct target_state *t, const char *problem)
{
	pthread_mutex_lock(&s->lock);
	(void)snprintf(t->view.problem, sizeof(t->view.problem), "%s", problem);
	pthread_mutex_unlock(&s->lock);
}

/* Notes a failure, sets the time of the next try, and logs it unless it was the last thing said. */
static void fail(struct scaler *s, const struct rule *r, struct target_state *t,
	const struct err *err, int64_t now_ms)
{
	char name[RULE_NAME_MAX];
	int64_t wait;

	t->backoff_ms = t->backoff_ms ? t->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (t->backoff_ms > BACKOFF_MAX_MS)
		t->backoff_ms = BACKOFF_MAX_MS;
	wait = (int64_t)err->retry_after_s * 1000;
	if (wait < t->backoff_ms)
		wait = t->backoff_ms;
	t->retry_ms = now_ms + wait;
	t->has_scale = false;
	pthread_mutex_lock(&s->lock);
	t->view.errors++;
	pthread_mutex_unlock(&s->lock);
	if (strcmp(t->view.problem, err->msg) == 0)
		return;
	note_problem(s, t, err->msg);
	log_warn("%s: %s; trying again in %" PRId64 "s%s", rule_name(r, name), err->msg,
		wait / 1000, wait < BACKOFF_MAX_MS ? ", then less often up to every 30s" : "");
}

static void recovered(struct scaler *s, const struct rule *r, struct target_state *t)
{
	char name[RULE_NAME_MAX];

	t->retry_ms = t->backoff_ms = 0;
	if (!*t->view.problem)
		return;
	note_problem(s, t, "");
	log_info("%s: the API server answers again", rule_name(r, name));
}

static int read_scale(struct scaler *s, const struct rule *r, struct target_state *t,
	int64_t now_ms, struct err *err)
{
	struct kube_target target = target_of(r);

	if (kube_scale_get(s->kube, &target, &t->scale, err) < 0)
		return -1;
	t->has_scale = true;
	t->read_ms = now_ms;
	if (t->uncertain && t->scale.spec_replicas == t->attempted) {
		decide_wrote(r, &t->control, t->attempted_from, t->attempted, t->attempt_ms);
	}
	t->uncertain = false;
	return 0;
}

static int write_scale(struct scaler *s, const struct rule *r, struct target_state *t,
	const struct decision *d, int64_t now_ms, struct err *err)
{
	struct kube_target target = target_of(r);

	if (!r->dry_run &&
		kube_scale_put(s->kube, &target, &t->scale, d->want, &t->scale, err) < 0) {
		t->uncertain = err->kind == ERR_RETRY || err->kind == ERR_CONFLICT;
		t->attempted_from = d->current;
		t->attempted = d->want;
		t->attempt_ms = now_ms;
		return -1;
	}
	/* A dry run cools down as the real one would, so that it shows the same decisions. */
	decide_wrote(r, &t->control, d->current, d->want, now_ms);
	pthread_mutex_lock(&s->lock);
	t->view.write = (struct scaler_write){true, r->dry_run, d->current, d->want, now_ms};
	t->view.writes += !r->dry_run;
	t->view.dry_writes += r->dry_run;
	pthread_mutex_unlock(&s->lock);
	say_write(r, t, d);
	return 0;
}

/* What the snapshot says on each threshold. */
static void observe(const struct rule *r, struct target_state *t, const struct snapshot *snapshot)
{
	const struct rule_threshold *threshold;
	const char *group;

	if (!t->seen)
		t->seen = mem_zalloc(rule_threshold_count(r), sizeof(*t->seen));
	for (size_t i = 0; rule_threshold(r, i, &group, &threshold); i++)
		observation_of(snapshot, group, threshold->topic, (enum offset_reset)r->reset,
			&t->seen[i]);
}

/* Pods that work: those that Kubernetes knows, or fewer members where the group has not got them all
 * yet. A pod may have several members, so a larger number of those says nothing. */
static int32_t ready_pods(const struct target_state *t)
{
	const struct observation *o = &t->seen[0];
	int32_t pods = t->scale.status_replicas;

	return o->has_members && o->members < (size_t)pods ? (int32_t)o->members : pods;
}

static void decide_now(
	const struct rule *r, struct target_state *t, int64_t now_ms, struct decision *ret)
{
	const struct decide_input in = {
		.now_ms = now_ms,
		.replicas = t->scale.spec_replicas,
		.ready = ready_pods(t),
		.observations = t->seen,
	};

	decide(r, &in, &t->control, ret);
}

/* Reads, decides and writes once. A conflict is left to the caller. */
static int act_once(struct scaler *s, const struct rule *r, struct target_state *t,
	const struct snapshot *snapshot, int64_t now_ms, struct err *err)
{
	bool fresh = !t->has_scale || now_ms - t->read_ms >= REREAD_MS;
	struct decision d;

	observe(r, t, snapshot);
	if (fresh && read_scale(s, r, t, now_ms, err) < 0)
		return -1;
	decide_now(r, t, now_ms, &d);
	if (d.write && !fresh && !r->dry_run) {
		if (read_scale(s, r, t, now_ms, err) < 0)
			return -1;
		decide_now(r, t, now_ms, &d);
	}
	note_decision(s, t, &d, now_ms);
	say_decision(r, t, &d);
	return d.write ? write_scale(s, r, t, &d, now_ms, err) : 0;
}

static void act(struct scaler *s, const struct rule *r, struct target_state *t,
	const struct snapshot *snapshot, int64_t now_ms)
{
	int64_t began = clock_mono_ms();
	struct err err = {0};

	if (now_ms < t->retry_ms)
		return;
	for (int i = 0; i < CONFLICTS_MAX; i++) {
		err_clear(&err);
		if (act_once(s, r, t, snapshot, now_ms, &err) == 0) {
			recovered(s, r, t);
			return;
		}
		if (err.kind != ERR_CONFLICT || atomic_load(&s->loop.stop))
			break;
		t->has_scale = false;
	}
	/* The wait begins when the request has ended, which may have taken its whole time-out. */
	if (!atomic_load(&s->loop.stop))
		fail(s, r, t, &err, now_ms + clock_mono_ms() - began);
}

void scaler_pass(struct scaler *s, const struct snapshot *snapshot, int64_t now_ms)
{
	for (size_t i = 0; i < s->options.rule_count && !atomic_load(&s->loop.stop); i++)
		act(s, &s->options.rules[i], &s->targets[i], snapshot, now_ms);
}

/* The current snapshot unless it is too old to act on: rules are served one after another, and a slow API
 * server can make that take long. */
static struct snapshot *recent_snapshot(struct scaler *s, int64_t now_ms)
{
	struct snapshot *current = publish_get(s->options.publish);

	if (current && now_ms - current->mono_ms > s->options.max_age_ms) {
		snapshot_unref(current);
		return NULL;
	}
	return current;
}

static void act_on_all(struct scaler *s)
{
	for (size_t i = 0; i < s->options.rule_count && !atomic_load(&s->loop.stop); i++) {
		int64_t now_ms = clock_mono_ms();
		struct snapshot *CLEANUP(snapshot_unref_at) snapshot = recent_snapshot(s, now_ms);

		act(s, &s->options.rules[i], &s->targets[i], snapshot, now_ms);
	}
}

static void run(void *ctx)
{
	struct scaler *s = ctx;
	uint64_t seq = 0;

	while (!atomic_load(&s->loop.stop)) {
		struct snapshot *CLEANUP(snapshot_unref_at) woken =
			publish_wait(s->options.publish, seq, clock_mono_ms() + IDLE_MS);

		if (woken)
			seq = woken->seq;
		act_on_all(s);
	}
}

int scaler_start(struct scaler *s, struct err *err)
{
	return runloop_start(&s->loop, "scaler", run, s, err);
}

void scaler_stop(struct scaler *s)
{
	runloop_stop(&s->loop);
	publish_stop(s->options.publish);
}

bool scaler_join(struct scaler *s, int64_t deadline_ms)
{
	return runloop_join(&s->loop, deadline_ms);
}

const struct rule *scaler_look(struct scaler *s, size_t i, struct scaler_view *ret)
{
	if (i >= s->options.rule_count)
		return NULL;
	pthread_mutex_lock(&s->lock);
	*ret = s->targets[i].view;
	pthread_mutex_unlock(&s->lock);
	return &s->options.rules[i];
}

bool scaler_last_decision(struct scaler *s, size_t i, struct decision *ret)
{
	bool has;

	pthread_mutex_lock(&s->lock);
	has = s->targets[i].view.has_decision;
	*ret = s->targets[i].view.decision;
	pthread_mutex_unlock(&s->lock);
	return has;
}

static int64_t current_of(const struct target_state *t, const struct rule *r)
{
	(void)r;
	return t->view.decision.current;
}

static int64_t want_of(const struct target_state *t, const struct rule *r)
{
	(void)r;
	return t->view.decision.want;
}

static int64_t writes_of(const struct target_state *t, const struct rule *r)
{
	(void)r;
	return (int64_t)t->view.writes;
}

static int64_t dry_writes_of(const struct target_state *t, const struct rule *r)
{
	(void)r;
	return (int64_t)t->view.dry_writes;
}

static int64_t errors_of(const struct target_state *t, const struct rule *r)
{
	(void)r;
	return (int64_t)t->view.errors;
}

static int64_t min_of(const struct target_state *t, const struct rule *r)
{
	(void)t;
	return r->min;
}

static int64_t max_of(const struct target_state *t, const struct rule *r)
{
	(void)t;
	return r->max;
}

/* The families of one sample for each rule: first, and in the order of `per_rule`. */
enum { FAMILY_DECISIONS = 7, FAMILY_KUBE_REQUESTS };

const struct family scaler_families[] = {
	{"hexlag_scaler_replicas", "gauge", "target",
		"spec.replicas of the target when it was last read."},
	{"hexlag_scaler_wanted_replicas", "gauge", "target",
		"Replicas that the latest decision wants."},
	{"hexlag_scaler_min_replicas", "gauge", "target", "minReplicas of the rule."},
	{"hexlag_scaler_max_replicas", "gauge", "target", "maxReplicas of the rule."},
	{"hexlag_scaler_writes_total", "counter", "target",
		"Sizes written to the scale subresource."},
	{"hexlag_scaler_dry_run_writes_total", "counter", "target",
		"Sizes that would have been written but for dryRun."},
	{"hexlag_scaler_errors_total", "counter", "target",
		"Failed attempts to read or write the scale subresource."},
	[FAMILY_DECISIONS] = {"hexlag_scaler_decisions_total", "counter", "reason,target",
		"Decisions on a target, by reason; about one per snapshot."},
	[FAMILY_KUBE_REQUESTS] = {"hexlag_kube_requests_total", "counter", "outcome",
		"Requests to the API server, by outcome."},
	{0},
};

/* Read the state under the lock. */
static int64_t (*const per_rule[])(const struct target_state *t, const struct rule *r) = {
	current_of, want_of, min_of, max_of, writes_of, dry_writes_of, errors_of};

_Static_assert(ARRAY_LEN(per_rule) == FAMILY_DECISIONS, "a function for each family");

static void add_family(struct scaler *s, struct exposition *x, size_t family)
{
	const struct family *f = &scaler_families[family];

	exposition_family(x, f);
	for (size_t i = 0; i < s->options.rule_count; i++) {
		char rule[RULE_NAME_MAX];

		if (!s->targets[i].view.has_decision && strcmp(f->type, "gauge") == 0)
			continue; /* unknown is absent */
		strbuf_addf(&x->text, "%s{target=\"", f->name);
		exposition_label_value(&x->text, rule_name(&s->options.rules[i], rule));
		strbuf_addf(&x->text, "\"} %" PRId64 "\n",
			per_rule[family](&s->targets[i], &s->options.rules[i]));
	}
}

static void add_decisions(struct scaler *s, struct exposition *x)
{
	struct strbuf *out = &x->text;

	exposition_family(x, &scaler_families[FAMILY_DECISIONS]);
	for (size_t i = 0; i < s->options.rule_count; i++)
		for (int reason = 0; reason < REASON_COUNT; reason++) {
			char rule[RULE_NAME_MAX];

			if (!s->targets[i].decisions[reason])
				continue;
			strbuf_adds(out, "hexlag_scaler_decisions_total{reason=\"");
			strbuf_addf(out, "%s\",target=\"", reason_name((enum reason)reason));
			exposition_label_value(out, rule_name(&s->options.rules[i], rule));
			strbuf_addf(out, "\"} %" PRIu64 "\n", s->targets[i].decisions[reason]);
		}
}

void scaler_metrics(struct scaler *s, struct exposition *x)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < ARRAY_LEN(per_rule); i++)
		add_family(s, x, i);
	add_decisions(s, x);
	pthread_mutex_unlock(&s->lock);
	exposition_family(x, &scaler_families[FAMILY_KUBE_REQUESTS]);
	for (int i = 0; i < KUBE_OUTCOMES; i++)
		strbuf_addf(&x->text, "hexlag_kube_requests_total{outcome=\"%s\"} %" PRIu64 "\n",
			kube_outcome_name((enum kube_outcome)i),
			kube_requests(s->kube, (enum kube_outcome)i));
}
