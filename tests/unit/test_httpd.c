#include "sidecar/httpd.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "tests/tap.h"
#include "tests/unit/rawhttp.h"

#define MIB ((size_t)1 << 20)
#define BIG (64 * MIB)
#define CONNECTIONS 300

static char *big; /* more than the kernel takes for a client that does not read */
static atomic_int given, released;

static void release_big(void *owner)
{
	released += owner == big;
}

static void handle(void *ctx, const struct httpd_request *req, struct httpd_reply *reply)
{
	(void)ctx;
	reply->content_type = "text/plain";
	if (strcmp(req->path, "/empty") == 0) {
		reply->status = 204;
	} else if (strcmp(req->path, "/big") == 0) {
		given++;
		reply->parts[0] = (struct httpd_part){"[", 1, NULL, NULL};
		reply->parts[1] = (struct httpd_part){big, BIG, release_big, big};
	} else if (strcmp(req->path, "/allow") == 0) {
		reply->status = 405;
		reply->allow = "GET, HEAD";
		reply->parts[1] = (struct httpd_part){"no\n", 3, NULL, NULL};
	} else {
		struct strbuf text = STRBUF_INIT;

		strbuf_addf(&text, "%s %s %zu ", req->method, req->path, req->body_len);
		httpd_reply_take(reply, 0, &text);
		strbuf_add(&text, req->body, req->body_len);
		httpd_reply_take(reply, 1, &text);
	}
}

static struct httpd *start_at(const char *listen, struct err *err)
{
	return httpd_start(
		&(struct httpd_options){.listen = listen, .handler = handle, .body_max = MIB}, err);
}

static struct httpd *start(void)
{
	struct err err = {0};
	struct httpd *h = start_at("127.0.0.1:0", &err);

	if (!h)
		printf("Bail out! %s\n", err.msg);
	if (!h)
		exit(1);
	return h;
}

static void test_bad_addresses(void)
{
	static const struct {
		const char *name, *listen, *error;
	} rows[] = {
		{"an address needs a port", "localhost",
			"listen 'localhost': want host:port or :port"},
		{"a port is a number", ":http", "listen ':http': want host:port or :port"},
		{"a port ends with its digits", ":93x",
			"listen ':93x': port '93x' is not one of 0 to 65535"},
		{"a port has 16 bits", ":65536",
			"listen ':65536': port '65536' is not one of 0 to 65535"},
		{"brackets hold an address", "[]:9308",
			"listen '[]:9308': no address in the brackets"},
		{"an IPv6 address needs brackets", "::1:9308",
			"listen '::1:9308': an IPv6 address needs brackets, [::1]:9308"},
		{"an address is one of this machine", "192.0.2.1:0",
			"listen '192.0.2.1:0': Cannot assign requested address"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};
		struct httpd *h = start_at(rows[i].listen, &err);

		TAP_TRUE(rows[i].name, h == NULL);
		TAP_STR(rows[i].name, err.msg, rows[i].error);
		TAP_INT(rows[i].name, err.kind, ERR_CONFIG);
		httpd_stop(h);
	}
}

static void test_addresses(void)
{
	static const char *const listens[] = {":0", "127.0.0.1:0", "localhost:0"};
	struct httpd *first = NULL, *second;
	CLEANUP(mem_free_at) char *taken = NULL;
	CLEANUP(mem_free_at) char *want = NULL;
	struct err err = {0};

	for (size_t i = 0; i < ARRAY_LEN(listens); i++) {
		struct answer a;

		httpd_stop(first);
		first = start_at(listens[i], NULL);
		TAP_TRUE(listens[i], first && httpd_port(first) != 0);
		/* "localhost" may be IPv6 only, where this client does not go. */
		if (!first || i == 2)
			continue;
		a = http_once(httpd_port(first), "GET /x", "", NULL);
		TAP_INT(listens[i], a.status, 200);
		answer_release(&a);
	}
	httpd_stop(first);
	first = start_at(":0", NULL);
	taken = mem_printf(":%u", httpd_port(first));
	want = mem_printf("listen '%s': Address already in use", taken);
	second = start_at(taken, &err);
	TAP_TRUE("a port in use is refused", second == NULL);
	TAP_STR("in plain words", err.msg, want);
	TAP_INT("which can pass", err.kind, ERR_RETRY);
	httpd_stop(first);
	first = start_at(taken, &err);
	TAP_TRUE("a port is free again after a stop", first != NULL);
	httpd_stop(first);
}

