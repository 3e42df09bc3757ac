/* Which cluster a session talks to. */
#include "sidecar/kafkasession.h"

char *kafka_cluster_id(struct kafka *k, struct arena *arena)
{
	/* Metadata has been read, so no wait is needed. */
	char *id = k->rk ? rd_kafka_clusterid(k->rk, 0) : NULL;
	char *copy = arena_strdup(arena, id);

	if (id)
		rd_kafka_mem_free(k->rk, id);
	return copy;
}
