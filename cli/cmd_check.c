#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/settings.h"

static int usage(FILE *to, int code)
{
	(void)fprintf(to, "usage: hexlag check FILE\n"
			  "       hexlag check --list\n\n"
			  "Prints `FILE: ok`, or every error in the file, one a line.\n"
			  "  --list  print every option there is, with its default\n");
	return code;
}

static int list_options(void)
{
	struct strbuf CLEANUP(strbuf_release) list = STRBUF_INIT;

	settings_list(&list);
	(void)fputs(strbuf_str(&list), stdout);
	return EXIT_OK;
}

int cmd_check(int argc, char **argv)
{
	struct conf_errors errors = {0};
	struct settings settings;
	int code = EXIT_OK;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout, EXIT_OK);
	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list_options();
	if (argc != 2 || argv[1][0] == '-')
		return usage(stderr, EXIT_USAGE);
	if (settings_read(argv[1], &settings, &errors) < 0) {
		(void)fputs(strbuf_str(&errors.text), stderr);
		code = EXIT_USAGE;
	} else {
		(void)printf("%s: ok\n", argv[1]);
	}
	strbuf_release(&errors.text);
	settings_release(&settings);
	return code;
}
