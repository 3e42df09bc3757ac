#include "sidecar/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/attr.h"
#include "common/clock.h"
#include "common/gzip.h"
#include "common/strbuf.h"
#include "sidecar/apicache.h"
#include "sidecar/apijson.h"
#include "sidecar/httpd.h"
#include "sidecar/negotiate.h"
#include "sidecar/publish.h"
#include "sidecar/snapshot.h"
#include "sidecar/text.h"

#define PREFIX "/api/"
#define LAG "/api/v1/lag"
#define HISTORY "/api/v1/history"
#define GROUP "/api/v1/groups/"

static void reply_text(struct httpd_reply *reply, struct strbuf *text)
{
	reply->content_type = "application/json";
	httpd_reply_take(reply, 0, text);
}

static void reply_error(struct httpd_reply *reply, unsigned status, const char *why)
{
	struct strbuf text = STRBUF_INIT;

	reply->status = status;
	apijson_error(&text, why);
	reply_text(reply, &text);
}

/* Weak, since the ages in a document go on. Snapshots are counted from 1 in every process: their time
 * tells those of two processes apart. */
static void set_etag(struct httpd_reply *reply, const struct snapshot *s)
{
	(void)snprintf(reply->etag, sizeof(reply->etag), "W/\"%" PRIx64 "-%" PRIx64 "\"",
		(uint64_t)s->wall_ms, s->seq);
}

/* Whether the client has the document of this tag. The header may list several; none is a part of
 * another. A lone asterisk is any document that there is. */
static bool client_has(const struct httpd_request *req, const char *etag)
{
	const char *tags = req->if_none_match;

	return tags && (strcmp(tags, "*") == 0 || strstr(tags, etag + strlen("W/")));
}

/* Answers by `head`, which is new each time, and a document after it, which is shared. */
static void reply_shared(struct httpd_reply *reply, struct strbuf *head, struct text *document)
{
	reply->content_type = "application/json";
	reply->vary = "Accept-Encoding";
	reply->parts[1] = text_part(document);
	if (document->gzip) {
		struct strbuf first = STRBUF_INIT, last = STRBUF_INIT;
		struct gzip *z;

		gzip_header(&first);
		z = gzip_begin(&first);
		gzip_add(z, strbuf_str(head), head->len);
		gzip_trailer(&last, gzip_end(z), document->sum);
		httpd_reply_take(reply, 0, &first);
		httpd_reply_take(reply, 2, &last);
		reply->content_encoding = "gzip";
	} else {
		httpd_reply_take(reply, 0, head);
	}
}

/* The document may be of the snapshot before `s`. */
static void serve_lag(const struct api_options *options, const struct httpd_request *req,
	struct snapshot *s, struct httpd_reply *reply)
{
	struct apicache_document CLEANUP(apicache_document_release) document = apicache_get(
		options->cache, s, APICACHE_LAG, negotiate_encoding(req->accept_encoding));
	CLEANUP(strbuf_release) struct strbuf head = STRBUF_INIT;

	set_etag(reply, document.s);
	if (client_has(req, reply->etag)) {
		reply->status = 304;
		return;
	}
	apijson_lag_head(&head, document.s, clock_mono_ms());
	reply_shared(reply, &head, text_ref(document.text));
}

static void serve_group(const struct snapshot *s, const char *group, struct httpd_reply *reply)
{
	struct strbuf text = STRBUF_INIT;

	(void)apijson_group(&text, s, group, clock_mono_ms());
	reply_text(reply, &text);
}

static void serve_snapshot(const struct api_options *options, const struct httpd_request *req,
	const char *group, struct httpd_reply *reply)
{
	struct snapshot *CLEANUP(snapshot_unref_at) s = publish_get(options->publish);

	if (!s) {
		reply_error(reply, 503,
			options->standby ? "standby: another replica leads"
					 : "Kafka has not been asked yet");
		return;
	}
	if (group && snapshot_find_group(s, group) == SNAPSHOT_NONE) {
		reply_error(reply, 404, "the group is not known");
		return;
	}
	set_etag(reply, s);
	reply->vary = group ? NULL : "Accept-Encoding"; /* of a 304, too */
	if (client_has(req, reply->etag))
		reply->status = 304;
	else if (group)
		serve_group(s, group, reply);
	else
		serve_lag(options, req, s, reply);
}

static const struct api_document *find_document(const struct api_options *options, const char *path)
{
	for (size_t i = 0; i < options->document_count; i++)
		if (strcmp(path, options->documents[i].path) == 0)
			return &options->documents[i];
	return NULL;
}

static void serve_document(const struct api_document *document, struct httpd_reply *reply)
{
	struct strbuf text = STRBUF_INIT;

	document->append(document->ctx, &text);
	reply_text(reply, &text);
}

static void serve_history(const struct api_options *options, const struct httpd_request *req,
	struct httpd_reply *reply)
{
	struct snapshot *CLEANUP(snapshot_unref_at) s = publish_get(options->publish);
	struct apicache_document CLEANUP(apicache_document_release) document = {0};
	CLEANUP(strbuf_release) struct strbuf head = STRBUF_INIT;

	if (!s) {
		apijson_history(&head, NULL);
		reply_text(reply, &head);
		return;
	}
	document = apicache_get(
		options->cache, s, APICACHE_HISTORY, negotiate_encoding(req->accept_encoding));
	reply_shared(reply, &head, text_ref(document.text));
}

bool api_serve(const struct api_options *options, const struct httpd_request *req,
	struct httpd_reply *reply)
{
	const char *path = req->path;
	/* The rest of the path, slashes and all: a group's name may have them. */
	const char *group = strncmp(path, GROUP, strlen(GROUP)) == 0 ? path + strlen(GROUP) : NULL;
	const struct api_document *document = find_document(options, path);
	bool history = strcmp(path, HISTORY) == 0;

	if (strncmp(path, PREFIX, strlen(PREFIX)) != 0)
		return false;
	if (!group && !document && !history && strcmp(path, LAG) != 0) {
		reply_error(reply, 404, "there is nothing here; see hexlag-api(7)");
	} else if (strcmp(req->method, "GET") != 0) {
		reply->allow = "GET, HEAD";
		reply_error(reply, 405, "only GET and HEAD are allowed here");
	} else if (history) {
		serve_history(options, req, reply);
	} else if (document) {
		serve_document(document, reply);
	} else {
		serve_snapshot(options, req, group, reply);
	}
	return true;
}
