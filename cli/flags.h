/* The command line of kafka_exporter: every flag it has, in the syntax of its parser (kingpin).
 *
 * "--name=value", "--name value", "--bool", "--no-bool"; "@file" stands for the lines of that file, one
 * argument each, without blank ones and those that begin with '#'; a flag that is no list is given once.
 * Pure but for those files. Thread: one at a time. */
#ifndef HEXLAG_FLAGS_H
#define HEXLAG_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/strbuf.h"

/* Values with their defaults; strings are never NULL. Flags without a meaning here have no field. */
struct flags {
	uint64_t given; /* a bit for each row of the table, for flags_idle() */
	bool help, help_long, version;
	struct conf_strings servers;
	char *labels, *listen, *path;
	char *topic_filter, *topic_exclude, *group_filter, *group_exclude;
	bool show_all;
	struct {
		bool enabled, handshake, no_fast;
		char *username, *password, *mechanism, *token_url, *scopes;
		char *service, *realm, *kerberos_config, *keytab, *kerberos_auth;
	} sasl;
	struct {
		bool enabled, insecure;
		char *server_name, *ca, *cert, *key;
	} tls;
	struct {
		bool enabled, mutual;
		char *ca, *cert, *key;
	} server_tls;
	int64_t verbosity;
	char *log_level, *log_format;
};

/* Reads argv[1] and on. ERR_CONFIG names the flag, and where it has one the value, that is wrong; an
 * unknown flag gets the nearest one that there is. Release in both cases. */
int flags_parse(int argc, char **argv, struct flags *ret, struct err *err) MUSTCHECK;
void flags_release(struct flags *f); /* also for CLEANUP */

/* Appends the flags that were given and change nothing, "--a, --b": those without a meaning here, and
 * those of SASL or TLS while that is off. Returns how many. */
size_t flags_idle(const struct flags *f, struct strbuf *out);

/* Appends one line for each flag: its name, what it does, its default. */
void flags_help(struct strbuf *out);

#endif