static void test_requests(void)
{
	static const struct {
		const char *name, *what, *headers, *body;
		int status;
		const char *head, *text;
	} rows[] = {
		{"a path comes without its query", "GET /a?b=c", "", NULL, 200, "", "GET /a 0 "},
		{"a path comes decoded", "GET /a%20b", "", NULL, 200, "", "GET /a b 0 "},
		{"a body comes whole", "POST /p", "", "hello", 200, "", "POST /p 5 hello"},
		{"an empty body is none", "POST /p", "", "", 200, "", "POST /p 0 "},
		{"a chunked body comes as one", "PUT /p",
			"Transfer-Encoding: chunked\r\n\r\n3\r\nabc"
			"\r\n2\r\nde\r\n0\r\n",
			NULL, 200, "", "PUT /p 5 abcde"},
		{"the content type is sent", "GET /a", "", NULL, 200,
			"\r\nContent-Type: text/plain\r\n", "GET /a 0 "},
		{"browsers may not guess it", "GET /a", "", NULL, 200,
			"\r\nX-Content-Type-Options: nosniff\r\n", "GET /a 0 "},
		{"a reply may have no body", "GET /empty", "", NULL, 204, "", ""},
		{"a 405 names what is allowed", "GET /allow", "", NULL, 405,
			"\r\nAllow: GET, HEAD\r\n", "no\n"},
		{"HEAD has the length of GET but no body", "HEAD /a", "", NULL, 200,
			"\r\nContent-Length: 9\r\n", ""},
	};
	struct httpd *h = start();
	int fd = http_connect(httpd_port(h), 0);

	/* All on one connection: each also shows that the one before left it usable. */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct answer a;

		http_ask(fd, rows[i].what, rows[i].headers, rows[i].body);
		a = http_read_head(fd);
		if (strncmp(rows[i].what, "HEAD", 4) != 0)
			http_read_body(fd, &a);
		TAP_INT(rows[i].name, a.status, rows[i].status);
		TAP_HAS(rows[i].name, strbuf_str(&a.head), rows[i].head);
		TAP_STR(rows[i].name, strbuf_str(&a.body), rows[i].text);
		answer_release(&a);
	}
	(void)close(fd);
	httpd_stop(h);
}

static int status_of_body(unsigned port, size_t len, bool announce_only)
{
	CLEANUP(mem_free_at) char *body = mem_alloc(len + 1);
	CLEANUP(mem_free_at) char *length = mem_printf("Content-Length: %zu\r\n", len);
	int fd = http_connect(port, 0), status;
	struct answer a;

	memset(body, 'x', len);
	body[len] = '\0';
	http_ask(fd, "POST /p", announce_only ? length : "", announce_only ? NULL : body);
	a = http_read(fd);
	status = a.status;
	answer_release(&a);
	(void)close(fd);
	return status;
}

/* Chunks of 64 KiB, `count` of them. */
static int status_of_chunks(unsigned port, size_t count)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(mem_free_at) char *chunk = mem_zalloc(65536, 1);
	int fd = http_connect(port, 0), status;
	struct answer a;

	for (size_t i = 0; i < count; i++) {
		strbuf_adds(&text, "10000\r\n");
		strbuf_add(&text, chunk, 65536);
		strbuf_adds(&text, "\r\n");
	}
	strbuf_adds(&text, "0\r\n\r\n");
	http_ask(fd, "POST /p", "Transfer-Encoding: chunked\r\n", NULL);
	http_send(fd, text.data, text.len);
	a = http_read(fd);
	status = a.status;
	answer_release(&a);
	(void)close(fd);
	return status;
}

