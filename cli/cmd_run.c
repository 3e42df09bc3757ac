#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/settings.h"
#include "cli/signals.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "scaler/scaler.h"
#include "sidecar/collector.h"
#include "sidecar/publish.h"
#include "sidecar/selfmetrics.h"
#include "sidecar/web.h"

#define DEFAULT_FILE "/etc/hexlag/hexlag.conf"

/* A snapshot that is older than so many intervals (and a call's limit) makes /readyz say no. */
#define READY_INTERVALS 3

/* A collector that has shown no sign of life for so long is stuck, and /healthz says so. */
#define STUCK_MS 60000

/* A call to a broker cannot be interrupted; who asked to stop waits no longer than this. */
#define STOP_MS 1500

struct program {
	struct settings settings;
	struct settings_filters filters;
	struct kafka_watch *watches;
	size_t watch_count;
	struct publish *publish;
	struct collector *collector;
	struct scaler *scaler; /* NULL: no rules */
	struct web *web;       /* NULL: no exporter */
	struct web_series series[3];
};

static int usage(FILE *to, int code)
{
	(void)fprintf(to,
		"usage: hexlag run [-c FILE]\n\n"
		"  -c, --config FILE  configuration file (default " DEFAULT_FILE ")\n\n"
		"Runs until SIGTERM or SIGINT. `hexlag check FILE` checks a file.\n");
	return code;
}

static int heartbeat(void *ctx, struct err *err)
{
	struct program *p = ctx;
	int64_t silent = clock_mono_ms() - collector_heartbeat_ms(p->collector);
	int64_t interval = p->settings.exporter.interval_ms;

	if (silent > STUCK_MS + interval)
		return err_set(err, ERR_RETRY, "the collector has been stuck for %" PRId64 "s",
			silent / 1000);
	return 0;
}

static void append_collector(void *ctx, struct strbuf *out)
{
	collector_metrics(ctx, out);
}

static void append_scaler(void *ctx, struct strbuf *out)
{
	scaler_metrics(ctx, out);
}

/* The longest time between two snapshots when all is well. */
static int64_t snapshot_interval(const struct settings *s)
{
	int64_t full = s->exporter.present ? s->exporter.interval_ms : INT64_MAX;
	int64_t watch = s->scaler.present ? s->scaler.interval_ms : INT64_MAX;

	return full < watch ? full : watch;
}

static int start_collector(struct program *p, struct err *err)
{
	const struct settings *s = &p->settings;
	struct collector_options options = {
		.kafka = settings_kafka(s, &p->filters, p->watches, p->watch_count),
		.full_ms = s->exporter.present ? s->exporter.interval_ms : 0,
		.watch_ms = s->scaler.present ? s->scaler.interval_ms : 0,
		.publish = p->publish,
	};

	p->collector = collector_new(&options, err);
	return p->collector ? collector_start(p->collector, err) : -1;
}

static int start_scaler(struct program *p, struct err *err)
{
	const struct settings *s = &p->settings;
	struct scaler_options options = {
		.rules = s->scaler.rules.items,
		.rule_count = s->scaler.rules.count,
		.kube = {.kubeconfig = s->scaler.kubeconfig,
			.context = s->scaler.context,
			.timeout_ms = s->scaler.timeout_ms},
		.publish = p->publish,
	};

	if (!s->scaler.present)
		return 0;
	p->scaler = scaler_new(&options, err);
	return p->scaler ? scaler_start(p->scaler, err) : -1;
}

static int start_web(struct program *p, struct err *err)
{
	const struct settings *s = &p->settings;
	struct web_options options = {
		.listen = s->exporter.listen,
		.publish = p->publish,
		.series = p->series,
		.ready_max_age_ms =
			READY_INTERVALS * snapshot_interval(s) + 2 * s->kafka.timeout_ms,
		.heartbeat = heartbeat,
		.heartbeat_ctx = p,
	};

	if (!s->exporter.present)
		return 0;
	p->series[options.series_count++] = (struct web_series){append_collector, p->collector};
	if (p->scaler)
		p->series[options.series_count++] = (struct web_series){append_scaler, p->scaler};
	p->web = web_start(&options, err);
	if (!p->web)
		return -1;
	log_info("serving /metrics on port %u", web_port(p->web));
	return 0;
}

static void start_log(const struct settings *s)
{
	log_init((enum log_level)s->log.level, s->log.format == 1);
	log_info("hexlag " HEXLAG_VERSION ", librdkafka %s: Kafka %s, %zu rules%s",
		kafka_library_version(), s->kafka.bootstrap, s->scaler.rules.count,
		s->exporter.present ? ", exporter" : "");
}

/* The listener comes up before Kafka is asked, so that probes are answered whatever Kafka does. */
static int start(struct program *p, struct err *err)
{
	start_log(&p->settings);
	if (settings_filters(&p->settings, &p->filters, err) < 0)
		return -1;
	p->watches = settings_watches(&p->settings, &p->watch_count);
	p->publish = publish_new();
	if (start_collector(p, err) < 0 || start_scaler(p, err) < 0)
		return -1;
	return start_web(p, err);
}

/* Asks all loops to stop and waits for them. False: one is held up by a call. */
static bool stop(struct program *p)
{
	int64_t deadline = clock_mono_ms() + STOP_MS;
	bool ended = true;

	if (p->collector)
		collector_stop(p->collector);
	if (p->scaler)
		scaler_stop(p->scaler);
	web_stop(p->web);
	if (p->scaler)
		ended &= scaler_join(p->scaler, deadline);
	if (p->collector)
		ended &= collector_join(p->collector, deadline);
	return ended;
}

static void release(struct program *p)
{
	scaler_free(p->scaler);
	collector_free(p->collector);
	publish_free(p->publish);
	settings_filters_release(&p->filters);
	free(p->watches);
	settings_release(&p->settings);
}

static void wait_for_signal(int signals)
{
	struct pollfd wait = {.fd = signals, .events = POLLIN};

	while (poll(&wait, 1, -1) <= 0)
		;
}

static int run(struct program *p)
{
	int signals = signals_open(), code = EXIT_OK;
	struct err err = {0};

	if (start(p, &err) < 0) {
		log_error("%s", err.msg);
		code = err.kind == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILED;
	} else {
		wait_for_signal(signals);
		log_info("asked to stop");
	}
	if (!stop(p)) {
		/* All state is in Kafka and Kubernetes, so there is nothing to lose. */
		log_info("stopped while a call was under way");
		_exit(code);
	}
	release(p);
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
		code = run(&p);
	}
	strbuf_release(&errors.text);
	return code;
}
