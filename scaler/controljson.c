#include "scaler/controljson.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scaler/docjson.h"

#define VERSION 1

/* As many thresholds keep what was learned of them; more would not fit. */
#define CAPACITIES_MAX 16
#define RATES_MAX 4

/* Older than all that is ever asked for. */
#define AGE_MAX_MS (INT64_C(10) * 365 * 86400000)

/* Which threshold a capacity is of: FNV-1a of both names. */
static uint32_t name_of(const char *group, const char *topic)
{
	uint32_t h = 2166136261u;

	for (const char *p = group; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	h = (h ^ '/') * 16777619u;
	for (const char *p = topic; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return h;
}

static int64_t age(int64_t at_ms, int64_t now_ms)
{
	return now_ms > at_ms ? now_ms - at_ms : 0;
}

/* [[which threshold, end of its log], ...] */
static void put_quiet_ends(json_t *to, const struct rule *rule, const struct control *c)
{
	const struct rule_threshold *threshold;
	json_t *ends = json_array();
	const char *group;

	for (size_t i = 0; i < c->look_count && i < CAPACITIES_MAX &&
			   rule_threshold(rule, i, &group, &threshold);
		i++)
		if (c->watches[i].has_quiet_end)
			json_array_append_new(ends,
				json_pack("[I, I]", (json_int_t)name_of(group, threshold->topic),
					(json_int_t)c->watches[i].quiet_end));
	if (json_array_size(ends))
		json_object_set(to, "quiet_ends", ends);
	json_decref(ends);
}

static void put_age(json_t *to, const char *key, bool has, int64_t at_ms, int64_t now_ms)
{
	if (has)
		json_object_set_new(to, key, json_integer(age(at_ms, now_ms)));
}

static json_t *behavior_of(const struct rule *rule, const struct control *c, int64_t now_ms)
{
	struct behavior b = rule->behavior;
	struct behavior_saved saved;
	json_t *recommendations = json_array(), *events = json_array();

	behavior_complete(&b, rule->tolerance);
	behavior_save(&b, &c->behavior, now_ms, &saved);
	for (size_t i = 0; i < saved.recommendation_count; i++)
		json_array_append_new(recommendations,
			json_pack("[I, i]", (json_int_t)saved.recommendations[i].age_ms,
				(int)saved.recommendations[i].replicas));
	for (size_t i = 0; i < saved.event_count; i++)
		json_array_append_new(
			events, json_pack("[I, i]", (json_int_t)saved.events[i].age_ms,
					(int)saved.events[i].change));
	return json_pack("[o, o]", recommendations, events);
}

static json_t *efficacy_of(const struct efficacy *e, int64_t now_ms)
{
	json_t *j = json_object();

	put_age(j, "age", true, e->at_ms, now_ms);
	json_object_set_new(j, "verdict", json_boolean(e->not_effective));
	json_object_set_new(j, "from", json_integer(e->from));
	json_object_set_new(j, "to", json_integer(e->to));
	json_object_set_new(j, "committed", json_real(e->committed));
	json_object_set_new(j, "produced", json_real(e->produced));
	return j;
}

/* Our latest write, and how often of late one was taken back, how long ago, for how long the latest fight
 * is left alone, and how much of that is left. */
static void put_contend(json_t *to, const struct contend *c, int64_t now_ms)
{
	int64_t left_ms = c->until_ms > now_ms ? c->until_ms - now_ms : 0;

	if (c->written)
		json_object_set_new(to, "wrote",
			json_pack("[I, i, i]", (json_int_t)age(c->written_ms, now_ms), (int)c->from,
				(int)c->to));
	if (c->reverts)
		json_object_set_new(to, "reverts",
			json_pack("[i, I, I, I]", (int)c->reverts,
				(json_int_t)age(c->reverted_ms, now_ms), (json_int_t)c->hold_ms,
				(json_int_t)left_ms));
}

/* [partitions, end, committed, [[age, end before, committed before], ...]], oldest first. */
static json_t *points_of(const struct estimate *e, int64_t now_ms)
{
	struct estimate_point points[ESTIMATE_SAVED];
	size_t count = estimate_save(e, points);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			list, json_pack("[I, I, I]", (json_int_t)age(points[i].at_ms, now_ms),
				      (json_int_t)(e->latest.end - points[i].end),
				      (json_int_t)(e->latest.committed - points[i].committed)));
	return json_pack("[I, I, I, o]", (json_int_t)e->partitions, (json_int_t)e->latest.end,
		(json_int_t)e->latest.committed, list);
}

static json_t *capacities_of(const struct rule *rule, const struct control *c, int64_t now_ms)
{
	const struct rule_threshold *threshold;
	json_t *list = json_array();
	const char *group;

	for (size_t i = 0; i < c->look_count && i < CAPACITIES_MAX &&
			   rule_threshold(rule, i, &group, &threshold);
		i++) {
		const struct capacity *k = &c->watches[i].capacity;
		const struct estimate *e = &c->watches[i].estimate;

		json_t *item =
			json_pack("[I, b, f, f, f]", (json_int_t)name_of(group, threshold->topic),
				k->saturated ? 1 : 0, k->known ? k->per : 0.0,
				k->known ? k->best : 0.0, e->has_delay ? e->delay_s : 0.0);

		if (i < RATES_MAX && e->count)
			json_array_append_new(item, points_of(e, now_ms));
		json_array_append_new(list, item);
	}
	return list;
}

void control_save(const struct rule *rule, const struct control *c, int64_t now_ms, int64_t wall_ms,
	struct strbuf *out)
{
	json_t *j CLEANUP(docjson_unref_at) = json_object();
	char *text;

	json_object_set_new(j, "version", json_integer(VERSION));
	json_object_set_new(j, "at", json_integer(wall_ms));
	json_object_set_new(j, "behavior", behavior_of(rule, c, now_ms));
	put_age(j, "written", c->has_written, c->written_ms, now_ms);
	put_age(j, "raised", c->has_raised, c->raised_ms, now_ms);
	put_age(j, "lowered", c->has_lowered, c->lowered_ms, now_ms);
	put_age(j, "usable", c->has_usable, c->usable_ms, now_ms);
	put_age(j, "slept", c->has_slept, c->slept_ms, now_ms);
	put_quiet_ends(j, rule, c);
	json_object_set_new(j, "to_drain", json_boolean(c->raised_to_drain));
	json_object_set_new(j, "regrets", json_integer(c->regrets));
	json_object_set_new(j, "wakes", json_integer(c->wakes));
	if (c->efficacy.not_effective || c->efficacy.watching)
		json_object_set_new(j, "efficacy", efficacy_of(&c->efficacy, now_ms));
	put_contend(j, &c->contend, now_ms);
	json_object_set_new(j, "capacities", capacities_of(rule, c, now_ms));
	text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(9));
	strbuf_adds(out, text ? text : "{}");
	free(text);
}

