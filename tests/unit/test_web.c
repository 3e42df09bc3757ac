#include "sidecar/web.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/exposition.h"
#include "common/gunzip.h"
#include "common/mem.h"
#include "sidecar/publish.h"
#include "tests/tap.h"
#include "tests/unit/site.h"
#include "tests/unit/strictformat.h"

#define READERS 64

static void test_routes(void)
{
	static const struct site_row rows[] = {
		{"metrics say what they are", "GET /metrics", 200,
			"\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n",
			"\nhexlag_cycles_total 1\n"},
		{"a query does not matter", "GET /metrics?name[]=up", 200, "", "kafka_brokers 1\n"},
		{"series of other modules are there", "GET /metrics", 200, "",
			"\nhexlag_test_answer 42\n"},
		{"so are those of the process", "GET /metrics", 200, "",
			"\nprocess_resident_memory_bytes "},
		{"and of its start", "GET /metrics", 200, "", "\nprocess_start_time_seconds "},
		{"and of its descriptors", "GET /metrics", 200, "", "\nprocess_open_fds "},
		{"and its version", "GET /metrics", 200, "", "\nhexlag_build_info{version=\""},
		{"also where dashboards look for it", "GET /metrics", 200, "",
			"\nkafka_exporter_build_info{version=\""},
		{"a healthy answer is that of kafka_exporter", "GET /healthz", 200,
			"\r\nContent-Length: 2\r\n", "ok"},
		{"a fresh snapshot is ready", "GET /readyz", 200, "",
			"ready: 0 groups and 1 topics, read "},
		{"the page links to the metrics", "GET /", 200,
			"\r\nContent-Type: text/html; charset=utf-8\r\n", "href=\"metrics\""},
		{"its style is a file of its own", "GET /page.css", 200,
			"\r\nContent-Type: text/css; charset=utf-8\r\n", "color-scheme:"},
		{"so is its script", "GET /page.js", 200,
			"\r\nContent-Type: text/javascript; charset=utf-8\r\n", "import "},
		{"a strict policy goes with it", "GET /", 200,
			"\r\nContent-Security-Policy: default-src 'none'; script-src 'self';", ""},
		{"what is not there is 404", "GET /metric", 404, "", "there is nothing here"},
		{"paths are not prefixes", "GET /metrics/", 404, "", "there is nothing here"},
		{"posting is not allowed", "POST /metrics", 405, "\r\nAllow: GET, HEAD\r\n",
			"only GET and HEAD"},
		{"nor is deleting", "DELETE /", 405, "\r\nAllow: GET, HEAD\r\n",
			"only GET and HEAD"},
		{"posting to nowhere is 404", "POST /nowhere", 404, "", "there is nothing here"},
	};
	struct site site;

	site_open(&site);
	publish_set(site.publish, snapshot_aged(1, 0, 3));
	site_check(&site, rows, ARRAY_LEN(rows));
	site_close(&site);
}

