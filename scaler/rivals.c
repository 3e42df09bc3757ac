#include "scaler/rivals.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/runloop.h"
#include "common/strbuf.h"
#include "scaler/rivalsjson.h"
#include "scaler/ruleset.h"

#define LOOK_MS 60000
#define ABSENT_MS 600000 /* a kind that the server does not know */
/* After so many failures in the beginning nobody is taken to be there, so that a list that never comes
 * does not hold a target for ever. */
#define FAILURES_MAX 3
#define RETRY_MS 10000 /* after a failure that may pass */

/* Objects in one answer: some 10 KB each where much is written into them, of at most 4 MiB, and read into
 * ten times the memory; and answers for one list, so that no server keeps us busy for ever. */
#define PAGE "100"
#define PAGES_MAX 200

enum outcome { LIST_OK, LIST_DENIED, LIST_ABSENT, LIST_FAILED, LIST_OUTCOMES };

static const char *const outcome_names[] = {"ok", "denied", "absent", "failed"};

static const struct {
	const char *api, *resource;
} paths[RIVAL_KINDS] = {
	[RIVAL_HPA] = {"/apis/autoscaling/v2", "horizontalpodautoscalers"},
	[RIVAL_SCALED_OBJECT] = {"/apis/keda.sh/v1alpha1", "scaledobjects"},
};

const struct family rivals_families[] = {
	{"hexlag_rival_lists_total", "counter", "kind,outcome",
		"Lists of what else may set the size of targets, by how they ended."},
	{0},
};

/* What is known of one kind in one namespace. */
struct known {
	struct rivals_list list; /* sorted; changed under the lock */
	unsigned failures;       /* before the first look that succeeded */
	bool looked;             /* the first look has ended; changed under the lock */
	int64_t due_ms;          /* the next one */
	enum outcome said;       /* what was logged last */
};

struct place {
	char *namespace;
	struct known kinds[RIVAL_KINDS];
};

struct rivals {
	struct kube_options options;
	struct kube *kube;
	struct runloop loop;
	/* Of the thread alone: */
	size_t begin;                   /* the list that the next look begins with */
	int64_t absent_ms[RIVAL_KINDS]; /* the server does not know the kind: not asked before */
	pthread_mutex_t lock;  /* guards what is below; the places themselves are the thread's */
	struct place **places; /* sorted by namespace */
	size_t count;
	struct place **next; /* that are to take their place; sorted */
	size_t next_count;
	bool has_next;
	uint64_t lists[RIVAL_KINDS][LIST_OUTCOMES];
};

struct rivals *rivals_new(const struct kube_options *kube, struct err *err)
{
	struct rivals *r = mem_zalloc(1, sizeof(*r));

	r->options = *kube;
	r->options.stop = &r->loop.stop;
	pthread_mutex_init(&r->lock, NULL);
	r->kube = kube_new(&r->options, err);
	if (!r->kube) {
		rivals_free(r);
		return NULL;
	}
	return r;
}

static void places_free(struct place **places, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (int k = 0; places[i] && k < RIVAL_KINDS; k++)
			rivals_list_release(&places[i]->kinds[k].list);
		if (places[i])
			free(places[i]->namespace);
		free(places[i]);
	}
	free(places);
}