/* Where a text is read from, and what the times in it mean. */
struct source {
	const json_t *doc;
	int64_t now_ms, away_ms;
	bool before; /* the wall clock shows less than at the save */
	bool bad;
};

static int64_t get_int(struct source *s, const json_t *value, int64_t low, int64_t high)
{
	int64_t n = json_integer_value(value);

	if (json_is_integer(value) && n >= low && n <= high)
		return n;
	s->bad = true;
	return low;
}

static double get_real(struct source *s, const json_t *value)
{
	double x = json_number_value(value);

	if (json_is_number(value) && isfinite(x) && x >= 0)
		return x;
	s->bad = true;
	return 0;
}

static bool get_bool(struct source *s, const json_t *value)
{
	if (!json_is_boolean(value))
		s->bad = true;
	return json_is_true(value);
}

/* When something was of which the age was saved: the time since counts, too. */
static int64_t get_past(struct source *s, const json_t *age_ms)
{
	return s->now_ms - s->away_ms - get_int(s, age_ms, 0, AGE_MAX_MS);
}

/* `away`: the time since counts, too. */
static bool get_age(struct source *s, const char *key, bool away, int64_t *ret_at_ms)
{
	const json_t *value = json_object_get(s->doc, key);

	if (!value)
		return false;
	*ret_at_ms = s->now_ms - get_int(s, value, 0, AGE_MAX_MS) - (away ? s->away_ms : 0);
	return true;
}

static void get_pairs(struct source *s, const json_t *list, size_t max, size_t *ret_count,
	int64_t ages[], int32_t values[], int64_t low)
{
	size_t i;
	json_t *pair;

	if (!json_is_array(list) || json_array_size(list) > max) {
		s->bad = true;
		return;
	}
	json_array_foreach(list, i, pair)
	{
		ages[i] = get_int(s, json_array_get(pair, 0), 0, BEHAVIOR_SAVED_AGE_MAX_MS);
		values[i] = (int32_t)get_int(s, json_array_get(pair, 1), low, INT32_MAX);
	}
	*ret_count = i;
}

