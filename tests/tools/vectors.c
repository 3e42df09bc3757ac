/* Runs golden cases through the code that runs in production:  vectors DIR
 *
 * Every *.jsonl in DIR whose kind is known is read; its format is in tests/cases/vectors/README.md. TAP on
 * stdout, one line a file and a comment for each mismatch. A file of an unknown kind is said, not counted. */
#include <dirent.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>

#include "scaler/policy.h"
#include "scaler/quantity.h"
#include "tests/tap.h"

/* One case; false: `why` says what differs. */
struct why {
	char text[300];
};
typedef bool run_case(const json_t *c, struct why *why);

PRINTF_LIKE(2, 3) static bool differs(struct why *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
	return false;
}

static int64_t get(const json_t *c, const char *key)
{
	return json_integer_value(json_object_get(c, key));
}

/* The answer. */
static bool expected(const json_t *c, const char *key, int64_t got, struct why *why)
{
	const json_t *want = json_object_get(c, key);

	if (!json_is_integer(want) || json_integer_value(want) != got)
		return differs(why, "%s: got %" PRId64 ", want %" PRId64, key, got, get(c, key));
	return true;
}

/* Policies */

static bool run_hex(const json_t *c, enum policy_kind kind, struct why *why)
{
	int64_t min = get(c, "min"), max = get(c, "max");
	int64_t want = policy_propose(
		kind, get(c, "metric"), get(c, "threshold"), (int32_t)get(c, "current"));

	want = want < min ? min : want;
	want = want > max ? max : want;
	/* Where the operator's int32 wrapped, the recorded answer is not one to follow. */
	return expected(c, json_object_get(c, "expect_saturated") ? "expect_saturated" : "expect",
		want, why);
}

static bool run_exact(const json_t *c, struct why *why)
{
	return run_hex(c, POLICY_HEX, why);
}

static bool run_operator(const json_t *c, struct why *why)
{
	return run_hex(c, POLICY_HEX_OPERATOR, why);
}

static int32_t per_replica(
	int64_t usage_milli, int64_t target_milli, int32_t replicas, double up, double down)
{
	double ratio = policy_ratio(POLICY_PER_REPLICA, usage_milli, target_milli, replicas);

	return policy_tolerates(ratio, up, down)
		       ? replicas
		       : policy_propose(POLICY_PER_REPLICA, usage_milli, target_milli, replicas);
}

static bool tolerance(const json_t *text, double *ret, struct why *why)
{
	struct err err = {0};

	*ret = 0.1;
	if (text && !json_is_null(text) && quantity_parse(json_string_value(text), ret, &err))
		return differs(why, "%s", err.msg);
	return true;
}

static bool run_external(const json_t *c, struct why *why)
{
	const json_t *value;
	int64_t sum = 0;
	size_t i;
	double up, down;

	json_array_foreach(json_object_get(c, "metric_values_milli"), i, value)
	{
		sum = (int64_t)((uint64_t)sum + (uint64_t)json_integer_value(value));
		if (sum < 0) {
			sum = INT64_MAX;
			break;
		}
	}
	if (!tolerance(json_object_get(c, "tolerance_up_quantity"), &up, why) ||
		!tolerance(json_object_get(c, "tolerance_down_quantity"), &down, why))
		return false;
	if (up != json_number_value(json_object_get(c, "tolerance_up")) ||
		down != json_number_value(json_object_get(c, "tolerance_down")))
		return differs(why, "tolerances: got %.17g and %.17g", up, down);
	return expected(c, "expect",
		per_replica(
			sum, get(c, "target_milli"), (int32_t)get(c, "status_replicas"), up, down),
		why);
}

static const struct {
	const char *prefix; /* of the file's name */
	run_case *run;
} kinds[] = {
	{"hex-exact", run_exact},
	{"hex-operator", run_operator},
	{"hpa-external", run_external},
};

static void run_file(const char *path, const char *name, run_case *run)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, title[400];
	size_t room = 0;
	int cases = 0, line_number = 0, bad = 0;

	while (f && getline(&line, &room, f) > 0) {
		json_t *c = json_loads(line, 0, NULL);
		struct why why = {0};

		line_number++;
		cases++;
		if (!json_is_object(c) || !run(c, &why)) {
			const char *case_name = json_string_value(json_object_get(c, "name"));

			printf("# %s:%d: %s: %s\n", path, line_number, case_name ? case_name : "",
				why.text[0] ? why.text : "not a case");
			bad++;
		}
		json_decref(c);
	}
	(void)snprintf(title, sizeof(title), "%s: %d of %d cases", name, cases - bad, cases);
	tap_line(cases > 0 && bad == 0, title);
	free(line);
	if (f)
		(void)fclose(f);
}

static void run_entry(const char *dir, const char *name)
{
	const char *end = strrchr(name, '.');
	char path[4096];

	if (!end || strcmp(end, ".jsonl") != 0)
		return;
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)) == 0) {
			run_file(path, name, kinds[i].run);
			return;
		}
	printf("# %s: unknown kind, not run\n", path);
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	int count = argc == 2 ? scandir(argv[1], &entries, NULL, alphasort) : -1;

	if (count < 0) {
		(void)fprintf(stderr, "usage: vectors DIR\n");
		return 2;
	}
	for (int i = 0; i < count; i++) {
		run_entry(argv[1], entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	TAP_TRUE("the folder holds cases of a known kind", tap_count > 0);
	return tap_done();
}
