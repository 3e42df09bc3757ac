#include "scaler/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"

/* A kept connection that says nothing for so long is asked whether it is still there; the peer
 * of a watch may vanish without a word. */
#define HTTP_KEEPALIVE_S 15L

#define HTTP_BODY_TOO_LARGE "the answer is larger than 4 MiB"

struct http {
	CURLM *multi;
	CURL *easy;
	struct curl_slist *connect_to;
	char *base;        /* what goes before a request's path */
	char *host_header; /* "Host: ..." where it is not that of `base`, else NULL */
	const atomic_bool *stop;
	char error[CURL_ERROR_SIZE];
	/* Of the running request: */
	struct strbuf *body;
	size_t header_bytes;
	const char *too_large;        /* what was, or NULL */
	const struct http_sink *sink; /* of the body, or NULL */
	bool sink_full;
	int64_t timeout_ms, began_ms, heard_ms;
};

static pthread_once_t http_once = PTHREAD_ONCE_INIT;

static void http_init_library(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t http_on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct http *h = ctx;
	size_t bytes = size * count; /* libcurl: size is 1, count at most 16 KiB */
	long status = 0;

	h->heard_ms = clock_mono_ms();
	if (h->sink)
		(void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200) {
		h->sink_full = !h->sink->part(h->sink->ctx, data, bytes);
		return h->sink_full ? 0 : bytes;
	}
	if (h->body->len + bytes > HTTP_BODY_MAX) {
		h->too_large = HTTP_BODY_TOO_LARGE;
		return 0;
	}
	strbuf_add(h->body, data, bytes);
	return bytes;
}

/* libcurl before 8.3.0 keeps all headers of an answer without a limit (CVE-2023-38039). */
static size_t http_on_header(char *data, size_t size, size_t count, void *ctx)
{
	struct http *h = ctx;
	size_t bytes = size * count;

	(void)data;
	h->heard_ms = clock_mono_ms();
	h->header_bytes += bytes;
	if (h->header_bytes > HTTP_HEADER_MAX) {
		h->too_large = "the answer's headers are larger than 64 KiB";
		return 0;
	}
	return bytes;
}

static char *http_url_part(CURLU *url, CURLUPart part, unsigned flags)
{
	char *text = NULL, *copy;

	if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
		return NULL;
	copy = mem_strdup(text);
	curl_free(text);
	return copy;
}

static bool is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
	       strcmp(host, "[::1]") == 0;
}

/* Sets where requests go. libcurl has no option for another name in the certificate, but it checks
 * the certificate against the URL's host: with that name in the URL, CONNECT_TO leads to the real
 * host and port, and the Host header stays that of the server, as with client-go. */
static bool http_set_address(struct http *h, const struct http_options *o, CURLU *url)
{
	char *scheme CLEANUP(mem_free_at) = http_url_part(url, CURLUPART_SCHEME, 0);
	char *host CLEANUP(mem_free_at) = http_url_part(url, CURLUPART_HOST, 0);
	char *port CLEANUP(mem_free_at) = http_url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	char *path CLEANUP(mem_free_at) = http_url_part(url, CURLUPART_PATH, 0);
	char *target CLEANUP(mem_free_at) = NULL;
	size_t end;
	bool v6;

	if (!scheme || !host || !port || !path)
		return false;
	end = strlen(path);
	while (end && path[end - 1] == '/')
		path[--end] = '\0';
	/* As Go's clients: the environment's proxy is never asked for this machine. */
	if (o->proxy || is_loopback(host))
		curl_easy_setopt(h->easy, CURLOPT_PROXY, o->proxy ? o->proxy : "");
	if (!o->tls_name) {
		h->base = mem_printf("%s://%s:%s%s", scheme, host, port, path);
		return true;
	}
	v6 = strchr(o->tls_name, ':') && o->tls_name[0] != '[';
	h->base = mem_printf(
		"%s://%s%s%s:%s%s", scheme, v6 ? "[" : "", o->tls_name, v6 ? "]" : "", port, path);
	h->host_header = mem_printf("Host: %s:%s", host, port);
	target = mem_printf("::%s:%s", host, port);
	h->connect_to = curl_slist_append(NULL, target);
	curl_easy_setopt(h->easy, CURLOPT_CONNECT_TO, h->connect_to);
	return true;
}

static int http_parse_server(struct http *h, const struct http_options *o, struct err *err)
{
	CURLU *url = curl_url();
	CURLUcode code = CURLUE_OUT_OF_MEMORY;

	if (url)
		code = curl_url_set(url, CURLUPART_URL, o->server, 0);
	if (code == CURLUE_OK && !http_set_address(h, o, url))
		code = CURLUE_NO_HOST;
	curl_url_cleanup(url);
	if (code == CURLUE_OK)
		return 0;
	return err_set(err, ERR_CONFIG, "'%s' is not a server's URL (%s)", o->server,
		curl_url_strerror(code));
}

