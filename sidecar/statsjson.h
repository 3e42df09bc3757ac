/* The statistics document of librdkafka (its STATISTICS.md). Pure. */
#ifndef HEXLAG_STATSJSON_H
#define HEXLAG_STATSJSON_H

#include <stddef.h>
#include <stdint.h>

/* Sums of tx, txbytes and rxbytes over all brokers, since the handle was made. -1: not such a document. */
int statsjson_traffic(const char *json, size_t len, int64_t *ret_requests, int64_t *ret_sent,
	int64_t *ret_received);

#endif
