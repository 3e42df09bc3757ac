/* The routes below /api/: JSON of the current snapshot, and nothing for a client that has it already
 * (If-None-Match). Described in hexlag-api(7). */
#ifndef HEXLAG_API_H
#define HEXLAG_API_H

#include <stdbool.h>
#include <stddef.h>

struct apicache;
struct httpd_reply;
struct httpd_request;
struct publish;
struct strbuf;

/* A document of another module. Thread: the HTTP server's. `append` must not block. */
struct api_document {
	const char *path; /* "/api/v1/..." */
	void (*append)(void *ctx, struct strbuf *out);
	void *ctx;
};

struct api_options {
	struct publish *publish;
	struct apicache *cache;
	const struct api_document *documents;
	size_t document_count;
	bool standby; /* another replica asks Kafka */
};

/* Answers a request whose path begins with /api/, if only by 404 or 405; false for all others. */
bool api_serve(const struct api_options *options, const struct httpd_request *req,
	struct httpd_reply *reply);

#endif
