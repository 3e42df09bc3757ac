/* Candidates for a Lease against a fake API server: who leads, what is written, what failures do. */
#include <stdlib.h>
#include <unistd.h>

#include "scaler/leasemetrics.h"
#include "tests/mock/leasebench.h"
#include "tests/tap.h"

/* "holder/duration/transitions" of the Lease. */
static const char *record(struct leasebench *b)
{
	static char text[200];
	json_t *doc = document(b), *spec = json_object_get(doc, "spec");

	(void)snprintf(text, sizeof(text), "%s/%d/%d",
		json_string_value(json_object_get(spec, "holderIdentity")),
		(int)json_integer_value(json_object_get(spec, "leaseDurationSeconds")),
		(int)json_integer_value(json_object_get(spec, "leaseTransitions")));
	json_decref(doc);
	return text;
}

static void test_turns(void)
{
	struct leasebench b;
	unsigned requests;

	leasebench_open(&b);
	TAP_TRUE("before it has asked nobody leads", !lease_leads(b.a, 0));
	step(b.a, b.b, 0);
	TAP_TRUE("the first one leads", lease_leads(b.a, 0) && !lease_leads(b.b, 0));
	TAP_STR("by a new Lease", record(&b), "a/15/0");
	requests = apiserver_count(b.api, NULL);
	step(b.a, NULL, 2000);
	TAP_INT("a renewal is one request", apiserver_count(b.api, NULL) - requests, 1);
	TAP_INT("and the term is the same", (int64_t)lease_term(b.a, 0), 1);
	step(NULL, b.b, 0);
	step(NULL, b.b, 9999);
	TAP_TRUE("a silent leader leads to its deadline", lease_leads(b.a, 0));
	step(NULL, b.b, 1);
	TAP_TRUE("then no longer, while nobody else does",
		!lease_leads(b.a, 0) && !lease_leads(b.b, 0));
	step(NULL, b.b, 4999);
	TAP_TRUE("up to the end of the lease", !lease_leads(b.b, 0));
	step(NULL, b.b, 1);
	TAP_TRUE("when the other takes it", lease_leads(b.b, 0));
	TAP_STR("which is a transition", record(&b), "b/15/1");
	step(b.a, b.b, 2000);
	TAP_TRUE("the old leader finds out and follows",
		!lease_leads(b.a, 0) && lease_leads(b.b, 0));
	leasebench_close(&b);
}

static void test_release(void)
{
	struct leasebench b;

	leasebench_open(&b);
	step(b.a, b.b, 0);
	step(b.a, b.b, 2000);
	lease_give_back(b.b);
	TAP_STR("who does not hold the Lease gives nothing back", record(&b), "a/15/0");
	lease_give_back(b.a);
	TAP_STR("given back it is nobody's, for a second", record(&b), "/1/0");
	TAP_TRUE("who has given it back leads no longer", !lease_leads(b.a, 0));
	step(b.b, NULL, 1);
	TAP_TRUE("the other takes it at its next try", lease_leads(b.b, 0));
	TAP_STR("which is a transition", record(&b), "b/15/1");

	apiserver_fail(b.api, &(struct apiserver_fault){
				      .kind = APISERVER_STATUS, .method = "PUT", .status = 500});
	step(b.b, NULL, 2000);
	TAP_TRUE("a failed renewal does not end the term", lease_leads(b.b, 0));
	lease_give_back(b.b);
	TAP_STR("and does not keep it from being given back", record(&b), "/1/1");
	leasebench_close(&b);
}

/* Somebody annotates the Lease while `a` leads. */
static void test_conflict(void)
{
	struct leasebench b;
	char *text;
	json_t *doc, *meta;
	const char *note;

	leasebench_open(&b);
	step(b.a, NULL, 0);
	doc = document(&b);
	json_object_set_new(json_object_get(doc, "metadata"), "annotations",
		json_pack("{s:s}", "note", "keep"));
	json_object_set_new(
		json_object_get(doc, "metadata"), "labels", json_pack("{s:s}", "app", "x"));
	text = json_dumps(doc, 0);
	apiserver_set_lease(b.api, PATH, text);
	free(text);
	json_decref(doc);
	step(b.a, NULL, 2000);
	TAP_INT("a conflict is read and renewed, in the same term", (int64_t)lease_term(b.a, 0), 1);
	step(b.a, NULL, 9000);
	TAP_INT("for its whole time", (int64_t)lease_term(b.a, 0), 1);
	doc = document(&b);
	meta = json_object_get(doc, "metadata");
	note = json_string_value(json_object_get(json_object_get(meta, "annotations"), "note"));
	TAP_STR("what others put in stays", note, "keep");
	TAP_TRUE("labels, too", json_object_get(json_object_get(meta, "labels"), "app"));
	json_decref(doc);
	leasebench_close(&b);
}

