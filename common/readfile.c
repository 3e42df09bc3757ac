#include "common/readfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int read_all(FILE *f, const char *name, size_t max, struct strbuf *out, struct err *err)
{
	char part[4096];
	size_t n, sum = 0;

	while (sum <= max && (n = fread(part, 1, sizeof(part), f)) > 0) {
		strbuf_add(out, part, n);
		sum += n;
	}
	if (ferror(f))
		return err_set(err, ERR_CONFIG, "%s: %s", name, strerror(errno));
	if (sum > max)
		return err_set(err, ERR_CONFIG, "%s: larger than %zu bytes", name, max);
	return 0;
}

int readfile(const char *path, size_t max, struct strbuf *out, struct err *err)
{
	FILE *f = fopen(path, "re");
	int rc;

	if (!f)
		return err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
	rc = read_all(f, path, max, out, err);
	(void)fclose(f);
	return rc;
}

int readfile_stdin(size_t max, struct strbuf *out, struct err *err)
{
	return read_all(stdin, "standard input", max, out, err);
}
