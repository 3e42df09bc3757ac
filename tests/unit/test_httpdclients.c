#include "sidecar/httpdclients.h"

#include <sys/socket.h>
#include <unistd.h>

#include "tests/tap.h"

#define MIB ((size_t)1 << 20)

/* A byte now and then is progress, but no request. The server's time limits are too long for a test;
 * httpdclients_sweep() is given the time that it would see. */
static void test_limits(void)
{
	static const struct {
		const char *name;
		enum httpdclient_state state;
		int64_t limit_ms;
	} rows[] = {
		{"headers that drip", CLIENT_CONNECTED, HTTPD_HEAD_S * 1000},
		{"a pause between requests", CLIENT_WAITING, HTTPD_IDLE_S * 1000},
		{"a body that drips", CLIENT_ASKING, HTTPD_BODY_S * 1000},
		{"an answer that is read by drips", CLIENT_ANSWERED, HTTPD_SEND_S * 1000},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct httpdclients all;
		struct httpdclient *client;
		int pair[2];
		char c;

		(void)socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
		httpdclients_init(&all);
		client = httpdclients_add(&all, pair[0], 0);
		httpdclients_mark(&all, client, rows[i].state, NULL, 5000);
		httpdclients_sweep(&all, 5000 + rows[i].limit_ms);
		TAP_TRUE(rows[i].name, recv(pair[1], &c, 1, MSG_DONTWAIT) < 0);
		httpdclients_sweep(&all, 5001 + rows[i].limit_ms);
		TAP_INT(rows[i].name, recv(pair[1], &c, 1, MSG_DONTWAIT), 0);
		httpdclients_sweep(&all, 9000 + rows[i].limit_ms);
		TAP_INT("is cut off once", all.late[rows[i].state], 1);
		httpdclients_remove(&all, client);
		TAP_INT("and is gone then", all.leaving + all.count, 0);
		httpdclients_release(&all);
		(void)close(pair[0]);
		(void)close(pair[1]);
	}
	TAP_TRUE("a scrape each minute finds its connection", HTTPD_IDLE_S > 60);
}

/* Clients that read answers; client i has begun at i. */
struct readers {
	struct httpdclients all;
	struct httpdclient *clients[HTTPD_CONNECTIONS];
	int pair[2];
};

static void readers_open(struct readers *r)
{
	(void)socketpair(AF_UNIX, SOCK_STREAM, 0, r->pair);
	httpdclients_init(&r->all);
	for (int i = 0; i < HTTPD_CONNECTIONS; i++)
		r->clients[i] = httpdclients_add(&r->all, r->pair[0], i);
}

static void readers_close(struct readers *r)
{
	for (int i = 0; i < HTTPD_CONNECTIONS; i++)
		httpdclients_remove(&r->all, r->clients[i]);
	TAP_INT("nothing is left of them", r->all.bytes[0] + r->all.bytes[1], 0);
	httpdclients_release(&r->all);
	(void)close(r->pair[0]);
	(void)close(r->pair[1]);
}

/* What slow readers keep in memory is bounded in bytes, of many small answers, too. */
static void test_bytes(void)
{
	static const struct {
		const char *name;
		size_t shared_bytes, own_bytes;
		size_t sharing; /* so many read the same */
		int kept;
	} rows[] = {
		{"a few large ones", 26 * MIB, 0, 1, HTTPD_ANSWERS_KEPT + 1},
		{"however large", 260 * MIB, 0, 1, HTTPD_ANSWERS_KEPT},
		{"many below 1 MiB", MIB - 1, 0, 1, HTTPD_ANSWERS_KEPT + 32},
		{"one that all share", 26 * MIB, 0, HTTPD_CONNECTIONS, HTTPD_CONNECTIONS},
		{"two that all share", 26 * MIB, 0, HTTPD_CONNECTIONS / 2, HTTPD_CONNECTIONS},
		{"one that all share, and more of their own", 16 * MIB, MIB, HTTPD_CONNECTIONS, 32},
		{"small ones", 1000, 100, 1, HTTPD_CONNECTIONS},
	};
	static const char texts[HTTPD_CONNECTIONS];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct readers r;

		readers_open(&r);
		for (size_t k = 0; k < HTTPD_CONNECTIONS; k++)
			httpdclients_mark(&r.all, r.clients[k], CLIENT_ANSWERED,
				&(struct httpdweight){HTTPD_DOCUMENT, &texts[k / rows[i].sharing],
					rows[i].shared_bytes, rows[i].own_bytes},
				1000);
		TAP_INT(rows[i].name, HTTPD_CONNECTIONS - r.all.leaving, rows[i].kept);
		TAP_INT("and is counted so", r.all.outdated, r.all.leaving);
		readers_close(&r);
	}
}

static void test_kinds(void)
{
	static const char texts[HTTPD_CONNECTIONS];
	struct httpdweight scrape = {HTTPD_EXPOSITION, &texts[0], 26 * MIB, 0};
	struct readers r;

	readers_open(&r);
	httpdclients_mark(&r.all, r.clients[0], CLIENT_ANSWERED, &scrape, 1000);
	for (size_t k = 1; k < 100; k++)
		httpdclients_mark(&r.all, r.clients[k], CLIENT_ANSWERED,
			&(struct httpdweight){HTTPD_DOCUMENT, &texts[k], 26 * MIB, 0}, 1000);
	TAP_INT("readers of documents end each other", r.all.outdated, 98 - HTTPD_ANSWERS_KEPT);
	for (size_t k = 100; k < 103; k++) {
		scrape.shared = &texts[k];
		httpdclients_mark(&r.all, r.clients[k], CLIENT_ANSWERED, &scrape, 1000);
	}
	TAP_INT("but no scrape, which is the fourth of its kind", r.all.outdated,
		98 - HTTPD_ANSWERS_KEPT);
	readers_close(&r);
}

/* Who waits for its client goes before who is being served. */
static void test_who_gives_way(void)
{
	struct httpdclient *clients[HTTPD_CONNECTIONS + 2];
	struct httpdclients all;
	int pair[2];

	(void)socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	httpdclients_init(&all);
	for (int i = 0; i < HTTPD_CONNECTIONS; i++) {
		clients[i] = httpdclients_add(&all, dup(pair[0]), i);
		httpdclients_mark(
			&all, clients[i], i == 7 ? CLIENT_WAITING : CLIENT_ANSWERED, NULL, i);
	}
	TAP_INT("nobody gives way while there is room", all.displaced, 0);
	clients[HTTPD_CONNECTIONS] = httpdclients_add(&all, pair[0], 1000);
	TAP_INT("one gives way to the next", all.displaced, 1);
	httpdclients_remove(&all, clients[7]);
	TAP_INT("it is the one that has nothing to do", all.leaving, 0);
	clients[HTTPD_CONNECTIONS + 1] = httpdclients_add(&all, pair[1], 1001);
	httpdclients_remove(&all, clients[HTTPD_CONNECTIONS]);
	TAP_INT("or else the newest that waits", all.leaving, 0);
	httpdclients_release(&all);
}

int main(void)
{
	test_limits();
	test_bytes();
	test_kinds();
	test_who_gives_way();
	return tap_done();
}
