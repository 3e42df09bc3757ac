#include "sidecar/apijson.h"

#include "common/jsonout.h"
#include "sidecar/snapshot.h"
#include "sidecar/trend.h"

/* What is known of a number of partitions as one group sees them. */
struct tally {
	struct lag_tally read;
	size_t answered, commits; /* the coordinator has answered for it; and told a commit */
	size_t lags;              /* of the commits, those with a lag */
	int64_t lag, age_ms;      /* the age is that of the oldest that is known */
};

static void tally_partition(struct tally *t, const struct snapshot *s,
	const struct group_partition *gp, const struct partition *p)
{
	int64_t age_ms = lag_tally_add(&t->read, gp, p) ? snapshot_age_ms(s, gp) : 0;

	if (age_ms > t->age_ms)
		t->age_ms = age_ms;
	t->answered += gp->answered;
	if (!gp->answered || !gp->has_committed)
		return;
	t->commits++;
	if (!gp->has_lag)
		return;
	t->lags++;
	lag_add(&t->lag, gp->lag);
}

static void tally_topic(struct tally *t, const struct snapshot *s, const struct group_topic *gt)
{
	const struct topic *topic = &s->topics[gt->topic];

	for (size_t i = 0; i < topic->count; i++)
		tally_partition(t, s, &gt->partitions[i], &topic->partitions[i]);
}

/* Whether it is known of every partition if there is a commit. */
static bool tally_answered(const struct tally *t)
{
	return t->answered == t->read.partitions;
}

/* A sum of which a part is unknown would pass for the whole, and look like a consumer that caught up. */
static bool tally_has_lag(const struct tally *t)
{
	return tally_answered(t) && t->commits && t->lags == t->commits;
}

/* The quality of a whole group; one without any topic is known as well as its coordinator's answer. */
static enum quality group_quality(const struct group *g, const struct tally *t)
{
	if (t->read.partitions)
		return lag_tally_quality(&t->read);
	return snapshot_group_answered(g) ? QUALITY_COMPLETE : QUALITY_UNKNOWN;
}

static struct tally tally_group(const struct snapshot *s, const struct group *g)
{
	struct tally t = {0};

	for (size_t i = 0; i < g->topic_count; i++)
		tally_topic(&t, s, &g->topics[i]);
	return t;
}

static void add_tally(struct jsonout *j, const struct tally *t, enum quality quality)
{
	jsonout_int(j, "lag", tally_has_lag(t), t->lag);
	jsonout_text(j, "quality", quality_name(quality));
	jsonout_int(j, "age_ms", t->read.known > 0, t->age_ms);
	jsonout_int(j, "partition_count", true, (int64_t)t->read.partitions);
	jsonout_int(j, "commit_count", quality != QUALITY_UNKNOWN && tally_answered(t),
		(int64_t)t->commits);
}

static void add_topic_head(
	struct jsonout *j, const struct snapshot *s, const struct group_topic *gt)
{
	uint32_t time_lag_ms = 0;
	bool timed = snapshot_topic_time_lag(s, gt, &time_lag_ms);
	struct tally t = {0};

	tally_topic(&t, s, gt);
	jsonout_text(j, "topic", s->topics[gt->topic].name);
	add_tally(j, &t, lag_tally_quality(&t.read));
	jsonout_int(j, "time_lag_ms", timed, time_lag_ms);
}

/* --- what both documents begin with --- */

static void add_brokers(struct jsonout *j, const struct snapshot *s)
{
	jsonout_open(j, "brokers", '[');
	for (size_t i = 0; i < s->broker_count; i++) {
		jsonout_open(j, NULL, '{');
		jsonout_int(j, "id", true, s->brokers[i].id);
		jsonout_text(j, "address", s->brokers[i].address);
		jsonout_text(j, "error", s->brokers[i].error);
		jsonout_close(j, '}');
	}
	jsonout_close(j, ']');
}

