#include "common/secret.h"

#include "common/mem.h"
#include "tests/tap.h"

static const struct {
	const char *name, *a, *b;
	bool want;
} rows[] = {
	{"the same text", "token", "token", true},
	{"nothing and nothing", "", "", true},
	{"the first byte differs", "token", "Token", false},
	{"the last byte differs", "token", "tokeN", false},
	{"one bit of a high byte differs", "\xfe", "\xff", false},
	{"the begin of another", "toke", "token", false},
	{"nothing is no begin", "", "token", false},
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		TAP_TRUE(rows[i].name, secret_equal(rows[i].a, rows[i].b) == rows[i].want);
		TAP_TRUE("and the other way", secret_equal(rows[i].b, rows[i].a) == rows[i].want);
	}
	secret_free(mem_strdup("token"));
	secret_free(NULL);
	return tap_done();
}
