#include "scaler/reviewcache.h"

#include <stdlib.h>

#include "common/mem.h"
#include "tests/tap.h"

/* Puts "a" with this verdict at 1,000 ms and asks for another. */
static const struct {
	const char *name;
	unsigned put;
	const char *token;
	int64_t now_ms;
	unsigned want; /* 0: not known */
} rows[] = {
	{"a verdict is remembered", 200, "a", 1000, 200},
	{"to the last moment", 200, "a", 1000 + REVIEWCACHE_KEEP_MS - 1, 200},
	{"and no longer", 200, "a", 1000 + REVIEWCACHE_KEEP_MS, 0},
	{"a refusal is, too", 403, "a", 2000, 403},
	{"and no longer", 401, "a", 1000 + REVIEWCACHE_KEEP_MS, 0},
	{"another token is another", 200, "b", 1000, 0},
	{"a longer token is another", 200, "aa", 1000, 0},
	{"no token is another", 200, "", 1000, 0},
};

static unsigned known(struct reviewcache *c, const char *token, int64_t now_ms)
{
	unsigned status = 0;

	return reviewcache_get(c, token, now_ms, &status) ? status : 0;
}

static void test_rows(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reviewcache c = {0};

		reviewcache_put(&c, "a", rows[i].put, 1000);
		TAP_INT(rows[i].name, known(&c, rows[i].token, rows[i].now_ms), rows[i].want);
		reviewcache_release(&c);
	}
}

static void test_later_counts(void)
{
	struct reviewcache c = {0};

	reviewcache_put(&c, "a", 200, 1000);
	reviewcache_put(&c, "a", 403, 2000);
	TAP_INT("a withdrawn right is", known(&c, "a", 2001), 403);
	reviewcache_put(&c, "a", 200, 3000);
	TAP_INT("a granted one is", known(&c, "a", 3001), 200);
	reviewcache_release(&c);
}

static void test_strangers(void)
{
	struct reviewcache c = {0};
	char token[32];

	reviewcache_put(&c, "friend", 200, 1000);
	for (int i = 0; i < 10 * REVIEWCACHE_MAX; i++) {
		(void)snprintf(token, sizeof(token), "stranger%d", i);
		reviewcache_put(&c, token, 401, 1000);
	}
	TAP_INT("strangers do not push out a friend", known(&c, "friend", 1001), 200);
	TAP_INT("the newest of them are known", known(&c, token, 1001), 401);
	TAP_INT("the others are forgotten", known(&c, "stranger0", 1001), 0);
	TAP_TRUE("a friend is one", reviewcache_is_friend(&c, "friend"));
	TAP_TRUE("a stranger is none", !reviewcache_is_friend(&c, token));
	TAP_TRUE("nor is who never came", !reviewcache_is_friend(&c, "friends"));
	reviewcache_release(&c);
	TAP_INT("nobody is known after the end", known(&c, "friend", 1001), 0);
}

int main(void)
{
	test_rows();
	test_later_counts();
	test_strangers();
	return tap_done();
}
