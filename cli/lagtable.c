#include "cli/lagtable.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

#define COLUMNS 8

static const char *const titles[COLUMNS] = {
	"GROUP", "STATE", "TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "MEMBER"};
static const bool is_number[COLUMNS] = {[3] = true, [4] = true, [5] = true, [6] = true};

/* Where a row stands. */
struct at {
	const struct snapshot *s;
	const struct group *g;
	const struct group_topic *gt;
	const struct topic *t;
	size_t partition;
};

static const struct group_partition *gp_of(const struct at *at)
{
	return &at->gt->partitions[at->partition];
}

typedef void row_fn(void *ctx, const struct at *at);

/* Calls `row` for every partition of the topics that the group has a commit or a member on. */
static size_t each_row(
	const struct snapshot *s, const char *group, const char *topic, row_fn *row, void *ctx)
{
	size_t rows = 0;

	for (size_t g = 0; g < s->group_count; g++) {
		if (group && strcmp(group, s->groups[g].name) != 0)
			continue;
		for (size_t i = 0; i < s->groups[g].topic_count; i++) {
			struct at at = {s, &s->groups[g], &s->groups[g].topics[i], NULL, 0};

			at.t = &s->topics[at.gt->topic];
			if (topic && strcmp(topic, at.t->name) != 0)
				continue;
			for (; at.partition < at.t->count; at.partition++) {
				row(ctx, &at);
				rows++;
			}
		}
	}
	return rows;
}

/* Terminal cells of a UTF-8 text. Wide are the ranges of East Asian Width W and F in common use. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	while (*text) {
		uint32_t code;
		size_t length = utf8_read(text, &code);
		bool wide =
			(code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
			(code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
			(code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
			(code >= 0x1f300 && code <= 0x1faff) ||
			(code >= 0x20000 && code <= 0x3fffd);
		bool combining = code >= 0x300 && code <= 0x36f;

		width += combining ? 0 : wide ? 2 : 1;
		text += length ? length : 1;
	}
	return width;
}

static void number_cell(char *to, size_t room, bool known, int64_t value, const char *absent)
{
	if (known)
		(void)snprintf(to, room, "%" PRId64, value);
	else
		(void)snprintf(to, room, "%s", absent);
}

static void lag_cell(char *to, size_t room, const struct at *at)
{
	const struct group_partition *gp = gp_of(at);
	int64_t age = snapshot_age_ms(at->s, gp);
	size_t used;

	number_cell(to, room, gp->has_lag, gp->lag, gp->answered && !gp->has_committed ? "-" : "?");
	used = strlen(to);
	if (gp->has_lag && age)
		(void)snprintf(to + used, room - used, " (%" PRId64 "s old)", age / 1000);
}

static void member_cell(char *to, size_t room, const struct at *at)
{
	uint32_t owner = gp_of(at)->member;
	const struct member *m = owner ? &at->g->members[owner - 1] : NULL;

	if (m)
		(void)snprintf(to, room, "%s%s", m->id, m->host);
	else
		(void)snprintf(to, room, "%s", at->g->members_known ? "-" : "?");
}

struct cells {
	char text[COLUMNS][320];
};

/* Names come from others; a terminal must not act on what is in them. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

static void fill_cells(struct cells *c, const struct at *at)
{
	const struct group_partition *gp = gp_of(at);
	const struct partition *p = &at->t->partitions[at->partition];
	size_t room = sizeof(c->text[0]);

	(void)snprintf(c->text[0], room, "%s", at->g->name);
	(void)snprintf(c->text[1], room, "%s", group_state_name(at->g->state));
	(void)snprintf(c->text[2], room, "%s", at->t->name);
	(void)snprintf(c->text[3], room, "%zu", at->partition);
	number_cell(c->text[4], room, gp->answered && gp->has_committed, gp->committed,
		gp->answered ? "-" : "?");
	number_cell(c->text[5], room, p->has_offsets, p->end, "?");
	lag_cell(c->text[6], room, at);
	member_cell(c->text[7], room, at);
	for (size_t i = 0; i < COLUMNS; i++)
		make_printable(c->text[i]);
}

struct table {
	struct strbuf *out;
	size_t width[COLUMNS];
};

static void measure(void *ctx, const struct at *at)
{
	struct table *t = ctx;
	struct cells c;

	fill_cells(&c, at);
	for (size_t i = 0; i < COLUMNS; i++)
		if (text_width(c.text[i]) > t->width[i])
			t->width[i] = text_width(c.text[i]);
}

static void add_spaces(struct strbuf *out, size_t count)
{
	while (count--)
		strbuf_addc(out, ' ');
}

static void add_cell(struct table *t, size_t column, const char *text)
{
	size_t width = text_width(text),
	       pad = t->width[column] > width ? t->width[column] - width : 0;

	if (is_number[column])
		add_spaces(t->out, pad);
	strbuf_adds(t->out, text);
	if (column + 1 == COLUMNS) {
		strbuf_addc(t->out, '\n');
		return;
	}
	add_spaces(t->out, is_number[column] ? 2 : pad + 2);
}

static void print_row(void *ctx, const struct at *at)
{
	struct cells c;

	fill_cells(&c, at);
	for (size_t i = 0; i < COLUMNS; i++)
		add_cell(ctx, i, c.text[i]);
}

static void print_total(
	struct strbuf *out, const struct snapshot *s, const struct group *g, const struct topic *t)
{
	struct lag_total total = snapshot_lag_total(s, g->name, t->name, OFFSET_RESET_LATEST);

	strbuf_addf(out, "total lag of %s on %s: ", g->name, t->name);
	if (total.quality == QUALITY_UNKNOWN)
		strbuf_adds(out, "unknown");
	else if (total.without_commit == total.partitions)
		strbuf_addc(out, '-'); /* what does not exist, as in the rows */
	else
		strbuf_addf(out, "%s%" PRId64, total.quality == QUALITY_PARTIAL ? "at least " : "",
			total.lag);
	if (total.quality == QUALITY_STALE)
		strbuf_addf(out, ", %" PRId64 "s old", total.age_ms / 1000);
	if (total.why)
		strbuf_addf(out, " (%s)", total.why);
	else if (total.without_commit)
		strbuf_addf(out, " (%zu of %zu partitions have no commit)", total.without_commit,
			total.partitions);
	strbuf_addc(out, '\n');
}

