/* The partitions of a member of a classic consumer group, as its assignor encoded them: the
 * ConsumerProtocolAssignment of Kafka's clients (big-endian; version int16, topics: count int32, each a
 * name with an int16 length and partitions with an int32 count; user data, which is left out). The bytes
 * come from a consumer, through its broker, and may be anything. Pure. */
#ifndef HEXLAG_ASSIGNMENT_H
#define HEXLAG_ASSIGNMENT_H

#include <stddef.h>
#include <stdint.h>

struct assignment {
	const unsigned char *data;
	size_t len, at;
	uint32_t topics, partitions; /* left to read */
	char topic[256];             /* Kafka's limit is 249 */
};

/* Borrows `data` as long as it is read. */
void assignment_init(struct assignment *a, const void *data, size_t len);

/* The next partition in *ret_partition, its topic in a->topic; -1 at the end, or where the bytes are
 * not an assignment any more. */
int assignment_next(struct assignment *a, int32_t *ret_partition);

#endif
