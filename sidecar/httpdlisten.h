/* The listening socket of the HTTP server. Thread: any. */
#ifndef HEXLAG_HTTPDLISTEN_H
#define HEXLAG_HTTPDLISTEN_H

#include "common/attr.h"
#include "common/err.h"

/* Whether `listen` has the form of an address, as httpd_start() takes it; ERR_CONFIG where not. */
int httpdlisten_check(const char *listen, struct err *err) MUSTCHECK;

/* A socket that listens there, owned by the caller. -1 and ERR_CONFIG (address) or ERR_RETRY (in use, no
 * descriptor left) with the address in the message. */
int httpdlisten_open(const char *listen, struct err *err) MUSTCHECK;

unsigned httpdlisten_port(int fd); /* the port in use, 0 where it is unknown */

#endif
