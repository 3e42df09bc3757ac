#include "sidecar/httpd.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/runloop.h"
#include "common/strbuf.h"
#include "sidecar/httpdaccess.h"
#include "sidecar/httpdauth.h"
#include "sidecar/httpdclients.h"
#include "sidecar/httpdframing.h"
#include "sidecar/httpdlisten.h"
#include "sidecar/httpdpolicy.h"
#include "sidecar/httpdreply.h"
#include "sidecar/httpdtls.h"

/* The library's own limit, of time without progress. Those in httpdclients.h decide. */
#define STALL_S 300
_Static_assert(
	STALL_S > 2 * HTTPD_IDLE_S && STALL_S > 2 * HTTPD_SEND_S, "the library would decide");
#define HEADERS_MAX ((size_t)64 << 10)
#define TICK_MS 500
#define STOP_MS 10000
#define PLAIN_TEXT "text/plain; charset=utf-8"

struct httpd {
	struct MHD_Daemon *daemon;
	struct httpd_options options;
	unsigned port;
	struct httpdclients clients;
	struct httpdwatch watch;
	struct httpdauth *auth;     /* NULL: there can be no users */
	struct runloop housekeeper; /* time limits, changed files */
	struct httpdaccess access;
};

struct connection {
	struct httpdclient *client;
	struct httpdpolicy *policy; /* what its TLS stands on; NULL: plain HTTP */
};

enum step { STEP_HEAD, STEP_CHECKING, STEP_BODY };

/* One request while it comes in. */
struct exchange {
	struct MHD_Connection *connection;
	struct httpdclient *client;
	struct httpdpolicy *policy;
	const char *target, *method; /* the library's, as long as it is here */
	struct strbuf body;
	enum step step;
	bool too_large;
	bool early; /* the handler does not wait for the body */
	bool bad_path;
	unsigned verdict; /* after STEP_CHECKING: 200, or what the request is refused by */
};

/* --- replies --- */

