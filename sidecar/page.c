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

static void reply_static(
	struct httpd_reply *reply, const char *type, const char *data, const char *end)
{
	reply->content_type = type;
	reply->parts[0] = (struct httpd_part){.data = data, .len = (size_t)(end - data)};
}

static void refuse(struct httpd_reply *reply)
{
	static const char text[] = "only GET and HEAD are allowed here\n";

	reply->status = 405;
	reply->allow = "GET, HEAD";
	reply_static(reply, "text/plain; charset=utf-8", text, text + sizeof(text) - 1);
}

bool page_serve(const struct httpd_request *req, struct httpd_reply *reply)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (strcmp(req->path, files[i].path) != 0)
			continue;
		if (strcmp(req->method, "GET") == 0)
			reply_static(reply, files[i].type, files[i].data, files[i].end);
		else
			refuse(reply);
		return true;
	}
	return false;
}
