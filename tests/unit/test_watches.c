/* The set of pairs that rules watch. */
#include "common/attr.h"
#include "sidecar/watches.h"
#include "tests/tap.h"

static void test_found(void)
{
	static const struct kafka_watch pairs[] = {
		{"b", "t"}, {"a", "u"}, {"b", "s"}, {"a", "u"}, {"c", "t"}, {"b", "t"}};
	struct watches *w = watches_new(pairs, ARRAY_LEN(pairs));
	const struct kafka_watch *of;
	size_t count;

	of = watches_all(w, &count);
	TAP_INT("each pair is there once", count, 4);
	TAP_STR("by group", of[0].group, "a");
	TAP_TRUE("with strings of its own", of[0].group != pairs[1].group);
	of = watches_of(w, "b", &count);
	TAP_INT("a group has all its topics", count, 2);
	TAP_STR("by name", of[0].topic, "s");
	TAP_STR("  and", of[1].topic, "t");
	TAP_TRUE("and no other group's", watches_of(w, "bb", &count) == NULL && count == 0);
	TAP_TRUE("the first group is found", watches_group(w, "a"));
	TAP_TRUE("the last one is", watches_group(w, "c"));
	TAP_TRUE("one before all is not", !watches_group(w, ""));
	TAP_TRUE("one behind all is not", !watches_group(w, "d"));
	TAP_TRUE("a topic is found", watches_topic(w, "s") && watches_topic(w, "u"));
	TAP_TRUE("another is not", !watches_topic(w, "a"));
	watches_free(w);
}

static void test_nothing(void)
{
	struct watches *none = watches_new(NULL, 0);
	size_t count = 1;

	TAP_TRUE("no pair is no set", none == NULL);
	TAP_TRUE("which has no group", !watches_group(none, "a") && !watches_topic(none, "t"));
	(void)watches_all(none, &count);
	TAP_INT("and no pair", count, 0);
	watches_free(none);
}

static void test_include(void)
{
	static const struct kafka_watch pairs[] = {{"a", "t"}, {"a", "u"}, {"b", "t"}};
	struct watches *all = watches_new(pairs, 3), *some = watches_new(pairs + 1, 2);
	struct watches *other = watches_new(&(struct kafka_watch){"b", "u"}, 1);

	TAP_TRUE("a set includes a part of it", watches_include(all, some));
	TAP_TRUE("and itself", watches_include(all, all));
	TAP_TRUE("and nothing", watches_include(all, NULL) && watches_include(NULL, NULL));
	TAP_TRUE("a part does not include the whole", !watches_include(some, all));
	TAP_TRUE(
		"a known group with another's topic is not included", !watches_include(all, other));
	TAP_TRUE("nothing includes nothing else", !watches_include(NULL, all));
	watches_free(all);
	watches_free(some);
	watches_free(other);
}

int main(void)
{
	test_found();
	test_nothing();
	test_include();
	return tap_done();
}
