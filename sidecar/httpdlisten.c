#include "sidecar/httpdlisten.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
		if (from >= to)
			return err_set(
				err, ERR_CONFIG, "listen '%s': no address in the brackets", listen);
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

int httpdlisten_check(const char *listen, struct err *err)
{
	char host[256] = "";
	unsigned port;

	return split_address(listen, host, sizeof(host), &port, err);
}

int httpdlisten_open(const char *listen, struct err *err)
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

unsigned httpdlisten_port(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len))
		return 0;
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}
