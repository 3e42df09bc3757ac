/* When a record was written, told from readings of the end offset. Times in seconds. */
#include "sidecar/ends.h"

#include "tests/tap.h"

#define UNKNOWN (-1)

struct reading {
	uint32_t at;
	int64_t start, end;
};

static const struct {
	const char *name;
	struct reading readings[6]; /* until one at 0 */
	int64_t offset, want;
} rows[] = {
	{"nothing was read", {{0}}, 0, UNKNOWN},
	{"one reading tells nothing", {{100, 0, 10}}, 5, UNKNOWN},
	{"a record at the end is not written yet", {{100, 0, 10}, {110, 0, 20}}, 20, UNKNOWN},
	{"nor one beyond it", {{100, 0, 10}, {110, 0, 20}}, 25, UNKNOWN},
	{"what came before the first reading is unknown", {{100, 0, 10}, {110, 0, 20}}, 9, UNKNOWN},
	{"records between two readings are taken to come evenly", {{100, 0, 10}, {110, 0, 20}}, 15,
		105},
	{"a single record came in the middle", {{100, 0, 10}, {110, 0, 11}}, 10, 105},
	{"an idle time before a record is not its age",
		{{100, 0, 10}, {200, 0, 10}, {300, 0, 10}, {310, 0, 11}}, 10, 305},
	{"nor one after it", {{100, 0, 10}, {110, 0, 20}, {200, 0, 20}, {300, 0, 20}}, 15, 105},
	{"a gap between readings widens the range", {{100, 0, 10}, {500, 0, 20}}, 15, 320},
	{"a recreated topic begins anew", {{100, 0, 10}, {110, 0, 20}, {120, 0, 5}, {130, 0, 15}},
		10, 125},
	{"and knows nothing of the time before",
		{{100, 0, 10}, {110, 0, 20}, {120, 0, 5}, {130, 0, 15}}, 4, UNKNOWN},
	{"a start that went back is a recreated topic",
		{{100, 8, 10}, {110, 8, 20}, {120, 0, 30}, {130, 0, 40}}, 15, UNKNOWN},
	{"a new leader that knows a little less forgets nothing",
		{{100, 0, 10}, {110, 0, 20}, {120, 0, 30}, {130, 0, 28}, {140, 0, 40}}, 12, 102},
	{"a start behind the commit leaves the later records",
		{{100, 0, 10}, {110, 0, 20}, {120, 15, 30}, {130, 15, 40}}, 16, 106},
	{"times of deleted records are forgotten",
		{{100, 0, 10}, {110, 0, 20}, {120, 0, 30}, {130, 25, 40}}, 12, UNKNOWN},
	{"records near the largest offset", {{100, 0, INT64_MAX - 100}, {110, 0, INT64_MAX}},
		INT64_MAX - 50, 105},
};

static int64_t written(const struct ends *e, int64_t offset)
{
	uint32_t at;

	return ends_written(e, offset, &at) ? (int64_t)at : UNKNOWN;
}

static void check_rows(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ends e = {0};

		for (const struct reading *r = rows[i].readings; r->at; r++)
			ends_add(&e, r->at, r->start, r->end);
		TAP_INT(rows[i].name, written(&e, rows[i].offset), rows[i].want);
		ends_release(&e);
	}
}

/* End offset after so many seconds. */
static int64_t steady(uint32_t at)
{
	return at * 10;
}

/* A thousand records at once every ten minutes. */
static int64_t bursts(uint32_t at)
{
	return (int64_t)(at / 600) * 1000;
}

/* Busy half of each hour. */
static int64_t shifts(uint32_t at)
{
	uint32_t within = at % 3600;

	return (int64_t)(at / 3600) * 1800 + (within < 1800 ? within : 1800);
}

static int64_t growing(uint32_t at)
{
	return (int64_t)at * at / 100;
}

static const struct {
	const char *name;
	int64_t (*end)(uint32_t at);
	double most; /* relative error of the age, beyond two readings */
} loads[] = {
	{"a steady rate is told exactly", steady, 0.01},
	{"bursts are told to a fiftieth of their age", bursts, 0.02},
	{"shifts are told to a tenth of their age", shifts, 0.1},
	{"a growing rate is told to a twentieth", growing, 0.05},
};

/* Reads every 10 s for a day, then looks for records of all ages. */
static void check_loads(void)
{
	for (size_t i = 0; i < ARRAY_LEN(loads); i++) {
		struct ends e = {0};
		const uint32_t from = 1000, now = from + 86400;
		double worst = 0;
		int unknown = 0;

		for (uint32_t at = from; at <= now; at += 10)
			ends_add(&e, at, 0, loads[i].end(at));
		for (uint32_t at = from + 10; at < now; at += 7) {
			uint32_t got;
			int64_t offset = loads[i].end(at) - 1;
			uint32_t truth = at;
			double error;

			if (offset < loads[i].end(from) || offset >= loads[i].end(now))
				continue;
			while (loads[i].end(truth - 1) > offset)
				truth--;
			if (!ends_written(&e, offset, &got)) {
				unknown++;
				continue;
			}
			error = got > truth ? got - truth : truth - got;
			error = error > 20 ? (error - 20) / (now - truth) : 0;
			worst = error > worst ? error : worst;
		}
		printf("# %s: %.3f\n", loads[i].name, worst);
		TAP_TRUE(loads[i].name, worst <= loads[i].most);
		TAP_INT("and a day is kept", unknown, 0);
		TAP_TRUE("in bounds", e.count <= ENDS_MAX && e.room <= ENDS_MAX);
		ends_release(&e);
	}
}

static void check_rebase(void)
{
	struct ends e = {0};

	ends_add(&e, 100, 0, 10);
	ends_add(&e, 200, 0, 20);
	ends_add(&e, 300, 0, 30);
	ends_rebase(&e, 150);
	TAP_INT("what is before a new origin is forgotten", e.count, 2);
	TAP_INT("the rest moves with it", written(&e, 25), 105);
	TAP_TRUE("a saved sample that is not later is refused",
		!ends_restore(&e, (struct ends_sample){40, 100}));
	TAP_TRUE("so is one that is lower", !ends_restore(&e, (struct ends_sample){29, 400}));
	TAP_TRUE("one that is later is taken", ends_restore(&e, (struct ends_sample){40, 400}));
	ends_release(&e);
}

int main(void)
{
	check_rows();
	check_loads();
	check_rebase();
	return tap_done();
}