static void get_behavior(struct source *s, struct behavior_state *to)
{
	const json_t *lists = json_object_get(s->doc, "behavior");
	int64_t ages[BEHAVIOR_SAVED_RECOMMENDATIONS + BEHAVIOR_SAVED_EVENTS] = {0};
	int32_t values[BEHAVIOR_SAVED_RECOMMENDATIONS + BEHAVIOR_SAVED_EVENTS] = {0};
	struct behavior_saved saved = {0};

	get_pairs(s, json_array_get(lists, 0), BEHAVIOR_SAVED_RECOMMENDATIONS,
		&saved.recommendation_count, ages, values, 0);
	for (size_t i = 0; i < saved.recommendation_count; i++) {
		saved.recommendations[i].age_ms = ages[i];
		saved.recommendations[i].replicas = values[i];
	}
	get_pairs(s, json_array_get(lists, 1), BEHAVIOR_SAVED_EVENTS, &saved.event_count, ages,
		values, -(int64_t)INT32_MAX);
	for (size_t i = 0; i < saved.event_count; i++) {
		saved.events[i].age_ms = ages[i];
		saved.events[i].change = values[i];
	}
	if (!s->bad)
		behavior_state_load(to, &saved, s->away_ms, s->now_ms);
}

static void get_efficacy(struct source *s, struct efficacy *to)
{
	const json_t *j = json_object_get(s->doc, "efficacy");

	if (!j)
		return;
	to->not_effective = get_bool(s, json_object_get(j, "verdict"));
	to->watching = !to->not_effective;
	to->at_ms = get_past(s, json_object_get(j, "age"));
	to->from = (int32_t)get_int(s, json_object_get(j, "from"), 0, INT32_MAX);
	to->to = (int32_t)get_int(s, json_object_get(j, "to"), 0, INT32_MAX);
	to->committed = get_real(s, json_object_get(j, "committed"));
	to->produced = get_real(s, json_object_get(j, "produced"));
}

static void get_contend(struct source *s, struct contend *to)
{
	const json_t *wrote = json_object_get(s->doc, "wrote");
	const json_t *reverts = json_object_get(s->doc, "reverts");
	int64_t left_ms;

	if (wrote) {
		to->written = true;
		to->written_ms = get_past(s, json_array_get(wrote, 0));
		to->from = (int32_t)get_int(s, json_array_get(wrote, 1), 0, INT32_MAX);
		to->to = (int32_t)get_int(s, json_array_get(wrote, 2), 0, INT32_MAX);
	}
	if (!reverts)
		return;
	to->reverts = (unsigned)get_int(s, json_array_get(reverts, 0), 0, CONTEND_REVERTS);
	to->reverted_ms = get_past(s, json_array_get(reverts, 1));
	to->hold_ms = get_int(s, json_array_get(reverts, 2), 0, CONTEND_HOLD_MAX_MS);
	left_ms = get_int(s, json_array_get(reverts, 3), 0, CONTEND_HOLD_MAX_MS);
	to->until_ms = s->now_ms + left_ms - s->away_ms;
}

static void get_points(struct source *s, const json_t *saved, struct estimate *to)
{
	int64_t partitions = get_int(s, json_array_get(saved, 0), 0, INT32_MAX);
	int64_t end = get_int(s, json_array_get(saved, 1), 0, INT64_MAX);
	int64_t committed = get_int(s, json_array_get(saved, 2), 0, end);
	const json_t *list = json_array_get(saved, 3);
	struct estimate_point points[ESTIMATE_SAVED];
	json_t *p;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > ESTIMATE_SAVED) {
		s->bad = true;
		return;
	}
	json_array_foreach(list, i, p)
	{
		points[i].at_ms = get_past(s, json_array_get(p, 0));
		points[i].end = end - get_int(s, json_array_get(p, 1), 0, end);
		points[i].committed = committed - get_int(s, json_array_get(p, 2), 0, committed);
		if (points[i].committed > points[i].end ||
			(i && (points[i].at_ms <= points[i - 1].at_ms ||
				      points[i].end < points[i - 1].end)))
			s->bad = true;
	}
	if (!s->bad)
		estimate_load(to, points, i, (size_t)partitions);
}

