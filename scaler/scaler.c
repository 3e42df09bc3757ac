#include "scaler/scaler.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/runloop.h"
#include "scaler/handoverjson.h"
#include "scaler/lease.h"
#include "sidecar/publish.h"

/* Without a snapshot to wake it the loop looks at its rules this often (sizes out of bounds). */
#define IDLE_MS 15000

/* Of the scales that are due to be looked at again so many are read in one pass, so that a thousand
 * targets do not hold up the one that needs a write: a few, and a tenth of all. */
#define REREADS_LEAST 4
#define REREADS_SHARE 10

/* Between two texts left to the next leader where nothing was written. */
#define SAVE_MS 5000

/* What the leader before left of rules that are not here is left on for so long: objects may yet be listed,
 * the workload of "self" be found. */
#define LEFT_KEEP_MS 600000

struct scaler {
	struct scaler_options options;
	struct kube *kube;
	struct runloop loop;
	pthread_mutex_t lock;
	struct ruleset *pending; /* to be taken by the pass on a snapshot with `seq`; NULL: none */
	uint64_t pending_seq;
	struct ruleset *rules;   /* in force */
	struct target **targets; /* one for each rule */
	uint64_t term;           /* in which this process leads; 0: it does not */
	uint64_t last_term;      /* in which it led last; 0: it never did */
	struct handover *left;   /* by the leader before, and not yet taken up; NULL: nothing */
	int64_t left_ms;         /* when `left` was found */
	size_t turn;             /* the rule whose target is tried first of those that fail */
	size_t left_out;         /* rules that did not fit when last told */
	bool wrote;              /* since the last save */
	bool adopted;            /* `rules` are some that were set */
	int64_t saved_ms;        /* when what is remembered was last left for the next */
};

struct scaler *scaler_new(const struct scaler_options *options, struct err *err)
{
	struct scaler *s = mem_zalloc(1, sizeof(*s));

	s->options = *options;
	s->options.kube.stop = &s->loop.stop;
	s->rules = ruleset_new();
	pthread_mutex_init(&s->lock, NULL);
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
	handover_free(s->left);
	ruleset_unref(s->pending);
	ruleset_unref(s->rules);
	free(s);
}

