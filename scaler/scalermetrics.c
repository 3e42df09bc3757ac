#include "scaler/scalermetrics.h"

#include <inttypes.h>
#include <string.h>

#include "scaler/scaler.h"

/* The families of one sample for each rule come first. */
enum { FAMILY_DECISIONS = 9, FAMILY_KUBE_REQUESTS };

const struct family scalermetrics_families[] = {
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
	{"hexlag_scaler_contended", "gauge", "target",
		"1 while somebody else sets the size, too, so that nothing is written."},
	{"hexlag_scaler_bad_data_writes_total", "counter", "target",
		"Sizes written on lag that is not known, or lowered on a part of it: always 0."},
	[FAMILY_DECISIONS] = {"hexlag_scaler_decisions_total", "counter", "reason,target",
		"Decisions on a target, by reason; about one per snapshot."},
	[FAMILY_KUBE_REQUESTS] = {"hexlag_kube_requests_total", "counter", "outcome",
		"Requests to the API server, by outcome."},
	{0},
};

static int64_t value_of(size_t family, const struct rule *r, const struct target_view *v)
{
	const int64_t values[] = {v->decision.current, v->decision.want, r->min, r->max,
		(int64_t)v->writes, (int64_t)v->dry_writes, (int64_t)v->errors,
		v->contended[0] != '\0', (int64_t)v->bad_data_writes};

	_Static_assert(ARRAY_LEN(values) == FAMILY_DECISIONS, "a value for each family");
	return values[family];
}

static void add_family(const struct scaler_report *r, struct exposition *x, size_t family)
{
	const struct family *f = &scalermetrics_families[family];

	exposition_family(x, f);
	for (size_t i = 0; i < r->rules->count; i++) {
		const struct rule *rule = &r->rules->entries[i].rule;
		char name[RULE_NAME_MAX];

		if (!r->views[i].has_decision && strcmp(f->type, "gauge") == 0)
			continue; /* unknown is absent */
		strbuf_addf(&x->text, "%s{target=\"", f->name);
		exposition_label_value(&x->text, rule_name(rule, name));
		strbuf_addf(&x->text, "\"} %" PRId64 "\n", value_of(family, rule, &r->views[i]));
	}
}

static void add_decisions(const struct scaler_report *r, struct exposition *x)
{
	struct strbuf *out = &x->text;

	exposition_family(x, &scalermetrics_families[FAMILY_DECISIONS]);
	for (size_t i = 0; i < r->rules->count; i++)
		for (int reason = 0; reason < REASON_COUNT; reason++) {
			char name[RULE_NAME_MAX];

			if (!r->views[i].decisions[reason])
				continue;
			strbuf_adds(out, "hexlag_scaler_decisions_total{reason=\"");
			strbuf_addf(out, "%s\",target=\"", reason_name((enum reason)reason));
			exposition_label_value(out, rule_name(&r->rules->entries[i].rule, name));
			strbuf_addf(out, "\"} %" PRIu64 "\n", r->views[i].decisions[reason]);
		}
}

void scalermetrics(const struct scaler_report *r, struct exposition *x)
{
	for (size_t i = 0; i < FAMILY_DECISIONS; i++)
		add_family(r, x, i);
	add_decisions(r, x);
	exposition_family(x, &scalermetrics_families[FAMILY_KUBE_REQUESTS]);
	for (int i = 0; i < KUBE_OUTCOMES; i++)
		strbuf_addf(&x->text, "hexlag_kube_requests_total{outcome=\"%s\"} %" PRIu64 "\n",
			kube_outcome_name((enum kube_outcome)i), r->requests[i]);
}
