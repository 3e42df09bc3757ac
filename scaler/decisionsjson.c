#include "scaler/decisionsjson.h"

#include "common/attr.h"
#include "common/jsonout.h"
#include "scaler/conditions.h"
#include "scaler/scaler.h"

static int64_t since(int64_t then_ms, int64_t now_ms)
{
	return now_ms > then_ms ? now_ms - then_ms : 0;
}

static void add_observed(struct jsonout *j, const struct threshold_look *look)
{
	const struct observation *o = look ? &look->seen : NULL;
	bool known = o && o->quality > QUALITY_UNKNOWN;

	if (!o) {
		jsonout_null(j, "observed");
		return;
	}
	jsonout_open(j, "observed", '{');
	jsonout_text(j, "quality", quality_name(o->quality));
	jsonout_text(j, "why", o->why);
	jsonout_int(j, "lag", known, o->lag);
	jsonout_int(j, "age_ms", known, o->age_ms);
	jsonout_int(j, "partitions", known, (int64_t)o->partitions);
	jsonout_int(j, "known", known, (int64_t)o->known);
	jsonout_int(j, "with_lag", known, (int64_t)o->with_lag);
	jsonout_int(j, "max_lag", known, o->max_lag);
	jsonout_text(j, "state", o->state == GROUP_UNKNOWN ? NULL : group_state_name(o->state));
	jsonout_int(j, "members", o->has_members, (int64_t)o->members);
	jsonout_close(j, '}');
}

static void add_thresholds(struct jsonout *j, const struct rule *r, const struct target_view *v)
{
	const struct rule_threshold *t;
	const char *group;

	jsonout_open(j, "thresholds", '[');
	for (size_t i = 0; rule_threshold(r, i, &group, &t); i++) {
		const struct threshold_look *look = i < v->look_count ? &v->looks[i] : NULL;

		jsonout_open(j, NULL, '{');
		jsonout_text(j, "group", group);
		jsonout_text(j, "topic", t->topic);
		jsonout_int(j, "lag", true, t->lag);
		add_observed(j, look);
		jsonout_int(j, "proposal", look && look->has_proposal, look ? look->proposal : 0);
		jsonout_close(j, '}');
	}
	jsonout_close(j, ']');
}

static void add_steps(struct jsonout *j, const struct target_view *v)
{
	jsonout_open(j, "steps", '[');
	for (size_t i = 0; v->has_decision && i < v->decision.step_count; i++) {
		const struct decision_step *s = &v->decision.steps[i];

		jsonout_open(j, NULL, '{');
		jsonout_text(j, "step", step_name(s->step));
		jsonout_int(j, "replicas", true, s->replicas);
		jsonout_text(j, "reason", reason_name(s->reason));
		jsonout_close(j, '}');
	}
	jsonout_close(j, ']');
}

static void add_conditions(struct jsonout *j, const struct target_view *v)
{
	struct conditions now;

	conditions_of(v, &now);
	jsonout_open(j, "conditions", '[');
	for (int i = 0; i < CONDITIONS; i++) {
		jsonout_open(j, NULL, '{');
		jsonout_text(j, "type", condition_types[i]);
		jsonout_text(j, "status", now.by_type[i].status);
		jsonout_text(j, "reason", now.by_type[i].reason);
		jsonout_text(j, "message", now.by_type[i].message);
		jsonout_close(j, '}');
	}
	jsonout_close(j, ']');
}

static void add_write(struct jsonout *j, const struct target_write *w, int64_t now_ms)
{
	if (!w->has) {
		jsonout_null(j, "last_write");
		return;
	}
	jsonout_open(j, "last_write", '{');
	jsonout_int(j, "from", true, w->from);
	jsonout_int(j, "to", true, w->to);
	jsonout_int(j, "age_ms", true, since(w->at_ms, now_ms));
	jsonout_bool(j, "dry_run", w->dry_run);
	jsonout_close(j, '}');
}

static void add_decision(struct jsonout *j, const struct target_view *v, int64_t now_ms)
{
	const struct decision *d = &v->decision;
	bool has = v->has_decision;
	bool has_lag = has && d->has_lag;

	jsonout_int(j, "replicas", has, d->current);
	jsonout_int(j, "wanted", has, d->want);
	jsonout_text(j, "reason", has ? reason_name(d->reason) : NULL);
	jsonout_bool(j, "write", has && d->write);
	jsonout_text(j, "detail", has ? d->detail : NULL);
	jsonout_text(j, "quality", has ? quality_name(d->quality) : NULL);
	jsonout_int(j, "lag", has_lag, d->lag);
	jsonout_int(j, "threshold", has_lag, d->threshold);
	jsonout_int(j, "age_ms", has, since(v->decided_ms, now_ms));
}

void decisionsjson_rule(
	struct jsonout *j, const struct rule *r, const struct target_view *v, int64_t now_ms)
{
	char name[RULE_NAME_MAX];

	jsonout_open(j, NULL, '{');
	jsonout_text(j, "target", rule_name(r, name));
	jsonout_text(j, "namespace", r->target.namespace);
	jsonout_text(j, "kind", r->target.kind);
	jsonout_text(j, "name", r->target.name);
	jsonout_int(j, "min", true, r->min);
	jsonout_int(j, "max", true, r->max);
	jsonout_text(j, "policy", policy_names[r->policy]);
	jsonout_bool(j, "paused", r->paused);
	jsonout_bool(j, "dry_run", r->dry_run);
	add_thresholds(j, r, v);
	add_decision(j, v, now_ms);
	add_steps(j, v);
	add_conditions(j, v);
	add_write(j, &v->write, now_ms);
	jsonout_int(j, "writes", true, (int64_t)(v->writes + v->dry_writes));
	jsonout_int(j, "errors", true, (int64_t)v->errors);
	jsonout_text(j, "problem", *v->problem ? v->problem : NULL);
	jsonout_text(j, "contended", *v->contended ? v->contended : NULL);
	jsonout_close(j, '}');
}

void decisionsjson(const struct scaler_report *r, int64_t now_ms, struct strbuf *out)
{
	struct jsonout j = {.to = out};

	jsonout_open(&j, NULL, '{');
	jsonout_bool(&j, "running", r != NULL);
	jsonout_bool(&j, "leads", r && r->leads);
	jsonout_open(&j, "rules", '[');
	for (size_t i = 0; r && i < r->rules->count; i++)
		decisionsjson_rule(&j, &r->rules->entries[i].rule, &r->views[i], now_ms);
	jsonout_close(&j, ']');
	jsonout_close(&j, '}');
	strbuf_addc(out, '\n');
}
