#include "scaler/target.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "scaler/controljson.h"

/* A scale that was read is good for so long where the decision on it is to leave it: the API server is
 * not asked once a second and rule. Before a write it is always read again. */
#define REREAD_MS 15000

/* A write that conflicts is decided anew on a new reading, as often as the HPA does. */
#define CONFLICTS_MAX 5

/* After a failure: one second, doubled each time, or what the server asks for. What may pass by itself (no
 * answer, 5xx, conflicts) is soon tried again, as the lag goes on growing; a missing grant or object waits
 * for a person. */
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_PASSING_MAX_MS 5000
#define BACKOFF_MAX_MS 30000

/* A failure that took so long, as a time-out does, holds up the other targets: it is tried again only after
 * a multiple of that. */
#define SLOW_MS 300
#define SLOW_WAITS 4

/* A reason that calls for nobody is logged once it has held for so long: a steady lag, which swings by what
 * is produced between two commits, may alternate between two such reasons every second. */
#define SAY_AFTER_MS 30000

#define NOTE_MAX 512

struct target *target_new(void)
{
	return mem_zalloc(1, sizeof(struct target));
}

void target_free(struct target *t)
{
	if (!t)
		return;
	control_release(&t->control);
	free(t->seen);
	free(t);
}

void target_keep_counts(struct target *t, const struct target *from)
{
	const struct target_view *v = &from->view;

	t->view.writes = v->writes;
	t->view.dry_writes = v->dry_writes;
	t->view.errors = v->errors;
	t->view.bad_data_writes = v->bad_data_writes;
	memcpy(t->view.decisions, v->decisions, sizeof(v->decisions));
}

void target_rule_changed(struct target *t, const struct rule *before, const struct rule *after)
{
	control_rule_changed(&t->control, before, after);
	free(t->seen);
	t->seen = NULL;
	t->retry_ms = t->backoff_ms = 0;
	t->has_said = t->has_told_dry = false;
}

int target_resume(struct target *t, const struct rule *r, const char *text, int64_t now_ms,
	int64_t wall_ms, struct err *err)
{
	return control_load(r, text, strlen(text), now_ms, wall_ms, &t->control, err);
}

void target_save(const struct target *t, const struct rule *r, int64_t now_ms, struct strbuf *out)
{
	control_save(r, &t->control, now_ms, clock_wall_ms(), out);
}

/* One call: the target, what it acts by, and when. */
struct act {
	struct target *t;
	const struct target_env *env;
	const struct ruleset_entry *e;
	const struct rule *r;
	int64_t now_ms;
};

static void tell(const struct act *a, bool warning, const char *reason, const char *note)
{
	struct ruleset_entry about = *a->e;

	about.target_uid = a->t->scale.uid;
	if (a->env->hooks->event)
		a->env->hooks->event(a->env->hooks->ctx, &about, warning, reason, note);
}

/* The looks are for reports, which copy them under the lock; only here they change. */
static void note_decision(const struct act *a, const struct decision *d)
{
	struct target_view *view = &a->t->view;

	pthread_mutex_lock(a->env->lock);
	view->decision = *d;
	view->has_decision = true;
	view->decided_ms = a->now_ms;
	view->decisions[d->reason]++;
	pthread_mutex_unlock(a->env->lock);
}

static bool said(struct target *t, enum reason reason)
{
	bool before = t->has_said && t->said == reason;

	t->has_said = true;
	t->said = reason;
	return before;
}

static bool has_held(struct target *t, enum reason reason, int64_t now_ms)
{
	if (t->latest != reason) {
		t->latest = reason;
		t->latest_ms = now_ms;
	}
	return now_ms - t->latest_ms >= SAY_AFTER_MS;
}

/* A reason is logged when it is not the one logged before: trouble and the first one at once, another once
 * it has held. A write is always logged, by say_write(). */
static void say_decision(const struct act *a, const struct decision *d)
{
	bool held = has_held(a->t, d->reason, a->now_ms);
	char name[RULE_NAME_MAX];

	if (d->reason == REASON_WITHIN_RANGE)
		a->t->has_told_dry = false; /* what comes after is a new story */
	if (d->write || (a->t->has_said && !held && !reason_is_trouble(d->reason)) ||
		said(a->t, d->reason))
		return;
	log_info("%s: %s: staying at %" PRId32 " replicas: %s", rule_name(a->r, name),
		reason_name(d->reason), d->current, d->detail);
}

