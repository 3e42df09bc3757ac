#include "sidecar/texts.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/runloop.h"
#include "sidecar/publish.h"
#include "sidecar/snapshot.h"

/* A form that nobody asked for during so many full cycles is forgotten, once the thread runs, which the
 * first compressed large text starts. With the usual 10 s between cycles that is longer than the usual
 * time between two scrapes, a minute at most. */
#define IDLE_CYCLES 8

#define WAIT_MS 60000

/* The text of one form. */
struct slot {
	struct text *text; /* NULL: none, or being made again */
	unsigned idle;     /* full cycles since somebody asked; IDLE_CYCLES: nobody does */
};

struct texts {
	struct publish *publish;
	const struct metrics_options *metrics;
	struct runloop loop;     /* the thread, from the first need of it */
	bool no_thread;          /* it could not be started */
	pthread_mutex_t lock;    /* guards what is below */
	struct slot slots[2][2]; /* [openmetrics][gzip] */
	uint64_t seen;           /* seq of the snapshot that the thread has done its work for */
	uint64_t ahead;          /* seq of the texts that it made last */
	uint64_t given;          /* the highest seq of a text that was given to anybody */
	bool dropping;           /* the last text had series left out */
};

/* --- one text --- */

static void compress(void *ctx, const char *bytes, size_t len)
{
	gzip_add(ctx, bytes, len);
}

static void render_gzip(struct text *text, struct exposition *x, const struct snapshot *s,
	const struct metrics_options *metrics)
{
	struct gzip *z;

	gzip_header(&text->bytes);
	z = gzip_begin(&text->bytes);
	x->drain = compress;
	x->drain_ctx = z;
	text->count = metrics_render(x, s, metrics);
	exposition_drain(x, true);
	text->sum = gzip_end(z);
	text->len = text->sum.len;
	strbuf_release(&x->text);
}

/* Makes the text of `s`. Memory of `old`, to which nobody else has a reference, is used again: fresh
 * pages cost more than the rendering. NULL: there is none. */
static struct text *render(const struct snapshot *s, const struct metrics_options *metrics,
	struct text_form form, struct text *old)
{
	struct text *text = old ? old : text_new();
	struct exposition x = {.openmetrics = form.openmetrics};
	int64_t began = clock_mono_us();

	text->seq = s->seq;
	text->mono_ms = s->mono_ms;
	text->bytes.len = 0;
	text->gzip = form.gzip;
	if (form.gzip) {
		render_gzip(text, &x, s, metrics);
	} else {
		x.text = text->bytes;
		text->count = metrics_render(&x, s, metrics);
		text->bytes = x.text;
		text->len = text->bytes.len;
	}
	text->render_us = clock_mono_us() - began;
	return text;
}

/* --- all of them --- */

static struct slot *slot_of(struct texts *t, struct text_form form)
{
	return &t->slots[form.openmetrics][form.gzip];
}

/* Under the lock. */
static void drop(struct slot *slot)
{
	text_unref(slot->text);
	slot->text = NULL;
}

/* Makes `text` that of its form. Takes the reference of the caller. */
static void store(struct texts *t, struct text_form form, struct text *text)
{
	bool dropping = text->count.dropped > 0, told;

	pthread_mutex_lock(&t->lock);
	drop(slot_of(t, form));
	slot_of(t, form)->text = text;
	told = t->dropping;
	t->dropping = dropping;
	pthread_mutex_unlock(&t->lock);
	if (dropping && !told)
		log_warn("%zu series are not shown: with them there would be %zu, more than "
			 "exporter.max_series",
			text->count.dropped, text->count.dropped + text->count.series);
	else if (told && !dropping)
		log_info("all series are shown again");
}

/* Whether the thread makes, or is about to make, the compressed texts of `s`. Under the lock. */
static bool under_way(const struct texts *t, const struct snapshot *s)
{
	return !t->no_thread && s->full && s->seq > t->seen && metrics_large(s);
}

/* The one before `s`, and nobody has had a newer one. */
static bool may_stand_in(const struct texts *t, const struct text *text)
{
	return text->seq == t->ahead && text->seq >= t->given;
}

