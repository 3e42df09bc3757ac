#include "scaler/lease.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/runloop.h"
#include "scaler/election.h"
#include "scaler/leaseclient.h"
#include "scaler/leasestate.h"

#define HOST_MAX 200

/* A request may take this part of the renew deadline, so that a leader has time for another. */
#define REQUESTS_PER_DEADLINE 3

#define RETRY_MIN_MS 100

/* A release that conflicts is repeated on a new reading. */
#define RELEASE_TRIES 2

struct lease {
	struct lease_options options; /* strings are not valid after lease_new() */
	char *identity;
	struct leaseclient client;
	struct runloop loop;
	atomic_bool cut;     /* ends a running request */
	atomic_bool release; /* to be given back at the end */
	pthread_mutex_t lock;

	/* Of the lease's own thread: */
	char *told;         /* the holder last logged; NULL: none */
	struct err failing; /* as last logged */

	/* Written by the lease's own thread, under the lock, which others take to read: */
	struct election election;
	uint64_t gained, lost, errors;

	struct leasestate state; /* guarded by the lock */
	int64_t ahead_ms; /* likewise: of our wall clock is that of the leader before the term */
};

static int64_t now_of(const struct lease *l)
{
	return l->options.clock_ms ? l->options.clock_ms() : clock_boot_ms();
}

/* Fewer than 256 bytes are never cut short. */
static bool fill_random(void *to, size_t size)
{
	return getrandom(to, size, 0) == (ssize_t)size;
}

static char *make_identity(struct err *err)
{
	char host[HOST_MAX] = "";
	uint64_t suffix;

	if (!fill_random(&suffix, sizeof(suffix))) {
		err_set(err, ERR_RETRY, "no random number for an identity: %s", strerror(errno));
		return NULL;
	}
	(void)gethostname(host, sizeof(host));
	host[sizeof(host) - 1] = '\0';
	return mem_printf("%s_%016" PRIx64, host, suffix);
}

static int lease_open(struct lease *l, const struct lease_options *o, struct err *err)
{
	struct kube_options kube = o->kube;
	struct election_options election = {
		.identity = l->identity,
		.lease_ms = o->lease_duration_ms,
		.renew_ms = o->renew_deadline_ms,
		.retry_ms = o->retry_period_ms,
	};

	if (election_check(&election, err) < 0)
		return -1;
	election_init(&l->election, &election);
	kube.timeout_ms = o->renew_deadline_ms / REQUESTS_PER_DEADLINE + 1;
	kube.stop = &l->cut;
	return leaseclient_open(&l->client, &kube, o->namespace, o->name, err);
}

struct lease *lease_new(const struct lease_options *options, struct err *err)
{
	struct lease *l = mem_zalloc(1, sizeof(*l));

	l->options = *options;
	l->identity = options->identity ? mem_strdup(options->identity) : make_identity(err);
	pthread_mutex_init(&l->lock, NULL);
	if (l->identity && lease_open(l, options, err) == 0)
		return l;
	lease_free(l);
	return NULL;
}

void lease_free(struct lease *l)
{
	if (!l)
		return;
	leaseclient_release(&l->client);
	election_release(&l->election);
	pthread_mutex_destroy(&l->lock);
	free(l->identity);
	free(l->told);
	leasestate_release(&l->state);
	free(l);
}

/* Ends what was begun with the lock taken: unlocks, and says what has become of the leadership. */
static void settle(struct lease *l, enum election_event event, const char *why)
{
	if (event == ELECTION_GAINED)
		leasestate_begin(&l->state, &l->election.seen);
	l->gained += event == ELECTION_GAINED;
	l->lost += event == ELECTION_LOST;
	pthread_mutex_unlock(&l->lock);
	if (event == ELECTION_GAINED)
		log_info("lease %s: leading as '%s'", l->client.label, l->identity);
	if (event == ELECTION_LOST)
		log_warn("lease %s: no longer leading: %s", l->client.label, why);
	if (event != ELECTION_SAME && l->options.changed)
		l->options.changed(l->options.ctx);
}

