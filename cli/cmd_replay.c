/* `hexlag replay`: decisions on observations that come as lines, by the code that runs in production. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/settings.h"
#include "common/mem.h"
#include "scaler/control.h"
#include "scaler/decide.h"
#include "scaler/replayjson.h"

static int usage(FILE *to, int code)
{
	(void)fprintf(to,
		"usage: hexlag replay -c FILE\n\n"
		"Reads observations from stdin, one JSON object a line, and answers each\n"
		"with the decision of FILE's one rule. The lines tell the time.\n"
		"  -c, --config FILE  configuration with one rule\n");
	return code;
}

/* One line without its newline into `line`. 0: got one, 1: end of the input, -1: see `err`. */
static int read_line(FILE *from, struct strbuf *line, struct err *err)
{
	int c;

	line->len = 0;
	while ((c = getc_unlocked(from)) != EOF && c != '\n') {
		if (line->len >= REPLAY_LINE_MAX)
			return err_set(err, ERR_CONFIG, "longer than %d bytes", REPLAY_LINE_MAX);
		strbuf_addc(line, (char)c);
	}
	if (ferror(from))
		return err_set(err, ERR_CONFIG, "cannot be read");
	return c == EOF && line->len == 0;
}

struct replay {
	const struct rule *rule;
	struct control control;
	struct observation *seen; /* one for each threshold */
	int64_t t_ms;             /* of the line before */
};

/* Decides on one line and appends the answer to `out`. */
static int answer(struct replay *r, const struct strbuf *text, struct strbuf *out, struct err *err)
{
	struct replay_line line;
	struct decision d;
	bool write;

	if (replayjson_parse(strbuf_str(text), text->len, r->rule, &line, r->seen, err) < 0)
		return -1;
	if (line.t_ms < r->t_ms)
		return err_set(err, ERR_CONFIG,
			"\"t_ms\" is %" PRId64 ", before %" PRId64 " of the line before", line.t_ms,
			r->t_ms);
	r->t_ms = line.t_ms;
	decide(r->rule,
		&(struct decide_input){.now_ms = line.t_ms,
			.replicas = line.replicas,
			.ready = line.ready,
			.observations = r->seen},
		&r->control, &d);
	write = d.write && !r->rule->dry_run;
	if (d.write)
		control_wrote(&r->control, r->rule, d.current, d.want, line.t_ms);
	replayjson_answer(line.t_ms, &d, write, out);
	return 0;
}

static int replay(const struct rule *rule)
{
	struct replay r = {.rule = rule};
	struct strbuf CLEANUP(strbuf_release) line = STRBUF_INIT;
	struct strbuf CLEANUP(strbuf_release) out = STRBUF_INIT;
	struct err err = {0};
	uint64_t number = 1;
	int rc;

	r.seen = mem_zalloc(rule_threshold_count(rule), sizeof(*r.seen));
	for (; (rc = read_line(stdin, &line, &err)) == 0; number++) {
		out.len = 0;
		rc = answer(&r, &line, &out, &err);
		if (rc < 0)
			break;
		if (fputs(strbuf_str(&out), stdout) == EOF || fflush(stdout) == EOF) {
			err_set(&err, ERR_CONFIG, "the answer cannot be written");
			rc = -1;
			break;
		}
	}
	if (rc < 0)
		(void)fprintf(stderr, "hexlag: line %" PRIu64 ": %s\n", number, err.msg);
	control_release(&r.control);
	free(r.seen);
	return rc < 0 ? EXIT_FAILED : EXIT_OK;
}

static int replay_file(const char *file)
{
	struct conf_errors errors = {0};
	struct settings settings;
	int code = EXIT_USAGE;

	if (settings_read_offline(file, &settings, &errors) < 0)
		(void)fputs(strbuf_str(&errors.text), stderr);
	else if (settings.scaler.rules.count != 1)
		(void)fprintf(stderr, "%s: has %zu rules; a replay is of one\n", file,
			settings.scaler.rules.count);
	else
		code = replay(settings.scaler.rules.items);
	strbuf_release(&errors.text);
	settings_release(&settings);
	return code;
}

int cmd_replay(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const char *file = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (c == 'h')
			return usage(stdout, EXIT_OK);
		if (c != 'c')
			return usage(stderr, EXIT_USAGE);
		file = optarg;
	}
	if (!file || optind != argc)
		return usage(stderr, EXIT_USAGE);
	return replay_file(file);
}
