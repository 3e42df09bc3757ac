#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/demoapi.h"
#include "cli/demokafka.h"
#include "cli/demoscreen.h"
#include "cli/program.h"
#include "cli/scaling.h"
#include "cli/signals.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "scaler/scaler.h"
#include "sidecar/publish.h"

#define TICK_MS 100

struct demo {
	const char *listen;
	long seconds; /* 0: until Ctrl-C */
	bool screen;  /* a terminal is there to draw on */
	char kubeconfig[64];
	struct demokafka *kafka;
	struct demoapi *api;
	struct program program;
	struct demoscreen view;
	char url[64];
	long raises, cuts;
};

static int usage(FILE *to, int code)
{
	(void)fprintf(to,
		"usage: hexlag demo [OPTIONS]\n\n"
		"  -l, --listen ADDRESS  where the page and /metrics are served (default :9308)\n"
		"  -s, --seconds N       stop after N seconds; until Ctrl-C without it\n"
		"      --plain           lines instead of a screen\n\n"
		"Kafka, its consumers and the API server are all inside the process.\n");
	return code;
}

static int write_kubeconfig(struct demo *d, struct err *err)
{
	const char *folder = getenv("TMPDIR");
	FILE *f;
	int fd;

	(void)snprintf(d->kubeconfig, sizeof(d->kubeconfig), "%.40s/hexlag-demo.XXXXXX",
		folder && strlen(folder) <= 40 ? folder : "/tmp");
	fd = mkstemp(d->kubeconfig);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		return err_set(err, ERR_RETRY, "%s: %s", d->kubeconfig, strerror(errno));
	(void)fprintf(f,
		"apiVersion: v1\nkind: Config\ncurrent-context: demo\n"
		"clusters:\n- {name: demo, cluster: {server: \"http://127.0.0.1:%u\"}}\n"
		"users:\n- {name: demo, user: {token: demo}}\n"
		"contexts:\n- {name: demo, context: {cluster: demo, user: demo}}\n",
		demoapi_port(d->api));
	if (fclose(f) != 0)
		return err_set(err, ERR_RETRY, "%s: %s", d->kubeconfig, strerror(errno));
	return 0;
}

/* The demo is configured as anybody would configure it. */
static int configure(struct demo *d, struct err *err)
{
	struct conf_errors errors = {0};
	char *CLEANUP(mem_free_at) text = mem_printf(
		"kafka: { bootstrap = \"%s\"; };\n"
		"exporter: { listen = \"%s\"; interval = \"5s\"; };\n"
		"scaler: { interval = \"500ms\"; kubeconfig = \"%s\"; rules = ( {\n"
		"  scaleTargetRef = { namespace = \"" DEMO_NAMESPACE "\"; name = \"" DEMO_DEPLOYMENT
		"\"; };\n"
		"  minReplicas = 2; maxReplicas = %d; cooldown = \"5s\"; holdLimit = \"5s\";\n"
		/* What takes minutes in production is to be seen in one. */
		"  behavior = { scaleDown = { stabilizationWindowSeconds = 10; };\n"
		"    scaleUp = { policies = ( { type = \"Pods\"; value = 10; periodSeconds = 1; } "
		"); }; };\n"
		"  consumergroups = ( { name = \"" DEMO_GROUP "\";\n"
		"    topicsThreshold = ( { topic = \"" DEMO_TOPIC "\"; lag = 500; } ); } );\n"
		"} ); };\n",
		demokafka_bootstrap(d->kafka), d->listen, d->kubeconfig, DEMO_CONSUMERS_MAX);
	int rc = settings_parse(text, "demo", &d->program.settings, &errors);

	if (rc < 0)
		(void)err_set(err, ERR_CONFIG, "%s", strbuf_str(&errors.text));
	strbuf_release(&errors.text);
	return rc;
}

static int start(struct demo *d, struct err *err)
{
	d->kafka = demokafka_start(err);
	if (!d->kafka)
		return -1;
	d->api = demoapi_start(2, err);
	if (!d->api || write_kubeconfig(d, err) < 0 || configure(d, err) < 0)
		return -1;
	if (program_start(&d->program, err) < 0)
		return -1;
	(void)snprintf(d->url, sizeof(d->url), "http://localhost:%u/", web_port(d->program.web));
	return 0;
}