static struct text *make(struct texts *t, const struct snapshot *s, struct text_form form)
{
	struct text *old = NULL, *text;

	pthread_mutex_lock(&t->lock);
	text = slot_of(t, form)->text;
	if (text && !form.gzip && atomic_load_explicit(&text->refs, memory_order_acquire) == 1) {
		old = text;
		slot_of(t, form)->text = NULL;
	}
	pthread_mutex_unlock(&t->lock);
	text = render(s, t->metrics, form, old);
	store(t, form, text_ref(text));
	return text;
}

/* The text of the form that is at hand, NULL where it has to be made. `wanted`: somebody asked for just
 * this form. */
static struct text *find(
	struct texts *t, const struct snapshot *s, struct text_form form, bool wanted)
{
	struct slot *slot = slot_of(t, form);
	struct text *text;

	pthread_mutex_lock(&t->lock);
	if (wanted)
		slot->idle = 0;
	text = slot->text;
	if (text && text->seq != s->seq && !(form.gzip && may_stand_in(t, text) && under_way(t, s)))
		text = NULL;
	if (text)
		(void)text_ref(text);
	pthread_mutex_unlock(&t->lock);
	return text;
}

/* --- the thread --- */

static void tend(struct texts *t, const struct snapshot *s, struct text_form form)
{
	struct slot *slot = slot_of(t, form);
	bool wanted;

	pthread_mutex_lock(&t->lock);
	wanted = slot->idle < IDLE_CYCLES;
	if (wanted)
		slot->idle++;
	else
		drop(slot);
	pthread_mutex_unlock(&t->lock);
	if (wanted && form.gzip && metrics_large(s))
		store(t, form, render(s, t->metrics, form, NULL));
}

static void run(void *ctx)
{
	struct texts *t = ctx;
	uint64_t seq = 0;

	while (!atomic_load(&t->loop.stop)) {
		struct snapshot *s = publish_wait(t->publish, seq, clock_mono_ms() + WAIT_MS);

		if (!s && publish_stopped(t->publish))
			return;
		if (!s)
			continue;
		for (int i = 0; s->full && i < 4; i++)
			tend(t, s, (struct text_form){.openmetrics = i & 1, .gzip = i < 2});
		seq = s->seq;
		pthread_mutex_lock(&t->lock);
		t->seen = seq;
		t->ahead = s->full ? seq : t->ahead;
		pthread_mutex_unlock(&t->lock);
		snapshot_unref(s);
	}
}

static void start_thread(struct texts *t)
{
	struct err err = {0};

	if (t->no_thread || t->loop.started)
		return;
	t->no_thread = runloop_start(&t->loop, "texts", run, t, &err) < 0;
	if (t->no_thread)
		log_warn("large texts are not compressed: %s", err.msg);
}

struct text *texts_get(struct texts *t, const struct snapshot *s, struct text_form form)
{
	struct text *text;

	if (form.gzip && metrics_large(s))
		start_thread(t);
	text = find(t, s, form, true);
	if (!text && form.gzip && !form.gzip_only && metrics_large(s)) {
		form.gzip = false;
		text = find(t, s, form, false);
	}
	if (!text)
		text = make(t, s, form);
	pthread_mutex_lock(&t->lock);
	t->given = text->seq > t->given ? text->seq : t->given;
	pthread_mutex_unlock(&t->lock);
	return text;
}

struct texts *texts_new(struct publish *publish, const struct metrics_options *metrics)
{
	struct texts *t = mem_zalloc(1, sizeof(*t));

	t->publish = publish;
	t->metrics = metrics;
	pthread_mutex_init(&t->lock, NULL);
	for (int i = 0; i < 4; i++)
		t->slots[i & 1][i < 2].idle = IDLE_CYCLES;
	return t;
}

void texts_free(struct texts *t)
{
	if (!t)
		return;
	runloop_stop(&t->loop);
	if (t->loop.started)
		publish_stop(t->publish);
	/* A rendering cannot be interrupted, and takes less than a second. */
	while (!runloop_join(&t->loop, clock_mono_ms() + WAIT_MS))
		;
	for (int i = 0; i < 4; i++)
		drop(&t->slots[i & 1][i < 2]);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
