/* An HTTP client of a page for tests: blocking, one socket, nothing hidden. Reads give up after 10
 * s, so that a server that hangs fails a test instead of stopping it. */
#ifndef HEXLAG_RAWHTTP_H
#define HEXLAG_RAWHTTP_H

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/strbuf.h"

struct answer {
	int status; /* 0: the connection ended before an answer */
	size_t length;
	struct strbuf head, body;
};

static inline void answer_release(struct answer *a)
{
	strbuf_release(&a->head);
	strbuf_release(&a->body);
}

/* `receive_room` bounds what the kernel buffers for a slow reader; 0: the default. */
static inline int http_connect(unsigned port, int receive_room)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timeval limit = {.tv_sec = 10};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (receive_room)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_room, sizeof(receive_room));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static inline void http_send(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return; /* the missing answer tells */
		bytes += n;
		len -= (size_t)n;
	}
}

/* Sends "METHOD PATH" with more header lines ("Name: value\r\n") and a body, NULL: none. */
static inline void http_ask(int fd, const char *what, const char *headers, const char *body)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_addf(&text, "%s HTTP/1.1\r\nHost: test\r\n%s", what, headers);
	if (body)
		strbuf_addf(&text, "Content-Length: %zu\r\n", strlen(body));
	strbuf_adds(&text, "\r\n");
	strbuf_adds(&text, body ? body : "");
	http_send(fd, text.data, text.len);
	strbuf_release(&text);
}

static inline struct answer http_read_head(int fd)
{
	struct answer a = {0};
	const char *length;
	char c;

	while (!strstr(strbuf_str(&a.head), "\r\n\r\n") && recv(fd, &c, 1, 0) == 1)
		strbuf_addc(&a.head, c);
	length = strcasestr(strbuf_str(&a.head), "\r\nContent-Length: ");
	a.length = length ? strtoul(length + 18, NULL, 10) : 0;
	a.status = a.head.len > 12 ? atoi(a.head.data + 9) : 0;
	return a;
}

static inline void http_read_body(int fd, struct answer *a)
{
	char chunk[65536];

	while (a->body.len < a->length) {
		size_t want = a->length - a->body.len;
		ssize_t n = recv(fd, chunk, want < sizeof(chunk) ? want : sizeof(chunk), 0);

		if (n <= 0)
			return;
		strbuf_add(&a->body, chunk, (size_t)n);
	}
}

static inline struct answer http_read(int fd)
{
	struct answer a = http_read_head(fd);

	http_read_body(fd, &a);
	return a;
}

/* One request on a connection of its own. */
static inline struct answer http_once(
	unsigned port, const char *what, const char *headers, const char *body)
{
	int fd = http_connect(port, 0);
	struct answer a;

	http_ask(fd, what, headers, body);
	a = http_read(fd);
	(void)close(fd);
	return a;
}

#endif