static void tick(struct lease *l)
{
	int64_t now_ms = now_of(l);
	char why[80];

	(void)snprintf(why, sizeof(why), "the last renewal is %" PRId64 " ms old",
		now_ms - l->election.sent_ms);
	pthread_mutex_lock(&l->lock);
	settle(l, election_tick(&l->election, now_ms), why);
}

/* Says who leads when that has changed. */
static void tell_holder(struct lease *l)
{
	const char *holder = l->election.has_seen ? l->election.seen.holder : "";

	if (!*holder || (l->told && strcmp(l->told, holder) == 0))
		return;
	if (!election_is_holder(&l->election))
		log_info("lease %s: '%.100s' leads", l->client.label, holder);
	free(l->told);
	l->told = mem_strdup(holder);
}

/* GET. ERR_ABSENT: there is none. */
static int read_lease(struct lease *l, struct err *err)
{
	struct lease_record record CLEANUP(lease_record_release) = {0};
	enum election_event event;
	char why[160];

	if (leaseclient_read(&l->client, &record, err) == 0) {
		(void)snprintf(
			why, sizeof(why), "the holder in the Lease is '%.100s'", record.holder);
		pthread_mutex_lock(&l->lock);
		event = election_see(&l->election, &record, now_of(l));
		settle(l, event, why);
		tell_holder(l);
		return 0;
	}
	if (err->kind == ERR_ABSENT) {
		pthread_mutex_lock(&l->lock);
		event = election_see_none(&l->election, now_of(l));
		leasestate_gone(&l->state);
		settle(l, event, "the Lease was deleted");
	}
	return -1;
}

/* Over what was seen, if anything was. The answer goes into `ret`. */
static int write_lease(
	struct lease *l, const struct lease_write *w, struct lease_record *ret, struct err *err)
{
	struct election *e = &l->election;

	if (leaseclient_write(&l->client, e->has_seen ? &e->seen : NULL, w, ret, err) == 0)
		return 0;
	election_write_failed(e);
	return -1;
}

/* The state to write now, NULL where it stays; the caller frees it. */
static char *due_state(struct lease *l, int64_t now_ms, bool last, uint64_t *ret_number)
{
	char *text = NULL;

	pthread_mutex_lock(&l->lock);
	*ret_number = l->state.number;
	if (election_goes_on(&l->election))
		text = mem_strdup(leasestate_due(&l->state, &l->election.seen, now_ms, last));
	pthread_mutex_unlock(&l->lock);
	return text;
}

/* Writes ourselves into the Lease. */
static int claim(struct lease *l, struct err *err)
{
	struct lease_record record CLEANUP(lease_record_release) = {0};
	int64_t sent_ms = now_of(l), wall_us = clock_wall_us(), wall_ms = wall_us / 1000;
	int64_t ahead_ms = election_holder_wall_ms(&l->election, sent_ms, wall_ms) - wall_ms;
	uint64_t number;
	char *state CLEANUP(mem_free_at) = due_state(l, sent_ms, false, &number);
	enum election_event event;
	struct lease_write w;

	election_claim(&l->election, wall_us, &w);
	w.state = state;
	if (write_lease(l, &w, &record, err) < 0)
		return -1;
	tick(l);
	pthread_mutex_lock(&l->lock);
	event = election_wrote(&l->election, &record, sent_ms, now_of(l));
	if (state)
		leasestate_wrote(&l->state, number, sent_ms);
	if (event == ELECTION_GAINED)
		l->ahead_ms = ahead_ms;
	settle(l, event, "the answer to the renewal came too late");
	tell_holder(l);
	return 0;
}