/* Every form that can be asked for, before and after the first snapshot. */
static void test_forms(void)
{
#define OPENMETRICS "Accept: application/openmetrics-text;version=1.0.0\r\n"
#define GZIP "Accept-Encoding: gzip\r\n"
	static const struct {
		const char *name, *headers, *type;
		bool openmetrics, gzip;
	} forms[] = {
		{"text", "", "text/plain; version=0.0.4; charset=utf-8", false, false},
		{"text by gzip", GZIP, "text/plain; version=0.0.4; charset=utf-8", false, true},
		{"OpenMetrics", OPENMETRICS,
			"application/openmetrics-text; version=1.0.0; charset=utf-8", true, false},
		{"OpenMetrics by gzip", OPENMETRICS GZIP,
			"application/openmetrics-text; version=1.0.0; charset=utf-8", true, true},
	};
	struct site site;

	site_open(&site);
	for (size_t i = 0; i < 2 * ARRAY_LEN(forms); i++) {
		size_t f = i % ARRAY_LEN(forms), samples;
		CLEANUP(mem_free_at)
		char *type = mem_printf("\r\nContent-Type: %s\r\n", forms[f].type);
		CLEANUP(mem_free_at) char *wrong = NULL;
		struct strbuf text = STRBUF_INIT;
		struct answer a;

		if (i == ARRAY_LEN(forms))
			publish_set(site.publish, snapshot_aged(1, 2500, 3));
		a = http_once(site.port, "GET /metrics", forms[f].headers, NULL);
		TAP_HAS(forms[f].name, strbuf_str(&a.head), type);
		TAP_HAS("caches are told", strbuf_str(&a.head),
			"\r\nVary: Accept, Accept-Encoding\r\n");
		TAP_INT("the encoding is told",
			strstr(a.head.data, "\r\nContent-Encoding: gzip\r\n") != NULL,
			forms[f].gzip);
		if (forms[f].gzip)
			TAP_TRUE("and right",
				gunzip(a.body.data, a.body.len, SIZE_MAX, &text, NULL) == 0);
		else
			strbuf_add(&text, a.body.data, a.body.len);
		wrong = strict_check(strbuf_str(&text), forms[f].openmetrics, true, &samples);
		TAP_STR("the format is right", wrong, NULL);
		if (i >= ARRAY_LEN(forms)) {
			TAP_HAS("the series of Kafka are there", text.data, "\nkafka_brokers 1\n");
			TAP_HAS("and their number", text.data, "\nhexlag_series 36\n");
			TAP_HAS("and their age", text.data, "\nhexlag_snapshot_age_seconds 2.");
		} else {
			TAP_TRUE("before a snapshot nothing is told of one",
				!strstr(text.data, "hexlag_snapshot") &&
					!strstr(text.data, "hexlag_render"));
		}
		strbuf_release(&text);
		answer_release(&a);
	}
	site_close(&site);
}

static void test_head(void)
{
	static const char *const paths[] = {"/metrics", "/healthz", "/readyz", "/"};
	struct site site;
	int fd;

	site_open(&site);
	publish_set(site.publish, snapshot_aged(1, 0, 3));
	fd = http_connect(site.port, 0);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		CLEANUP(mem_free_at) char *what = mem_printf("HEAD %s", paths[i]);
		struct answer a;

		http_ask(fd, what, "", NULL);
		a = http_read_head(fd);
		TAP_INT(what, a.status, 200);
		TAP_TRUE("a HEAD tells the length", a.length > 0);
		answer_release(&a);
	}
	(void)close(fd);
	site_close(&site);
}

static void test_before_the_first_snapshot(void)
{
	struct site site;
	struct answer a;

	site_open(&site);
	a = http_once(site.port, "GET /metrics", "", NULL);
	TAP_INT("metrics are there before the first snapshot", a.status, 200);
	TAP_HAS("those of the process", strbuf_str(&a.body), "hexlag_scrapes_total 1\n");
	TAP_TRUE("none of Kafka", strstr(strbuf_str(&a.body), "kafka_brokers") == NULL);
	answer_release(&a);
	a = http_once(site.port, "GET /healthz", "", NULL);
	TAP_INT("a process without Kafka is alive", a.status, 200);
	answer_release(&a);
	site.stuck = true;
	a = http_once(site.port, "GET /healthz", "", NULL);
	TAP_INT("one whose collector is stuck is not", a.status, 503);
	TAP_STR("and says why", strbuf_str(&a.body), "no cycle has ended for 90 s\n");
	answer_release(&a);
	site_close(&site);
}