static void add_snapshot(struct jsonout *j, const struct snapshot *s, int64_t now_ms)
{
	jsonout_open(j, "snapshot", '{');
	jsonout_int(j, "seq", true, (int64_t)s->seq);
	jsonout_int(j, "timestamp_ms", true, s->wall_ms);
	jsonout_int(j, "age_ms", true, now_ms > s->mono_ms ? now_ms - s->mono_ms : 0);
	jsonout_close(j, '}');
	jsonout_open(j, "kafka", '{');
	jsonout_bool(j, "reachable", s->metadata_ok);
	jsonout_text(j, "error", s->error);
	jsonout_int(j, "answered_age_ms", s->good_ms != 0,
		now_ms > s->good_ms ? now_ms - s->good_ms : 0);
	add_brokers(j, s);
	jsonout_close(j, '}');
}

static void add_group_head(
	struct jsonout *j, const struct snapshot *s, const struct group *g, const struct tally *t)
{
	uint32_t time_lag_ms = 0;
	bool timed = snapshot_group_time_lag(s, g, &time_lag_ms);

	jsonout_text(j, "group", g->name);
	jsonout_text(j, "state", g->state == GROUP_UNKNOWN ? NULL : group_state_name(g->state));
	jsonout_int(j, "coordinator", g->coordinator >= 0, g->coordinator);
	add_tally(j, t, group_quality(g, t));
	jsonout_int(j, "time_lag_ms", timed, time_lag_ms);
	jsonout_text(j, "error", g->error);
}

/* --- all groups --- */

static void add_group(struct jsonout *j, const struct snapshot *s, const struct group *g)
{
	struct tally t = tally_group(s, g);

	jsonout_open(j, NULL, '{');
	add_group_head(j, s, g, &t);
	jsonout_int(j, "members", g->members_known, (int64_t)g->member_count);
	jsonout_open(j, "topics", '[');
	for (size_t i = 0; i < g->topic_count; i++) {
		jsonout_open(j, NULL, '{');
		add_topic_head(j, s, &g->topics[i]);
		jsonout_close(j, '}');
	}
	jsonout_close(j, ']');
	jsonout_close(j, '}');
}

/* The sum over the groups whose lag is known; how many are not is told beside it. */
static void add_summary(struct jsonout *j, const struct snapshot *s)
{
	size_t count[QUALITY_COMPLETE + 1] = {0};
	int64_t lag = 0;
	bool any = false;

	for (size_t i = 0; i < s->group_count; i++) {
		struct tally t;

		if (s->groups[i].idle)
			continue;
		t = tally_group(s, &s->groups[i]);
		count[group_quality(&s->groups[i], &t)]++;
		if (!tally_has_lag(&t))
			continue;
		any = true;
		lag_add(&lag, t.lag);
	}
	jsonout_int(j, "lag", any, lag);
	jsonout_open(j, "quality", '{');
	for (int i = QUALITY_COMPLETE; i >= QUALITY_UNKNOWN; i--)
		jsonout_int(j, quality_name((enum quality)i), true, (int64_t)count[i]);
	jsonout_close(j, '}');
}

void apijson_lag_head(struct strbuf *out, const struct snapshot *s, int64_t now_ms)
{
	struct jsonout j = {.to = out};

	jsonout_open(&j, NULL, '{');
	add_snapshot(&j, s, now_ms);
}

void apijson_lag_rest(struct strbuf *out, const struct snapshot *s)
{
	struct jsonout j = {.to = out, .comma = true};

	add_summary(&j, s);
	jsonout_open(&j, "groups", '[');
	for (size_t i = 0; i < s->group_count; i++)
		if (!s->groups[i].idle)
			add_group(&j, s, &s->groups[i]);
	jsonout_close(&j, ']');
	jsonout_close(&j, '}');
	strbuf_addc(out, '\n');
}

/* --- one group --- */

static void add_member(struct jsonout *j, const char *key, const struct member *m)
{
	jsonout_open(j, key, '{');
	jsonout_text(j, "id", m->id);
	jsonout_text(j, "client_id", m->client_id);
	jsonout_text(j, "host", m->host);
	jsonout_close(j, '}');
}

static void add_members(struct jsonout *j, const struct group *g)
{
	if (!g->members_known) {
		jsonout_null(j, "members");
		return;
	}
	jsonout_open(j, "members", '[');
	for (size_t i = 0; i < g->member_count; i++)
		add_member(j, NULL, &g->members[i]);
	jsonout_close(j, ']');
}

