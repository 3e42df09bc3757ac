#include "cli/flags.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/flagsettings.h"
#include "common/log.h"
#include "tests/tap.h"

#define ARGS_MAX 8

/* Arguments as a test writes them: argv[1] and on, ended by NULL. */
static int parse(const char *const args[ARGS_MAX], struct flags *f, struct err *err)
{
	char *argv[ARGS_MAX + 1] = {(char *)"kafka_exporter"};
	int argc = 1;

	while (argc <= ARGS_MAX && args[argc - 1]) {
		argv[argc] = (char *)args[argc - 1];
		argc++;
	}
	return flags_parse(argc, argv, f, err);
}

static void test_defaults(void)
{
	const char *const none[ARGS_MAX] = {NULL};
	CLEANUP(strbuf_release) struct strbuf idle = STRBUF_INIT;
	struct err err = {0};
	struct flags f;

	TAP_INT("no flags are fine", parse(none, &f, &err), 0);
	TAP_INT("one broker", f.servers.count, 1);
	TAP_STR("by default", f.servers.items[0], "kafka:9092");
	TAP_STR("default filter", f.topic_filter, ".*");
	TAP_STR("default exclude", f.group_exclude, "^$");
	TAP_STR("default address", f.listen, ":9308");
	TAP_STR("default path", f.path, "/metrics");
	TAP_TRUE("show all", f.show_all && f.sasl.handshake);
	TAP_TRUE("the rest is off", !f.help && !f.version && !f.sasl.enabled && !f.tls.enabled &&
					    !f.server_tls.enabled && f.verbosity == 0);
	TAP_INT("nothing is idle", flags_idle(&f, &idle), 0);
	flags_release(&f);
}

static void test_syntax(void)
{
	const char *const args[ARGS_MAX] = {"--kafka.server=a:1", "--kafka.server", "b:2",
		"--no-offset.show-all", "--topic.filter=a=b", "--group.filter", "-",
		"--tls.enabled"};
	const char *const values[ARGS_MAX] = {
		"--verbosity", "2", "--group.exclude=", "-h", "--sasl.password=-x", "--"};
	struct err err = {0};
	struct flags f;

	TAP_INT("both forms of a value", parse(args, &f, &err), 0);
	TAP_STR("no error", err.msg, "");
	TAP_INT("the default is replaced, not added to", f.servers.count, 2);
	TAP_STR("first", f.servers.items[0], "a:1");
	TAP_STR("second", f.servers.items[1], "b:2");
	TAP_TRUE("--no- turns off", !f.show_all);
	TAP_TRUE("the name alone turns on", f.tls.enabled);
	TAP_STR("the first = ends the name", f.topic_filter, "a=b");
	TAP_STR("a dash alone is an empty value", f.group_filter, "");
	flags_release(&f);
	TAP_INT("other values", parse(values, &f, &err), 0);
	TAP_INT("number", f.verbosity, 2);
	TAP_STR("an empty value", f.group_exclude, "");
	TAP_STR("a value with a dash behind =", f.sasl.password, "-x");
	TAP_TRUE("-h is help", f.help);
	flags_release(&f);
}

static void test_idle(void)
{
	const char *const args[ARGS_MAX] = {"--kafka.version=3.9.0", "--topic.workers", "7",
		"--sasl.username=x", "--tls.ca-file=y", "--server.tls.key-file=z",
		"--no-concurrent.enable", "--zookeeper.server=a"};
	const char *const on[ARGS_MAX] = {"--sasl.enabled", "--sasl.username=x", "--tls.enabled",
		"--tls.ca-file=y", "--kafka.labels=a=b"};
	CLEANUP(strbuf_release) struct strbuf list = STRBUF_INIT;
	struct err err = {0};
	struct flags f;

	TAP_INT("flags without a meaning are accepted", parse(args, &f, &err), 0);
	TAP_INT("and counted", flags_idle(&f, &list), 7);
	TAP_STR("and listed", strbuf_str(&list),
		"--sasl.username, --tls.ca-file, --server.tls.key-file, --kafka.version, "
		"--concurrent.enable, --topic.workers, --zookeeper.server");
	flags_release(&f);
	list.len = 0;
	TAP_INT("flags with a meaning", parse(on, &f, &err), 0);
	TAP_INT("are not", flags_idle(&f, &list), 0);
	flags_release(&f);
}

