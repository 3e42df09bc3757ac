#include "scaler/contend.h"

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
	struct contend c = {0};

	for (int i = 0; i < 2; i++) {
		contend_wrote(&c, 4, 8, i * 1000);
		(void)contend_read(&c, 4, i * 1000 + 500);
	}
	TAP_TRUE("the fight is left for ten minutes", contend_holds(&c, 10 * MINUTE));
	TAP_TRUE("and no longer", !contend_holds(&c, 10 * MINUTE + 1500));
	contend_wrote(&c, 4, 8, 11 * MINUTE);
	TAP_TRUE("then one write is tried", contend_read(&c, 4, 11 * MINUTE + 1000));
	TAP_TRUE("whose end goes on with it", contend_holds(&c, 20 * MINUTE));
	contend_wrote(&c, 4, 8, 60 * MINUTE);
	(void)contend_read(&c, 4, 61 * MINUTE);
	TAP_TRUE("a fight of long ago is forgotten", !contend_holds(&c, 62 * MINUTE));
	contend_wrote(&c, 4, 8, 100 * MINUTE);
	TAP_TRUE("a change much later is somebody's own", !contend_read(&c, 4, 111 * MINUTE));
}

int main(void)
{
	test_taken_back();
	test_ends();
	return tap_done();
}