/* A dry run comes to the same after each cooldown, for ever: it is told once, and so are the reasons
 * between. */
static bool told_dry(struct target *t, const struct decision *d)
{
	bool before = t->has_told_dry && t->told_from == d->current && t->told_to == d->want;

	t->has_told_dry = true;
	t->told_from = d->current;
	t->told_to = d->want;
	return before;
}

/* `lost`: the answer to the write was, and it is only now known to be done. */
static void say_write(const struct act *a, const struct decision *d, bool lost)
{
	char name[RULE_NAME_MAX], note[NOTE_MAX];
	const char *more = lost ? " (the answer was lost)" : "";

	if (a->r->dry_run && told_dry(a->t, d))
		return;
	a->t->has_told_dry = a->r->dry_run;
	(void)said(a->t, d->reason);
	log_info("%s: %s: %s from %" PRId32 " to %" PRId32 " replicas%s: %s", rule_name(a->r, name),
		reason_name(d->reason), a->r->dry_run ? "dry run, would scale" : "scaled",
		d->current, d->want, more, d->detail);
	(void)snprintf(note, sizeof(note),
		"%s size: %" PRId32 ", was %" PRId32 "%s; reason: %s: %s",
		a->r->dry_run ? "Dry run, new" : "New", d->want, d->current, more,
		reason_name(d->reason), d->detail);
	tell(a, false, "SuccessfulRescale", note);
}

static void note_problem(const struct act *a, const char *problem)
{
	struct target_view *view = &a->t->view;

	pthread_mutex_lock(a->env->lock);
	(void)snprintf(view->problem, sizeof(view->problem), "%s", problem);
	pthread_mutex_unlock(a->env->lock);
}

/* Sets the time of the next try after a failure that took `took_ms`. Returns the wait; `ret_longest_ms` is
 * what it will grow to. */
static int64_t back_off(
	const struct act *a, const struct err *err, int64_t took_ms, int64_t *ret_longest_ms)
{
	struct target *t = a->t;
	bool passes = err->kind == ERR_RETRY || err->kind == ERR_CONFLICT;
	int64_t longest = passes ? BACKOFF_PASSING_MAX_MS : BACKOFF_MAX_MS, wait;

	/* An API server that has just come back may deny for a moment what it grants. */
	if (err->kind != t->failed)
		t->backoff_ms = 0;
	t->failed = err->kind;
	t->backoff_ms = backoff_next(t->backoff_ms, BACKOFF_FIRST_MS, longest);
	wait = backoff_obey(t->backoff_ms, err->retry_after_s);
	t->slow = took_ms >= SLOW_MS;
	if (t->slow && !a->env->alone && wait < took_ms * SLOW_WAITS)
		wait = took_ms * SLOW_WAITS;
	/* The wait begins when the request has ended, which may have taken its whole time-out. */
	t->retry_ms = a->now_ms + took_ms + wait;
	*ret_longest_ms = wait > longest ? wait : longest;
	return wait;
}

/* Notes a failure, and logs it unless it was the last thing said. */
static void fail(const struct act *a, const struct err *err, int64_t took_ms)
{
	struct target *t = a->t;
	char name[RULE_NAME_MAX];
	int64_t longest, wait = back_off(a, err, took_ms, &longest);

	t->has_scale = false;
	if (err->kind == ERR_ABSENT)
		t->scale.uid[0] = '\0'; /* the next of this name is another one */
	pthread_mutex_lock(a->env->lock);
	t->view.errors++;
	pthread_mutex_unlock(a->env->lock);
	if (strcmp(t->view.problem, err->msg) == 0)
		return;
	note_problem(a, err->msg);
	log_warn("%s: %s; trying again in %" PRId64 "s, then less often up to every %" PRId64 "s",
		rule_name(a->r, name), err->msg, wait / 1000, longest / 1000);
	tell(a, true, t->write_failed ? "FailedUpdateScale" : "FailedGetScale", err->msg);
}

static void recovered(const struct act *a)
{
	bool answered = a->t->failed == ERR_DENIED || a->t->failed == ERR_ABSENT;
	char name[RULE_NAME_MAX];

	a->t->retry_ms = a->t->backoff_ms = 0;
	a->t->slow = false;
	if (!*a->t->view.problem)
		return;
	note_problem(a, "");
	log_info("%s: %s", rule_name(a->r, name),
		answered ? "can be scaled again" : "the API server answers again");
}

