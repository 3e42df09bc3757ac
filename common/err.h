/* The error a fallible function leaves with its caller. The caller owns it, usually on its stack;
 * setting it allocates nothing. Every function here accepts NULL for an error nobody wants.
 * Thread: any, one error per thread. */
#ifndef HEXLAG_ERR_H
#define HEXLAG_ERR_H

#include "common/attr.h"

/* What a caller may decide by; everything else about an error is in its text. */
enum err_kind {
	ERR_NONE = 0,
	ERR_CONFIG,   /* the configuration is at fault; trying again cannot help */
	ERR_RETRY,    /* a peer failed or is away; trying again later can help */
	ERR_CONFLICT, /* somebody else changed the object first; read it again */
	ERR_DENIED,   /* authentication or authorization was refused */
	ERR_ABSENT,   /* the named object does not exist */
	ERR_GONE,     /* what was asked for is no longer kept by the peer; begin anew */
};

struct err {
	enum err_kind kind;
	int retry_after_s; /* what the peer asked for (Retry-After); 0: nothing */
	char msg[512];
};

/* Sets `err` unless it is set already: the first error is the cause. Returns -1. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "text: " before the message. Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Makes `err` empty, so that it can be used again. */
void err_clear(struct err *err);

#endif
