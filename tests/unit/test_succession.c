#include "scaler/succession.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "scaler/handoverjson.h"
#include "tests/tap.h"

static char *saved;

static void save_state(void *ctx, uint64_t term, const char *text, bool urgent)
{
	(void)ctx;
	(void)urgent;
	(void)term;
	free(saved);
	saved = mem_strdup(text);
}

static char *take_state(void *ctx, uint64_t term, int64_t *ret_ahead_ms)
{
	(void)ctx;
	*ret_ahead_ms = 0;
	(void)term;
	return mem_strdup(saved);
}

static const struct scaler_hooks hooks = {.save_state = save_state, .take_state = take_state};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* `count` objects with odd names, which hardly become shorter when packed. */
static struct ruleset *make_rules(int count)
{
	struct ruleset *rules = ruleset_new();
	unsigned seed = 1;

	for (int i = 0; i < count; i++) {
		struct ruleset_origin origin = {.namespace = (char *)"shop", .name = (char *)"o"};
		struct rule rule = {.target = {(char *)"apps/v1", (char *)"Deployment",
					    (char *)"shop", (char *)"orders"}};
		char uid[61] = "";

		for (size_t n = 0; n < sizeof(uid) - 1; n++) {
			seed = seed * 1103515245 + 12345;
			uid[n] = (char)('A' + (seed >> 16) % 50);
		}
		origin.uid = uid;
		ruleset_add(rules, &rule, &origin);
	}
	return rules;
}

/* Saves the rules, of which the last ten were written by of late and the first ones long ago, and counts
 * those that the next one finds. */
static void pass_on(int count, size_t *ret_found, size_t *ret_written)
{
	struct target **targets = mem_zalloc((size_t)count, sizeof(*targets));
	struct ruleset *rules = make_rules(count);
	struct succession s;

	for (int i = 0; i < count; i++) {
		targets[i] = target_new();
		targets[i]->begun = true;
		targets[i]->control.has_written = true;
		targets[i]->control.written_ms = i >= count - 10 ? 900 : -i;
	}
	succession_init(&s, &hooks, &lock);
	succession_save(&s, 1, rules, targets, 1000);
	succession_begin(&s, 2, 2000);
	*ret_found = *ret_written = 0;
	for (int i = 0; i < count; i++) {
		char *text = handover_take(s.left, &rules->entries[i]);

		*ret_found += text != NULL;
		*ret_written += text && i >= count - 10;
		free(text);
		target_free(targets[i]);
	}
	succession_release(&s);
	ruleset_unref(rules);
	free(targets);
}

static void test_some_fit(void)
{
	size_t found, written;

	pass_on(3000, &found, &written);
	TAP_TRUE("it is not too long", strlen(saved) <= HANDOVER_MAX);
	TAP_TRUE("and uses the room there is", strlen(saved) > HANDOVER_MAX / 2 && found > 500);
	TAP_INT("those that were written by last come first", written, 10);
}

static void test_all_fit(void)
{
	size_t found, written;

	pass_on(500, &found, &written);
	TAP_INT("500 rules fit", found, 500);
	pass_on(10, &found, &written);
	TAP_INT("so do ten", found, 10);
	TAP_INT("which can be read by eye", *saved, '{');
}

/* A process that ends in the midst of a write. */
static void test_given_up(void)
{
	static const struct {
		const char *name;
		bool uncertain, unanswered, remembered;
	} rows[] = {
		{"a write without an answer is remembered as done", true, true, true},
		{"one that was refused is not", true, false, false},
		{"nor one of which all is known", false, true, false},
	};
	struct rule rule = {.min = 1, .max = 9};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct target *t = target_new();

		t->uncertain = rows[i].uncertain;
		t->unanswered = rows[i].unanswered;
		t->attempt = (struct decision){.current = 4, .want = 8};
		t->attempt_ms = 700;
		target_give_up(t, &rule);
		TAP_TRUE(rows[i].name, t->control.has_written == rows[i].remembered);
		TAP_INT("with its time", t->control.written_ms, rows[i].remembered ? 700 : 0);
		target_free(t);
	}
}

int main(void)
{
	log_init(LOG_LEVEL_ERROR, false);
	test_some_fit();
	test_all_fit();
	test_given_up();
	free(saved);
	return tap_done();
}
