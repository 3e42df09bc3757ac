/* The container that Strimzi's operator starts for spec.kafkaExporter of a Kafka resource: its command is
 * the script below, its environment and its mounted certificates say the rest. In the image of
 * hexlag that path is a link to the program, so no shell is needed; the functions here turn the
 * environment into the command line of `hexlag exporter`. */
#ifndef HEXLAG_STRIMZI_H
#define HEXLAG_STRIMZI_H

#include "common/attr.h"
#include "common/err.h"

#define STRIMZI_SCRIPT "kafka_exporter_run.sh"

/* Where the operator mounts the certificates of the cluster's CA: ca.crt, and others beside it
 * while the CA is renewed. */
#define STRIMZI_CA_FOLDER "/etc/kafka-exporter/cluster-ca-certs"

/* As one file, which is what librdkafka takes. The operator mounts /tmp writable. */
#define STRIMZI_CA_FILE "/tmp/cluster-ca.crt"

#define STRIMZI_ARGS_MAX 16

/* argv[0] is the name of the script; argv[argc] is NULL. Release it. */
struct strimzi_command {
	int argc;
	char *argv[STRIMZI_ARGS_MAX + 1];
};

/* The command line that the environment asks for. `env` is getenv or a substitute of it; an empty
 * variable counts as unset. -1 and ERR_CONFIG with the variable's name where one is missing or
 * neither "true" nor "false". KAFKA_EXPORTER_KAFKA_VERSION is not used: librdkafka finds out. */
int strimzi_command_init(struct strimzi_command *c, char *(*env)(const char *name), struct err *err)
	MUSTCHECK;

void strimzi_command_release(struct strimzi_command *c);

/* Writes all *.crt of `folder`, in the order of their names, into `file`, each beginning on a line
 * of its own. -1 and ERR_CONFIG where there is none, or one cannot be read, or `file` not be
 * written. */
int strimzi_join_ca(const char *folder, const char *file, struct err *err) MUSTCHECK;

#endif
