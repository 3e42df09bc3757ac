/* The page at / and what it loads: the files of sidecar/page/, which are part of the program. The page
 * knows nothing but the JSON of /api/v1, and asks nobody else. */
#ifndef HEXLAG_PAGE_H
#define HEXLAG_PAGE_H

#include <stdbool.h>

struct httpd_reply;
struct httpd_request;

/* Answers a request for one of the files, if only by 405; false for all other paths. */
bool page_serve(const struct httpd_request *req, struct httpd_reply *reply);

#endif
