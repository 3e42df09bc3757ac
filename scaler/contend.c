#include "scaler/contend.h"

void contend_wrote(struct contend *c, int32_t from, int32_t to, int64_t now_ms)
{
	c->written = true;
	c->from = from;
	c->to = to;
	c->written_ms = now_ms;
}

static bool taken_back(const struct contend *c, int32_t replicas)
{
	return c->to > c->from ? replicas <= c->from : replicas >= c->from;
}

bool contend_read(struct contend *c, int32_t replicas, int64_t now_ms)
{
	if (!c->written || !taken_back(c, replicas))
		return false;
	c->written = false;
	if (now_ms - c->written_ms > CONTEND_REVERT_MAX_MS)
		return false;
	if (c->reverts && now_ms - c->reverted_ms > CONTEND_HOLD_MAX_MS + CONTEND_REVERT_MAX_MS) {
		/* The one before is long ago. */
		c->reverts = 0;
		c->hold_ms = 0;
	}
	c->reverted_ms = now_ms;
	if (++c->reverts < CONTEND_REVERTS)
		return true;
	c->reverts = CONTEND_REVERTS - 1;
	c->hold_ms = c->hold_ms ? c->hold_ms * 2 : CONTEND_HOLD_MS;
	if (c->hold_ms > CONTEND_HOLD_MAX_MS)
		c->hold_ms = CONTEND_HOLD_MAX_MS;
	c->until_ms = now_ms + c->hold_ms;
	return true;
}

bool contend_holds(const struct contend *c, int64_t now_ms)
{
	return now_ms < c->until_ms;
}