static struct kube_target target_of(const struct ruleset_entry *e)
{
	const struct rule_target *t = &e->rule.target;

	return (struct kube_target){
		.api_version = t->api_version,
		.kind = t->kind,
		.namespace = t->namespace,
		.name = t->name,
		.within_namespace = e->origin.uid,
	};
}

/* A dry run cools down as the real one would, so that it shows the same decisions. */
static void wrote(const struct act *a, const struct decision *d, int64_t at_ms, bool lost)
{
	struct target *t = a->t;

	control_wrote(&t->control, a->r, d->current, d->want, at_ms);
	*a->env->wrote |= !a->r->dry_run;
	pthread_mutex_lock(a->env->lock);
	t->view.write = (struct target_write){true, a->r->dry_run, d->current, d->want, at_ms};
	t->view.writes += !a->r->dry_run;
	t->view.dry_writes += a->r->dry_run;
	t->view.bad_data_writes += d->on_bad_data;
	pthread_mutex_unlock(a->env->lock);
	say_write(a, d, lost);
}

static int read_scale(const struct act *a, struct err *err)
{
	struct kube_target target = target_of(a->e);
	struct target *t = a->t;
	char name[RULE_NAME_MAX];

	if (kube_scale_get(a->env->kube, &target, &t->scale, err) < 0)
		return -1;
	t->has_scale = true;
	t->read_ms = a->now_ms;
	if (t->uncertain && t->scale.spec_replicas == t->attempt.want)
		wrote(a, &t->attempt, t->attempt_ms, true);
	t->uncertain = false;
	if (contend_read(&t->control.contend, t->scale.spec_replicas, a->now_ms))
		log_warn("%s: somebody else took the size back to %" PRId32 " replicas",
			rule_name(a->r, name), t->scale.spec_replicas);
	return 0;
}

/* Another process may lead by now; a write of ours must end while the lease lasts. */
static int check_leads(const struct act *a, struct err *err)
{
	const struct scaler_hooks *hooks = a->env->hooks;

	if (!hooks->term || hooks->term(hooks->ctx, a->env->margin_ms) == a->env->term)
		return 0;
	return err_set(err, ERR_RETRY, "no write: the lease may end before it would");
}

/* An answer 4xx says that nothing was done; after a 5xx something may have been. */
static bool was_refused(const struct kube *k)
{
	return kube_status(k) >= 400 && kube_status(k) < 500;
}

static int write_scale(const struct act *a, const struct decision *d, struct err *err)
{
	struct kube_target target = target_of(a->e);
	struct target *t = a->t;

	if (!a->r->dry_run) {
		t->write_failed = true; /* unless the end is reached */
		if (check_leads(a, err) < 0)
			return -1;
		if (kube_scale_put(a->env->kube, &target, &t->scale, d->want, &t->scale, err) < 0) {
			t->uncertain = err->kind == ERR_RETRY || err->kind == ERR_CONFLICT;
			t->unanswered = err->kind == ERR_RETRY && !was_refused(a->env->kube);
			t->attempt = *d;
			t->attempt_ms = a->now_ms;
			return -1;
		}
	}
	t->write_failed = false;
	wrote(a, d, a->now_ms, false);
	return 0;
}

/* What the snapshot says on each threshold. */
static void observe(const struct act *a, const struct snapshot *snapshot)
{
	const struct rule_threshold *threshold;
	const char *group;

	if (!a->t->seen)
		a->t->seen = mem_zalloc(rule_threshold_count(a->r), sizeof(*a->t->seen));
	for (size_t i = 0; rule_threshold(a->r, i, &group, &threshold); i++)
		observation_of(snapshot, group, threshold->topic, (enum offset_reset)a->r->reset,
			&a->t->seen[i]);
}

/* Pods that work: those that Kubernetes knows, or fewer members where the group has not got them all
 * yet. A pod may have several members, so a larger number of those says nothing; nor does none at all, as
 * of consumers that assign partitions to themselves. */
static int32_t ready_pods(const struct target *t)
{
	const struct observation *o = &t->seen[0];
	int32_t pods = t->scale.status_replicas;

	return o->has_members && o->members && o->members < (size_t)pods ? (int32_t)o->members
									 : pods;
}

