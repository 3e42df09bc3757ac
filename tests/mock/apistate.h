/* What the files of the fake API server of apiserver.h share. */
#ifndef HEXLAG_TESTS_APISTATE_H
#define HEXLAG_TESTS_APISTATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/strbuf.h"
#include "tests/mock/apileases.h"
#include "tests/mock/apiobjects.h"
#include "tests/mock/apiserver.h"
#include "tests/mock/apiwatch.h"

#define CONNECTIONS_MAX 32
#define APISTATE_WAIT_MS 10000 /* for what a test expects to come */

struct connection {
	int fd; /* -1: free */
	struct strbuf in;
	bool hung; /* never to be answered, or a watch */
};

struct apiserver {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t counted;
	int listener, wake[2];
	unsigned port;
	char url[64];
	struct connection connections[CONNECTIONS_MAX];
	/* Guarded by the lock: */
	struct apiobjects objects;
	struct apileases leases;
	struct apiwatch watch;
	struct apiserver_accepting {
		const char *method, *path_has;
	} * accepting;
	size_t accepting_count;
	char **taken; /* bodies of accepted requests */
	size_t taken_count;
	struct apiserver_fault *faults;
	size_t fault_count;
	const char *token;
	unsigned accepted;
	unsigned gets, puts, others;
	char *last; /* head and body of the last request */
	size_t last_head;
};

/* With the lock held: whether such a request is accepted as it is; keeps its body. */
bool apistate_accept(
	struct apiserver *s, const char *method, const char *path, const char *body, size_t len);

#endif
