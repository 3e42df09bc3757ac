/* The page at / and what it loads: the files of sidecar/page/, which are part of the program. The page
 * knows nothing but the JSON of /api/v1, and asks nobody else. */
#ifndef HEXLAG_PAGE_H
#define HEXLAG_PAGE_H

#include <stdbool.h>

struct httpd_reply;
struct httpd_request;

/* Answers a request for one of the files, if only by 405; false for all other paths. `metrics_path`, which
 * begins with a slash, is where the page links to; it has to stay as long as the server runs. */
bool page_serve(
	const char *metrics_path, const struct httpd_request *req, struct httpd_reply *reply);

bool page_has(const char *path); /* whether that is one of the files */

#endif
