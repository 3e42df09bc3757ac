/* Basic authentication against bcrypt hashes. bcrypt is slow on purpose, so a thread of its own works it
 * out while others are served; who was right once is known from then on by a digest. A name that does
 * not exist costs the same time as a wrong password. */
#ifndef HEXLAG_HTTPDAUTH_H
#define HEXLAG_HTTPDAUTH_H

#include <stdbool.h>

#include "sidecar/webconfig.h"

struct httpdauth;
struct httpdauth_job;

enum httpdauth_verdict {
	AUTH_WELCOME,
	AUTH_REFUSED,
	AUTH_LATER, /* submit the job */
	AUTH_BUSY,  /* too many are being checked already */
};

/* Starts the thread; all signals must be blocked already. */
struct httpdauth *httpdauth_start(struct err *err) MUSTCHECK;

/* Waits for the hash at hand and tells everybody else who waits that it was refused; from then on every
 * new check is AUTH_BUSY. NULL is fine. */
void httpdauth_stop(struct httpdauth *a);

void httpdauth_free(struct httpdauth *a); /* after httpdauth_stop(); NULL is fine */

/* Judges the Authorization header of a request (NULL: it has none) by the users of `c`. Thread: one. */
enum httpdauth_verdict httpdauth_check(struct httpdauth *a, const struct webconfig *c,
	const char *authorization, struct httpdauth_job **ret_job) MUSTCHECK;

/* Takes the job; done(ctx, welcome) is called from the other thread, or by httpdauth_stop(). */
void httpdauth_submit(struct httpdauth *a, struct httpdauth_job *job,
	void (*done)(void *ctx, bool welcome), void *ctx);

/* Name and password of "Basic <base64 of name:password>". false where it is something else. To be freed
 * in one: `*ret_password` points behind the name's end. */
bool httpdauth_parse(const char *authorization, char **ret_name, const char **ret_password);

#endif