static void test_taken_away(void)
{
	static const char robber[] =
		"{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{"
		"\"name\":\"hexlag\",\"namespace\":\"shop\"},\"spec\":{\"holderIdentity\":"
		"\"robber\",\"leaseDurationSeconds\":5,\"leaseTransitions\":9}}";
	struct leasebench b;

	leasebench_open(&b);
	step(b.a, NULL, 0);
	apiserver_set_lease(b.api, PATH, robber);
	step(b.a, NULL, 2000);
	TAP_TRUE("another holder in the Lease ends the term at once", !lease_leads(b.a, 0));
	step(b.a, NULL, 4999);
	TAP_STR("it is left its own time", record(&b), "robber/5/9");
	step(b.a, NULL, 1);
	TAP_STR("and no more", record(&b), "a/15/10");
	TAP_INT("which begins a second term", (int64_t)lease_term(b.a, 0), 2);
	apiserver_set_lease(b.api, PATH, NULL);
	step(b.a, NULL, 2000);
	TAP_STR("a deleted Lease is made anew", record(&b), "a/15/10");
	TAP_INT("in a third", (int64_t)lease_term(b.a, 0), 3);
	apiserver_set_lease(b.api, PATH, NULL);
	step(b.a, NULL, 15000);
	TAP_STR("one that had run out begins from nothing", record(&b), "a/15/0");
	leasebench_close(&b);
}

static void test_lost_answers(void)
{
	struct leasebench b;

	leasebench_open(&b);
	apiserver_fail(
		b.api, &(struct apiserver_fault){.kind = APISERVER_SWALLOW, .method = "POST"});
	step(b.a, NULL, 0);
	TAP_TRUE("without an answer it does not lead", !lease_leads(b.a, 0));
	TAP_STR("though the server has done it", record(&b), "a/15/0");
	step(b.a, b.b, 2000);
	TAP_TRUE("which the next try finds out", lease_leads(b.a, 0) && !lease_leads(b.b, 0));
	TAP_STR("without a transition", record(&b), "a/15/0");
	apiserver_fail(
		b.api, &(struct apiserver_fault){.kind = APISERVER_SWALLOW, .method = "PUT"});
	step(b.a, NULL, 2000);
	TAP_TRUE("a renewal without an answer does not prolong", lease_leads(b.a, 12999));
	TAP_TRUE("the time of the one before", !lease_leads(b.a, 13001));
	step(b.a, NULL, 100);
	TAP_TRUE("the next one does, whatever the version", lease_leads(b.a, 15000));
	leasebench_close(&b);
}

/* The text that was logged since the last call. */
static char *logged(int fd)
{
	static char text[8192];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return text;
}

static void test_denied(void)
{
	char name[] = "/tmp/hexlag-test.XXXXXX";
	int fd = mkstemp(name), before = dup(STDERR_FILENO);
	struct apiserver_fault fault = {.kind = APISERVER_STATUS,
		.method = "PUT",
		.status = 403,
		.times = 100,
		.body = "{\"kind\":\"Status\",\"message\":\"leases is forbidden\"}"};
	struct leasebench b;

	(void)unlink(name);
	leasebench_open(&b);
	(void)dup2(fd, STDERR_FILENO);
	step(b.a, NULL, 0);
	(void)logged(fd);
	apiserver_fail(b.api, &fault);
	step(b.a, NULL, 2000);
	TAP_HAS("a denied request names the verb", logged(fd),
		"it takes the verb update on leases of coordination.k8s.io in namespace 'shop'");
	step(b.a, NULL, 2000);
	TAP_STR("once", logged(fd), "");
	step(b.a, NULL, 6000);
	TAP_HAS("the end of the term is told with its reason", logged(fd),
		"no longer leading: the last renewal is 10000 ms old");
	apiserver_heal(b.api);
	step(b.a, NULL, 2000);
	TAP_HAS("and so is that it goes on", logged(fd), "leading as 'a'");
	step(b.b, NULL, 0);
	TAP_HAS("a follower tells who leads", logged(fd), "'a' leads");
	(void)dup2(before, STDERR_FILENO);
	(void)close(before);
	(void)close(fd);
	leasebench_close(&b);
}

