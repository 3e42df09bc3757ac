/* Clients that mean no good, or do not know better: each must leave the server answering others
 * within 100 ms, in bounded memory. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/clock.h"
#include "common/mem.h"
#include "sidecar/httpd.h"
#include "sidecar/httpdclients.h"
#include "tests/tap.h"
#include "tests/unit/rawhttp.h"

#define MIB ((size_t)1 << 20)
#define LARGE (26 * MIB)
#define ANSWER_MS 100
#define IDLE 1000
#define READERS 40
#define DEADLINE_MS 10000

static atomic_int alive; /* large answers in memory */

static void release_large(void *owner)
{
	free(owner);
	alive--;
}

/* Each "/large" is another text, as of another snapshot. */
static void handle(void *ctx, const struct httpd_request *req, struct httpd_reply *reply)
{
	static const char fine[] = "fine\n";
	char *text;

	(void)ctx;
	reply->content_type = "text/plain";
	if (strcmp(req->path, "/large") != 0) {
		reply->parts[0] = (struct httpd_part){.data = fine, .len = sizeof(fine) - 1};
		return;
	}
	text = mem_alloc(LARGE);
	memset(text, 'x', LARGE);
	alive++;
	reply->parts[0] = (struct httpd_part){text, LARGE, release_large, text};
}

static struct httpd *start(void)
{
	static const char *const open_paths[] = {"/open", NULL};
	struct err err = {0};
	struct httpd *h = httpd_start(
		&(struct httpd_options){
			.listen = "127.0.0.1:0", .handler = handle, .open_paths = open_paths},
		&err);

	if (!h) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return h;
}

/* All of some requests are answered, each on a new connection, and most of them at once: a busy machine
 * may hold up a few. */
static bool answers(unsigned port)
{
	int served = 0, fast = 0;

	for (int i = 0; i < 20; i++) {
		int64_t began = clock_mono_ms();
		struct answer a = http_once(port, "GET /x", "", NULL);

		served += a.status == 200;
		fast += clock_mono_ms() - began < ANSWER_MS;
		answer_release(&a);
	}
	return served == 20 && fast > 10;
}

/* The first line of what is answered to these bytes, "" where the connection ends without. */
static char *answer_to(unsigned port, const char *bytes, size_t len, bool wait)
{
	struct strbuf line = STRBUF_INIT;
	int fd = http_connect(port, 0);
	char c;

	http_send(fd, bytes, len);
	(void)shutdown(fd, SHUT_WR);
	while (wait && recv(fd, &c, 1, 0) == 1 && c != '\r')
		strbuf_addc(&line, c);
	(void)close(fd);
	return strbuf_take(&line);
}

#define TEXT(s) s, sizeof(s) - 1
#define HOST "Host: x\r\n"

