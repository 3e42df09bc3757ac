#include "sidecar/httpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/strbuf.h"

#define CONNECTIONS_MAX 1000
#define IDLE_S 30
#define HEADERS_MAX ((size_t)64 << 10)
#define BODY_MAX ((size_t)1 << 20)

/* The page has files of its own only, and shows nothing from elsewhere. */
#define CONTENT_SECURITY_POLICY                                                         \
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " \
	"img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

struct httpd {
	struct MHD_Daemon *daemon;
	httpd_handler *handler;
	void *ctx;
	unsigned port;
};

/* One request while it comes in. */
struct exchange {
	struct strbuf body;
	bool too_large;
};

/* --- the listening socket --- */

/* Made here and not by the library, which would only print why it could not. */
static int listen_on(const struct sockaddr *address, socklen_t len)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1, off = 0;
	int saved;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, address, len) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

static int listen_everywhere(unsigned port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = listen_on((struct sockaddr *)&six, sizeof(six));

	/* A kernel without IPv6, or one with it switched off. */
	if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
		fd = listen_on((struct sockaddr *)&four, sizeof(four));
	return fd;
}

static int listen_at(const char *host, unsigned port, const char *listen, struct err *err)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *list;
	char service[16];
	int fd = -1, rc;

	(void)snprintf(service, sizeof(service), "%u", port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc)
		return err_set(err, rc == EAI_AGAIN ? ERR_RETRY : ERR_CONFIG, "listen '%s': %s",
			listen, gai_strerror(rc));
	for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
		fd = listen_on(a->ai_addr, a->ai_addrlen);
	rc = errno;
	freeaddrinfo(list);
	errno = rc;
	return fd;
}

/* Takes "host:port" apart; the host is "" for all addresses. */
static int split_address(
	const char *listen, char *host, size_t room, unsigned *ret_port, struct err *err)
{
	const char *colon = strrchr(listen, ':');
	const char *from = listen, *to = colon;
	unsigned long port;
	char *end;

	if (!colon || colon[1] < '0' || colon[1] > '9')
		return err_set(err, ERR_CONFIG, "listen '%s': want host:port or :port", listen);
	port = strtoul(colon + 1, &end, 10);
	if (*end || port > 65535)
		return err_set(err, ERR_CONFIG, "listen '%s': port '%s' is not one of 0 to 65535",
			listen, colon + 1);
	if (*from == '[' && to[-1] == ']') {
		from++;
		to--;
	} else if (memchr(from, ':', (size_t)(to - from))) {
		return err_set(err, ERR_CONFIG,
			"listen '%s': an IPv6 address needs brackets, [::1]:9308", listen);
	}
	if ((size_t)(to - from) >= room)
		return err_set(err, ERR_CONFIG, "listen '%s': the host name is too long", listen);
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	*ret_port = (unsigned)port;
	return 0;
}

int httpd_check_address(const char *listen, struct err *err)
{
	char host[256] = "";
	unsigned port;

	return split_address(listen, host, sizeof(host), &port, err);
}

static int open_listener(const char *listen, struct err *err)
{
	char host[256] = "";
	unsigned port = 0;
	int fd;

	if (split_address(listen, host, sizeof(host), &port, err))
		return -1;
	errno = 0;
	fd = host[0] ? listen_at(host, port, listen, err) : listen_everywhere(port);
	if (fd < 0) /* without effect where the error is set already */
		return err_set(err,
			errno == EADDRINUSE || errno == EMFILE || errno == ENFILE ? ERR_RETRY
										  : ERR_CONFIG,
			"listen '%s': %s", listen, strerror(errno));
	return fd;
}

static unsigned port_of(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len))
		return 0;
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

/* --- replies --- */

static void free_text(void *text)
{
	free(text);
}

void httpd_reply_take(struct httpd_reply *reply, size_t i, char *text, size_t len)
{
	reply->parts[i] = (struct httpd_part){text, len, free_text, text};
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

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
	if (value)
		(void)MHD_add_response_header(response, name, value);
}

static enum MHD_Result send_reply(
	struct MHD_Connection *connection, const struct httpd_reply *reply)
{
	struct httpd_part *parts = mem_alloc(sizeof(reply->parts));
	struct MHD_IoVec iov[HTTPD_PARTS];
	struct MHD_Response *response;
	enum MHD_Result result;

