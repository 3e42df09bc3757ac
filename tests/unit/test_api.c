/* The JSON documents as they are served. */
#include "sidecar/api.h"

#include <stdio.h>
#include <unistd.h>

#include "common/gunzip.h"
#include "tests/unit/site.h"

static struct snapshot *snapshot_with_groups(uint64_t seq)
{
	/* In the order of strcmp. */
	static const char *const names[] = {"\"q\"", "a b+c", "a/b/c", "plain", "\xc3\xbc"};
	struct snapshot *s = snapshot_aged(seq, 0, 1);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		add_commits(s, add_group(s, names[i], 0), "t", (int64_t[]){0});
	return s;
}

static void test_api(void)
{
	static const struct site_row rows[] = {
		{"all groups", "GET /api/v1/lag", 200, "\r\nContent-Type: application/json\r\n",
			"\"groups\":[{\"group\":\"\\\"q\\\"\","},
		{"one group", "GET /api/v1/groups/plain", 200, "\r\nETag: W/\"",
			"\"group\":\"plain\""},
		{"a name with a slash", "GET /api/v1/groups/a%2Fb%2fc", 200, "",
			"\"group\":\"a/b/c\""},
		{"the slash may stand", "GET /api/v1/groups/a/b/c", 200, "", "\"group\":\"a/b/c\""},
		{"a name with quotes", "GET /api/v1/groups/%22q%22", 200, "",
			"\"group\":\"\\\"q\\\"\""},
		{"a space is %20, and a plus a plus", "GET /api/v1/groups/a%20b+c", 200, "",
			"\"group\":\"a b+c\""},
		{"a name in UTF-8", "GET /api/v1/groups/%C3%BC", 200, "", "\"group\":\"\xc3\xbc\""},
		{"a query does not matter", "GET /api/v1/groups/plain?x=1", 200, "",
			"\"group\":\"plain\""},
		{"a group that is not there", "GET /api/v1/groups/plai", 404,
			"\r\nContent-Type: application/json\r\n",
			"{\"error\":\"the group is not known\"}\n"},
		{"a group without a name", "GET /api/v1/groups/", 404, "", "{\"error\":"},
		{"history is there, if only an empty one", "GET /api/v1/history", 200, "",
			"{\"groups\":[],\"times_ms\":[]}"},
		{"documents of other modules", "GET /api/v1/decisions", 200, "",
			"{\"running\":false}"},
		{"a document that is not there", "GET /api/v1/lags", 404, "", "{\"error\":"},
		{"nor is a list of documents", "GET /api/", 404, "", "{\"error\":"},
		{"posting is not allowed", "POST /api/v1/lag", 405, "\r\nAllow: GET, HEAD\r\n",
			"{\"error\":"},
		{"nor to the page", "POST /page.js", 405, "\r\nAllow: GET, HEAD\r\n", "only GET"},
	};
	struct site site;

	site_open(&site);
	publish_set(site.publish, snapshot_with_groups(1));
	site_check(&site, rows, ARRAY_LEN(rows));
	site_close(&site);
}

/* Compressed or not, the document is one: the ages and what is shared. */
static void test_compressed(void)
{
	static const char *const paths[] = {"GET /api/v1/lag", "GET /api/v1/history"};
	struct site site;

	site_open(&site);
	publish_set(site.publish, snapshot_with_groups(1));
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct answer text = http_once(site.port, paths[i], "", NULL);
		struct answer a = http_once(site.port, paths[i], "Accept-Encoding: gzip\r\n", NULL);
		CLEANUP(strbuf_release) struct strbuf body = STRBUF_INIT;
		const char *tail = strstr(strbuf_str(&text.body), "\"brokers\"");

		TAP_HAS("the answer is compressed", strbuf_str(&a.head),
			"\r\nContent-Encoding: gzip\r\n");
		TAP_HAS("for who likes it so", strbuf_str(&text.head),
			"\r\nVary: Accept-Encoding\r\n");
		TAP_TRUE(
			"others get the text", !strstr(strbuf_str(&text.head), "Content-Encoding"));
		TAP_TRUE("it is gzip", gunzip(a.body.data, a.body.len, SIZE_MAX, &body, NULL) == 0);
		TAP_HAS("of the same text", strbuf_str(&body),
			tail ? tail : strbuf_str(&text.body));
		TAP_INT("from its beginning", strbuf_str(&body)[0], '{');
		answer_release(&text);
		answer_release(&a);
	}
	site_close(&site);
}

/* What is shared is of one moment; the ages are of the answer's. */
static void test_age(void)
{
	struct site site;
	struct snapshot *s = snapshot_with_groups(1);

	site_open(&site);
	s->mono_ms -= 60000;
	publish_set(site.publish, s);
	for (int i = 0; i < 2; i++) {
		struct answer a = http_once(site.port, "GET /api/v1/lag", "", NULL);
		const char *age = strstr(strbuf_str(&a.body), "\"age_ms\":");
		long before = age ? atol(age + 9) : 0, now = clock_mono_ms() - s->mono_ms;

		TAP_TRUE("each answer has its own age", before >= 60000 && before <= now);
		TAP_TRUE("of its moment", now - before < 5000);
		answer_release(&a);
		s->mono_ms -= 60000 * 60; /* nobody reads it now */
	}
	site_close(&site);
}

/* The value of the ETag header into `to`. */
static void read_etag(const struct answer *a, char *to, size_t room)
{
	const char *at = strstr(strbuf_str(&a->head), "\r\nETag: ");

	(void)snprintf(to, room, "%.*s", at ? (int)strcspn(at + 8, "\r") : 0, at ? at + 8 : "");
}

static void test_etag(void)
{
	static const char *const paths[] = {"GET /api/v1/lag", "GET /api/v1/groups/plain"};
	char tag[64], header[256];
	struct site site;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct answer a;

		site_open(&site);
		a = http_once(site.port, paths[i], "", NULL);
		TAP_INT("before the first snapshot there is nothing", a.status, 503);
		answer_release(&a);
		publish_set(site.publish, snapshot_with_groups(1));
		a = http_once(site.port, paths[i], "", NULL);
		read_etag(&a, tag, sizeof(tag));
		answer_release(&a);
		(void)snprintf(header, sizeof(header), "If-None-Match: \"other\", %s\r\n", tag);
		a = http_once(site.port, paths[i], header, NULL);
		TAP_INT("who has the snapshot gets it not again", a.status, 304);
		TAP_INT("not a byte of it", a.body.len, 0);
		TAP_HAS("but its tag", strbuf_str(&a.head), tag);
		answer_release(&a);
		a = http_once(site.port, paths[i], "If-None-Match: *\r\n", NULL);
		TAP_INT("nor who wants none that there is", a.status, 304);
		answer_release(&a);
		a = http_once(site.port, "GET /api/v1/groups/gone", "If-None-Match: *\r\n", NULL);
		TAP_INT("what is not there is not unchanged", a.status, 404);
		answer_release(&a);
		publish_set(site.publish, snapshot_with_groups(2));
		a = http_once(site.port, paths[i], header, NULL);
		TAP_INT("the next one is sent", a.status, 200);
		answer_release(&a);
		site_close(&site);
	}
}

int main(void)
{
	test_api();
	test_compressed();
	test_age();
	test_etag();
	return tap_done();
}
