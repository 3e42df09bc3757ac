#include "cli/strimzi.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/readfile.h"

#define CERT_FOLDER "/etc/kafka-exporter/kafka-exporter-certs/"
#define CERTIFICATE_MAX ((size_t)1 << 20)

/* What is the same for every cluster. Strimzi's port of metrics is not kafka_exporter's. */
static const char *const always[] = {
	STRIMZI_SCRIPT,
	"--web.listen-address=:9404",
	"--tls.enabled",
	"--tls.ca-file=" STRIMZI_CA_FILE,
	"--tls.cert-file=" CERT_FOLDER "kafka-exporter.crt",
	"--tls.key-file=" CERT_FOLDER "kafka-exporter.key",
};

/* Variables whose text is the value of a flag. */
static const struct {
	const char *variable, *flag;
} texts[] = {
	{"KAFKA_EXPORTER_KAFKA_SERVER", "--kafka.server="},
	{"KAFKA_EXPORTER_GROUP_REGEX", "--group.filter="},
	{"KAFKA_EXPORTER_TOPIC_REGEX", "--topic.filter="},
	{"KAFKA_EXPORTER_GROUP_EXCLUDE_REGEX", "--group.exclude="},
	{"KAFKA_EXPORTER_TOPIC_EXCLUDE_REGEX", "--topic.exclude="},
	{"KAFKA_EXPORTER_LOGGING", "--verbosity="},
};

/* Variables that choose a flag; NULL: that is the default. */
static const struct {
	const char *variable, *if_true, *if_false;
} switches[] = {
	{"KAFKA_EXPORTER_OFFSET_SHOW_ALL", "--offset.show-all", "--no-offset.show-all"},
	{"KAFKA_EXPORTER_ENABLE_SARAMA", "--log.enable-sarama", NULL},
};

_Static_assert(
	ARRAY_LEN(always) + ARRAY_LEN(texts) + ARRAY_LEN(switches) <= STRIMZI_ARGS_MAX, "argv");

static void add(struct strimzi_command *c, const char *flag, const char *value)
{
	c->argv[c->argc++] = mem_printf("%s%s", flag, value);
}

static const char *variable(char *(*env)(const char *name), const char *name)
{
	const char *value = env(name);

	return value && *value ? value : NULL;
}

static int add_switch(struct strimzi_command *c, size_t i, const char *value, struct err *err)
{
	const char *flag = switches[i].if_true;

	if (strcmp(value, "false") == 0)
		flag = switches[i].if_false;
	else if (strcmp(value, "true") != 0)
		return err_set(err, ERR_CONFIG, "%s is '%s', not 'true' or 'false'",
			switches[i].variable, value);
	if (flag)
		add(c, flag, "");
	return 0;
}

int strimzi_command_init(struct strimzi_command *c, char *(*env)(const char *name), struct err *err)
{
	const char *value;

	*c = (struct strimzi_command){0};
	if (!variable(env, texts[0].variable))
		return err_set(err, ERR_CONFIG,
			"%s is not set: this is to be started by Strimzi's operator",
			texts[0].variable);
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		add(c, always[i], "");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		value = variable(env, texts[i].variable);
		if (value)
			add(c, texts[i].flag, value);
	}
	for (size_t i = 0; i < ARRAY_LEN(switches); i++) {
		value = variable(env, switches[i].variable);
		if (value && add_switch(c, i, value, err) < 0) {
			strimzi_command_release(c);
			return -1;
		}
	}
	return 0;
}

void strimzi_command_release(struct strimzi_command *c)
{
	while (c->argc > 0)
		free(c->argv[--c->argc]);
	*c = (struct strimzi_command){0};
}

static int write_file(const char *path, const struct strbuf *text, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	ssize_t n;
	size_t done = 0;

	if (fd < 0)
		return err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
	while (done < text->len) {
		n = write(fd, text->data + done, text->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		done += (size_t)n;
	}
	if (close(fd) != 0 || done < text->len)
		return err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
	return 0;
}

int strimzi_join_ca(const char *folder, const char *file, struct err *err)
{
	char *CLEANUP(mem_free_at) pattern = mem_printf("%s/*.crt", folder);
	struct strbuf CLEANUP(strbuf_release) text = STRBUF_INIT;
	glob_t found = {0};
	int rc = 0;

	if (glob(pattern, 0, NULL, &found) != 0)
		rc = err_set(err, ERR_CONFIG, "%s: no certificate of the cluster's CA", pattern);
	for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++) {
		rc = readfile(found.gl_pathv[i], CERTIFICATE_MAX, &text, err);
		if (text.len && text.data[text.len - 1] != '\n')
			strbuf_addc(&text, '\n');
	}
	globfree(&found);
	return rc < 0 ? rc : write_file(file, &text, err);
}
