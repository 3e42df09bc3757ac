#include "scaler/control.h"

#include <stdlib.h>

void control_release(struct control *c)
{
	free(c->looks);
	*c = (struct control){0};
}
