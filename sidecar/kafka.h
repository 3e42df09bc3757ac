/* One session with a Kafka cluster: questions asked by librdkafka, answers put into a snapshot under
 * construction. The only module that knows the library, but for the
 * demo's mock cluster.
 *
 * The library has edges that crash the process or lose an answer (measured on 2.0.2 and 2.15.1), which
 * shape this module:
 *   - a group's coordinator is computed and named in each call, since letting the library look for it
 *     aborts the process when a broker comes back (librdkafka issues 4605, 3663);
 *   - the one handle is a consumer with a group.id that never joins, since NOT_COORDINATOR otherwise
 *     dereferences NULL (issue 5040);
 *   - end offsets are asked per leader, since one dead leader fails the whole call, and at most 1,500
 *     at a time, since the answer is matched in quadratic time;
 *   - metadata of all topics is read at the start of every cycle, since the library's cache keeps
 *     failing on a recreated topic.
 *   - calls that block are made in threads, and a broker that left a question unanswered is not waited
 *     for until it answers again, so that one that hangs delays nobody.
 * Every call has a deadline. Thread: one at a time, except where a function says any. */
#ifndef HEXLAG_KAFKA_H
#define HEXLAG_KAFKA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/exposition.h"
#include "common/strbuf.h"
#include "sidecar/snapshot.h"

struct pattern;
struct watches;

/* All borrowed for the life of the session, `watches` until others are set. */
struct kafka_options {
	const char *bootstrap;              /* "host:port,host:port" */
	struct conf_strings properties;     /* "name=value" of librdkafka */
	struct conf_strings property_files; /* "name=/path": the value is the file's text */
	struct conf_strings property_env;   /* "name=VARIABLE": the value is that of the variable */
	bool read_committed;                /* end offset: last stable offset, not high watermark */
	int64_t timeout_ms;                 /* of one call, > 0 */
	int64_t patience_ms;   /* how long a cycle waits for a broker; 0, or more: as timeout_ms */
	unsigned group_states; /* of groups to list: bits 1 << enum group_state; 0: all */
	const struct pattern *group_filter, *group_exclude; /* NULL: all, none */
	const struct pattern *topic_filter, *topic_exclude;
	bool keep_filtered;            /* keep the topics that fail the filter, as `filtered` */
	const char *only_group;        /* list no other; NULL: all */
	const struct watches *watches; /* NULL: none */
	const atomic_bool *stop;       /* set: phases end early; may be NULL */
};

struct kafka;

/* Checks the properties and makes a handle; does not wait for a broker. ERR_CONFIG names the property
 * at fault, never a secret value. */
struct kafka *kafka_open(const struct kafka_options *options, struct err *err) MUSTCHECK;

/* Waits for calls that are under way, so that kafka_close() need not. False: they are still, and closing
 * would block for up to two time-outs. Once all phases have ended. */
bool kafka_settle(struct kafka *k, int64_t deadline_ms);
void kafka_close(struct kafka *k); /* NULL is fine */

/* Whether the properties are valid, without a session. */
int kafka_check(const struct kafka_options *options, struct err *err) MUSTCHECK;

/* Fills `brokers` and `topics` (sorted; filtered) of `s` and learns the coordinators. Waits for `wait_ms`
 * at most: -1 with *ret_late where the answer may still come. */
int kafka_metadata(struct kafka *k, struct snapshot *s, int64_t wait_ms, bool *ret_late,
	struct err *err) MUSTCHECK;

/* The id of the cluster, once kafka_metadata() succeeded; NULL where the brokers tell none. */
char *kafka_cluster_id(struct kafka *k, struct arena *arena);

struct kafka_group {
	char *name;
	enum group_state state;
	enum group_type type;
	bool hidden; /* exists, and is filtered out by its state */
};

/* Lists the groups of all brokers that pass the filters, strings and array in the arena of `s`, in no
 * order, duplicates possible. An answer that takes longer than `wait_ms` is left under way and taken by
 * a later call, so that one dead broker delays nobody. -1 when there is no answer (yet).
 * *ret_complete: every broker answered; *ret_late, of -1: they still have time. Both are set only where
 * they hold. */
int kafka_list_groups(struct kafka *k, struct snapshot *s, int64_t wait_ms,
	struct kafka_group **ret_groups, size_t *ret_count, bool *ret_complete, bool *ret_late,
	struct err *err) MUSTCHECK;

/* Asks the coordinator of every group with `asked` for committed offsets (all, or those of watched
 * topics where not `everything`), state and members. All groups are in flight together, at most 16
 * requests per coordinator; a coordinator that says nothing for `patience_ms` is given up. What answered
 * has `answered` set; what did not has an `error`. */
void kafka_ask_groups(struct kafka *k, struct snapshot *s);

/* Asks the leaders for the end offset of every partition with `asked`, and for the start offset of those
 * with `ask_start` or with an end before their start (recreated topic). What answered is `fresh`. Leaders
 * are asked in parallel. */
void kafka_ask_offsets(struct kafka *k, struct snapshot *s);

/* What is watched from the next phase on; to be called between cycles. Borrowed as the options. */
void kafka_set_watches(struct kafka *k, const struct watches *watches);

/* Whether the name passes the filters, or is watched. */
bool kafka_wants_group(const struct kafka_options *o, const char *name);
bool kafka_wants_topic(const struct kafka_options *o, const char *name);

/* Replaces the library's handle: the cure where a whole class of calls keeps failing. -1 where that
 * fails (the file of a secret is away); kafka_metadata() tries again. */
int kafka_reopen(struct kafka *k, struct err *err) MUSTCHECK;

/* Appends calls, failures, requests and bytes as metrics. Thread: any. */
void kafka_metrics(struct kafka *k, struct exposition *x);

extern const struct family kafka_families[]; /* the families that it appends */

const char *kafka_library_version(void);

#endif
