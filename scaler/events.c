#include "scaler/events.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/monocond.h"
#include "common/runloop.h"
#include "common/strbuf.h"
#include "scaler/eventsjson.h"
#include "scaler/hexjson.h"

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000
#define NAME_PART_MAX 220 /* of the object's name in that of the event, which has at most 253 */

/* One event, or several that are alike. */
struct series {
	char *api_version, *kind, *namespace, *name, *uid, *reason, *note;
	bool warning;
	char event_name[256];      /* "": not posted yet */
	bool core;                 /* posted to core/v1 */
	int64_t first_us, last_us; /* wall clock */
	int64_t last_ms;           /* monotonic time of the latest */
	int64_t count, told;       /* how often it happened; the server knows of */
	int64_t next_ms;           /* not to be told before */
	int tries;
};

struct events {
	struct runloop loop;
	struct kube *kube;
	char *instance;
	/* Of the thread alone: */
	bool core;        /* events.k8s.io/v1 is of no use here */
	bool said;        /* that posting fails */
	int64_t quiet_ms; /* nothing is sent before: the server asked for it */
	uint64_t names;   /* so that no two events have one name */
	/* There before the thread is: events may be posted as soon as events_new() has returned. */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* Guarded by the lock. What is yet to be told only the thread removes: it sends without the lock. */
	struct series **list;
	size_t count;
	_Atomic uint64_t posted, failed, dropped;
};

static void series_free(struct series *s)
{
	free(s->api_version);
	free(s->kind);
	free(s->namespace);
	free(s->name);
	free(s->uid);
	free(s->reason);
	free(s->note);
	free(s);
}

static bool is_same(const struct series *s, const struct events_about *about, bool warning,
	const char *reason, const char *note)
{
	return s->warning == warning && strcmp(s->reason, reason) == 0 &&
	       strcmp(s->name, about->name) == 0 && strcmp(s->namespace, about->namespace) == 0 &&
	       strcmp(s->kind, about->kind) == 0 && strcmp(s->uid, about->uid) == 0 &&
	       strcmp(s->api_version, about->api_version) == 0 && strcmp(s->note, note) == 0;
}

static struct series *find(struct events *e, const struct events_about *about, bool warning,
	const char *reason, const char *note, int64_t now_ms)
{
	for (size_t i = 0; i < e->count; i++)
		if (is_same(e->list[i], about, warning, reason, note) &&
			now_ms - e->list[i]->last_ms < EVENTS_SERIES_END_MS)
			return e->list[i];
	return NULL;
}

static bool is_told(const struct series *s)
{
	return s->told >= s->count;
}

/* Whether there is room for one more series. What was told is kept only to be counted when it repeats. */
static bool make_room(struct events *e)
{
	size_t oldest = SIZE_MAX;

	if (e->count < EVENTS_KEPT_MAX)
		return true;
	for (size_t i = 0; i < e->count; i++)
		if (is_told(e->list[i]) &&
			(oldest == SIZE_MAX || e->list[i]->last_ms < e->list[oldest]->last_ms))
			oldest = i;
	if (oldest == SIZE_MAX)
		return false;
	series_free(e->list[oldest]);
	e->count--;
	memmove(&e->list[oldest], &e->list[oldest + 1],
		(e->count - oldest) * sizeof(struct series *));
	return true;
}

static struct series *add(struct events *e, const struct events_about *about, bool warning,
	const char *reason, const char *note)
{
	struct series *s = mem_zalloc(1, sizeof(*s));

	s->api_version = mem_strdup(about->api_version);
	s->kind = mem_strdup(about->kind);
	s->namespace = mem_strdup(about->namespace);
	s->name = mem_strdup(about->name);
	s->uid = mem_strdup(about->uid);
	s->reason = mem_strdup(reason);
	s->note = mem_strdup(note);
	s->warning = warning;
	s->first_us = clock_wall_ms() * 1000;
	*(struct series **)mem_append(&e->list, e->count, sizeof(*e->list)) = s;
	e->count++;
	return s;
}

