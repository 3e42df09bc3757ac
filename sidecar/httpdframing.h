/* Where the body of a request ends must not be open to doubt: a proxy in front that reads it in another
 * way would take a part of one request for the next (RFC 9112, 6.1 and 11.2). */
#ifndef HEXLAG_HTTPDFRAMING_H
#define HEXLAG_HTTPDFRAMING_H

struct MHD_Connection;

/* NULL where the headers leave no doubt, else what is wrong, a line to answer with; static text.
 * Thread: the server's own. */
const char *httpdframing_error(struct MHD_Connection *connection);

#endif
