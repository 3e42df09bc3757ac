#include "scaler/replayjson.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "common/jsonout.h"
#include "scaler/docjson.h"

/* An integer of `o` in [0, max]. Where it is absent or null: `*ret_value` stays, `*ret_has` (may be NULL:
 * then that is an error) says so. */
static int get_int(const json_t *o, const char *key, int64_t max, bool *ret_has, int64_t *ret_value,
	struct err *err)
{
	const json_t *value = json_object_get(o, key);
	int64_t n;

	if (ret_has)
		*ret_has = false;
	if (!value || json_is_null(value))
		return ret_has ? 0 : err_set(err, ERR_CONFIG, "\"%s\" is missing", key);
	if (!json_is_integer(value))
		return err_set(err, ERR_CONFIG, "\"%s\" is not an integer", key);
	n = json_integer_value(value);
	if (n < 0 || n > max)
		return err_set(err, ERR_CONFIG, "\"%s\" is %" PRId64 ", outside 0 to %" PRId64, key,
			n, max);
	if (ret_has)
		*ret_has = true;
	*ret_value = n;
	return 0;
}

/* NULL: there is none, and `err` says so. */
static const char *get_text(const json_t *o, const char *key, struct err *err)
{
	const char *text = json_string_value(json_object_get(o, key));

	if (!text)
		err_set(err, ERR_CONFIG, "\"%s\" is missing or not a string", key);
	return text;
}

static int get_quality(const json_t *o, struct observation *ret, struct err *err)
{
	const char *text = get_text(o, "quality", err);

	if (!text)
		return -1;
	for (enum quality q = QUALITY_UNKNOWN; q <= QUALITY_COMPLETE; q++)
		if (strcmp(text, quality_name(q)) == 0) {
			ret->quality = q;
			return 0;
		}
	return err_set(err, ERR_CONFIG,
		"\"quality\" is \"%.40s\", not complete, partial, stale or unknown", text);
}

static int get_state(const json_t *o, struct observation *ret, struct err *err)
{
	const json_t *value = json_object_get(o, "state");
	const char *text;

	if (!value || json_is_null(value))
		return 0;
	text = get_text(o, "state", err);
	if (!text)
		return -1;
	for (enum group_state s = GROUP_UNKNOWN; s <= GROUP_DEAD; s++)
		if (strcmp(text, group_state_name(s)) == 0) {
			ret->state = s;
			return 0;
		}
	return err_set(
		err, ERR_CONFIG, "\"state\" is \"%.40s\", which is no state of a group", text);
}

/* What the quality promises has to be there. */
static int check(struct observation *o, bool has_lag, bool has_end, struct err *err)
{
	static const char *const why[] = {
		[QUALITY_UNKNOWN] = "the line says so",
		[QUALITY_STALE] = "the line says so",
		[QUALITY_PARTIAL] = "some partitions are missing in the line",
		[QUALITY_COMPLETE] = NULL,
	};

	o->why = why[o->quality];
	if (o->quality == QUALITY_UNKNOWN) {
		o->lag = o->end = o->max_lag = 0;
		o->known = o->with_lag = 0;
		return 0;
	}
	if (!has_lag)
		return err_set(
			err, ERR_CONFIG, "\"lag\" is missing in %s data", quality_name(o->quality));
	o->has_end = has_end;
	if (has_end && o->end < o->lag)
		return err_set(err, ERR_CONFIG,
			"\"lag\" is %" PRId64 ", more than the end_offset_sum %" PRId64, o->lag,
			o->end);
	return 0;
}

