/* The steps of a decision that need time: windows, holds, zero, fallback, caps, verdicts. */
#include <stdlib.h>

#include "common/mem.h"
#include "scaler/decide.h"
#include "tests/tap.h"

/* A rule on one topic, and what is observed of it now. */
struct world {
	struct rule_threshold threshold;
	struct rule_group group;
	struct rule rule;
	struct observation seen;
	struct control control;
	int64_t now_ms;
	int32_t replicas, ready;
	bool contended;
	struct decision d;
};

/* Kafka was asked so long before the decision. */
#define ASKED_MS 40

static struct world *world_new(enum policy_kind policy, int32_t min, int32_t max)
{
	struct world *w = mem_zalloc(1, sizeof(*w));

	w->threshold = (struct rule_threshold){"t", 1000};
	w->group = (struct rule_group){"g", {&w->threshold, 1}};
	w->rule = (struct rule){.min = min,
		.max = max,
		.groups = {&w->group, 1},
		.policy = (int)policy,
		.tolerance = 0.1,
		.cooldown_ms = 60000,
		.hold_limit_ms = 60000,
		.limit_to_partitions = true,
		.drain_time_ms = 20000};
	w->seen = (struct observation){.quality = QUALITY_COMPLETE,
		.why = "the test says so",
		.has_end = true,
		.partitions = 24,
		.known = 24,
		.state = GROUP_STABLE};
	w->replicas = w->ready = 4;
	return w;
}

static void world_free(struct world *w)
{
	control_release(&w->control);
	free(w);
}

/* One decision `after_ms` later with this lag; a write is carried out at once. */
static const struct decision *step(struct world *w, int64_t after_ms, int64_t lag)
{
	w->now_ms += after_ms;
	w->seen.at_ms = w->now_ms - ASKED_MS;
	w->seen.lag = lag;
	w->seen.end = 1000000 + lag + w->now_ms;
	decide(&w->rule,
		&(struct decide_input){.now_ms = w->now_ms,
			.replicas = w->replicas,
			.ready = w->ready,
			.observations = &w->seen,
			.contended = w->contended},
		&w->control, &w->d);
	if (w->d.write) {
		control_wrote(&w->control, &w->rule, w->replicas, w->d.want, w->now_ms);
		w->replicas = w->ready = w->d.want;
	}
	return &w->d;
}

#define REASON(name, d, why) TAP_STR(name, reason_name((d)->reason), reason_name(why))

static void test_windows(void)
{
	struct world *w = world_new(POLICY_PER_REPLICA, 1, 30);
	int64_t lowered_ms = 0;

	TAP_INT("the first reaction is immediate", step(w, 0, 9000)->want, 9);
	TAP_TRUE("and written", w->d.write);
	for (int i = 0; i < 400 && !lowered_ms; i++)
		if (step(w, 1000, 2000)->write)
			lowered_ms = w->now_ms;
		else if (i == 200)
			REASON("the window is named", &w->d, REASON_DOWN_STABILIZED);
	TAP_INT("down after 300 s and not before", lowered_ms, 300000);
	TAP_INT("at once", w->replicas, 2);
	world_free(w);
}

static void test_bounds_are_reached(void)
{
	struct world *w = world_new(POLICY_PER_REPLICA, 1, 30);

	w->replicas = w->ready = 22;
	TAP_INT("22 of 24 is within 10 %, yet the cap is reached", step(w, 0, 24000)->want, 24);
	w->replicas = w->ready = 20;
	TAP_INT("short of the cap it is left alone", step(w, 70000, 21000)->want, 20);
	REASON("as within range", &w->d, REASON_WITHIN_RANGE);
	TAP_INT("and never passed", step(w, 0, 900000)->want, 24);
	world_free(w);
	w = world_new(POLICY_PER_REPLICA, 1, 30);
	w->rule.limit_to_partitions = false;
	TAP_INT("unless it may", step(w, 0, 900000)->want, 30);
	world_free(w);
	w = world_new(POLICY_PER_REPLICA, 1, 30);
	w->rule.partition_steps = STEPS_ON;
	TAP_INT("in steps of partitions", step(w, 0, 14000)->want, 12);
	world_free(w);
}

