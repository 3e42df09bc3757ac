#include "sidecar/assignment.h"

#include <string.h>

/* A big-endian number of `size` bytes; -1 where there are not so many. */
static int64_t number(struct assignment *a, size_t size)
{
	int64_t value = 0;

	if (a->len - a->at < size) {
		a->at = a->len;
		return -1;
	}
	for (size_t i = 0; i < size; i++)
		value = value << 8 | a->data[a->at++];
	return value;
}

void assignment_init(struct assignment *a, const void *data, size_t len)
{
	int64_t topics;

	*a = (struct assignment){.data = data, .len = len};
	(void)number(a, 2); /* every version so far begins alike */
	topics = number(a, 4);
	a->topics = topics > 0 ? (uint32_t)topics : 0;
}

static int next_topic(struct assignment *a)
{
	int64_t len = number(a, 2), partitions;

	if (len < 0 || (size_t)len >= sizeof(a->topic) || (size_t)len > a->len - a->at)
		return -1;
	memcpy(a->topic, a->data + a->at, (size_t)len);
	a->topic[len] = '\0';
	a->at += (size_t)len;
	partitions = number(a, 4);
	if (partitions < 0)
		return -1;
	a->partitions = (uint32_t)partitions;
	return 0;
}

int assignment_next(struct assignment *a, int32_t *ret_partition)
{
	int64_t partition;

	while (!a->partitions) {
		if (!a->topics)
			return -1;
		a->topics--;
		if (next_topic(a) < 0) {
			a->topics = 0;
			return -1;
		}
	}
	a->partitions--;
	partition = number(a, 4);
	if (partition < 0 || partition > INT32_MAX) {
		a->topics = a->partitions = 0;
		return -1;
	}
	*ret_partition = (int32_t)partition;
	return 0;
}
