#include "scaler/scaler.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/runloop.h"
#include "scaler/lease.h"
#include "scaler/succession.h"
#include "sidecar/publish.h"

/* Without a snapshot to wake it the loop looks at its rules this often (sizes out of bounds). */
#define IDLE_MS 15000

/* Of the scales that are due to be looked at again so many are read in one pass, so that a thousand
 * targets do not hold up the one that needs a write: a few, and a tenth of all. */
#define REREADS_LEAST 4
#define REREADS_SHARE 10

struct scaler {
	struct scaler_options options;
	struct kube *kube;
	struct runloop loop;
	pthread_mutex_t lock;
	/* To be taken by the first pass on a snapshot with this `seq`: the oldest that waits, which nothing
	 * that would have to wait for longer replaces, and the newest. `rules` NULL: none. */
	struct waiting {
		struct ruleset *rules;
		uint64_t seq;
	} first, last;
	struct ruleset *rules;   /* in force */
	struct target **targets; /* one for each rule */
	uint64_t term;           /* in which this process leads; 0: it does not */
	uint64_t last_term;      /* in which it led last; 0: it never did */
	size_t turn;             /* the rule whose target is tried first of those that fail */
	bool adopted;            /* `rules` are some that were set */
	struct succession succession;
};

struct scaler *scaler_new(const struct scaler_options *options, struct err *err)
{
	struct scaler *s = mem_zalloc(1, sizeof(*s));

	s->options = *options;
	s->options.kube.stop = &s->loop.stop;
	s->rules = ruleset_new();
	pthread_mutex_init(&s->lock, NULL);
	succession_init(&s->succession, &s->options.hooks, &s->lock);
	s->kube = kube_new(&s->options.kube, err);
	if (!s->kube) {
		scaler_free(s);
		return NULL;
	}
	return s;
}

const char *scaler_namespace(const struct scaler *s)
{
	return kube_namespace(s->kube);
}

static void free_targets(struct target **targets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		target_free(targets[i]);
	free(targets);
}

void scaler_free(struct scaler *s)
{
	if (!s)
		return;
	kube_free(s->kube);
	pthread_mutex_destroy(&s->lock);
	free_targets(s->targets, s->rules->count);
	succession_release(&s->succession);
	ruleset_unref(s->first.rules);
	ruleset_unref(s->last.rules);
	ruleset_unref(s->rules);
	free(s);
}

/* Under the lock. What is there already is superseded. */
static void waiting_replace(struct waiting *w, struct ruleset *rules, uint64_t seq)
{
	ruleset_unref(w->rules);
	*w = (struct waiting){rules, seq};
}

void scaler_set_rules(struct scaler *s, struct ruleset *rules, uint64_t seq)
{
	pthread_mutex_lock(&s->lock);
	if (s->first.rules && s->first.seq < seq) {
		waiting_replace(&s->last, ruleset_ref(rules), seq);
	} else {
		waiting_replace(&s->first, ruleset_ref(rules), seq);
		waiting_replace(&s->last, NULL, 0);
	}
	pthread_mutex_unlock(&s->lock);
}

/* Under the lock. The newest rules that this snapshot was made for; NULL: none. */
static struct ruleset *take_waiting(struct scaler *s, uint64_t seq)
{
	struct ruleset *rules;

	if (s->last.rules && s->last.seq <= seq) {
		waiting_replace(&s->first, s->last.rules, s->last.seq);
		s->last.rules = NULL;
	}
	if (!s->first.rules || s->first.seq > seq)
		return NULL;
	rules = s->first.rules;
	s->first = s->last;
	s->last.rules = NULL;
	return rules;
}

static void say_gone(const struct ruleset *rules, struct target **targets)
{
	char name[RULE_NAME_MAX];

	for (size_t i = 0; i < rules->count; i++)
		if (targets[i])
			log_info("%s: no longer scaled: its rule is gone",
				rule_name(&rules->entries[i].rule, name));
}

/* The targets of the new rules, with what is known of them; what is left in `s->targets` is gone. */
static struct target **carry_over(struct scaler *s, const struct ruleset *rules)
{
	struct target **targets = mem_zalloc(rules->count, sizeof(struct target *));

