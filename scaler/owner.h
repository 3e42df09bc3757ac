/* Which workload a pod belongs to: that of a sidecar is what it scales (target = "self").
 *
 * The pod's controller is it, as of a StatefulSet or a custom kind; where that is a ReplicaSet, the
 * ReplicaSet's controller, as a Deployment, or the ReplicaSet itself where it has none. */
#ifndef HEXLAG_OWNER_H
#define HEXLAG_OWNER_H

#include "common/attr.h"
#include "common/err.h"
#include "scaler/kube.h"
#include "scaler/rule.h"

/* Asks the API server: one or two GETs. `pod` is in the namespace of the credentials. The caller releases
 * the target by rule_target_release(); its namespace is that one. ERR_ABSENT: no such pod, or one that
 * nobody controls; ERR_DENIED names the verb and resource to grant; others as kube_scale_get(). */
int owner_find(struct kube *k, const char *pod, struct rule_target *ret_target, struct err *err)
	MUSTCHECK;

/* A name for the Lease that the sidecars of one workload share: "hexlag-KIND-NAME" in small letters, cut
 * to what an object's name may be (a DNS subdomain, RFC 1123). Returns `to`. */
#define OWNER_LEASE_NAME_MAX 254
const char *owner_lease_name(const struct rule_target *t, char to[OWNER_LEASE_NAME_MAX]);

#endif
