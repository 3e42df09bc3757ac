/* Made-up bytes on a connection to a server of the test. */
#ifndef HEXLAG_WIRE_H
#define HEXLAG_WIRE_H

#include <poll.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/rawhttp.h"

#define WIRE_WAIT_MS 5 /* for who has sent half a request there is no answer to wait for */

/* The connection is reset, so that no thousands of them linger. */
static inline void wire_hang_up(int fd)
{
	const struct linger now = {.l_onoff = 1};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	(void)close(fd);
}

static inline void wire_send(unsigned port, const uint8_t *bytes, size_t len)
{
	struct pollfd wait = {.fd = http_connect(port, 0), .events = POLLIN};
	char answer[9] = "";
	ssize_t n = 0;

	FUZZ_CHECK(wait.fd >= 0);
	http_send(wait.fd, (const char *)bytes, len);
	http_send(wait.fd, "\r\n\r\n", 4);
	if (poll(&wait, 1, WIRE_WAIT_MS) == 1)
		n = recv(wait.fd, answer, sizeof(answer), 0);
	FUZZ_CHECK(n < (ssize_t)sizeof(answer) || memcmp(answer, "HTTP/1.1 ", sizeof(answer)) == 0);
	wire_hang_up(wait.fd);
}

#endif
