#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/lagjson.h"
#include "cli/lagtable.h"
#include "cli/settings.h"
#include "common/log.h"
#include "common/mem.h"
#include "sidecar/collector.h"
#include "sidecar/publish.h"

#define WATCH_MS 1000
#define DEFAULT_TIMEOUT_MS 5000 /* without a configuration file, which has its own */

struct lag_options {
	const char *bootstrap, *file, *group, *topic;
	struct conf_strings properties;
	int64_t timeout_ms; /* 0: not given */
	bool watch, json;
};

static int usage(FILE *to, int code)
{
	(void)fprintf(to,
		"usage: hexlag lag -b HOST:PORT [OPTIONS]\n"
		"       hexlag lag -c FILE [OPTIONS]\n\n"
		"  -b, --bootstrap HOST:PORT  brokers, comma-separated\n"
		"  -c, --config FILE          take the kafka section of a configuration file\n"
		"  -X, --property NAME=VALUE  property of librdkafka, may be repeated; not with "
		"-c\n"
		"  -g, --group NAME           only this group\n"
		"  -t, --topic NAME           only this topic\n"
		"  -o, --output FORMAT        table (default) or json\n"
		"  -w, --watch                again every second, until Ctrl-C\n"
		"      --timeout MS           of one call to a broker (default 5000)\n\n"
		"Exit 1: Kafka did not answer, or only in part.\n");
	return code;
}

static int parse_output(const char *text, struct lag_options *o)
{
	o->json = strcmp(text, "json") == 0;
	if (o->json || strcmp(text, "table") == 0)
		return EXIT_OK;
	(void)fprintf(stderr, "hexlag lag: --output '%s' is neither table nor json\n", text);
	return EXIT_USAGE;
}

static int parse_timeout(const char *text, struct lag_options *o)
{
	char *end;

	o->timeout_ms = strtoll(text, &end, 10);
	if (!*end && o->timeout_ms >= 1 && o->timeout_ms <= 60000)
		return EXIT_OK;
	(void)fprintf(stderr, "hexlag lag: --timeout '%s' is not in 1 to 60000\n", text);
	return EXIT_USAGE;
}

