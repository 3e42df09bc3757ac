/* A program that stands by, leads, and stands by again, with a Kafka that is not there. */
#include <unistd.h>

#include "cli/program.h"
#include "common/clock.h"
#include "common/exposition.h"
#include "common/log.h"
#include "sidecar/collector.h"
#include "sidecar/publish.h"
#include "sidecar/snapshot.h"
#include "tests/tap.h"
#include "tests/unit/rawhttp.h"

#define DEADLINE_MS 20000
#define KAFKA "kafka: { bootstrap = \"127.0.0.1:1\"; timeout = \"200ms\"; };\n"
#define EXPORTER(more) KAFKA "exporter: { listen = \"127.0.0.1:0\"; interval = \"1h\"; " more "};\n"

static atomic_bool leader;

static bool leads(void)
{
	return atomic_load(&leader);
}

static void start(struct program *p, const char *text)
{
	struct conf_errors errors = {0};
	struct err err = {0};

	*p = (struct program){.leads = leads};
	if (settings_parse(text, "f", &p->settings, &errors) < 0 || program_start(p, &err) < 0) {
		printf("Bail out! %s%s\n", strbuf_str(&errors.text), err.msg);
		exit(1);
	}
}

static void stop(struct program *p)
{
	TAP_TRUE("it stops", program_stop(p));
}

static void set_leader(struct program *p, bool on)
{
	atomic_store(&leader, on);
	program_leads_changed(p);
}

/* The calls to Kafka so far, as metrics tell them. */
static char *calls(const struct program *p)
{
	struct exposition x = {0};

	collector_metrics(p->collector, &x);
	return strbuf_take(&x.text);
}

static bool read_once(struct program *p, uint64_t seq)
{
	struct snapshot *s = publish_wait(p->publish, seq, clock_mono_ms() + DEADLINE_MS);
	bool there = s != NULL;

	snapshot_unref(s);
	return there;
}

static bool withdrawn(struct program *p)
{
	int64_t deadline = clock_mono_ms() + DEADLINE_MS;

	while (clock_mono_ms() < deadline) {
		struct snapshot *s = publish_get(p->publish);

		if (!s)
			return true;
		snapshot_unref(s);
		(void)usleep(1000);
	}
	return false;
}

static void get(const struct program *p, const char *what, int status, const char *has)
{
	struct answer a = http_once(web_port(p->web), what, "", NULL);

	TAP_INT(what, a.status, status);
	TAP_HAS(what, strbuf_str(&a.body), has);
	answer_release(&a);
}

static void test_leader_only(void)
{
	struct program p;
	struct snapshot *s;
	char *before, *after;
	uint64_t seq;

	atomic_store(&leader, false);
	start(&p, EXPORTER("group_series = \"leader\";"));
	get(&p, "GET /readyz", 200, "ready: standby");
	get(&p, "GET /healthz", 200, "ok");
	before = calls(&p);
	s = publish_wait(p.publish, 0, clock_mono_ms() + 500);
	after = calls(&p);
	TAP_TRUE("a standby reads nothing", !s);
	TAP_STR("and asks nothing", after, before);
	free(before);
	free(after);
	set_leader(&p, true);
	TAP_TRUE("the one that leads does at once", read_once(&p, 0));
	get(&p, "GET /readyz", 503, "Kafka did not answer");
	get(&p, "GET /metrics", 200, "hexlag_snapshot_age_seconds");
	s = publish_get(p.publish);
	seq = s->seq;
	snapshot_unref(s);
	set_leader(&p, false);
	TAP_TRUE("what it has read is withdrawn when it leads no more", withdrawn(&p));
	get(&p, "GET /readyz", 200, "ready: standby");
	get(&p, "GET /api/v1/lag", 503, "standby");
	set_leader(&p, true);
	TAP_TRUE("leading again it reads at once, not after the interval", read_once(&p, seq));
	stop(&p);
}

static void test_always(void)
{
	struct program p;

	atomic_store(&leader, false);
	start(&p, EXPORTER("group_series = \"always\";"));
	TAP_TRUE("a standby that exports all the same reads Kafka", read_once(&p, 0));
	get(&p, "GET /readyz", 503, "Kafka did not answer");
	stop(&p);
}

static const struct {
	const char *name, *text;
	bool rests;
} rows[] = {
#define RULES(target)                                                             \
	"scaler: { rules = ( { " target " maxReplicas = 3; consumergroups = ( { " \
	"name = \"g\"; topicsThreshold = ( { topic = \"t\"; lag = 1; } ); } ); } ); };\n"
#define SELF RULES("target = \"self\";")
#define OTHER RULES("scaleTargetRef = { name = \"d\"; };")
	{"an exporter alone never rests", EXPORTER(""), false},
	{"unless told so", EXPORTER("group_series = \"leader\";"), true},
	{"a standby of an exporter with rules goes on", EXPORTER("") OTHER, false},
	{"a standby without an exporter rests", KAFKA OTHER, true},
	{"a sidecar that stands by rests", EXPORTER("") SELF, true},
	{"one without an exporter, too", KAFKA SELF, true},
	{"but not one that is to export", EXPORTER("group_series = \"always\";") SELF, false},
};

static void test_who_rests(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_errors errors = {0};
		struct settings s;

		TAP_INT("the file is right", settings_parse(rows[i].text, "f", &s, &errors), 0);
		TAP_INT(rows[i].name, settings_standby_rests(&s), rows[i].rests);
		strbuf_release(&errors.text);
		settings_release(&s);
	}
}

int main(void)
{
	log_init(LOG_LEVEL_ERROR, false);
	test_who_rests();
	test_leader_only();
	test_always();
	return tap_done();
}
