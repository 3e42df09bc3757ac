#include "scaler/watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/mock/apiserver.h"
#include "tests/tap.h"

#define PATIENCE_MS 10000
#define PATH "/apis/example.com/v1/things"

static char folder[] = "/tmp/hexlag-watch-XXXXXX";
static char config_path[sizeof(folder) + 16];

/* What came, as text: "[" and "]" around a list ("!" where it was not whole), a letter and the version
 * for each event. */
static struct seen {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct strbuf text;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void add(const char *what, const char *version)
{
	pthread_mutex_lock(&seen.lock);
	strbuf_addf(&seen.text, "%s%s ", what, version);
	pthread_cond_broadcast(&seen.changed);
	pthread_mutex_unlock(&seen.lock);
}

static void on_begin(void *ctx)
{
	(void)ctx;
	add("[", "");
}

static void on_end(void *ctx, enum watch_list how)
{
	(void)ctx;
	add(how == WATCH_LIST_WHOLE ? "]" : how == WATCH_LIST_PARTIAL ? "?" : "!", "");
}

static void on_event(void *ctx, const struct watch_event *e)
{
	static const char *const letters[] = {"A", "M", "D", "B", "E", "X"};

	(void)ctx;
	add(letters[e->type], e->version);
}

/* Waits until `text` was seen, at most PATIENCE_MS. */
static bool saw(const char *text)
{
	struct timespec deadline;
	bool found;
	int rc = 0;

	(void)clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += PATIENCE_MS / 1000;
	pthread_mutex_lock(&seen.lock);
	while (!rc && !strstr(strbuf_str(&seen.text), text))
		rc = pthread_cond_timedwait(&seen.changed, &seen.lock, &deadline);
	found = strstr(strbuf_str(&seen.text), text);
	if (!found)
		printf("# seen: %s\n", strbuf_str(&seen.text));
	pthread_mutex_unlock(&seen.lock);
	return found;
}

static struct watch *begin(struct apiserver *s)
{
	struct watch_options options = {
		.kube = {.kubeconfig = config_path, .timeout_ms = PATIENCE_MS},
		.path = PATH,
		.sink = {on_begin, on_end, on_event, NULL},
	};
	struct err err = {0};
	struct watch *w;

