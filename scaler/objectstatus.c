#include "scaler/objectstatus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/backoff.h"
#include "common/jsonout.h"
#include "common/mem.h"
#include "scaler/conditions.h"
#include "scaler/eventsjson.h"

#define THRESHOLDS_MAX 100 /* in a status; an object is at most 1.5 MiB in all */

void objectstatus_told_take(struct objectstatus_told *t, const struct hexobject *o)
{
	memcpy(t->conditions, o->conditions, sizeof(t->conditions));
	memcpy(t->scaled, o->scaled, sizeof(t->scaled));
}

void objectstatus_release(struct objectstatus *s)
{
	strbuf_release(&s->body);
}

/* Sets a condition; the time of the last change of its status stays where that is the same. */
static void set(struct hex_condition *c, const char *status, const char *reason,
	const char *message, int64_t now_wall_ms)
{
	if (strcmp(c->status, status) != 0 || !*c->since)
		(void)eventsjson_time(now_wall_ms * 1000, false, c->since);
	(void)snprintf(c->status, sizeof(c->status), "%s", status);
	(void)snprintf(c->reason, sizeof(c->reason), "%s", reason);
	(void)snprintf(c->message, sizeof(c->message), "%s", message);
}

/* Nothing is done for this object: all three say why. */
static void set_idle(struct hex_condition *c, const char *reason, const char *message, int64_t now)
{
	for (int i = 0; i < CONDITIONS; i++)
		set(&c[i], "False", reason, message, now);
}

/* False: there is nothing to say yet. */
static bool set_conditions(const struct objectstatus_input *in, struct hex_condition *c)
{
	const struct target_view *v = in->view;
	struct conditions now;
	char text[400];

	if (in->object->problem) {
		set_idle(c, "InvalidSpec", in->object->problem, in->now_wall_ms);
		return true;
	}
	if (in->rival) {
		(void)snprintf(text, sizeof(text), "%s has the same scaleTargetRef", in->rival);
		set_idle(c, "AmbiguousTarget", text, in->now_wall_ms);
		return true;
	}
	if (!v || (!v->has_decision && !*v->problem))
		return false;
	conditions_of(v, &now);
	for (int i = 0; i < CONDITIONS; i++)
		if (now.by_type[i].reason)
			set(&c[i], now.by_type[i].status, now.by_type[i].reason,
				now.by_type[i].message, in->now_wall_ms);
	return true;
}

static void set_scaled(const struct objectstatus_input *in, char scaled[32])
{
	const struct target_write *w = in->view ? &in->view->write : NULL;

	if (w && w->has && !w->dry_run)
		(void)eventsjson_time((in->now_wall_ms - (in->now_ms - w->at_ms)) / 1000 * 1000000,
			false, scaled);
}

static bool acts(const struct objectstatus_input *in)
{
	return !in->object->problem && !in->rival && in->view && in->view->has_decision;
}

static void add_thresholds(struct jsonout *j, const struct objectstatus_input *in)
{
	const struct rule_threshold *t;
	const char *group;

	jsonout_open(j, "thresholds", '[');
	for (size_t i = 0; acts(in) && i < THRESHOLDS_MAX && i < in->view->look_count &&
			   rule_threshold(&in->object->rule, i, &group, &t);
		i++) {
		const struct threshold_look *look = &in->view->looks[i];

		jsonout_open(j, NULL, '{');
		jsonout_text(j, "group", group);
		jsonout_text(j, "topic", t->topic);
		jsonout_int(j, "threshold", true, t->lag);
		if (look->seen.quality != QUALITY_UNKNOWN)
			jsonout_int(j, "lag", true, look->seen.lag);
		jsonout_text(j, "quality", quality_name(look->seen.quality));
		if (look->has_proposal)
			jsonout_int(j, "proposal", true, look->proposal);
		jsonout_close(j, '}');
	}
	jsonout_close(j, ']');
}

