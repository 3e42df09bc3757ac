#include "scaler/objects.h"

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
#include "scaler/events.h"
#include "scaler/objectset.h"
#include "scaler/objectstatus.h"
#include "scaler/scaler.h"

#define STATUS_TICK_MS 1000
/* So many objects may write their figures in a second; with more of them each does so less often. */
#define STATUS_PER_SECOND 10
#define STATUS_REFUSED_MAX 10 /* in one look; the next goes on behind them */
#define STATUS_BACKOFF_MIN_MS 1000
#define STATUS_BACKOFF_MAX_MS 60000

/* One watch and where it looks. */
struct scope {
	struct objects *objects;
	char *namespace; /* NULL: everywhere */
	struct watch *watch;
	bool listing, listed; /* guarded by the lock */
	char said[300];       /* of the watch's thread: what could not be read the last time */
};

struct objects {
	struct runloop loop;
	struct kube *kube; /* for the status */
	struct objects_options options;
	struct scope *scopes;
	size_t scope_count;
	/* Of the thread alone: */
	int64_t backoff_ms, retry_ms; /* after a failure of the server: nothing is written before */
	size_t begin;                 /* where the next look at the objects begins */
	struct objectstatus_budget budget;
	struct err said;
	/* Guarded by the lock: */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct objectset set;
	struct ruleset *file;
	bool dirty, leads;
	_Atomic uint64_t nameless, status_writes, status_failures;
};

static void lock(struct objects *o)
{
	pthread_mutex_lock(&o->lock);
}

static void unlock(struct objects *o)
{
	pthread_mutex_unlock(&o->lock);
}

/* With the lock held. */
static void changed(struct objects *o)
{
	o->dirty = true;
	pthread_cond_signal(&o->wake);
}

static void on_list_began(void *ctx)
{
	struct scope *s = ctx;

	lock(s->objects);
	s->listing = true;
	objectset_list_began(&s->objects->set, s->namespace);
	unlock(s->objects);
}

static void on_list_ended(void *ctx, enum watch_list how)
{
	struct scope *s = ctx;
	struct objects *o = s->objects;

	lock(o);
	s->listing = false;
	if (how == WATCH_LIST_WHOLE)
		(void)objectset_list_ended(&o->set, s->namespace);
	s->listed |= how != WATCH_LIST_FAILED;
	if (s->listed)
		changed(o);
	unlock(o);
}

/* What cannot be read may come again with every watch: it is told where it is not the same. */
static void tell_unreadable(struct scope *s, const char *text)
{
	if (strncmp(s->said, text, sizeof(s->said) - 1) == 0)
		return;
	(void)snprintf(s->said, sizeof(s->said), "%.*s", (int)sizeof(s->said) - 1, text);
	log_warn("a " HEX_KIND " cannot be read: %s", s->said);
}

static void on_event(void *ctx, const struct watch_event *event)
{
	struct scope *s = ctx;
	struct objects *o = s->objects;
	struct hexobject hex;
	struct err err = {0};
	bool differs, known;

	if (event->type == WATCH_BROKEN) {
		tell_unreadable(s, event->text);
		return;
	}
	if (hexjson_read_meta(event->object, &hex, &err) != 0) {
		atomic_fetch_add_explicit(&o->nameless, 1, memory_order_relaxed);
		tell_unreadable(s, err.msg);
		return;
	}
	/* Most events are of a status, often our own, or of an annotation. */
	lock(o);
	known = event->type == WATCH_DELETED || objectset_refresh(&o->set, &hex, o->leads);
	unlock(o);
	if (!known)
		hexjson_read_spec(event->object, &o->options.fields, &hex);
	else if (event->type != WATCH_DELETED)
		return;
	lock(o);
	if (event->type == WATCH_DELETED)
		differs = objectset_remove(&o->set, hex.namespace, hex.name);
	else
		differs = objectset_put(&o->set, &hex, o->leads);
	if (differs && !s->listing && s->listed)
		changed(o);
	unlock(o);
	hexobject_release(&hex);
}

/* With the lock held. Before all of a namespace is known, an object there could seem to be the only one
 * for its target; a list that fails changes nothing. */