static void test_limits(void)
{
	struct httpd *h = start();
	unsigned port = httpd_port(h);
	CLEANUP(strbuf_release) struct strbuf header = STRBUF_INIT;
	struct answer a;

	TAP_INT("a body of 1 MiB is taken", status_of_body(port, MIB, false), 200);
	TAP_INT("one byte more is refused before it is sent", status_of_body(port, MIB + 1, true),
		413);
	TAP_INT("chunks of 1 MiB are taken", status_of_chunks(port, 16), 200);
	TAP_INT("one more is refused", status_of_chunks(port, 17), 413);
	TAP_INT("many more are read and refused", status_of_chunks(port, 160), 413);
	strbuf_adds(&header, "X-Long: ");
	for (int i = 0; i < 70000; i++)
		strbuf_addc(&header, 'x');
	strbuf_adds(&header, "\r\n");
	a = http_once(port, "GET /x", header.data, NULL);
	TAP_INT("headers of more than 64 KiB are refused", a.status, 431);
	answer_release(&a);
	a = http_once(port, "GET /x", "", NULL);
	TAP_INT("and the next client is served", a.status, 200);
	answer_release(&a);
	httpd_stop(h);
}

static void test_large_reply(void)
{
	struct httpd *h = start();
	struct answer a = http_once(httpd_port(h), "GET /big", "", NULL);
	int fd = http_connect(httpd_port(h), 4096);

	TAP_INT("all parts are sent", a.body.len, BIG + 1);
	TAP_TRUE("in order", a.body.len == BIG + 1 && a.body.data[0] == '[' &&
				     memcmp(a.body.data + 1, big, BIG) == 0);
	answer_release(&a);
	http_ask(fd, "GET /big", "", NULL);
	a = http_read_head(fd);
	(void)close(fd);
	answer_release(&a);
	httpd_stop(h);
	TAP_INT("a part is released once, also when its reader left", released, given);
	TAP_INT("and that was two", given, 2);
}

static void test_stop_with_connections(void)
{
	struct httpd *h = start();
	int fds[CONNECTIONS], served = 0, ended = 0;
	int64_t began;
	char c;

	for (int i = 0; i < CONNECTIONS; i++) {
		struct answer a;

		fds[i] = http_connect(httpd_port(h), i % 50 ? 0 : 4096);
		/* Some have sent half a request, some do not read their answer. */
		http_ask(fds[i], i % 50 ? "GET /x" : "GET /big", "", NULL);
		a = http_read_head(fds[i]);
		if (i % 50)
			http_read_body(fds[i], &a);
		served += a.status == 200;
		answer_release(&a);
		if (i % 3 == 1)
			http_send(fds[i], "GET /y HTTP/1.1\r\nHo", 19);
	}
	TAP_INT("many connections are open at once", served, CONNECTIONS);
	began = clock_mono_ms();
	httpd_stop(h);
	TAP_TRUE("a stop waits for none of them", clock_mono_ms() - began < 5000);
	for (int i = 0; i < CONNECTIONS; i++) {
		if (i % 50)
			ended += recv(fds[i], &c, 1, 0) <= 0;
		(void)close(fds[i]);
	}
	TAP_INT("and closes them", ended, CONNECTIONS - CONNECTIONS / 50);
	TAP_INT("with all parts released", released, given);
}

int main(void)
{
	big = mem_alloc(BIG);
	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)('a' + i % 23);
	test_bad_addresses();
	test_addresses();
	test_requests();
	test_limits();
	test_large_reply();
	test_stop_with_connections();
	httpd_stop(NULL);
	free(big);
	return tap_done();
}
