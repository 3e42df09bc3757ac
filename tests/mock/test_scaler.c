/* The scaler's pass against a fake API server: what is read, written and left alone. */
#include "scaler/scaler.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "sidecar/publish.h"
#include "tests/mock/apiserver.h"
#include "tests/tap.h"
#include "tests/unit/handmade.h"

/* The wait after a failure counts from the end of the request, which takes some real time. */
#define SLACK_MS 900

#define MEMBERS 40 /* of the group: more than there are pods */

struct bench {
	struct apiserver *api;
	size_t object;
	char kubeconfig[40];
	struct rule rule;
	struct rule_group group;
	struct rule_threshold threshold;
	struct publish *publish;
	struct scaler *scaler;
	int64_t now_ms;
	uint64_t seq; /* of the snapshots */
};

static struct scaler_hooks hooks;

static struct ruleset *rules_of(const struct rule *r)
{
	struct ruleset *set = ruleset_new();

	if (r)
		ruleset_add(set, r, NULL);
	return set;
}

static void set_rules(struct bench *b, const struct rule *r)
{
	struct ruleset *set = rules_of(r);

	scaler_set_rules(b->scaler, set, 0);
	ruleset_unref(set);
}

static void bench_open(struct bench *b, int32_t replicas, bool dry_run)
{
	struct scaler_options options = {0};
	struct err err = {0};
	int fd;

	*b = (struct bench){.api = apiserver_start(0), .now_ms = 1000000};
	b->object = apiserver_add(b->api, "deployments", "shop", "orders", replicas);
	(void)snprintf(b->kubeconfig, sizeof(b->kubeconfig), "/tmp/hexlag-test.XXXXXX");
	fd = mkstemp(b->kubeconfig);
	(void)close(fd);
	apiserver_kubeconfig(b->api, b->kubeconfig, NULL);
	b->threshold = (struct rule_threshold){(char *)"t", 1000};
	b->group = (struct rule_group){(char *)"g", {&b->threshold, 1}};
	b->rule = (struct rule){.target = {(char *)"apps/v1", (char *)"Deployment", (char *)"shop",
					(char *)"orders"},
		.min = 2,
		.max = 10,
		.groups = {&b->group, 1},
		.cooldown_ms = 60000,
		.dry_run = dry_run};
	b->publish = publish_new();
	options.publish = b->publish;
	options.hooks = hooks;
	options.kube = (struct kube_options){.kubeconfig = b->kubeconfig, .timeout_ms = 2000};
	b->scaler = scaler_new(&options, &err);
	set_rules(b, &b->rule);
}

static void bench_close(struct bench *b)
{
	scaler_free(b->scaler);
	publish_free(b->publish);
	apiserver_stop(b->api);
	(void)unlink(b->kubeconfig);
}

/* One pass with that lag, `later_ms` after the one before. */
static void pass(struct bench *b, int64_t lag, int64_t later_ms)
{
	struct snapshot *s = empty_snapshot();

	add_topic(s, "t", 1)->partitions[0].end = lag;
	(void)add_commits(s, add_group(s, "g", MEMBERS), "t", (int64_t[]){0});
	s->seq = b->seq;
	b->now_ms += later_ms;
	scaler_pass(b->scaler, s, b->now_ms);
	snapshot_unref(s);
}

static int64_t replicas(struct bench *b)
{
	return apiserver_replicas(b->api, b->object);
}

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