/* One try to acquire or renew. 0: it leads, or another does. */
static int attempt(struct lease *l, struct err *err)
{
	int rc;

	if (election_knows_version(&l->election, now_of(l))) {
		if (claim(l, err) == 0)
			return 0;
		if (err->kind != ERR_CONFLICT && err->kind != ERR_ABSENT)
			return -1;
		err_clear(err);
	}
	if (read_lease(l, err) < 0) {
		if (err->kind != ERR_ABSENT)
			return -1;
		err_clear(err);
	} else if (!election_may_write(&l->election, now_of(l))) {
		return 0;
	}
	rc = claim(l, err);
	/* Another candidate was faster. */
	return rc < 0 && err->kind == ERR_CONFLICT && !l->election.leading ? 0 : rc;
}

/* Whether this failure is another than that last logged; a verb may be granted and the next be missing. */
static bool is_news(const struct err *said, const struct err *err)
{
	return said->kind != err->kind ||
	       (err->kind == ERR_DENIED && strcmp(said->msg, err->msg) != 0);
}

/* Failures are logged once, until all is well again. */
static void note(struct lease *l, int rc, const struct err *err)
{
	if (rc < 0) {
		pthread_mutex_lock(&l->lock);
		l->errors++;
		pthread_mutex_unlock(&l->lock);
		if (is_news(&l->failing, err))
			log_warn("lease %s: %s; %s, trying again", l->client.label, err->msg,
				l->election.leading ? "leading until the renew deadline"
						    : "not leading");
		l->failing = *err;
		return;
	}
	if (l->failing.kind != ERR_NONE)
		log_info("lease %s: all is well again", l->client.label);
	err_clear(&l->failing);
}

/* Until a leader has something urgent to write; INT64_MAX: nothing. */
static int64_t urgent_wait_ms(struct lease *l, int64_t now_ms)
{
	int64_t wait_ms = INT64_MAX;

	pthread_mutex_lock(&l->lock);
	if (election_is_holder(&l->election))
		wait_ms = leasestate_wait_ms(&l->state, &l->election.seen, now_ms);
	pthread_mutex_unlock(&l->lock);
	return wait_ms;
}

int64_t lease_try(struct lease *l)
{
	int64_t began_ms = now_of(l), now_ms, wait_ms, urgent_ms;
	struct err err = {0};
	uint32_t random = 0;
	int rc;

	tick(l);
	rc = attempt(l, &err);
	tick(l);
	if (!atomic_load(&l->cut))
		note(l, rc, &err);
	(void)fill_random(&random, sizeof(random)); /* else all wait for the least time */
	now_ms = now_of(l);
	wait_ms = election_wait_ms(&l->election, now_ms, random, err.retry_after_s);
	if (rc == 0) {
		urgent_ms = urgent_wait_ms(l, now_ms);
		return urgent_ms < wait_ms ? urgent_ms : wait_ms;
	}
	if (!l->election.leading || err.retry_after_s)
		return wait_ms;
	/* A leader who has waited for an answer in vain has the less time for another try. */
	wait_ms -= now_ms - began_ms;
	return wait_ms > RETRY_MIN_MS ? wait_ms : RETRY_MIN_MS;
}

/* Writes that nobody holds the Lease, with the last state. */
static int disclaim(struct lease *l, struct err *err)
{
	struct lease_record record CLEANUP(lease_record_release) = {0};
	uint64_t number;
	char *state CLEANUP(mem_free_at) = due_state(l, now_of(l), true, &number);
	struct lease_write w;

	election_disclaim(&l->election, clock_wall_us(), &w);
	w.state = state;
	if (write_lease(l, &w, &record, err) < 0)
		return -1;
	pthread_mutex_lock(&l->lock);
	(void)election_see(&l->election, &record, now_of(l));
	pthread_mutex_unlock(&l->lock);
	return 0;
}

