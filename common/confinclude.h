/* The names that an @include stands for. Pure but for looking into folders. Thread: any. */
#ifndef HEXLAG_CONFINCLUDE_H
#define HEXLAG_CONFINCLUDE_H

#include "common/attr.h"
#include "common/conf.h"
#include "common/err.h"

/* `name` is as seen from the folder of the file `from`: a file, a pattern of glob(7), or a folder, which
 * stands for its "*.conf". Appends the files to `ret_paths`, sorted by their bytes, and the folder that
 * has to be watched for others, where there is one, to `ret_folder` (of malloc(), else NULL). A pattern may
 * match nothing. ERR_CONFIG "path: why" where its folder cannot be read. */
int confinclude_find(const char *name, const char *from, struct conf_strings *ret_paths,
	char **ret_folder, struct err *err) MUSTCHECK;

#endif
