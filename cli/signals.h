/* SIGINT and SIGTERM as a file descriptor: no handlers, nothing runs in a signal's context. */
#ifndef HEXLAG_SIGNALS_H
#define HEXLAG_SIGNALS_H

/* Blocks both in the calling thread (and the threads it starts later) and returns a descriptor that
 * becomes readable when one arrives. Ignores SIGPIPE. The caller closes it. Aborts on failure. */
int signals_open(void);

#endif
