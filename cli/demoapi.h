/* An API server inside the process that knows one Deployment: discovery of apps/v1 and its scale
 * subresource with resourceVersion, served over HTTP so that the real client code runs. */
#ifndef HEXLAG_DEMOAPI_H
#define HEXLAG_DEMOAPI_H

#include <stdint.h>

#include "common/attr.h"
#include "common/err.h"

#define DEMO_NAMESPACE "shop"
#define DEMO_DEPLOYMENT "billing"

struct demoapi;

/* Listens on a free port of 127.0.0.1. */
struct demoapi *demoapi_start(int32_t replicas, struct err *err) MUSTCHECK;
void demoapi_stop(struct demoapi *d); /* NULL is fine */

unsigned demoapi_port(const struct demoapi *d);

/* spec.replicas now. Thread: any. */
int32_t demoapi_replicas(const struct demoapi *d);

#endif
