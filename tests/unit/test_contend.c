#include "scaler/contend.h"

#include "common/attr.h"
#include "tests/tap.h"

#define MINUTE 60000

static void test_taken_back(void)
{
	struct contend c = {0};

	TAP_TRUE("what was never written cannot be taken back", !contend_read(&c, 4, 0));
	contend_wrote(&c, 4, 8, 0);
	TAP_TRUE("a write that stands is no fight", !contend_read(&c, 8, 1000));
	TAP_TRUE("nor is a size on the way we went", !contend_read(&c, 6, 2000));
	TAP_TRUE("nor one further on", !contend_read(&c, 12, 2000));
	TAP_TRUE("the old size is the write taken back", contend_read(&c, 4, 3000));
	TAP_TRUE("once is no fight", !contend_holds(&c, 3000));
	TAP_TRUE("and told once", !contend_read(&c, 4, 4000));
	contend_wrote(&c, 8, 3, 5000);
	TAP_TRUE("a cut is taken back by a larger size, too", contend_read(&c, 9, 6000));
	TAP_TRUE("twice is", contend_holds(&c, 6000));
}

static void test_ends(void)
{
	static const int64_t minutes[] = {1, 2, 4, 8, 10, 10};
	struct contend c = {0};
	int64_t now_ms = 0;

	contend_wrote(&c, 4, 8, now_ms);
	(void)contend_read(&c, 4, now_ms);
	for (size_t i = 0; i < ARRAY_LEN(minutes); i++) {
		contend_wrote(&c, 4, 8, now_ms);
		TAP_TRUE("one more write is taken back", contend_read(&c, 4, now_ms));
		now_ms += minutes[i] * MINUTE;
		TAP_TRUE("the fight is left alone for ever longer, up to ten minutes",
			contend_holds(&c, now_ms - 1));
		TAP_TRUE("and no longer", !contend_holds(&c, now_ms));
	}
	now_ms += 30 * MINUTE;
	contend_wrote(&c, 4, 8, now_ms);
	(void)contend_read(&c, 4, now_ms + 1000);
	TAP_TRUE("a fight of long ago is forgotten", !contend_holds(&c, now_ms + 1000));
	contend_wrote(&c, 4, 8, now_ms + MINUTE);
	(void)contend_read(&c, 4, now_ms + MINUTE);
	TAP_TRUE("and the next one begins", contend_holds(&c, now_ms + MINUTE));
	TAP_TRUE("with a short time", !contend_holds(&c, now_ms + 2 * MINUTE));
	now_ms += 100 * MINUTE;
	contend_wrote(&c, 4, 8, now_ms);
	TAP_TRUE("a change much later is somebody's own",
		!contend_read(&c, 4, now_ms + 11 * MINUTE));
}

int main(void)
{
	test_taken_back();
	test_ends();
	return tap_done();
}