/* False: a call held it up and nothing below may be released. */
static bool stop(struct demo *d)
{
	bool ended = program_stop(&d->program);

	if (*d->kubeconfig)
		(void)unlink(d->kubeconfig);
	if (!ended)
		return false;
	demoapi_stop(d->api);
	demokafka_stop(d->kafka);
	return true;
}

static void take_sample(struct demo *d)
{
	struct snapshot *CLEANUP(snapshot_unref_at) s = publish_get(d->program.publish);
	struct lag_total total = {.quality = QUALITY_UNKNOWN};

	if (s)
		total = snapshot_lag_total(s, DEMO_GROUP, DEMO_TOPIC, OFFSET_RESET_LATEST);
	demoscreen_sample(&d->view, total.quality >= QUALITY_PARTIAL, total.lag,
		demoapi_replicas(d->api), demokafka_bursting(d->kafka));
}

static void draw(struct demo *d, long second)
{
	struct strbuf CLEANUP(strbuf_release) out = STRBUF_INIT;

	demoscreen_render(&d->view, second, d->url, &out);
	(void)fputs(strbuf_str(&out), stdout);
	(void)fflush(stdout);
}

static void note_decision(struct demo *d, long second)
{
	int32_t replicas = demoapi_replicas(d->api), before = d->view.replicas;
	char line[DEMOSCREEN_LINE];
	struct target_view view;

	if (!scaler_look(scaling_scaler(d->program.scaling), 0, &view) || !view.has_decision)
		return;
	d->raises += before && replicas > before;
	d->cuts += before && replicas < before;
	if (demoscreen_note(&d->view, second, replicas, &view.decision, line) && !d->screen) {
		(void)printf("%s\n", line);
		(void)fflush(stdout);
	}
}

static void run(struct demo *d, int signals)
{
	struct pollfd wait = {.fd = signals, .events = POLLIN};
	int64_t began = clock_mono_ms();
	long drawn = -1, second = 0;

	while (!(d->seconds && second >= d->seconds) && poll(&wait, 1, TICK_MS) == 0) {
		second = (long)((clock_mono_ms() - began) / 1000);
		note_decision(d, second);
		demokafka_scale(d->kafka, (size_t)demoapi_replicas(d->api));
		if (second == drawn)
			continue;
		drawn = second;
		take_sample(d);
		if (d->screen)
			draw(d, second);
	}
}

static int parse(int argc, char **argv, struct demo *d)
{
	static const struct option longs[] = {
		{"listen", required_argument, NULL, 'l'},
		{"seconds", required_argument, NULL, 's'},
		{"plain", no_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "l:s:h", longs, NULL)) != -1) {
		switch (c) {
		case 'l':
			d->listen = optarg;
			break;
		case 's':
			d->seconds = strtol(optarg, &end, 10);
			if (*end || d->seconds < 1 || d->seconds > 86400) {
				(void)fprintf(stderr,
					"hexlag demo: --seconds '%s' is not in 1 to 86400\n",
					optarg);
				return EXIT_USAGE;
			}
			break;
		case 'p':
			d->screen = false;
			break;
		case 'h':
			usage(stdout, EXIT_OK);
			exit(EXIT_OK);
		default:
			return usage(stderr, EXIT_USAGE);
		}
	}
	return optind < argc ? usage(stderr, EXIT_USAGE) : EXIT_OK;
}

int cmd_demo(int argc, char **argv)
{
	struct demo d = {.listen = ":9308", .screen = isatty(STDOUT_FILENO)};
	int code = parse(argc, argv, &d), signals;
	struct err err = {0};

	if (code != EXIT_OK)
		return code;
	signals = signals_open(false);
	/* The mock cluster cannot list groups, which would be the one warning. */
	log_init(LOG_LEVEL_ERROR, false);
	if (start(&d, &err) < 0) {
		(void)fprintf(stderr, "hexlag demo: %s\n", err.msg);
		code = EXIT_FAILED;
	} else {
		if (!d.screen)
			(void)printf("hexlag demo: %s\n", d.url);
		run(&d, signals);
		(void)printf("hexlag demo: scaled up %ld and down %ld times\n", d.raises, d.cuts);
	}
	(void)fflush(stdout);
	if (!stop(&d))
		_exit(code);
	(void)close(signals);
	return code;
}
