#include "common/gzip.h"

#include <stdlib.h>

#include "common/gunzip.h"
#include "common/mem.h"
#include "tests/tap.h"

/* `lines` lines of text, different ones for each seed. */
static char *make_text(unsigned seed, size_t lines)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < lines; i++) {
		seed = seed * 1103515245 + 12345;
		strbuf_addf(&text, "kafka_consumergroup_lag{partition=\"%zu\"} %u\n", i, seed);
	}
	return strbuf_take(&text);
}

static struct gzip_sum add_piece(struct strbuf *body, const char *text, size_t step)
{
	struct gzip *z = gzip_begin(body);
	size_t len = strlen(text);

	for (size_t n; len; text += n, len -= n) {
		n = step < len ? step : len;
		gzip_add(z, text, n);
	}
	return gzip_end(z);
}

static void test_two_pieces(void)
{
	static const struct {
		const char *name;
		size_t first, second, step;
	} rows[] = {
		{"a large and a small piece", 200000, 40, 65536},
		{"a small and a large one", 3, 50000, 1000},
		{"both empty", 0, 0, 1},
		{"the first empty", 0, 10, 1},
		{"the second empty", 10, 0, 1},
		{"byte by byte", 100, 100, 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(mem_free_at) char *first = make_text(1, rows[i].first);
		CLEANUP(mem_free_at) char *second = make_text(2, rows[i].second);
		CLEANUP(mem_free_at) char *both = mem_printf("%s%s", first, second);
		CLEANUP(strbuf_release) struct strbuf body = STRBUF_INIT, text = STRBUF_INIT;
		struct gzip_sum sum;

		gzip_header(&body);
		sum = add_piece(&body, first, rows[i].step);
		gzip_trailer(&body, sum, add_piece(&body, second, rows[i].step));
		TAP_TRUE(rows[i].name, gunzip(body.data, body.len, SIZE_MAX, &text, NULL) == 0);
		TAP_TRUE("comes back as it was", strcmp(strbuf_str(&text), both) == 0);
		if (text.len > 100000)
			TAP_TRUE("and was smaller in between", body.len * 3 < text.len);
	}
}

static void test_no_piece(void)
{
	CLEANUP(strbuf_release) struct strbuf body = STRBUF_INIT, text = STRBUF_INIT;

	gzip_header(&body);
	gzip_trailer(&body, (struct gzip_sum){0}, (struct gzip_sum){0});
	TAP_TRUE("a body of no piece is a body",
		gunzip(body.data, body.len, SIZE_MAX, &text, NULL) == 0);
	TAP_INT("of nothing", text.len, 0);
}

int main(void)
{
	test_two_pieces();
	test_no_piece();
	return tap_done();
}