static void test_dry_run(void)
{
	struct bench b;
	struct target_view v;

	bench_open(&b, 4, true);
	pass(&b, 3000, 1000);
	TAP_INT("a dry run writes nothing", apiserver_count(b.api, "PUT"), 0);
	TAP_TRUE("but decides",
		scaler_look(b.scaler, 0, &v) && v.decision.want == 10 && v.decision.write);
	pass(&b, 3000, 1000);
	TAP_TRUE("and cools down as if it had",
		scaler_look(b.scaler, 0, &v) && v.decision.reason == REASON_COOLDOWN);
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

static void test_backoff_grows(void)
{
	static const int64_t waits[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};
	struct bench b;

	bench_open(&b, 4, false);
	apiserver_fail(b.api, &(struct apiserver_fault){.kind = APISERVER_STATUS,
				      .method = "GET",
				      .path_has = "/scale",
				      .times = 100,
				      .status = 503});
	pass(&b, 3000, 1000);
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		unsigned requests = apiserver_count(b.api, NULL);

		pass(&b, 3000, waits[i] - 1);
		TAP_INT("quiet until the next try", apiserver_count(b.api, NULL), requests);
		pass(&b, 3000, SLACK_MS);
		TAP_TRUE("which doubles up to half a minute",
			apiserver_count(b.api, NULL) > requests);
	}
	apiserver_heal(b.api);
	pass(&b, 3000, 30000 + SLACK_MS);
	TAP_INT("and ends with success", replicas(&b), 10);
	bench_close(&b);
}

