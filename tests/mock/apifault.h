/* What the fake API server of apiserver.h sends: answers, and the faults instead of them. A client
 * that has gone is no error. Blocks as long as the socket's send time-out. Thread: any. */
#ifndef HEXLAG_TESTS_APIFAULT_H
#define HEXLAG_TESTS_APIFAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/mock/apiserver.h"

/* `headers`: whole lines, without Content-Length. */
void apifault_answer(int fd, int status, const char *headers, const char *body);

void apifault_send(int fd, const char *data, size_t len); /* all of it */

/* Returns whether the connection stays open. */
bool apifault_commit(int fd, const struct apiserver_fault *fault);

#endif
