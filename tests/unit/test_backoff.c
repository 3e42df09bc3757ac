#include "common/backoff.h"

#include "tests/tap.h"

static const struct {
	const char *name;
	int64_t last_ms, want_ms;
} rows[] = {
	{"the first failure waits for the least time", 0, 1000},
	{"the next one twice as long", 1000, 2000},
	{"and so on", 16000, 32000},
	{"up to the limit", 32000, 60000},
	{"and no further", 60000, 60000},
	{"a wait above the limit comes back to it", 90000, 60000},
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		TAP_INT(rows[i].name, backoff_next(rows[i].last_ms, 1000, 60000), rows[i].want_ms);
	TAP_INT("a limit below the first wait holds", backoff_next(0, 1000, 500), 500);
	TAP_INT("a server that asks for nothing changes nothing", backoff_obey(1500, 0), 1500);
	TAP_INT("nor one that asks for less", backoff_obey(1500, 1), 1500);
	TAP_INT("one that asks for more gets it", backoff_obey(1500, 2), 2000);
	return tap_done();
}
