/* The scaler's pass against a fake API server: what is read, written and left alone. */
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "tests/mock/scalerbench.h"
#include "tests/tap.h"

/* The wait after a failure counts from the end of the request, which takes some real time. */
#define SLACK_MS 900

static void test_writes_on_change(void)
{
	struct bench b;

	bench_open(&b, 4, false);
	pass(&b, 1000, 1000);
	TAP_INT("a size that fits is left alone", apiserver_count(b.api, "PUT"), 0);
	pass(&b, 3000, 1000);
	TAP_INT("lag raises at the next pass", replicas(&b), 10);
	TAP_INT("by one write", apiserver_count(b.api, "PUT"), 1);
	pass(&b, 0, 1000);
	TAP_INT("the cooldown holds", replicas(&b), 10);
	pass(&b, 0, 60000);
	TAP_INT("and after it the window of five minutes", replicas(&b), 10);
	pass(&b, 0, 300000);
	TAP_INT("until that is over", replicas(&b), 5);
	bench_close(&b);
}

static void test_reads_seldom(void)
{
	struct bench b;
	unsigned reads;

	bench_open(&b, 4, false);
	pass(&b, 1000, 1000);
	reads = apiserver_count(b.api, "GET");
	for (int i = 0; i < 10; i++)
		pass(&b, 1000, 1000);
	TAP_INT("while nothing is to be done the API server is left in peace",
		apiserver_count(b.api, "GET"), reads);
	apiserver_set(b.api, b.object, 40, 40);
	pass(&b, 1000, 15000);
	TAP_INT("yet a size out of bounds is found and corrected", replicas(&b), 10);
	bench_close(&b);
}

static void test_reads_before_write(void)
{
	struct bench b;

	bench_open(&b, 4, false);
	pass(&b, 1000, 1000);
	apiserver_set(b.api, b.object, 10, 10);
	pass(&b, 1400, 1000);
	TAP_INT("the decision to write is made on a fresh reading", replicas(&b), 10);
	bench_close(&b);
}

static void test_conflicts(void)
{
	struct bench b;

	bench_open(&b, 4, false);
	apiserver_bump_before_puts(b.api, 3);
	pass(&b, 3000, 1000);
	TAP_INT("a conflict is read again and decided anew", replicas(&b), 10);
	TAP_INT("as often as needed", apiserver_count(b.api, "PUT"), 4);
	bench_close(&b);

	bench_open(&b, 4, false);
	apiserver_bump_before_puts(b.api, 100);
	pass(&b, 3000, 1000);
	TAP_INT("but not for ever", apiserver_count(b.api, "PUT"), 5);
	TAP_INT("and without a write", replicas(&b), 4);
	bench_close(&b);
}

static char reasons[200], latest_note[200]; /* of the events told */

static void note_event(void *ctx, const struct ruleset_entry *e, bool warning, const char *reason,
	const char *note)
{
	size_t len = strlen(reasons);

	(void)ctx;
	(void)e;
	(void)warning;
	(void)snprintf(reasons + len, sizeof(reasons) - len, "%s ", reason);
	(void)snprintf(latest_note, sizeof(latest_note), "%s", note);
}

static void test_dry_run(void)
{
	struct bench b;
	struct target_view v;

	*reasons = '\0';
	hooks.event = note_event;
	bench_open(&b, 4, true);
	pass(&b, 3000, 1000);
	TAP_INT("a dry run writes nothing", apiserver_count(b.api, "PUT"), 0);
	TAP_TRUE("but decides",
		scaler_look(b.scaler, 0, &v) && v.decision.want == 10 && v.decision.write);
	pass(&b, 3000, 1000);
	TAP_TRUE("and cools down as if it had",
		scaler_look(b.scaler, 0, &v) && v.decision.reason == REASON_COOLDOWN);
	for (int i = 0; i < 5; i++) {
		pass(&b, 3000, 60000);
		pass(&b, 3000, 1000);
	}
	TAP_TRUE("after each cooldown it would again",
		scaler_look(b.scaler, 0, &v) && v.dry_writes >= 5);
	TAP_STR("which is told once", reasons, "SuccessfulRescale ");
	pass(&b, 1400, 60000);
	TAP_STR("until it would do something else", reasons,
		"SuccessfulRescale SuccessfulRescale ");
	bench_close(&b);
	hooks.event = NULL;
}

