/* Passes connections on to a Kafka broker and counts the requests that go through:
 *
 *   requests PORT BROKER_PORT
 *
 * Both are ports of 127.0.0.1. For each line read from stdin one is printed: the requests so far, bytes
 * to the broker, bytes from it, then KEY:COUNT for each API key that was seen. Ends when stdin does.
 * The broker has to tell its clients PORT as its address (tests/world/up --proxied). */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEYS_MAX 128

/* A request begins with its size without these four bytes, then its API key, all big-endian. */
#define SIZE_BYTES 4
#define KEY_BYTES 2

struct frames {
	uint8_t head[SIZE_BYTES + KEY_BYTES];
	size_t have;   /* bytes of the head */
	uint32_t skip; /* bytes until the next head */
};

/* Two threads have one each: it frees itself, and the last one closes the sockets. */
struct direction {
	int from, to;
	_Atomic uint64_t *bytes;
	struct frames *frames; /* NULL: nothing is counted */
	atomic_int *users;
};

static _Atomic uint64_t counts[KEYS_MAX], to_broker, from_broker;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void count_request(struct frames *f)
{
	const uint8_t *h = f->head;
	uint32_t size = (uint32_t)h[0] << 24 | (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 | h[3];
	unsigned key = (unsigned)h[4] << 8 | h[5];

	if (key < KEYS_MAX)
		atomic_fetch_add(&counts[key], 1);
	f->skip = size > KEY_BYTES ? size - KEY_BYTES : 0;
	f->have = 0;
}

static void count_requests(struct frames *f, const uint8_t *data, size_t len)
{
	while (len) {
		size_t take = f->skip ? f->skip : sizeof(f->head) - f->have;

		if (take > len)
			take = len;
		if (f->skip) {
			f->skip -= (uint32_t)take;
		} else {
			memcpy(f->head + f->have, data, take);
			f->have += take;
			if (f->have == sizeof(f->head))
				count_request(f);
		}
		data += take;
		len -= take;
	}
}

static int send_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return -1;
		data += sent;
		len -= (size_t)sent;
	}
	return 0;
}

static void *pass_on(void *arg)
{
	struct direction *d = arg;
	static _Thread_local uint8_t buffer[65536];
	ssize_t got;

	while ((got = recv(d->from, buffer, sizeof(buffer), 0)) > 0) {
		atomic_fetch_add(d->bytes, (uint64_t)got);
		if (d->frames)
			count_requests(d->frames, buffer, (size_t)got);
		if (send_all(d->to, buffer, (size_t)got) < 0)
			break;
	}
	(void)shutdown(d->from, SHUT_RDWR);
	(void)shutdown(d->to, SHUT_RDWR);
	if (atomic_fetch_sub(d->users, 1) == 1) {
		(void)close(d->from);
		(void)close(d->to);
		free(d->users);
	}
	free(d->frames);
	free(d);
	return NULL;
}

static void *must_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		die("memory");
	return p;
}

static void start_direction(struct direction from)
{
	struct direction *d = must_alloc(sizeof(*d));
	pthread_t thread;

	*d = from;
	if (pthread_create(&thread, NULL, pass_on, d) != 0)
		die("thread");
	(void)pthread_detach(thread);
}

static struct sockaddr_in local(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void start_connection(int client, int broker_port)
{
	struct sockaddr_in address = local(broker_port);
	int broker = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	atomic_int *users;

	if (broker < 0)
		die("socket");
	if (connect(broker, (struct sockaddr *)&address, sizeof(address)) < 0) {
		(void)close(client); /* as if the broker had refused it */
		(void)close(broker);
		return;
	}
	(void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(broker, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	users = must_alloc(sizeof(*users));
	atomic_init(users, 2);
	start_direction((struct direction){
		client, broker, &to_broker, must_alloc(sizeof(struct frames)), users});
	start_direction((struct direction){broker, client, &from_broker, NULL, users});
}

static void *tell(void *unused)
{
	char line[16];

	(void)unused;
	while (fgets(line, sizeof(line), stdin)) {
		uint64_t all = 0;

		for (size_t key = 0; key < KEYS_MAX; key++)
			all += atomic_load(&counts[key]);
		(void)printf("%" PRIu64 " %" PRIu64 " %" PRIu64, all, atomic_load(&to_broker),
			atomic_load(&from_broker));
		for (size_t key = 0; key < KEYS_MAX; key++)
			if (atomic_load(&counts[key]))
				(void)printf(" %zu:%" PRIu64, key, atomic_load(&counts[key]));
		(void)printf("\n");
		(void)fflush(stdout);
	}
	exit(0);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address;
	int listener, on = 1;
	pthread_t thread;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: requests PORT BROKER_PORT\n");
		return 2;
	}
	address = local(atoi(argv[1]));
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(listener, 64) < 0)
		die(argv[1]);
	if (pthread_create(&thread, NULL, tell, NULL) != 0)
		die("thread");
	for (;;) {
		int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (client >= 0)
			start_connection(client, atoi(argv[2]));
	}
}