static void test_standby(void)
{
	struct site site;
	struct answer a;

	site_open(&site);
	site.standby = true;
	a = http_once(site.port, "GET /readyz", "", NULL);
	TAP_INT("a replica that stands by is ready", a.status, 200);
	TAP_STR("and says so", strbuf_str(&a.body), "ready: standby, another replica leads\n");
	answer_release(&a);
	a = http_once(site.port, "GET /api/v1/lag", "", NULL);
	TAP_INT("it has no lag to tell", a.status, 503);
	TAP_HAS("and says why", strbuf_str(&a.body), "\"standby: another replica leads\"");
	answer_release(&a);
	publish_set(site.publish, snapshot_aged(1, 0, 3));
	a = http_once(site.port, "GET /metrics", "", NULL);
	TAP_HAS("what it has read", strbuf_str(&a.body), "\nkafka_brokers 1\n");
	answer_release(&a);
	publish_clear(site.publish);
	a = http_once(site.port, "GET /metrics", "", NULL);
	TAP_HAS("is withdrawn but for its own series", strbuf_str(&a.body), "hexlag_scrapes_total");
	TAP_TRUE("so that sums are not doubled", !strstr(strbuf_str(&a.body), "kafka_brokers"));
	answer_release(&a);
	site.standby = false;
	a = http_once(site.port, "GET /readyz", "", NULL);
	TAP_INT("one that is to lead is ready once it has read Kafka", a.status, 503);
	answer_release(&a);
	site_close(&site);
}

static void test_readiness(void)
{
	static const struct {
		const char *name;
		int64_t age_ms;
		bool snapshot, metadata_ok;
		const char *error;
		int status;
		const char *text;
	} rows[] = {
		{"nothing read yet is not ready", 0, false, false, NULL, 503,
			"not ready: Kafka has not been asked yet\n"},
		{"a failed cycle is not ready", 0, true, false, "metadata: timed out", 503,
			"not ready: Kafka did not answer in the last cycle: metadata: timed out\n"},
		{"old values are not ready", 45000, true, true, NULL, 503,
			"not ready: the values are 45."},
		{"and the limit is told", 45000, true, true, NULL, 503,
			" s old, 30.0 s are allowed\n"},
		{"values within the limit are ready", 20000, true, true, NULL, 200,
			"ready: 0 groups and 0 topics, read 20."},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct site site;
		struct answer a;

		site_open(&site);
		if (rows[i].snapshot) {
			struct snapshot *s = snapshot_aged(1, rows[i].age_ms, 0);

			s->metadata_ok = rows[i].metadata_ok;
			s->error = arena_strdup(&s->arena, rows[i].error);
			publish_set(site.publish, s);
		}
		a = http_once(site.port, "GET /readyz", "", NULL);
		TAP_INT(rows[i].name, a.status, rows[i].status);
		TAP_HAS(rows[i].name, strbuf_str(&a.body), rows[i].text);
		answer_release(&a);
		site_close(&site);
	}
}

/* The body begins with exactly the text of the snapshot. */
static bool begins_with(const struct answer *a, const struct snapshot *s)
{
	struct exposition x = {0};
	bool same;

	(void)metrics_render(&x, s, NULL);
	same = a->body.len == a->length && a->body.len > x.text.len &&
	       memcmp(a->body.data, x.text.data, x.text.len) == 0;
	strbuf_release(&x.text);
	return same;
}

static void test_slow_reader(void)
{
	/* 60,000 partitions are 40 MB of text: more than the kernel buffers for a connection. */
	struct snapshot *old = snapshot_aged(1, 0, 60000), *new = snapshot_aged(2, 0, 10);
	struct snapshot *third = snapshot_aged(3, 0, 60000);
	struct answer slow, fast;
	struct site site;
	int fd;

	site_open(&site);
	publish_set(site.publish, snapshot_ref(old));
	fd = http_connect(site.port, 4096);
	http_ask(fd, "GET /metrics", "", NULL);
	slow = http_read_head(fd);
	publish_set(site.publish, snapshot_ref(new));
	fast = http_once(site.port, "GET /metrics", "", NULL);
	TAP_TRUE(
		"a new snapshot is shown while a slow reader has the old", begins_with(&fast, new));
	answer_release(&fast);
	publish_set(site.publish, snapshot_ref(third));
	fast = http_once(site.port, "GET /metrics", "", NULL);
	TAP_TRUE("and the one after it", begins_with(&fast, third));
	answer_release(&fast);
	http_read_body(fd, &slow);
	TAP_TRUE("the slow reader gets all of the old", begins_with(&slow, old));
	answer_release(&slow);
	http_ask(fd, "GET /metrics", "", NULL);
	slow = http_read(fd);
	TAP_TRUE("and then the newest, on the same connection", begins_with(&slow, third));
	answer_release(&slow);
	(void)close(fd);
	site_close(&site);
	snapshot_unref(old);
	snapshot_unref(new);
	snapshot_unref(third);
}

