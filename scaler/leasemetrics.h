/* The leases of a process as metrics. */
#ifndef HEXLAG_LEASEMETRICS_H
#define HEXLAG_LEASEMETRICS_H

#include <stddef.h>

#include "common/exposition.h"
#include "scaler/lease.h"

/* Appends the families of `count` leases. Thread: any. */
void leasemetrics(struct lease *const *leases, size_t count, struct exposition *x);

extern const struct family leasemetrics_families[]; /* the families that it appends */

#endif
