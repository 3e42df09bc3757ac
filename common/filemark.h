/* What tells that a file is another one, or has other bytes, without reading it. Thread: any. */
#ifndef HEXLAG_FILEMARK_H
#define HEXLAG_FILEMARK_H

#include <stdbool.h>
#include <sys/stat.h>

/* All zero where there is no such file. */
struct filemark {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

/* Of what `path` leads to now, through all symbolic links; NULL: of nothing. A file that is read after
 * it was marked and has the same mark later was not changed since it was read. */
void filemark_take(struct filemark *mark, const char *path);

bool filemark_same(const struct filemark *a, const struct filemark *b);

#endif