void scaler_set_rules(struct scaler *s, struct ruleset *rules, uint64_t seq)
{
	struct ruleset *before;

	pthread_mutex_lock(&s->lock);
	before = s->pending;
	s->pending = ruleset_ref(rules);
	s->pending_seq = seq;
	pthread_mutex_unlock(&s->lock);
	ruleset_unref(before);
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
	struct ruleset *old = s->rules;
	struct target **targets, **before = s->targets;

	pthread_mutex_lock(&s->lock);
	if (!s->pending || seq < s->pending_seq) {
		pthread_mutex_unlock(&s->lock);
		return;
	}
	targets = carry_over(s, s->pending);
	s->rules = s->pending;
	s->targets = targets;
	s->pending = NULL;
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

/* Takes up what the leader before left. */
static void take_over(struct scaler *s, uint64_t term, int64_t now_ms)
{
	const struct scaler_hooks *hooks = &s->options.hooks;
	char *CLEANUP(mem_free_at) text =
		hooks->take_state ? hooks->take_state(hooks->ctx, term) : NULL;
	struct err err = {0};

	handover_free(s->left);
	s->left = text ? handover_parse(text, &err) : NULL;
	s->left_ms = now_ms;
	if (text && !s->left)
		log_warn("what the leader before left is of no use, so all rules begin anew: %s",
			err.msg);
}

/* A rule goes on where the leader before was. */
static void resume(struct scaler *s, size_t i, int64_t now_ms)
{
	const struct ruleset_entry *e = &s->rules->entries[i];
	char *CLEANUP(mem_free_at) text = NULL;
	char name[RULE_NAME_MAX];
	struct err err = {0};
	int rc = 0;

	if (s->targets[i]->begun)
		return;
	s->targets[i]->begun = true;
	text = handover_take(s->left, e);
	if (!text)
		return;
	pthread_mutex_lock(&s->lock);
	rc = target_resume(s->targets[i], &e->rule, text, now_ms, &err);
	pthread_mutex_unlock(&s->lock);
	if (rc < 0)
		log_warn("%s: what the leader before left is of no use, so it begins anew: %s",
			rule_name(&e->rule, name), err.msg);
}

/* What the next leader is to know of rule `i`, "" for nothing; of one that has not begun what was left. */
static void add_remembered(const struct scaler *s, size_t i, int64_t now_ms, struct strbuf *out)
{
	const struct ruleset_entry *e = &s->rules->entries[i];
	char *CLEANUP(mem_free_at) text = NULL;

	if (s->targets[i]->begun) {
		target_save(s->targets[i], &e->rule, now_ms, out);
		return;
	}
	text = handover_peek(s->left, e);
	if (text)
		strbuf_adds(out, text);
}

/* Appends the rules that matter, or the others. Returns how many do not fit into `max`. */
static size_t add_rules(
	const struct scaler *s, size_t max, bool matter, int64_t now_ms, struct strbuf *out)
{
	size_t left_out = 0;

	for (size_t i = 0; i < s->rules->count; i++) {
		const struct target *t = s->targets[i];
		struct strbuf CLEANUP(strbuf_release) control = STRBUF_INIT;

		if ((t->control.has_written || !t->begun) != matter)
			continue;
		if (!left_out)
			add_remembered(s, i, now_ms, &control);
		/* Once one does not fit, the others are not even tried, as most would not either. */
		if (left_out || (control.len && !handover_add(out, max, &s->rules->entries[i],
							strbuf_str(&control))))
			left_out++;
	}
	return left_out;
}

/* The texts grow and shrink a little all the time: told is what is clearly another number. */
static void say_left_out(struct scaler *s, size_t left_out)
{
	size_t said = s->left_out, change = left_out > said ? left_out - said : said - left_out;

	if (!change || (left_out && change * 4 < said))
		return;
	s->left_out = left_out;
	if (left_out)
		log_warn("%zu of %zu rules do not fit into the %zu KiB that are left to the next "
			 "leader: they would begin anew",
			left_out, s->rules->count, HANDOVER_MAX >> 10);
	else
		log_info("all rules fit again into what is left to the next leader");
}

/* What is remembered, at most `max` bytes of it: first the rules that were written by, whose cooldowns and
 * windows matter most, and those that are not yet taken up; then the others, as far as there is room.
 * Returns how many are left out. */
static size_t collect(const struct scaler *s, size_t max, int64_t now_ms, struct strbuf *out)
{
	size_t left_out;

	handover_begin(out);
	left_out = add_rules(s, max, true, now_ms, out);
	left_out += add_rules(s, max, false, now_ms, out);
	if (!left_out && now_ms - s->left_ms < LEFT_KEEP_MS)
		handover_add_rest(out, max, s->left, s->rules);
	handover_end(out);
	return left_out;
}

/* Leaves it to the next leader. How much of it fits is known only when it is packed. */
static void save(struct scaler *s, int64_t now_ms)
{
	const struct scaler_hooks *hooks = &s->options.hooks;
	char *packed = NULL;
	size_t left_out = 0;

	/* Without rules there is nothing to leave, and what was left is still in its place. */
	if (!hooks->save_state || !s->term || !s->adopted)
		return;
	s->saved_ms = now_ms;
	s->wrote = false;
	for (size_t max = HANDOVER_UNPACKED_MAX; !packed; max -= max / 4) {
		struct strbuf CLEANUP(strbuf_release) text = STRBUF_INIT;

		left_out = collect(s, max, now_ms, &text);
		packed = handover_pack(&text);
		if (text.len < max)
			max = text.len;
	}
	say_left_out(s, left_out);
	hooks->save_state(hooks->ctx, s->term, packed);
	free(packed);
}

/* The term in which this process is to act, 0: in none. Another one than before begins anew. */
static uint64_t lead(struct scaler *s, int64_t now_ms)
{
	const struct scaler_hooks *hooks = &s->options.hooks;
	uint64_t term = hooks->term ? hooks->term(hooks->ctx, 0) : 1;

	if (term == s->term)
		return term;
	/* The same again after a 0 is the same: nobody else can have led meanwhile. */
	if (term && term != s->last_term) {
		forget(s);
		take_over(s, term, now_ms);
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
		.wrote = &s->wrote,
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

	resume(s, i, now_ms);
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
		if (s->wrote || clock_mono_ms() - s->saved_ms >= SAVE_MS)
			save(s, clock_mono_ms());
	}
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

void scaler_report(struct scaler *s, struct scaler_report *ret)
{
	memset(ret, 0, sizeof(*ret));
	pthread_mutex_lock(&s->lock);
	ret->rules = ruleset_ref(s->rules);
	ret->leads = s->term != 0;
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