static void test_holds(void)
{
	struct world *w = world_new(POLICY_PER_REPLICA, 1, 30);

	step(w, 0, 4000);
	w->seen.state = GROUP_PREPARING_REBALANCE;
	step(w, 1000, 20000);
	REASON("a rebalance is waited for", &w->d, REASON_REBALANCING);
	TAP_TRUE("nothing is written", !w->d.write);
	TAP_TRUE("not for ever", step(w, 60000, 20000)->write);
	w->seen.state = GROUP_STABLE;
	w->ready = 10;
	step(w, 61000, 23000);
	REASON("pods on their way are waited for", &w->d, REASON_STARTING);
	TAP_TRUE("not for ever either", step(w, 60000, 23000)->write);
	step(w, 59999, 24000);
	REASON("so is the cooldown", &w->d, REASON_COOLDOWN);
	TAP_TRUE("which ends", step(w, 1, 24000)->write);
	world_free(w);

	w = world_new(POLICY_PER_REPLICA, 1, 30);
	w->ready = 1;
	TAP_TRUE("pods that never were ready are not waited for", step(w, 0, 9000)->write);
	world_free(w);

	w = world_new(POLICY_PER_REPLICA, 1, 30);
	w->rule.paused = true;
	TAP_INT("paused: what would be done is told", step(w, 0, 9000)->want, 9);
	TAP_TRUE("and not done", !w->d.write);
	REASON("because it is paused", &w->d, REASON_PAUSED);
	w->replicas = 99;
	TAP_TRUE("not even for the bounds", !step(w, 0, 9000)->write);
	w->rule.paused = false;
	w->contended = true;
	TAP_TRUE("contended: likewise", !step(w, 1000, 9000)->write);
	REASON("with its own reason", &w->d, REASON_CONTENDED);
	world_free(w);
}

static void test_zero(void)
{
	struct world *w = world_new(POLICY_PER_REPLICA, 0, 30);

	w->replicas = w->ready = 1;
	step(w, 0, 10);
	for (int i = 0; i < 59; i++)
		TAP_TRUE("not before the cooldown", !step(w, 1000, 0)->write);
	w->seen.quality = QUALITY_PARTIAL;
	step(w, 1000, 0);
	w->seen.quality = QUALITY_COMPLETE;
	for (int i = 0; i < 60; i++)
		TAP_TRUE("which begins anew with bad data", !step(w, 1000, 0)->write);
	TAP_INT("then to zero", step(w, 1000, 0)->want, 0);
	REASON("because of no lag", &w->d, REASON_IDLE);
	w->seen.quality = QUALITY_STALE;
	TAP_TRUE("stale lag wakes nobody", !step(w, 1000, 5)->write);
	w->seen.quality = QUALITY_PARTIAL;
	TAP_INT("the first records do, even of a part", step(w, 1000, 5)->want, 1);
	REASON("at once", &w->d, REASON_ACTIVATED);
	w->seen.quality = QUALITY_COMPLETE;
	for (int i = 0; i < 240; i++)
		TAP_TRUE("woken soon, it waits for four times as long", !step(w, 1000, 0)->write);
	TAP_INT("before it sleeps again", step(w, 1000, 0)->want, 0);
	world_free(w);

	w = world_new(POLICY_PER_REPLICA, 1, 30);
	w->replicas = w->ready = 0;
	step(w, 0, 5000);
	REASON("with a minimum of 1 zero is switched off", &w->d, REASON_SCALING_DISABLED);
	world_free(w);
}

/* After a minute without data. */
static void fall_back_to(struct world *w, int32_t replicas)
{
	w->rule.fallback = (struct rule_fallback){.present = true,
		.after_ms = 60000,
		.behavior = FALLBACK_STATIC,
		.replicas = replicas};
}

/* A group without members loses its commits after a week. */
static void test_long_sleep(void)
{
	struct world *w = world_new(POLICY_PER_REPLICA, 0, 30);

	w->replicas = w->ready = 0;
	w->seen.has_topic_end = true;
	w->seen.topic_end = 700;
	step(w, 1000, 0);
	w->seen.quality = QUALITY_UNKNOWN;
	w->seen.has_end = false;
	fall_back_to(w, 3);
	step(w, 604800000, 0);
	REASON("commits that expired are no trouble where nothing came", &w->d,
		REASON_WITHIN_RANGE);
	TAP_TRUE("so nothing is done", !w->d.write);
	w->seen.has_topic_end = false;
	w->seen.topic_end = 0;
	step(w, 1000, 0);
	REASON("where the log is not known nothing is", &w->d, REASON_LAG_UNKNOWN);
	w->seen.has_topic_end = true;
	w->seen.topic_end = 701;
	TAP_INT("the first record wakes it all the same", step(w, 1000, 0)->want, 1);
	REASON("as any other", &w->d, REASON_ACTIVATED);
	TAP_TRUE("and that is known well enough", !w->d.on_bad_data);
	world_free(w);
}

