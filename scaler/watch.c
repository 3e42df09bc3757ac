#include "scaler/watch.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/runloop.h"
#include "scaler/watchcourse.h"

/* The server ends a watch after a random time in this range, as client-go asks for. */
#define WATCH_MIN_S 300
#define WATCH_MAX_S 600
#define WATCH_GRACE_MS 30000
/* Bookmarks come about each minute where they come at all; a connection that has been silent for
 * much longer may be dead, and to open a watch again costs next to nothing. */
#define WATCH_SILENCE_MS 150000
#define LIST_WHOLE_MS 60000

struct watch {
	struct runloop loop;
	struct kube *kube;
	char *path;
	struct watch_sink sink;
	struct watchcourse course;
	uint64_t random;
	/* Of the running request: */
	bool listing, heard, list_broken;
	enum watchcourse_end end;
	int retry_after_s;
	struct err why;
	struct err said; /* the failure that was logged last, until it is over */
	/* Read by other threads: */
	_Atomic uint64_t lists, watches, failures, broken;
	atomic_bool synced;
};

/* In [0, 1). xorshift64: what is wanted is only that many watches do not come at one time. */
static double next_random(struct watch *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (double)(w->random >> 11) / 9007199254740992.0;
}

static void recovered(struct watch *w)
{
	if (w->said.kind != ERR_NONE)
		log_info("%s can be %s again", w->path, w->listing ? "listed" : "watched");
	err_clear(&w->said);
	atomic_store(&w->synced, w->course.has_list);
}

static void on_event(void *ctx, const struct watch_event *event)
{
	struct watch *w = ctx;

	/* Bytes that nobody can read are no sign of life. */
	w->heard |= event->type != WATCH_BROKEN;
	if (event->type == WATCH_ERROR) {
		w->end = event->code == 410 ? WATCHCOURSE_EXPIRED : WATCHCOURSE_ERROR;
		w->retry_after_s = event->retry_after_s;
		err_clear(&w->why);
		err_set(&w->why, ERR_RETRY, "the watch of %s ended: %.300s", w->path, event->text);
		return;
	}
	if (event->type != WATCH_BROKEN) {
		recovered(w);
	} else {
		atomic_fetch_add_explicit(&w->broken, 1, memory_order_relaxed);
		w->list_broken = true;
	}
	if (!w->listing)
		watchcourse_version(&w->course, event->version);
	if (event->type != WATCH_BOOKMARK)
		w->sink.event(w->sink.ctx, event);
}

struct reading {
	struct watch *watch;
	struct watchjson json;
};

static bool on_part(void *ctx, const char *bytes, size_t len)
{
	struct reading *r = ctx;

	watchjson_feed(&r->json, bytes, len);
	return r->watch->end == WATCHCOURSE_OK; /* after an error the server sends nothing more */
}

static enum watchcourse_end end_of(const struct err *err)
{
	if (err->kind == ERR_GONE)
		return WATCHCOURSE_EXPIRED;
	return err->kind == ERR_ABSENT ? WATCHCOURSE_ABSENT : WATCHCOURSE_FAILED;
}

/* A whole list has told its version; everything else is an error. */
static void end_list(struct watch *w, const struct reading *r)
{
	char version[sizeof(w->course.version)];

	if (w->end == WATCHCOURSE_OK &&
		watchjson_list_version(&r->json, version, sizeof(version), &w->why) != 0) {
		(void)err_wrap(&w->why, "GET %s", w->path);
		w->end = WATCHCOURSE_FAILED;
	}
	if (w->end == WATCHCOURSE_OK) {
		watchcourse_version(&w->course, version);
		atomic_fetch_add_explicit(&w->lists, 1, memory_order_relaxed);
	}
	w->sink.list_ended(w->sink.ctx, w->end != WATCHCOURSE_OK ? WATCH_LIST_FAILED
					: w->list_broken         ? WATCH_LIST_PARTIAL
								 : WATCH_LIST_WHOLE);
}

