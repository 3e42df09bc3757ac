/* What the kafka*.c files share; nobody else includes this, or, but for the demo, librdkafka. */
#ifndef HEXLAG_KAFKASESSION_H
#define HEXLAG_KAFKASESSION_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#include "sidecar/build.h"
#include "sidecar/kafka.h"
#include "sidecar/statsjson.h"

/* The calls that are counted for metrics. */
enum kafka_call {
	CALL_METADATA,
	CALL_LIST_GROUPS,
	CALL_DESCRIBE_GROUPS,
	CALL_COMMITTED_OFFSETS,
	CALL_OFFSETS,
	CALL_KINDS,
};

/* What a session knows of a broker from one cycle to the next. A broker that left a question
 * unanswered is silent: it is asked one question a cycle, to see whether it is back, and nobody waits
 * for it. */
struct kafka_peer {
	int32_t id;
	bool silent;
	int64_t latency_ms; /* how long it is waited for, being slow; 0: as all others */
	size_t pending;     /* questions of earlier cycles that are still under way */
	int64_t failures;   /* questions that it left unanswered, ever */
};

/* A call of the library that blocks, made in a thread so that nobody waits for a broker that hangs. */
struct kafka_job {
	struct kafka *k;
	void (*run)(struct kafka_job *job);
	pthread_t thread;
	bool started;  /* and not yet waited for to the end */
	bool threaded; /* there is a thread to join */
	bool done;     /* guarded by k->lock */
};

/* All topics of the cluster, read in a thread. */
struct kafka_metadata_job {
	struct kafka_job job;
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code;
};

/* All classic groups with their members, read in a thread. */
struct kafka_members_job {
	struct kafka_job job;
	const struct rd_kafka_group_list *list; /* NULL: it failed */
};

struct kafka_leader; /* the offsets of one broker's partitions, read in a thread */

struct kafka {
	struct kafka_options options;
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;      /* answers about groups */
	rd_kafka_queue_t *list_queue; /* answers to listings, which may outlive a cycle */
	bool listing;                 /* one is under way */
	int64_t list_began_ms;        /* since then */
	bool all_listed;              /* every broker answered the last one, in its time */
	uint32_t generation;          /* of the questions about groups; tells old answers */

	struct kafka_metadata_job metadata;
	struct kafka_members_job members;
	struct kafka_leader *late; /* leaders that had not answered when their cycle ended */

	int32_t *coordinators; /* leader of each partition of __consumer_offsets, -1 none */
	size_t coordinator_count;

	pthread_mutex_t lock;   /* guards what is below */
	pthread_cond_t changed; /* a job is done */
	struct kafka_peer *peers;
	size_t peer_count;
	char cause[256]; /* what the library said last of why a connection failed */
	int64_t calls[CALL_KINDS], failures[CALL_KINDS];
	/* As the library reports it every five seconds: of this handle; of the ones before it. */
	struct stats_traffic traffic, earlier;
};

void kafka_count(struct kafka *k, enum kafka_call call, bool failed);

/* How long an answer is waited for, in ms, of any broker and of broker `id`. Thread: any. */
int64_t kafka_patience_ms(const struct kafka *k);
int64_t kafkapeer_patience_ms(struct kafka *k, int32_t id);
bool kafkapeer_silent(struct kafka *k, int32_t id);

/* An answer came, while it was waited for or after that. */
void kafkapeer_answered(struct kafka *k, int32_t id, int64_t took_ms);
void kafkapeer_answered_late(struct kafka *k, int32_t id);

/* So did all brokers there are. */
void kafkapeer_all_answered(struct kafka *k);

/* No answer came in time, or a failure of the connection did; `pending` of the questions may still be
 * answered. */
void kafkapeer_failed(struct kafka *k, int32_t id, size_t pending);

/* One of these has ended, with an answer or without. */
void kafkapeer_ended(struct kafka *k, int32_t id);
bool kafkapeer_pending(struct kafka *k, int32_t id);

/* Nothing is under way any more: the handle goes. */
void kafkapeer_forget(struct kafka *k);

/* Runs `run(job)` in a thread, or at once where there can be none. The job is the caller's and must
 * stay until kafkajob_wait() has returned true. */
void kafkajob_start(struct kafka_job *job, struct kafka *k, void (*run)(struct kafka_job *job));

/* Waits for the end of a started job until the deadline (monotonic ms); true: it has ended. */
bool kafkajob_wait(struct kafka_job *job, int64_t deadline_ms);
void kafkajob_join(struct kafka_job *job); /* waits as long as it takes; not started is fine */

/* What an event about one group holds: one of the two, or an error with its reason. Everything is
 * borrowed from the event. */
struct kafka_answer {
	const rd_kafka_topic_partition_list_t *committed;
	const rd_kafka_ConsumerGroupDescription_t *description;
	rd_kafka_resp_err_t code;
	const char *why;
};

/* A request that failed shows as an error of the event, or of its only group. */
struct kafka_answer kafkaanswer_read(rd_kafka_event_t *event);

/* Frees the late leaders that have ended; `wait`: all, once they have. */
void kafkaoffsets_reap(struct kafka *k, bool wait);

/* Waits for them; false: one has not ended by the deadline (monotonic ms). */
bool kafkaoffsets_settle(struct kafka *k, int64_t deadline_ms);

/* Waits for the other jobs and frees what they brought. */
void kafkametadata_close(struct kafka *k);
void kafkamembers_close(struct kafka *k);

/* Drops a reading that has ended since its cycle gave it up. One that is still under way is taken by the
 * cycle in which it ends. */
void kafkamembers_drop_late(struct kafka *k);

/* Begins to read the members of all classic groups in one go, unless that is under way. */
void kafkamembers_start(struct kafka *k);

/* Puts what it brought into the groups with `asked`, waiting for it until the deadline. What did not
 * come leaves members unknown. */
void kafkamembers_finish(
	struct kafka *k, struct snapshot *s, struct build_index *ix, int64_t deadline_ms);

/* State and members of one group as the library describes it. */
void kafkamembers_take(struct snapshot *s, struct build_index *ix, struct group *g,
	const rd_kafka_ConsumerGroupDescription_t *from);

/* Whether the error says that the broker itself did not answer, rather than that it said no. */
bool kafka_unreachable(rd_kafka_resp_err_t code);

bool kafka_stopping(const struct kafka *k);

/* The library's group state as ours; GROUP_UNKNOWN for those that are newer than this code. */
enum group_state kafka_group_state(int state);

/* The consumer configuration of options->properties and our own settings; NULL and ERR_CONFIG. */
rd_kafka_conf_t *kafkaconf_new(const struct kafka_options *options, struct err *err) MUSTCHECK;

#endif