static bool is_listed(const struct objects *o, const char *namespace)
{
	for (size_t i = 0; i < o->scope_count; i++) {
		const struct scope *s = &o->scopes[i];

		if (s->listed && (!s->namespace || strcmp(s->namespace, namespace) == 0))
			return true;
	}
	return false;
}

/* With the lock held. Objects act in their own namespace, so none waits for other namespaces. */
static struct ruleset *rules_of_listed(struct objects *o)
{
	struct objectset listed = {mem_zalloc(o->set.count + 1, sizeof(*listed.items)), 0};
	struct ruleset *rules;

	for (size_t i = 0; i < o->set.count; i++)
		if (is_listed(o, o->set.items[i]->hex.namespace))
			listed.items[listed.count++] = o->set.items[i];
	rules = objectset_rules(&listed, o->file, kube_namespace(o->kube));
	free(listed.items);
	return rules;
}

/* Hands on the rules where they may have changed. Those of the file win anyway, and so do not wait for
 * the objects. */
static void hand_on(struct objects *o)
{
	struct ruleset *rules = NULL;

	lock(o);
	if (o->dirty) {
		rules = rules_of_listed(o);
		o->dirty = false;
	}
	unlock(o);
	if (!rules)
		return;
	o->options.changed(o->options.ctx, rules);
	ruleset_unref(rules);
}

static int patch_status(struct objects *o, const struct object *object,
	const struct objectstatus *status, struct err *err)
{
	struct strbuf path CLEANUP(strbuf_release) = STRBUF_INIT;
	struct kube_request r = {.method = "PATCH",
		.content_type = "application/merge-patch+json",
		.body = strbuf_str(&status->body)};

	strbuf_adds(&path, "/apis/" HEX_GROUP "/" HEX_VERSION "/namespaces");
	kube_add_segment(&path, object->hex.namespace);
	strbuf_adds(&path, "/" HEX_PLURAL);
	kube_add_segment(&path, object->hex.name);
	strbuf_adds(&path, "/status?fieldManager=hexlag");
	r.path = strbuf_str(&path);
	return kube_request(o->kube, &r, err);
}

static void tell(struct objects *o, const struct err *err)
{
	if (err->kind == ERR_NONE && o->said.kind != ERR_NONE)
		log_info("status of " HEX_KIND "s can be written again");
	else if (err->kind != ERR_NONE && o->said.kind != err->kind)
		log_warn("%s; the status of " HEX_KIND "s is old until this is over", err->msg);
	o->said = *err;
}

static void count_status(
	struct objects *o, enum objectstatus_outcome outcome, const struct err *err)
{
	if (atomic_load(&o->loop.stop))
		return;
	if (err->kind == ERR_NONE)
		atomic_fetch_add_explicit(&o->status_writes, 1, memory_order_relaxed);
	else if (outcome == STATUS_REFUSED || outcome == STATUS_FAILED)
		atomic_fetch_add_explicit(&o->status_failures, 1, memory_order_relaxed);
	if (outcome != STATUS_FAILED) {
		o->backoff_ms = 0;
		tell(o, &(struct err){0});
		return;
	}
	o->backoff_ms = backoff_obey(
		backoff_next(o->backoff_ms, STATUS_BACKOFF_MIN_MS, STATUS_BACKOFF_MAX_MS),
		err->retry_after_s);
	o->retry_ms = clock_mono_ms() + o->backoff_ms;
	tell(o, err);
}

static void warn_about(struct objects *o, const struct object *object, const struct objectstatus *s)
{
	const struct events_about about = {HEX_GROUP "/" HEX_VERSION, HEX_KIND,
		object->hex.namespace, object->hex.name, object->hex.uid};

	log_warn(HEX_KIND " %s/%s: %s: %s", object->hex.namespace, object->hex.name, s->news,
		s->note);
	if (o->options.events)
		events_post(o->options.events, &about, true, s->news, s->note);
}

/* With the lock held, which is let go for the request: `object` may be another one after that. */
static enum objectstatus_outcome write_status(
	struct objects *o, struct object *object, const struct objectstatus *s)
{
	struct object copy = {.hex.namespace = mem_strdup(object->hex.namespace),
		.hex.name = mem_strdup(object->hex.name),
		.hex.uid = mem_strdup(object->hex.uid)};
	struct object *now;
	struct err err = {0};
	enum objectstatus_outcome outcome;

