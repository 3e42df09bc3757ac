/* The text of a configuration file and of the files it includes, as one text for libconfig, with what
 * libconfig's own scanner would swallow:
 *   - it reads files by itself, of any size, and takes no pattern before version 1.7;
 *   - 1.5 (Debian 12) reads an integer without the suffix L by atoi(): 4294967297 becomes 1 without a
 *     word. */
#ifndef HEXLAG_CONFTEXT_H
#define HEXLAG_CONFTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/conf.h"
#include "common/strbuf.h"

struct conftext {
	/* Integers that need 64 bits and lack the L carry one here, so that the library reads their
	 * true value (saturated to 64 bits); each is noted in `wide`. */
	struct strbuf text;
	unsigned line; /* the last one of `text`, from 1 */
	struct conftext_wide {
		unsigned line; /* of `text` */
		int64_t value;
	} * wide;
	size_t wide_count;
	struct conftext_run {       /* lines of one file that follow each other */
		unsigned first;     /* line of `text` */
		const char *file;   /* owned by `files`, or the caller's */
		unsigned file_line; /* that line in its file */
	} * runs;
	size_t run_count;
	struct conf_files *files; /* all that were looked at; the caller's */
};

/* Appends to `t->files` the file at `path` and all that it includes, and fills `t`, which is zeroed but
 * for `files`. -1: `errors` got a line. conftext_release() in both cases. */
int conftext_read(struct conftext *t, const char *path, struct conf_errors *errors) MUSTCHECK;

/* The same of a text; `name` stands for the file, also for where the included files are. */
int conftext_parse(struct conftext *t, const char *text, const char *name,
	struct conf_errors *errors) MUSTCHECK;

void conftext_release(struct conftext *t); /* leaves `files` alone */

/* The file and its line at a line of the text. Line 0 is no line: the outermost file and 0. */
const char *conftext_place(const struct conftext *t, unsigned line, unsigned *ret_line);

bool conftext_is_wide(const struct conftext *t, unsigned line, int64_t value);

/* A number in as few digits as tell it from all others. Returns `to`. */
const char *conf_number_text(double value, char *to, size_t room);

#endif