static void test_fallback_at_zero(void)
{
	struct world *w = world_new(POLICY_PER_REPLICA, 0, 30);

	w->replicas = w->ready = 0;
	w->seen.has_topic_end = true;
	step(w, 1000, 0);
	w->seen.quality = QUALITY_UNKNOWN;
	w->seen.topic_end = 1;
	fall_back_to(w, 0);
	w->rule.behavior.down.has_window = true; /* of 0 s */
	TAP_INT("a record wakes it", step(w, 1000, 0)->want, 1);
	for (int i = 0; i < 61; i++)
		step(w, 1000, 0);
	TAP_INT("a fallback may send it back", w->replicas, 0);
	for (int i = 0; i < 120; i++)
		step(w, 1000, 0);
	TAP_INT("where the same record does not wake it again", w->replicas, 0);
	world_free(w);

	w = world_new(POLICY_PER_REPLICA, 0, 30);
	w->replicas = w->ready = 0;
	w->seen.quality = QUALITY_UNKNOWN;
	w->seen.has_topic_end = true;
	step(w, 1000, 0);
	REASON("without a time without lag the log tells nothing", &w->d, REASON_LAG_UNKNOWN);
	world_free(w);

	w = world_new(POLICY_PER_REPLICA, 0, 30);
	w->replicas = w->ready = 0;
	fall_back_to(w, 3);
	step(w, 0, 0);
	w->seen.quality = QUALITY_UNKNOWN;
	step(w, 1000, 0);
	TAP_TRUE("a fallback waits for its time", !w->d.write);
	for (int i = 0; i < 60; i++)
		step(w, 1000, 0);
	TAP_INT("and then holds at zero, too", w->replicas, 3);
	REASON("with its reason", &w->d, REASON_FALLBACK);
	world_free(w);
}

static void test_fallback(void)
{
	static const struct {
		const char *name;
		enum rule_fallback_behavior behavior;
		enum quality quality;
		int32_t current, want, max;
		enum reason why;
	} rows[] = {
		{"static raises", FALLBACK_STATIC, QUALITY_UNKNOWN, 4, 6, 30, REASON_FALLBACK},
		{"current stays", FALLBACK_CURRENT, QUALITY_UNKNOWN, 4, 4, 30, REASON_FALLBACK},
		{"if higher: raises", FALLBACK_CURRENT_IF_HIGHER, QUALITY_STALE, 4, 6, 30,
			REASON_FALLBACK},
		{"if higher: stays", FALLBACK_CURRENT_IF_HIGHER, QUALITY_UNKNOWN, 9, 9, 30,
			REASON_FALLBACK},
		{"if lower: stays", FALLBACK_CURRENT_IF_LOWER, QUALITY_STALE, 4, 4, 30,
			REASON_FALLBACK},
		{"static on partial data does not lower", FALLBACK_STATIC, QUALITY_PARTIAL, 9, 9,
			30, REASON_FALLBACK},
		{"static lowers", FALLBACK_STATIC, QUALITY_UNKNOWN, 9, 6, 30, REASON_FALLBACK},
		{"if lower: lowers", FALLBACK_CURRENT_IF_LOWER, QUALITY_UNKNOWN, 9, 6, 30,
			REASON_FALLBACK},
		{"one beyond the bounds is cut", FALLBACK_STATIC, QUALITY_UNKNOWN, 4, 5, 5,
			REASON_TOO_MANY_REPLICAS},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world *w = world_new(POLICY_PER_REPLICA, 1, rows[i].max);

		w->replicas = w->ready = rows[i].current;
		w->rule.behavior.down.has_window = true; /* of 0 s */
		w->rule.fallback = (struct rule_fallback){true, 180000, (int)rows[i].behavior, 6};
		step(w, 0, rows[i].current * 1000);
		w->seen.quality = rows[i].quality;
		step(w, 179999, 0);
		TAP_INT("held at first", w->d.want, rows[i].current);
		TAP_INT(rows[i].name, step(w, 1, 0)->want, rows[i].want);
		REASON("with its reason", &w->d, rows[i].why);
		TAP_TRUE("and is no write on bad data", !w->d.on_bad_data);
		world_free(w);
	}
}

