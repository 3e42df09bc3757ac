/* Verdicts on requests to our own server, remembered for a short time: an HTTP status for a token.
 * Bounded in number and size. Tokens nobody vouches for have a place of their own, so that strangers do
 * not push out those that are let in. Pure; time is an argument, monotonic. Thread: one at a time.
 * Embedded and zeroed: it knows nobody. */
#ifndef HEXLAG_REVIEWCACHE_H
#define HEXLAG_REVIEWCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REVIEWCACHE_MAX 64        /* verdicts of 200, and as many others */
#define REVIEWCACHE_KEEP_MS 10000 /* kube-rbac-proxy and kubelets keep theirs as long, or longer */

struct reviewcache_entry {
	char *token; /* NULL: free */
	unsigned status;
	int64_t until_ms;
};

struct reviewcache {
	struct reviewcache_entry entries[2][REVIEWCACHE_MAX]; /* others; 200 */
	size_t put[2];                                        /* ever; the newest ones are kept */
};

/* Whether there is a verdict that is still good at `now_ms`. Tokens are compared by secret_equal(). */
bool reviewcache_get(
	const struct reviewcache *c, const char *token, int64_t now_ms, unsigned *ret_status);

/* Remembers a verdict, in the place of the oldest of its kind where there is no room. */
void reviewcache_put(struct reviewcache *c, const char *token, unsigned status, int64_t now_ms);

/* Whether `token` was let in not long ago, however old that verdict is. */
bool reviewcache_is_friend(const struct reviewcache *c, const char *token);

void reviewcache_release(struct reviewcache *c); /* overwrites the tokens */

#endif