static void count(_Atomic uint64_t *n)
{
	atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

void events_post(struct events *e, const struct events_about *about, bool warning,
	const char *reason, const char *note)
{
	struct events_about a = *about;
	int64_t now = clock_mono_ms();
	struct series *s;

	if (!a.namespace || !*a.namespace)
		a.namespace = kube_namespace(e->kube);
	if (!a.uid)
		a.uid = "";
	pthread_mutex_lock(&e->lock);
	s = find(e, &a, warning, reason, note, now);
	if (!s && make_room(e))
		s = add(e, &a, warning, reason, note);
	if (s) {
		s->last_ms = now;
		s->last_us = clock_wall_ms() * 1000;
		s->count++;
		pthread_cond_signal(&e->wake);
	} else {
		count(&e->dropped);
	}
	pthread_mutex_unlock(&e->lock);
}

void events_post_rule(struct events *e, const struct ruleset_entry *entry, bool warning,
	const char *reason, const char *note)
{
	const struct ruleset_origin *o = &entry->origin;
	const struct rule_target *t = &entry->rule.target;
	struct events_about about = {
		t->api_version, t->kind, t->namespace, t->name, entry->target_uid};

	if (o->uid)
		about = (struct events_about){
			HEX_GROUP "/" HEX_VERSION, HEX_KIND, o->namespace, o->name, o->uid};
	events_post(e, &about, warning, reason, note);
}

static struct event_body body_of(const struct events *e, const struct series *s)
{
	return (struct event_body){.namespace = s->namespace,
		.name = s->event_name,
		.instance = e->instance,
		.about_api_version = s->api_version,
		.about_kind = s->kind,
		.about_namespace = s->namespace,
		.about_name = s->name,
		.about_uid = s->uid,
		.warning = s->warning,
		.reason = s->reason,
		.note = s->note,
		.first_us = s->first_us,
		.last_us = s->last_us,
		.count = s->count};
}

static void event_path(struct strbuf *path, const struct series *s, bool core)
{
	strbuf_adds(path, core ? "/api/v1/namespaces" : "/apis/events.k8s.io/v1/namespaces");
	kube_add_segment(path, s->namespace);
	strbuf_adds(path, "/events");
}

/* How much of an object's name goes before the '.' in that of its event: each part between dots ends in
 * a letter or digit. */
static int name_part(const char *name)
{
	size_t length = strnlen(name, NAME_PART_MAX);

	while (length && !isalnum((unsigned char)name[length - 1]))
		length--;
	return (int)length;
}

/* Posts it, or says that it happened again, by a copy of it. */
static int send(struct events *e, struct series *s, bool core, struct err *err)
{
	struct strbuf path CLEANUP(strbuf_release) = STRBUF_INIT;
	struct strbuf body CLEANUP(strbuf_release) = STRBUF_INIT;
	struct kube_request r = {.method = "POST"};
	struct event_body b = body_of(e, s);
	bool again = *s->event_name;

	if (!again) {
		(void)snprintf(s->event_name, sizeof(s->event_name), "%.*s.%" PRIx64,
			name_part(s->name), s->name,
			(uint64_t)s->first_us * 1000 + e->names++ % 1000);
		s->core = core;
	}
	event_path(&path, s, s->core);
	if (again) {
		kube_add_segment(&path, s->event_name);
		eventsjson_again(&b, s->core, &body);
		r.method = "PATCH";
		r.content_type = "application/merge-patch+json";
	} else {
		eventsjson_new(&b, core, &body);
	}
	r.path = strbuf_str(&path);
	r.body = strbuf_str(&body);
	if (kube_request(e->kube, &r, err) == 0)
		return 0;
	if (!again)
		s->event_name[0] = '\0';
	return -1;
}

/* Sends `s`, a copy, by the API group that works. An event that has gone is posted anew. */
static int deliver(struct events *e, struct series *s, struct err *err)
{
	bool again = *s->event_name;

	if (send(e, s, e->core, err) == 0)
		return 0;
	if (again && err->kind == ERR_ABSENT) {
		s->event_name[0] = '\0';
		err_clear(err);
		again = false;
		if (send(e, s, e->core, err) == 0)
			return 0;
	}
	if (again || e->core || (err->kind != ERR_DENIED && err->kind != ERR_ABSENT))
		return -1;
	err_clear(err);
	if (send(e, s, true, err) != 0)
		return -1;
	e->core = true;
	return 0;
}

static void tell(struct events *e, const struct err *err)
{
	if (err->kind != ERR_NONE && !e->said)
		log_warn("%s; events are missing until this is over", err->msg);
	else if (err->kind == ERR_NONE && e->said)
		log_info("events can be posted again");
	e->said = err->kind != ERR_NONE;
}

int64_t events_backoff_ms(int tries, int retry_after_s)
{
	int64_t wait = BACKOFF_MIN_MS;

	for (int i = 0; i < tries && wait < BACKOFF_MAX_MS; i++)
		wait = backoff_next(wait, BACKOFF_MIN_MS, BACKOFF_MAX_MS);
	return backoff_obey(wait, retry_after_s);
}

static int64_t pause_after(const struct series *s, const struct err *err)
{
	if (err->kind == ERR_NONE)
		return s->told > 0 ? EVENTS_SERIES_PAUSE_MS : 0; /* the first repetition at once */
	return events_backoff_ms(s->tries, err->retry_after_s);
}

/* With the lock held, which is let go while it is sent. The texts of a series never change, and until it is
 * told only this thread frees it. */
static void work(struct events *e, struct series *s)
{
	struct series copy = *s;
	struct err err = {0};

	pthread_mutex_unlock(&e->lock);
	(void)deliver(e, &copy, &err);
	count(err.kind == ERR_NONE ? &e->posted : &e->failed);
	if (!atomic_load(&e->loop.stop))
		tell(e, &err);
	pthread_mutex_lock(&e->lock);
	memcpy(s->event_name, copy.event_name, sizeof(s->event_name));
	s->core = copy.core;
	s->tries = err.kind == ERR_NONE ? 0 : s->tries + 1;
	s->next_ms = clock_mono_ms() + pause_after(s, &err);
	if (err.kind == ERR_RETRY && err.retry_after_s > 0)
		e->quiet_ms = clock_mono_ms() + err.retry_after_s * INT64_C(1000);
	if (err.kind == ERR_NONE) {
		s->told = copy.count;
	} else if (s->tries >= EVENTS_TRIES) {
		s->told = s->count;
		s->tries = 0; /* a repetition has as many tries again */
		count(&e->dropped);
	}
}

/* With the lock held: removes what has ended. Returns when to look again. */
static int64_t sweep(struct events *e, int64_t now_ms)
{
	int64_t next = now_ms + EVENTS_SERIES_END_MS;
	size_t kept = 0;

	for (size_t i = 0; i < e->count; i++) {
		struct series *s = e->list[i];

		if (is_told(s) && now_ms - s->last_ms >= EVENTS_SERIES_END_MS) {
			series_free(s);
			continue;
		}
		if (!is_told(s) && s->next_ms < next)
			next = s->next_ms;
		e->list[kept++] = s;
	}
	e->count = kept;
	return next;
}

static struct series *next_due(struct events *e, int64_t now_ms)
{
	for (size_t i = 0; i < e->count; i++)
		if (!is_told(e->list[i]) && now_ms >= e->list[i]->next_ms)
			return e->list[i];
	return NULL;
}

static void run(void *ctx)
{
	struct events *e = ctx;

	pthread_mutex_lock(&e->lock);
	while (!atomic_load(&e->loop.stop)) {
		int64_t now = clock_mono_ms();
		struct series *s = now >= e->quiet_ms ? next_due(e, now) : NULL;

		if (s) {
			work(e, s);
		} else {
			int64_t next = sweep(e, now);

			(void)monocond_wait_until(
				&e->wake, &e->lock, next > e->quiet_ms ? next : e->quiet_ms);
		}
	}
	pthread_mutex_unlock(&e->lock);
}

struct events *events_new(const struct events_options *options, struct err *err)
{
	struct events *e = mem_zalloc(1, sizeof(*e));
	struct kube_options kube = options->kube;

	pthread_mutex_init(&e->lock, NULL);
	monocond_init(&e->wake);
	kube.stop = &e->loop.stop;
	e->instance = mem_strdup(options->instance);
	e->kube = kube_new(&kube, err);
	if (e->kube)
		return e;
	events_free(e);
	return NULL;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->count; i++)
		series_free(e->list[i]);
	free(e->list);
	kube_free(e->kube);
	pthread_cond_destroy(&e->wake);
	pthread_mutex_destroy(&e->lock);
	free(e->instance);
	free(e);
}

int events_start(struct events *e, struct err *err)
{
	return runloop_start(&e->loop, "hexlag-events", run, e, err);
}

void events_stop(struct events *e)
{
	runloop_stop(&e->loop);
	pthread_mutex_lock(&e->lock);
	pthread_cond_broadcast(&e->wake);
	pthread_mutex_unlock(&e->lock);
}

bool events_join(struct events *e, int64_t deadline_ms)
{
	return runloop_join(&e->loop, deadline_ms);
}

uint64_t events_requests(const struct events *e, enum kube_outcome outcome)
{
	return kube_requests(e->kube, outcome);
}

struct events_counts events_counts(const struct events *e)
{
	return (struct events_counts){
		atomic_load(&e->posted), atomic_load(&e->failed), atomic_load(&e->dropped)};
}
