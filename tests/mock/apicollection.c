/* The collection and the accepted requests of the fake API server. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/monocond.h"
#include "tests/mock/apistate.h"

void apiserver_collection(struct apiserver *s, const char *path, const char *list_kind)
{
	pthread_mutex_lock(&s->lock);
	s->watch.path = mem_strdup(path);
	s->watch.kind = mem_strdup(list_kind);
	pthread_mutex_unlock(&s->lock);
}

void apiserver_item(struct apiserver *s, const char *json)
{
	pthread_mutex_lock(&s->lock);
	apiwatch_put(&s->watch, json, ++s->objects.version);
	pthread_mutex_unlock(&s->lock);
}

void apiserver_item_remove(struct apiserver *s, const char *namespace, const char *name)
{
	char *key CLEANUP(mem_free_at) = mem_printf("%s/%s", namespace, name);

	pthread_mutex_lock(&s->lock);
	apiwatch_remove(&s->watch, key, ++s->objects.version);
	pthread_mutex_unlock(&s->lock);
}

void apiserver_bookmark(struct apiserver *s)
{
	pthread_mutex_lock(&s->lock);
	apiwatch_bookmark(&s->watch, ++s->objects.version);
	pthread_mutex_unlock(&s->lock);
}

void apiserver_emit(struct apiserver *s, const char *text)
{
	pthread_mutex_lock(&s->lock);
	apiwatch_emit(&s->watch, text);
	pthread_mutex_unlock(&s->lock);
}

void apiserver_end_watches(struct apiserver *s, bool whole)
{
	pthread_mutex_lock(&s->lock);
	apiwatch_end(&s->watch, whole);
	pthread_mutex_unlock(&s->lock);
}

void apiserver_expire(struct apiserver *s, bool as_event)
{
	pthread_mutex_lock(&s->lock);
	s->watch.oldest = ++s->objects.version;
	s->watch.expire_as_event = as_event;
	pthread_mutex_unlock(&s->lock);
}

unsigned apiserver_watches(struct apiserver *s)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = s->watch.opened;
	pthread_mutex_unlock(&s->lock);
	return n;
}

unsigned apiserver_open_watches(struct apiserver *s)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = (unsigned)s->watch.open;
	pthread_mutex_unlock(&s->lock);
	return n;
}

void apiserver_accept(struct apiserver *s, const char *method, const char *path_has)
{
	struct apiserver_accepting *a;

	pthread_mutex_lock(&s->lock);
	a = mem_append(&s->accepting, s->accepting_count++, sizeof(*a));
	*a = (struct apiserver_accepting){method, path_has};
	pthread_mutex_unlock(&s->lock);
}

bool apistate_accept(
	struct apiserver *s, const char *method, const char *path, const char *body, size_t len)
{
	char **kept;

	for (size_t i = 0; i < s->accepting_count; i++) {
		if (strcmp(s->accepting[i].method, method) != 0 ||
			!strstr(path, s->accepting[i].path_has))
			continue;
		kept = mem_append(&s->taken, s->taken_count++, sizeof(*kept));
		*kept = mem_strndup(body, len);
		pthread_cond_broadcast(&s->counted);
		return true;
	}
	return false;
}

char *apiserver_accepted(struct apiserver *s, unsigned n)
{
	char *body = NULL;

	pthread_mutex_lock(&s->lock);
	if (n < s->taken_count)
		body = mem_strdup(s->taken[n]);
	pthread_mutex_unlock(&s->lock);
	return body;
}

bool apiserver_wait_accepted(struct apiserver *s, unsigned count)
{
	int64_t deadline_ms = clock_mono_ms() + APISTATE_WAIT_MS;
	bool in_time = true, reached;

	pthread_mutex_lock(&s->lock);
	while (in_time && s->taken_count < count)
		in_time = monocond_wait_until(&s->counted, &s->lock, deadline_ms);
	reached = s->taken_count >= count;
	pthread_mutex_unlock(&s->lock);
	return reached;
}