/* One PEM, from memory (which libcurl copies) or from its file. */
static CURLcode http_set_pem(
	struct http *h, const struct http_pem *pem, CURLoption blob_option, CURLoption file_option)
{
	struct curl_blob blob = {NULL, pem->len, CURL_BLOB_COPY};

	if (pem->data) {
		/* libcurl's field is not const. */
		memcpy(&blob.data, &pem->data, sizeof(blob.data));
		return curl_easy_setopt(h->easy, blob_option, &blob);
	}
	return pem->file ? curl_easy_setopt(h->easy, file_option, pem->file) : CURLE_OK;
}

static int http_set_tls(struct http *h, const struct http_options *o, struct err *err)
{
	CURL *c = h->easy;

	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, o->insecure ? 0L : 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, o->insecure ? 0L : 2L);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* By default the CA file is kept for a day, which would miss its rotation. */
	curl_easy_setopt(c, CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
	/* The distribution's folder of CAs would stay trusted beside the given one. */
	if (o->ca.data || o->ca.file)
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	if (http_set_pem(h, &o->ca, CURLOPT_CAINFO_BLOB, CURLOPT_CAINFO) ||
		http_set_pem(h, &o->cert, CURLOPT_SSLCERT_BLOB, CURLOPT_SSLCERT) ||
		http_set_pem(h, &o->key, CURLOPT_SSLKEY_BLOB, CURLOPT_SSLKEY))
		return err_set(
			err, ERR_CONFIG, "%s cannot use the given certificates", curl_version());
	return 0;
}

static void http_set_limits(struct http *h, const struct http_options *o)
{
	CURL *c = h->easy;

	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->error);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* Otherwise libcurl waits for its resolver thread, whatever the time-out says. */
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
#endif
	h->timeout_ms = o->timeout_ms;
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPIDLE, HTTP_KEEPALIVE_S);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPINTVL, HTTP_KEEPALIVE_S);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)o->timeout_ms);
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	/* One request at a time gains nothing from HTTP/2. */
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "hexlag/" HEXLAG_VERSION);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, http_on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, http_on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, h);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

struct http *http_new(const struct http_options *o, struct err *err)
{
	struct http *h;

	if (strncmp(o->server, "http://", 7) != 0 && strncmp(o->server, "https://", 8) != 0) {
		err_set(err, ERR_CONFIG, "'%s' is not an http or https URL", o->server);
		return NULL;
	}
	(void)pthread_once(&http_once, http_init_library);
	h = mem_zalloc(1, sizeof(*h));
	h->stop = o->stop;
	h->easy = curl_easy_init();
	h->multi = curl_multi_init();
	if (!h->easy || !h->multi) {
		err_set(err, ERR_RETRY, "%s does not start", curl_version());
		goto failed;
	}
	http_set_limits(h, o);
	if (o->username) {
		curl_easy_setopt(h->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(h->easy, CURLOPT_USERNAME, o->username);
		curl_easy_setopt(h->easy, CURLOPT_PASSWORD, o->password ? o->password : "");
	}
	if (http_set_tls(h, o, err) != 0 || http_parse_server(h, o, err) != 0)
		goto failed;
	return h;

failed:
	http_free(h);
	return NULL;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->easy);
	curl_multi_cleanup(h->multi);
	curl_slist_free_all(h->connect_to);
	free(h->base);
	free(h->host_header);
	free(h);
}

static bool http_stopped(const struct http *h)
{
	return h->stop && atomic_load(h->stop);
}

static struct curl_slist *http_headers(const struct http *h, const struct http_request *req)
{
	struct curl_slist *list = curl_slist_append(NULL, "Accept: application/json");
	char *line;

	/* libcurl would wait for "100 Continue" before sending a large body. */
	list = curl_slist_append(list, "Expect:");
	if (h->host_header)
		list = curl_slist_append(list, h->host_header);
	if (req->token) {
		line = mem_printf("Authorization: Bearer %s", req->token);
		list = curl_slist_append(list, line);
		free(line);
	}
	if (req->body) {
		line = mem_printf("Content-Type: %s", req->content_type);
		list = curl_slist_append(list, line);
		free(line);
	}
	return list;
}

/* How a streamed answer has to end although the server goes on; false: it may go on. */
static bool http_ends(const struct http *h, enum http_end *ret_end)
{
	int64_t now = clock_mono_ms();

	if (!h->sink || !h->header_bytes)
		return false;
	if (now - h->heard_ms >= h->sink->silence_ms)
		*ret_end = HTTP_END_SILENCE;
	else if (now - h->began_ms >= h->sink->whole_ms)
		*ret_end = HTTP_END_TIME;
	else
		return false;
	return true;
}