static int parse(int argc, char **argv, struct lag_options *o)
{
	static const struct option longs[] = {
		{"bootstrap", required_argument, NULL, 'b'},
		{"config", required_argument, NULL, 'c'},
		{"property", required_argument, NULL, 'X'},
		{"group", required_argument, NULL, 'g'},
		{"topic", required_argument, NULL, 't'},
		{"output", required_argument, NULL, 'o'},
		{"watch", no_argument, NULL, 'w'},
		{"timeout", required_argument, NULL, 'T'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c, code = EXIT_OK;

	while (code == EXIT_OK &&
		(c = getopt_long(argc, argv, "b:c:X:g:t:o:wh", longs, NULL)) != -1) {
		switch (c) {
		case 'b':
			o->bootstrap = optarg;
			break;
		case 'c':
			o->file = optarg;
			break;
		case 'X':
			conf_strings_add(&o->properties, mem_strdup(optarg));
			break;
		case 'g':
			o->group = optarg;
			break;
		case 't':
			o->topic = optarg;
			break;
		case 'o':
			code = parse_output(optarg, o);
			break;
		case 'w':
			o->watch = true;
			break;
		case 'T':
			code = parse_timeout(optarg, o);
			break;
		case 'h':
			usage(stdout, EXIT_OK);
			exit(EXIT_OK);
		default:
			return usage(stderr, EXIT_USAGE);
		}
	}
	/* Properties of a file and of the command line would be hard to tell apart. */
	if (code == EXIT_OK &&
		(optind < argc || !o->bootstrap == !o->file || (o->file && o->properties.count)))
		return usage(stderr, EXIT_USAGE);
	return code;
}

static void print(const struct lag_options *o, const struct snapshot *s)
{
	struct strbuf CLEANUP(strbuf_release) out = STRBUF_INIT;
	struct strbuf CLEANUP(strbuf_release) remarks = STRBUF_INIT;

	if (o->json) {
		char *CLEANUP(mem_free_at) json = lagjson(s, o->group, o->topic);

		strbuf_addf(&out, "%s\n", json);
	} else {
		if (o->watch && isatty(STDOUT_FILENO))
			strbuf_adds(&out, "\033[H\033[2J");
		(void)lagtable_text(&out, s, o->group, o->topic);
		if (!out.len && s->metadata_ok)
			strbuf_adds(&out, "nothing to show: no committed offsets\n");
		lagtable_remarks(&remarks, s, o->group);
	}
	(void)fputs(strbuf_str(&out), stdout);
	(void)fflush(stdout);
	(void)fputs(strbuf_str(&remarks), stderr);
}

static bool group_complete(
	const struct lag_options *o, const struct snapshot *s, const struct group *g)
{
	if (o->group && strcmp(o->group, g->name) != 0)
		return true; /* not shown */
	for (size_t i = 0; i < g->topic_count; i++) {
		const struct topic *t = &s->topics[g->topics[i].topic];

		for (size_t p = 0; p < t->count && (!o->topic || strcmp(o->topic, t->name) == 0);
			p++)
			if (!g->topics[i].partitions[p].fresh)
				return false;
	}
	return !g->error;
}

/* What was asked for was answered in full; 1 otherwise, so that scripts need not parse. */
static int verdict(const struct lag_options *o, const struct snapshot *s)
{
	if (!s->metadata_ok || !s->list_ok)
		return EXIT_FAILED;
	if (o->group && snapshot_find_group(s, o->group) == SNAPSHOT_NONE) {
		(void)fprintf(stderr, "hexlag lag: group '%s' does not exist\n", o->group);
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < s->group_count; i++)
		if (!group_complete(o, s, &s->groups[i]))
			return EXIT_FAILED;
	return EXIT_OK;
}

static int look(const struct lag_options *o, struct collector *c, struct publish *p)
{
	struct snapshot *CLEANUP(snapshot_unref_at) s = NULL;

	(void)collector_cycle(c, true); /* nobody stops it */
	s = publish_get(p);
	print(o, s);
	return verdict(o, s);
}

/* Signals keep their default action: there is no state to save. */
static int look_on(const struct lag_options *o, struct collector *c, struct publish *p)
{
	int code = look(o, c, p);

	while (o->watch) {
		(void)poll(NULL, 0, WATCH_MS);
		code = look(o, c, p);
	}
	return code;
}

static int run(const struct lag_options *o, const struct kafka_options *kafka)
{
	struct collector_options options = {.kafka = *kafka, .publish = publish_new()};
	struct err err = {0};
	struct collector *c;
	int code = EXIT_USAGE;

	options.kafka.only_group = o->group;
	c = collector_new(&options, &err);
	if (c)
		code = look_on(o, c, options.publish);
	else
		(void)fprintf(stderr, "hexlag lag: %s\n", err.msg);
	collector_free(c);
	publish_free(options.publish);
	return code;
}

static int run_file(const struct lag_options *o)
{
	struct conf_errors errors = {0};
	struct settings settings;
	struct kafka_options kafka;
	int code = EXIT_USAGE;

	if (settings_read(o->file, &settings, &errors) < 0) {
		(void)fputs(strbuf_str(&errors.text), stderr);
	} else {
		kafka = settings_kafka(&settings, NULL);
		if (o->timeout_ms)
			kafka.timeout_ms = o->timeout_ms;
		code = run(o, &kafka);
	}
	strbuf_release(&errors.text);
	settings_release(&settings);
	return code;
}

int cmd_lag(int argc, char **argv)
{
	struct lag_options o = {0};
	int code = parse(argc, argv, &o);

	log_init(LOG_LEVEL_ERROR, false); /* the table says what went wrong */

	if (code == EXIT_OK && o.file) {
		code = run_file(&o);
	} else if (code == EXIT_OK) {
		struct kafka_options kafka = {
			.bootstrap = o.bootstrap,
			.properties = o.properties,
			.timeout_ms = o.timeout_ms ? o.timeout_ms : DEFAULT_TIMEOUT_MS,
		};

		code = run(&o, &kafka);
	}
	conf_strings_release(&o.properties);
	return code;
}