static void add_conditions(struct jsonout *j, const struct objectstatus_input *in,
	const struct hex_condition *conditions)
{
	jsonout_open(j, "conditions", '[');
	for (int i = 0; i < CONDITIONS; i++) {
		const struct hex_condition *c = &conditions[i];

		if (!*c->status)
			continue;
		jsonout_open(j, NULL, '{');
		jsonout_text(j, "type", condition_types[i]);
		jsonout_text(j, "status", c->status);
		jsonout_text(j, "reason", c->reason);
		jsonout_text(j, "message", c->message);
		jsonout_int(j, "observedGeneration", true, in->object->generation);
		jsonout_text(j, "lastTransitionTime", c->since);
		jsonout_close(j, '}');
	}
	jsonout_close(j, ']');
}

static const char *reason_of(const struct objectstatus_input *in, const struct objectstatus_told *t)
{
	return acts(in) ? reason_name(in->view->decision.reason)
			: t->conditions[CONDITION_ABLE_TO_SCALE].reason;
}

static void add_sizes(
	struct jsonout *j, const struct objectstatus_input *in, const struct objectstatus_told *t)
{
	const struct decision *d = acts(in) ? &in->view->decision : NULL;

	jsonout_int(j, "observedGeneration", true, in->object->generation);
	jsonout_int(j, "currentReplicas", d, d ? d->current : 0);
	jsonout_int(j, "desiredReplicas", d, d ? d->want : 0);
	jsonout_text(j, "lastScaleTime", *t->scaled ? t->scaled : NULL);
}

/* What is unknown is null, which a merge patch removes. */
static void add_status(
	const struct objectstatus_input *in, const struct objectstatus_told *t, struct strbuf *out)
{
	const struct decision *d = acts(in) ? &in->view->decision : NULL;
	struct jsonout j = {.to = out};

	jsonout_open(&j, NULL, '{');
	add_sizes(&j, in, t);
	jsonout_text(&j, "reason", reason_of(in, t));
	jsonout_text(&j, "message", d ? d->detail : t->conditions[CONDITION_ABLE_TO_SCALE].message);
	jsonout_int(&j, "lag", d && d->has_lag, d ? d->lag : 0);
	add_thresholds(&j, in);
	add_conditions(&j, in, t->conditions);
	jsonout_close(&j, '}');
}

/* What is not to wait: sizes, and whether it can scale and does, else why not. */
static void add_facts(
	const struct objectstatus_input *in, const struct objectstatus_told *t, struct strbuf *out)
{
	const struct hex_condition *able = &t->conditions[CONDITION_ABLE_TO_SCALE];
	const struct hex_condition *active = &t->conditions[CONDITION_SCALING_ACTIVE];
	struct jsonout j = {.to = out};

	jsonout_open(&j, NULL, '{');
	add_sizes(&j, in, t);
	jsonout_text(&j, "able", strcmp(able->status, "True") == 0 ? "" : able->reason);
	jsonout_text(&j, "active", strcmp(active->status, "True") == 0 ? "" : reason_of(in, t));
	jsonout_close(&j, '}');
}

/* What an object's owner has to know once: that nothing is done for it. */
static void add_news(const struct objectstatus_told *told, struct objectstatus *s)
{
	const struct hex_condition *c = &s->told.conditions[CONDITION_SCALING_ACTIVE];
	const struct hex_condition *before = &told->conditions[CONDITION_SCALING_ACTIVE];
	bool idle =
		strcmp(c->reason, "InvalidSpec") == 0 || strcmp(c->reason, "AmbiguousTarget") == 0;

	s->news = NULL;
	if (!idle || (strcmp(c->reason, before->reason) == 0 &&
			     strcmp(c->message, before->message) == 0))
		return;
	s->news = c->reason;
	s->note = c->message;
}

/* FNV-1a, 64 bits. Two texts of one hash would only delay a status. */
static uint64_t hash(const struct strbuf *text)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < text->len; i++)
		h = (h ^ (unsigned char)text->data[i]) * UINT64_C(1099511628211);
	return h;
}

bool objectstatus_may_be_urgent(const struct objectstatus_budget *b, int64_t now_ms)
{
	return b->paid_ms <= now_ms;
}

