#include "sidecar/selfmetrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/exposition.h"

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

static void append_build(struct strbuf *out)
{
	exposition_family(out, "hexlag_build_info", "gauge", "Always 1; the label is the version.");
	strbuf_adds(out, "hexlag_build_info{version=\"" HEXLAG_VERSION "\"} 1\n");
	/* Strimzi's dashboard takes the names of its clusters from the labels of this one. */
	exposition_family(out, "kafka_exporter_build_info", "gauge",
		"Always 1; dashboards made for kafka_exporter look for it.");
	strbuf_adds(out, "kafka_exporter_build_info{version=\"" HEXLAG_VERSION "\"} 1\n");
}

static void append_fds(struct strbuf *out)
{
	int64_t fds = open_fds();
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		exposition_single(out, "process_max_fds", "gauge",
			"Maximum number of open file descriptors.", (int64_t)limit.rlim_cur, 0);
	if (fds >= 0)
		exposition_single(out, "process_open_fds", "gauge",
			"Number of open file descriptors.", fds, 0);
}

/* proc(5): statm begins with the total and the resident size in pages. */
static void append_memory(struct strbuf *out)
{
	long long total, resident;
	int64_t page = sysconf(_SC_PAGESIZE);
	char text[256], *end;

	read_proc("/proc/self/statm", text, sizeof(text));
	total = strtoll(text, &end, 10);
	resident = strtoll(end, &end, 10);
	if (total <= 0 || resident <= 0 || page <= 0)
		return;
	exposition_single(out, "process_resident_memory_bytes", "gauge",
		"Resident memory size in bytes.", resident * page, 0);
	exposition_single(out, "process_virtual_memory_bytes", "gauge",
		"Virtual memory size in bytes.", total * page, 0);
}

void selfmetrics_init(struct selfmetrics *sm)
{
	*sm = (struct selfmetrics){.start_ms = process_start_ms()};
}

void selfmetrics_append(struct selfmetrics *sm, struct strbuf *out)
{
	sm->scrapes++;
	append_build(out);
	exposition_single(out, "hexlag_scrapes_total", "counter", "Scrapes, this one included.",
		sm->scrapes, 0);
	exposition_single(out, "process_cpu_seconds_total", "counter",
		"Total user and system CPU time spent in seconds.", clock_cpu_us(), 6);
	append_fds(out);
	append_memory(out);
	if (sm->start_ms > 0)
		exposition_single(out, "process_start_time_seconds", "gauge",
			"Start time of the process since unix epoch in seconds.", sm->start_ms, 3);
}