static void test_waits(void)
{
	struct leasebench b;
	int64_t wait_ms;

	leasebench_open(&b);
	TAP_INT("a leader waits for the period", lease_try(b.a), 2000);
	wait_ms = lease_try(b.b);
	TAP_TRUE("a follower for up to 1.2 more", wait_ms >= 2000 && wait_ms <= 4400);
	apiserver_fail(b.api, &(struct apiserver_fault){.kind = APISERVER_STATUS,
				      .status = 429,
				      .headers = "Retry-After: 9\r\n",
				      .body = "too many requests"});
	TAP_INT("and longer where the server asks for it", lease_try(b.b), 9000);
	apiserver_fail(b.api, &(struct apiserver_fault){.kind = APISERVER_STATUS,
				      .status = 429,
				      .headers = "Retry-After: 60\r\n",
				      .body = "too many requests"});
	TAP_INT("a leader as far as it can", lease_try(b.a), 5000);
	leasebench_close(&b);
}

static void test_metrics(void)
{
	struct exposition x = {0};
	struct leasebench b;
	struct lease *both[2];

	leasebench_open(&b);
	step(b.a, b.b, 0);
	apiserver_fail(b.api,
		&(struct apiserver_fault){.kind = APISERVER_STATUS, .status = 500, .times = 2});
	step(b.a, b.b, 1500);
	both[0] = b.a;
	both[1] = b.b;
	leasemetrics(both, 2, &x);
	TAP_HAS("who leads", strbuf_str(&x.text), "\nhexlag_leader{lease=\"shop/hexlag\"} 1\n");
	TAP_HAS("who does not", strbuf_str(&x.text), "\nhexlag_leader{lease=\"shop/hexlag\"} 0\n");
	TAP_HAS("changes", strbuf_str(&x.text),
		"\nhexlag_lease_transitions_total{lease=\"shop/hexlag\"} 1\n");
	TAP_HAS("failures", strbuf_str(&x.text),
		"\nhexlag_lease_errors_total{lease=\"shop/hexlag\"} 1\n");
	TAP_HAS("the age of a leader's renewal, in its last line", strbuf_str(&x.text),
		"gauge\nhexlag_lease_renew_age_seconds{lease=\"shop/hexlag\"} 1.5\n");
	strbuf_release(&x.text);
	leasebench_close(&b);
}

static void test_options(void)
{
	static const struct {
		const char *name, *lease, *namespace, *identity, *message;
		int64_t retry_ms;
	} rows[] = {
		{"a name that is a path", "a/b", NULL, "a", "name of the Lease 'a/b'", 2000},
		{"no name", "", NULL, "a", "name of the Lease is empty", 2000},
		{"a namespace that is a path", "a", "..", "a", "namespace of the Lease '..'", 2000},
		{"an empty identity", "a", NULL, "", "identity ''", 2000},
		{"a period that is too long", "a", NULL, "a", "retry_period 9000ms", 9000},
	};
	struct leasebench b;

	leasebench_open(&b);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct lease_options options = {
			.kube = {.kubeconfig = b.kubeconfig},
			.namespace = rows[i].namespace,
			.name = rows[i].lease,
			.identity = rows[i].identity,
			.lease_duration_ms = 15000,
			.renew_deadline_ms = 10000,
			.retry_period_ms = rows[i].retry_ms,
		};
		struct err err = {0};

		TAP_TRUE(rows[i].name, !lease_new(&options, &err) && err.kind == ERR_CONFIG);
		TAP_HAS("is told", err.msg, rows[i].message);
	}
	TAP_STR("the namespace is that of the credentials", lease_name(b.a), "shop/hexlag");
	lease_free(b.a);
	b.a = candidate(&b, NULL);
	lease_free(b.b);
	b.b = candidate(&b, NULL);
	TAP_TRUE("identities of their own differ",
		strcmp(lease_identity(b.a), lease_identity(b.b)) != 0);
	leasebench_close(&b);
}

int main(void)
{
	test_turns();
	test_release();
	test_conflict();
	test_taken_away();
	test_lost_answers();
	test_denied();
	test_waits();
	test_metrics();
	test_options();
	return tap_done();
}
