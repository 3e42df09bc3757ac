/* The subcommands. Each takes its own arguments (argv[0] is its name) and returns an exit code:
 * 0 asked to stop or done, 1 failed while running, 2 usage or configuration. */
#ifndef HEXLAG_CMD_H
#define HEXLAG_CMD_H

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int cmd_run(int argc, char **argv);
int cmd_exporter(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_lag(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_demo(int argc, char **argv);

/* The exporter as Strimzi's operator starts it, through a link named kafka_exporter_run.sh: no
 * arguments, all in the environment. See cli/strimzi.h. */
int cmd_strimzi(void);

struct program;

/* Runs the program with its settings until SIGTERM or SIGINT and releases it. */
int cmd_run_program(struct program *p);

#endif
