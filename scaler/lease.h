/* Leads or follows by a Lease of coordination.k8s.io/v1, in a thread with a connection of its own.
 * A process may have several. The rules are in election.h; client-go's candidates can be peers.
 *
 * Who writes under the Lease, in order:
 *   at start   lease_start(). In each cycle read lease_term(); while it is 0 write nothing. When it is
 *              another than in the last cycle, forget all that was decided and take up
 *              lease_take_state(), the text of the leader before.
 *   writing    directly before each request to write ask lease_term() again, with a margin of the
 *              request's time-out and LEASE_SLACK_MS: the request is then over before another process
 *              can lead. Another term than that of the decision: do not write.
 *   loss       lease_term() is 0 by the clock alone, also after SIGCONT, resume from suspend, or while
 *              a request hangs; `changed` follows once the thread has noticed.
 *   at stop    end the writer first, and wait for it. Then lease_stop(), with `release` only if the
 *              writer has ended: a successor may write within a second of the release. */
#ifndef HEXLAG_LEASE_H
#define HEXLAG_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"
#include "scaler/kube.h"
#include "scaler/leasestate.h"

struct lease;

#define LEASE_HOLDER_MAX 256

/* A server may still apply a request whose sender has given up; it does so within this time. */
#define LEASE_SLACK_MS 1000

struct lease_options {
	/* timeout_ms and stop are the lease's own. Borrowed until lease_new() returns, as all strings. */
	struct kube_options kube;
	const char *namespace; /* NULL: that of the credentials */
	const char *name;
	const char *identity; /* NULL: the host's name, "_" and random digits */
	int64_t lease_duration_ms, renew_deadline_ms, retry_period_ms; /* election_check() */
	/* Leadership was gained or lost. Called without a lock, by the lease's thread; may be NULL. */
	void (*changed)(void *ctx);
	void *ctx;
	int64_t (*clock_ms)(void); /* for tests; NULL: clock_boot_ms() */
};

/* Connects to nothing yet. ERR_CONFIG for wrong credentials, names or times. */
struct lease *lease_new(const struct lease_options *options, struct err *err) MUSTCHECK;
void lease_free(struct lease *l); /* only once it does not run; NULL is fine */

int lease_start(struct lease *l, struct err *err) MUSTCHECK;

/* Asks the thread to end; returns at once. With `release` it gives the Lease back first, if it holds
 * it, so that another takes it at its next try; that is one request as a rule, and four of a third of
 * renew_deadline at most. lease_term() is 0 from now on. Thread: any. */
void lease_stop(struct lease *l, bool release);
bool lease_join(struct lease *l, int64_t deadline_ms); /* as runloop_join() */

/* One try, and giving the Lease back, in the calling thread; the first returns the ms to wait until the
 * next try. For tests, instead of start. */
int64_t lease_try(struct lease *l);
void lease_give_back(struct lease *l);

/* Number of the present term if this process leads and, by its own clock, the Lease lasts for margin_ms
 * (>= 0) more; otherwise 0. Every gain of leadership begins another term. Asks nobody. Thread: any. */
uint64_t lease_term(struct lease *l, int64_t margin_ms);
bool lease_leads(struct lease *l, int64_t margin_ms); /* lease_term() != 0 */

/* Leaves `text` (leasestate_check()) to the next leader, which may be this process after a restart. It goes
 * with a renewal, if it has changed and the last one went LEASE_STATE_INTERVAL_MS ago, and with the
 * release; what is `urgent` by a renewal of its own, LEASE_STATE_URGENT_MS after the last one at the
 * latest. Without effect when `term` is over. All of it travels with each renewal, so it should be
 * small. Thread: any. */
int lease_set_state(struct lease *l, uint64_t term, const char *text, bool urgent, struct err *err)
	MUSTCHECK;

/* The text that was in the Lease when `term` began or, when nobody else has led since the last term of this
 * process, what it set itself; the caller frees it. NULL: there was none or one longer than
 * LEASE_STATE_MAX, it was taken already, or `term` is over. What it says is for the caller to
 * doubt: anyone who may write Leases can have put it there. Thread: any.
 *
 * `ret_ahead_ms`, of a text: by how much the wall clock of the leader before is ahead of ours, 0 where both may
 * show the same. Who followed the Lease while that one renewed it knows when they do not, within a
 * retry_period; who came later only that it is not behind what was last written. That its clock did not
 * jump between its last text and its last renewal is assumed. */
char *lease_take_state(struct lease *l, uint64_t term, int64_t *ret_ahead_ms);

const char *lease_name(const struct lease *l);     /* "namespace/name" */
const char *lease_identity(const struct lease *l); /* of this process */

/* What there is to tell of it. */
struct lease_view {
	bool leads;
	char holder[LEASE_HOLDER_MAX]; /* as far as known, cut to fit; "": nobody */
	int64_t renewed_ago_ms;        /* since the last renewal was sent; of a leader only */
	uint64_t transitions;          /* times that this process began or ceased to lead */
	uint64_t errors;               /* failed tries to acquire or renew */
};
void lease_look(struct lease *l, struct lease_view *ret); /* Thread: any. */

/* Its requests, for kube_requests(). */
const struct kube *lease_kube(const struct lease *l);

#endif
