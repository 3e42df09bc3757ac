#include "sidecar/coordinator.h"

#include <stddef.h>

/* Decodes one code point and advances `*at`. A byte that begins no valid sequence is U+FFFD. */
static uint32_t next_code_point(const unsigned char **at)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = *at;
	size_t length = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;
	uint32_t code = length <= 1 ? *p : *p & (0x7fu >> length);

	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			length = 0;
			break;
		}
		code = code << 6 | (p[i] & 0x3f);
	}
	*at = p + (length ? length : 1);
	if (!length || code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0xfffd;
	return code;
}

int32_t coordinator_partition(const char *group, int32_t partitions)
{
	const unsigned char *at = (const unsigned char *)group;
	uint32_t hash = 0;

	while (*at) {
		uint32_t code = next_code_point(&at);

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
