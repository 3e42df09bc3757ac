#include "sidecar/text.h"

#include <stdlib.h>

#include "common/mem.h"

struct text *text_new(void)
{
	struct text *text = mem_zalloc(1, sizeof(*text));

	atomic_init(&text->refs, 1);
	return text;
}

struct text *text_ref(struct text *text)
{
	atomic_fetch_add_explicit(&text->refs, 1, memory_order_relaxed);
	return text;
}

void text_unref(struct text *text)
{
	if (!text || atomic_fetch_sub_explicit(&text->refs, 1, memory_order_acq_rel) != 1)
		return;
	strbuf_release(&text->bytes);
	free(text);
}

static void release_text(void *text)
{
	text_unref(text);
}

struct httpd_part text_part(struct text *text)
{
	return (struct httpd_part){strbuf_str(&text->bytes), text->bytes.len, release_text, text};
}
