#include "scaler/control.h"

#include <stdlib.h>

#include "common/mem.h"

/* A target that is woken so soon after it went to sleep has to be idle four times as long the next time,
 * then eight times: one that gets a record a minute is not to be stopped and started all day. */
#define WAKE_SOON_MS 600000

/* A lowering that is taken back within REGRET_SOON_MS was one too early: the next one has to wait twice
 * REGRET_MS after a raise, and so on, up to CONTROL_REGRETS_MAX times. Forgotten after REGRET_FORGET_MS. */
#define REGRET_SOON_MS 240000
#define REGRET_MS 300000
#define REGRET_FORGET_MS 3600000

void control_release(struct control *c)
{
	free(c->looks);
	free(c->watches);
	behavior_state_release(&c->behavior);
	*c = (struct control){0};
}

/* Takes `watches`, one for each of `count` thresholds. */
static void replace_watches(struct control *c, struct threshold_watch *watches, size_t count)
{
	free(c->watches);
	free(c->looks);
	c->watches = watches;
	c->looks = mem_zalloc(count, sizeof(*c->looks));
	c->look_count = count;
}

void control_rule_changed(struct control *c, const struct rule *before, const struct rule *after)
{
	size_t count = rule_threshold_count(after);
	struct threshold_watch *watches = mem_zalloc(count, sizeof(*watches));
	const struct rule_threshold *t;
	bool same = count == c->look_count;
	const char *group;

	for (size_t i = 0; rule_threshold(after, i, &group, &t); i++) {
		size_t old = rule_find_threshold(before, group, t->topic);

		if (old < c->look_count)
			watches[i] = c->watches[old];
		same &= old == i;
	}
	replace_watches(c, watches, count);
	if (same)
		return;
	c->has_idle = false;
	c->efficacy = (struct efficacy){0};
	c->efficacy_look = (struct efficacy_look){0};
}

void control_fit(struct control *c, size_t thresholds)
{
	if (c->look_count != thresholds)
		replace_watches(c, mem_zalloc(thresholds, sizeof(*c->watches)), thresholds);
}

static void note_raise(struct control *c, int32_t from, int32_t to, int64_t now_ms)
{
	efficacy_raised(&c->efficacy, from, to, &c->efficacy_look);
	if (c->has_lowered && now_ms - c->lowered_ms < REGRET_SOON_MS && !c->lowered_to_probe)
		c->regrets += c->regrets < CONTROL_REGRETS_MAX;
	else if (c->has_raised && now_ms - c->raised_ms > REGRET_FORGET_MS)
		c->regrets = 0;
	c->has_raised = true;
	c->raised_ms = now_ms;
	c->raised_to_drain = c->to_drain;
}

static void note_wake(struct control *c, int64_t now_ms)
{
	bool soon = c->has_slept && now_ms - c->slept_ms < WAKE_SOON_MS;

	c->wakes = !soon ? 0 : c->wakes == 0 ? 2 : CONTROL_WAKES_MAX;
}

/* Where it sleeps by a fallback, what has come until now is not to wake it. */
static void note_sleep(struct control *c, int64_t now_ms)
{
	c->has_slept = true;
	c->slept_ms = now_ms;
	for (size_t i = 0; i < c->look_count; i++) {
		const struct observation *o = &c->looks[i].seen;

		if (o->quality != QUALITY_UNKNOWN || !o->has_topic_end)
			continue;
		c->watches[i].has_quiet_end = true;
		c->watches[i].quiet_end = o->topic_end;
	}
}

void control_wrote(
	struct control *c, const struct rule *rule, int32_t from, int32_t to, int64_t now_ms)
{
	struct behavior b = rule->behavior;

	behavior_complete(&b, rule->tolerance);
	behavior_scaled(&b, &c->behavior, from, to, now_ms);
	if (to > from)
		note_raise(c, from, to, now_ms);
	if (to < from) {
		c->has_lowered = true;
		c->lowered_ms = now_ms;
		c->lowered_to_probe = c->probing;
	}
	c->has_written = true;
	c->written_ms = now_ms;
	if (from == 0)
		note_wake(c, now_ms);
	if (to == 0)
		note_sleep(c, now_ms);
	if (!rule->dry_run)
		contend_wrote(&c->contend, from, to, now_ms);
}

bool control_regrets(const struct control *c, const struct rule *r, int64_t now_ms)
{
	return c->regrets > 0 && c->has_raised && !c->raised_to_drain && !r->behavior.given &&
	       now_ms - c->raised_ms < (int64_t)REGRET_MS << c->regrets;
}
