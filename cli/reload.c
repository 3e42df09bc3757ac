#include "cli/reload.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/backoff.h"
#include "common/log.h"
#include "common/mem.h"

/* What was wrong may come right without a file of the configuration changing: one that it names. Less
 * often with each time, as libconfig 1.5 leaks a string with some errors of syntax. */
#define RETRY_MS 5000
#define RETRY_MAX_MS 60000

/* Of one reading so many errors are logged. */
#define LINES_MAX 100

struct reload {
	struct reload_options options;
	struct settings
		good; /* in force, as far as it can be; those of the start until there are others */
	bool has_good;
	struct conf_files files;   /* of the last reading, right or wrong */
	struct filemark *seen;     /* at the last look, one for each of them */
	int64_t retry_ms, wait_ms; /* of one that was wrong: when again; how long that is */

	pthread_mutex_t lock; /* of what is below */
	struct strbuf errors; /* of the last reading; empty: it was right */
	size_t error_count;
	int64_t good_ms; /* wall clock: when one was right */
};

/* What is put in force; everything else takes effect after a restart. */
static const char *const live[] = {"scaler.rules", "log.level"};

static void take_files(struct reload *r, struct conf_files *files)
{
	conf_files_release(&r->files);
	r->files = *files;
	*files = (struct conf_files){0};
	free(r->seen);
	r->seen = mem_zalloc(r->files.count, sizeof(*r->seen));
	for (size_t i = 0; i < r->files.count; i++)
		r->seen[i] = r->files.items[i].mark;
}

static struct conf_files copy_files(const struct conf_files *from)
{
	struct conf_files to = {mem_zalloc(from->count, sizeof(*to.items)), from->count};

	for (size_t i = 0; i < from->count; i++)
		to.items[i] =
			(struct conf_file){mem_strdup(from->items[i].path), from->items[i].mark};
	return to;
}

struct reload *reload_new(const struct reload_options *options, int64_t wall_ms)
{
	struct reload *r = mem_zalloc(1, sizeof(*r));
	struct conf_files files = copy_files(&options->running->files);

	r->options = *options;
	r->good_ms = wall_ms;
	pthread_mutex_init(&r->lock, NULL);
	take_files(r, &files);
	return r;
}

void reload_free(struct reload *r)
{
	if (!r)
		return;
	if (r->has_good)
		settings_release(&r->good);
	conf_files_release(&r->files);
	free(r->seen);
	strbuf_release(&r->errors);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static bool is_live(const struct settings *running, const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(live); i++)
		if (strcmp(live[i], key) == 0)
			return true;
	/* Without its section a scaler has no rules; one that was not started cannot have any. */
	return strcmp(key, "scaler") == 0 && running->scaler.present;
}

/* One line names all settings that differ from those the program runs with. */
static void warn_of_restart(const struct settings *running, const struct settings *s)
{
	struct conf_strings CLEANUP(conf_strings_release) all = {0};
	struct strbuf CLEANUP(strbuf_release) names = STRBUF_INIT;
	size_t count = 0;

	settings_differences(running, s, &all);
	for (size_t i = 0; i < all.count; i++)
		if (!is_live(running, all.items[i]))
			strbuf_addf(&names, "%s%s", count++ ? ", " : "", all.items[i]);
	if (count)
		log_warn("configuration: %s changed: %s effect after a restart", strbuf_str(&names),
			count > 1 ? "they take" : "takes");
}

/* Whether the last reading was wrong. */
static bool note_right(struct reload *r, int64_t wall_ms)
{
	bool recovered;

	pthread_mutex_lock(&r->lock);
	recovered = r->error_count > 0;
	strbuf_release(&r->errors);
	r->error_count = 0;
	r->good_ms = wall_ms;
	pthread_mutex_unlock(&r->lock);
	return recovered;
}

/* Puts settings in force that are not those before. -1: they cannot be, which `errors` says. */
static int put_in_force(struct reload *r, struct settings *s, struct conf_errors *errors)
{
	struct err err = {0};

	if (r->options.apply(r->options.ctx, s, &err) < 0) {
		strbuf_addf(&errors->text, "%s: %s\n", r->options.path, err.msg);
		errors->count++;
		return -1;
	}
	log_info("configuration: %s is read again: %zu rule%s", r->options.path,
		s->scaler.rules.count, s->scaler.rules.count == 1 ? "" : "s");
	warn_of_restart(r->options.running, s);
	log_set_level((enum log_level)s->log.level);
	if (r->has_good)
		settings_release(&r->good);
	r->good = *s;
	r->has_good = true;
	*s = (struct settings){0};
	return 0;
}

