#include "sidecar/apicache.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/runloop.h"
#include "sidecar/apijson.h"
#include "sidecar/metrics.h"
#include "sidecar/publish.h"
#include "sidecar/snapshot.h"
#include "sidecar/text.h"

/* A document that nobody asked for during so many full cycles is made ahead no more. */
#define IDLE_CYCLES 8

#define WAIT_MS 60000

struct slot {
	struct apicache_document document; /* {0}: none */
	unsigned idle; /* full cycles since somebody asked; IDLE_CYCLES: nobody does */
};

struct apicache {
	struct publish *publish;
	struct trend *trend;
	struct runloop loop;                  /* the thread, from the first need of it */
	bool no_thread;                       /* it could not be started */
	pthread_mutex_t lock;                 /* guards what is below */
	struct slot slots[APICACHE_COUNT][2]; /* [what][gzip] */
	uint64_t seen; /* seq of the latest snapshot that the thread has done its work for */
};

void apicache_document_release(struct apicache_document *document)
{
	snapshot_unref(document->s);
	text_unref(document->text);
	*document = (struct apicache_document){0};
}

static struct apicache_document document_ref(const struct apicache_document *document)
{
	return (struct apicache_document){snapshot_ref(document->s), text_ref(document->text)};
}

static struct apicache_document render(
	const struct apicache *c, struct snapshot *s, enum apicache_what what, bool gzip)
{
	CLEANUP(strbuf_release) struct strbuf plain = STRBUF_INIT;
	struct text *text = text_new();

	if (what == APICACHE_LAG)
		apijson_lag_rest(&plain, s);
	else
		apijson_history(&plain, c->trend);
	text->seq = s->seq;
	text->mono_ms = s->mono_ms;
	text->len = plain.len;
	text->gzip = gzip;
	if (gzip) {
		struct gzip *z = gzip_begin(&text->bytes);

		gzip_add(z, plain.data, plain.len);
		text->sum = gzip_end(z);
	} else {
		text->bytes = plain;
		plain = STRBUF_INIT;
	}
	return (struct apicache_document){snapshot_ref(s), text};
}

/* Keeps the document where it is newer than the one that is there. Takes the references of the caller. */
static void store(struct apicache *c, struct slot *slot, struct apicache_document document)
{
	struct apicache_document old = document;

	pthread_mutex_lock(&c->lock);
	if (!slot->document.s || slot->document.s->seq < document.s->seq) {
		old = slot->document;
		slot->document = document;
	}
	pthread_mutex_unlock(&c->lock);
	/* The last reference to a large snapshot takes a while to go; nobody waits for it here. */
	apicache_document_release(&old);
}

/* Whether the thread makes, or is about to make, the document of `s` that follows the one in the slot.
 * Under the lock. */
static bool under_way(
	const struct apicache *c, const struct snapshot *s, const struct slot *slot, bool large)
{
	return large && c->loop.started && s->seq > c->seen && slot->document.s->seq >= c->seen;
}

/* The document that is at hand; {0}: it has to be made. `wanted`: somebody asked for just this form. */
static struct apicache_document find(
	struct apicache *c, const struct snapshot *s, struct slot *slot, bool large, bool wanted)
{
	struct apicache_document found = {0};

	pthread_mutex_lock(&c->lock);
	if (wanted)
		slot->idle = 0;
	if (slot->document.s && (slot->document.s->seq == s->seq || under_way(c, s, slot, large)))
		found = document_ref(&slot->document);
	pthread_mutex_unlock(&c->lock);
	return found;
}

/* --- the thread --- */

static void tend(struct apicache *c, struct snapshot *s, enum apicache_what what, bool gzip)
{
	struct slot *slot = &c->slots[what][gzip];
	struct apicache_document old = {0};
	bool wanted, made;

	pthread_mutex_lock(&c->lock);
	wanted = slot->idle < IDLE_CYCLES;
	made = slot->document.s && slot->document.s->seq >= s->seq;
	if (wanted) {
		slot->idle += s->full;
	} else {
		old = slot->document;
		slot->document = (struct apicache_document){0};
	}
	pthread_mutex_unlock(&c->lock);
	apicache_document_release(&old);
	if (wanted && !made && metrics_large(s))
		store(c, slot, render(c, s, what, gzip));
}

static void run(void *ctx)
{
	struct apicache *c = ctx;
	uint64_t seq = 0;

	while (!atomic_load(&c->loop.stop)) {
		struct snapshot *s = publish_wait(c->publish, seq, clock_mono_ms() + WAIT_MS);

		if (!s && publish_stopped(c->publish))
			return;
		if (!s)
			continue;
		for (int i = 0; i < 2 * APICACHE_COUNT; i++)
			tend(c, s, (enum apicache_what)(i / 2), i & 1);
		seq = s->seq;
		pthread_mutex_lock(&c->lock);
		c->seen = seq;
		pthread_mutex_unlock(&c->lock);
		snapshot_unref(s);
	}
}

/* `s` itself is not waited for. */
static void start_thread(struct apicache *c, const struct snapshot *s)
{
	struct err err = {0};

	if (c->no_thread || c->loop.started)
		return;
	c->seen = s->seq;
	c->no_thread = runloop_start(&c->loop, "documents", run, c, &err) < 0;
	if (c->no_thread)
		log_warn("large documents are not made ahead: %s", err.msg);
}

struct apicache_document apicache_get(struct apicache *c, struct snapshot *s,
	enum apicache_what what, struct negotiate_encoding encoding)
{
	bool large = metrics_large(s), gzip = encoding.gzip;
	struct apicache_document found, made;

	if (large)
		start_thread(c, s);
	found = find(c, s, &c->slots[what][gzip], large, true);
	if (!found.text && gzip && !encoding.gzip_only && large) {
		gzip = false;
		found = find(c, s, &c->slots[what][gzip], large, false);
	}
	if (found.text)
		return found;
	made = render(c, s, what, gzip);
	store(c, &c->slots[what][gzip], document_ref(&made));
	return made;
}

struct apicache *apicache_new(struct publish *publish, struct trend *trend)
{
	struct apicache *c = mem_zalloc(1, sizeof(*c));

	c->publish = publish;
	c->trend = trend;
	pthread_mutex_init(&c->lock, NULL);
	for (int i = 0; i < 2 * APICACHE_COUNT; i++)
		c->slots[i / 2][i & 1].idle = IDLE_CYCLES;
	return c;
}

void apicache_free(struct apicache *c)
{
	if (!c)
		return;
	runloop_stop(&c->loop);
	if (c->loop.started)
		publish_stop(c->publish);
	/* Making a document cannot be interrupted, and takes less than a second. */
	while (!runloop_join(&c->loop, clock_mono_ms() + WAIT_MS))
		;
	for (int i = 0; i < 2 * APICACHE_COUNT; i++)
		apicache_document_release(&c->slots[i / 2][i & 1].document);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
