/* hexlag's web server over made-up snapshots, for tests of the page:  site GROUPS
 *
 * Prints its port, then makes a snapshot each second until its standard input ends. Lines of input
 * change what comes: "down REASON" (Kafka does not answer), "up", "groups N". The first groups have names
 * and states that are hard to show; the lag of the others is a wave as high as their number. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/jsonout.h"
#include "common/mem.h"
#include "scaler/decisionsjson.h"
#include "scaler/scaler.h"
#include "sidecar/publish.h"
#include "sidecar/trend.h"
#include "sidecar/web.h"
#include "tests/unit/handmade.h"

#define TOPICS 100
#define TOPICS_PER_GROUP 10
#define PARTITIONS 10
#define END 1000000000
#define HISTORY 120
#define SPACING_MS 5000

struct world {
	size_t groups;
	uint64_t seq;
	char down[200];  /* why Kafka does not answer, "": it does */
	int64_t good_ms; /* when it did last */
	struct publish *publish;
	struct trend *trend;
};

static const char *const hard_names[] = {"<img src=x onerror=alert(1)>",
	"\"quotes\", 'more' & /slash/%2f", "gruppe-\xc3\xbc\xc3\xb1\xc3\xaf-\xe6\xb6\x88",
	"not-utf8-\xff",
	("a-name-without-any-place-to-break-it-that-goes-on-and-on-and-on-and-on-and-on-and-on-and-"
	 "on")};

static void add_lagging(struct snapshot *s, struct group *g, size_t topic, int64_t lag)
{
	char *CLEANUP(mem_free_at) name = mem_printf("topic-%03zu", topic % TOPICS);
	int64_t commits[PARTITIONS];

	for (size_t i = 0; i < PARTITIONS; i++)
		commits[i] = END - lag / PARTITIONS - (i == 0 ? lag % PARTITIONS : 0);
	add_commits(s, g, name, commits);
}

static int64_t wave(size_t number, uint64_t at_s)
{
	uint64_t phase = (at_s + number * 7) % 240;

	return (int64_t)(number * (phase < 120 ? phase : 240 - phase));
}

/* One group each of: fresh, partial, stale, unknown, without a commit. */
static void make_hard(struct snapshot *s, struct group *g, size_t number, uint64_t at_s)
{
	const char *client = number ? "consumer-1" : "<script>alert(2)</script>";

	g->members = arena_alloc(&s->arena, 2, sizeof(*g->members));
	g->member_count = 2;
	for (size_t i = 0; i < 2; i++)
		g->members[i] = (struct member){
			(char *)"consumer-1-4f0c", (char *)client, (char *)"/10.0.0.7"};
	add_lagging(s, g, number, (int64_t)(90000 - 15000 * number) + wave(300, at_s));
	for (uint32_t i = 0; i < PARTITIONS; i++) {
		struct group_partition *gp = &g->topics[0].partitions[i];

		gp->member = i < 8 ? 1 + i % 2 : 0;
		gp->has_time_lag = number < 2;
		gp->time_lag_ms = 90000;
		if (number == 2 || (number == 1 && i > 6)) {
			gp->fresh = false;
			gp->at_ms = s->mono_ms - 42000;
		} else if (number == 3) {
			*gp = (struct group_partition){0};
		} else if (number == 4) {
			*gp = (struct group_partition){.answered = true, .fresh = true};
		}
	}
	g->error = number == 2 ? (char *)"coordinator 2 (kafka-2:9092): timed out" : NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct group *)a)->name, ((const struct group *)b)->name);
}

static void make_groups(struct snapshot *s, size_t count, uint64_t at_s)
{
	s->groups = arena_alloc(&s->arena, count, sizeof(*s->groups));
	s->group_count = count;
	for (size_t i = 0; i < count; i++) {
		bool hard = i < ARRAY_LEN(hard_names);
		char *CLEANUP(mem_free_at) name =
			hard ? mem_strdup(hard_names[i]) : mem_printf("service-%04zu", i);
		struct group *g = &s->groups[i];

		*g = (struct group){.name = arena_strdup(&s->arena, name),
			.state = i % 7 ? GROUP_STABLE : GROUP_COMPLETING_REBALANCE,
			.coordinator = (int32_t)(i % 3),
			.members_known = true,
			.listed = true,
			.asked = true,
			.answered = true};
		if (hard)
			make_hard(s, g, i, at_s);
		for (size_t t = 0; !hard && t < TOPICS_PER_GROUP; t++)
			add_lagging(s, g, i + 9 * t, t ? 0 : wave(i, at_s));
	}
	qsort(s->groups, count, sizeof(*s->groups), by_name);
}

/* The world as it was `back_ms` ago. */
static struct snapshot *make_snapshot(const struct world *w, int64_t back_ms)
{
	struct snapshot *s = empty_snapshot();

