/* The series that the httpd*.c files append, each where it knows the values. */
#ifndef HEXLAG_HTTPDFAMILIES_H
#define HEXLAG_HTTPDFAMILIES_H

#include "common/exposition.h"

enum httpd_family {
	HTTPD_OPEN,
	HTTPD_CUT,
	HTTPD_REFUSED,
	HTTPD_CONFIG_OK,
	HTTPD_NOT_AFTER,
};

extern const struct family httpd_families[]; /* by enum httpd_family */

#endif
