#include "common/confinclude.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

#define IN_FOLDER "*.conf"

/* `name` as seen from the folder of `from`; the caller frees it. */
static char *resolve(const char *name, const char *from)
{
	const char *slash = strrchr(from, '/');

	if (*name == '/' || !slash)
		return mem_strdup(name);
	return mem_printf("%.*s%s", (int)(slash + 1 - from), from, name);
}

/* A folder's own name is no pattern, whatever it looks like: a volume may be mounted anywhere. */
static char *escape(const char *folder, size_t len)
{
	struct strbuf out = STRBUF_INIT;

	for (size_t i = 0; i < len; i++) {
		if (strchr("*?[\\", folder[i]))
			strbuf_addc(&out, '\\');
		strbuf_addc(&out, folder[i]);
	}
	return strbuf_take(&out);
}

static int match(const char *pattern, struct conf_strings *ret_paths, struct err *err)
{
	glob_t found = {0};
	int code = glob(pattern, 0, NULL, &found);

	for (size_t i = 0; code == 0 && i < found.gl_pathc; i++)
		conf_strings_add(ret_paths, mem_strdup(found.gl_pathv[i]));
	globfree(&found);
	if (code != 0 && code != GLOB_NOMATCH)
		return err_set(err, ERR_CONFIG, "%s: cannot look for files", pattern);
	return 0;
}

/* The files of `folder` (with a slash at its end, or empty) that match `last`. */
static int match_in(const char *folder, size_t len, const char *last,
	struct conf_strings *ret_paths, char **ret_folder, struct err *err)
{
	char *CLEANUP(mem_free_at) path = len ? mem_strndup(folder, len) : mem_strdup("./");
	char *CLEANUP(mem_free_at) escaped = escape(folder, len);
	char *CLEANUP(mem_free_at) pattern = mem_printf("%s%s", escaped, last);

	/* Of a folder that is not there, or may not be read, glob() says that nothing matches. */
	*ret_folder = mem_strdup(path);
	if (access(path, R_OK | X_OK) != 0)
		return err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
	return match(pattern, ret_paths, err);
}

int confinclude_find(const char *name, const char *from, struct conf_strings *ret_paths,
	char **ret_folder, struct err *err)
{
	char *CLEANUP(mem_free_at) path = resolve(name, from);
	const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
	char *CLEANUP(mem_free_at) folder = NULL;
	struct stat s;

	*ret_folder = NULL;
	if (stat(path, &s) == 0 && S_ISDIR(s.st_mode)) {
		folder = mem_printf("%s%s", path, *last ? "/" : "");
		return match_in(folder, strlen(folder), IN_FOLDER, ret_paths, ret_folder, err);
	}
	if (strpbrk(last, "*?["))
		return match_in(path, (size_t)(last - path), last, ret_paths, ret_folder, err);
	conf_strings_add(ret_paths, mem_strdup(path));
	return 0;
}