/* `partitions` of the whole line counts where the observation has none of its own. */
static int get_observation(
	const json_t *o, int64_t t_ms, int64_t partitions, struct observation *ret, struct err *err)
{
	int64_t with_lag = 0, known, members = 0;
	bool has_lag, has_end, has, has_members;

	*ret = (struct observation){.at_ms = t_ms};
	if (get_quality(o, ret, err) < 0 || get_state(o, ret, err) < 0 ||
		get_int(o, "lag", INT64_MAX, &has_lag, &ret->lag, err) < 0 ||
		get_int(o, "end_offset_sum", INT64_MAX, &has_end, &ret->end, err) < 0 ||
		get_int(o, "age_ms", INT64_MAX, &has, &ret->age_ms, err) < 0 ||
		get_int(o, "partitions", INT32_MAX, &has, &partitions, err) < 0)
		return -1;
	known = partitions;
	if (get_int(o, "partitions_known", partitions, &has, &known, err) < 0 ||
		get_int(o, "partitions_with_lag", partitions, &ret->has_spread, &with_lag, err) <
			0 ||
		get_int(o, "max_partition_lag", INT64_MAX, &has, &ret->max_lag, err) < 0 ||
		get_int(o, "members", INT32_MAX, &has_members, &members, err) < 0)
		return -1;
	ret->has_spread = ret->has_spread && has;
	ret->partitions = (size_t)partitions;
	ret->known = (size_t)known;
	ret->with_lag = (size_t)with_lag;
	ret->has_members = has_members;
	ret->members = (size_t)members;
	return check(ret, has_lag, has_end, err);
}

static int get_observations(const json_t *list, int64_t t_ms, int64_t partitions,
	const struct rule *rule, struct observation *ret, struct err *err)
{
	json_t *o;
	size_t i;

	if (!json_is_array(list))
		return err_set(err, ERR_CONFIG, "\"observations\" is missing or not a list");
	for (i = 0; i < rule_threshold_count(rule); i++)
		ret[i] = (struct observation){.at_ms = t_ms, .why = "not in the line"};
	json_array_foreach(list, i, o)
	{
		const char *group = get_text(o, "group", err);
		const char *topic = get_text(o, "topic", err);
		size_t to;

		if (!group || !topic)
			return err_wrap(err, "observation %zu", i);
		to = rule_find_threshold(rule, group, topic);
		if (to == SIZE_MAX)
			continue;
		if (get_observation(o, t_ms, partitions, &ret[to], err) < 0)
			return err_wrap(err, "observation %zu", i);
	}
	return 0;
}

int replayjson_parse(const char *text, size_t len, const struct rule *rule,
	struct replay_line *ret_line, struct observation *ret_observations, struct err *err)
{
	json_error_t why;
	json_t *doc CLEANUP(docjson_unref_at) = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	int64_t t_ms, replicas, ready, partitions = 0;
	bool has;

	if (!doc)
		return err_set(err, ERR_CONFIG, "not JSON: %s (column %d)", why.text, why.column);
	if (!json_is_object(doc))
		return err_set(err, ERR_CONFIG, "not a JSON object");
	if (get_int(doc, "t_ms", INT64_MAX / 4, NULL, &t_ms, err) < 0 ||
		get_int(doc, "replicas", INT32_MAX, NULL, &replicas, err) < 0)
		return -1;
	ready = replicas;
	if (get_int(doc, "ready", INT32_MAX, &has, &ready, err) < 0 ||
		get_int(doc, "partitions", INT32_MAX, &has, &partitions, err) < 0 ||
		get_observations(json_object_get(doc, "observations"), t_ms, partitions, rule,
			ret_observations, err) < 0)
		return -1;
	*ret_line = (struct replay_line){t_ms, (int32_t)replicas, (int32_t)ready};
	return 0;
}

void replayjson_answer(int64_t t_ms, const struct decision *d, bool write, struct strbuf *out)
{
	struct jsonout j = {.to = out};

	jsonout_open(&j, NULL, '{');
	jsonout_int(&j, "t_ms", true, t_ms);
	jsonout_int(&j, "want", true, d->want);
	jsonout_bool(&j, "write", write);
	jsonout_text(&j, "reason", reason_name(d->reason));
	jsonout_text(&j, "detail", d->detail);
	jsonout_open(&j, "steps", '[');
	for (size_t i = 0; i < d->step_count; i++) {
		jsonout_open(&j, NULL, '{');
		jsonout_text(&j, "step", step_name(d->steps[i].step));
		jsonout_text(&j, "reason", reason_name(d->steps[i].reason));
		jsonout_int(&j, "replicas", true, d->steps[i].replicas);
		jsonout_close(&j, '}');
	}
	jsonout_close(&j, ']');
	jsonout_close(&j, '}');
	strbuf_addc(out, '\n');
}
