#include "scaler/leasehooks.h"

#include "common/log.h"

bool leasehooks_leads(void *ctx, int64_t margin_ms)
{
	struct leasehooks *h = ctx;
	uint64_t term;

	if (margin_ms > 0) {
		term = lease_term(h->lease, margin_ms + LEASE_SLACK_MS);
		return term && term == h->term;
	}
	term = lease_term(h->lease, 0);
	if (h->term && term != h->term)
		term = 0;
	h->term = term;
	return term != 0;
}

char *leasehooks_take_state(void *ctx)
{
	const struct leasehooks *h = ctx;

	return lease_take_state(h->lease, h->term);
}

void leasehooks_save_state(void *ctx, const char *text)
{
	const struct leasehooks *h = ctx;
	struct err err = {0};

	if (lease_set_state(h->lease, h->term, text, &err) < 0)
		log_warn("lease %s: the next leader will lack the state: %s", lease_name(h->lease),
			err.msg);
}
