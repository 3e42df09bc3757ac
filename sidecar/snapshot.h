/* Consumer-group lag at one instant: the one data structure that the exporter and the scaler read.
 *
 * Built by one thread (the collector), then frozen: after publish_set() no field changes, so any
 * thread may read it without a lock while it holds a reference. All memory of a snapshot lives in
 * its arena and goes with the last reference.
 *
 * Unknown is never zero: every value that may be missing has a flag beside it, and a value that
 * could not be read in the latest attempt stays with the time of its last good reading.
 *
 * Words: committed offset, log end offset and log start offset as in Kafka's documentation. The
 * end offset is the high watermark, or the last stable offset with isolation read_committed. */
#ifndef HEXLAG_SNAPSHOT_H
#define HEXLAG_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"

#define SNAPSHOT_NONE SIZE_MAX /* an index that points nowhere */

struct broker {
	int32_t id;
	char *address; /* host:port as the cluster advertises it */
	char *error;   /* why it did not answer in this cycle; NULL: it did, or was not asked */
};

struct partition {
	int64_t start, end;        /* log start and end offset; valid with `has_offsets` */
	int64_t at_ms;             /* monotonic time of that reading */
	int32_t leader;            /* broker id; -1: no leader now */
	int32_t preferred;         /* broker id of the preferred leader, -1 unknown */
	int32_t replicas, in_sync; /* counts */
	bool has_offsets;          /* read at least once */
	bool fresh;                /* read in the latest cycle that asked */
	bool asked;                /* the cycle that made this snapshot asked for it */
	bool ask_start;            /* also for its start, which seldom moves; else `start` is old */
	bool got_start, got_end;   /* what it said; `fresh` is drawn from both */
	int64_t start_at_ms;       /* monotonic time at which the start was read; 0: never */
	int64_t end_before;        /* without `ask_start`: the end of the snapshot before */
};

struct topic {
	char *name;
	struct partition *partitions; /* index = partition id */
	size_t count;
	bool filtered; /* fails the topic filter: there for groups only, without series of its own */
};

enum group_state {
	GROUP_UNKNOWN, /* nobody said */
	GROUP_STABLE,
	GROUP_PREPARING_REBALANCE,
	GROUP_COMPLETING_REBALANCE,
	GROUP_EMPTY, /* exists, no members */
	GROUP_DEAD,
};

enum group_type {
	GROUP_TYPE_UNKNOWN, /* the library or the broker does not say */
	GROUP_TYPE_CLASSIC,
	GROUP_TYPE_CONSUMER, /* KIP-848 */
};

struct member {
	char *id, *client_id, *host;
};

/* One partition of a topic as one group sees it. */
struct group_partition {
	int64_t committed; /* valid with `has_committed` */
	int64_t lag;       /* messages, >= 0; valid with `has_lag` */
	int64_t at_ms;     /* monotonic time of the last good reading; valid with `answered` */
	uint32_t member;   /* 1 + index of the member that owns it; 0: nobody, or unknown */
	uint32_t
		time_lag_ms; /* age of the first record after the commit; valid with `has_time_lag`;
				 UINT32_MAX (49 days): so old or older */
	bool answered;       /* the coordinator has answered for it at least once */
	bool has_committed;  /* and said that there is a commit */
	bool has_lag;        /* commit and end offset were known together at least once */
	bool has_time_lag;   /* known; 0 is a group that has caught up */
	bool fresh;          /* all of it read in the latest cycle that asked */
	bool failed;         /* the coordinator answered with an error for it in that cycle */
};

struct group_topic {
	size_t topic;                       /* index in snapshot.topics */
	struct group_partition *partitions; /* as many as the topic has */
	bool asked;                         /* the cycle that made this snapshot asked for it */
	bool stuck;                /* a partition has lag, and its commit has not moved for long */
	bool has_commit_rate;      /* watched for a second or more */
	int64_t commit_rate_milli; /* records per 1000 s by which commits moved on, of late */
	int64_t commit_wall_ms;    /* when a commit was last seen to move; 0: not seen yet */
};

struct group {
	char *name;
	struct group_topic *topics; /* in no order */
	size_t topic_count, topic_room;
	struct member *members;
	size_t member_count;
	int32_t coordinator; /* broker id, -1 unknown */
	enum group_state state;
	bool listed; /* a broker listed it, so it exists */
	bool hidden; /* exists and is filtered out by its state; never in a published snapshot */
	bool kept; /* of the snapshot before; not in the listing of this cycle, if there was one */
	enum group_type type;
	bool described;     /* state, members and their partitions are those of this cycle */
	bool members_known; /* members have been read at least once */
	bool asked;         /* the cycle that made this snapshot asked its coordinator */
	bool answered;      /* and the coordinator answered with offsets */
	bool everything;    /* asked for all its commits, not only for a rule's topics */
	bool idle;          /* no members and no new commit for so long that nobody is to see it */
	char *error;        /* why it has no fresh offsets though asked; NULL: nothing wrong */
};

/* What one cycle cost. Phases in the order in which they run. */
enum phase { PHASE_METADATA, PHASE_LIST, PHASE_GROUPS, PHASE_OFFSETS, PHASE_MERGE, PHASE_COUNT };

