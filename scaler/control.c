#include "scaler/control.h"

#include <stdlib.h>

#include "common/mem.h"

void control_release(struct control *c)
{
	free(c->looks);
	free(c->watches);
	behavior_state_release(&c->behavior);
	*c = (struct control){0};
}

void control_fit(struct control *c, size_t thresholds)
{
	if (c->look_count == thresholds)
		return;
	free(c->looks);
	free(c->watches);
	c->looks = mem_zalloc(thresholds, sizeof(*c->looks));
	c->watches = mem_zalloc(thresholds, sizeof(*c->watches));
	c->look_count = thresholds;
}