/* The reasons logged since the last call, as "orders: REASON; " each. */
static const char *logged(int fd)
{
	static char reasons_said[2000];
	char text[8192], *line, *rest = text;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	*reasons_said = '\0';
	while ((line = strsep(&rest, "\n"))) {
		char *name = strstr(line, "orders: "), *end = name ? strstr(name, ": sta") : NULL;
		size_t len = strlen(reasons_said);

		if (end || (name && (end = strstr(name, ": sca"))))
			(void)snprintf(reasons_said + len, sizeof(reasons_said) - len, "%.*s; ",
				(int)(end - name), name);
	}
	return reasons_said;
}

/* A lag that swings by what is produced between two commits. */
static void swing(struct bench *b, int seconds)
{
	for (int i = 0; i < seconds; i += 2) {
		pass(b, 0, 1000);
		pass(b, 1000, 1000);
	}
}

static void test_log(void)
{
	char name[] = "/tmp/hexlag-test.XXXXXX";
	int fd = mkstemp(name), before = dup(STDERR_FILENO);
	struct bench b;

	(void)unlink(name);
	bench_open(&b, 4, false);
	(void)dup2(fd, STDERR_FILENO);
	log_set_level(LOG_LEVEL_INFO);
	pass(&b, 1000, 1000);
	TAP_STR("the first reason is logged", logged(fd), "orders: DesiredWithinRange; ");
	swing(&b, 3600);
	TAP_STR("reasons that swing are not", logged(fd), "");
	pass(&b, 0, 1000);
	pass(&b, 0, 29000);
	TAP_STR("nor one that has not held", logged(fd), "");
	pass(&b, 0, 1000);
	TAP_STR("but once it has", logged(fd), "orders: ScaleDownStabilized; ");
	scaler_pass(b.scaler, NULL, b.now_ms += 1000);
	TAP_STR("trouble is logged at once", logged(fd), "orders: LagUnknown; ");
	pass(&b, 1000, 1000);
	scaler_pass(b.scaler, NULL, b.now_ms += 1000);
	TAP_STR("and not again where nothing else has held", logged(fd), "");
	pass(&b, 3000, 1000);
	TAP_STR("so is a write", logged(fd), "orders: TooManyReplicas; ");
	pass(&b, 3000, 1000);
	pass(&b, 3000, 30000);
	TAP_STR("what comes after it has to hold, too", logged(fd), "orders: BackoffBoth; ");
	log_set_level(LOG_LEVEL_ERROR);
	(void)dup2(before, STDERR_FILENO);
	(void)close(before);
	(void)close(fd);
	bench_close(&b);
}

static const struct {
	const char *name;
	struct apiserver_fault fault;
	int64_t quiet_ms; /* no request before that */
} faults[] = {
	{"a refused GET backs off a second",
		{APISERVER_STATUS, "GET", "/scale", 1, 403, "", "{\"kind\":\"Status\"}"}, 1000},
	{"a refused PUT as well", {APISERVER_STATUS, "PUT", NULL, 1, 403, "", ""}, 1000},
	{"429 waits as long as it is told to",
		{APISERVER_STATUS, "GET", "/scale", 1, 429, "Retry-After: 7\r\n", "slow down"},
		7000},
	{"500 backs off", {APISERVER_STATUS, "PUT", NULL, 1, 500, "", "oops"}, 1000},
	{"a closed connection backs off", {.kind = APISERVER_CLOSE, .method = "PUT", .times = 2},
		1000},
	{"garbage backs off", {.kind = APISERVER_GARBAGE, .method = "GET", .path_has = "/scale"},
		1000},
	{"an object that is not there backs off",
		{APISERVER_STATUS, "GET", "/scale", 1, 404, "", ""}, 1000},
};

static void test_faults(void)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct bench b;
		unsigned requests;

		bench_open(&b, 4, false);
		apiserver_fail(b.api, &faults[i].fault);
		pass(&b, 3000, 1000);
		TAP_INT(faults[i].name, replicas(&b), 4);
		requests = apiserver_count(b.api, NULL);
		pass(&b, 3000, faults[i].quiet_ms - 1);
		TAP_INT("no request before its time", apiserver_count(b.api, NULL), requests);
		pass(&b, 3000, SLACK_MS);
		TAP_INT("then it is written", replicas(&b), 10);
		bench_close(&b);
	}
}

