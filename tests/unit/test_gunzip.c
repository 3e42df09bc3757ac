#include "common/gunzip.h"

#include <string.h>

#include "common/gzip.h"
#include "common/mem.h"
#include "tests/tap.h"

#define LENGTH 1000

static void pack(struct strbuf *out, size_t len, bool dull)
{
	char *CLEANUP(mem_free_at) text = mem_alloc(len + 1);
	unsigned seed = 7;
	struct gzip *z;

	for (size_t i = 0; i < len; i++) {
		seed = seed * 1103515245 + 12345;
		text[i] = dull ? 'x' : (char)(seed >> 16);
	}
	gzip_header(out);
	z = gzip_begin(out);
	gzip_add(z, text, len);
	gzip_trailer(out, gzip_end(z), (struct gzip_sum){0});
}

static void test_limits(void)
{
	struct strbuf CLEANUP(strbuf_release) packed = STRBUF_INIT;
	struct strbuf CLEANUP(strbuf_release) bomb = STRBUF_INIT;
	struct strbuf CLEANUP(strbuf_release) out = STRBUF_INIT;
	struct err err = {0};

	pack(&packed, LENGTH, false);
	pack(&bomb, (size_t)8 << 20, true);
	strbuf_adds(&out, "before ");
	TAP_INT("one byte too much is refused",
		gunzip(packed.data, packed.len, LENGTH - 1, &out, &err), -1);
	TAP_STR("for that reason", err.msg, "too long a text when unpacked");
	err = (struct err){0};
	TAP_INT("so is what would fill the memory",
		gunzip(bomb.data, bomb.len, (size_t)1 << 20, &out, &err), -1);
	TAP_STR("for the same reason", err.msg, "too long a text when unpacked");
	TAP_TRUE("before it does", out.room < (size_t)4 << 20);
	TAP_STR("what was there stays", strbuf_str(&out), "before ");
	TAP_INT("all of it is read", gunzip(packed.data, packed.len, LENGTH, &out, NULL), 0);
	TAP_INT("and put behind", out.len, LENGTH + 7);
}

static void test_damaged(void)
{
	struct strbuf CLEANUP(strbuf_release) packed = STRBUF_INIT;
	struct strbuf CLEANUP(strbuf_release) out = STRBUF_INIT;
	struct strbuf CLEANUP(strbuf_release) right = STRBUF_INIT;
	size_t accepted = 0, wrong = 0;
	struct err err = {0};

	pack(&packed, LENGTH, false);
	TAP_INT("what is whole is read", gunzip(packed.data, packed.len, LENGTH, &right, NULL), 0);
	for (size_t len = 0; len < packed.len; len++)
		accepted += gunzip(packed.data, len, LENGTH, &out, NULL) == 0;
	TAP_INT("none that is cut off is accepted", accepted, 0);
	TAP_INT("and nothing is left of it", out.len, 0);
	/* Some bits mean nothing, such as the time in the header. */
	for (size_t i = 0; i < packed.len * 8; i++) {
		packed.data[i / 8] ^= (char)(1 << i % 8);
		wrong += gunzip(packed.data, packed.len, LENGTH, &out, NULL) == 0 &&
			 (out.len != right.len || memcmp(out.data, right.data, out.len) != 0);
		packed.data[i / 8] ^= (char)(1 << i % 8);
		out.len = 0;
	}
	TAP_INT("no changed bit changes the text unseen", wrong, 0);
	strbuf_addc(&packed, 'x');
	TAP_INT("nor one with more behind it", gunzip(packed.data, packed.len, LENGTH, &out, &err),
		-1);
	TAP_STR("which is said", err.msg, "something behind the gzip");
}

int main(void)
{
	test_limits();
	test_damaged();
	return tap_done();
}
