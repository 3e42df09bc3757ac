/* The exporter with the command line of kafka_exporter instead of a configuration file. */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/flags.h"
#include "cli/flagsettings.h"
#include "cli/program.h"
#include "common/log.h"

static void show_help(const char *name)
{
	CLEANUP(strbuf_release) struct strbuf list = STRBUF_INIT;

	flags_help(&list);
	(void)printf(
		"usage: %s [FLAGS]\n\n"
		"Exports consumer-group lag, with the flags of kafka_exporter. hexlag(1) tells\n"
		"what differs from it.\n\n%s",
		name, strbuf_str(&list));
}

static int fail(const char *name, const struct err *err)
{
	(void)fprintf(stderr, "%s: %s\n", name, err->msg);
	return EXIT_USAGE;
}

static void warn_of_idle(const struct flags *f)
{
	CLEANUP(strbuf_release) struct strbuf list = STRBUF_INIT;

	if (flags_idle(f, &list))
		log_warn("flags that change nothing here: %s", strbuf_str(&list));
}

static int export(const char *name, const struct flags *f)
{
	struct program p = {0};
	struct err err = {0};

	if (flags_settings(f, &p.settings, &err) < 0) {
		settings_release(&p.settings);
		return fail(name, &err);
	}
	log_init((enum log_level)p.settings.log.level, p.settings.log.format == 1);
	warn_of_idle(f);
	return cmd_run_program(&p);
}

int cmd_exporter(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
	CLEANUP(flags_release) struct flags flags = {0};
	struct err err = {0};

	if (strcmp(name, "exporter") == 0)
		name = "hexlag exporter";
	if (flags_parse(argc, argv, &flags, &err) < 0)
		return fail(name, &err);
	if (flags.help || flags.help_long) {
		show_help(name);
		return EXIT_OK;
	}
	if (flags.version) {
		(void)printf("hexlag %s (librdkafka %s), in the place of kafka_exporter\n",
			HEXLAG_VERSION, kafka_library_version());
		return EXIT_OK;
	}
	return export(name, &flags);
}
