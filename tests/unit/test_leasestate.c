#include "scaler/leasestate.h"

#include <stdlib.h>

#include "common/mem.h"
#include "tests/tap.h"

/* A Lease that we hold; the state in it is not its own. */
static struct lease_record held(int32_t transitions, int64_t acquired_us, const char *state)
{
	return (struct lease_record){.holder = (char *)"me",
		.has_acquired = true,
		.transitions = transitions,
		.acquired_us = acquired_us,
		.state = (char *)state};
}

static void check_times(void)
{
	struct lease_record seen = held(3, 500, NULL);
	struct leasestate s = {0};

	TAP_STR("nothing is due before a term", leasestate_due(&s, &seen, 0, true), NULL);
	leasestate_begin(&s, &seen);
	TAP_STR("nothing was left", s.left, NULL);
	TAP_STR("and nothing is due", leasestate_due(&s, &seen, 1000, true), NULL);
	leasestate_set(&s, "one", false);
	TAP_STR("the first is due at once", leasestate_due(&s, &seen, 1000, false), "one");
	leasestate_wrote(&s, s.number, 1000);
	TAP_STR("once", leasestate_due(&s, &seen, 99000, true), NULL);
	leasestate_set(&s, "one", false);
	TAP_STR("what is the same is not due", leasestate_due(&s, &seen, 99000, true), NULL);
	leasestate_set(&s, "two", false);
	TAP_STR("the next is not due before its time", leasestate_due(&s, &seen, 10999, false),
		NULL);
	TAP_STR("then it is", leasestate_due(&s, &seen, 11000, false), "two");
	TAP_STR("the last is at any time", leasestate_due(&s, &seen, 1001, true), "two");
	leasestate_wrote(&s, s.number - 1, 11000);
	TAP_STR("what was set while one was on its way is due",
		leasestate_due(&s, &seen, 21000, false), "two");
	leasestate_wrote(&s, s.number, 21000);
	leasestate_set(&s, "three", true);
	leasestate_set(&s, "four", false);
	TAP_STR("what is urgent waits, too, so that renewals stay apart",
		leasestate_due(&s, &seen, 21999, false), NULL);
	TAP_STR("but shortly, with what came after it", leasestate_due(&s, &seen, 22000, false),
		"four");
	leasestate_wrote(&s, s.number, 22000);
	leasestate_set(&s, "five", false);
	TAP_STR("once", leasestate_due(&s, &seen, 31999, false), NULL);
	leasestate_wrote(&s, s.number, 32000);
	leasestate_gone(&s);
	TAP_STR("what is gone with its Lease is due again, at once",
		leasestate_due(&s, &seen, 32001, false), "five");
	leasestate_release(&s);
}

static void check_tenures(void)
{
	static const struct {
		const char *name;
		int32_t transitions;
		int64_t acquired_us;
		const char *left;
	} rows[] = {
		{"with nobody else between, what we set goes on", 3, 500, "ours"},
		{"another has led: what it left", 4, 900, "theirs"},
		{"the Lease was made anew", 3, 900, "theirs"},
		{"only the transitions differ", 4, 500, "theirs"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct lease_record first = held(3, 500, "found"),
				    next = held(rows[i].transitions, rows[i].acquired_us, "theirs");
		struct leasestate s = {0};

		leasestate_begin(&s, &first);
		TAP_STR("what was found", s.left, "found");
		leasestate_set(&s, "ours", false);
		leasestate_begin(&s, &next);
		TAP_STR(rows[i].name, s.left, rows[i].left);
		TAP_STR("and only ours is due", leasestate_due(&s, &next, 0, true),
			strcmp(rows[i].left, "ours") == 0 ? "ours" : NULL);
		leasestate_release(&s);
	}
}

static void check_bounds(void)
{
	char *text = mem_alloc(LEASE_STATE_MAX + 2);
	struct lease_record seen = held(1, 1, text);
	struct leasestate s = {0};
	struct err err = {0};

	memset(text, 'x', LEASE_STATE_MAX + 1);
	text[LEASE_STATE_MAX + 1] = '\0';
	TAP_INT("one byte too many", leasestate_check(text, &err), -1);
	TAP_HAS("is said", err.msg, "a state of 131073 bytes, at most 131072");
	leasestate_begin(&s, &seen);
	TAP_STR("and is not taken over", s.left, NULL);
	text[LEASE_STATE_MAX] = '\0';
	TAP_INT("the most there may be", leasestate_check(text, NULL), 0);
	leasestate_begin(&s, &seen);
	TAP_STR("is taken over", s.left, text);
	err_clear(&err);
	TAP_INT("what is not UTF-8", leasestate_check("a\xff", &err), -1);
	TAP_HAS("is said, too", err.msg, "not UTF-8");
	leasestate_release(&s);
	free(text);
}

int main(void)
{
	check_times();
	check_tenures();
	check_bounds();
	return tap_done();
}
