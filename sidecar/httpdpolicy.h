/* The web configuration in force, with its certificates, read again when a file of it has changed.
 * One that cannot be read leaves the one before in force. */
#ifndef HEXLAG_HTTPDPOLICY_H
#define HEXLAG_HTTPDPOLICY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/filemark.h"
#include "common/strbuf.h"
#include "sidecar/webconfig.h"

struct exposition;

#define HTTPDPOLICY_FILES 4

/* Of the configuration file, the certificate, its key, and the clients' authority. */
struct httpdpolicy_marks {
	struct filemark of[HTTPDPOLICY_FILES];
};

/* Frozen once loaded. Thread: any. */
struct httpdpolicy {
	atomic_uint refs;
	struct webconfig config;
	struct httpdtls *tls; /* NULL: plain HTTP */
	struct httpdpolicy_marks marks;
};

/* The caller gets a reference. NULL and ERR_CONFIG where a file is at fault. */
struct httpdpolicy *httpdpolicy_load(const struct webconfig_source *source, struct err *err)
	MUSTCHECK;
struct httpdpolicy *httpdpolicy_ref(struct httpdpolicy *p);
void httpdpolicy_unref(struct httpdpolicy *p); /* NULL is fine */

struct httpdwatch {
	const struct webconfig_source *source; /* borrowed */
	pthread_mutex_t lock;                  /* of `current` and `ok` */
	struct httpdpolicy *current;
	bool ok;
	struct httpdpolicy_marks read, seen; /* at the last reading, at the last look */
	int64_t retry_ms;                    /* of one that failed */
	char *complaint;                     /* said last */
};

/* Loads for the first time. -1 where that fails; to be released in both cases. */
int httpdwatch_init(struct httpdwatch *w, const struct webconfig_source *source, struct err *err)
	MUSTCHECK;
void httpdwatch_release(struct httpdwatch *w);

/* The policy in force; the caller gets a reference. Thread: any. */
struct httpdpolicy *httpdwatch_get(struct httpdwatch *w);

/* Reads again where files have changed since the last reading and not since the last look: who writes
 * one is given the time to finish. Logs what comes of it. Thread: one. */
void httpdwatch_look(struct httpdwatch *w, int64_t now_ms);

/* Appends series about the configuration, where there is one. Thread: any. */
void httpdwatch_metrics(struct httpdwatch *w, struct exposition *x);

#endif
