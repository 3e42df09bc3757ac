#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/program.h"
#include "cli/reload.h"
#include "cli/signals.h"
#include "common/clock.h"
#include "common/log.h"

#define DEFAULT_FILE "/etc/hexlag/hexlag.conf"

/* Between two looks at the configuration file. */
#define LOOK_MS 1000

static int usage(FILE *to, int code)
{
	(void)fprintf(to,
		"usage: hexlag run [-c FILE]\n\n"
		"  -c, --config FILE  configuration file (default " DEFAULT_FILE ")\n\n"
		"Runs until SIGTERM or SIGINT. Reads the file again when it changes, and on\n"
		"SIGHUP. `hexlag check FILE` checks a file.\n");
	return code;
}

static void start_log(const struct settings *s)
{
	log_init((enum log_level)s->log.level, s->log.format == 1);
	log_info("hexlag " HEXLAG_VERSION ", librdkafka %s: Kafka at %s, %zu rule%s%s%s",
		kafka_library_version(), s->kafka.bootstrap, s->scaler.rules.count,
		s->scaler.rules.count == 1 ? "" : "s", s->exporter.present ? ", exporter on " : "",
		s->exporter.present ? s->exporter.listen : "");
}

/* Until asked to stop. */
static void mind_file(struct program *p, int signals)
{
	int signal;

	do {
		signal = signals_wait(signals, p->reload ? LOOK_MS : -1);
		if (signal == SIGHUP)
			reload_now(p->reload, clock_mono_ms(), clock_wall_ms());
		else if (signal == 0 && p->reload)
			reload_look(p->reload, clock_mono_ms(), clock_wall_ms());
	} while (signal == 0 || signal == SIGHUP);
}

int cmd_run_program(struct program *p)
{
	int signals = signals_open(p->file != NULL), code = EXIT_OK;
	struct err err = {0};

	start_log(&p->settings);
	if (program_start(p, &err) < 0) {
		log_error("%s", err.msg);
		code = err.kind == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILED;
	} else {
		mind_file(p, signals);
		log_info("asked to stop");
	}
	if (!program_stop(p)) {
		/* All state is in Kafka and Kubernetes, so there is nothing to lose. */
		log_info("stopped while a call was under way");
		_exit(code);
	}
	(void)close(signals);
	return code;
}

int cmd_run(int argc, char **argv)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct program p = {0};
	struct conf_errors errors = {0};
	const char *file = DEFAULT_FILE;
	struct stat kind;
	int c, code;

	while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		if (c == 'h')
			return usage(stdout, EXIT_OK);
		if (c != 'c')
			return usage(stderr, EXIT_USAGE);
		file = optarg;
	}
	if (optind < argc)
		return usage(stderr, EXIT_USAGE);
	if (settings_read(file, &p.settings, &errors) < 0) {
		(void)fputs(strbuf_str(&errors.text), stderr);
		settings_release(&p.settings);
		code = EXIT_USAGE;
	} else {
		/* A pipe is read once. */
		p.file = stat(file, &kind) == 0 && S_ISREG(kind.st_mode) ? file : NULL;
		code = cmd_run_program(&p);
	}
	strbuf_release(&errors.text);
	return code;
}
