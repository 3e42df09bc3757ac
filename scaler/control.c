#include "scaler/control.h"

#include <stdlib.h>

#include "common/mem.h"

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
