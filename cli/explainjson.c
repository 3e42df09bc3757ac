#include "cli/explainjson.h"

#include <jansson.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key, const char *absent)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : absent;
}

static void add_number(struct strbuf *out, const json_t *object, const char *key)
{
	const json_t *number = json_object_get(object, key);

	if (json_is_integer(number))
		strbuf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
	else
		strbuf_adds(out, "?");
}

static void add_observed(struct strbuf *out, const json_t *o)
{
	if (!json_is_object(o)) {
		strbuf_adds(out, "not looked at");
		return;
	}
	strbuf_adds(out, "lag ");
	add_number(out, o, "lag");
	strbuf_addf(out, " (%s", text_of(o, "quality", "?"));
	if (json_is_string(json_object_get(o, "why")))
		strbuf_addf(out, ": %s", text_of(o, "why", ""));
	if (json_is_integer(json_object_get(o, "partitions"))) {
		strbuf_adds(out, "; ");
		add_number(out, o, "known");
		strbuf_adds(out, " of ");
		add_number(out, o, "partitions");
		strbuf_adds(out, " partitions known, ");
		add_number(out, o, "with_lag");
		strbuf_adds(out, " with lag, at most ");
		add_number(out, o, "max_lag");
	}
	if (json_is_string(json_object_get(o, "state")))
		strbuf_addf(out, "; %s", text_of(o, "state", ""));
	if (json_is_integer(json_object_get(o, "members"))) {
		strbuf_adds(out, ", members ");
		add_number(out, o, "members");
	}
	strbuf_addc(out, ')');
}

static void add_thresholds(struct strbuf *out, const json_t *rule)
{
	const json_t *t;
	size_t i;

	json_array_foreach(json_object_get(rule, "thresholds"), i, t)
	{
		strbuf_addf(out, "  group %s, topic %s: ", text_of(t, "group", "?"),
			text_of(t, "topic", "?"));
		add_observed(out, json_object_get(t, "observed"));
		strbuf_adds(out, ", threshold ");
		add_number(out, t, "lag");
		strbuf_adds(out, ": asks for ");
		add_number(out, t, "proposal");
		strbuf_addc(out, '\n');
	}
}

static void add_steps(struct strbuf *out, const json_t *rule)
{
	const json_t *step;
	size_t i;

	json_array_foreach(json_object_get(rule, "steps"), i, step)
	{
		strbuf_addf(out, "  %-10s ", text_of(step, "step", "?"));
		add_number(out, step, "replicas");
		strbuf_addf(out, "  %s\n", text_of(step, "reason", ""));
	}
}

static void add_verdict(struct strbuf *out, const json_t *rule)
{
	strbuf_addf(out, "%s: %s: ", text_of(rule, "target", "?"),
		text_of(rule, "reason", "no decision yet"));
	add_number(out, rule, "replicas");
	if (json_is_true(json_object_get(rule, "write"))) {
		strbuf_adds(out, " -> ");
		add_number(out, rule, "wanted");
		strbuf_adds(out, " replicas, to be written");
	} else {
		strbuf_adds(out, " replicas, left alone");
	}
	if (json_is_true(json_object_get(rule, "dry_run")))
		strbuf_adds(out, " (dryRun)");
	strbuf_addc(out, '\n');
}

static void add_rule(struct strbuf *out, const json_t *rule)
{
	add_verdict(out, rule);
	strbuf_addf(out, "  policy %s, ", text_of(rule, "policy", "?"));
	add_number(out, rule, "min");
	strbuf_adds(out, " to ");
	add_number(out, rule, "max");
	strbuf_adds(out, " replicas\n");
	add_thresholds(out, rule);
	add_steps(out, rule);
	if (json_is_string(json_object_get(rule, "detail")))
		strbuf_addf(out, "  %s\n", text_of(rule, "detail", ""));
	if (json_is_string(json_object_get(rule, "contended")))
		strbuf_addf(out, "  contended: %s\n", text_of(rule, "contended", ""));
	if (json_is_string(json_object_get(rule, "problem")))
		strbuf_addf(out, "  cannot act: %s\n", text_of(rule, "problem", ""));
}

static int add_rules(const json_t *root, const char *only, struct strbuf *out, struct err *err)
{
	const json_t *rules = json_object_get(root, "rules"), *rule;
	size_t i, shown = 0;

	if (!json_is_array(rules))
		return err_set(err, ERR_RETRY, "there are no decisions in the answer");
	if (!json_is_true(json_object_get(root, "running")))
		return err_set(err, ERR_RETRY, "no scaler runs there");
	if (json_is_false(json_object_get(root, "leads")))
		strbuf_adds(out, "another process leads: this one decides nothing\n");
	json_array_foreach(rules, i, rule)
	{
		if (only && !strstr(text_of(rule, "target", ""), only))
			continue;
		if (shown++)
			strbuf_addc(out, '\n');
		add_rule(out, rule);
	}
	if (shown)
		return 0;
	if (only)
		return err_set(err, ERR_RETRY, "no rule has a target with '%s' in its name", only);
	return err_set(err, ERR_RETRY, "there is no rule");
}

int explainjson(const char *text, size_t len, const char *only, struct strbuf *out, struct err *err)
{
	json_error_t why;
	json_t *root = json_loadb(text, len, 0, &why);
	int rc;

	if (!root)
		return err_set(err, ERR_RETRY, "the answer is not JSON: %s", why.text);
	rc = add_rules(root, only, out, err);
	json_decref(root);
	return rc;
}
