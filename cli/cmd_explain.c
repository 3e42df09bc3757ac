#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/explainjson.h"
#include "cli/selftarget.h"
#include "cli/settings.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/readfile.h"
#include "scaler/decisionsjson.h"
#include "scaler/http.h"
#include "scaler/ruleset.h"
#include "scaler/scaler.h"
#include "sidecar/collector.h"
#include "sidecar/publish.h"

#define TIMEOUT_MS 5000
#define DOCUMENT_MAX ((size_t)64 << 20)

struct explain {
	const char *file, *url, *only;
	bool json;
};

static int usage(FILE *to, int code)
{
	(void)fprintf(to,
		"usage: hexlag explain (-c FILE | -u URL) [-o table|json] [TARGET]\n\n"
		"  -c, --config FILE    ask Kafka and the API server now, once, by this file\n"
		"  -u, --url URL        ask a running hexlag, as http://localhost:9308\n"
		"  -u -                 its /api/v1/decisions is on the standard input\n"
		"  -o, --output FORMAT  table (default) or json\n\n"
		"Prints each rule, what its thresholds see, every step of the decision, and what\n"
		"would be written; it writes nothing. TARGET: only rules with that in their name.\n"
		"What needs time to learn (rates, windows) only a running hexlag knows.\n");
	return code;
}

static int print(const struct explain *e, const struct strbuf *document, struct err *err)
{
	struct strbuf CLEANUP(strbuf_release) out = STRBUF_INIT;

	if (e->json) {
		(void)fputs(strbuf_str(document), stdout);
		return 0;
	}
	if (explainjson(strbuf_str(document), document->len, e->only, &out, err) < 0)
		return -1;
	(void)fputs(strbuf_str(&out), stdout);
	return 0;
}

static int ask_running(const struct explain *e, struct err *err)
{
	const struct http_options options = {.server = e->url, .timeout_ms = TIMEOUT_MS};
	const struct http_request request = {.method = "GET", .path = "/api/v1/decisions"};
	struct http_response response CLEANUP(http_response_release) = {0};
	struct http *http = http_new(&options, err);
	int rc;

	if (!http)
		return -1;
	rc = http_perform(http, &request, &response, err);
	http_free(http);
	if (rc < 0)
		return -1;
	if (response.status != 200)
		return err_set(err, ERR_RETRY, "%s answered %d %.200s", e->url, response.status,
			strbuf_str(&response.body));
	return print(e, &response.body, err);
}

static int read_document(const struct explain *e, struct err *err)
{
	struct strbuf CLEANUP(strbuf_release) document = STRBUF_INIT;

	if (readfile_stdin(DOCUMENT_MAX, &document, err) < 0)
		return -1;
	return print(e, &document, err);
}

/* ERR_RETRY where a rule that is shown could not be decided on. */
static int check_decided(
	const struct explain *e, const struct scaler_report *report, struct err *err)
{
	for (size_t i = 0; i < report->rules->count; i++) {
		const struct target_view *v = &report->views[i];
		char name[RULE_NAME_MAX];

		(void)rule_name(&report->rules->entries[i].rule, name);
		if (!v->has_decision && (!e->only || strstr(name, e->only)))
			return err_set(err, ERR_RETRY, "%s: nothing could be decided: %s", name,
				v->problem);
	}
	return 0;
}

/* One observation, one decision for each rule, no write. */
static int decide_once(const struct explain *e, const struct settings *s, struct publish *publish,
	struct collector *collector, struct err *err)
{
	const struct scaler_options options = {
		.kube = {.kubeconfig = s->scaler.kubeconfig,
			.context = s->scaler.context,
			.timeout_ms = s->scaler.timeout_ms},
		.publish = publish,
		.look_only = true,
	};
	struct strbuf CLEANUP(strbuf_release) document = STRBUF_INIT;
	struct snapshot *CLEANUP(snapshot_unref_at) snapshot = NULL;
	struct ruleset *CLEANUP(ruleset_unref_at) unresolved = settings_rules(s);
	struct ruleset *CLEANUP(ruleset_unref_at) rules = NULL;
	struct scaler_report CLEANUP(scaler_report_release) report = {0};
	struct scaler *scaler;

	if (selftarget_once(&(struct selftarget_options){.kube = options.kube}, unresolved, &rules,
		    err) < 0)
		return -1;
	scaler = scaler_new(&options, err);
	if (!scaler)
		return -1;
	scaler_set_rules(scaler, rules, 0);
	(void)collector_cycle(collector, false); /* nobody stops it */
	snapshot = publish_get(publish);
	scaler_pass(scaler, snapshot, clock_mono_ms());
	scaler_report(scaler, &report);
	decisionsjson(&report, clock_mono_ms(), &document);
	scaler_free(scaler);
	if (print(e, &document, err) < 0)
		return -1;
	return check_decided(e, &report, err);
}

static int ask_cluster(const struct explain *e, const struct settings *s, struct err *err)
{
	struct collector_options options = {
		.kafka = settings_kafka(s, NULL), .publish = publish_new()};
	struct ruleset *CLEANUP(ruleset_unref_at) rules = settings_rules(s);
	struct kafka_watch *CLEANUP(mem_free_at) watches =
		settings_watches(rules, &options.watch_count);
	struct collector *collector;
	int rc = -1;

	options.watches = watches;
	collector = collector_new(&options, err);
	if (collector)
		rc = decide_once(e, s, options.publish, collector, err);
	collector_free(collector);
	publish_free(options.publish);
	return rc;
}

static int explain_file(const struct explain *e, struct err *err)
{
	struct conf_errors errors = {0};
	struct settings settings;
	int rc = -1;

	if (settings_read(e->file, &settings, &errors) < 0) {
		(void)fputs(strbuf_str(&errors.text), stderr);
		(void)err_set(err, ERR_CONFIG, "%s: nothing was asked", e->file);
	} else if (!settings.scaler.present) {
		(void)err_set(err, ERR_CONFIG, "%s: there is no scaler section", e->file);
	} else {
		rc = ask_cluster(e, &settings, err);
	}
	strbuf_release(&errors.text);
	settings_release(&settings);
	return rc;
}

static int explain(const struct explain *e, struct err *err)
{
	if (e->file)
		return explain_file(e, err);
	return strcmp(e->url, "-") == 0 ? read_document(e, err) : ask_running(e, err);
}

int cmd_explain(int argc, char **argv)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"url", required_argument, NULL, 'u'},
		{"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct explain e = {0};
	struct err err = {0};
	int c;

	while ((c = getopt_long(argc, argv, "c:u:o:h", longs, NULL)) != -1) {
		if (c == 'h')
			return usage(stdout, EXIT_OK);
		if (c == 'c')
			e.file = optarg;
		else if (c == 'u')
			e.url = optarg;
		else if (c == 'o' && (strcmp(optarg, "json") == 0 || strcmp(optarg, "table") == 0))
			e.json = *optarg == 'j';
		else
			return usage(stderr, EXIT_USAGE);
	}
	if (optind < argc)
		e.only = argv[optind++];
	if (optind < argc || !e.file == !e.url)
		return usage(stderr, EXIT_USAGE);
	log_init(LOG_LEVEL_ERROR, false); /* the text says what went wrong */
	if (explain(&e, &err) == 0)
		return EXIT_OK;
	(void)fprintf(stderr, "hexlag explain: %s\n", err.msg);
	return err.kind == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILED;
}
