#include "sidecar/page.h"

#include <stddef.h>
#include <string.h>

#include "common/attr.h"
#include "sidecar/httpd.h"

/* The bytes of a file of sidecar/page/ between two symbols, put there by the assembler. The Makefile
 * compiles this anew when one of the files changes, which no compiler reports. */
#define EMBED(name, file)                                             \
	__asm__(".pushsection .rodata\n" #name ":\n"                  \
		".incbin \"sidecar/page/" file "\"\n" #name "_end:\n" \
		".byte 0\n"                                           \
		".popsection\n");                                     \
	extern const char name[], name##_end[]

EMBED(page_html, "page.html");
EMBED(page_css, "page.css");
EMBED(page_main, "page.js");
EMBED(page_chart, "chart.js");
EMBED(page_dom, "dom.js");
EMBED(page_format, "format.js");
EMBED(page_groups, "groups.js");
EMBED(page_model, "model.js");
EMBED(page_rules, "rules.js");

#define CSS "text/css; charset=utf-8"
#define HTML "text/html; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"

static const struct file {
	const char *path, *type, *data, *end;
} files[] = {
	{"/", HTML, page_html, page_html_end},
	{"/page.css", CSS, page_css, page_css_end},
	{"/page.js", SCRIPT, page_main, page_main_end},
	{"/chart.js", SCRIPT, page_chart, page_chart_end},
	{"/dom.js", SCRIPT, page_dom, page_dom_end},
	{"/format.js", SCRIPT, page_format, page_format_end},
	{"/groups.js", SCRIPT, page_groups, page_groups_end},
	{"/model.js", SCRIPT, page_model, page_model_end},
	{"/rules.js", SCRIPT, page_rules, page_rules_end},
};

static const struct file *find(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (strcmp(path, files[i].path) == 0)
			return &files[i];
	return NULL;
}

bool page_has(const char *path)
{
	return find(path) != NULL;
}

static void reply_static(
	struct httpd_reply *reply, const char *type, const char *data, const char *end)
{
	reply->content_type = type;
	reply->parts[0] = (struct httpd_part){.data = data, .len = (size_t)(end - data)};
}

/* The page itself links to the metrics, wherever they are. All its links are relative, so that it may
 * stand behind a proxy that adds a prefix. */
static void link_metrics(struct httpd_reply *reply, const char *metrics_path)
{
	static const char link[] = "href=\"metrics";
	struct httpd_part *parts = reply->parts;
	const char *end = parts[0].data + parts[0].len;
	const char *at = memmem(parts[0].data, parts[0].len, link, sizeof(link) - 1);

	if (!at)
		return;
	at += strlen("href=\"");
	parts[0].len = (size_t)(at - parts[0].data);
	parts[1] = (struct httpd_part){.data = metrics_path + 1, .len = strlen(metrics_path + 1)};
	at += strlen("metrics");
	parts[2] = (struct httpd_part){.data = at, .len = (size_t)(end - at)};
}

static void refuse(struct httpd_reply *reply)
{
	static const char text[] = "only GET and HEAD are allowed here\n";

	reply->status = 405;
	reply->allow = "GET, HEAD";
	reply_static(reply, "text/plain; charset=utf-8", text, text + sizeof(text) - 1);
}

bool page_serve(
	const char *metrics_path, const struct httpd_request *req, struct httpd_reply *reply)
{
	const struct file *f = find(req->path);

	if (!f)
		return false;
	if (strcmp(req->method, "GET") != 0) {
		refuse(reply);
		return true;
	}
	reply_static(reply, f->type, f->data, f->end);
	if (f->data == page_html)
		link_metrics(reply, metrics_path);
	return true;
}