static void backoff_grows(int status, int64_t longest_ms)
{
	struct apiserver_fault fault = {APISERVER_STATUS, "GET", "/scale", 100, .status = status};
	struct bench b;

	bench_open(&b, 4, false);
	apiserver_fail(b.api, &fault);
	pass(&b, 3000, 1000);
	for (int64_t i = 0, wait_ms = 1000; i < 7; i++, wait_ms *= 2) {
		unsigned requests = apiserver_count(b.api, NULL);

		wait_ms = wait_ms > longest_ms ? longest_ms : wait_ms;
		pass(&b, 3000, wait_ms - 1);
		TAP_INT("quiet until the next try", apiserver_count(b.api, NULL), requests);
		pass(&b, 3000, SLACK_MS);
		TAP_TRUE(
			"which doubles up to the longest", apiserver_count(b.api, NULL) > requests);
	}
	apiserver_heal(b.api);
	fault.status = status == 403 ? 503 : 403;
	fault.times = 1;
	apiserver_fail(b.api, &fault);
	pass(&b, 3000, longest_ms + SLACK_MS);
	pass(&b, 3000, 1000 + SLACK_MS);
	TAP_INT("another failure begins anew, and it ends with success", replicas(&b), 10);
	bench_close(&b);
}

/* The PUT is applied but its answer is lost: the target must not be scaled twice. */
static void test_lost_answer(void)
{
	struct target_view v;
	struct bench b;

	*reasons = '\0';
	hooks.event = note_event;
	bench_open(&b, 4, false);
	apiserver_fail(b.api,
		&(struct apiserver_fault){
			.kind = APISERVER_STATUS, .method = "PUT", .times = 1, .status = 504});
	pass(&b, 1500, 1000);
	apiserver_set(b.api, b.object, 6, 6);
	pass(&b, 1500, 5000);
	TAP_INT("a write whose answer was lost counts for the cooldown", replicas(&b), 6);
	TAP_INT("so there is no second one", apiserver_count(b.api, "PUT"), 1);
	TAP_TRUE("it is counted when it is found", scaler_look(b.scaler, 0, &v) && v.writes == 1 &&
							   v.write.has && v.write.from == 4 &&
							   v.write.to == 6);
	TAP_STR("and told after the failure", reasons, "FailedUpdateScale SuccessfulRescale ");
	TAP_HAS("as what it is", latest_note, "(the answer was lost)");
	bench_close(&b);
	hooks.event = NULL;
}

static void test_no_snapshot(void)
{
	struct bench b;

	bench_open(&b, 4, false);
	scaler_pass(b.scaler, NULL, b.now_ms);
	TAP_INT("before the first observation nothing is written", apiserver_count(b.api, "PUT"),
		0);
	apiserver_set(b.api, b.object, 1, 1);
	scaler_pass(b.scaler, NULL, b.now_ms + 15000);
	TAP_INT("but a size out of bounds is corrected", replicas(&b), 2);
	bench_close(&b);
}

static uint64_t term_now, term_then; /* at the begin of a pass, and before a write */

static uint64_t term(void *ctx, int64_t margin_ms)
{
	(void)ctx;
	return margin_ms ? term_then : term_now;
}

static bool reports_to_lead(struct bench *b)
{
	struct scaler_report report CLEANUP(scaler_report_release);

	scaler_report(b->scaler, &report);
	return report.leads;
}

static void test_leader_only(void)
{
	struct target_view view;
	struct bench b;

	hooks.term = term;
	bench_open(&b, 1, false);
	pass(&b, 3000, 1000);
	TAP_INT("who does not lead asks nothing", apiserver_count(b.api, NULL), 0);
	term_now = 1;
	pass(&b, 3000, 1000);
	TAP_INT("nor writes when the lease may end before the write does",
		apiserver_count(b.api, "PUT"), 0);
	term_then = 2;
	pass(&b, 3000, 1000 + SLACK_MS);
	TAP_INT("or another term has begun", apiserver_count(b.api, "PUT"), 0);
	term_now = 2;
	pass(&b, 3000, 3000 + SLACK_MS);
	TAP_INT("who leads writes", replicas(&b), 2);
	term_now = term_then = 3;
	pass(&b, 3000, 1000);
	TAP_TRUE("a new term begins anew, but goes on counting",
		scaler_look(b.scaler, 0, &view) && view.writes == 2 && view.errors >= 2);
	TAP_TRUE("it is reported", reports_to_lead(&b));
	term_now = 0;
	TAP_TRUE("but not once it is over, though no pass has seen that", !reports_to_lead(&b));
	term_now = 4;
	TAP_TRUE("nor in another one before its first pass", !reports_to_lead(&b));
	pass(&b, 3000, 1000);
	TAP_TRUE("but from then on", reports_to_lead(&b));
	bench_close(&b);
	hooks.term = NULL;
}

