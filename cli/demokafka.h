/* A Kafka cluster inside the process, with a producer that has bursts and consumers that handle a
 * fixed rate each. Real protocol over TCP: librdkafka's mock cluster. */
#ifndef HEXLAG_DEMOKAFKA_H
#define HEXLAG_DEMOKAFKA_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/err.h"

#define DEMO_TOPIC "orders"
#define DEMO_GROUP "billing"
#define DEMO_PARTITIONS 12
#define DEMO_RATE 100    /* records/s that one consumer handles */
#define DEMO_QUIET 120   /* records/s produced between bursts */
#define DEMO_BURST 1500  /* and during one */
#define DEMO_BURST_S 4   /* length of a burst */
#define DEMO_PERIOD_S 30 /* from burst to burst; the first comes after a few seconds */
#define DEMO_CONSUMERS_MAX 8

struct demokafka;

struct demokafka *demokafka_start(struct err *err) MUSTCHECK;
void demokafka_stop(struct demokafka *d); /* NULL is fine */

const char *demokafka_bootstrap(const struct demokafka *d);

/* Starts or stops consumers until `count` (at most DEMO_CONSUMERS_MAX) run. Stopping one waits for its
 * last commit. */
void demokafka_scale(struct demokafka *d, size_t count);

/* Whether a burst is being produced now. */
bool demokafka_bursting(const struct demokafka *d);

#endif