static void test_invalid(void)
{
	static const struct {
		const char *name, *args[ARGS_MAX], *error;
	} rows[] = {
		{"an unknown flag", {"--bogus=secret"}, "unknown flag '--bogus'"},
		{"a flag with a typing error", {"--topic.fliter=x"},
			"unknown flag '--topic.fliter'; did you mean '--topic.filter'?"},
		{"a flag with a single dash", {"-kafka.server=x"},
			"unknown flag '-kafka.server'; did you mean '--kafka.server'?"},
		{"an unknown short flag", {"-x"}, "unknown flag '-x'"},
		{"a long name", {"--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
			"unknown flag "
			"'--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"},
		{"no name", {"--=x"}, "unknown flag '--'"},
		{"a value that is missing", {"--kafka.server"}, "--kafka.server: expected a value"},
		{"a flag in place of a value", {"--kafka.server", "--tls.enabled"},
			"--kafka.server: expected a value"},
		{"an empty list element", {"--kafka.server="},
			"--kafka.server=: must not be empty"},
		{"--no- of a flag with a value", {"--no-kafka.server"},
			"unknown flag '--no-kafka.server'; did you mean '--kafka.server'?"},
		{"a boolean with a value", {"--tls.enabled=false"},
			"--tls.enabled=false: takes no value; write --tls.enabled or "
			"--no-tls.enabled"},
		{"a boolean with an argument", {"--tls.enabled", "true"},
			"unexpected argument 'true'"},
		{"a flag twice", {"--topic.filter=a", "--topic.filter=b"},
			"--topic.filter: is given twice"},
		{"on and off", {"--tls.enabled", "--no-tls.enabled"},
			"--tls.enabled: is given twice"},
		{"a word for a number", {"--verbosity=much"},
			"--verbosity=much: not a whole number"},
		{"no number", {"--topic.workers="}, "--topic.workers=: not a whole number"},
		{"a number that is too large", {"--verbosity=99999999999999999999"},
			"--verbosity=99999999999999999999: not a whole number"},
		{"an argument", {"run"}, "unexpected argument 'run'"},
		{"an argument behind --", {"--", "--tls.enabled"},
			"unexpected argument '--tls.enabled'"},
		{"a file that is not there", {"@/nonexistent/flags"},
			"arguments of a file: /nonexistent/flags: No such file or directory"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};
		struct flags f;

		TAP_INT(rows[i].name, parse(rows[i].args, &f, &err), -1);
		TAP_INT(rows[i].name, err.kind, ERR_CONFIG);
		TAP_STR(rows[i].name, err.msg, rows[i].error);
		flags_release(&f);
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f) {
		(void)fputs(text, f);
		(void)fclose(f);
	}
}

static void test_files(void)
{
	char path[] = "/tmp/hexlag-flags.XXXXXX", at[sizeof(path) + 1], text[sizeof(path) + 2];
	const char *const args[ARGS_MAX] = {"--kafka.server=a:1", at, "--tls.enabled"};
	struct err err = {0};
	struct flags f;
	int fd = mkstemp(path);

	(void)snprintf(at, sizeof(at), "@%s", path);
	write_file(path, "# of a file\n--kafka.server=b:2\r\n\n  \n--group.filter\n^a b$");
	TAP_INT("a file of arguments", parse(args, &f, &err), 0);
	TAP_STR("is read line by line", f.group_filter, "^a b$");
	TAP_INT("in its place", f.servers.count, 2);
	TAP_STR("without carriage returns", f.servers.items[1], "b:2");
	TAP_TRUE("and what is behind it", f.tls.enabled);
	flags_release(&f);
	(void)snprintf(text, sizeof(text), "%s\n", at);
	write_file(path, text);
	TAP_INT("a file that names itself", parse(args, &f, &err), -1);
	TAP_HAS("is told", err.msg, "files within files without end");
	flags_release(&f);
	(void)close(fd);
	(void)unlink(path);
}

/* The settings have the "name=value" among their properties; NULL: the name is not there at all. */
static bool has_property(const struct settings *s, const char *name, const char *value)
{
	size_t len = strlen(name);
	bool named = false;

	for (size_t i = 0; i < s->kafka.properties.count; i++) {
		const char *p = s->kafka.properties.items[i];

		if (strncmp(p, name, len) != 0 || p[len] != '=')
			continue;
		named = true;
		if (value && strcmp(p + len + 1, value) == 0)
			return true;
	}
	return !named && !value;
}

static void test_settings(void)
{
	const char *const args[ARGS_MAX] = {"--kafka.server=a:1", "--kafka.server=b:2",
		"--no-offset.show-all", "--topic.filter=^a", "--web.listen-address=127.0.0.1:1",
		"--web.telemetry-path=/lag", "--kafka.labels=x=y", "--verbosity=1"};
	struct settings s;
	struct err err = {0};
	struct flags f;

	TAP_INT("flags", parse(args, &f, &err), 0);
	TAP_INT("become settings", flags_settings(&f, &s, &err), 0);
	TAP_STR("of these brokers", s.kafka.bootstrap, "a:1,b:2");
	TAP_TRUE("without encryption", has_property(&s, "security.protocol", "PLAINTEXT"));
	TAP_TRUE("an exporter without a scaler", s.exporter.present && !s.scaler.present);
	TAP_TRUE("with show_all", !s.exporter.show_all);
	TAP_STR("and filter", s.exporter.topic_filter, "^a");
	TAP_STR("and address", s.exporter.listen, "127.0.0.1:1");
	TAP_STR("and path", s.exporter.path, "/lag");
	TAP_STR("and labels", s.exporter.labels, "x=y");
	TAP_INT("verbosity is debug", s.log.level, LOG_LEVEL_DEBUG);
	TAP_INT("the interval is that of a file", s.exporter.interval_ms, 10000);
	settings_release(&s);
	flags_release(&f);
}

static void test_security(void)
{
	static const struct {
		const char *name, *args[ARGS_MAX], *property, *value;
	} rows[] = {
		{"TLS alone", {"--tls.enabled"}, "security.protocol", "SSL"},
		{"certificates are checked", {"--tls.enabled"},
			"ssl.endpoint.identification.algorithm", "https"},
		{"unless told not to", {"--tls.enabled", "--tls.insecure-skip-tls-verify"},
			"enable.ssl.certificate.verification", "false"},
		{"CA", {"--tls.enabled", "--tls.ca-file=/dev/null"}, "ssl.ca.location",
			"/dev/null"},
		{"certificate",
			{"--tls.enabled", "--tls.cert-file=/dev/null", "--tls.key-file=/dev/null"},
			"ssl.certificate.location", "/dev/null"},
		{"key", {"--tls.enabled", "--tls.cert-file=/dev/null", "--tls.key-file=/dev/null"},
			"ssl.key.location", "/dev/null"},
		{"SASL alone", {"--sasl.enabled"}, "security.protocol", "SASL_PLAINTEXT"},
		{"SASL and TLS", {"--sasl.enabled", "--tls.enabled"}, "security.protocol",
			"SASL_SSL"},
		{"PLAIN without a mechanism", {"--sasl.enabled"}, "sasl.mechanisms", "PLAIN"},
		{"SCRAM in any case", {"--sasl.enabled", "--sasl.mechanism=SCRAM-SHA512"},
			"sasl.mechanisms", "SCRAM-SHA-512"},
		{"user", {"--sasl.enabled", "--sasl.username=u"}, "sasl.username", "u"},
		{"password", {"--sasl.enabled", "--sasl.password=p=q"}, "sasl.password", "p=q"},
		{"nothing of SASL while it is off", {"--sasl.username=u"}, "sasl.username", NULL},
		{"nothing of TLS while it is off", {"--tls.ca-file=/nonexistent"},
			"ssl.ca.location", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};
		struct settings s = {0};
		struct flags f;

		TAP_INT(rows[i].name, parse(rows[i].args, &f, &err), 0);
		TAP_INT(rows[i].name, flags_settings(&f, &s, &err), 0);
		TAP_STR(rows[i].name, err.msg, "");
		TAP_TRUE(rows[i].name, has_property(&s, rows[i].property, rows[i].value));
		settings_release(&s);
		flags_release(&f);
	}
}

static void test_refused(void)
{
	static const struct {
		const char *name, *args[ARGS_MAX], *error;
	} rows[] = {
		{"an address", {"--web.listen-address=x"}, "--web.listen-address=x: "},
		{"a path", {"--web.telemetry-path=metrics"}, "--web.telemetry-path=metrics: "},
		{"a path that is taken", {"--web.telemetry-path=/healthz"}, "'/healthz' is taken"},
		{"labels", {"--kafka.labels=a"}, "--kafka.labels=a: label 'a' has no '='"},
		{"a pattern", {"--topic.filter=a("}, "--topic.filter: regular expression 'a('"},
		{"a pattern of PCRE", {"--group.exclude=(?!a)"},
			"--group.exclude: regular expression '(?!a)'"},
		{"a log level", {"--log.level=loud"}, "--log.level=loud: want "},
		{"a log format", {"--log.format=xml"}, "--log.format=xml: want "},
		{"another name for TLS", {"--tls.enabled", "--tls.server-name=kafka"},
			"--tls.server-name=kafka: "},
		{"a CA that is not there", {"--tls.enabled", "--tls.ca-file=/nonexistent"},
			"--tls.ca-file: /nonexistent: "},
		{"a certificate without a key", {"--tls.enabled", "--tls.cert-file=/dev/null"},
			"--tls.cert-file=/dev/null, --tls.key-file=: "},
		{"an unknown mechanism", {"--sasl.enabled", "--sasl.mechanism=md5"},
			"--sasl.mechanism=md5: want "},
		{"AWS", {"--sasl.enabled", "--sasl.mechanism=awsiam"}, "--sasl.mechanism=awsiam: "},
		{"no handshake", {"--sasl.enabled", "--no-sasl.handshake"},
			"--no-sasl.handshake: "},
		{"Kerberos with a password",
			{"--sasl.enabled", "--sasl.mechanism=gssapi",
				"--sasl.kerberos-auth-type=userAuth"},
			"=userAuth: "},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};
		struct settings s = {0};
		struct flags f;

		TAP_INT(rows[i].name, parse(rows[i].args, &f, &err), 0);
		TAP_INT(rows[i].name, flags_settings(&f, &s, &err), -1);
		TAP_INT(rows[i].name, err.kind, ERR_CONFIG);
		TAP_HAS(rows[i].name, err.msg, rows[i].error);
		settings_release(&s);
		flags_release(&f);
	}
}

static void test_environment(void)
{
	const char *const args[ARGS_MAX] = {"--sasl.enabled", "--sasl.username=u"};
	struct err err = {0};
	struct settings s;
	struct flags f;

	(void)setenv("SASL_USER_PASSWORD", "hidden", 1);
	TAP_INT("flags without a password", parse(args, &f, &err), 0);
	TAP_INT("are settings", flags_settings(&f, &s, &err), 0);
	TAP_INT("with the password's", s.kafka.property_env.count, 1);
	TAP_STR("variable", s.kafka.property_env.items[0], "sasl.password=SASL_USER_PASSWORD");
	settings_release(&s);
	flags_release(&f);
	(void)unsetenv("SASL_USER_PASSWORD");
}

int main(void)
{
	test_defaults();
	test_syntax();
	test_idle();
	test_invalid();
	test_files();
	test_settings();
	test_security();
	test_refused();
	test_environment();
	return tap_done();
}
