#include "cli/selftarget.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/runloop.h"
#include "scaler/owner.h"
#include "scaler/ruleset.h"

/* After a failure: one second, doubled each time, or what the server asks for. */
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 30000

struct selftarget {
	struct selftarget_options options;
	struct kube *kube;
	struct runloop loop;
	pthread_mutex_t lock;      /* held while `resolved` is called */
	struct ruleset *rules;     /* as they were set; NULL: none yet */
	struct rule_target target; /* once `found` */
	bool found;
};

struct selftarget *selftarget_new(const struct selftarget_options *options, struct err *err)
{
	struct selftarget *s = mem_zalloc(1, sizeof(*s));

	s->options = *options;
	s->options.kube.stop = &s->loop.stop;
	if (!s->options.pod)
		s->options.pod = getenv("POD_NAME");
	if (!s->options.pod)
		s->options.pod = getenv("HOSTNAME");
	pthread_mutex_init(&s->lock, NULL);
	s->kube = kube_new(&s->options.kube, err);
	if (!s->kube) {
		selftarget_free(s);
		return NULL;
	}
	return s;
}

void selftarget_free(struct selftarget *s)
{
	if (!s)
		return;
	kube_free(s->kube);
	rule_target_release(&s->target);
	ruleset_unref(s->rules);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static bool has_open_rule(const struct ruleset *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rule_is_open(&rules->entries[i].rule))
			return true;
	return false;
}

/* Whether a rule names that target itself. */
static bool is_taken(const struct ruleset *rules, const struct rule_target *target)
{
	const struct rule wanted = {.target = *target};

	for (size_t i = 0; i < rules->count; i++) {
		struct rule r = rules->entries[i].rule;

		if (!r.target.namespace)
			r.target.namespace = target->namespace;
		if (!r.self && rule_same_target(&r, &wanted))
			return true;
	}
	return false;
}

struct ruleset *selftarget_resolve(
	struct ruleset *rules, const struct rule_target *target, bool *ret_taken)
{
	struct ruleset *set;

	*ret_taken = false;
	if (!has_open_rule(rules))
		return ruleset_ref(rules);
	*ret_taken = target && is_taken(rules, target);
	set = ruleset_new();
	for (size_t i = 0; i < rules->count; i++) {
		const struct ruleset_entry *e = &rules->entries[i];
		const struct ruleset_origin *origin = e->origin.uid ? &e->origin : NULL;
		struct rule r;

		memcpy(&r, &e->rule, sizeof(r)); /* with its padding: rule_equal() compares it */
		if (rule_is_open(&r)) {
			if (!target || *ret_taken)
				continue;
			r.target = *target;
		}
		ruleset_add(set, &r, origin);
	}
	return set;
}

/* Under the lock. */
static void tell(struct selftarget *s)
{
	bool taken;
	struct ruleset *CLEANUP(ruleset_unref_at) set =
		selftarget_resolve(s->rules, s->found ? &s->target : NULL, &taken);

	if (taken)
		log_error("target \"self\" is %s/%s/%s, which another rule names: the rule for "
			  "\"self\" is left out",
			s->target.namespace, s->target.kind, s->target.name);
	s->options.resolved(s->options.ctx, set);
}

static void found(struct selftarget *s, const struct rule_target *target)
{
	log_info("target \"self\" is %s/%s/%s: pod %s belongs to it", target->namespace,
		target->kind, target->name, s->options.pod);
	pthread_mutex_lock(&s->lock);
	s->target = *target;
	s->found = true;
	tell(s);
	pthread_mutex_unlock(&s->lock);
}

static void run(void *ctx)
{
	struct selftarget *s = ctx;
	char said[sizeof(((struct err *)0)->msg)] = "";
	struct rule_target target;
	int64_t backoff_ms = 0, wait_ms;

	do {
		struct err err = {0};

		if (owner_find(s->kube, s->options.pod, &target, &err) == 0) {
			kube_free(s->kube); /* with its connection: there is nothing more to ask */
			s->kube = NULL;
			found(s, &target);
			return;
		}
		if (atomic_load(&s->loop.stop))
			return;
		backoff_ms = backoff_next(backoff_ms, BACKOFF_FIRST_MS, BACKOFF_MAX_MS);
		wait_ms = backoff_obey(backoff_ms, err.retry_after_s);
		if (strcmp(said, err.msg) != 0)
			log_warn("target \"self\": %s; trying again in %" PRId64
				 "s, then less often up to every 30s",
				err.msg, wait_ms / 1000);
		memcpy(said, err.msg, sizeof(said));
	} while (runloop_wait_until(&s->loop, clock_mono_ms() + wait_ms));
}

static int check_pod(const struct selftarget *s, const struct ruleset *rules, struct err *err)
{
	if (!has_open_rule(rules) || (s->options.pod && *s->options.pod))
		return 0;
	return err_set(err, ERR_CONFIG,
		"target \"self\" needs the name of the pod: neither POD_NAME nor HOSTNAME is in "
		"the environment");
}

int selftarget_set_rules(struct selftarget *s, struct ruleset *rules, struct err *err)
{
	struct ruleset *before;
	bool needed;

	if (check_pod(s, rules, err) < 0)
		return -1;
	pthread_mutex_lock(&s->lock);
	before = s->rules;
	s->rules = ruleset_ref(rules);
	needed = has_open_rule(rules) && !s->found;
	tell(s);
	pthread_mutex_unlock(&s->lock);
	ruleset_unref(before);
	if (!needed || s->loop.started)
		return 0;
	return runloop_start(&s->loop, "selftarget", run, s, err);
}

int selftarget_once(const struct selftarget_options *options, struct ruleset *rules,
	struct ruleset **ret_rules, struct err *err)
{
	struct selftarget *s = selftarget_new(options, err);
	bool taken;
	int rc;

	if (!s)
		return -1;
	rc = check_pod(s, rules, err);
	if (rc == 0 && has_open_rule(rules))
		rc = owner_find(s->kube, s->options.pod, &s->target, err);
	if (rc == 0)
		*ret_rules = selftarget_resolve(rules, &s->target, &taken);
	selftarget_free(s);
	return rc;
}

void selftarget_stop(struct selftarget *s)
{
	runloop_stop(&s->loop);
}

bool selftarget_join(struct selftarget *s, int64_t deadline_ms)
{
	return runloop_join(&s->loop, deadline_ms);
}