	unlock(o);
	if (s->news)
		warn_about(o, &copy, s);
	(void)patch_status(o, &copy, s, &err);
	outcome = objectstatus_outcome(&err, kube_status(o->kube));
	count_status(o, outcome, &err);
	lock(o);
	now = objectset_find(&o->set, copy.hex.namespace, copy.hex.name);
	/* The event is not to be repeated, whatever became of the status. */
	if (now && strcmp(now->hex.uid, copy.hex.uid) == 0) {
		if (outcome == STATUS_REFUSED && !now->told.backoff_ms)
			log_warn(
				"%s; the status of this object is old until this is over", err.msg);
		objectstatus_ended(&now->told, s, outcome, clock_mono_ms(), err.retry_after_s);
	}
	hexobject_release(&copy.hex);
	return outcome;
}

/* One look at all objects, from the one behind the last that was written, so that none keeps the others
 * from their turn; ends early where rules are to be handed on first. */
static void write_due(struct objects *o, const struct scaler_report *report)
{
	int64_t figures = (int64_t)o->set.count * 1000 / STATUS_PER_SECOND;
	size_t from = 0, begin = o->begin, refused = 0;

	for (size_t n = 0; n < o->set.count && !o->dirty; n++) {
		size_t i = (begin + n) % o->set.count;
		struct object *object = o->set.items[i];
		size_t rule = ruleset_find_uid(report->rules, object->hex.uid, from);
		bool known = rule != SIZE_MAX && report->rules->entries[rule].origin.generation ==
							 object->hex.generation;
		struct objectstatus_input in = {.object = &object->hex,
			.rival = object->rival,
			.view = known ? &report->views[rule] : NULL,
			.now_ms = clock_mono_ms(),
			.now_wall_ms = clock_wall_ms(),
			.figures_ms = figures > OBJECTSTATUS_FIGURES_MS ? figures
									: OBJECTSTATUS_FIGURES_MS,
			.may_be_urgent = objectstatus_may_be_urgent(&o->budget, clock_mono_ms())};
		struct objectstatus status;

		if (rule != SIZE_MAX)
			from = rule + 1;
		if (!is_listed(o, object->hex.namespace) ||
			!objectstatus_due(&object->told, &in, &status))
			continue;
		if (status.urgent)
			objectstatus_was_urgent(&o->budget, in.now_ms);
		refused += write_status(o, object, &status) == STATUS_REFUSED;
		objectstatus_release(&status);
		o->begin = i + 1;
		if (atomic_load(&o->loop.stop) || clock_mono_ms() < o->retry_ms ||
			refused == STATUS_REFUSED_MAX || !scaler_leads(o->options.scaler))
			return;
	}
}

static void tend_status(struct objects *o)
{
	struct scaler_report CLEANUP(scaler_report_release) report = {0};

	if (!o->options.scaler || clock_mono_ms() < o->retry_ms)
		return;
	scaler_report(o->options.scaler, &report);
	lock(o);
	o->leads = report.leads;
	if (report.leads && report.rules)
		write_due(o, &report);
	unlock(o);
}

static void run(void *ctx)
{
	struct objects *o = ctx;
	int64_t tick = clock_mono_ms();

	while (!atomic_load(&o->loop.stop)) {
		int64_t now = clock_mono_ms();

		hand_on(o);
		if (now >= tick) {
			tend_status(o);
			tick = clock_mono_ms() + STATUS_TICK_MS;
		}
		lock(o);
		if (!o->dirty && !atomic_load(&o->loop.stop))
			(void)monocond_wait_until(&o->wake, &o->lock, tick);
		unlock(o);
	}
}

static int add_scope(struct objects *o, const char *namespace, size_t i, struct err *err)
{
	struct strbuf path CLEANUP(strbuf_release) = STRBUF_INIT;
	struct scope *s = &o->scopes[i];
	struct watch_options options = {
		.kube = o->options.kube, .sink = {on_list_began, on_list_ended, on_event, s}};

	s->objects = o;
	s->namespace = mem_strdup(namespace);
	strbuf_adds(&path, "/apis/" HEX_GROUP "/" HEX_VERSION);
	if (namespace) {
		if (kube_check_segment("namespace", namespace, err) != 0)
			return -1;
		strbuf_adds(&path, "/namespaces");
		kube_add_segment(&path, namespace);
	}
	strbuf_adds(&path, "/" HEX_PLURAL);
	options.path = strbuf_str(&path);
	s->watch = watch_new(&options, err);
	return s->watch ? 0 : -1;
}

