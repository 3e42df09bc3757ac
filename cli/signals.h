/* SIGINT, SIGTERM and SIGHUP as a file descriptor: no handlers, nothing runs in a signal's context. */
#ifndef HEXLAG_SIGNALS_H
#define HEXLAG_SIGNALS_H

#include <stdbool.h>

/* Blocks them in the calling thread (and the threads it starts later) and returns a descriptor that
 * becomes readable when one arrives. Where SIGHUP means nothing (not `hangup`) it ends the process, as
 * ever. Ignores SIGPIPE. The caller closes it. Aborts on failure. */
int signals_open(bool hangup);

/* Waits up to `timeout_ms` for one, -1: for ever; its number, or 0. */
int signals_wait(int fd, int timeout_ms);

#endif
