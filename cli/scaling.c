#include "cli/scaling.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cli/scalingobjects.h"
#include "cli/selftarget.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "scaler/lease.h"
#include "scaler/leasemetrics.h"
#include "scaler/owner.h"
#include "scaler/rivals.h"
#include "scaler/scalermetrics.h"

/* A Lease of this name was not asked for: that of sidecars is made from the name of their target. */
#define LEASE_NAME_DEFAULT "hexlag"

/* To give the Lease back takes one request as a rule; who waits for it stops a little later. */
#define RELEASE_MS 1000

struct scaling {
	struct scaling_options options;
	struct scaler *scaler;
	struct selftarget *selftarget;
	struct scaling_objects objects;
	struct rivals *rivals; /* NULL: not looked for */
	bool elects;           /* acts only while it holds a Lease */
	pthread_mutex_t lock;  /* guards `lease` as long as there is none */
	struct lease *lease;   /* NULL: none, or its name is not known yet */
};

static struct kube_options kube_of(const struct settings *s)
{
	return (struct kube_options){
		.kubeconfig = s->scaler.kubeconfig,
		.context = s->scaler.context,
		.timeout_ms = s->scaler.timeout_ms,
	};
}

static struct lease *lease_of(struct scaling *s)
{
	struct lease *lease;

	pthread_mutex_lock(&s->lock);
	lease = s->lease;
	pthread_mutex_unlock(&s->lock);
	return lease;
}

static uint64_t term(void *ctx, int64_t margin_ms)
{
	struct scaling *s = ctx;
	struct lease *lease = lease_of(s);

	if (!s->elects)
		return 1;
	return lease ? lease_term(lease, margin_ms) : 0;
}

static char *take_state(void *ctx, uint64_t in_term, int64_t *ret_ahead_ms)
{
	struct lease *lease = lease_of(ctx);

	return lease ? lease_take_state(lease, in_term, ret_ahead_ms) : NULL;
}

static void save_state(void *ctx, uint64_t in_term, const char *text, bool urgent)
{
	struct lease *lease = lease_of(ctx);
	struct err err = {0};

	if (lease && lease_set_state(lease, in_term, text, urgent, &err) < 0)
		log_warn("the state of the rules is not saved: %s", err.msg);
}

static void tell_event(void *ctx, const struct ruleset_entry *e, bool warning, const char *reason,
	const char *note)
{
	const struct scaling *s = ctx;

	scaling_objects_event(&s->objects, e, warning, reason, note);
}

static bool rival(void *ctx, const struct rule *r, char *ret_why, size_t size)
{
	const struct scaling *s = ctx;

	return rivals_find(s->rivals, r, ret_why, size);
}

static void leads_changed(void *ctx)
{
	struct scaling *s = ctx;

	s->options.leads_changed(s->options.ctx);
}

static int begin_lease(struct scaling *s, const char *name, struct err *err)
{
	const struct lease_settings *l = &s->options.settings->scaler.lease;
	const struct lease_options options = {
		.kube = kube_of(s->options.settings),
		.namespace = l->namespace,
		.name = name,
		.identity = l->identity,
		.lease_duration_ms = l->duration_ms,
		.renew_deadline_ms = l->deadline_ms,
		.retry_period_ms = l->period_ms,
		.changed = leads_changed,
		.ctx = s,
	};
	struct lease *lease = lease_new(&options, err);
	int rc;

	if (!lease)
		return -1;
	/* Whoever its thread tells of a change finds it, and nobody one that has no thread. */
	pthread_mutex_lock(&s->lock);
	rc = lease_start(lease, err);
	s->lease = rc < 0 ? NULL : lease;
	pthread_mutex_unlock(&s->lock);
	if (rc < 0)
		lease_free(lease);
	return rc;
}

static const struct rule *self_rule(const struct ruleset *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->entries[i].rule.self)
			return &rules->entries[i].rule;
	return NULL;
}

/* The sidecars of one workload share a Lease of its name, as soon as that is known. */
static void elect_among_sidecars(struct scaling *s, const struct ruleset *rules)
{
	const struct lease_settings *l = &s->options.settings->scaler.lease;
	const struct rule *self = self_rule(rules);
	char name[OWNER_LEASE_NAME_MAX];
	struct err err = {0};

	if (!s->elects || lease_of(s) || !self)
		return;
	(void)owner_lease_name(&self->target, name);
	if (begin_lease(s, strcmp(l->name, LEASE_NAME_DEFAULT) == 0 ? name : l->name, &err) < 0)
		log_error("no leader can be elected: %s; trying again when the rules change",
			err.msg);
}

/* These rules, of the file and of objects, are all there are. */
static void put_in_force(void *ctx, struct ruleset *rules)
{
	struct scaling *s = ctx;
	uint64_t seq = s->options.watch(s->options.ctx, rules);

	/* First, so that no rule is acted on before its rivals are known. */
	if (s->rivals)
		rivals_set_rules(s->rivals, rules);
	scaler_set_rules(s->scaler, rules, seq);
}

/* Two rules for one target would undo each other. What the file names twice in the same way is refused with
 * it; here the namespace of the credentials is known, too. */
static struct ruleset *leave_out_twins(const struct scaling *s, struct ruleset *rules)
{
	const char *namespace = scaler_namespace(s->scaler);
	char name[RULE_NAME_MAX], before[RULE_NAME_MAX];