/* A stream has no limit of its own in libcurl, but its headers have to come in time. */
static bool http_late(const struct http *h)
{
	return h->sink && !h->header_bytes && clock_mono_ms() - h->began_ms >= h->timeout_ms;
}

static int http_say(struct http *h, CURLcode result, struct err *err)
{
	if (result == CURLE_OK)
		return 0;
	if (result == CURLE_FILESIZE_EXCEEDED)
		h->too_large = HTTP_BODY_TOO_LARGE;
	if (h->too_large)
		return err_set(err, ERR_RETRY, "%s", h->too_large);
	/* libcurl's own text counts milliseconds, so it would differ from one failure to the next. */
	if (result == CURLE_OPERATION_TIMEDOUT)
		return err_set(err, ERR_RETRY, "%s timed out", h->base);
	if (result == CURLE_COULDNT_CONNECT)
		return err_set(err, ERR_RETRY, "cannot connect to %s", h->base);
	return err_set(err, ERR_RETRY, "%s", h->error[0] ? h->error : curl_easy_strerror(result));
}

/* Runs what is set on the easy handle. curl_easy_perform() looks at a flag only once a second and
 * its progress callback not in every state, hence the loop of our own. */
static int http_run(struct http *h, enum http_end *ret_end, struct err *err)
{
	CURLMcode code = curl_multi_add_handle(h->multi, h->easy);
	CURLcode result = CURLE_FAILED_INIT;
	enum http_end end = HTTP_END_SERVER;
	int running = 1, left;
	bool late = false;
	CURLMsg *msg;

	while (code == CURLM_OK && running && !late && !http_stopped(h) && !http_ends(h, &end)) {
		code = curl_multi_perform(h->multi, &running);
		if (code == CURLM_OK && running)
			code = curl_multi_poll(h->multi, NULL, 0, HTTP_STOP_POLL_MS, NULL);
		late = http_late(h);
	}
	while ((msg = curl_multi_info_read(h->multi, &left)))
		if (msg->msg == CURLMSG_DONE)
			result = msg->data.result;
	(void)curl_multi_remove_handle(h->multi, h->easy); /* closes an unfinished connection */
	if (code != CURLM_OK)
		return err_set(err, ERR_RETRY, "%s", curl_multi_strerror(code));
	if (running && http_stopped(h))
		return err_set(err, ERR_RETRY, "stopped while waiting for the answer");
	if (h->sink_full)
		end = HTTP_END_SINK;
	*ret_end = end;
	if (end != HTTP_END_SERVER)
		return 0;
	return http_say(h, running ? CURLE_OPERATION_TIMEDOUT : result, err);
}

static void http_read_answer(struct http *h, struct http_response *res)
{
	curl_off_t after = 0;
	long status = 0;

	(void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(h->easy, CURLINFO_RETRY_AFTER, &after);
	if (after > HTTP_RETRY_AFTER_MAX_S)
		after = HTTP_RETRY_AFTER_MAX_S;
	res->status = (int)status;
	res->retry_after_s = after > 0 ? (int)after : 0;
}

/* Sets what differs from one request to the next. */
static void http_prepare(struct http *h, const struct http_request *req)
{
	CURL *c = h->easy;

	h->header_bytes = 0;
	h->too_large = NULL;
	h->error[0] = '\0';
	h->sink_full = false;
	h->began_ms = h->heard_ms = clock_mono_ms();
	/* Newer ones (8.4) also count the bytes of a body without a length. */
	curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)(h->sink ? 0 : HTTP_BODY_MAX));
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(h->sink ? 0 : h->timeout_ms));
	curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
	if (req->body) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body_len);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, req->body);
	}
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, req->method);
}

int http_stream(struct http *h, const struct http_request *req, const struct http_sink *sink,
	struct http_response *ret_res, enum http_end *ret_end, struct err *err)
{
	struct http_response res = {.body = STRBUF_INIT};
	char *url CLEANUP(mem_free_at) = mem_printf("%s%s", h->base, req->path);
	struct curl_slist *headers = http_headers(h, req);
	int rc;

	h->body = &res.body;
	h->sink = sink;
	http_prepare(h, req);
	curl_easy_setopt(h->easy, CURLOPT_URL, url);
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, headers);
	rc = http_run(h, ret_end, err);
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	h->body = NULL;
	h->sink = NULL;
	if (rc != 0) {
		http_response_release(&res);
		return -1;
	}
	http_read_answer(h, &res);
	*ret_res = res;
	return 0;
}

int http_perform(struct http *h, const struct http_request *req, struct http_response *ret_res,
	struct err *err)
{
	enum http_end end;

	return http_stream(h, req, NULL, ret_res, &end, err);
}

void http_response_release(struct http_response *res)
{
	strbuf_release(&res->body);
}