	for (size_t i = 0; i < rules->count; i++) {
		const struct ruleset_entry *e = &rules->entries[i];
		size_t old = ruleset_find(s->rules, e);

		if (old == SIZE_MAX || !s->targets[old]) {
			targets[i] = target_new();
			continue;
		}
		targets[i] = s->targets[old];
		s->targets[old] = NULL;
		if (!rule_equal(&s->rules->entries[old].rule, &e->rule))
			target_rule_changed(targets[i], &s->rules->entries[old].rule, &e->rule);
	}
	return targets;
}

/* `seq` is that of the snapshot to act on. */
static void adopt_rules(struct scaler *s, uint64_t seq)
{
	struct ruleset *old = s->rules, *next;
	struct target **targets, **before = s->targets;

	pthread_mutex_lock(&s->lock);
	next = take_waiting(s, seq);
	if (!next) {
		pthread_mutex_unlock(&s->lock);
		return;
	}
	targets = carry_over(s, next);
	s->rules = next;
	s->targets = targets;
	s->adopted = true;
	pthread_mutex_unlock(&s->lock);
	say_gone(old, before);
	free_targets(before, old->count);
	ruleset_unref(old);
}

/* What another process did while it led is not known here: only what it saved. */
static void forget(struct scaler *s)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->rules->count; i++) {
		struct target *before = s->targets[i];

		s->targets[i] = target_new();
		target_keep_counts(s->targets[i], before);
		target_free(before);
	}
	pthread_mutex_unlock(&s->lock);
}

static uint64_t term_now(const struct scaler *s)
{
	const struct scaler_hooks *hooks = &s->options.hooks;

	return hooks->term ? hooks->term(hooks->ctx, 0) : 1;
}

/* The term in which this process is to act, 0: in none. Another one than before begins anew. */
static uint64_t lead(struct scaler *s, int64_t now_ms)
{
	uint64_t term = term_now(s);

	if (term == s->term)
		return term;
	/* The same again after a 0 is the same: nobody else can have led meanwhile. */
	if (term && term != s->last_term) {
		forget(s);
		succession_begin(&s->succession, term, now_ms);
		s->last_term = term;
	}
	pthread_mutex_lock(&s->lock);
	s->term = term;
	pthread_mutex_unlock(&s->lock);
	return term;
}

