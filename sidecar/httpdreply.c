#include "sidecar/httpdreply.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"

static void free_text(void *text)
{
	free(text);
}

void httpd_reply_take(struct httpd_reply *reply, size_t i, struct strbuf *text)
{
	size_t len = text->len;
	char *bytes = strbuf_take(text);

	reply->parts[i] = (struct httpd_part){bytes, len, free_text, bytes};
}

/* The library calls it when nobody sends the response any more. */
static void release_parts(void *cls)
{
	struct httpd_part *parts = cls;

	for (size_t i = 0; i < HTTPD_PARTS; i++)
		if (parts[i].release)
			parts[i].release(parts[i].owner);
	free(parts);
}

/* What the configuration says of a header goes before what we say. */
static void add_header(struct MHD_Response *response, const struct webconfig *c, const char *name,
	const char *value)
{
	for (size_t i = 0; i < c->header_count; i++)
		if (strcasecmp(c->headers[i].name, name) == 0)
			return;
	if (value)
		(void)MHD_add_response_header(response, name, value);
}

static void add_headers(
	struct MHD_Response *response, const struct webconfig *c, const struct httpd_reply *reply)
{
	add_header(response, c, MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type);
	add_header(response, c, MHD_HTTP_HEADER_CONTENT_ENCODING, reply->content_encoding);
	add_header(response, c, MHD_HTTP_HEADER_VARY, reply->vary);
	add_header(response, c, MHD_HTTP_HEADER_ALLOW, reply->allow);
	add_header(response, c, MHD_HTTP_HEADER_ETAG, reply->etag[0] ? reply->etag : NULL);
	add_header(response, c, MHD_HTTP_HEADER_CACHE_CONTROL,
		reply->cache ? reply->cache : "no-store");
	add_header(response, c, "X-Content-Type-Options", "nosniff");
	add_header(response, c, "X-Frame-Options", "deny");
	add_header(response, c, "Referrer-Policy", "no-referrer");
	add_header(response, c, "Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
		"img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors "
		"'none'");
	add_header(response, c, MHD_HTTP_HEADER_WWW_AUTHENTICATE, reply->authenticate);
	if (reply->status == MHD_HTTP_SERVICE_UNAVAILABLE ||
		reply->status == MHD_HTTP_TOO_MANY_REQUESTS)
		add_header(response, c, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	for (size_t i = 0; i < c->header_count; i++)
		(void)MHD_add_response_header(response, c->headers[i].name, c->headers[i].value);
}

struct MHD_Response *httpdreply_new(const struct httpd_reply *reply, const struct webconfig *c)
{
	struct httpd_part *parts = mem_alloc(sizeof(reply->parts));
	struct MHD_IoVec iov[HTTPD_PARTS];
	struct MHD_Response *response;

	memcpy(parts, reply->parts, sizeof(reply->parts));
	for (size_t i = 0; i < HTTPD_PARTS; i++)
		iov[i] = (struct MHD_IoVec){parts[i].data, parts[i].len};
	response = MHD_create_response_from_iovec(iov, HTTPD_PARTS, release_parts, parts);
	if (response)
		add_headers(response, c, reply);
	else
		release_parts(parts);
	return response;
}

struct httpdweight httpdreply_weight(const struct httpd_reply *reply)
{
	struct httpdweight weight = {.kind = reply->kind};

	for (size_t i = 0; i < HTTPD_PARTS; i++) {
		const struct httpd_part *part = &reply->parts[i];

		if (!part->release)
			continue;
		weight.own_bytes += part->len;
		if (!weight.shared || part->len > weight.shared_bytes) {
			weight.shared = part->owner;
			weight.shared_bytes = part->len;
		}
	}
	weight.own_bytes -= weight.shared_bytes;
	return weight;
}
