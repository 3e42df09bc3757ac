/* A scaler whose target somebody else scales, too. */
#include "common/log.h"
#include "tests/mock/scalerbench.h"
#include "tests/tap.h"

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
	TAP_INT("a minute later it is tried once more", apiserver_count(b.api, "PUT"),
		CONTEND_REVERTS + 1);
	TAP_INT("one event each", rivalry.events, 2);
	bench_close(&b);
	hooks = (struct scaler_hooks){0};
}

int main(void)
{
	log_init(LOG_LEVEL_ERROR, false);
	test_rival();
	test_reverts();
	return tap_done();
}
