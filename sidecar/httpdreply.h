/* A reply as the HTTP library sends it. Internal to httpd.c. Thread: any. */
#ifndef HEXLAG_HTTPDREPLY_H
#define HEXLAG_HTTPDREPLY_H

#include "sidecar/httpd.h"
#include "sidecar/httpdclients.h"

struct MHD_Response;

/* Takes over the parts of `reply` and adds the headers that every reply has, where `c` has no other value for
 * them. NULL, with the parts released: no memory. */
struct MHD_Response *httpdreply_new(const struct httpd_reply *reply, const struct webconfig *c);

/* What the reply keeps in memory. */
struct httpdweight httpdreply_weight(const struct httpd_reply *reply);

#endif
