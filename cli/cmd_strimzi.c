#include <stdio.h>
#include <stdlib.h>

#include "cli/cmd.h"
#include "cli/strimzi.h"

int cmd_strimzi(void)
{
	struct strimzi_command c;
	struct err err = {0};
	int code = EXIT_USAGE;

	if (strimzi_command_init(&c, getenv, &err) < 0 ||
		strimzi_join_ca(STRIMZI_CA_FOLDER, STRIMZI_CA_FILE, &err) < 0)
		(void)fprintf(stderr, STRIMZI_SCRIPT ": %s\n", err.msg);
	else
		code = cmd_exporter(c.argc, c.argv);
	strimzi_command_release(&c);
	return code;
}
