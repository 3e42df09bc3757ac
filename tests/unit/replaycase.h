/* The recorded observations of tests/cases/replay: a rule, and lines for it with the decisions expected. */
#ifndef HEXLAG_REPLAYCASE_H
#define HEXLAG_REPLAYCASE_H

#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>

#include "cli/settings.h"
#include "common/mem.h"
#include "scaler/controljson.h"
#include "scaler/decide.h"
#include "scaler/replayjson.h"
#include "tests/tap.h"

#define REPLAY_FOLDER "tests/cases/replay"
#define REPLAY_LINES_MAX 2000

struct replay_case {
	struct settings settings;
	const struct rule *rule;
	char *lines[REPLAY_LINES_MAX];
	size_t count;
	struct observation *seen;
};

/* False: it cannot be read, and that has been said. */
static inline bool replay_case_open(struct replay_case *c, const char *name)
{
	struct conf_errors errors = {0};
	size_t room;
	char path[300];
	FILE *f;

	*c = (struct replay_case){0};
	(void)snprintf(path, sizeof(path), REPLAY_FOLDER "/%s.conf", name);
	if (!TAP_INT(name, settings_read_offline(path, &c->settings, &errors), 0))
		return false;
	c->rule = c->settings.scaler.rules.items;
	c->seen = mem_zalloc(rule_threshold_count(c->rule), sizeof(*c->seen));
	(void)snprintf(path, sizeof(path), REPLAY_FOLDER "/%s.jsonl", name);
	f = fopen(path, "re");
	while (f && c->count < REPLAY_LINES_MAX) {
		room = 0;
		if (getline(&c->lines[c->count], &room, f) <= 0)
			break;
		c->count++;
	}
	if (f)
		(void)fclose(f);
	return TAP_TRUE("it has lines", c->count > 10);
}

static inline void replay_case_close(struct replay_case *c)
{
	for (size_t i = 0; i < REPLAY_LINES_MAX; i++)
		free(c->lines[i]);
	free(c->seen);
	settings_release(&c->settings);
}

/* Decides on line `i`; a write is carried out as far as `control` is concerned. */
static inline bool replay_case_step(struct replay_case *c, size_t i, struct control *control,
	int64_t *ret_t_ms, struct decision *ret)
{
	struct replay_line line;
	struct err err = {0};

	if (replayjson_parse(c->lines[i], strlen(c->lines[i]), c->rule, &line, c->seen, &err) < 0) {
		printf("# line %zu: %s\n", i + 1, err.msg);
		return false;
	}
	*ret_t_ms = line.t_ms;
	decide(c->rule,
		&(struct decide_input){.now_ms = line.t_ms,
			.replicas = line.replicas,
			.ready = line.ready,
			.observations = c->seen},
		control, ret);
	if (ret->write)
		control_wrote(control, c->rule, ret->current, ret->want, line.t_ms);
	return true;
}

/* Calls `run` for each recorded case by its name. */
static inline void replay_case_each(void (*run)(const char *name))
{
	struct dirent **names;
	int count = scandir(REPLAY_FOLDER, &names, NULL, alphasort);

	TAP_TRUE("there are recorded cases", count > 2);
	for (int i = 0; i < count; i++) {
		char *end = strstr(names[i]->d_name, ".jsonl");

		if (end) {
			*end = '\0';
			run(names[i]->d_name);
		}
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

#endif
