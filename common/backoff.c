#include "common/backoff.h"

int64_t backoff_next(int64_t last_ms, int64_t first_ms, int64_t longest_ms)
{
	int64_t wait_ms = last_ms ? 2 * last_ms : first_ms;

	return wait_ms < longest_ms ? wait_ms : longest_ms;
}

int64_t backoff_obey(int64_t wait_ms, int retry_after_s)
{
	int64_t asked_ms = retry_after_s * INT64_C(1000);

	return wait_ms > asked_ms ? wait_ms : asked_ms;
}