/* The PUT is applied but its answer is lost: the target must not be scaled twice. */
static void test_lost_answer(void)
{
	struct bench b;

	bench_open(&b, 4, false);
	apiserver_fail(b.api,
		&(struct apiserver_fault){
			.kind = APISERVER_STATUS, .method = "PUT", .times = 1, .status = 504});
	pass(&b, 1500, 1000);
	apiserver_set(b.api, b.object, 6, 6);
	pass(&b, 1500, 5000);
	TAP_INT("a write whose answer was lost counts for the cooldown", replicas(&b), 6);
	TAP_INT("so there is no second one", apiserver_count(b.api, "PUT"), 1);
	bench_close(&b);
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

static void test_new_rules(void)
{
	struct bench b;

	bench_open(&b, 4, false);
	pass(&b, 3000, 1000);
	TAP_INT("the rule raises", replicas(&b), 10);
	b.rule.max = 12;
	set_rules(&b, &b.rule);
	pass(&b, 3000, 1000);
	TAP_INT("a changed rule remembers the write, and cools down", replicas(&b), 10);
	pass(&b, 3000, 60000);
	TAP_INT("then its new bound holds", replicas(&b), 12);
	set_rules(&b, NULL);
	pass(&b, 9000, 60000);
	apiserver_set(b.api, b.object, 1, 1);
	pass(&b, 9000, 60000);
	TAP_INT("a rule that is gone is not enforced", replicas(&b), 1);
	bench_close(&b);
}

/* What a rule needs is asked for in the cycles after it came. */
static void test_rules_wait(void)
{
	struct ruleset *set;
	struct bench b;

	bench_open(&b, 4, false);
	set = rules_of(&b.rule);
	set_rules(&b, NULL);
	b.seq = 7;
	pass(&b, 3000, 1000);
	scaler_set_rules(b.scaler, set, 8);
	pass(&b, 3000, 1000);
	TAP_INT("an older snapshot does not bring new rules into force", replicas(&b), 4);
	b.seq = 8;
	pass(&b, 3000, 1000);
	TAP_INT("the one that was asked for them does", replicas(&b), 10);
	ruleset_unref(set);
	bench_close(&b);
}

static uint64_t term_now, term_then; /* at the begin of a pass, and before a write */

static uint64_t term(void *ctx, int64_t margin_ms)
{
	(void)ctx;
	return margin_ms ? term_then : term_now;
}

static void test_leader_only(void)
{
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
	bench_close(&b);
	hooks.term = NULL;
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

/* What the rival hook says, and the events that were told. */
static struct {
	const char *why; /* NULL: no rival */
	char told[200];
	unsigned events;
} rivalry;

static bool rival(void *ctx, const struct rule *r, char *ret_why, size_t size)
{
	(void)ctx;
	(void)r;
	(void)snprintf(ret_why, size, "%s", rivalry.why ? rivalry.why : "");
	return rivalry.why != NULL;
}

static void event(void *ctx, const struct ruleset_entry *e, bool warning, const char *reason,
	const char *note)
{
	(void)ctx;
	(void)e;
	if (!strstr(reason, "Conten"))
		return;
	rivalry.events++;
	(void)snprintf(rivalry.told, sizeof(rivalry.told), "%s %s %s",
		warning ? "Warning" : "Normal", reason, note);
}

static void test_rival(void)
{
	struct target_view v;
	struct bench b;

	hooks = (struct scaler_hooks){.rival = rival, .event = event};
	bench_open(&b, 4, false);
	rivalry.why = "";
	pass(&b, 3000, 1000);
	TAP_INT("before rivals are known nothing is even asked", apiserver_count(b.api, NULL), 0);
	rivalry.why = "an HPA has the same target";
	pass(&b, 3000, 1000);
	pass(&b, 3000, 1000);
	TAP_INT("beside a rival nothing is written", apiserver_count(b.api, "PUT"), 0);
	TAP_TRUE("though it would be",
		scaler_look(b.scaler, 0, &v) && v.decision.reason == REASON_CONTENDED);
	TAP_HAS("and the reason is told", v.decision.detail, "somebody else sets the size, too");
	TAP_STR("with a name", v.contended, rivalry.why);
	TAP_STR("by an event", rivalry.told,
		"Warning Contended an HPA has the same target: the size is left alone");
	apiserver_set(b.api, b.object, 40, 40);
	pass(&b, 3000, 15000);
	TAP_INT("not even out of bounds", apiserver_count(b.api, "PUT"), 0);
	TAP_INT("once", rivalry.events, 1);
	rivalry.why = NULL;
	pass(&b, 3000, 1000);
	TAP_INT("it goes on when the rival is gone", replicas(&b), 10);
	TAP_STR("and says so", rivalry.told,
		"Normal ContentionEnded nobody else sets the size any more");
	bench_close(&b);
	rivalry.why = "an HPA has the same target";
	bench_open(&b, 4, true);
	pass(&b, 3000, 1000);
	TAP_TRUE("a dry run beside a rival shows what it would do",
		scaler_look(b.scaler, 0, &v) && v.decision.write && v.dry_writes == 1);
	bench_close(&b);
	rivalry.why = NULL;
	rivalry.events = 0;
	hooks = (struct scaler_hooks){0};
}

static void test_reverts(void)
{
	struct target_view v;
	struct bench b;

	hooks = (struct scaler_hooks){.event = event};
	bench_open(&b, 4, false);
	for (int i = 1; i <= CONTEND_REVERTS; i++) {
		pass(&b, 3000, 60000);
		TAP_INT("it writes", apiserver_count(b.api, "PUT"), i);
		apiserver_set(b.api, b.object, 4, 4);
	}
	pass(&b, 3000, 60000);
	TAP_INT("what was taken back twice is not written again", apiserver_count(b.api, "PUT"),
		CONTEND_REVERTS);
	TAP_TRUE("but told", scaler_look(b.scaler, 0, &v) && v.decision.reason == REASON_CONTENDED);
	TAP_HAS("by an event", rivalry.told, "Contended somebody else took back");
	for (int64_t ms = 0; ms < CONTEND_HOLD_MS; ms += 15000)
		pass(&b, 3000, 15000);
	TAP_INT("ten minutes later it is tried once more", apiserver_count(b.api, "PUT"),
		CONTEND_REVERTS + 1);
	TAP_INT("one event each", rivalry.events, 2);
	bench_close(&b);
	hooks = (struct scaler_hooks){0};
}

int main(void)
{
	log_init(LOG_LEVEL_ERROR, false);
	test_writes_on_change();
	test_reads_seldom();
	test_reads_before_write();
	test_conflicts();
	test_dry_run();
	test_faults();
	test_backoff_grows();
	test_lost_answer();
	test_no_snapshot();
	test_new_rules();
	test_rules_wait();
	test_leader_only();
	test_look();
	test_rival();
	test_reverts();
	return tap_done();
}
