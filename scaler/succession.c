#include "scaler/succession.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "scaler/handoverjson.h"

/* Between two texts left to the next leader where nothing was written. */
#define SAVE_MS 5000

/* What the leader before left of rules that are not here is left on for so long: objects may yet be listed,
 * the workload of "self" be found. */
#define LEFT_KEEP_MS 600000

void succession_init(struct succession *s, const struct scaler_hooks *hooks, pthread_mutex_t *lock)
{
	*s = (struct succession){.hooks = hooks, .lock = lock};
}

void succession_release(struct succession *s)
{
	handover_free(s->left);
}

void succession_begin(struct succession *s, uint64_t term, int64_t now_ms)
{
	const struct scaler_hooks *hooks = s->hooks;
	int64_t ahead_ms = 0;
	char *CLEANUP(mem_free_at) text =
		hooks->take_state ? hooks->take_state(hooks->ctx, term, &ahead_ms) : NULL;
	struct err err = {0};

	handover_free(s->left);
	s->ahead_ms = ahead_ms;
	s->left = text ? handover_parse(text, &err) : NULL;
	s->left_ms = now_ms;
	if (text && !s->left)
		log_warn("what the leader before left is of no use, so all rules begin anew: %s",
			err.msg);
}

void succession_resume(
	struct succession *s, const struct ruleset_entry *e, struct target *t, int64_t now_ms)
{
	char *CLEANUP(mem_free_at) text = NULL;
	char name[RULE_NAME_MAX];
	struct err err = {0};
	int rc;

	if (t->begun)
		return;
	t->begun = true;
	text = handover_take(s->left, e);
	if (!text)
		return;
	pthread_mutex_lock(s->lock);
	rc = target_resume(t, &e->rule, text, now_ms, clock_wall_ms() + s->ahead_ms, &err);
	pthread_mutex_unlock(s->lock);
	if (rc < 0)
		log_warn("%s: what the leader before left is of no use, so it begins anew: %s",
			rule_name(&e->rule, name), err.msg);
}

bool succession_is_due(const struct succession *s, int64_t now_ms)
{
	return s->wrote || now_ms - s->saved_ms >= SAVE_MS;
}

/* A text in the making, and of whom. */
struct saving {
	struct strbuf *out;
	size_t max; /* bytes */
	const struct succession *s;
	const struct ruleset *rules;
	struct target *const *targets;
	int64_t now_ms;
};

/* A rule, and when it last wrote a size; the latest time there can be for one whose first turn has not
 * come. */
struct turn {
	size_t i;
	int64_t written_ms;
};

static int by_written(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;

	if (x->written_ms != y->written_ms)
		return x->written_ms > y->written_ms ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

/* In the order in which they matter: not yet taken up, then those that wrote last; the caller frees them. */
static struct turn *in_turn(const struct ruleset *rules, struct target *const *targets)
{
	struct turn *turns = mem_zalloc(rules->count, sizeof(*turns));

	for (size_t i = 0; i < rules->count; i++) {
		const struct control *c = &targets[i]->control;

		turns[i] = (struct turn){i, !targets[i]->begun ? INT64_MAX
					    : c->has_written   ? c->written_ms
							       : INT64_MIN};
	}
	qsort(turns, rules->count, sizeof(*turns), by_written);
	return turns;
}

/* What the next leader is to know of rule `i`, "" for nothing; of one that has not begun what was left. */
static void add_remembered(const struct saving *v, size_t i, struct strbuf *out)
{
	const struct ruleset_entry *e = &v->rules->entries[i];
	char *CLEANUP(mem_free_at) text = NULL;

	if (v->targets[i]->begun) {
		target_save(v->targets[i], &e->rule, v->now_ms, out);
		return;
	}
	text = handover_peek(v->s->left, e);
	if (text)
		strbuf_adds(out, text);
}

/* Appends the rules. Returns how many do not fit. */
static size_t add_rules(const struct saving *v)
{
	struct turn *CLEANUP(mem_free_at) turns = in_turn(v->rules, v->targets);

	for (size_t n = 0; n < v->rules->count; n++) {
		struct strbuf CLEANUP(strbuf_release) control = STRBUF_INIT;

		add_remembered(v, turns[n].i, &control);
		/* Once one does not fit, the others are not even tried, as most would not either. */
		if (control.len && !handover_add(v->out, v->max, &v->rules->entries[turns[n].i],
					   strbuf_str(&control)))
			return v->rules->count - n;
	}
	return 0;
}

/* The texts grow and shrink a little all the time: told is what is clearly another number. */
static void say_left_out(struct succession *s, size_t left_out, size_t count)
{
	size_t said = s->left_out, change = left_out > said ? left_out - said : said - left_out;

	if (!change || (left_out && change * 4 < said))
		return;
	s->left_out = left_out;
	if (left_out)
		log_warn("%zu of %zu rules do not fit into the %zu KiB that are left to the next "
			 "leader: they would begin anew",
			left_out, count, HANDOVER_MAX >> 10);
	else
		log_info("all rules fit again into what is left to the next leader");
}

/* Returns how many rules are left out. */
static size_t collect(const struct saving *v)
{
	size_t left_out;

	handover_begin(v->out);
	left_out = add_rules(v);
	if (!left_out && v->now_ms - v->s->left_ms < LEFT_KEEP_MS)
		handover_add_rest(v->out, v->max, v->s->left, v->rules);
	handover_end(v->out);
	return left_out;
}

/* How much fits is known only when it is packed: somewhat more than the last time is tried first, where not
 * all did. */
static size_t first_try(const struct succession *s)
{
	size_t more = s->fitted + s->fitted / 8;

	return s->left_out && more < HANDOVER_UNPACKED_MAX ? more : HANDOVER_UNPACKED_MAX;
}

void succession_save(struct succession *s, uint64_t term, const struct ruleset *rules,
	struct target *const *targets, int64_t now_ms)
{
	char *CLEANUP(mem_free_at) packed = NULL;
	bool urgent = s->wrote;
	size_t left_out = 0;

	if (!s->hooks->save_state)
		return;
	s->saved_ms = now_ms;
	s->wrote = false;
	for (size_t max = first_try(s); !packed; max -= max / 4) {
		struct strbuf CLEANUP(strbuf_release) text = STRBUF_INIT;

		left_out = collect(&(struct saving){&text, max, s, rules, targets, now_ms});
		packed = handover_pack(&text);
		s->fitted = max = text.len;
	}
	say_left_out(s, left_out, rules->count);
	s->hooks->save_state(s->hooks->ctx, term, packed, urgent);
}