/* A window that waits before it raises gets to see the fallback. */
static void test_fallback_window(void)
{
	struct world *w = world_new(POLICY_PER_REPLICA, 1, 30);

	w->rule.behavior.given = true;
	w->rule.behavior.up.has_window = true;
	w->rule.behavior.up.window_s = 300;
	fall_back_to(w, 6);
	for (int i = 0; i < 10; i++)
		step(w, 1000, 4000);
	w->seen.quality = QUALITY_UNKNOWN;
	for (int i = 0; i < 290; i++)
		step(w, 1000, 0);
	TAP_INT("it is held for the window", w->replicas, 4);
	for (int i = 0; i < 20; i++)
		step(w, 1000, 0);
	TAP_INT("and then falls back", w->replicas, 6);
	world_free(w);
}

/* A group of `ready` consumers of 1000 records/s each (all together at most `most`), fed `rate`. */
static void play(
	struct world *w, int seconds, double rate, double most, double *end, double *committed)
{
	for (int i = 0; i < seconds; i++) {
		double can = 24.0 / ((24 + w->ready - 1) / w->ready) * 1000;

		can = can > most ? most : can;
		*end += rate;
		*committed = *committed + can < *end ? *committed + can : *end;
		w->now_ms += 1000;
		w->seen.at_ms = w->now_ms - ASKED_MS;
		w->seen.end = (int64_t)*end;
		w->seen.lag = (int64_t)(*end - *committed);
		decide(&w->rule,
			&(struct decide_input){.now_ms = w->now_ms,
				.replicas = w->replicas,
				.ready = w->ready,
				.observations = &w->seen},
			&w->control, &w->d);
		if (w->d.write) {
			control_wrote(&w->control, &w->rule, w->replicas, w->d.want, w->now_ms);
			w->replicas = w->ready = w->d.want;
		}
	}
}

static void test_drain(void)
{
	struct world *w = world_new(POLICY_DRAIN, 1, 24);
	double end = 1e6, committed = 1e6;

	w->replicas = w->ready = 6;
	play(w, 120, 5000, 1e9, &end, &committed);
	TAP_INT("a load that is carried changes nothing", w->replicas, 6);
	play(w, 60, 9000, 1e9, &end, &committed);
	TAP_TRUE("more load raises", w->replicas > 6);
	play(w, 500, 9000, 1e9, &end, &committed);
	TAP_INT("to what carries it", w->replicas, 12);
	play(w, 900, 2500, 1e9, &end, &committed);
	TAP_INT("less load lowers to as much as that needs", w->replicas, 3);
	world_free(w);

	w = world_new(POLICY_DRAIN, 1, 24);
	w->replicas = w->ready = 6;
	end = committed = 1e6;
	play(w, 120, 5000, 1e9, &end, &committed);
	play(w, 200, 5000, 4000, &end, &committed);
	REASON("a raise that does not help is not repeated", &w->d, REASON_NOT_EFFECTIVE);
	TAP_TRUE("so it does not end at the maximum", w->replicas < 24);
	play(w, 60, 5000, 1e9, &end, &committed);
	TAP_TRUE("until it would help", w->replicas == 24);
	world_free(w);
}

static void test_rate(void)
{
	struct world *w = world_new(POLICY_RATE, 1, 24);
	double end = 1e6, committed = 1e6;

	w->rule.rate_per_replica = 1000;
	play(w, 5, 3400, 1e9, &end, &committed);
	REASON("without a rate nothing is done", &w->d, REASON_LEARNING);
	play(w, 65, 4500, 1e9, &end, &committed);
	TAP_INT("ceil(rate / rate per replica)", w->replicas, 5);
	play(w, 100, 6500, 1e9, &end, &committed);
	TAP_INT("in steps of partitions, of which the fullest replica carries its share",
		w->replicas, 8);
	world_free(w);
}

int main(void)
{
	test_windows();
	test_bounds_are_reached();
	test_holds();
	test_zero();
	test_long_sleep();
	test_fallback_at_zero();
	test_fallback();
	test_fallback_window();
	test_drain();
	test_rate();
	return tap_done();
}
