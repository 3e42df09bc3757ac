#include "sidecar/assignment.h"

#include <stdio.h>
#include <string.h>

#include "tests/tap.h"

/* What reading the bytes gives: "topic:partition " of each. */
static const char *read_all(const char *bytes, size_t len)
{
	static char text[400];
	size_t used = 0;
	struct assignment a;
	int32_t partition;

	text[0] = '\0';
	assignment_init(&a, bytes, len);
	while (assignment_next(&a, &partition) == 0 && used < sizeof(text) - 300)
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%.9s:%d ", a.topic, (int)partition);
	return text;
}

#define V0 "\0\0"
#define ORDERS "\0\6orders"
#define BYTES(s) s, sizeof(s) - 1

static void test_valid(void)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
		const char *want;
	} rows[] = {
		{"one partition", BYTES(V0 "\0\0\0\1" ORDERS "\0\0\0\1\0\0\0\7"), "orders:7 "},
		{"user data behind it", BYTES("\0\3\0\0\0\1" ORDERS "\0\0\0\1\0\0\0\7\0\0\0\2xy"),
			"orders:7 "},
		{"two topics",
			BYTES(V0 "\0\0\0\2" ORDERS "\0\0\0\2\0\0\0\0\0\0\0\1\0\1b\0\0\0\1\0\0\1\0"),
			"orders:0 orders:1 b:256 "},
		{"a topic without partitions between others",
			BYTES(V0 "\0\0\0\2" ORDERS "\0\0\0\0\0\1b\0\0\0\1\0\0\0\2"), "b:2 "},
		{"nothing assigned", BYTES(V0 "\0\0\0\0"), ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		TAP_STR(rows[i].name, read_all(rows[i].bytes, rows[i].len), rows[i].want);
}

static void test_invalid(void)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
		const char *want;
	} rows[] = {
		{"no bytes", "", 0, ""},
		{"half a version", BYTES("\0"), ""},
		{"cut off in a count", BYTES(V0 "\0\0"), ""},
		{"cut off in a name", BYTES(V0 "\0\0\0\1\0\6ord"), ""},
		{"cut off in a partition", BYTES(V0 "\0\0\0\1" ORDERS "\0\0\0\2\0\0\0\7\0\0"),
			"orders:7 "},
		{"a count beyond the bytes", BYTES(V0 "\x7f\xff\xff\xff" ORDERS "\0\0\0\1\0\0\0\7"),
			"orders:7 "},
		{"a name longer than any topic's", BYTES(V0 "\0\0\0\1\x7f\xffx"), ""},
		{"a negative partition", BYTES(V0 "\0\0\0\1" ORDERS "\0\0\0\1\xff\xff\xff\xff"),
			""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		TAP_STR(rows[i].name, read_all(rows[i].bytes, rows[i].len), rows[i].want);
}

int main(void)
{
	test_valid();
	test_invalid();
	return tap_done();
}