static struct target_env env_of(struct scaler *s, size_t *rereads)
{
	*rereads = REREADS_LEAST + s->rules->count / REREADS_SHARE;
	return (struct target_env){
		.kube = s->kube,
		.lock = &s->lock,
		.stop = &s->loop.stop,
		.hooks = &s->options.hooks,
		.term = s->term,
		.margin_ms = s->options.kube.timeout_ms + LEASE_SLACK_MS,
		.rereads = rereads,
		.wrote = &s->succession.wrote,
		.look_only = s->options.look_only,
		.alone = s->rules->count < 2,
	};
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

/* One pass over all rules. `at` NULL: each acts on the snapshot and at the time of its turn. */
struct pass {
	struct scaler *s;
	struct target_env env;
	const struct pass_at {
		const struct snapshot *snapshot;
		int64_t now_ms;
	} * at;
};

static int64_t now_of(const struct pass *p)
{
	return p->at ? p->at->now_ms : clock_mono_ms();
}

static bool goes_on(const struct pass *p)
{
	return !atomic_load(&p->s->loop.stop) && lead(p->s, now_of(p)) == p->env.term;
}

/* False: it failed slowly. */
static bool act(const struct pass *p, size_t i)
{
	struct scaler *s = p->s;
	int64_t now_ms = now_of(p);
	struct snapshot *CLEANUP(snapshot_unref_at) recent =
		p->at ? NULL : recent_snapshot(s, now_ms);

	succession_resume(&s->succession, &s->rules->entries[i], s->targets[i], now_ms);
	return target_act(s->targets[i], &p->env, &s->rules->entries[i],
		p->at ? p->at->snapshot : recent, now_ms);
}

enum health { HEALTHY, FAILING, HANGING };

static enum health health_of(const struct target *t)
{
	return t->slow ? HANGING : t->backoff_ms ? FAILING : HEALTHY;
}

/* First the targets that answer, so that none waits for those that failed; at last those that hang, of which
 * one may take its whole time-out in a pass, another one each time. Once they answer again there is no
 * such limit. */
static void act_by_health(const struct pass *p)
{
	struct scaler *s = p->s;
	size_t count = s->rules->count, first = s->turn;
	uint8_t *CLEANUP(mem_free_at) health = mem_zalloc(count + 1, sizeof(*health));

	for (size_t i = 0; i < count; i++)
		health[i] = (uint8_t)health_of(s->targets[i]);
	for (int turn = HEALTHY; turn <= HANGING; turn++)
		for (size_t n = 0; n < count; n++) {
			size_t i = (first + n) % count;

			if (health[i] != turn)
				continue;
			if (!goes_on(p))
				return;
			if (!act(p, i) && turn != HEALTHY) {
				s->turn = i + 1;
				return;
			}
		}
}

static void act_on_all(struct scaler *s, uint64_t seq, const struct pass_at *at)
{
	struct pass p = {.s = s, .at = at};
	size_t rereads;

	adopt_rules(s, seq);
	if (!lead(s, now_of(&p)))
		return;
	p.env = env_of(s, &rereads);
	act_by_health(&p);
}

/* Without rules there is nothing to leave, and what was left is still in its place. */
static void save(struct scaler *s, int64_t now_ms)
{
	if (s->term && s->adopted)
		succession_save(&s->succession, s->term, s->rules, s->targets, now_ms);
}

void scaler_pass(struct scaler *s, const struct snapshot *snapshot, int64_t now_ms)
{
	const struct pass_at at = {snapshot, now_ms};

	act_on_all(s, snapshot ? snapshot->seq : 0, &at);
	save(s, now_ms);
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
		act_on_all(s, seq, NULL);
		if (succession_is_due(&s->succession, clock_mono_ms()))
			save(s, clock_mono_ms());
	}
	for (size_t i = 0; i < s->rules->count; i++)
		s->succession.wrote |= target_give_up(s->targets[i], &s->rules->entries[i].rule);
	save(s, clock_mono_ms());
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

static void copy_looks(struct arena *arena, const struct control *from, struct target_view *to)
{
	to->look_count = from->look_count;
	to->looks = arena_alloc(arena, from->look_count, sizeof(*to->looks));
	if (from->look_count)
		memcpy(to->looks, from->looks, from->look_count * sizeof(*to->looks));
}

/* The term may have ended since the last pass: without new snapshots the next one is seconds away. */
bool scaler_leads(struct scaler *s)
{
	uint64_t term;

	pthread_mutex_lock(&s->lock);
	term = s->term;
	pthread_mutex_unlock(&s->lock);
	return term && term_now(s) == term;
}

void scaler_report(struct scaler *s, struct scaler_report *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->leads = scaler_leads(s);
	pthread_mutex_lock(&s->lock);
	ret->rules = ruleset_ref(s->rules);
	ret->views = arena_alloc(&ret->arena, s->rules->count, sizeof(*ret->views));
	for (size_t i = 0; i < s->rules->count; i++) {
		ret->views[i] = s->targets[i]->view;
		copy_looks(&ret->arena, &s->targets[i]->control, &ret->views[i]);
	}
	pthread_mutex_unlock(&s->lock);
	for (int i = 0; i < KUBE_OUTCOMES; i++)
		ret->requests[i] = kube_requests(s->kube, (enum kube_outcome)i);
}

void scaler_report_release(struct scaler_report *r)
{
	ruleset_unref(r->rules);
	arena_release(&r->arena);
}

bool scaler_look(struct scaler *s, size_t i, struct target_view *ret)
{
	bool there;

	pthread_mutex_lock(&s->lock);
	there = i < s->rules->count;
	if (there)
		*ret = s->targets[i]->view;
	pthread_mutex_unlock(&s->lock);
	return there;
}
