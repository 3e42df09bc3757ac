/* Texts that nobody is to learn: tokens and passwords. Pure. */
#ifndef HEXLAG_SECRET_H
#define HEXLAG_SECRET_H

#include <stdbool.h>

/* Whether both are the same text. Takes as long for all texts of a length: the time it takes tells
 * nothing about them but that. */
bool secret_equal(const char *a, const char *b);

void secret_free(char *text); /* overwrites it first; NULL is fine */

#endif
