#include "sidecar/trend.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sidecar/snapshot.h"

/* Cycles that are 5 s apart never begin exactly so. */
#define SPACING_MS 4500

#define NO_LAG (-1)

/* The values of one group by slot, two arrays since a struct of both would be a third larger. */
struct ring {
	int64_t lags[TREND_POINTS_MAX]; /* NO_LAG: not known */
	uint32_t time_lags_ms[TREND_POINTS_MAX];
	bool has_time_lag[TREND_POINTS_MAX];
};

struct value {
	int64_t lag;
	uint32_t time_lag_ms;
	bool has_time_lag;
};

struct trend_group {
	char *name;
	uint64_t since;     /* its first point */
	struct value value; /* of the newest point, and of all where `ring` is NULL */
	struct ring *ring;  /* from the first change on */
};

struct trend {
	pthread_mutex_t lock;
	int64_t wall_ms[TREND_POINTS_MAX]; /* by slot: the number of a point modulo its size */
	uint64_t next;                     /* number of the next point */
	int64_t last_ms;                   /* monotonic time of the newest; valid with `next` */
	struct trend_group *groups;        /* sorted by name */
	size_t count;
};

struct trend *trend_new(void)
{
	struct trend *t = mem_zalloc(1, sizeof(*t));

	pthread_mutex_init(&t->lock, NULL);
	return t;
}

static void release_group(struct trend_group *g)
{
	free(g->name);
	free(g->ring);
}

void trend_free(struct trend *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->count; i++)
		release_group(&t->groups[i]);
	free(t->groups);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static uint64_t oldest(const struct trend *t, const struct trend_group *g)
{
	uint64_t kept = t->next > TREND_POINTS_MAX ? t->next - TREND_POINTS_MAX : 0;

	return g->since > kept ? g->since : kept;
}

static void put(struct ring *r, uint64_t point, const struct value *v)
{
	size_t slot = point % TREND_POINTS_MAX;

	r->lags[slot] = v->lag;
	r->time_lags_ms[slot] = v->time_lag_ms;
	r->has_time_lag[slot] = v->has_time_lag;
}

static bool same(const struct value *a, const struct value *b)
{
	return a->lag == b->lag && a->time_lag_ms == b->time_lag_ms &&
	       a->has_time_lag == b->has_time_lag;
}

static void add_value(struct trend *t, struct trend_group *g, const struct value *v)
{
	if (!g->ring && g->since < t->next && !same(&g->value, v)) {
		g->ring = mem_zalloc(1, sizeof(*g->ring));
		for (uint64_t i = oldest(t, g); i < t->next; i++)
			put(g->ring, i, &g->value);
	}
	g->value = *v;
	if (g->ring)
		put(g->ring, t->next, v);
}

static struct value value_of(const struct snapshot *s, const struct group *g)
{
	struct value v = {0};

	if (!snapshot_group_lag(s, g, &v.lag))
		v.lag = NO_LAG;
	v.has_time_lag = snapshot_group_time_lag(s, g, &v.time_lag_ms);
	if (!v.has_time_lag)
		v.time_lag_ms = 0;
	return v;
}

/* Both sides are sorted: one walk along them keeps, adds and forgets. */
static void add_point(struct trend *t, const struct snapshot *s)
{
	struct trend_group *groups = mem_zalloc(s->group_count, sizeof(*groups));
	size_t old = 0;

	for (size_t i = 0; i < s->group_count; i++) {
		struct value v = value_of(s, &s->groups[i]);
		int order = -1;

		while (old < t->count &&
			(order = strcmp(t->groups[old].name, s->groups[i].name)) < 0)
			release_group(&t->groups[old++]);
		if (old < t->count && order == 0)
			groups[i] = t->groups[old++];
		else
			groups[i] = (struct trend_group){
				.name = mem_strdup(s->groups[i].name), .since = t->next};
		add_value(t, &groups[i], &v);
	}
	while (old < t->count)
		release_group(&t->groups[old++]);
	free(t->groups);
	t->groups = groups;
	t->count = s->group_count;
	t->wall_ms[t->next % TREND_POINTS_MAX] = s->wall_ms;
	t->last_ms = s->mono_ms;
	t->next++;
}

void trend_add(struct trend *t, const struct snapshot *s)
{
	pthread_mutex_lock(&t->lock);
	if (t->next == 0 || s->mono_ms - t->last_ms >= SPACING_MS)
		add_point(t, s);
	pthread_mutex_unlock(&t->lock);
}

static size_t copy_points(
	const struct trend *t, const struct trend_group *g, struct trend_point *points)
{
	size_t count = 0;

	for (uint64_t i = oldest(t, g); i < t->next; i++) {
		size_t slot = i % TREND_POINTS_MAX;
		struct value v = g->value;

		if (g->ring)
			v = (struct value){g->ring->lags[slot], g->ring->time_lags_ms[slot],
				g->ring->has_time_lag[slot]};
		points[count++] = (struct trend_point){
			.wall_ms = t->wall_ms[slot],
			.lag = v.lag == NO_LAG ? 0 : v.lag,
			.has_lag = v.lag != NO_LAG,
			.time_lag_ms = v.time_lag_ms,
			.has_time_lag = v.has_time_lag,
		};
	}
	return count;
}

static int compare_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct trend_group *)element)->name);
}

size_t trend_read(
	struct trend *t, const char *group, struct trend_point ret_points[TREND_POINTS_MAX])
{
	const struct trend_group *g = NULL;
	size_t count;

	pthread_mutex_lock(&t->lock);
	if (t->count)
		g = bsearch(group, t->groups, t->count, sizeof(*t->groups), compare_name);
	count = g ? copy_points(t, g, ret_points) : 0;
	pthread_mutex_unlock(&t->lock);
	return count;
}

void trend_read_all(struct trend *t, trend_visit *visit, void *ctx)
{
	struct trend_point points[TREND_POINTS_MAX];

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->count; i++)
		visit(ctx, t->groups[i].name, points, copy_points(t, &t->groups[i], points));
	pthread_mutex_unlock(&t->lock);
}