/* Adds two targets that hang: shop/lost0 and shop/lost1. */
static void add_hanging(struct bench *b)
{
	struct ruleset *set = rules_of(NULL);

	for (int i = 0; i < 2; i++) {
		char name[8];
		struct rule r = b->rule;

		(void)snprintf(name, sizeof(name), "lost%d", i);
		(void)apiserver_add(b->api, "deployments", "shop", name, 4);
		r.target.name = name;
		ruleset_add(set, &r, NULL);
	}
	ruleset_add(set, &b->rule, NULL);
	scaler_set_rules(b->scaler, set, 0);
	ruleset_unref(set);
	apiserver_fail(b->api, &(struct apiserver_fault){
				       .kind = APISERVER_HANG, .path_has = "/lost", .times = 100});
}

static void test_hanging(void)
{
	struct bench b;
	unsigned requests;
	char line[2][200];

	bench_timeout_ms = 400;
	bench_open(&b, 4, false);
	add_hanging(&b);
	pass(&b, 3000, 1000);
	TAP_INT("targets that hang do not keep another one from being scaled", replicas(&b), 10);
	requests = apiserver_count(b.api, NULL);
	pass(&b, 3000, 1500);
	TAP_INT("they are left for four times as long as they took", apiserver_count(b.api, NULL),
		requests);
	for (int i = 0; i < 2; i++) {
		pass(&b, 3000, i ? 1 : 1500);
		TAP_INT("then one of them is tried in a pass", apiserver_count(b.api, NULL),
			++requests);
		(void)apiserver_last_line(b.api, line[i], sizeof(line[i]));
		TAP_HAS("which hangs", line[i], "/lost");
	}
	TAP_TRUE("each in its turn", strcmp(line[0], line[1]) != 0);
	apiserver_heal(b.api);
	pass(&b, 3000, 4000);
	TAP_INT("as soon as they answer there is no such limit", apiserver_count(b.api, NULL),
		requests + 4);
	bench_close(&b);
	bench_timeout_ms = 2000;
}

static void test_look(void)
{
	struct target_view view;
	struct bench b;

	bench_open(&b, 4, false);
	TAP_TRUE("before the first pass no rule is in force", !scaler_look(b.scaler, 0, &view));
	TAP_TRUE("past the last there is none", !scaler_look(b.scaler, 1, &view));
	apiserver_fail(
		b.api, &(struct apiserver_fault){APISERVER_STATUS, "PUT", NULL, 1, 403, "", ""});
	pass(&b, 3000, 1000);
	(void)scaler_look(b.scaler, 0, &view);
	TAP_HAS("a failure is told", view.problem, "403");
	TAP_INT("and counted", view.errors, 1);
	pass(&b, 3000, 1000 + SLACK_MS);
	(void)scaler_look(b.scaler, 0, &view);
	TAP_STR("until it is over", view.problem, "");
	TAP_TRUE("the write is there, from and to", view.write.has && !view.write.dry_run &&
							    view.write.from == 4 &&
							    view.write.to == 10);
	TAP_INT("and when it was", view.write.at_ms, b.now_ms);
	TAP_INT("the decision, too", view.decided_ms, b.now_ms);
	bench_close(&b);
}

int main(void)
{
	log_init(LOG_LEVEL_ERROR, false);
	test_writes_on_change();
	test_reads_seldom();
	test_reads_before_write();
	test_conflicts();
	test_dry_run();
	test_log();
	test_faults();
	backoff_grows(503, 5000);  /* may pass by itself */
	backoff_grows(403, 30000); /* waits for a person */
	test_lost_answer();
	test_no_snapshot();
	test_leader_only();
	test_hanging();
	test_look();
	return tap_done();
}
