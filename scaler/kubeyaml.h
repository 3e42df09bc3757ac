/* Credentials from the YAML of a kubeconfig file. Thread: any. */
#ifndef HEXLAG_KUBEYAML_H
#define HEXLAG_KUBEYAML_H

#include "common/attr.h"
#include "common/err.h"
#include "scaler/kubeconfig.h"

/* Fills the zeroed `config` with what the context (NULL: current-context) of the file says. On
 * ERR_CONFIG it may be half filled; the caller releases it in any case. */
int kubeyaml_read(struct kubeconfig *config, const char *path, const char *context, struct err *err)
	MUSTCHECK;

#endif