	memcpy(parts, reply->parts, sizeof(reply->parts));
	for (size_t i = 0; i < HTTPD_PARTS; i++)
		iov[i] = (struct MHD_IoVec){parts[i].data, parts[i].len};
	response = MHD_create_response_from_iovec(iov, HTTPD_PARTS, release_parts, parts);
	if (!response) {
		release_parts(parts);
		return MHD_NO;
	}
	add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type);
	add_header(response, MHD_HTTP_HEADER_ALLOW, reply->allow);
	add_header(response, MHD_HTTP_HEADER_ETAG, reply->etag[0] ? reply->etag : NULL);
	add_header(response, "Content-Security-Policy", CONTENT_SECURITY_POLICY);
	add_header(response, "X-Content-Type-Options", "nosniff");
	result = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result send_too_large(struct MHD_Connection *connection)
{
	static const char text[] = "the request body is larger than 1 MiB\n";

	return send_reply(connection, &(struct httpd_reply){.status = MHD_HTTP_CONTENT_TOO_LARGE,
					      .content_type = "text/plain; charset=utf-8",
					      .parts = {{.data = text, .len = sizeof(text) - 1}}});
}

/* --- requests --- */

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void collect_body(struct exchange *x, const char *bytes, size_t len)
{
	/* A body without a length is read to its end even when it is refused: the library can
	 * answer only then. What is beyond the limit is dropped. */
	if (x->too_large || len > BODY_MAX - x->body.len) {
		x->too_large = true;
		strbuf_release(&x->body);
		return;
	}
	strbuf_add(&x->body, bytes, len);
}

static enum MHD_Result answer(struct httpd *h, struct MHD_Connection *connection, const char *path,
	const char *method, const struct exchange *x)
{
	const struct httpd_request request = {
		.method = strcmp(method, "HEAD") == 0 ? "GET" : method,
		.path = path,
		.body = strbuf_str(&x->body),
		.body_len = x->body.len,
		.if_none_match = header_of(connection, MHD_HTTP_HEADER_IF_NONE_MATCH),
	};
	struct httpd_reply reply = {.status = MHD_HTTP_OK};

	h->handler(h->ctx, &request, &reply);
	return send_reply(connection, &reply);
}

/* Called by the library when the headers are in, then for each piece of the body, then at its end.
 */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *body, size_t *body_len, void **state)
{
	struct exchange *x = *state;

	(void)version;
	if (!x) {
		const char *length = header_of(connection, "Content-Length");

		*state = mem_zalloc(1, sizeof(*x));
		if (length && strtoull(length, NULL, 10) > BODY_MAX)
			return send_too_large(connection);
		return MHD_YES;
	}
	if (*body_len) {
		collect_body(x, body, *body_len);
		*body_len = 0;
		return MHD_YES;
	}
	if (x->too_large)
		return send_too_large(connection);
	return answer(cls, connection, path, method, x);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *state;

	(void)cls;
	(void)connection;
	(void)code;
	if (!x)
		return;
	strbuf_release(&x->body);
	free(x);
	*state = NULL;
}

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

struct httpd *httpd_start(const char *listen, httpd_handler *handler, void *ctx, struct err *err)
{
	int fd = open_listener(listen, err);
	struct httpd *h;

	if (fd < 0)
		return NULL;
	h = mem_zalloc(1, sizeof(*h));
	h->handler = handler;
	h->ctx = ctx;
	h->port = port_of(fd);
	/* The logger comes first, so that it hears of the other options. Without the
	 * inter-thread channel (ITC) a stop would wait for the next event of a connection. */
	h->daemon =
		MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0,
			NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL,
			MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_LISTEN_SOCKET,
			fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
			MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
			MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADERS_MAX, MHD_OPTION_END);
	if (!h->daemon) {
		/* The library has closed the socket. */
		(void)err_set(err, ERR_RETRY, "listen '%s': the HTTP server did not start", listen);
		free(h);
		return NULL;
	}
	return h;
}

void httpd_stop(struct httpd *h)
{
	if (!h)
		return;
	MHD_stop_daemon(h->daemon);
	free(h);
}

unsigned httpd_port(const struct httpd *h)
{
	return h->port;
}
