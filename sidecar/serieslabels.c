#include "sidecar/serieslabels.h"

#include <string.h>

#include "common/exposition.h"

#ifndef HEXLAG_VERSION
#define HEXLAG_VERSION "unknown"
#endif

/* clang-format off */
static const struct series_label
	snapshot_labels[] = {{0}},
	phase_labels[] = {{"phase", LABEL_PHASE}, {0}},
	broker_labels[] = {{"address", LABEL_BROKER_ADDRESS}, {"id", LABEL_BROKER_ID}, {0}},
	topic_labels[] = {{"topic", LABEL_TOPIC}, {0}},
	partition_labels[] = {{"partition", LABEL_PARTITION}, {"topic", LABEL_TOPIC}, {0}},
	group_labels[] = {{"consumergroup", LABEL_GROUP}, {0}},
	state_labels[] = {{"consumergroup", LABEL_GROUP}, {"state", LABEL_STATE}, {0}},
	group_topic_labels[] = {{"consumergroup", LABEL_GROUP}, {"topic", LABEL_TOPIC}, {0}},
	group_partition_labels[] = {{"consumergroup", LABEL_GROUP}, {"partition", LABEL_PARTITION},
		{"topic", LABEL_TOPIC}, {0}};
/* clang-format on */

static const struct series_label *const labels_per[] = {
	[SERIES_PER_SNAPSHOT] = snapshot_labels,
	[SERIES_PER_PHASE] = phase_labels,
	[SERIES_PER_BROKER] = broker_labels,
	[SERIES_PER_TOPIC] = topic_labels,
	[SERIES_PER_PARTITION] = partition_labels,
	[SERIES_PER_GROUP] = group_labels,
	[SERIES_PER_STATE] = state_labels,
	[SERIES_PER_GROUP_TOPIC] = group_topic_labels,
	[SERIES_PER_GROUP_PARTITION] = group_partition_labels,
};

const struct series_label *series_labels(const struct series *series)
{
	return series->labels ? series->labels : labels_per[series->per];
}

static void add_broker(const struct series_at *at, enum label_of of, struct strbuf *out)
{
	const char *address = at->broker->address, *colon = strrchr(address, ':');
	struct strbuf host CLEANUP(strbuf_release) = STRBUF_INIT;

	if (of == LABEL_BROKER_ADDRESS) {
		exposition_label_value(out, address);
	} else if (of == LABEL_BROKER_ID) {
		strbuf_addi(out, at->broker->id);
	} else if (of == LABEL_BROKER_PORT) {
		exposition_label_value(out, colon ? colon + 1 : "");
	} else {
		strbuf_add(&host, address, colon ? (size_t)(colon - address) : strlen(address));
		exposition_label_value(out, host.data);
	}
}

static void add_member(const struct series_at *at, enum label_of of, struct strbuf *out)
{
	uint32_t owner = at->group_partition->member;
	const struct member *m =
		owner && owner <= at->group->member_count ? &at->group->members[owner - 1] : NULL;
	const char *text = NULL;

	if (m)
		text = of == LABEL_MEMBER_CLIENT ? m->client_id
		       : of == LABEL_MEMBER_HOST ? m->host
						 : m->id;
	exposition_label_value(out, text ? text : "");
}

void series_label_value(const struct series_at *at, enum label_of of, struct strbuf *out)
{
	switch (of) {
	case LABEL_PHASE:
		strbuf_adds(out, phase_name(at->phase));
		break;
	case LABEL_BROKER_ADDRESS:
	case LABEL_BROKER_HOST:
	case LABEL_BROKER_PORT:
	case LABEL_BROKER_ID:
		add_broker(at, of, out);
		break;
	case LABEL_BROKER_COUNT:
		strbuf_addi(out, (int64_t)at->s->broker_count);
		break;
	case LABEL_PARTITION_COUNT:
		strbuf_addi(out, (int64_t)at->topic->count);
		break;
	case LABEL_REPLICAS:
		if (at->topic->count && at->topic->partitions[0].replicas > 0)
			strbuf_addi(out, at->topic->partitions[0].replicas);
		break;
	case LABEL_STATE:
		strbuf_adds(out, group_state_name(at->state));
		break;
	case LABEL_GROUP_STATE:
		strbuf_adds(out, group_state_name(at->group->state));
		break;
	case LABEL_COORDINATOR:
		if (at->group->coordinator >= 0)
			strbuf_addi(out, at->group->coordinator);
		break;
	case LABEL_MEMBER_CLIENT:
	case LABEL_MEMBER_HOST:
	case LABEL_MEMBER_ID:
		add_member(at, of, out);
		break;
	case LABEL_VERSION:
		strbuf_adds(out, HEXLAG_VERSION);
		break;
	case LABEL_TOPIC:
	case LABEL_GROUP:
	case LABEL_PARTITION:
		break;
	}
}
