#include "sidecar/selfmetrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "sidecar/texts.h"

#ifndef HEXLAG_VERSION
#define HEXLAG_VERSION "unknown"
#endif

/* Reads a short file of /proc as a string, "" where it cannot. */
static void read_proc(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, room - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		(void)close(fd);
}

/* proc(5): field 22 of stat is the start in clock ticks since boot. The name in field 2 may hold
 * blanks and parentheses, so counting begins behind the last one. */
static int64_t process_start_ms(void)
{
	char text[1024];
	const char *field;
	struct timespec up;
	int64_t ticks = sysconf(_SC_CLK_TCK), since_boot_ms;

	read_proc("/proc/self/stat", text, sizeof(text));
	field = strrchr(text, ')');
	for (int i = 2; field && i < 22; i++)
		field = strchr(field + 1, ' ');
	if (!field || ticks <= 0 || clock_gettime(CLOCK_BOOTTIME, &up))
		return 0;
	since_boot_ms = strtoll(field, NULL, 10) * 1000 / ticks;
	return clock_wall_ms() - ((int64_t)up.tv_sec * 1000 + up.tv_nsec / 1000000) + since_boot_ms;
}

/* -1 where they cannot be counted, as without a descriptor left to count with. */
static int64_t open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int64_t count = -1; /* the directory itself */

	if (!dir)
		return -1;
	for (const struct dirent *e = readdir(dir); e; e = readdir(dir))
		count += e->d_name[0] != '.';
	(void)closedir(dir);
	return count;
}

/* In the order of `families`. */
enum {
	FAMILY_BUILD,
	FAMILY_EXPORTER_BUILD,
	FAMILY_RENDER_BYTES,
	FAMILY_RENDER_SECONDS,
	FAMILY_SCRAPES,
	FAMILY_SERIES,
	FAMILY_SERIES_DROPPED,
	FAMILY_SNAPSHOT_AGE,
	FAMILY_CPU,
	FAMILY_MAX_FDS,
	FAMILY_OPEN_FDS,
	FAMILY_RESIDENT,
	FAMILY_VIRTUAL,
	FAMILY_START,
};

const struct family selfmetrics_families[] = {
	[FAMILY_BUILD] = {"hexlag_build_info", "gauge", "version",
		"Always 1; the label is the version."},
	/* Strimzi's dashboard takes the names of its clusters from the labels of this one. */
	[FAMILY_EXPORTER_BUILD] = {"kafka_exporter_build_info", "gauge", "version",
		"Always 1; dashboards made for kafka_exporter look for it."},
	[FAMILY_RENDER_BYTES] = {"hexlag_render_bytes", "gauge", "",
		"Size of the text of the snapshot before compression."},
	[FAMILY_RENDER_SECONDS] = {"hexlag_render_seconds", "gauge", "",
		"What it took to make the text of the snapshot, compression included."},
	[FAMILY_SCRAPES] = {"hexlag_scrapes_total", "counter", "", "Scrapes, this one included."},
	[FAMILY_SERIES] = {"hexlag_series", "gauge", "", "Series in the text of the snapshot."},
	[FAMILY_SERIES_DROPPED] = {"hexlag_series_dropped", "gauge", "",
		"Series that the text of the snapshot lacks because of exporter.max_series."},
	[FAMILY_SNAPSHOT_AGE] = {"hexlag_snapshot_age_seconds", "gauge", "",
		"Time since the cycle began whose values are shown."},
	[FAMILY_CPU] = {"process_cpu_seconds_total", "counter", "",
		"Total user and system CPU time spent in seconds."},
	[FAMILY_MAX_FDS] = {"process_max_fds", "gauge", "",
		"Maximum number of open file descriptors."},
	[FAMILY_OPEN_FDS] = {"process_open_fds", "gauge", "", "Number of open file descriptors."},
	[FAMILY_RESIDENT] = {"process_resident_memory_bytes", "gauge", "",
		"Resident memory size in bytes."},
	[FAMILY_VIRTUAL] = {"process_virtual_memory_bytes", "gauge", "",
		"Virtual memory size in bytes."},
	[FAMILY_START] = {"process_start_time_seconds", "gauge", "",
		"Start time of the process since unix epoch in seconds."},
	{0},
};

static void append(struct exposition *x, size_t family, int64_t value, unsigned decimals)
{
	exposition_single(x, &selfmetrics_families[family], value, decimals);
}

static void append_build(struct exposition *x)
{
	exposition_family(x, &selfmetrics_families[FAMILY_BUILD]);
	strbuf_adds(&x->text, "hexlag_build_info{version=\"" HEXLAG_VERSION "\"} 1\n");
	exposition_family(x, &selfmetrics_families[FAMILY_EXPORTER_BUILD]);
	strbuf_adds(&x->text, "kafka_exporter_build_info{version=\"" HEXLAG_VERSION "\"} 1\n");
}

static void append_text(struct exposition *x, const struct text *text)
{
	append(x, FAMILY_RENDER_BYTES, (int64_t)text->len, 0);
	append(x, FAMILY_RENDER_SECONDS, text->render_us, 6);
	append(x, FAMILY_SERIES, (int64_t)text->count.series, 0);
	append(x, FAMILY_SERIES_DROPPED, (int64_t)text->count.dropped, 0);
	append(x, FAMILY_SNAPSHOT_AGE, clock_mono_ms() - text->mono_ms, 3);
}

static void append_fds(struct exposition *x)
{
	int64_t fds = open_fds();
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		append(x, FAMILY_MAX_FDS, (int64_t)limit.rlim_cur, 0);
	if (fds >= 0)
		append(x, FAMILY_OPEN_FDS, fds, 0);
}

/* proc(5): statm begins with the total and the resident size in pages. */
static void append_memory(struct exposition *x)
{
	long long total, resident;
	int64_t page = sysconf(_SC_PAGESIZE);
	char text[256], *end;

	read_proc("/proc/self/statm", text, sizeof(text));
	total = strtoll(text, &end, 10);
	resident = strtoll(end, &end, 10);
	if (total <= 0 || resident <= 0 || page <= 0)
		return;
	append(x, FAMILY_RESIDENT, resident * page, 0);
	append(x, FAMILY_VIRTUAL, total * page, 0);
}

void selfmetrics_init(struct selfmetrics *sm)
{
	*sm = (struct selfmetrics){.start_ms = process_start_ms()};
}

void selfmetrics_append(struct selfmetrics *sm, const struct text *text, struct exposition *x)
{
	sm->scrapes++;
	append_build(x);
	append(x, FAMILY_SCRAPES, sm->scrapes, 0);
	if (text)
		append_text(x, text);
	append(x, FAMILY_CPU, clock_cpu_us(), 6);
	append_fds(x);
	append_memory(x);
	if (sm->start_ms > 0)
		append(x, FAMILY_START, sm->start_ms, 3);
}