static void get_capacities(struct source *s, const struct rule *rule, struct control *to)
{
	const json_t *list = json_object_get(s->doc, "capacities");
	const struct rule_threshold *threshold;
	const char *group;
	json_t *k;
	size_t i;

	if (!json_is_array(list))
		s->bad = true;
	json_array_foreach(list, i, k)
	{
		int64_t name = get_int(s, json_array_get(k, 0), 0, UINT32_MAX);
		struct capacity c = {.known = true,
			.saturated = get_bool(s, json_array_get(k, 1)),
			.per = get_real(s, json_array_get(k, 2)),
			.best = get_real(s, json_array_get(k, 3)),
			.at_ms = s->now_ms};
		double delay_s = get_real(s, json_array_get(k, 4));

		for (size_t t = 0; rule_threshold(rule, t, &group, &threshold); t++) {
			struct threshold_watch *w = &to->watches[t];

			if (name_of(group, threshold->topic) != name)
				continue;
			w->capacity = c;
			w->capacity.known = c.per > 0;
			if (json_array_size(k) > 5 && !s->before)
				get_points(s, json_array_get(k, 5), &w->estimate);
			w->estimate.has_delay = delay_s > 0;
			w->estimate.delay_s = delay_s;
		}
	}
}

static void get_quiet_ends(struct source *s, const struct rule *rule, struct control *to)
{
	const struct rule_threshold *threshold;
	const char *group;
	json_t *pair;
	size_t i;

	json_array_foreach(json_object_get(s->doc, "quiet_ends"), i, pair)
	{
		int64_t name = get_int(s, json_array_get(pair, 0), 0, UINT32_MAX);
		int64_t end = get_int(s, json_array_get(pair, 1), 0, INT64_MAX);

		for (size_t t = 0; rule_threshold(rule, t, &group, &threshold); t++) {
			if (name_of(group, threshold->topic) != name)
				continue;
			to->watches[t].has_quiet_end = true;
			to->watches[t].quiet_end = end;
		}
	}
}

static void get_all(struct source *s, const struct rule *rule, struct control *to)
{
	control_fit(to, rule_threshold_count(rule));
	to->has_resumed = true;
	to->resumed_ms = s->now_ms;
	get_behavior(s, &to->behavior);
	to->has_written = get_age(s, "written", true, &to->written_ms);
	to->has_raised = get_age(s, "raised", true, &to->raised_ms);
	to->has_lowered = get_age(s, "lowered", true, &to->lowered_ms);
	to->has_slept = get_age(s, "slept", true, &to->slept_ms);
	get_quiet_ends(s, rule, to);
	/* While nobody looked nothing can be said of the data: that time does not count. */
	to->has_usable = get_age(s, "usable", false, &to->usable_ms);
	to->raised_to_drain = get_bool(s, json_object_get(s->doc, "to_drain"));
	to->regrets =
		(int32_t)get_int(s, json_object_get(s->doc, "regrets"), 0, CONTROL_REGRETS_MAX);
	to->wakes = (int32_t)get_int(s, json_object_get(s->doc, "wakes"), 0, CONTROL_WAKES_MAX);
	get_efficacy(s, &to->efficacy);
	get_contend(s, &to->contend);
	get_capacities(s, rule, to);
}

int control_load(const struct rule *rule, const char *text, size_t len, int64_t now_ms,
	int64_t wall_ms, struct control *control, struct err *err)
{
	json_error_t why;
	json_t *doc CLEANUP(docjson_unref_at) = NULL;
	struct control loaded = {0};
	struct source s = {.now_ms = now_ms};
	int64_t at_ms;

	if (len > CONTROL_TEXT_MAX)
		return err_set(err, ERR_CONFIG,
			"the saved state has %zu bytes, at most %d are read", len,
			CONTROL_TEXT_MAX);
	doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(doc))
		return err_set(err, ERR_CONFIG, "the saved state is not a JSON object: %s",
			doc ? "something else" : why.text);
	s.doc = doc;
	if (get_int(&s, json_object_get(doc, "version"), 0, INT32_MAX) != VERSION || s.bad)
		return err_set(err, ERR_CONFIG, "the saved state is not of version %d", VERSION);
	at_ms = get_int(&s, json_object_get(doc, "at"), 0, INT64_MAX / 4);
	s.before = wall_ms < at_ms;
	s.away_ms = s.before ? 0 : wall_ms - at_ms;
	if (s.away_ms > AGE_MAX_MS)
		s.away_ms = AGE_MAX_MS;
	get_all(&s, rule, &loaded);
	if (s.bad) {
		control_release(&loaded);
		return err_set(err, ERR_CONFIG, "the saved state has a value of a wrong kind");
	}
	control_release(control);
	*control = loaded;
	return 0;
}