	pthread_mutex_lock(&seen.lock);
	strbuf_release(&seen.text);
	pthread_mutex_unlock(&seen.lock);
	apiserver_kubeconfig(s, config_path, NULL);
	w = watch_new(&options, &err);
	if (!w || watch_start(w, &err) != 0) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return w;
}

static void end(struct watch *w)
{
	int64_t began = clock_mono_ms();

	watch_stop(w);
	TAP_TRUE("it stops", watch_join(w, began + PATIENCE_MS));
	TAP_TRUE("soon", clock_mono_ms() - began < 5 * HTTP_STOP_POLL_MS);
	watch_free(w);
}

static char *thing(const char *name)
{
	return mem_printf("{\"metadata\":{\"namespace\":\"n\",\"name\":\"%s\"}}", name);
}

static void put(struct apiserver *s, const char *name)
{
	char *json CLEANUP(mem_free_at) = thing(name);

	apiserver_item(s, json);
}

static void check_changes(void)
{
	struct apiserver *s = apiserver_start(0);
	struct watch *w;
	char line[512];

	apiserver_collection(s, PATH, "ThingList");
	put(s, "a");
	put(s, "b");
	w = begin(s);
	TAP_TRUE("what there is", saw("[ A1001 A1002 ]"));
	TAP_TRUE("is watched", apiserver_wait(s, "GET", 2));
	put(s, "c");
	TAP_TRUE("what is added", saw("A1003"));
	put(s, "a");
	TAP_TRUE("what is changed", saw("M1004"));
	apiserver_item_remove(s, "n", "b");
	TAP_TRUE("what is removed", saw("D1005"));
	TAP_HAS("from the list's version", apiserver_last_line(s, line, sizeof(line)),
		"?watch=1&resourceVersion=1002&allowWatchBookmarks=true&timeoutSeconds=");
	TAP_TRUE("it is up to date", watch_counts(w).synced);
	apiserver_bookmark(s);
	put(s, "d");
	TAP_TRUE("bookmarks are not handed on", saw("D1005 A1007"));
	apiserver_emit(s, "{\"type\":\"ADDED\",\"obj");
	apiserver_emit(s, "ect\":[}\n{{{\"\n");
	put(s, "e");
	TAP_TRUE("what is broken stops nothing", saw("A1007 X X A1008"));
	TAP_INT("and is counted", watch_counts(w).broken, 2);
	TAP_INT("one list", watch_counts(w).lists, 1);
	TAP_INT("one watch", watch_counts(w).restarts, 0);
	TAP_INT("two requests", apiserver_count(s, NULL), 2);
	end(w);
	apiserver_stop(s);
}

static void check_reopening(void)
{
	struct apiserver *s = apiserver_start(0);
	struct watch *w;
	char line[512];

	apiserver_collection(s, PATH, "ThingList");
	w = begin(s);
	TAP_TRUE("an empty list", saw("[ ]"));
	TAP_TRUE("watched", apiserver_wait(s, "GET", 2));
	put(s, "a");
	apiserver_bookmark(s);
	put(s, "b");
	TAP_TRUE("an event", saw("A1003"));
	apiserver_end_watches(s, true);
	TAP_TRUE("the end is followed by a new watch", apiserver_wait(s, "GET", 3));
	TAP_HAS("from the last version", apiserver_last_line(s, line, sizeof(line)),
		"resourceVersion=1003&");
	put(s, "c");
	TAP_TRUE("which goes on", saw("A1003 A1004"));
	apiserver_end_watches(s, false);
	TAP_TRUE("one that breaks off, too", apiserver_wait(s, "GET", 4));
	put(s, "d");
	TAP_TRUE("after a pause", saw("A1004 A1005"));
	TAP_INT("which is a failure", watch_counts(w).failures, 1);
	TAP_TRUE("that is over", watch_counts(w).synced);
	TAP_INT("watches", watch_counts(w).restarts, 2);
	TAP_INT("still one list", watch_counts(w).lists, 1);
	end(w);
	apiserver_stop(s);
}

/* A proxy that answers every watch with a page of its own. */
static void check_garbage(void)
{
	struct apiserver *s = apiserver_start(0);
	struct watch *w;
	int64_t began;

	apiserver_collection(s, PATH, "ThingList");
	w = begin(s);
	TAP_TRUE("watched", apiserver_wait(s, "GET", 2));
	put(s, "a");
	TAP_TRUE("an event", saw("[ ] A1001"));
	apiserver_fail(s, &(struct apiserver_fault){.kind = APISERVER_STATUS,
				  .times = 100000,
				  .status = 200,
				  .body = "<html>\n"});
	began = clock_mono_ms();
	apiserver_end_watches(s, true);
	TAP_TRUE("a watch of something else", saw("A1001 X"));
	TAP_TRUE("is opened again", apiserver_wait(s, "GET", 4));
	TAP_TRUE("after a pause", clock_mono_ms() - began >= 800);
	TAP_TRUE("as it is a failure", watch_counts(w).failures >= 1);
	end(w);
	apiserver_stop(s);
}

static void check_expiry(bool as_event)
{
	struct apiserver *s = apiserver_start(0);
	struct watch *w;

	apiserver_collection(s, PATH, "ThingList");
	put(s, "a");
	w = begin(s);
	TAP_TRUE("listed", saw("[ A1001 ]"));
	TAP_TRUE("watched", apiserver_wait(s, "GET", 2));
	put(s, "b");
	TAP_TRUE("an event", saw("A1002"));
	apiserver_expire(s, as_event);
	apiserver_end_watches(s, true);
	TAP_TRUE(as_event ? "410 in the watch: listed again" : "410 of the watch: listed again",
		saw("A1002 [ A1001 A1002 ]"));
	TAP_TRUE("and watched", apiserver_wait(s, "GET", 5));
	put(s, "c");
	TAP_TRUE("from there", saw("A1004"));
	TAP_INT("without a failure", watch_counts(w).failures, 0);
	TAP_INT("two lists", watch_counts(w).lists, 2);
	end(w);
	apiserver_stop(s);
}

static void check_faults(void)
{
	struct apiserver *s = apiserver_start(0);
	struct watch *w;
	int64_t began;

	apiserver_collection(s, PATH, "ThingList");
	put(s, "a");
	apiserver_fail(s, &(struct apiserver_fault){.kind = APISERVER_STATUS, .status = 503});
	apiserver_fail(s, &(struct apiserver_fault){.kind = APISERVER_TRUNCATE});
	began = clock_mono_ms();
	w = begin(s);
	TAP_TRUE("a list that fails is asked again", saw("[ ! [ ! [ A1001 ]"));
	TAP_TRUE("with pauses", clock_mono_ms() - began >= 2400);
	TAP_INT("failures", watch_counts(w).failures, 2);
	TAP_TRUE("watched", apiserver_wait(s, "GET", 4));
	TAP_TRUE("and no more failures", watch_counts(w).synced);
	apiserver_bookmark(s); /* else its end would be too soon */
	apiserver_fail(s, &(struct apiserver_fault){.kind = APISERVER_STATUS,
				  .status = 429,
				  .headers = "Retry-After: 4\r\n",
				  .body = "Too many requests"});
	began = clock_mono_ms();
	apiserver_end_watches(s, true);
	TAP_TRUE("a watch that is refused", apiserver_wait(s, "GET", 6));
	TAP_TRUE("waits as long as it is told", clock_mono_ms() - began >= 4000);
	put(s, "b");
	TAP_TRUE("and goes on", saw("A1003"));
	end(w);
	apiserver_stop(s);
}

static bool on_part(void *ctx, const char *bytes, size_t len)
{
	size_t *left = ctx;

	(void)bytes;
	*left -= len < *left ? len : *left;
	return *left > 0;
}

/* How kube_stream() ends by what is asked of it. */
static void check_ends(void)
{
	struct apiserver *s = apiserver_start(0);
	struct kube_options options = {.kubeconfig = config_path, .timeout_ms = 300};
	size_t left = SIZE_MAX;
	struct http_sink sink = {on_part, &left, 400, PATIENCE_MS};
	enum http_end end = HTTP_END_SERVER;
	struct err err = {0};
	struct kube *k;

	apiserver_collection(s, PATH, "ThingList");
	apiserver_kubeconfig(s, config_path, NULL);
	k = kube_new(&options, &err);
	TAP_INT("a silent watch", kube_stream(k, PATH "?watch=1", &sink, &end, &err), 0);
	TAP_INT("ends by its silence", end, HTTP_END_SILENCE);
	sink = (struct http_sink){on_part, &left, PATIENCE_MS, 400};
	TAP_INT("a long one", kube_stream(k, PATH "?watch=1", &sink, &end, &err), 0);
	TAP_INT("by its time", end, HTTP_END_TIME);
	left = 10;
	TAP_INT("what is enough", kube_stream(k, PATH, &sink, &end, &err), 0);
	TAP_INT("ends by itself", end, HTTP_END_SINK);
	left = SIZE_MAX;
	TAP_INT("the next is not disturbed", kube_stream(k, PATH, &sink, &end, &err), 0);
	TAP_INT("and ends whole", end, HTTP_END_SERVER);
	apiserver_fail(s, &(struct apiserver_fault){.kind = APISERVER_OVERSIZE});
	TAP_INT("an answer may be of any length", kube_stream(k, PATH, &sink, &end, &err), 0);
	apiserver_fail(s, &(struct apiserver_fault){.kind = APISERVER_HANG});
	TAP_INT("no answer", kube_stream(k, PATH, &sink, &end, &err), -1);
	TAP_HAS("ends by the time-out", err.msg, "timed out");
	err_clear(&err);
	apiserver_fail(s,
		&(struct apiserver_fault){.kind = APISERVER_STATUS, .status = 410, .body = "gone"});
	TAP_INT("a 410", kube_stream(k, PATH, &sink, &end, &err), -1);
	TAP_INT("is told apart", err.kind, ERR_GONE);
	kube_free(k);
	apiserver_stop(s);
}

int main(void)
{
	log_init(LOG_LEVEL_ERROR, false);
	if (!mkdtemp(folder))
		return 1;
	(void)snprintf(config_path, sizeof(config_path), "%s/config", folder);
	check_changes();
	check_reopening();
	check_garbage();
	check_expiry(false);
	check_expiry(true);
	check_faults();
	check_ends();
	strbuf_release(&seen.text);
	(void)unlink(config_path);
	(void)rmdir(folder);
	return tap_done();
}