static int open_all(struct objects *o, struct err *err)
{
	size_t count = o->options.namespace_count;
	struct kube_options kube = o->options.kube;

	kube.stop = &o->loop.stop;
	o->kube = kube_new(&kube, err);
	if (!o->kube)
		return -1;
	o->scope_count = count ? count : 1;
	o->scopes = mem_zalloc(o->scope_count, sizeof(*o->scopes));
	for (size_t i = 0; i < o->scope_count; i++)
		if (add_scope(o, count ? o->options.namespaces[i] : NULL, i, err) != 0)
			return -1;
	return 0;
}

struct objects *objects_new(const struct objects_options *options, struct err *err)
{
	struct objects *o = mem_zalloc(1, sizeof(*o));

	o->options = *options;
	o->file = ruleset_ref(options->file);
	pthread_mutex_init(&o->lock, NULL);
	monocond_init(&o->wake);
	if (open_all(o, err) == 0)
		return o;
	objects_free(o);
	return NULL;
}

void objects_free(struct objects *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->scope_count; i++) {
		watch_free(o->scopes[i].watch);
		free(o->scopes[i].namespace);
	}
	free(o->scopes);
	objectset_release(&o->set);
	ruleset_unref(o->file);
	kube_free(o->kube);
	pthread_cond_destroy(&o->wake);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

int objects_start(struct objects *o, struct err *err)
{
	if (runloop_start(&o->loop, "hexlag-objects", run, o, err) != 0)
		return -1;
	for (size_t i = 0; i < o->scope_count; i++)
		if (watch_start(o->scopes[i].watch, err) != 0)
			return -1;
	return 0;
}

void objects_stop(struct objects *o)
{
	for (size_t i = 0; i < o->scope_count; i++)
		watch_stop(o->scopes[i].watch);
	runloop_stop(&o->loop);
	lock(o);
	pthread_cond_broadcast(&o->wake);
	unlock(o);
}

bool objects_join(struct objects *o, int64_t deadline_ms)
{
	bool ended = runloop_join(&o->loop, deadline_ms);

	for (size_t i = 0; i < o->scope_count; i++)
		ended &= watch_join(o->scopes[i].watch, deadline_ms);
	return ended;
}

void objects_set_file(struct objects *o, struct ruleset *file)
{
	lock(o);
	ruleset_unref(o->file);
	o->file = ruleset_ref(file);
	changed(o);
	unlock(o);
}

static void add_watch(struct objects_counts *c, const struct watch *w)
{
	struct watch_counts n = watch_counts(w);

	c->watches.lists += n.lists;
	c->watches.restarts += n.restarts;
	c->watches.failures += n.failures;
	c->watches.broken += n.broken;
	c->synced &= n.synced;
	for (int i = 0; i < KUBE_OUTCOMES; i++)
		c->requests[i] += watch_requests(w, (enum kube_outcome)i);
}

void objects_count(struct objects *o, struct objects_counts *ret)
{
	*ret = (struct objects_counts){.synced = true,
		.nameless = atomic_load(&o->nameless),
		.status_writes = atomic_load(&o->status_writes),
		.status_failures = atomic_load(&o->status_failures)};
	for (int i = 0; i < KUBE_OUTCOMES; i++)
		ret->requests[i] = kube_requests(o->kube, (enum kube_outcome)i);
	for (size_t i = 0; i < o->scope_count; i++)
		add_watch(ret, o->scopes[i].watch);
	ret->watches.synced = ret->synced;
	lock(o);
	for (size_t i = 0; i < o->set.count; i++) {
		const struct object *object = o->set.items[i];

		*(!object->hex.valid    ? &ret->invalid
			: object->rival ? &ret->ambiguous
					: &ret->valid) += 1;
	}
	unlock(o);
}
