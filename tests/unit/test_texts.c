#include "sidecar/texts.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/gunzip.h"
#include "common/mem.h"
#include "sidecar/publish.h"
#include "tests/tap.h"
#include "tests/unit/handmade.h"
#include "tests/unit/nothreads.h"
#include "tests/unit/strictformat.h"

#define MANY 3000 /* partitions that make a snapshot large */
#define FEW 10

static const struct text_form plain = {0}, gzip = {.gzip = true},
			      gzip_only = {.gzip = true, .gzip_only = true},
			      open_gzip = {.gzip = true, .openmetrics = true};

/* Publishes a snapshot and returns it, with a reference. */
static struct snapshot *show(struct publish *p, uint64_t seq, bool full, size_t partitions)
{
	struct snapshot *s = empty_snapshot();

	s->seq = seq;
	s->full = full;
	add_topic(s, "t", partitions);
	publish_set(p, snapshot_ref(s));
	return s;
}

/* The text of `s` in a form: of which snapshot, and compressed or not; "1 gzip". The text itself is
 * checked. */
static const char *got(struct texts *t, struct snapshot *s, struct text_form form, bool *ret_valid)
{
	static char what[64];
	struct text *text = texts_get(t, s, form);
	struct strbuf all = STRBUF_INIT;
	CLEANUP(mem_free_at) char *wrong = NULL;
	size_t samples = 0;

	if (text->gzip) {
		struct strbuf body = STRBUF_INIT;

		strbuf_add(&body, text->bytes.data, text->bytes.len);
		gzip_trailer(&body, text->sum, (struct gzip_sum){0});
		*ret_valid = gunzip(body.data, body.len, SIZE_MAX, &all, NULL) == 0;
		strbuf_release(&body);
	} else {
		*ret_valid = true;
		strbuf_add(&all, text->bytes.data, text->bytes.len);
	}
	wrong = strict_check(strbuf_str(&all), form.openmetrics, false, &samples);
	*ret_valid &= !wrong && samples == text->count.series && all.len == text->len;
	(void)snprintf(what, sizeof(what), "%d%s", (int)text->seq, text->gzip ? " gzip" : "");
	strbuf_release(&all);
	text_unref(text);
	return what;
}

#define EXPECT(name, s, form, want)                           \
	do {                                                  \
		bool valid;                                   \
		TAP_STR(name, got(t, s, form, &valid), want); \
		TAP_TRUE(name, valid);                        \
	} while (0)

/* Waits until the text that was made ahead is there. */
static bool prepared(struct texts *t, struct snapshot *s, struct text_form form)
{
	int64_t deadline = clock_mono_ms() + 10000;

	while (clock_mono_ms() < deadline) {
		struct text *text = texts_get(t, s, form);
		bool done = text->gzip && text->seq == s->seq;

		text_unref(text);
		if (done)
			return true;
	}
	return false;
}

static void test_small(void)
{
	struct publish *p = publish_new();
	struct texts *t = texts_new(p, NULL);
	struct snapshot *one = show(p, 1, true, FEW), *two = show(p, 2, false, FEW);
	struct text *first, *again;

	EXPECT("a small text is compressed at once", one, gzip, "1 gzip");
	EXPECT("in each format", one, open_gzip, "1 gzip");
	EXPECT("or not compressed", one, plain, "1");
	EXPECT("and is always of the newest snapshot", two, gzip, "2 gzip");
	first = texts_get(t, two, gzip);
	again = texts_get(t, two, gzip);
	TAP_TRUE("all who ask share one", first == again);
	texts_free(t);
	TAP_TRUE("which outlives the cache", first->bytes.len > 10);
	text_unref(first);
	text_unref(again);
	snapshot_unref(one);
	snapshot_unref(two);
	publish_free(p);
}

static void test_large(void)
{
	struct publish *p = publish_new();
	struct texts *t = texts_new(p, NULL);
	struct snapshot *s = show(p, 1, true, MANY), *next;
	char *const want = (char[]){"? gzip"};

	EXPECT("the first who asks for a large text gets it uncompressed", s, gzip, "1");
	EXPECT("unless that is refused", s, gzip_only, "1 gzip");
	EXPECT("then all get what was made", s, gzip, "1 gzip");
	for (uint64_t seq = 2; seq < 5; seq++) {
		const char *at_once;
		bool right;

		next = show(p, seq, true, MANY);
		at_once = got(t, next, gzip, &right);
		TAP_TRUE("until the next is ready the one before is given",
			right && strstr(at_once, " gzip") && at_once[0] >= '0' + (int)seq - 1);
		TAP_TRUE("it is made ahead", prepared(t, next, gzip));
		want[0] = (char)('0' + seq);
		EXPECT("and compressed", next, gzip, want);
		snapshot_unref(s);
		s = next;
	}
	next = show(p, 5, false, MANY);
	EXPECT("after a cycle of rules only the text is newest, and uncompressed", next, gzip, "5");
	snapshot_unref(s);
	s = show(p, 6, true, MANY);
	TAP_TRUE("and compressed after the next full one", prepared(t, s, gzip));
	snapshot_unref(s);
	snapshot_unref(next);
	texts_free(t);
	publish_free(p);
}

/* Nobody asks for the compressed text during many cycles; then somebody does. */
static void test_idle(void)
{
	struct publish *p = publish_new();
	struct texts *t = texts_new(p, NULL);
	struct snapshot *s = show(p, 1, true, MANY);
	struct text *last;

	EXPECT("one form is asked for", s, gzip, "1");
	text_unref(texts_get(t, s, open_gzip));
	for (uint64_t seq = 2; seq < 30; seq++) {
		snapshot_unref(s);
		s = show(p, seq, true, MANY);
		/* The other form shows that the thread has come so far. */
		TAP_TRUE("another form is asked for all the time", prepared(t, s, open_gzip));
	}
	snapshot_unref(s);
	s = show(p, 30, true, MANY);
	last = texts_get(t, s, gzip);
	TAP_TRUE("a form that nobody asked for is made no more", !last->gzip && last->seq == 30);
	text_unref(last);
	texts_free(t);
	snapshot_unref(s);
	publish_free(p);
}

/* Nobody makes a text ahead: what is refused uncompressed is made anew for each snapshot. */
static void test_no_thread(void)
{
	struct publish *p = publish_new();
	struct texts *t = texts_new(p, NULL);
	struct snapshot *one = show(p, 1, true, MANY), *two;

	no_threads = true;
	EXPECT("without a thread a large text is not compressed", one, gzip, "1");
	EXPECT("unless that is refused", one, gzip_only, "1 gzip");
	two = show(p, 2, true, MANY);
	EXPECT("and so is the next one", two, gzip_only, "2 gzip");
	no_threads = false;
	texts_free(t);
	snapshot_unref(one);
	snapshot_unref(two);
	publish_free(p);
}

static void test_counts(void)
{
	const struct metrics_options limited = {.max_series = 50};
	struct publish *p = publish_new();
	struct texts *t = texts_new(p, &limited);
	struct snapshot *s = show(p, 1, true, FEW);
	struct text *text = texts_get(t, s, plain);

	TAP_TRUE("a text tells how many series it has", text->count.series <= 50);
	TAP_TRUE("and how many it lacks", text->count.dropped >= 10);
	TAP_INT("its length", text->len, text->bytes.len);
	TAP_INT("and the time of its snapshot", text->mono_ms, s->mono_ms);
	text_unref(text);
	texts_free(t);
	snapshot_unref(s);
	publish_free(p);
}

int main(void)
{
	test_small();
	test_large();
	test_idle();
	test_no_thread();
	test_counts();
	return tap_done();
}