void objectstatus_was_urgent(struct objectstatus_budget *b, int64_t now_ms)
{
	if (b->paid_ms < now_ms - OBJECTSTATUS_URGENT_SPAN_MS)
		b->paid_ms = now_ms - OBJECTSTATUS_URGENT_SPAN_MS;
	b->paid_ms += 1000 / OBJECTSTATUS_URGENT_PER_SECOND;
}

/* Whether it is time for figures, where those are what differs. */
static bool is_due(const struct objectstatus_told *told, const struct objectstatus_input *in,
	const struct objectstatus_told *now)
{
	int64_t since = in->now_ms - told->written_ms;

	return told->has_written && (since >= OBJECTSTATUS_AGAIN_MS ||
					    (since >= in->figures_ms && told->whole != now->whole));
}

/* Whether it is to be written all the same. */
static bool is_urgent(const struct objectstatus_told *told, const struct objectstatus_input *in,
	const struct objectstatus_told *now)
{
	bool back = now->facts == told->before &&
		    in->now_ms - told->written_ms < OBJECTSTATUS_FIGURES_MS;

	return in->may_be_urgent && (!told->has_written || (told->facts != now->facts && !back));
}

/* The uid: another object of this name, made since, has nothing to do with this status. */
static void add_body(const char *uid, const struct strbuf *status, struct strbuf *out)
{
	struct jsonout j = {.to = out};

	jsonout_open(&j, NULL, '{');
	jsonout_open(&j, "metadata", '{');
	jsonout_text(&j, "uid", uid);
	jsonout_close(&j, '}');
	strbuf_adds(out, ",\"status\":");
	strbuf_add(out, status->data, status->len);
	jsonout_close(&j, '}');
}

bool objectstatus_due(const struct objectstatus_told *told, const struct objectstatus_input *in,
	struct objectstatus *ret)
{
	struct objectstatus s = {.told = {.has_written = true, .written_ms = in->now_ms}};
	struct strbuf facts CLEANUP(strbuf_release) = STRBUF_INIT;
	struct strbuf whole CLEANUP(strbuf_release) = STRBUF_INIT;

	if (in->now_ms < told->retry_ms ||
		(told->has_written && in->now_ms - told->written_ms < OBJECTSTATUS_PAUSE_MS))
		return false;
	memcpy(s.told.conditions, told->conditions, sizeof(s.told.conditions));
	memcpy(s.told.scaled, told->scaled, sizeof(s.told.scaled));
	if (!set_conditions(in, s.told.conditions))
		return false;
	set_scaled(in, s.told.scaled);
	add_facts(in, &s.told, &facts);
	add_status(in, &s.told, &whole);
	s.told.facts = hash(&facts);
	s.told.whole = hash(&whole);
	s.told.before = s.told.facts == told->facts ? told->before : told->facts;
	s.urgent = !is_due(told, in, &s.told);
	if (s.urgent && !is_urgent(told, in, &s.told))
		return false;
	add_body(in->object->uid, &whole, &s.body);
	*ret = s;
	add_news(told, ret);
	return true;
}

enum objectstatus_outcome objectstatus_outcome(const struct err *err, int http_status)
{
	if (err->kind == ERR_NONE || err->kind == ERR_ABSENT)
		return STATUS_DONE;
	if (err->kind == ERR_CONFLICT)
		return STATUS_LATE;
	return http_status >= 400 && http_status < 500 && http_status != 429 ? STATUS_REFUSED
									     : STATUS_FAILED;
}

void objectstatus_ended(struct objectstatus_told *told, const struct objectstatus *s,
	enum objectstatus_outcome outcome, int64_t now_ms, int retry_after_s)
{
	int64_t wait = told->backoff_ms;

	*told = s->told;
	told->has_written = outcome == STATUS_DONE;
	told->backoff_ms = outcome == STATUS_FAILED ? wait : 0;
	if (outcome != STATUS_LATE && outcome != STATUS_REFUSED)
		return;
	told->backoff_ms =
		backoff_next(wait, OBJECTSTATUS_BACKOFF_MIN_MS, OBJECTSTATUS_BACKOFF_MAX_MS);
	told->retry_ms = now_ms + backoff_obey(told->backoff_ms, retry_after_s);
}
