/* Requests for one Lease of coordination.k8s.io/v1. Blocking, as kube.h. Thread: one at a time. */
#ifndef HEXLAG_LEASECLIENT_H
#define HEXLAG_LEASECLIENT_H

#include "common/attr.h"
#include "common/err.h"
#include "scaler/kube.h"
#include "scaler/leasejson.h"

/* Embedded: leaseclient_open(), leaseclient_release(). */
struct leaseclient {
	struct kube *kube;
	char *namespace, *name;
	char *label;             /* "namespace/name" */
	char *create_path;       /* of the POST */
	char *path, *write_path; /* of the GET and the PUT */
};

/* `namespace` NULL or "": that of the credentials. ERR_CONFIG for wrong credentials or names; to be
 * released in both cases. */
int leaseclient_open(struct leaseclient *c, const struct kube_options *options,
	const char *namespace, const char *name, struct err *err) MUSTCHECK;
void leaseclient_release(struct leaseclient *c);

/* GET. ERR_ABSENT: there is no Lease, or no such namespace. Others as of kube_request(); ERR_DENIED names
 * the verb that it takes. */
int leaseclient_read(struct leaseclient *c, struct lease_record *ret_record, struct err *err)
	MUSTCHECK;

/* PUT of what is to stand in the Lease over `seen`, or POST of a new one where it is NULL; `ret_record` is
 * the server's answer. Also ERR_CONFLICT: somebody wrote or made it since. After any error but
 * ERR_DENIED the server may have taken it all the same. */
int leaseclient_write(struct leaseclient *c, const struct lease_record *seen,
	const struct lease_write *w, struct lease_record *ret_record, struct err *err) MUSTCHECK;

#endif
