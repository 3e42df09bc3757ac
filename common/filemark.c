#include "common/filemark.h"

#include <string.h>

void filemark_take(struct filemark *mark, const char *path)
{
	struct stat s;

	memset(mark, 0, sizeof(*mark)); /* padding too: it is compared as bytes */
	if (!path || stat(path, &s) != 0)
		return;
	mark->device = s.st_dev;
	mark->inode = s.st_ino;
	mark->size = s.st_size;
	mark->modified = s.st_mtim;
	mark->changed = s.st_ctim;
}

bool filemark_same(const struct filemark *a, const struct filemark *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