enum quality {
	QUALITY_UNKNOWN,  /* never read, or does not exist (yet) */
	QUALITY_STALE,    /* nothing fresh; the last good values, with their age */
	QUALITY_PARTIAL,  /* some partitions fresh: their lag is a lower bound */
	QUALITY_COMPLETE, /* all partitions fresh */
};

struct snapshot {
	atomic_uint refs;
	struct arena arena;
	uint64_t seq;    /* counts the cycles of this process, from 1 */
	int64_t mono_ms; /* when the cycle began, monotonic clock */
	int64_t wall_ms; /* the same, wall clock */
	int64_t good_ms; /* monotonic time of the last cycle in which metadata was read; 0: never */
	bool metadata_ok; /* in this cycle */
	bool full;        /* all groups were asked, not only those of rules */
	bool list_ok;     /* every broker answered the latest listing of groups */
	int64_t phase_us[PHASE_COUNT];
	int64_t cpu_us;   /* of the whole process during the cycle */
	char *error;      /* why metadata or the listing failed; NULL: nothing wrong */
	char *cluster_id; /* as the brokers tell it; NULL: not known (yet) */
	struct broker *brokers;
	size_t broker_count;
	struct topic *topics; /* sorted by name (strcmp) */
	size_t topic_count;
	struct group *groups; /* sorted by name (strcmp) */
	size_t group_count;
};

/* The caller owns one reference. */
struct snapshot *snapshot_new(void);
struct snapshot *snapshot_ref(struct snapshot *s); /* Thread: any */
void snapshot_unref(struct snapshot *s);           /* NULL is fine. Thread: any */
void snapshot_unref_at(struct snapshot **s);       /* for CLEANUP */

/* Index in `topics` or `groups` by binary search, SNAPSHOT_NONE where absent. */
size_t snapshot_find_topic(const struct snapshot *s, const char *name);
size_t snapshot_find_group(const struct snapshot *s, const char *name);

/* The group; NULL where absent. `s` may be NULL. */
const struct group *snapshot_group(const struct snapshot *s, const char *name);

/* The group's view of the topic with this index, NULL where it has none. */
struct group_topic *snapshot_group_topic(const struct group *g, size_t topic);

/* Milliseconds since the last good reading at the time of the snapshot: 0 when fresh. */
int64_t snapshot_age_ms(const struct snapshot *s, const struct group_partition *p);

/* Adds a number of messages (>= 0) to a sum, which stays at INT64_MAX where it would be more. */
void lag_add(int64_t *sum, int64_t messages);

/* What is known of the lag of some partitions of a group, and how well: the one grading that both
 * metrics and decisions go by. Starts as {0}. */
struct lag_tally {
	size_t partitions, known, fresh;
};

/* Counts one more partition `p` as the group sees it. Known: the coordinator has answered for it, and
 * its log offsets were read, at least once each. Returns whether it is. */
bool lag_tally_add(
	struct lag_tally *t, const struct group_partition *gp, const struct partition *p);
enum quality lag_tally_quality(const struct lag_tally *t);

/* Whether the coordinator gave the committed offsets when it was last asked: a group that this cycle
 * did not ask still has the error of the cycle that did. */
bool snapshot_group_answered(const struct group *g);

/* Lag of a group over all partitions with a commit, in messages. False where it has none, or the lag
 * of one of them is not known: a part would pass for the whole. */
bool snapshot_group_lag(const struct snapshot *s, const struct group *g, int64_t *ret);

/* The largest time lag in milliseconds over the partitions of one topic, or of all, that have a
 * commit. False where there is none, or that of a partition with lag is not known. */
bool snapshot_topic_time_lag(
	const struct snapshot *s, const struct group_topic *gt, uint32_t *ret_ms);
bool snapshot_group_time_lag(const struct snapshot *s, const struct group *g, uint32_t *ret_ms);

/* What counts where a partition has no usable commit, as the consumers' auto.offset.reset. */
enum offset_reset { OFFSET_RESET_LATEST, OFFSET_RESET_EARLIEST };

/* Lag of a group over all partitions of a topic, as a decision sees it. */
struct lag_total {
	enum quality quality;
	int64_t lag;    /* complete: the lag; partial: of the fresh partitions; stale: last known */
	int64_t age_ms; /* of the oldest partition in it */
	/* Of the partitions in `lag`: the sum of their end offsets, how many have lag, and the largest lag
	 * of one. `end` minus `lag` is what the group has committed, or where it would begin. */
	int64_t end, max_lag;
	size_t with_lag;
	size_t partitions, fresh, without_commit;
	const char *why; /* of any quality but complete; static text */
};

/* `reset` says what a partition without a usable commit adds; a commit beyond the end is not usable
 * (Kafka clients then reset, too). A group that has no commit at all on the topic and no members is
 * unknown, since it may not exist; so is a topic that does not exist. */
struct lag_total snapshot_lag_total(
	const struct snapshot *s, const char *group, const char *topic, enum offset_reset reset);

const char *group_state_name(enum group_state state); /* as Kafka spells it */
const char *quality_name(enum quality quality);       /* "complete", ... */
const char *phase_name(enum phase phase);

#endif