void rivals_free(struct rivals *r)
{
	if (!r)
		return;
	kube_free(r->kube);
	places_free(r->places, r->count);
	places_free(r->next, r->next_count);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* --- namespaces --- */

static int compare_places(const void *a, const void *b)
{
	const struct place *const *x = a, *const *y = b;

	return strcmp((*x)->namespace, (*y)->namespace);
}

static struct place *find_place(struct place **places, size_t count, const char *namespace)
{
	const struct place key = {.namespace = (char *)namespace}, *at = &key;
	struct place **found =
		count ? bsearch(&at, places, count, sizeof(struct place *), compare_places) : NULL;

	return found ? *found : NULL;
}

static const char *namespace_of(const struct rivals *r, const struct rule *rule)
{
	const char *namespace = rule->target.namespace;

	return namespace && *namespace ? namespace : kube_namespace(r->kube);
}

/* The namespaces of the rules, each once, sorted. */
static struct place **places_of(
	const struct rivals *r, const struct ruleset *rules, size_t *ret_count)
{
	struct place **places = mem_zalloc(rules->count, sizeof(struct place *));
	size_t count = 0;

	for (size_t i = 0; i < rules->count; i++) {
		places[i] = mem_zalloc(1, sizeof(struct place));
		places[i]->namespace = mem_strdup(namespace_of(r, &rules->entries[i].rule));
	}
	qsort(places, rules->count, sizeof(struct place *), compare_places);
	for (size_t i = 0; i < rules->count; i++)
		if (count && compare_places(&places[count - 1], &places[i]) == 0) {
			free(places[i]->namespace);
			free(places[i]);
		} else {
			places[count++] = places[i];
		}
	*ret_count = count;
	return places;
}

void rivals_set_rules(struct rivals *r, const struct ruleset *rules)
{
	struct place **before;
	size_t count, count_before;
	struct place **places = places_of(r, rules, &count);

	pthread_mutex_lock(&r->lock);
	before = r->next;
	count_before = r->next_count;
	r->next = places;
	r->next_count = count;
	r->has_next = true;
	pthread_mutex_unlock(&r->lock);
	places_free(before, count_before);
	runloop_wake(&r->loop);
}

/* Takes the namespaces that were set; what is known of those that stay goes on. */
static void adopt_places(struct rivals *r)
{
	struct place **before = r->places;
	size_t count = r->count;

	pthread_mutex_lock(&r->lock);
	if (!r->has_next) {
		pthread_mutex_unlock(&r->lock);
		return;
	}
	for (size_t i = 0; i < r->next_count; i++) {
		struct place *old = find_place(before, count, r->next[i]->namespace);

		if (old) {
			memcpy(r->next[i]->kinds, old->kinds, sizeof(old->kinds));
			memset(old->kinds, 0, sizeof(old->kinds));
		}
	}
	r->places = r->next;
	r->count = r->next_count;
	r->next = NULL;
	r->next_count = 0;
	r->has_next = false;
	pthread_mutex_unlock(&r->lock);
	places_free(before, count);
}

/* --- lists --- */

struct page {
	enum rival_kind kind;
	struct rivals_list *list;
};

static int parse_page(const char *text, size_t len, void *out, struct err *err)
{
	const struct page *page = out;

	return rivalsjson_page(text, len, page->kind, page->list, err);
}

/* By what is looked for. */
static int compare_rivals(const void *a, const void *b)
{
	const struct rival *x = a, *y = b;
	int order = strcmp(x->target_name, y->target_name);

	if (!order)
		order = strcmp(x->target_kind, y->target_kind);
	return order ? order : strcmp(x->group, y->group);
}

static int list_all(struct rivals *r, const char *namespace, enum rival_kind kind,
	struct rivals_list *list, struct err *err)
{
	struct page page = {kind, list};

	for (int i = 0; i < PAGES_MAX; i++) {
		struct strbuf path CLEANUP(strbuf_release) = STRBUF_INIT;
		struct strbuf token CLEANUP(strbuf_release) = STRBUF_INIT;
		struct kube_request c = {.method = "GET", .parse = parse_page, .out = &page};

		strbuf_addf(&path, "%s/namespaces", paths[kind].api);
		kube_add_segment(&path, namespace);
		strbuf_addf(&path, "/%s?limit=" PAGE, paths[kind].resource);
		if (list->next) {
			kube_add_segment(&token, list->next);
			strbuf_addf(&path, "&continue=%s", strbuf_str(&token) + 1);
		}
		c.path = strbuf_str(&path);
		if (kube_request(r->kube, &c, err) < 0)
			return -1;
		if (!list->next)
			return 0;
	}
	return err_set(err, ERR_RETRY, "%s in namespace '%s' come in more than %d pages",
		paths[kind].resource, namespace, PAGES_MAX);
}

static enum outcome outcome_of(const struct err *err)
{
	switch (err->kind) {
	case ERR_NONE:
		return LIST_OK;
	case ERR_DENIED:
		return LIST_DENIED;
	case ERR_ABSENT:
		return LIST_ABSENT;
	default:
		return LIST_FAILED;
	}
}

/* A kind that is not installed is nothing to tell. */
static void say(struct known *k, const char *namespace, enum rival_kind kind, enum outcome outcome,
	const struct err *err)
{
	bool known = outcome == LIST_OK || outcome == LIST_ABSENT;

	if (k->said == outcome)
		return;
	if (outcome == LIST_DENIED)
		log_warn("a %s on the same target goes unseen in namespace '%s': the verb list on "
			 "%s is needed, or scaler.check_rivals = false: %s",
			rival_kind_name(kind), namespace, paths[kind].resource, err->msg);
	else if (outcome == LIST_FAILED)
		log_warn("%s; going on with the %ss known so far", err->msg, rival_kind_name(kind));
	else if (known && (k->said == LIST_DENIED || k->said == LIST_FAILED))
		log_info("%ss in namespace '%s' can be listed again", rival_kind_name(kind),
			namespace);
	k->said = outcome;
}

static int64_t wait_after(enum outcome outcome, const struct err *err)
{
	if (outcome == LIST_ABSENT)
		return ABSENT_MS;
	if (outcome != LIST_FAILED)
		return LOOK_MS;
	return backoff_obey(RETRY_MS, err->retry_after_s);
}

/* No answer, or one that asks for patience: more requests now would be no help. */
static bool is_overload(const struct rivals *r, enum outcome outcome, const struct err *err)
{
	int status = kube_status(r->kube);

	return outcome == LIST_FAILED &&
	       (!status || status == 429 || status == 503 || err->retry_after_s);
}

/* How one look goes on. */
struct pass {
	int64_t now_ms; /* when it began */
	bool live;      /* takes time; a test's does not */
	bool over;      /* asks nothing more */
	int64_t next_ms;
};

static void look_at(struct rivals *r, struct place *p, enum rival_kind kind, struct pass *pass)
{
	struct known *k = &p->kinds[kind];
	struct rivals_list CLEANUP(rivals_list_release) list = {0};
	struct rivals_list old;
	struct err err = {0};
	enum outcome outcome;

	(void)list_all(r, p->namespace, kind, &list, &err);
	if (atomic_load(&r->loop.stop))
		return;
	outcome = outcome_of(&err);
	if (outcome != LIST_OK)
		rivals_list_release(&list);
	if (list.count)
		qsort(list.items, list.count, sizeof(*list.items), compare_rivals);
	pthread_mutex_lock(&r->lock);
	r->lists[kind][outcome]++;
	k->looked |= outcome != LIST_FAILED || ++k->failures >= FAILURES_MAX;
	if (outcome != LIST_FAILED) { /* of a server in trouble the list before still holds */
		old = k->list;
		k->list = list;
		list = old;
	}
	pthread_mutex_unlock(&r->lock);
	k->due_ms = (pass->live ? clock_mono_ms() : pass->now_ms) + wait_after(outcome, &err);
	if (outcome == LIST_ABSENT)
		r->absent_ms[kind] = k->due_ms;
	if (is_overload(r, outcome, &err)) {
		pass->over = true;
		pass->next_ms = k->due_ms;
	}
	say(k, p->namespace, kind, outcome, &err);
}

/* What is not asked, as it would end as another list did. */
static void skip(struct rivals *r, struct known *k, bool absent, int64_t due_ms)
{
	struct rivals_list none = {0}, old = none;

	pthread_mutex_lock(&r->lock);
	k->looked |= absent || ++k->failures >= FAILURES_MAX;
	if (absent) {
		old = k->list;
		k->list = none;
	}
	pthread_mutex_unlock(&r->lock);
	rivals_list_release(&old);
	k->due_ms = due_ms;
}

static int64_t look(struct rivals *r, struct pass *pass)
{
	int64_t due = pass->now_ms + LOOK_MS;
	size_t begin, count;

	adopt_places(r);
	begin = r->begin;
	count = r->count * RIVAL_KINDS;
	for (size_t n = 0; n < count; n++) {
		size_t i = (begin + n) % count;
		enum rival_kind kind = (enum rival_kind)(i % RIVAL_KINDS);
		struct place *p = r->places[i / RIVAL_KINDS];
		struct known *k = &p->kinds[kind];

		if (k->due_ms <= pass->now_ms && !atomic_load(&r->loop.stop)) {
			if (pass->now_ms < r->absent_ms[kind]) {
				skip(r, k, true, r->absent_ms[kind]);
			} else if (pass->over) {
				skip(r, k, false, pass->next_ms);
			} else {
				look_at(r, p, kind, pass);
				r->begin = pass->over ? i + 1 : 0;
			}
		}
		due = k->due_ms < due ? k->due_ms : due;
	}
	return due;
}

int64_t rivals_look(struct rivals *r, int64_t now_ms)
{
	return look(r, &(struct pass){.now_ms = now_ms});
}

static void run(void *ctx)
{
	struct rivals *r = ctx;
	int64_t due;

	do
		due = look(r, &(struct pass){.now_ms = clock_mono_ms(), .live = true});
	while (runloop_wait_until(&r->loop, due));
}

int rivals_start(struct rivals *r, struct err *err)
{
	return runloop_start(&r->loop, "rivals", run, r, err);
}

void rivals_stop(struct rivals *r)
{
	runloop_stop(&r->loop);
}

bool rivals_join(struct rivals *r, int64_t deadline_ms)
{
	return runloop_join(&r->loop, deadline_ms);
}

/* --- answers --- */

static const char *find_name(const struct rivals_list *list, const struct rule_target *t)
{
	CLEANUP(mem_free_at)
	char *group = mem_strndup(t->api_version, rule_group_length(t->api_version));
	const struct rival key = {.group = group, .target_kind = t->kind, .target_name = t->name};
	const struct rival *found =
		list->count ? bsearch(&key, list->items, list->count, sizeof(key), compare_rivals)
			    : NULL;

	return found ? found->name : NULL;
}

/* Under the lock. */
static bool describe(const struct place *p, const struct rule *rule, char *to, size_t size)
{
	const char *hpa = find_name(&p->kinds[RIVAL_HPA].list, &rule->target);
	const char *keda = find_name(&p->kinds[RIVAL_SCALED_OBJECT].list, &rule->target);

	if (hpa && keda)
		(void)snprintf(to, size,
			"ScaledObject '%s' and HorizontalPodAutoscaler '%s' have the same target",
			keda, hpa);
	else if (hpa || keda)
		(void)snprintf(to, size, "%s '%s' has the same target",
			rival_kind_name(hpa ? RIVAL_HPA : RIVAL_SCALED_OBJECT), hpa ? hpa : keda);
	return hpa || keda;
}

bool rivals_find(struct rivals *r, const struct rule *rule, char *ret_why, size_t size)
{
	const struct place *p;
	bool found, looked;

	*ret_why = '\0';
	pthread_mutex_lock(&r->lock);
	p = find_place(r->places, r->count, namespace_of(r, rule));
	looked = p && p->kinds[RIVAL_HPA].looked && p->kinds[RIVAL_SCALED_OBJECT].looked;
	found = p && describe(p, rule, ret_why, size);
	pthread_mutex_unlock(&r->lock);
	return found || !looked;
}

void rivals_metrics(struct rivals *r, struct exposition *x)
{
	uint64_t lists[RIVAL_KINDS][LIST_OUTCOMES];

	pthread_mutex_lock(&r->lock);
	memcpy(lists, r->lists, sizeof(lists));
	pthread_mutex_unlock(&r->lock);
	exposition_family(x, &rivals_families[0]);
	for (int kind = 0; kind < RIVAL_KINDS; kind++)
		for (int outcome = 0; outcome < LIST_OUTCOMES; outcome++)
			strbuf_addf(&x->text,
				"hexlag_rival_lists_total{kind=\"%s\",outcome=\"%s\"} %" PRIu64
				"\n",
				rival_kind_name((enum rival_kind)kind), outcome_names[outcome],
				lists[kind][outcome]);
}

const struct kube *rivals_kube(const struct rivals *r)
{
	return r->kube;
}