static void each_total(
	struct strbuf *out, const struct snapshot *s, const char *group, const char *topic)
{
	for (size_t g = 0; g < s->group_count; g++)
		for (size_t i = 0; i < s->groups[g].topic_count; i++) {
			const struct topic *t = &s->topics[s->groups[g].topics[i].topic];

			if ((!group || strcmp(group, s->groups[g].name) == 0) &&
				(!topic || strcmp(topic, t->name) == 0))
				print_total(out, s, &s->groups[g], t);
		}
}

void lagtable_remarks(struct strbuf *out, const struct snapshot *s, const char *group)
{
	for (size_t i = 0; i < s->group_count; i++) {
		const struct group *g = &s->groups[i];

		if (group && strcmp(group, g->name) != 0)
			continue;
		if (g->error)
			strbuf_addf(out, "group %s: %s\n", g->name, g->error);
		else if (!g->topic_count && g->listed)
			strbuf_addf(out, "group %s: %s, no committed offsets\n", g->name,
				group_state_name(g->state));
	}
	for (size_t i = 0; i < s->broker_count; i++)
		if (s->brokers[i].error)
			strbuf_addf(out, "broker %" PRId32 " (%s): %s\n", s->brokers[i].id,
				s->brokers[i].address, s->brokers[i].error);
	if (s->error)
		strbuf_addf(out, "%s\n", s->error);
}

size_t lagtable_text(
	struct strbuf *out, const struct snapshot *s, const char *group, const char *topic)
{
	struct table t = {.out = out};
	size_t rows;

	for (size_t i = 0; i < COLUMNS; i++)
		t.width[i] = strlen(titles[i]);
	rows = each_row(s, group, topic, measure, &t);
	if (rows) {
		for (size_t i = 0; i < COLUMNS; i++)
			add_cell(&t, i, titles[i]);
		(void)each_row(s, group, topic, print_row, &t);
		strbuf_addc(out, '\n');
	}
	each_total(out, s, group, topic);
	return rows;
}
