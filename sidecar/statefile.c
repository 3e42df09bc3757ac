#include "sidecar/statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/readfile.h"
#include "common/runloop.h"
#include "sidecar/history.h"

#define SAVE_MS 60000
#define FILE_MAX (64 << 20) /* bytes; more than a million partitions of groups */

struct statefile {
	const char *path;
	char *next, *folder; /* where the new file is made: path.new, and the folder of both */
	struct history *history;
	struct runloop loop;
	bool failing; /* the last save failed, and that was said */
};

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return mem_strdup(".");
	return mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

struct statefile *statefile_new(const char *path, struct history *history)
{
	struct statefile *f = mem_zalloc(1, sizeof(*f));

	f->path = path;
	f->next = mem_printf("%s.new", path);
	f->folder = folder_of(path);
	f->history = history;
	return f;
}

void statefile_free(struct statefile *f)
{
	if (!f)
		return;
	free(f->next);
	free(f->folder);
	free(f);
}

int statefile_load(struct statefile *f, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT;

	if (access(f->path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (readfile(f->path, FILE_MAX, &bytes, err) < 0)
		return -1;
	if (history_load(f->history, bytes.data, bytes.len, clock_mono_ms(), clock_wall_ms(), err) <
		0)
		return err_wrap(err, "%s", f->path);
	return 0;
}

static int fail(const char *path, struct err *err)
{
	return err_set(err, ERR_RETRY, "%s: %s", path, strerror(errno));
}

static int write_all(int fd, const struct strbuf *bytes)
{
	for (size_t done = 0; done < bytes->len;) {
		ssize_t n = write(fd, bytes->data + done, bytes->len - done);

		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd);
}

static int write_next(struct statefile *f, const struct strbuf *bytes, struct err *err)
{
	int fd = open(f->next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), rc = 0;

	if (fd < 0)
		return fail(f->next, err);
	if (write_all(fd, bytes) < 0)
		rc = fail(f->next, err);
	if (close(fd) < 0)
		rc = fail(f->next, err);
	if (rc < 0)
		(void)unlink(f->next);
	return rc;
}

/* Makes the rename last through a crash of the machine; some file systems cannot, which costs a minute. */
static void sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)fsync(fd);
	(void)close(fd);
}

int statefile_save(struct statefile *f, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT;

	if (!history_save(f->history, clock_mono_ms(), clock_wall_ms(), &bytes))
		return 0;
	if (bytes.len > FILE_MAX)
		return err_set(err, ERR_CONFIG, "%s: %zu bytes of state, at most %d are kept",
			f->path, bytes.len, FILE_MAX);
	if (write_next(f, &bytes, err) < 0)
		return -1;
	if (rename(f->next, f->path) < 0)
		return fail(f->path, err);
	sync_folder(f->folder);
	return 0;
}

static void save_and_say(struct statefile *f)
{
	struct err err = {0};
	bool failed = statefile_save(f, &err) < 0;

	if (failed && !f->failing)
		log_warn("state is not saved: %s; trying again every minute", err.msg);
	else if (!failed && f->failing)
		log_info("state is saved to %s again", f->path);
	f->failing = failed;
}

static void run(void *ctx)
{
	struct statefile *f = ctx;

	while (runloop_wait_until(&f->loop, clock_mono_ms() + SAVE_MS))
		save_and_say(f);
	save_and_say(f);
}

int statefile_start(struct statefile *f, struct err *err)
{
	/* Said now, and not at the first save: there is still somebody looking. */
	if (access(f->folder, W_OK) < 0) {
		log_warn("state will not be saved: %s: %s", f->folder, strerror(errno));
		f->failing = true;
	}
	return runloop_start(&f->loop, "state", run, f, err);
}

void statefile_stop(struct statefile *f)
{
	runloop_stop(&f->loop);
}

bool statefile_join(struct statefile *f, int64_t deadline_ms)
{
	return runloop_join(&f->loop, deadline_ms);
}
