/* Runs golden cases through the code that runs in production:  vectors DIR
 *
 * Every *.jsonl in DIR whose kind is known is read; its format is in tests/cases/vectors/README.md. TAP on
 * stdout, one line a file and one for each mismatch. A file of an unknown kind is said, not counted. */
#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>

#include "scaler/policy.h"
#include "tests/tap.h"

typedef bool run_case(const json_t *c, int64_t *ret_got, int64_t *ret_want);

static int64_t get(const json_t *c, const char *key)
{
	return json_integer_value(json_object_get(c, key));
}

static bool run_hex(const json_t *c, enum policy_kind kind, int64_t *ret_got, int64_t *ret_want)
{
	int64_t min = get(c, "min"), max = get(c, "max");
	int64_t want = policy_propose(
		kind, get(c, "metric"), get(c, "threshold"), (int32_t)get(c, "current"));

	want = want < min ? min : want;
	*ret_got = want > max ? max : want;
	/* Where the operator's int32 wrapped, the recorded answer is not one to follow. */
	*ret_want = json_object_get(c, "expect_saturated") ? get(c, "expect_saturated")
							   : get(c, "expect");
	return true;
}

static bool run_exact(const json_t *c, int64_t *ret_got, int64_t *ret_want)
{
	return run_hex(c, POLICY_HEX, ret_got, ret_want);
}

static bool run_operator(const json_t *c, int64_t *ret_got, int64_t *ret_want)
{
	return run_hex(c, POLICY_HEX_OPERATOR, ret_got, ret_want);
}

static const struct {
	const char *prefix; /* of the file's name */
	run_case *run;
} kinds[] = {
	{"hex-exact", run_exact},
	{"hex-operator", run_operator},
};

static void run_file(const char *path, const char *name, run_case *run)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, title[400];
	size_t room = 0;
	int cases = 0, line_number = 0, bad = 0;

	while (f && getline(&line, &room, f) > 0) {
		json_t *c = json_loads(line, 0, NULL);
		int64_t got, want;

		line_number++;
		cases++;
		if (!c || !json_is_integer(json_object_get(c, "expect")) || !run(c, &got, &want)) {
			printf("# %s:%d: not a case\n", path, line_number);
			bad++;
		} else if (got != want) {
			printf("# %s:%d: %s: got %" PRId64 ", want %" PRId64 "\n", path,
				line_number, json_string_value(json_object_get(c, "name")), got,
				want);
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