static const struct {
	const char *name, *bytes;
	size_t len;
	const char *line; /* it begins so; NULL: any, or none; "": the server waits for more */
} malformed[] = {
	{"nothing", TEXT(""), ""},
	{"an empty line", TEXT("\r\n\r\n"), ""},
	{"noise", TEXT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), ""},
	{"a NUL for a request", TEXT("\0\r\n\r\n"), ""},
	{"half a request line", TEXT("GET /x HT"), ""},
	{"no version", TEXT("GET /x\r\n" HOST "\r\n"), NULL},
	{"a version that is none", TEXT("GET /x HTTP/x\r\n" HOST "\r\n"), NULL},
	{"HTTP/2 in the clear", TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), NULL},
	{"spaces in the path", TEXT("GET /a b HTTP/1.1\r\n" HOST "\r\n"), NULL},
	{"a NUL in the path", TEXT("GET /x%00y HTTP/1.1\r\n" HOST "\r\n"), "HTTP/1.1 400"},
	{"a raw NUL in the path", TEXT("GET /x\0y HTTP/1.1\r\n" HOST "\r\n"), NULL},
	{"a NUL in a header", TEXT("GET /x HTTP/1.1\r\nHo\0st: x\r\n\r\n"), "HTTP/1.1 400"},
	{"a line without a colon", TEXT("GET /x HTTP/1.1\r\n" HOST "what\r\n\r\n"), "HTTP/1.1 400"},
	{"no Host", TEXT("GET /x HTTP/1.1\r\n\r\n"), "HTTP/1.1 400"},
	{"a length that is none", TEXT("POST /x HTTP/1.1\r\n" HOST "Content-Length: x\r\n\r\n"),
		"HTTP/1.1 400"},
	{"a length below zero", TEXT("POST /x HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n"),
		"HTTP/1.1 400"},
	{"a length beyond 64 bits",
		TEXT("POST /x HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n"),
		"HTTP/1.1 413"},
	{"two framings",
		TEXT("POST /x HTTP/1.1\r\n" HOST
		     "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		"HTTP/1.1 400"},
	{"two lengths",
		TEXT("POST /x HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 30\r\n\r\n"),
		"HTTP/1.1 400"},
	{"the same length twice",
		TEXT("POST /x HTTP/1.1\r\n" HOST "Content-Length: 0\r\ncontent-length: 0\r\n\r\n"),
		"HTTP/1.1 400"},
	{"two lengths in one", TEXT("POST /x HTTP/1.1\r\n" HOST "Content-Length: 0, 0\r\n\r\n"),
		"HTTP/1.1 400"},
	{"one framing twice",
		TEXT("POST /x HTTP/1.1\r\n" HOST
		     "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
		"HTTP/1.1 400"},
	{"an unknown framing after a known one",
		TEXT("POST /x HTTP/1.1\r\n" HOST
		     "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"),
		"HTTP/1.1 400"},
	{"a blank after a name", TEXT("POST /x HTTP/1.1\r\n" HOST "Content-Length : 30\r\n\r\n"),
		"HTTP/1.1 400"},
	{"a tab after a name",
		TEXT("GET /x HTTP/1.1\r\n" HOST "Transfer-Encoding\t: chunked\r\n\r\n"),
		"HTTP/1.1 400"},
	{"a blank in a name", TEXT("GET /x HTTP/1.1\r\n" HOST "Con tent: 1\r\n\r\n"),
		"HTTP/1.1 400"},
	{"an unknown framing", TEXT("POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\nx"),
		"HTTP/1.1 400"},
	{"a chunk that is none",
		TEXT("POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), NULL},
	{"a chunk beyond 64 bits",
		TEXT("POST /x HTTP/1.1\r\n" HOST
		     "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
		NULL},
	{"a path that is half encoded", TEXT("GET /%zz%2 HTTP/1.1\r\n" HOST "\r\n"),
		"HTTP/1.1 200"},
	{"an absolute path", TEXT("GET http://x:1/large/x HTTP/1.1\r\n" HOST "\r\n"),
		"HTTP/1.1 200"},
	{"an absolute path without one", TEXT("GET http://x HTTP/1.1\r\n" HOST "\r\n"),
		"HTTP/1.1 200"},
	{"HTTP/1.0", TEXT("GET /x HTTP/1.0\r\n\r\n"), "HTTP/1.1 200"},
	{"a method that nobody knows", TEXT("BREW /x HTTP/1.1\r\n" HOST "\r\n"), "HTTP/1.1 200"},
	{"no method", TEXT(" /x HTTP/1.1\r\n" HOST "\r\n"), NULL},
};

static void test_malformed(void)
{
	struct httpd *h = start();

	for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
		char *line = answer_to(httpd_port(h), malformed[i].bytes, malformed[i].len,
			!malformed[i].line || *malformed[i].line);

		if (!malformed[i].line)
			TAP_TRUE(malformed[i].name, !*line || strncmp(line, "HTTP/1.1 ", 9) == 0);
		else
			TAP_STR(malformed[i].name,
				(line[strnlen(line, strlen(malformed[i].line))] = '\0', line),
				malformed[i].line);
		free(line);
	}
	TAP_TRUE("and the server goes on", answers(httpd_port(h)));
	httpd_stop(h);
}

/* More than the server takes: the oldest ones give way. */
static void test_idle(void)
{
	struct httpd *h = start();
	struct rlimit files;
	int fds[IDLE], ended = 0;
	char c;

	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	for (int i = 0; i < IDLE; i++) {
		fds[i] = http_connect(httpd_port(h), 0);
		if (i % 2)
			http_send(fds[i], "GET /x HTTP/1.1\r\nHo", 19);
	}
	TAP_TRUE("idle connections shut nobody out", answers(httpd_port(h)));
	for (int i = 0; i < IDLE; i++)
		ended += recv(fds[i], &c, 1, MSG_DONTWAIT) == 0;
	TAP_TRUE("the oldest have given way", ended >= IDLE - HTTPD_CONNECTIONS_MAX);
	TAP_TRUE("the newest have not", recv(fds[IDLE - 1], &c, 1, MSG_DONTWAIT) < 0);
	for (int i = 0; i < IDLE; i++)
		(void)close(fds[i]);
	httpd_stop(h);
}

/* Who has asked for much and reads nothing keeps neither memory nor a place. */
static void test_never_reading(void)
{
	struct httpd *h = start();
	int fds[READERS], most = 0;
	int64_t deadline;

	for (int i = 0; i < READERS; i++) {
		struct answer a;

		fds[i] = http_connect(httpd_port(h), 4096);
		http_ask(fds[i], "GET /large", "", NULL);
		a = http_read_head(fds[i]);
		answer_release(&a);
		most = alive > most ? alive : most;
	}
	TAP_TRUE("few large answers are in memory at once", most <= 2 * HTTPD_ANSWERS_KEPT);
	deadline = clock_mono_ms() + DEADLINE_MS;
	while (alive > HTTPD_ANSWERS_KEPT + 1 && clock_mono_ms() < deadline)
		(void)answers(httpd_port(h));
	TAP_INT("as many as may be", alive, HTTPD_ANSWERS_KEPT + 1);
	TAP_TRUE("and others are answered", answers(httpd_port(h)));
	for (int i = 0; i < READERS; i++)
		(void)close(fds[i]);
	httpd_stop(h);
	TAP_INT("a stop releases all of them", alive, 0);
}

/* The server takes no bodies: no byte of one is waited for, and none becomes a request. */
static void test_bodies(void)
{
#define INNER "GET /x HTTP/1.1\r\n" HOST "\r\n"
	static const struct {
		const char *name, *bytes, *line;
	} rows[] = {
		{"a body is not waited for",
			"POST /x HTTP/1.1\r\n" HOST "Content-Length: 1000000\r\n\r\n",
			"HTTP/1.1 200"},
		{"nor where no password is asked for",
			"PUT /open HTTP/1.1\r\n" HOST "Content-Length: 1000000\r\n\r\nx",
			"HTTP/1.1 200"},
		{"nor chunks", "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
			"HTTP/1.1 200"},
		{"a GET with a body is refused",
			"GET /open HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n", "HTTP/1.1 413"},
		{"a GET with chunks is refused",
			"GET /x HTTP/1.1\r\n" HOST
			"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
			"HTTP/1.1 413"},
		{"a body of a POST is no request",
			"POST /x HTTP/1.1\r\n" HOST "Content-Length: 30\r\n\r\n" INNER,
			"HTTP/1.1 200"},
		{"a body of a GET neither",
			"GET /x HTTP/1.1\r\n" HOST "Content-Length: 30\r\n\r\n" INNER,
			"HTTP/1.1 413"},
		{"a body of a DELETE neither",
			"DELETE /x HTTP/1.1\r\n" HOST "Content-Length: 30\r\n\r\n" INNER,
			"HTTP/1.1 200"},
		{"a body of an unknown method neither",
			"BREW /x HTTP/1.1\r\n" HOST "Content-Length: 30\r\n\r\n" INNER,
			"HTTP/1.1 200"},
	};
	struct httpd *h = start();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int fd = http_connect(httpd_port(h), 0);
		struct strbuf got = STRBUF_INIT;
		char c;

		http_send(fd, rows[i].bytes, strlen(rows[i].bytes));
		(void)shutdown(fd, SHUT_WR);
		while (recv(fd, &c, 1, 0) == 1)
			strbuf_addc(&got, c);
		TAP_HAS(rows[i].name, strbuf_str(&got), rows[i].line);
		TAP_TRUE(
			"and that is the one answer", got.len && !strstr(got.data + 1, "HTTP/1.1"));
		strbuf_release(&got);
		(void)close(fd);
	}
	TAP_TRUE("and the server goes on", answers(httpd_port(h)));
	httpd_stop(h);
}

static void test_pipelined(void)
{
	struct strbuf text CLEANUP(strbuf_release) = STRBUF_INIT;
	struct httpd *h = start();
	int fd = http_connect(httpd_port(h), 0), served = 0;

	for (int i = 0; i < 1000; i++)
		strbuf_adds(&text, "GET /x HTTP/1.1\r\n" HOST "\r\n");
	http_send(fd, text.data, text.len);
	for (int i = 0; i < 1000; i++) {
		struct answer a = http_read(fd);

		served += a.status == 200;
		answer_release(&a);
	}
	TAP_INT("each of many requests at once has its answer", served, 1000);
	(void)close(fd);
	httpd_stop(h);
}

/* bcrypt at cost 10: each takes some 50 ms, so most are waiting when the server stops. */
static void test_stop_while_checking(void)
{
	static const char users[] =
		"basic_auth_users: { a: "
		"$2b$10$abcdefghijklmnopqrstuu23JPZtHcGhwXSF41f93o/7vBdDut3Xu }\n";
	char name[] = "/tmp/hexlag-hostile-XXXXXX";
	int fds[READERS], fd = mkstemp(name), refused = 0;
	struct httpd *h;
	int64_t began;

	(void)!write(fd, users, sizeof(users) - 1);
	(void)close(fd);
	h = httpd_start(
		&(struct httpd_options){
			.listen = "127.0.0.1:0", .handler = handle, .web = {.file = name}},
		NULL);
	for (int i = 0; h && i < READERS; i++) {
		fds[i] = http_connect(httpd_port(h), 0);
		http_ask(fds[i], "GET /x", "Authorization: Basic YTpi\r\n", NULL);
	}
	if (h) {
		struct answer a = http_read(fds[0]);

		refused = a.status;
		answer_release(&a);
	}
	TAP_INT("a wrong password is refused while others wait", refused, 401);
	began = clock_mono_ms();
	httpd_stop(h);
	TAP_TRUE("a stop waits for one hash at most", clock_mono_ms() - began < 1000);
	for (int i = 0; h && i < READERS; i++)
		(void)close(fds[i]);
	(void)unlink(name);
}

int main(void)
{
	test_malformed();
	test_idle();
	test_never_reading();
	test_bodies();
	test_pipelined();
	test_stop_while_checking();
	return tap_done();
}