	for (size_t i = 0; i < rules->count; i++) {
		size_t twin = ruleset_twin_before(rules, i, namespace);

		if (twin != SIZE_MAX)
			log_error("%s is the target of an earlier rule, too, which names it %s "
				  "(the namespace of the credentials is %s): this rule is left out",
				rule_name(&rules->entries[i].rule, name),
				rule_name(&rules->entries[twin].rule, before), namespace);
	}
	return ruleset_without_twins(rules, namespace);
}

/* All targets of the file's rules are known. */
static void enforce(void *ctx, struct ruleset *all)
{
	struct scaling *s = ctx;
	struct ruleset *CLEANUP(ruleset_unref_at) rules = leave_out_twins(s, all);

	if (s->objects.objects)
		objects_set_file(s->objects.objects, rules);
	else
		put_in_force(s, rules);
	elect_among_sidecars(s, rules);
}

/* Asks nothing before it has rules. */
static int start_rivals(struct scaling *s, struct err *err)
{
	const struct kube_options kube = kube_of(s->options.settings);

	s->rivals = rivals_new(&kube, err);
	return s->rivals ? rivals_start(s->rivals, err) : -1;
}

static int open_all(struct scaling *s, struct err *err)
{
	const struct settings *settings = s->options.settings;
	const struct scaler_options scaler = {
		.kube = kube_of(settings),
		.publish = s->options.publish,
		.max_age_ms = s->options.max_age_ms,
		.hooks = {.ctx = s,
			.term = term,
			.take_state = take_state,
			.save_state = save_state,
			.rival = settings->scaler.check_rivals ? rival : NULL,
			.event = tell_event},
	};
	const struct selftarget_options self = {
		.kube = kube_of(settings), .resolved = enforce, .ctx = s};

	if (scaling_objects_open_events(&s->objects, settings, err) < 0)
		return -1;
	s->scaler = scaler_new(&scaler, err);
	if (!s->scaler ||
		scaling_objects_open(&s->objects, settings, s->scaler, put_in_force, s, err) < 0)
		return -1;
	s->selftarget = selftarget_new(&self, err);
	if (!s->selftarget)
		return -1;
	/* The last step: its thread runs from now on, before rules may come from another one. */
	return settings->scaler.check_rivals ? start_rivals(s, err) : 0;
}

struct scaling *scaling_new(const struct scaling_options *options, struct err *err)
{
	struct scaling *s = mem_zalloc(1, sizeof(*s));

	s->options = *options;
	s->elects =
		options->settings->scaler.lease.enabled || settings_scales_self(options->settings);
	pthread_mutex_init(&s->lock, NULL);
	if (open_all(s, err) == 0)
		return s;
	scaling_free(s);
	return NULL;
}

void scaling_free(struct scaling *s)
{
	if (!s)
		return;
	selftarget_free(s->selftarget);
	scaling_objects_close(&s->objects);
	rivals_free(s->rivals);
	scaler_free(s->scaler);
	lease_free(s->lease);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int scaling_start(struct scaling *s, struct err *err)
{
	const struct settings *settings = s->options.settings;

	if (s->elects && !settings_scales_self(settings) &&
		begin_lease(s, settings->scaler.lease.name, err) < 0)
		return -1;
	if (scaler_start(s->scaler, err) < 0)
		return -1;
	return scaling_objects_start(&s->objects, err);
}

int scaling_set_rules(struct scaling *s, struct ruleset *rules, struct err *err)
{
	/* Without an election every replica would act on it. */
	if (!s->elects && self_rule(rules))
		return err_set(err, ERR_CONFIG,
			"a rule with target = \"self\" came: it takes effect after a restart");
	return selftarget_set_rules(s->selftarget, rules, err);
}

bool scaling_stop(struct scaling *s, int64_t deadline_ms)
{
	bool ended, released = true;

	selftarget_stop(s->selftarget);
	if (s->rivals)
		rivals_stop(s->rivals);
	scaler_stop(s->scaler);
	scaling_objects_stop(&s->objects);
	ended = selftarget_join(s->selftarget, deadline_ms);
	ended &= scaler_join(s->scaler, deadline_ms);
	ended &= scaling_objects_join(&s->objects, deadline_ms);
	if (s->rivals)
		ended &= rivals_join(s->rivals, deadline_ms);
	if (s->lease) {
		/* Somebody else may write as soon as it is given back. */
		lease_stop(s->lease, ended);
		released = lease_join(s->lease, clock_mono_ms() + RELEASE_MS);
	}
	return ended && released;
}

bool scaling_leads(struct scaling *s)
{
	return term(s, 0) != 0;
}

static void add_requests(uint64_t requests[KUBE_OUTCOMES], const struct kube *k)
{
	for (int i = 0; k && i < KUBE_OUTCOMES; i++)
		requests[i] += kube_requests(k, (enum kube_outcome)i);
}

void scaling_metrics(struct scaling *s, struct exposition *x)
{
	struct scaler_report CLEANUP(scaler_report_release) report;
	struct lease *lease = lease_of(s);

	scaler_report(s->scaler, &report);
	scaling_objects_requests(&s->objects, report.requests);
	add_requests(report.requests, lease ? lease_kube(lease) : NULL);
	add_requests(report.requests, s->rivals ? rivals_kube(s->rivals) : NULL);
	scalermetrics(&report, x);
	leasemetrics(&lease, lease ? 1 : 0, x);
	scaling_objects_metrics(&s->objects, x);
	if (s->rivals)
		rivals_metrics(s->rivals, x);
}

void scaling_report(struct scaling *s, struct scaler_report *ret)
{
	scaler_report(s->scaler, ret);
}

struct scaler *scaling_scaler(struct scaling *s)
{
	return s->scaler;
}
