#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/strimzi.h"
#include "common/attr.h"
#include "sidecar/kafka.h"

#define LARGE_BYTES (4 << 20)

static const struct {
	const char *name, *about;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"run", "export lag and scale, as the configuration file says", cmd_run},
	{"exporter", "export lag, with the flags of kafka_exporter", cmd_exporter},
	{"lag", "print the lag of consumer groups", cmd_lag},
	{"explain", "print what the scaler would do now, and why", cmd_explain},
	{"check", "check a configuration file", cmd_check},
	{"replay", "decide on recorded or simulated observations", cmd_replay},
	{"demo", "show it all at work, without Kafka or a cluster", cmd_demo},
};

static void usage(FILE *to)
{
	(void)fprintf(to, "usage: hexlag COMMAND [OPTIONS]\n\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		(void)fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].about);
	(void)fprintf(to, "  version   print the version\n\n"
			  "`hexlag COMMAND --help` lists the options of a command.\n");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *self = slash ? slash + 1 : argc > 0 ? argv[0] : "";

	/* A few threads that allocate little: an arena each would only cost memory. */
	(void)mallopt(M_ARENA_MAX, 2);
	/* A large text is given back to the system when it goes. Left alone, glibc takes the first such
	 * size for the usual one and keeps as much from then on. */
	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	if (strcmp(self, "kafka_exporter") == 0)
		return cmd_exporter(argc, argv);
	if (strcmp(self, STRIMZI_SCRIPT) == 0)
		return cmd_strimzi();
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
		(void)printf(
			"hexlag %s (librdkafka %s)\n", HEXLAG_VERSION, kafka_library_version());
		return EXIT_OK;
	}
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		usage(stdout);
		return EXIT_OK;
	}
	/* An image of kafka_exporter is often given arguments and no command. */
	if (strncmp(name, "--", 2) == 0)
		return cmd_exporter(argc, argv);
	if (*name)
		(void)fprintf(stderr, "hexlag: unknown command '%s'\n\n", name);
	usage(stderr);
	return EXIT_USAGE;
}
