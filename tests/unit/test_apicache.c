#include "sidecar/apicache.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/gunzip.h"
#include "common/mem.h"
#include "sidecar/publish.h"
#include "sidecar/text.h"
#include "sidecar/trend.h"
#include "tests/tap.h"
#include "tests/unit/handmade.h"
#include "tests/unit/nothreads.h"

#define MANY 3000 /* partitions that make a snapshot large */
#define FEW 10

static const struct negotiate_encoding plain = {0}, gzip = {.gzip = true},
				       gzip_only = {.gzip = true, .gzip_only = true};

/* Publishes a snapshot with the group "g<seq>" and returns it, with a reference. */
static struct snapshot *show(struct publish *p, uint64_t seq, size_t partitions)
{
	struct snapshot *s = empty_snapshot();
	CLEANUP(mem_free_at) char *name = mem_printf("g%d", (int)seq);

	s->seq = seq;
	s->full = true;
	add_topic(s, "t", partitions);
	(void)add_group(s, name, 0);
	publish_set(p, snapshot_ref(s));
	return s;
}

/* Of which snapshot the document is, and compressed or not; "1 gzip". What is in it is checked. */
static const char *got(
	struct apicache *c, struct snapshot *s, struct negotiate_encoding encoding, bool *ret_valid)
{
	CLEANUP(apicache_document_release)
	struct apicache_document document = apicache_get(c, s, APICACHE_LAG, encoding);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, body = STRBUF_INIT;
	static char what[64];
	char group[64];

	if (document.text->gzip) {
		gzip_header(&body);
		strbuf_add(&body, document.text->bytes.data, document.text->bytes.len);
		gzip_trailer(&body, (struct gzip_sum){0}, document.text->sum);
		*ret_valid = gunzip(body.data, body.len, SIZE_MAX, &text, NULL) == 0;
	} else {
		*ret_valid = true;
		strbuf_add(&text, document.text->bytes.data, document.text->bytes.len);
	}
	(void)snprintf(group, sizeof(group), "[{\"group\":\"g%d\"", (int)document.s->seq);
	*ret_valid &= text.len == document.text->len && strstr(strbuf_str(&text), group) &&
		      document.text->seq == document.s->seq;
	(void)snprintf(what, sizeof(what), "%d%s", (int)document.s->seq,
		document.text->gzip ? " gzip" : "");
	return what;
}

#define EXPECT(name, s, encoding, want)                           \
	do {                                                      \
		bool valid;                                       \
		TAP_STR(name, got(c, s, encoding, &valid), want); \
		TAP_TRUE(name, valid);                            \
	} while (0)

/* Waits until the document that is made ahead is there. */
static bool prepared(struct apicache *c, struct snapshot *s, struct negotiate_encoding encoding)
{
	int64_t deadline = clock_mono_ms() + 10000;

	while (clock_mono_ms() < deadline) {
		struct apicache_document d = apicache_get(c, s, APICACHE_LAG, encoding);
		bool done = d.text->gzip == encoding.gzip && d.s->seq == s->seq;

		apicache_document_release(&d);
		if (done)
			return true;
	}
	return false;
}

static void test_small(void)
{
	struct publish *p = publish_new();
	struct trend *trend = trend_new();
	struct apicache *c = apicache_new(p, trend);
	struct snapshot *one = show(p, 1, FEW), *two = show(p, 2, FEW);
	struct apicache_document first, again, history;

	EXPECT("a small document is made when it is asked for", one, plain, "1");
	EXPECT("compressed for who likes it", one, gzip, "1 gzip");
	EXPECT("and is always of the newest snapshot", two, plain, "2");
	EXPECT("in each form", two, gzip, "2 gzip");
	first = apicache_get(c, two, APICACHE_LAG, plain);
	again = apicache_get(c, two, APICACHE_LAG, plain);
	TAP_TRUE("all who ask share one", first.text == again.text);
	trend_add(trend, two);
	history = apicache_get(c, two, APICACHE_HISTORY, plain);
	TAP_HAS("there is a history", history.text->bytes.data, "{\"groups\":[{\"group\":\"g2\"");
	apicache_free(c);
	trend_free(trend);
	TAP_TRUE("a document outlives the cache", first.text->bytes.len > 10);
	apicache_document_release(&first);
	apicache_document_release(&again);
	apicache_document_release(&history);
	snapshot_unref(one);
	snapshot_unref(two);
	publish_free(p);
}

static void test_large(void)
{
	struct publish *p = publish_new();
	struct apicache *c = apicache_new(p, NULL);
	struct snapshot *s = show(p, 1, MANY), *next;
	bool whole, newest;

	EXPECT("the first who asks for a large document gets it uncompressed", s, gzip, "1");
	EXPECT("unless that is refused", s, gzip_only, "1 gzip");
	EXPECT("then all get what was made", s, gzip, "1 gzip");
	for (uint64_t seq = 2; seq < 5; seq++) {
		char before[] = "? gzip";
		const char *at_once;

		before[0] = (char)('0' + seq - 1);
		next = show(p, seq, MANY);
		at_once = got(c, next, gzip, &whole);
		newest = at_once[0] == (char)('0' + seq);
		TAP_TRUE("until the next is ready the one before is given, whole",
			whole && (newest || strcmp(at_once, before) == 0));
		TAP_TRUE("it is made ahead", prepared(c, next, gzip));
		snapshot_unref(s);
		s = next;
	}
	snapshot_unref(s);
	apicache_free(c);
	publish_free(p);
}

/* A document that nobody asked for during many cycles is not kept, nor given as the one before. */
static void test_idle(void)
{
	struct publish *p = publish_new();
	struct apicache *c = apicache_new(p, NULL);
	struct snapshot *s = show(p, 1, MANY);

	EXPECT("one form is asked for", s, plain, "1");
	EXPECT("and the other", s, gzip_only, "1 gzip");
	for (uint64_t seq = 2; seq < 30; seq++) {
		snapshot_unref(s);
		s = show(p, seq, MANY);
		/* This form shows that the thread has come so far. */
		TAP_TRUE("one is asked for all the time", prepared(c, s, gzip_only));
	}
	EXPECT("the other is made anew for who asks", s, plain, "29");
	snapshot_unref(s);
	apicache_free(c);
	publish_free(p);
}

/* While it was small nobody asked; what is left of then is not the one before. */
static void test_growing(void)
{
	struct publish *p = publish_new();
	struct apicache *c = apicache_new(p, NULL);
	struct snapshot *small = show(p, 1, FEW), *large;

	EXPECT("a small document", small, plain, "1");
	large = show(p, 50, MANY);
	EXPECT("a large one much later", large, plain, "50");
	snapshot_unref(small);
	snapshot_unref(large);
	apicache_free(c);
	publish_free(p);
}

static void test_no_thread(void)
{
	struct publish *p = publish_new();
	struct apicache *c = apicache_new(p, NULL);
	struct snapshot *one = show(p, 1, MANY), *two;

	no_threads = true;
	EXPECT("without a thread a large document is not compressed", one, gzip, "1");
	EXPECT("unless that is refused", one, gzip_only, "1 gzip");
	two = show(p, 2, MANY);
	EXPECT("and each snapshot has its own", two, plain, "2");
	EXPECT("in each form", two, gzip_only, "2 gzip");
	no_threads = false;
	snapshot_unref(one);
	snapshot_unref(two);
	apicache_free(c);
	publish_free(p);
}

int main(void)
{
	test_small();
	test_large();
	test_idle();
	test_growing();
	test_no_thread();
	apicache_free(NULL);
	return tap_done();
}
