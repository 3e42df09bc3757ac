#include "scaler/reviewcache.h"

#include "common/mem.h"
#include "common/secret.h"

bool reviewcache_get(
	const struct reviewcache *c, const char *token, int64_t now_ms, unsigned *ret_status)
{
	int64_t newest_ms = now_ms;
	bool found = false;

	/* There may be two, a refusal and what came after it: the later one counts. */
	for (size_t good = 0; good < 2; good++) {
		for (size_t i = 0; i < REVIEWCACHE_MAX; i++) {
			const struct reviewcache_entry *e = &c->entries[good][i];

			if (!e->token || e->until_ms <= newest_ms || !secret_equal(e->token, token))
				continue;
			newest_ms = e->until_ms;
			*ret_status = e->status;
			found = true;
		}
	}
	return found;
}

bool reviewcache_is_friend(const struct reviewcache *c, const char *token)
{
	for (size_t i = 0; i < REVIEWCACHE_MAX; i++)
		if (c->entries[1][i].token && secret_equal(c->entries[1][i].token, token))
			return true;
	return false;
}

static void entry_release(struct reviewcache_entry *e)
{
	secret_free(e->token);
	*e = (struct reviewcache_entry){0};
}

void reviewcache_put(struct reviewcache *c, const char *token, unsigned status, int64_t now_ms)
{
	size_t good = status == 200;
	struct reviewcache_entry *e = &c->entries[good][c->put[good]++ % REVIEWCACHE_MAX];

	entry_release(e);
	*e = (struct reviewcache_entry){.token = mem_strdup(token),
		.status = status,
		.until_ms = now_ms + REVIEWCACHE_KEEP_MS};
}

void reviewcache_release(struct reviewcache *c)
{
	for (size_t good = 0; good < 2; good++)
		for (size_t i = 0; i < REVIEWCACHE_MAX; i++)
			entry_release(&c->entries[good][i]);
}