static void add_partition(struct jsonout *j, const struct snapshot *s, const struct group *g,
	const struct group_topic *gt, size_t i)
{
	const struct group_partition *gp = &gt->partitions[i];
	const struct partition *p = &s->topics[gt->topic].partitions[i];

	jsonout_open(j, NULL, '{');
	jsonout_int(j, "partition", true, (int64_t)i);
	jsonout_int(j, "leader", p->leader >= 0, p->leader);
	jsonout_int(j, "start", p->has_offsets, p->start);
	jsonout_int(j, "end", p->has_offsets, p->end);
	jsonout_int(j, "committed", gp->answered && gp->has_committed, gp->committed);
	jsonout_int(j, "lag", gp->answered && gp->has_committed && gp->has_lag, gp->lag);
	jsonout_int(j, "time_lag_ms", gp->has_time_lag, gp->time_lag_ms);
	jsonout_bool(j, "fresh", gp->fresh);
	jsonout_int(j, "age_ms", gp->answered, snapshot_age_ms(s, gp));
	if (gp->member && gp->member <= g->member_count)
		add_member(j, "owner", &g->members[gp->member - 1]);
	else
		jsonout_null(j, "owner");
	jsonout_close(j, '}');
}

static void add_topic(struct jsonout *j, const struct snapshot *s, const struct group *g,
	const struct group_topic *gt)
{
	jsonout_open(j, NULL, '{');
	add_topic_head(j, s, gt);
	jsonout_open(j, "partitions", '[');
	for (size_t i = 0; i < s->topics[gt->topic].count; i++)
		add_partition(j, s, g, gt, i);
	jsonout_close(j, ']');
	jsonout_close(j, '}');
}

bool apijson_group(struct strbuf *out, const struct snapshot *s, const char *group, int64_t now_ms)
{
	size_t i = snapshot_find_group(s, group);
	struct jsonout j = {.to = out};
	const struct group *g;
	struct tally t;

	if (i == SNAPSHOT_NONE)
		return false;
	g = &s->groups[i];
	t = tally_group(s, g);
	jsonout_open(&j, NULL, '{');
	add_snapshot(&j, s, now_ms);
	add_group_head(&j, s, g, &t);
	add_members(&j, g);
	jsonout_open(&j, "topics", '[');
	for (size_t k = 0; k < g->topic_count; k++)
		add_topic(&j, s, g, &g->topics[k]);
	jsonout_close(&j, ']');
	jsonout_close(&j, '}');
	strbuf_addc(out, '\n');
	return true;
}

/* --- the last minutes --- */

struct history {
	struct jsonout j;
	int64_t times_ms[TREND_POINTS_MAX]; /* of the group with the most points: all there are */
	size_t count;
};

static void add_history(
	void *ctx, const char *group, const struct trend_point *points, size_t count)
{
	struct history *h = ctx;

	for (size_t i = 0; i < count && count > h->count; i++)
		h->times_ms[i] = points[i].wall_ms;
	if (count > h->count)
		h->count = count;
	jsonout_open(&h->j, NULL, '{');
	jsonout_text(&h->j, "group", group);
	jsonout_open(&h->j, "lag", '[');
	for (size_t i = 0; i < count; i++)
		jsonout_int(&h->j, NULL, points[i].has_lag, points[i].lag);
	jsonout_close(&h->j, ']');
	jsonout_close(&h->j, '}');
}

void apijson_history(struct strbuf *out, struct trend *t)
{
	struct history h = {.j.to = out};

	jsonout_open(&h.j, NULL, '{');
	jsonout_open(&h.j, "groups", '[');
	if (t)
		trend_read_all(t, add_history, &h);
	jsonout_close(&h.j, ']');
	/* Here, since only now all are known. */
	jsonout_open(&h.j, "times_ms", '[');
	for (size_t i = 0; i < h.count; i++)
		jsonout_int(&h.j, NULL, true, h.times_ms[i]);
	jsonout_close(&h.j, ']');
	jsonout_close(&h.j, '}');
	strbuf_addc(out, '\n');
}

void apijson_error(struct strbuf *out, const char *text)
{
	struct jsonout j = {.to = out};

	jsonout_open(&j, NULL, '{');
	jsonout_text(&j, "error", text);
	jsonout_close(&j, '}');
	strbuf_addc(out, '\n');
}
