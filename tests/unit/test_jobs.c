#include "common/jobs.h"

#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>

#include "common/mem.h"
#include "tests/tap.h"
#include "tests/unit/nothreads.h"

#define NO_LIMIT SIZE_MAX

/* What became of all jobs. */
struct world {
	struct jobs q;
	sem_t begun, go;  /* a job that holds the thread has begun; may end */
	char run[16];     /* the names of those that ran, in order */
	char dropped[16]; /* and of those that were dropped */
};

struct letter {
	struct job job;
	char name;
	bool holds;   /* until `go` */
	bool watches; /* holds until it is asked to stop */
};

static void note(char *list, struct letter *l)
{
	list[strlen(list)] = l->name;
	free(l);
}

static void run(void *ctx, struct job *job)
{
	struct world *w = ctx;
	struct letter *l = (struct letter *)job;

	if (l->holds || l->watches)
		sem_post(&w->begun);
	if (l->holds)
		sem_wait(&w->go);
	while (l->watches && !atomic_load(&w->q.loop.stop))
		sched_yield();
	note(w->run, l);
}

/* Only from here on may a job that holds the thread end: stopping has come as far as this. */
static void drop(void *ctx, struct job *job)
{
	struct world *w = ctx;

	note(w->dropped, (struct letter *)job);
	sem_post(&w->go);
}

static const struct jobs_calls calls = {.run = run, .drop = drop};

static void world_start(struct world *w)
{
	struct err err = {0};

	*w = (struct world){0};
	sem_init(&w->begun, 0, 0);
	sem_init(&w->go, 0, 0);
	TAP_INT("it starts", jobs_start(&w->q, "test-jobs", &calls, w, &err), 0);
}

static bool put_letter(struct world *w, struct letter like, enum jobs_place place, size_t limit)
{
	struct letter *l = mem_alloc(sizeof(*l));

	*l = like;
	if (jobs_put(&w->q, &l->job, place, limit))
		return true;
	free(l);
	return false;
}

static bool put(struct world *w, char name, enum jobs_place place)
{
	return put_letter(w, (struct letter){.name = name}, place, NO_LIMIT);
}

/* Puts a job that keeps the thread busy, and waits until it does. */
static void hold(struct world *w, struct letter like)
{
	TAP_TRUE("a job is taken", put_letter(w, like, JOBS_LAST, NO_LIMIT));
	sem_wait(&w->begun);
}

static void world_end(struct world *w)
{
	jobs_stop(&w->q);
	TAP_TRUE("its thread ends", jobs_join(&w->q));
	sem_destroy(&w->begun);
	sem_destroy(&w->go);
}

/* Where every letter is put, and what has become of them; "-" holds the thread meanwhile. */
static const struct {
	const char *name;
	const char *put; /* a capital letter: before all */
	const char *want;
} orders[] = {
	{"one after another", "abc", "-abc"},
	{"one before all that wait, but not before the one that runs", "abC", "-Cab"},
	{"the first of all at the front", "Abc", "-Abc"},
	{"the later one at the front comes first", "aBC", "-CBa"},
	{"who comes last is behind one at the front", "Ab", "-Ab"},
};

static void test_order(void)
{
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		struct world w;

		world_start(&w);
		hold(&w, (struct letter){.name = '-', .holds = true});
		for (const char *c = orders[i].put; *c; c++)
			(void)put(&w, *c, *c < 'a' ? JOBS_FIRST : JOBS_LAST);
		/* All ran when the last one has begun that ends behind them. */
		(void)put_letter(
			&w, (struct letter){.name = '.', .watches = true}, JOBS_LAST, NO_LIMIT);
		sem_post(&w.go);
		sem_wait(&w.begun);
		TAP_STR(orders[i].name, w.run, orders[i].want);
		world_end(&w);
		TAP_STR("nothing is dropped", w.dropped, "");
	}
}

static void test_limit(void)
{
	struct letter a = {.name = 'a'};
	struct world w;

	world_start(&w);
	TAP_TRUE("there is room for one", jobs_have_room(&w.q, 1));
	TAP_TRUE("none for none", !jobs_have_room(&w.q, 0));
	hold(&w, (struct letter){.name = '-', .holds = true});
	TAP_TRUE("the one that runs counts", !jobs_have_room(&w.q, 1));
	TAP_TRUE("one below the limit is taken", put_letter(&w, a, JOBS_LAST, 2));
	TAP_TRUE("one at the limit is not", !put_letter(&w, a, JOBS_LAST, 2));
	TAP_TRUE("at the front neither", !put_letter(&w, a, JOBS_FIRST, 2));
	TAP_TRUE("another limit is another", put_letter(&w, a, JOBS_LAST, 3));
	world_end(&w);
	TAP_STR("those that were taken are dropped, and no more", w.dropped, "aa");
}

static void test_stop(void)
{
	struct world w;

	world_start(&w);
	hold(&w, (struct letter){.name = '-', .holds = true});
	(void)put(&w, 'a', JOBS_LAST);
	(void)put(&w, 'b', JOBS_LAST);
	jobs_stop(&w.q);
	TAP_STR("what runs has ended after a stop", w.run, "-");
	TAP_STR("what waits is dropped in its order", w.dropped, "ab");
	TAP_TRUE("nothing can be put after it", !put(&w, 'c', JOBS_LAST));
	TAP_TRUE("nor at the front", !put(&w, 'c', JOBS_FIRST));
	TAP_TRUE("and there is no room", !jobs_have_room(&w.q, NO_LIMIT));
	world_end(&w);
	TAP_STR("nothing more ran", w.run, "-");
	TAP_STR("nothing more was dropped", w.dropped, "ab");
}

static void test_stop_flag(void)
{
	struct world w;

	world_start(&w);
	hold(&w, (struct letter){.name = '-', .watches = true});
	jobs_stop(&w.q);
	TAP_STR("what runs sees that it is to end", w.run, "-");
	world_end(&w);
}

static void test_idle(void)
{
	struct world w;

	world_start(&w);
	world_end(&w);
	TAP_STR("nothing ran", w.run, "");
	TAP_STR("nothing was dropped", w.dropped, "");
}

static void test_no_thread(void)
{
	struct err err = {0};
	struct jobs q = {0};

	no_threads = true;
	TAP_INT("no start without a thread", jobs_start(&q, "test-jobs", &calls, NULL, &err), -1);
	no_threads = false;
	TAP_HAS("it says which", err.msg, "test-jobs");
}

int main(void)
{
	test_order();
	test_limit();
	test_stop();
	test_stop_flag();
	test_idle();
	test_no_thread();
	return tap_done();
}
