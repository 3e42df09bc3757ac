#include "tests/mock/apifault.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/attr.h"
#include "common/strbuf.h"

#define OVERSIZE ((size_t)5 << 20)

void apifault_send(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

void apifault_answer(int fd, int status, const char *headers, const char *body)
{
	struct strbuf out CLEANUP(strbuf_release) = STRBUF_INIT;

	strbuf_addf(&out, "HTTP/1.1 %d Whatever\r\n%sContent-Length: %zu\r\n\r\n%s", status,
		headers, strlen(body), body);
	apifault_send(fd, out.data, out.len);
}

static void send_repeated(int fd, const char *text, size_t bytes)
{
	char block[1024];
	size_t len = strlen(text);

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = text[i % len];
	for (size_t sent = 0; sent < bytes; sent += sizeof(block))
		apifault_send(fd, block, sizeof(block));
}

bool apifault_commit(int fd, const struct apiserver_fault *f)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
	char length[64];

	(void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n\r\n", OVERSIZE);
	switch (f->kind) {
	case APISERVER_STATUS:
		apifault_answer(
			fd, f->status, f->headers ? f->headers : "", f->body ? f->body : "");
		return true;
	case APISERVER_HANG:
	case APISERVER_SWALLOW:
		return true;
	case APISERVER_CLOSE:
		return false;
	case APISERVER_TRUNCATE:
		apifault_send(fd, ok, strlen(ok));
		apifault_send(fd, "Content-Length: 100\r\n\r\n{\"kind\":", 31);
		return false;
	case APISERVER_GARBAGE:
		apifault_send(fd, "\x16\x03\x01 this is not HTTP\n", 21);
		return false;
	case APISERVER_OVERSIZE:
	case APISERVER_ENDLESS:
		apifault_send(fd, ok, strlen(ok));
		apifault_send(fd, f->kind == APISERVER_OVERSIZE ? length : "\r\n",
			f->kind == APISERVER_OVERSIZE ? strlen(length) : 2);
		send_repeated(fd, "[", OVERSIZE);
		return false;
	case APISERVER_HEADERS:
		apifault_send(fd, ok, strlen(ok));
		send_repeated(fd, "X-Padding: aaaa\r\n", 17 * 1024 * 60);
		return false;
	}
	return false;
}
