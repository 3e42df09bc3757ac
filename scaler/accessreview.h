/* Who may ask our own server, told by the API server as kube-rbac-proxy does it: a TokenReview says whose
 * a bearer token is, a SubjectAccessReview whether that user may `get` the nonResourceURL /metrics,
 * which lets them read all that we serve. Verdicts are HTTP statuses: 200, 401 (nobody's token), 403
 * (somebody's who may not), 503 (the API server did not say, or too many wait). Those but 503 are
 * remembered for REVIEWCACHE_KEEP_MS.
 *
 * The account of hexlag needs `create` of tokenreviews and subjectaccessreviews. One thread asks, so that
 * a slow API server holds up nobody but those who wait for it, and these for a bounded time. */
#ifndef HEXLAG_ACCESSREVIEW_H
#define HEXLAG_ACCESSREVIEW_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/err.h"
#include "scaler/kube.h"

/* So many strangers may wait; who was let in before goes first, and may be as many more. */
#define ACCESSREVIEW_WAITING_MAX 64
#define ACCESSREVIEW_WAIT_MS 5000 /* who has waited for so long is not asked about any more */
#define ACCESSREVIEW_DOWN_MS 1000 /* after a failure nobody is asked about for so long */

struct accessreview;

/* Reads the credentials and starts the thread; all signals must be blocked already. `kube` is borrowed
 * for the call, its `stop` not looked at. Errors: those of kube_new() and runloop_start(). */
struct accessreview *accessreview_start(const struct kube_options *kube, struct err *err) MUSTCHECK;

/* Ends the request at hand within a second and tells everybody who waits, and who comes later, 503.
 * NULL is fine. */
void accessreview_stop(struct accessreview *a);

void accessreview_free(struct accessreview *a); /* after accessreview_stop(); NULL is fine */

/* Whether the verdict is known without asking. Never blocks. Thread: any. */
bool accessreview_known(struct accessreview *a, const char *token, unsigned *ret_status);

/* Has it found out; done(who, status) is called once, by the thread or, where too many wait, by this call.
 * `token` is borrowed for the call. Never blocks. Thread: any. */
void accessreview_ask(struct accessreview *a, const char *token,
	void (*done)(void *who, unsigned status), void *who);

#endif
