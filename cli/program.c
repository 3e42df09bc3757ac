#include "cli/program.h"

#include <inttypes.h>
#include <pthread.h>

#include "cli/reload.h"
#include "cli/scaling.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "scaler/accessreview.h"
#include "scaler/decisionsjson.h"
#include "sidecar/collector.h"
#include "sidecar/history.h"
#include "sidecar/kafkatimes.h"
#include "sidecar/publish.h"
#include "sidecar/statefile.h"
#include "sidecar/trend.h"

/* A snapshot older than so many intervals, and as many time-outs as a cycle with a broker that hangs can
 * take, is not ready and is not acted on. */
#define FRESH_INTERVALS 3
#define FRESH_TIMEOUTS 5

/* A collector that has shown no sign of life for so long is stuck, and /healthz says so. */
#define STUCK_MS 60000

/* A call to a broker cannot be interrupted; who asked to stop waits no longer than this. */
#define STOP_MS 1500

/* Of each of the two questions to the API server about who asks: within Prometheus' default for a scrape. */
#define REVIEW_TIMEOUT_MS 3000

static int heartbeat(void *ctx, struct err *err)
{
	struct program *p = ctx;
	int64_t silent = clock_mono_ms() - collector_heartbeat_ms(p->collector);
	int64_t interval = p->settings.exporter.interval_ms;

	/* A cycle of a slow cluster may take several calls' time-outs. */
	if (silent > STUCK_MS + interval + 10 * p->settings.kafka.timeout_ms)
		return err_set(err, ERR_RETRY, "the collector has been stuck for %" PRId64 "s",
			silent / 1000);
	return 0;
}

static void append_collector(void *ctx, struct exposition *x)
{
	collector_metrics(ctx, x);
}

static void append_scaler(void *ctx, struct exposition *x)
{
	scaling_metrics(ctx, x);
}

static void append_reload(void *ctx, struct exposition *x)
{
	reload_metrics(ctx, x);
}

static void append_complaint(void *ctx, struct strbuf *out)
{
	reload_complaint(ctx, out);
}

static void append_decisions(void *ctx, struct strbuf *out)
{
	struct scaler_report CLEANUP(scaler_report_release) report = {0};

	if (ctx)
		scaling_report(ctx, &report);
	decisionsjson(ctx ? &report : NULL, clock_mono_ms(), out);
}

static bool gate_known(void *ctx, const char *token, unsigned *ret_status)
{
	return accessreview_known(ctx, token, ret_status);
}

static void gate_ask(
	void *ctx, const char *token, void (*done)(void *who, unsigned status), void *who)
{
	accessreview_ask(ctx, token, done, who);
}

/* Whether Kafka is not asked because another replica leads. */
static bool rests(void *ctx)
{
	const struct program *p = ctx;
	bool leads = p->leads ? p->leads() : !p->scaling || scaling_leads(p->scaling);

	return settings_standby_rests(&p->settings) && !leads;
}

void program_leads_changed(struct program *p)
{
	/* Two that ask at the same time must not act in the other order. */
	pthread_mutex_lock(&p->pausing);
	collector_pause(p->collector, rests(p));
	pthread_mutex_unlock(&p->pausing);
}

/* The longest time between two snapshots when all is well. */
static int64_t snapshot_interval(const struct settings *s)
{
	int64_t full = s->exporter.present ? s->exporter.interval_ms : INT64_MAX;
	int64_t watch = s->scaler.present ? s->scaler.interval_ms : INT64_MAX;

	return full < watch ? full : watch;
}

/* A state that cannot be used costs some history; that is no reason not to start. */
static void make_history(struct program *p)
{
	const struct settings *s = &p->settings;
	const struct history_options options = {
		.stuck_after_ms = s->exporter.stuck_after_ms,
		.max_idle_ms = s->exporter.group_max_idle_ms,
	};
	struct err err = {0};

	if (!s->exporter.present)
		return;
	p->history = history_new(&options);
	if (!s->exporter.state_file)
		return;
	p->statefile = statefile_new(s->exporter.state_file, p->history);
	if (statefile_load(p->statefile, &err) < 0)
		log_warn("%s; going on without the saved state", err.msg);
}

/* These rules are about to be in force. */
static uint64_t watch(void *ctx, const struct ruleset *rules)
{
	struct program *p = ctx;
	size_t count;
	struct kafka_watch *CLEANUP(mem_free_at) watches = settings_watches(rules, &count);

	return collector_set_watches(p->collector, watches, count);
}

static void leads_changed(void *ctx)
{
	program_leads_changed(ctx);
}

/* Of a file that was read again and is right. */
static int apply(void *ctx, const struct settings *s, struct err *err)
{
	struct ruleset *CLEANUP(ruleset_unref_at) rules = settings_rules(s);
	struct program *p = ctx;

	return p->scaling ? scaling_set_rules(p->scaling, rules, err) : 0;
}

static int make_collector(struct program *p, struct err *err)
{
	const struct settings *s = &p->settings;
	struct collector_options options = {
		.kafka = settings_kafka(s, &p->filters),
		.full_ms = s->exporter.present ? s->exporter.interval_ms : 0,
		.watch_ms = s->scaler.present ? s->scaler.interval_ms : 0,
		.publish = p->publish,
		.history = p->history,
		.trend = p->trend,
	};

	if (s->exporter.present && p->filters.time_lag_exact) {
		p->times = kafkatimes_open(&options.kafka, p->filters.time_lag_exact, err);
		if (!p->times)
			return -1;
		options.times = p->times;
	}
	p->collector = collector_new(&options, err);
	return p->collector ? 0 : -1;
}

static int64_t snapshot_max_age(const struct settings *s)
{
	return FRESH_INTERVALS * snapshot_interval(s) + FRESH_TIMEOUTS * s->kafka.timeout_ms;
}