static int accept(struct reload *r, struct settings *s, bool asked, int64_t wall_ms,
	struct conf_errors *errors)
{
	const struct settings *before = r->has_good ? &r->good : r->options.running;
	struct conf_strings CLEANUP(conf_strings_release) changed = {0};
	bool recovered;

	settings_differences(before, s, &changed);
	if (changed.count && put_in_force(r, s, errors) < 0)
		return -1;
	recovered = note_right(r, wall_ms);
	if (!changed.count && (asked || recovered))
		log_info("configuration: %s is read again: nothing has changed", r->options.path);
	return 0;
}

static void log_errors(const struct reload *r, const struct conf_errors *errors)
{
	const char *line = strbuf_str(&errors->text);
	size_t lines = 0;

	for (; *line && lines < LINES_MAX; lines++) {
		int length = (int)strcspn(line, "\n");

		log_error("%.*s", length, line);
		line += length + (line[length] == '\n');
	}
	if (*line)
		log_error("and more: hexlag check %s lists all %zu errors", r->options.path,
			errors->count);
	log_error("configuration: %s is not in force; keeping the one before", r->options.path);
}

/* The same errors again are no news, but for who asked. */
static void refuse(struct reload *r, struct conf_errors *errors, bool asked)
{
	if (asked || strcmp(strbuf_str(&errors->text), strbuf_str(&r->errors)) != 0)
		log_errors(r, errors);
	pthread_mutex_lock(&r->lock);
	strbuf_release(&r->errors);
	r->errors = errors->text;
	r->error_count = errors->count;
	pthread_mutex_unlock(&r->lock);
	errors->text = STRBUF_INIT;
}

static void read_again(struct reload *r, bool asked, int64_t now_ms, int64_t wall_ms)
{
	struct conf_errors errors = {0};
	struct settings s;
	int rc = settings_read(r->options.path, &s, &errors);

	take_files(r, &s.files);
	if (rc < 0 || accept(r, &s, asked, wall_ms, &errors) < 0)
		refuse(r, &errors, asked);
	r->retry_ms = now_ms + r->wait_ms;
	strbuf_release(&errors.text);
	settings_release(&s);
}

void reload_now(struct reload *r, int64_t now_ms, int64_t wall_ms)
{
	r->wait_ms = RETRY_MS;
	read_again(r, true, now_ms, wall_ms);
}

void reload_look(struct reload *r, int64_t now_ms, int64_t wall_ms)
{
	bool changed = false, settled = true, retry = r->error_count && now_ms >= r->retry_ms;

	for (size_t i = 0; i < r->files.count; i++) {
		struct filemark mark;

		filemark_take(&mark, r->files.items[i].path);
		changed |= !filemark_same(&mark, &r->files.items[i].mark);
		settled &= filemark_same(&mark, &r->seen[i]);
		r->seen[i] = mark;
	}
	if (changed ? !settled : !retry)
		return;
	r->wait_ms = backoff_next(changed ? 0 : r->wait_ms, RETRY_MS, RETRY_MAX_MS);
	read_again(r, false, now_ms, wall_ms);
}

enum { FAMILY_SUCCESSFUL, FAMILY_SUCCESS_TIME };

const struct family reload_families[] = {
	[FAMILY_SUCCESSFUL] = {"hexlag_config_last_reload_successful", "gauge", "",
		"Whether the configuration file was right when last read, and could be put in "
		"force."},
	[FAMILY_SUCCESS_TIME] = {"hexlag_config_last_reload_success_timestamp_seconds", "gauge", "",
		"When the configuration file was last read and right."},
	{0},
};

void reload_metrics(struct reload *r, struct exposition *x)
{
	int64_t good_ms;
	bool good;

	pthread_mutex_lock(&r->lock);
	good = r->error_count == 0;
	good_ms = r->good_ms;
	pthread_mutex_unlock(&r->lock);
	exposition_single(x, &reload_families[FAMILY_SUCCESSFUL], good, 0);
	exposition_single(x, &reload_families[FAMILY_SUCCESS_TIME], good_ms, 3);
}

void reload_complaint(struct reload *r, struct strbuf *out)
{
	pthread_mutex_lock(&r->lock);
	if (r->error_count)
		strbuf_addf(out,
			"the configuration on disk is wrong and not in force, %zu error%s: %.*s\n",
			r->error_count, r->error_count > 1 ? "s" : "",
			(int)strcspn(strbuf_str(&r->errors), "\n"), strbuf_str(&r->errors));
	pthread_mutex_unlock(&r->lock);
}