static void request(struct watch *w)
{
	struct reading r = {w, {.fn = on_event, .ctx = w, .list = w->listing}};
	struct http_sink sink = {on_part, &r, WATCH_SILENCE_MS, LIST_WHOLE_MS};
	char *path CLEANUP(mem_free_at) = NULL;
	enum http_end end = HTTP_END_SERVER;

	if (w->listing) {
		path = mem_printf("%s%s%s", w->path, *w->course.version ? "?resourceVersion=" : "",
			w->course.version);
	} else {
		int timeout_s = WATCH_MIN_S + (int)((WATCH_MAX_S - WATCH_MIN_S) * next_random(w));

		path = mem_printf("%s?watch=1&resourceVersion=%s&allowWatchBookmarks=true"
				  "&timeoutSeconds=%d",
			w->path, w->course.version, timeout_s);
		sink.whole_ms = timeout_s * INT64_C(1000) + WATCH_GRACE_MS;
		atomic_fetch_add_explicit(&w->watches, 1, memory_order_relaxed);
	}
	if (kube_stream(w->kube, path, &sink, &end, &w->why) != 0) {
		w->end = end_of(&w->why);
		w->retry_after_s = w->why.retry_after_s;
	}
	if (w->listing)
		end_list(w, &r);
	watchjson_release(&r.json);
}

/* A failure is told when it differs from the last one. */
static void failed(struct watch *w, int64_t delay_ms)
{
	atomic_store(&w->synced, false);
	atomic_fetch_add_explicit(&w->failures, 1, memory_order_relaxed);
	if (w->end == WATCHCOURSE_OK)
		err_set(&w->why, ERR_RETRY, "the watch of %s ended as soon as it began", w->path);
	if (strcmp(w->said.msg, w->why.msg) != 0)
		log_warn("%s; keeping what is known and trying again in %.1fs", w->why.msg,
			(double)delay_ms / 1000);
	w->said = w->why;
}

/* Where the type is gone there are no objects of it. */
static void check_absence(struct watch *w)
{
	if (!watchcourse_is_absent(&w->course, clock_mono_ms()))
		return;
	w->sink.list_began(w->sink.ctx);
	w->sink.list_ended(w->sink.ctx, WATCH_LIST_WHOLE);
}

static void run(void *ctx)
{
	struct watch *w = ctx;
	int64_t began, delay;

	do {
		began = clock_mono_ms();
		w->listing = !w->course.listed;
		w->heard = w->list_broken = false;
		w->end = WATCHCOURSE_OK;
		w->retry_after_s = 0;
		err_clear(&w->why);
		if (w->listing)
			w->sink.list_began(w->sink.ctx);
		request(w);
		if (atomic_load(&w->loop.stop))
			return;
		delay = watchcourse_next(&w->course,
			&(struct watchcourse_result){.end = w->end,
				.lasted_ms = clock_mono_ms() - began,
				.heard = w->heard,
				.retry_after_s = w->retry_after_s},
			clock_mono_ms(), next_random(w));
		if (delay)
			failed(w, delay);
		else if (w->end == WATCHCOURSE_OK)
			recovered(w);
		check_absence(w);
	} while (runloop_wait_until(&w->loop, clock_mono_ms() + delay));
}

struct watch *watch_new(const struct watch_options *options, struct err *err)
{
	struct watch *w = mem_zalloc(1, sizeof(*w));
	struct kube_options kube = options->kube;

	kube.stop = &w->loop.stop;
	w->path = mem_strdup(options->path);
	w->sink = options->sink;
	w->random = (uint64_t)clock_wall_ms() ^ ((uint64_t)(uintptr_t)w << 20) ^ 1;
	watchcourse_init(&w->course);
	w->kube = kube_new(&kube, err);
	if (w->kube)
		return w;
	watch_free(w);
	return NULL;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	kube_free(w->kube);
	free(w->path);
	free(w);
}

int watch_start(struct watch *w, struct err *err)
{
	return runloop_start(&w->loop, "hexlag-watch", run, w, err);
}

void watch_stop(struct watch *w)
{
	runloop_stop(&w->loop);
}

bool watch_join(struct watch *w, int64_t deadline_ms)
{
	return runloop_join(&w->loop, deadline_ms);
}

static uint64_t now_of(const _Atomic uint64_t *count)
{
	return atomic_load_explicit(count, memory_order_relaxed);
}

struct watch_counts watch_counts(const struct watch *w)
{
	uint64_t watches = now_of(&w->watches);

	return (struct watch_counts){.lists = now_of(&w->lists),
		.restarts = watches ? watches - 1 : 0,
		.failures = now_of(&w->failures),
		.broken = now_of(&w->broken),
		.synced = atomic_load(&w->synced)};
}

uint64_t watch_requests(const struct watch *w, enum kube_outcome outcome)
{
	return kube_requests(w->kube, outcome);
}
