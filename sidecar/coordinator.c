#include "sidecar/coordinator.h"

#include "common/utf8.h"

int32_t coordinator_partition(const char *group, int32_t partitions)
{
	uint32_t hash = 0;

	while (*group) {
		uint32_t code;
		size_t length = utf8_read(group, &code);

		group += length ? length : 1;
		if (code >= 0x10000) {
			hash = 31 * hash + (0xd800 + ((code - 0x10000) >> 10));
			code = 0xdc00 + ((code - 0x10000) & 0x3ff);
		}
		hash = 31 * hash + code;
	}
	/* Utils.abs: the smallest int has no positive twin and counts as 0. */
	if (hash == 0x80000000u)
		hash = 0;
	else if (hash > 0x80000000u)
		hash = 0 - hash;
	return (int32_t)(hash % (uint32_t)partitions);
}
