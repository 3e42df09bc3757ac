/* The configuration file as structs. conf/hexlag.conf shows every option with its default. */
#ifndef HEXLAG_SETTINGS_H
#define HEXLAG_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/conf.h"
#include "scaler/rule.h"
#include "sidecar/kafka.h"
#include "sidecar/watches.h"
#include "sidecar/webconfig.h"

struct settings_filters {
	struct pattern *group_filter, *group_exclude, *topic_filter, *topic_exclude, *per_topic,
		*time_lag_exact; /* NULL: none */
};

/* scaler.leader_election; for struct lease_options. */
struct lease_settings {
	bool enabled;
	char *namespace, *identity; /* NULL: see there */
	char *name;
	int64_t duration_ms, deadline_ms, period_ms;
};
/* Which of several replicas exports what comes from Kafka. */
enum settings_group_series { SERIES_AUTO, SERIES_ALWAYS, SERIES_LEADER };

struct objects_settings {
	bool enabled;
	struct conf_strings namespaces; /* none: all */
	bool events;
};

struct settings {
	struct {
		char *bootstrap;
		struct conf_strings properties, property_files, property_env;
		int isolation; /* 0 read_uncommitted, 1 read_committed */
		int64_t timeout_ms;
	} kafka;
	struct {
		bool present;
		char *listen, *path;
		int64_t interval_ms;
		char *group_filter, *group_exclude, *topic_filter, *topic_exclude;
		struct conf_strings group_states; /* as Kafka spells them */
		char *labels;
		bool show_all;
		int profile; /* enum profile_id */
		char *per_topic;
		bool hide_zero_lag;
		int64_t max_series; /* 0: no limit */
		struct webconfig_source web;
		int auth;     /* 0 none, 1 kubernetes */
		int time_lag; /* enum series_time_lag */
		int64_t stuck_after_ms, group_max_idle_ms;
		char *state_file, *time_lag_exact;
		int group_series; /* enum settings_group_series */
	} exporter;
	struct {
		bool present;
		int64_t interval_ms;
		char *kubeconfig, *context;
		int64_t timeout_ms;
		bool check_rivals;
		struct lease_settings lease;
		struct objects_settings objects;
		struct conf_items rules; /* struct rule */
	} scaler;
	struct {
		int level;  /* enum log_level */
		int format; /* 0 text, 1 json */
	} log;
	struct conf_files files; /* that were read; none of a text */
};

/* Reads and checks the file. -1 with every error in `errors`. `ret` is zeroed first and is to be
 * released in both cases. */
int settings_read(const char *path, struct settings *ret, struct conf_errors *errors) MUSTCHECK;

/* The same for commands that do without Kafka: the file may lack the section. */
int settings_read_offline(const char *path, struct settings *ret, struct conf_errors *errors)
	MUSTCHECK;
int settings_parse(const char *text, const char *name, struct settings *ret,
	struct conf_errors *errors) MUSTCHECK;
void settings_release(struct settings *s);

/* The Kafka session that the settings ask for; everything in it is borrowed from `s` and `filters`. It
 * watches nothing. */
struct kafka_options settings_kafka(
	const struct settings *s, const struct settings_filters *filters);

/* ERR_CONFIG where an expression does not compile; release in both cases. */
int settings_filters(const struct settings *s, struct settings_filters *ret, struct err *err)
	MUSTCHECK;
void settings_filters_release(struct settings_filters *f);

/* The rules of the file, with one reference for the caller. */
struct ruleset *settings_rules(const struct settings *s);

/* The (group, topic) pairs of the rules, as often as they are there; the caller frees the array, its
 * strings are the rules'. */
struct kafka_watch *settings_watches(const struct ruleset *rules, size_t *ret_count);

/* Whether a rule is for the workload that this process is a pod of. */
bool settings_scales_self(const struct settings *s);

/* Whether a replica that does not lead asks Kafka nothing, and so exports nothing of it. */
bool settings_standby_rests(const struct settings *s);

/* Appends the path of each option that differs, as conf_differences(). */
void settings_differences(
	const struct settings *a, const struct settings *b, struct conf_strings *out);

/* Appends "option<TAB>default" for every option there is. */
void settings_list(struct strbuf *out);

#endif
