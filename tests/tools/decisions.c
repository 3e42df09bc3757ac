/* Times the deciding alone: so many milliseconds does it take to decide on 1,000 rules, each with a group
 * and a topic of its own, on a snapshot that is there. One line for each policy: its name, and the median
 * of many passes, a second of the rules' clock apart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "scaler/decide.h"
#include "tests/unit/handmade.h"

#define RULES 1000
#define PARTITIONS 12
#define PASSES 120
#define WARM_UP 60
#define NAME_MAX_LEN 16

static struct snapshot *observe(int second)
{
	struct snapshot *s = snapshot_new();

	s->mono_ms = 1000 * (second + 1);
	s->good_ms = s->mono_ms;
	s->metadata_ok = true;
	s->topics = arena_alloc(&s->arena, RULES, sizeof(*s->topics));
	s->groups = arena_alloc(&s->arena, RULES, sizeof(*s->groups));
	for (int i = 0; i < RULES; i++) {
		int64_t commits[PARTITIONS];
		char name[NAME_MAX_LEN];
		struct topic *t;

		(void)snprintf(name, sizeof(name), "t%04d", i);
		t = add_topic(s, name, PARTITIONS);
		for (int p = 0; p < PARTITIONS; p++) {
			t->partitions[p].end = 100 * second + i + 10;
			commits[p] = 100 * second;
		}
		name[0] = 'g';
		(void)add_commits(s, add_group(s, name, 3), t->name, commits);
	}
	return s;
}

static void make_rules(struct rule *rules, enum policy_kind policy)
{
	for (int i = 0; i < RULES; i++) {
		struct rule_threshold *threshold = mem_zalloc(1, sizeof(*threshold));
		struct rule_group *group = mem_zalloc(1, sizeof(*group));

		*threshold = (struct rule_threshold){mem_printf("t%04d", i), 1000 + i};
		*group = (struct rule_group){mem_printf("g%04d", i), {threshold, 1}};
		rules[i] = (struct rule){.min = 1,
			.max = 10,
			.groups = {group, 1},
			.policy = (int)policy,
			.tolerance = 0.1,
			.cooldown_ms = 60000,
			.limit_to_partitions = true,
			.drain_time_ms = 20000,
			.rate_per_replica = policy == POLICY_RATE ? 500 : 0};
	}
}

static void decide_on(const struct rule *r, const struct snapshot *s, struct control *control)
{
	const struct rule_threshold *threshold = NULL;
	const struct observation *seen;
	struct observation one;
	struct decision decision;
	const char *group = NULL;

	(void)rule_threshold(r, 0, &group, &threshold);
	observation_of(s, group, threshold->topic, OFFSET_RESET_LATEST, &one);
	seen = &one;
	decide(r,
		&(struct decide_input){
			.now_ms = s->mono_ms, .replicas = 3, .ready = 3, .observations = seen},
		control, &decision);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

int main(void)
{
	static struct rule rules[RULES];
	static struct control controls[RULES];
	static int64_t took_us[PASSES];

	for (int policy = 0; policy_names[policy]; policy++) {
		make_rules(rules, (enum policy_kind)policy);
		for (int pass = 0; pass < PASSES; pass++) {
			struct snapshot *s = observe(pass);
			int64_t began = clock_mono_us();

			for (int i = 0; i < RULES; i++)
				decide_on(&rules[i], s, &controls[i]);
			took_us[pass] = clock_mono_us() - began;
			snapshot_unref(s);
		}
		qsort(took_us + WARM_UP, PASSES - WARM_UP, sizeof(*took_us), by_size);
		(void)printf("%s %.3f\n", policy_names[policy],
			(double)took_us[WARM_UP + (PASSES - WARM_UP) / 2] / 1000);
		for (int i = 0; i < RULES; i++) {
			control_release(&controls[i]);
			rule_release(&rules[i]);
		}
	}
	return 0;
}
