/* What Strimzi's operator sets, and the command line that comes of it. */
#include "cli/strimzi.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/readfile.h"
#include "tests/tap.h"

#define VARIABLES 10
#define BASE                                                                           \
	"kafka_exporter_run.sh --web.listen-address=:9404 --tls.enabled "              \
	"--tls.ca-file=/tmp/cluster-ca.crt "                                           \
	"--tls.cert-file=/etc/kafka-exporter/kafka-exporter-certs/kafka-exporter.crt " \
	"--tls.key-file=/etc/kafka-exporter/kafka-exporter-certs/kafka-exporter.key "  \
	"--kafka.server=my-cluster-kafka-bootstrap:9091"
#define SERVER                                                                   \
	{                                                                        \
		"KAFKA_EXPORTER_KAFKA_SERVER", "my-cluster-kafka-bootstrap:9091" \
	}

struct variable {
	const char *name, *value;
};

static const struct {
	const char *name;
	struct variable env[VARIABLES];
	const char *command, *error;
} rows[] = {
	{"the server alone will do", {SERVER}, BASE, NULL},
	{"all that the operator sets",
		{SERVER, {"KAFKA_EXPORTER_LOGGING", "1"}, {"KAFKA_EXPORTER_KAFKA_VERSION", "4.1.0"},
			{"KAFKA_EXPORTER_GROUP_REGEX", "my-group-.*"},
			{"KAFKA_EXPORTER_TOPIC_REGEX", "my-topic-.*"},
			{"KAFKA_EXPORTER_GROUP_EXCLUDE_REGEX", "^test"},
			{"KAFKA_EXPORTER_TOPIC_EXCLUDE_REGEX", "^__"},
			{"KAFKA_EXPORTER_ENABLE_SARAMA", "true"},
			{"KAFKA_EXPORTER_OFFSET_SHOW_ALL", "true"}},
		BASE " --group.filter=my-group-.* --topic.filter=my-topic-.* --group.exclude=^test "
		     "--topic.exclude=^__ --verbosity=1 --offset.show-all --log.enable-sarama",
		NULL},
	{"what is off",
		{SERVER, {"KAFKA_EXPORTER_ENABLE_SARAMA", "false"},
			{"KAFKA_EXPORTER_OFFSET_SHOW_ALL", "false"}},
		BASE " --no-offset.show-all", NULL},
	{"empty is unset",
		{SERVER, {"KAFKA_EXPORTER_GROUP_REGEX", ""},
			{"KAFKA_EXPORTER_OFFSET_SHOW_ALL", ""}},
		BASE, NULL},
	{"no shell reads an expression",
		{SERVER, {"KAFKA_EXPORTER_GROUP_REGEX", "a b\"$(id)`'\\.*|;#"}},
		BASE " --group.filter=a b\"$(id)`'\\.*|;#", NULL},
	{"another variable is not ours", {SERVER, {"KAFKA_EXPORTER_SURPRISE", "x"}}, BASE, NULL},
	{"without a server", {{"KAFKA_EXPORTER_LOGGING", "0"}}, NULL,
		"KAFKA_EXPORTER_KAFKA_SERVER is not set"},
	{"neither true nor false", {SERVER, {"KAFKA_EXPORTER_OFFSET_SHOW_ALL", "yes"}}, NULL,
		"KAFKA_EXPORTER_OFFSET_SHOW_ALL is 'yes', not 'true' or 'false'"},
};

static const struct variable *environment;

static char *lookup(const char *name)
{
	for (size_t i = 0; i < VARIABLES && environment[i].name; i++)
		if (strcmp(environment[i].name, name) == 0)
			return (char *)(uintptr_t)environment[i].value;
	return NULL;
}

static void check_commands(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf CLEANUP(strbuf_release) line = STRBUF_INIT;
		struct strimzi_command c;
		struct err err = {0};
		int rc;

		environment = rows[i].env;
		rc = strimzi_command_init(&c, lookup, &err);
		if (rows[i].error) {
			TAP_INT(rows[i].name, rc, -1);
			TAP_HAS(rows[i].name, err.msg, rows[i].error);
			TAP_INT(rows[i].name, c.argc, 0);
			continue;
		}
		for (int n = 0; n < c.argc; n++)
			strbuf_addf(&line, "%s%s", n ? " " : "", c.argv[n]);
		TAP_STR(rows[i].name, strbuf_str(&line), rows[i].command);
		TAP_TRUE("the list ends in NULL", c.argv[c.argc] == NULL);
		strimzi_command_release(&c);
	}
}

static char folder[] = "/tmp/hexlag-strimzi.XXXXXX";

static void put(const char *name, const char *text)
{
	char *CLEANUP(mem_free_at) path = mem_printf("%s/%s", folder, name);
	FILE *f = fopen(path, "w");

	(void)(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void check_ca(void)
{
	struct strbuf CLEANUP(strbuf_release) joined = STRBUF_INIT;
	char *CLEANUP(mem_free_at) file = mem_printf("%s/joined", folder);
	char *CLEANUP(mem_free_at) nowhere = mem_printf("%s/no/joined", folder);
	struct err err = {0};

	TAP_INT("without a certificate", strimzi_join_ca(folder, file, &err), -1);
	TAP_HAS("the folder is named", err.msg, "/*.crt: no certificate of the cluster's CA");
	err_clear(&err);
	put("ca.p12", "not PEM\n");
	put("ca.crt", "second without a newline");
	put("ca-2026-01-01.crt", "first\n");
	for (int again = 0; again < 2; again++)
		TAP_INT("joined", strimzi_join_ca(folder, file, &err), 0);
	TAP_INT("read back", readfile(file, 1000, &joined, &err), 0);
	TAP_STR("by name, each on lines of its own", strbuf_str(&joined),
		"first\nsecond without a newline\n");
	TAP_INT("a place that cannot be written", strimzi_join_ca(folder, nowhere, &err), -1);
	TAP_HAS("is named", err.msg, "/no/joined: No such file");
}

static void remove_folder(void)
{
	static const char *const names[] = {"ca.p12", "ca.crt", "ca-2026-01-01.crt", "joined"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *CLEANUP(mem_free_at) path = mem_printf("%s/%s", folder, names[i]);

		(void)unlink(path);
	}
	(void)rmdir(folder);
}

int main(void)
{
	check_commands();
	TAP_TRUE("a folder", mkdtemp(folder) != NULL);
	check_ca();
	remove_folder();
	return tap_done();
}