void lease_give_back(struct lease *l)
{
	struct election *e = &l->election;
	struct err err = {0};

	pthread_mutex_lock(&l->lock);
	election_resign(e);
	pthread_mutex_unlock(&l->lock);
	for (int i = 0; i < RELEASE_TRIES; i++) {
		err_clear(&err);
		/* A write that was cut off may have made it ours, or have changed its version. */
		if (e->stale && read_lease(l, &err) < 0)
			break;
		if (!election_is_holder(e))
			return;
		if (disclaim(l, &err) == 0) {
			log_info("lease %s: given back", l->client.label);
			return;
		}
		if (err.kind != ERR_CONFLICT)
			break;
	}
	if (err.kind != ERR_ABSENT)
		log_warn("lease %s: not given back, so that others wait until it has run out: %s",
			l->client.label, err.msg);
}

static void run(void *ctx)
{
	struct lease *l = ctx;
	int64_t wait_ms;

	log_info("lease %s: candidate '%s'", l->client.label, l->identity);
	do
		wait_ms = lease_try(l);
	while (runloop_wait_until(&l->loop, clock_mono_ms() + wait_ms));
	atomic_store(&l->cut, false);
	if (atomic_load(&l->release))
		lease_give_back(l);
}

int lease_start(struct lease *l, struct err *err)
{
	return runloop_start(&l->loop, "lease", run, l, err);
}

void lease_stop(struct lease *l, bool release)
{
	atomic_store(&l->release, release);
	/* Before the thread can see that it is to stop, after which it clears this. */
	atomic_store(&l->cut, true);
	runloop_stop(&l->loop);
}

bool lease_join(struct lease *l, int64_t deadline_ms)
{
	return runloop_join(&l->loop, deadline_ms);
}

uint64_t lease_term(struct lease *l, int64_t margin_ms)
{
	uint64_t term;

	if (atomic_load(&l->loop.stop))
		return 0;
	pthread_mutex_lock(&l->lock);
	term = election_term(&l->election, now_of(l), margin_ms);
	pthread_mutex_unlock(&l->lock);
	return term;
}

bool lease_leads(struct lease *l, int64_t margin_ms)
{
	return lease_term(l, margin_ms) != 0;
}

/* Whether `term` is the one that the thread is in, under the lock. */
static bool in_term(const struct lease *l, uint64_t term)
{
	return l->election.leading && l->election.term == term;
}

int lease_set_state(struct lease *l, uint64_t term, const char *text, bool urgent, struct err *err)
{
	if (leasestate_check(text, err) < 0)
		return -1;
	pthread_mutex_lock(&l->lock);
	if (in_term(l, term))
		leasestate_set(&l->state, text, urgent);
	pthread_mutex_unlock(&l->lock);
	if (urgent)
		runloop_wake(&l->loop);
	return 0;
}

char *lease_take_state(struct lease *l, uint64_t term, int64_t *ret_ahead_ms)
{
	char *text = NULL;

	pthread_mutex_lock(&l->lock);
	if (in_term(l, term)) {
		text = l->state.left;
		l->state.left = NULL;
		*ret_ahead_ms = l->ahead_ms;
	}
	pthread_mutex_unlock(&l->lock);
	return text;
}

const char *lease_name(const struct lease *l)
{
	return l->client.label;
}

const char *lease_identity(const struct lease *l)
{
	return l->identity;
}

void lease_look(struct lease *l, struct lease_view *ret)
{
	const struct election *e = &l->election;
	int64_t now_ms;

	pthread_mutex_lock(&l->lock);
	now_ms = now_of(l);
	*ret = (struct lease_view){
		.leads = election_term(e, now_ms, 0) != 0,
		.renewed_ago_ms = now_ms - e->sent_ms,
		.transitions = l->gained + l->lost,
		.errors = l->errors,
	};
	(void)snprintf(ret->holder, sizeof(ret->holder), "%s", e->has_seen ? e->seen.holder : "");
	pthread_mutex_unlock(&l->lock);
}

const struct kube *lease_kube(const struct lease *l)
{
	return l->client.kube;
}
