/* Sets of rules: two for one target. */
#include "scaler/ruleset.h"

#include "tests/tap.h"

static void add(struct ruleset *s, const char *version, const char *namespace, const char *name)
{
	struct rule r;

	memset(&r, 0, sizeof(r));
	r.target = (struct rule_target){
		(char *)version, (char *)"Deployment", (char *)namespace, (char *)name};
	r.self = !name;
	ruleset_add(s, &r, NULL);
}

static const struct {
	const char *name;
	struct {
		const char *version, *namespace, *name;
	} rules[2];
	bool twins;
} rows[] = {
	{"a namespace that is left out is that of the credentials",
		{{"apps/v1", "shop", "d"}, {"apps/v1", NULL, "d"}}, true},
	{"in either order", {{"apps/v1", NULL, "d"}, {"apps/v1", "shop", "d"}}, true},
	{"another namespace is another target", {{"apps/v1", "other", "d"}, {"apps/v1", NULL, "d"}},
		false},
	{"another name, too", {{"apps/v1", "shop", "d"}, {"apps/v1", NULL, "e"}}, false},
	{"and another API group", {{"apps/v1", "shop", "d"}, {"example.com/v1", NULL, "d"}}, false},
	{"but not another version of one", {{"apps/v1", "shop", "d"}, {"apps/v1beta1", NULL, "d"}},
		true},
	{"a rule without a target yet has no twin",
		{{"apps/v1", NULL, NULL}, {"apps/v1", NULL, NULL}}, false},
};

static void test_twins(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ruleset *s = ruleset_new(), *left;

		for (size_t n = 0; n < 2; n++)
			add(s, rows[i].rules[n].version, rows[i].rules[n].namespace,
				rows[i].rules[n].name);
		TAP_INT(rows[i].name, ruleset_twin_before(s, 1, "shop") == 0, rows[i].twins);
		left = ruleset_without_twins(s, "shop");
		TAP_INT("the later one is left out", left->count, rows[i].twins ? 1 : 2);
		TAP_TRUE("not the first", rule_equal(&left->entries[0].rule, &s->entries[0].rule));
		ruleset_unref(left);
		ruleset_unref(s);
	}
}

static void test_uids(void)
{
	struct ruleset *s = ruleset_new();
	struct rule r;

	memset(&r, 0, sizeof(r));
	r.self = true;
	TAP_TRUE("none in an empty set", ruleset_find_uid(s, "u1", 0) == SIZE_MAX);
	ruleset_add(s, &r, NULL);
	for (int i = 1; i <= 3; i++) {
		char uid[] = {'u', (char)('0' + i), '\0'};

		ruleset_add(s, &r, &(struct ruleset_origin){(char *)"n", uid, uid, 1});
	}
	TAP_INT("found from the first on", ruleset_find_uid(s, "u2", 0), 2);
	TAP_INT("from itself on", ruleset_find_uid(s, "u2", 2), 2);
	TAP_INT("from one behind it", ruleset_find_uid(s, "u2", 3), 2);
	TAP_INT("from behind the last", ruleset_find_uid(s, "u1", 4), 1);
	TAP_TRUE("nobody's", ruleset_find_uid(s, "u4", 0) == SIZE_MAX);
	ruleset_unref(s);
}

int main(void)
{
	test_twins();
	test_uids();
	return tap_done();
}