static void test_many_readers(void)
{
	struct snapshot *s = snapshot_aged(1, 0, 3000);
	struct site site;
	struct answer a;
	int fds[READERS], whole = 0;
	char c;

	site_open(&site);
	publish_set(site.publish, snapshot_ref(s));
	for (int i = 0; i < READERS; i++) {
		fds[i] = http_connect(site.port, 0);
		http_ask(fds[i], "GET /metrics", "", NULL);
	}
	for (int i = 0; i < READERS; i++) {
		a = http_read(fds[i]);
		whole += begins_with(&a, s);
		answer_release(&a);
	}
	TAP_INT("readers at once get the same text", whole, READERS);
	a = http_once(site.port, "GET /metrics", "", NULL);
	TAP_HAS("scrapes are counted", strbuf_str(&a.body), "\nhexlag_scrapes_total 65\n");
	answer_release(&a);
	/* Half of them have another answer under way when the server stops. */
	for (int i = 0; i < READERS; i += 2)
		http_ask(fds[i], "GET /metrics", "", NULL);
	site_close(&site);
	TAP_TRUE("a stop closes idle connections", recv(fds[1], &c, 1, 0) <= 0);
	for (int i = 0; i < READERS; i++)
		(void)close(fds[i]);
	snapshot_unref(s);
}

static void test_start_failure(void)
{
	struct err err = {0};
	struct web *w = web_start(&(struct web_options){.listen = "nonsense"}, &err);

	TAP_TRUE("a bad address is refused", w == NULL);
	TAP_HAS("and named", err.msg, "nonsense");
	web_stop(w);
}

static void test_another_path(void)
{
	static const struct {
		const char *name, *path, *error;
	} bad[] = {
		{"a path begins with a slash", "metrics", "'metrics' does not begin with '/'"},
		{"also when empty", "", "'' does not begin with '/'"},
		{"the page has its place", "/", "'/' is taken"},
		{"and so has what it loads", "/page.js", "'/page.js' is taken"},
		{"a probe as well", "/readyz", "'/readyz' is taken"},
		{"so is all of the API", "/api/v1/lag", "'/api/v1/lag' is taken"},
		{"a query is no path", "/m?x",
			"'/m?x': a path of letters, digits and /-._~ is wanted"},
	};
	struct publish *publish = publish_new();
	struct web *w = web_start(
		&(struct web_options){
			.listen = "127.0.0.1:0", .path = "/a/lag", .publish = publish},
		NULL);
	struct answer at = http_once(web_port(w), "GET /a/lag", "", NULL);
	struct answer before = http_once(web_port(w), "GET /metrics", "", NULL);
	struct answer page = http_once(web_port(w), "GET /", "", NULL);

	TAP_INT("metrics may have another path", at.status, 200);
	TAP_INT("and are not at their own then", before.status, 404);
	TAP_HAS("the page knows", strbuf_str(&page.body), "<a href=\"a/lag\">");
	answer_release(&at);
	answer_release(&before);
	answer_release(&page);
	web_stop(w);
	publish_free(publish);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = {0};

		TAP_INT(bad[i].name, web_check_path(bad[i].path, &err), -1);
		TAP_STR(bad[i].name, err.msg, bad[i].error);
	}
	TAP_INT("other paths are fine", web_check_path("/a.b/c-d_e~1", NULL), 0);
}

int main(void)
{
	test_another_path();
	test_routes();
	test_forms();
	test_head();
	test_before_the_first_snapshot();
	test_readiness();
	test_standby();
	test_slow_reader();
	test_many_readers();
	test_start_failure();
	return tap_done();
}
