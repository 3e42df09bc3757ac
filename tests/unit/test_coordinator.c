/* Partitions of __consumer_offsets as Java computes them: abs(id.hashCode()) % partitions. */
#include "sidecar/coordinator.h"
#include "tests/tap.h"

static const struct {
	const char *name, *group;
	int32_t of_50, of_7;
} rows[] = {
	{"the empty id", "", 0, 0},
	{"one letter", "g", 3, 5},
	{"a negative hash", "group1", 40, 2},
	{"another", "billing", 9, 6},
	{"spaces", "g caught up", 44, 1},
	{"quote and backslash", "g\"quo\\ted", 39, 4},
	{"two-byte UTF-8", "g-other-\xc3\xbcn\xc3\xaf", 8, 0},
	{"three-byte UTF-8", "\xe6\x97\xa5\xe6\x9c\xac", 47, 3},
	{"four-byte UTF-8 is two UTF-16 units", "\xf0\x9f\x9a\x80 rocket", 21, 5},
	{"the smallest int has no absolute value", "polygenelubricants", 0, 0},
	{"a byte that is no UTF-8 is U+FFFD", "\xff", 33, 6},
	{"so is a sequence cut short",
		"a\xc3"
		"b",
		38, 2},
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		TAP_INT(rows[i].name, coordinator_partition(rows[i].group, 50), rows[i].of_50);
		TAP_INT(rows[i].name, coordinator_partition(rows[i].group, 7), rows[i].of_7);
	}
	return tap_done();
}