/* Who else sets the size; ends and begins are told once. */
static void note_contended(const struct act *a, const char *why)
{
	struct target_view *view = &a->t->view;
	char name[RULE_NAME_MAX], note[NOTE_MAX];

	if (strcmp(view->contended, why) == 0)
		return;
	pthread_mutex_lock(a->env->lock);
	(void)snprintf(view->contended, sizeof(view->contended), "%s", why);
	pthread_mutex_unlock(a->env->lock);
	if (*why)
		(void)snprintf(note, sizeof(note), "%s: the size is left alone", why);
	else
		(void)snprintf(note, sizeof(note), "nobody else sets the size any more");
	log_write(*why ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "%s: %s: %s", rule_name(a->r, name),
		*why ? "Contended" : "ContentionEnded", note);
	tell(a, *why, *why ? "Contended" : "ContentionEnded", note);
}

static bool has_rival(const struct act *a, char *ret_why, size_t size)
{
	const struct scaler_hooks *hooks = a->env->hooks;

	*ret_why = '\0';
	/* What writes nothing fights nobody: a dry run beside an HPA shows what it would do. */
	return !a->r->dry_run && !a->r->paused && hooks->rival &&
	       hooks->rival(hooks->ctx, a->r, ret_why, size);
}

static bool is_contended(const struct act *a)
{
	char why[sizeof(a->t->view.contended)];
	bool contended = has_rival(a, why, sizeof(why));

	if (!contended && contend_holds(&a->t->control.contend, a->now_ms)) {
		contended = true;
		(void)snprintf(why, sizeof(why),
			"somebody else took back what was written %d times, so for %" PRId64 " min",
			CONTEND_REVERTS, a->t->control.contend.hold_ms / 60000);
	}
	note_contended(a, why);
	return contended;
}

static void decide_now(const struct act *a, struct decision *ret)
{
	const struct decide_input in = {
		.now_ms = a->now_ms,
		.replicas = a->t->scale.spec_replicas,
		.ready = ready_pods(a->t),
		.observations = a->t->seen,
		.contended = is_contended(a),
	};

	/* Reports copy what is remembered of each threshold. */
	pthread_mutex_lock(a->env->lock);
	decide(a->r, &in, &a->t->control, ret);
	pthread_mutex_unlock(a->env->lock);
}

static bool to_be_read(const struct act *a)
{
	if (!a->t->has_scale)
		return true;
	if (a->now_ms - a->t->read_ms < REREAD_MS || !*a->env->rereads)
		return false;
	--*a->env->rereads;
	return true;
}

/* Reads, decides and writes once. A conflict is left to the caller. */
static int act_once(const struct act *a, const struct snapshot *snapshot, struct err *err)
{
	bool fresh = to_be_read(a);
	struct decision d;

	a->t->write_failed = false;
	if (fresh && read_scale(a, err) < 0)
		return -1;
	observe(a, snapshot);
	decide_now(a, &d);
	if (d.write && !fresh && !a->r->dry_run) {
		if (read_scale(a, err) < 0)
			return -1;
		decide_now(a, &d);
	}
	note_decision(a, &d);
	say_decision(a, &d);
	return d.write && !a->env->look_only ? write_scale(a, &d, err) : 0;
}

bool target_act(struct target *t, const struct target_env *env, const struct ruleset_entry *e,
	const struct snapshot *snapshot, int64_t now_ms)
{
	const struct act a = {t, env, e, &e->rule, now_ms};
	int64_t began = clock_mono_ms();
	struct err err = {0};
	char why[sizeof(t->view.contended)];

	if (now_ms < t->retry_ms || (has_rival(&a, why, sizeof(why)) && !*why))
		return true;
	for (int i = 0; i < CONFLICTS_MAX; i++) {
		err_clear(&err);
		if (act_once(&a, snapshot, &err) == 0) {
			recovered(&a);
			return true;
		}
		if (err.kind != ERR_CONFLICT || atomic_load(env->stop))
			break;
		t->has_scale = false;
	}
	if (atomic_load(env->stop))
		return true;
	fail(&a, &err, clock_mono_ms() - began);
	return !t->slow;
}

bool target_give_up(struct target *t, const struct rule *r)
{
	const struct decision *d = &t->attempt;
	bool done = t->uncertain && t->unanswered;

	t->uncertain = false;
	if (!done)
		return false;
	control_wrote(&t->control, r, d->current, d->want, t->attempt_ms);
	return true;
}
