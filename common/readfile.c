#include "common/readfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int readfile(const char *path, size_t max, struct strbuf *out, struct err *err)
{
	FILE *f = fopen(path, "re");
	char part[4096];
	size_t n, sum = 0;
	int rc = 0;

	if (!f)
		return err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
	while (sum <= max && (n = fread(part, 1, sizeof(part), f)) > 0) {
		strbuf_add(out, part, n);
		sum += n;
	}
	if (ferror(f))
		rc = err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
	else if (sum > max)
		rc = err_set(err, ERR_CONFIG, "%s: larger than %zu bytes", path, max);
	(void)fclose(f);
	return rc;
}