static enum MHD_Result send_reply(
	struct httpd *h, struct exchange *x, const struct httpd_reply *reply)
{
	struct httpdweight weight = httpdreply_weight(reply);
	struct MHD_Response *response = httpdreply_new(reply, &x->policy->config);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	httpdclients_mark(&h->clients, x->client, CLIENT_ANSWERED, &weight, clock_mono_ms());
	result = MHD_queue_response(x->connection, reply->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(struct httpd *h, struct exchange *x, unsigned status, const char *why)
{
	return send_reply(h, x,
		&(struct httpd_reply){.status = status,
			.content_type = PLAIN_TEXT,
			.parts = {{.data = why, .len = strlen(why)}}});
}

static enum MHD_Result refuse_size(struct httpd *h, struct exchange *x)
{
	return refuse(h, x, MHD_HTTP_CONTENT_TOO_LARGE, "the request body is too large\n");
}

static enum MHD_Result turn_away(struct httpd *h, struct exchange *x, unsigned status)
{
	struct httpd_reply reply =
		httpdaccess_refusal(&h->access, &x->policy->config, h->options.gate, status);

	return send_reply(h, x, &reply);
}

/* --- answers of the handler --- */

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* The path of "http://host/path", which RFC 9112 3.2.2 lets a client send. */
static const char *path_of(const char *target)
{
	const char *host = strstr(target, "://"), *path;

	if (*target == '/' || !host)
		return target;
	path = strchr(host + 3, '/');
	return path ? path : "/";
}

static enum MHD_Result answer(struct httpd *h, struct exchange *x)
{
	const char *accept = header_of(x->connection, MHD_HTTP_HEADER_ACCEPT);
	const char *encoding = header_of(x->connection, MHD_HTTP_HEADER_ACCEPT_ENCODING);
	const struct httpd_request request = {
		.method = strcmp(x->method, "HEAD") == 0 ? "GET" : x->method,
		.path = path_of(x->target),
		.accept = accept ? accept : "",
		.accept_encoding = encoding ? encoding : "",
		.body = strbuf_str(&x->body),
		.body_len = x->body.len,
		.if_none_match = header_of(x->connection, MHD_HTTP_HEADER_IF_NONE_MATCH),
	};
	struct httpd_reply reply = {.status = MHD_HTTP_OK};

	h->options.handler(h->options.ctx, &request, &reply);
	return send_reply(h, x, &reply);
}

/* Nothing speaks against the request. */
static enum MHD_Result go_on(struct httpd *h, struct exchange *x)
{
	return x->early ? answer(h, x) : MHD_YES;
}

/* --- who may ask --- */

static bool is_open(const struct httpd *h, const char *path)
{
	for (const char *const *open = h->options.open_paths; open && *open; open++)
		if (strcmp(*open, path) == 0)
			return true;
	return false;
}

/* The request waits until on_verdict(). To be called before whatever may call that. */
static void wait_for_verdict(struct exchange *x)
{
	x->step = STEP_CHECKING;
	MHD_suspend_connection(x->connection);
}

static void on_verdict(void *who, unsigned status)
{
	struct exchange *x = who;

	x->verdict = status;
	MHD_resume_connection(x->connection);
}

static void on_checked(void *ctx, bool welcome)
{
	on_verdict(ctx, welcome ? MHD_HTTP_OK : MHD_HTTP_UNAUTHORIZED);
}

static enum MHD_Result obey(struct httpd *h, struct exchange *x)
{
	return x->verdict == MHD_HTTP_OK ? go_on(h, x) : turn_away(h, x, x->verdict);
}

static enum MHD_Result check_token(struct httpd *h, struct exchange *x, const char *token)
{
	const struct httpd_gate *gate = h->options.gate;

	if (gate->known(gate->ctx, token, &x->verdict))
		return obey(h, x);
	wait_for_verdict(x);
	gate->ask(gate->ctx, token, on_verdict, x);
	return MHD_YES;
}

static enum MHD_Result check_person(struct httpd *h, struct exchange *x)
{
	const char *said = header_of(x->connection, MHD_HTTP_HEADER_AUTHORIZATION);
	const char *token = h->options.gate ? httpdaccess_token(said) : NULL;
	struct httpdauth_job *job;

	if (token)
		return check_token(h, x, token);
	if (!x->policy->config.user_count)
		return h->options.gate ? turn_away(h, x, MHD_HTTP_UNAUTHORIZED) : go_on(h, x);
	switch (httpdauth_check(h->auth, &x->policy->config, said, &job)) {
	case AUTH_WELCOME:
		return go_on(h, x);
	case AUTH_LATER:
		wait_for_verdict(x);
		httpdauth_submit(h->auth, job, on_checked, x);
		return MHD_YES;
	case AUTH_BUSY:
		return refuse(h, x, MHD_HTTP_SERVICE_UNAVAILABLE,
			"too many passwords are being checked; try again\n");
	default:
		return turn_away(h, x, MHD_HTTP_UNAUTHORIZED);
	}
}

/* --- requests --- */

static bool is_reading(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* What a length of more than 64 bits is read as is too large, too. */
static uint64_t announced(const struct exchange *x)
{
	const char *length = header_of(x->connection, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return length ? strtoull(length, NULL, 10) : 0;
}

/* Who wants no bodies says so to a method that has one before it is sent: by the handler's 404 or 405. */
static bool is_answered_early(const struct httpd *h, const struct exchange *x)
{
	return h->options.body_max == 0 && !is_reading(x->method) &&
	       (announced(x) || header_of(x->connection, MHD_HTTP_HEADER_TRANSFER_ENCODING));
}

static enum MHD_Result take_head(struct httpd *h, struct exchange *x)
{
	const char *wrong = httpdframing_error(x->connection);
	int64_t now_ms = clock_mono_ms();

	x->step = STEP_BODY;
	httpdclients_mark(&h->clients, x->client, CLIENT_ASKING, NULL, now_ms);
	if (wrong)
		return refuse(h, x, MHD_HTTP_BAD_REQUEST, wrong);
	if (x->bad_path)
		return refuse(h, x, MHD_HTTP_BAD_REQUEST, "the path holds a NUL character\n");
	x->early = is_answered_early(h, x);
	if (!x->early && announced(x) > h->options.body_max)
		return refuse_size(h, x);
	if (is_open(h, path_of(x->target)))
		return go_on(h, x);
	if (!httpdaccess_within_rate(&h->access, &x->policy->config, now_ms))
		return turn_away(h, x, MHD_HTTP_TOO_MANY_REQUESTS);
	return check_person(h, x);
}

static void collect_body(const struct httpd *h, struct exchange *x, const char *bytes, size_t len)
{
	/* A body without a length is read to its end even when it is refused: the library can
	 * answer only then. What is beyond the limit is dropped. */
	if (x->too_large || len > h->options.body_max - x->body.len) {
		x->too_large = true;
		strbuf_release(&x->body);
		return;
	}
	strbuf_add(&x->body, bytes, len);
}

/* Called by the library when the headers are in, again when a check has ended, then for each piece of the
 * body, then at its end. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *target,
	const char *method, const char *version, const char *body, size_t *body_len, void **state)
{
	struct exchange *x = *state;
	struct httpd *h = cls;

	(void)connection;
	(void)version;
	x->target = target;
	x->method = method;
	if (x->step == STEP_HEAD)
		return take_head(h, x);
	if (x->step == STEP_CHECKING) {
		x->step = STEP_BODY;
		return obey(h, x);
	}
	if (*body_len) {
		collect_body(h, x, body, *body_len);
		*body_len = 0;
		return MHD_YES;
	}
	return x->too_large ? refuse_size(h, x) : answer(h, x);
}

static struct connection *connection_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		->socket_context;
}

/* The request line is in; what is returned is the `state` of on_request(). `target` is still as sent. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
	struct exchange *x = mem_zalloc(1, sizeof(*x));
	struct httpd *h = cls;

	x->connection = connection;
	x->client = connection_of(connection)->client;
	x->policy = httpdwatch_get(&h->watch);
	x->bad_path = target && strstr(target, "%00");
	return x;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *state;
	struct httpd *h = cls;

	(void)connection;
	(void)code;
	if (!x)
		return;
	httpdclients_mark(&h->clients, x->client, CLIENT_WAITING, NULL, clock_mono_ms());
	httpdpolicy_unref(x->policy);
	strbuf_release(&x->body);
	free(x);
	*state = NULL;
}

/* --- connections --- */

static void open_connection(struct httpd *h, struct MHD_Connection *connection, void **context)
{
	const union MHD_ConnectionInfo *session =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	struct connection *c = mem_zalloc(1, sizeof(*c));

	c->client = httpdclients_add(&h->clients, fd, clock_mono_ms());
	if (session) {
		c->policy = httpdwatch_get(&h->watch);
		httpdtls_attach(c->policy->tls, session->tls_session);
	}
	*context = c;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct connection *c = *context;
	struct httpd *h = cls;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		open_connection(h, connection, context);
		return;
	}
	httpdclients_remove(&h->clients, c->client);
	httpdpolicy_unref(c->policy);
	free(c);
	*context = NULL;
}

/* --- the server --- */

/* The library's messages are about single clients, and end in a newline. */
static void PRINTF_LIKE(2, 0) on_message(void *cls, const char *fmt, va_list ap)
{
	char text[512];
	size_t len;

	(void)cls;
	if (!log_enabled(LOG_LEVEL_DEBUG))
		return;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	len = strcspn(text, "\n");
	log_debug("http: %.*s", (int)len, text);
}

static void keep_house(void *ctx)
{
	struct httpd *h = ctx;
	int64_t now_ms = clock_mono_ms();

	while (runloop_wait_until(&h->housekeeper, now_ms + TICK_MS)) {
		now_ms = clock_mono_ms();
		httpdclients_sweep(&h->clients, now_ms);
		httpdwatch_look(&h->watch, now_ms);
	}
}

static int start_daemon(struct httpd *h, struct err *err)
{
	int fd = httpdlisten_open(h->options.listen, err);
	bool tls = h->watch.current->tls != NULL;

	if (fd < 0)
		return -1;
	h->port = httpdlisten_port(fd);
	/* The logger comes first, so that it hears of the other options. Without the
	 * inter-thread channel (ITC) a stop would wait for the next event of a connection. */
	h->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC |
					     MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME |
					     (tls ? MHD_USE_TLS : MHD_NO_FLAG),
		0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL,
		MHD_OPTION_URI_LOG_CALLBACK, on_target, h, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, h, MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTPD_CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)STALL_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADERS_MAX,
		tls ? MHD_OPTION_HTTPS_CERT_CALLBACK : MHD_OPTION_END, httpdtls_placeholder(),
		MHD_OPTION_END);
	if (h->daemon)
		return 0;
	/* The library has closed the socket. */
	return err_set(
		err, ERR_RETRY, "listen '%s': the HTTP server did not start", h->options.listen);
}

/* A configuration file may bring users later. */
static int start_threads(struct httpd *h, struct err *err)
{
	if (h->options.web.file) {
		h->auth = httpdauth_start(err);
		if (!h->auth)
			return -1;
	}
	return runloop_start(&h->housekeeper, "httpd-house", keep_house, h, err);
}

struct httpd *httpd_start(const struct httpd_options *options, struct err *err)
{
	struct httpd *h = mem_zalloc(1, sizeof(*h));