static int make_scaling(struct program *p, struct err *err)
{
	struct ruleset *CLEANUP(ruleset_unref_at) rules = settings_rules(&p->settings);
	const struct scaling_options options = {
		.settings = &p->settings,
		.publish = p->publish,
		.max_age_ms = snapshot_max_age(&p->settings),
		.watch = watch,
		.leads_changed = leads_changed,
		.ctx = p,
	};

	if (!p->settings.scaler.present)
		return 0;
	p->scaling = scaling_new(&options, err);
	return p->scaling ? scaling_set_rules(p->scaling, rules, err) : -1;
}

/* Whom the listener lets in is up to the API server, where the settings say so. */
static int start_gate(struct program *p, struct err *err)
{
	const struct settings *s = &p->settings;
	const struct kube_options kube = {.kubeconfig = s->scaler.kubeconfig,
		.context = s->scaler.context,
		.timeout_ms = REVIEW_TIMEOUT_MS};

	if (!s->exporter.present || !s->exporter.auth)
		return 0;
	p->review = accessreview_start(&kube, err);
	if (!p->review)
		return err_wrap(err, "exporter.auth");
	p->gate = (struct httpd_gate){gate_known, gate_ask, p->review};
	if (!s->exporter.web.file)
		log_warn("exporter.auth without exporter.web_config: tokens come unencrypted");
	return 0;
}

static int start_web(struct program *p, struct err *err)
{
	const struct settings *s = &p->settings;
	struct web_options options = {
		.listen = s->exporter.listen,
		.web = s->exporter.web,
		.gate = p->review ? &p->gate : NULL,
		.path = s->exporter.path,
		.publish = p->publish,
		.trend = p->trend,
		.metrics = &p->metrics,
		.series = p->series,
		.documents = &p->decisions,
		.document_count = 1,
		.ready_max_age_ms = snapshot_max_age(s),
		.heartbeat = heartbeat,
		.heartbeat_ctx = p,
		.standby = rests,
		.standby_ctx = p,
		.detail = p->reload ? append_complaint : NULL,
		.detail_ctx = p->reload,
	};

	if (!s->exporter.present)
		return 0;
	p->metrics.profile = (enum profile_id)s->exporter.profile;
	p->metrics.assigned_only = !s->exporter.show_all;
	p->metrics.hide_zero_lag = s->exporter.hide_zero_lag;
	p->metrics.per_topic = p->filters.per_topic;
	p->metrics.max_series = (size_t)s->exporter.max_series;
	p->metrics.time_lag = (enum series_time_lag)s->exporter.time_lag;
	if (s->exporter.labels &&
		(labels_parse(s->exporter.labels, &p->metrics.labels, err) < 0 ||
			profile_check_labels(p->metrics.profile, &p->metrics.labels, err) < 0))
		return -1;
	p->series[options.series_count++] = (struct web_series){append_collector, p->collector};
	if (p->scaling)
		p->series[options.series_count++] = (struct web_series){append_scaler, p->scaling};
	if (p->reload)
		p->series[options.series_count++] = (struct web_series){append_reload, p->reload};
	p->decisions = (struct api_document){"/api/v1/decisions", append_decisions, p->scaling};
	p->web = web_start(&options, err);
	return p->web ? 0 : -1;
}

int program_start(struct program *p, struct err *err)
{
	pthread_mutex_init(&p->pausing, NULL);
	if (settings_filters(&p->settings, &p->filters, err) < 0)
		return -1;
	if (p->file)
		p->reload = reload_new(
			&(struct reload_options){
				.path = p->file, .running = &p->settings, .apply = apply, .ctx = p},
			clock_wall_ms());
	p->publish = publish_new();
	make_history(p);
	if (p->settings.exporter.present)
		p->trend = trend_new();
	/* What can be wrong with the configuration shows before anything runs, and the listener is up
	 * before Kafka is asked, so that probes are answered whatever Kafka does. */
	if (make_collector(p, err) < 0 || make_scaling(p, err) < 0 || start_gate(p, err) < 0 ||
		start_web(p, err) < 0)
		return -1;
	program_leads_changed(p);
	if (collector_start(p->collector, err) < 0)
		return -1;
	if (p->statefile && statefile_start(p->statefile, err) < 0)
		return -1;
	if (p->times && kafkatimes_start(p->times, err) < 0)
		return -1;
	return p->scaling ? scaling_start(p->scaling, err) : 0;
}

static void release(struct program *p)
{
	scaling_free(p->scaling);
	collector_free(p->collector);
	statefile_free(p->statefile);
	kafkatimes_close(p->times);
	history_free(p->history);
	publish_free(p->publish);
	trend_free(p->trend);
	settings_filters_release(&p->filters);
	labels_release(&p->metrics.labels);
	reload_free(p->reload);
	settings_release(&p->settings);
	pthread_mutex_destroy(&p->pausing);
}

bool program_stop(struct program *p)
{
	int64_t deadline = clock_mono_ms() + STOP_MS;
	bool ended = true;

	if (p->collector)
		collector_stop(p->collector);
	if (p->statefile)
		statefile_stop(p->statefile);
	if (p->times)
		kafkatimes_stop(p->times);
	/* Nobody may wait for a verdict when the server stops. */
	accessreview_stop(p->review);
	web_stop(p->web);
	accessreview_free(p->review);
	if (p->scaling)
		ended &= scaling_stop(p->scaling, deadline);
	if (p->collector)
		ended &= collector_join(p->collector, deadline);
	if (p->times)
		ended &= kafkatimes_join(p->times, deadline);
	if (p->statefile)
		ended &= statefile_join(p->statefile, deadline);
	if (ended)
		release(p);
	return ended;
}