	s->seq = w->seq;
	s->mono_ms = s->good_ms = clock_mono_ms() - back_ms;
	s->wall_ms = clock_wall_ms() - back_ms;
	for (size_t i = 0; i < TOPICS; i++) {
		char *CLEANUP(mem_free_at) name = mem_printf("topic-%03zu", i);
		struct topic *t = add_topic(s, name, PARTITIONS);

		for (size_t p = 0; p < PARTITIONS; p++)
			t->partitions[p].end = END;
	}
	make_groups(s, w->groups, (uint64_t)s->wall_ms / 1000);
	if (*w->down) {
		s->good_ms = w->good_ms;
		s->metadata_ok = false;
		s->error = arena_strdup(&s->arena, w->down);
	}
	return s;
}

/* /api/v1/decisions of three rules: one that scales, one that is held, one that cannot. */
static void append_decisions(void *ctx, struct strbuf *out)
{
	static const struct {
		const char *name, *detail, *problem;
		int32_t current, want;
		enum reason reason;
	} rows[] = {
		{"orders", "lag of group 'orders' on topic 'orders' is 5120, threshold 1000", "", 4,
			7, REASON_SCALE_UP},
		{"billing",
			"lag of group 'billing' on topic 'invoices' is stale: no partition "
			"answered",
			"", 3, 3, REASON_LAG_STALE},
		{"<b>mail</b>", "", "deployments.apps \"mail\" not found (404)", 0, 0,
			REASON_WITHIN_RANGE},
	};
	struct jsonout j = {.to = out};
	int64_t now_ms = clock_mono_ms();

	(void)ctx;
	jsonout_open(&j, NULL, '{');
	jsonout_bool(&j, "running", true);
	jsonout_open(&j, "rules", '[');
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rule r = {.min = 2, .max = 10};
		struct target_view v = {.has_decision = *rows[i].detail != '\0',
			.decided_ms = now_ms - 700,
			.writes = i ? 0 : 3};

		r.target.kind = (char *)"Deployment";
		r.target.namespace = (char *)"shop";
		r.target.name = (char *)rows[i].name;
		v.decision.current = rows[i].current;
		v.decision.want = rows[i].want;
		v.decision.reason = rows[i].reason;
		(void)snprintf(v.decision.detail, sizeof(v.decision.detail), "%s", rows[i].detail);
		(void)snprintf(v.problem, sizeof(v.problem), "%s", rows[i].problem);
		if (i == 0)
			v.write = (struct target_write){true, false, 2, 4, now_ms - 95000};
		decisionsjson_rule(&j, &r, &v, now_ms);
	}
	jsonout_close(&j, ']');
	jsonout_close(&j, '}');
}

static void cycle(struct world *w, int64_t back_ms)
{
	struct snapshot *s;

	w->seq++;
	w->good_ms = *w->down ? w->good_ms : clock_mono_ms();
	s = make_snapshot(w, back_ms);
	trend_add(w->trend, s);
	publish_set(w->publish, s);
}

static void obey(struct world *w, const char *line)
{
	if (strncmp(line, "down ", 5) == 0)
		(void)snprintf(
			w->down, sizeof(w->down), "%.*s", (int)strcspn(line + 5, "\n"), line + 5);
	else if (strcmp(line, "up\n") == 0)
		w->down[0] = '\0';
	else if (strncmp(line, "groups ", 7) == 0)
		w->groups = strtoul(line + 7, NULL, 10);
}

int main(int argc, char **argv)
{
	struct api_document decisions = {"/api/v1/decisions", append_decisions, NULL};
	struct world w = {.groups = argc > 1 ? strtoul(argv[1], NULL, 10) : 20,
		.publish = publish_new(),
		.trend = trend_new()};
	struct web_options options = {.listen = "127.0.0.1:0",
		.publish = w.publish,
		.trend = w.trend,
		.documents = &decisions,
		.document_count = 1,
		.ready_max_age_ms = 30000};
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	struct err err = {0};
	struct web *web;
	char line[256];

	for (int64_t i = HISTORY; i > 0; i--)
		cycle(&w, i * SPACING_MS);
	web = web_start(&options, &err);
	if (!web) {
		(void)fprintf(stderr, "site: %s\n", err.msg);
		return 1;
	}
	(void)setvbuf(stdin, NULL, _IONBF, 0);
	(void)printf("%u\n", web_port(web));
	(void)fflush(stdout);
	for (;;) {
		if (poll(&input, 1, 1000) > 0) {
			if (!fgets(line, sizeof(line), stdin))
				break;
			obey(&w, line);
		}
		cycle(&w, 0);
	}
	web_stop(web);
	trend_free(w.trend);
	publish_free(w.publish);
	return 0;
}