	h->options = *options;
	httpdclients_init(&h->clients);
	/* Requests may come before this returns; everything they need is set before the daemon. */
	if (httpdwatch_init(&h->watch, &h->options.web, err) == 0 && start_threads(h, err) == 0 &&
		start_daemon(h, err) == 0)
		return h;
	httpd_stop(h);
	return NULL;
}

void httpd_stop(struct httpd *h)
{
	if (!h)
		return;
	runloop_stop(&h->housekeeper);
	/* Whose password is being checked is suspended, and the library cannot stop before. Of those
	 * whose token is, the gate has taken care. */
	httpdauth_stop(h->auth);
	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	httpdauth_free(h->auth);
	if (!runloop_join(&h->housekeeper, clock_mono_ms() + STOP_MS))
		return; /* a disk hangs; what the thread uses stays */
	httpdwatch_release(&h->watch);
	httpdclients_release(&h->clients);
	free(h);
}

unsigned httpd_port(const struct httpd *h)
{
	return h->port;
}

int httpd_check_address(const char *listen, struct err *err)
{
	return httpdlisten_check(listen, err);
}

int httpd_check_web(const struct webconfig_source *web, struct err *err)
{
	struct httpdpolicy *p = httpdpolicy_load(web, err);

	httpdpolicy_unref(p);
	return p ? 0 : -1;
}

void httpd_metrics(struct httpd *h, struct exposition *x)
{
	httpdclients_metrics(&h->clients, x);
	httpdwatch_metrics(&h->watch, x);
	httpdaccess_metrics(&h->access, h->options.gate, x);
}
