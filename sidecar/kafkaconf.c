/* Properties of the librdkafka handle: ours, then the user's, then what must not be changed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/readfile.h"
#include "common/strbuf.h"
#include "sidecar/kafkasession.h"

#define SECRET_MAX 65536

/* `from` NULL: the value stands in the configuration and may be shown. */
static int set(rd_kafka_conf_t *conf, const char *name, const char *value, const char *from,
	struct err *err)
{
	char why[256] = "";
	rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, name, value, why, sizeof(why));

	if (res == RD_KAFKA_CONF_OK)
		return 0;
	if (res == RD_KAFKA_CONF_UNKNOWN)
		return err_set(err, ERR_CONFIG, "Kafka client property '%s' does not exist", name);
	if (from || strstr(name, "password") || strstr(name, "secret") || strstr(name, "key"))
		return err_set(err, ERR_CONFIG, "Kafka client property '%s'%s%s: invalid value",
			name, from ? " from " : "", from ? from : "");
	return err_set(err, ERR_CONFIG, "Kafka client property '%s': %s", name, why);
}

static int set_value(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
	return set(conf, name, value, NULL, err);
}

static int set_from_file(rd_kafka_conf_t *conf, const char *name, const char *path, struct err *err)
{
	struct strbuf CLEANUP(strbuf_release) text = STRBUF_INIT;

	if (readfile(path, SECRET_MAX, &text, err) < 0)
		return err_wrap(err, "Kafka client property '%s'", name);
	/* Editors and `echo` end a file with a newline that is not part of the secret. */
	while (text.len && strchr("\r\n", text.data[text.len - 1]))
		text.data[--text.len] = '\0';
	return set(conf, name, strbuf_str(&text), path, err);
}

static int set_from_env(
	rd_kafka_conf_t *conf, const char *name, const char *variable, struct err *err)
{
	const char *value = getenv(variable);

	if (!value)
		return err_set(err, ERR_CONFIG,
			"Kafka client property '%s': environment variable %s is not set", name,
			variable);
	return set(conf, name, value, variable, err);
}

static int set_all(rd_kafka_conf_t *conf, const struct conf_strings *settings, const char *list,
	int (*apply)(rd_kafka_conf_t *, const char *, const char *, struct err *), struct err *err)
{
	for (size_t i = 0; i < settings->count; i++) {
		const char *equals = strchr(settings->items[i], '=');
		char *CLEANUP(mem_free_at) name = NULL;

		/* The text is not shown: it may be the secret itself. */
		if (!equals || equals == settings->items[i])
			return err_set(
				err, ERR_CONFIG, "%s[%zu] does not begin with 'name='", list, i);
		name = mem_strndup(settings->items[i], (size_t)(equals - settings->items[i]));
		if (apply(conf, name, equals + 1, err) < 0)
			return -1;
	}
	return 0;
}

/* Metadata goes to the connection that was used last, so a broker that hangs would be asked again and
 * again. Its connection has to be dropped with the first request that times out, which the library does
 * after socket.timeout.ms; it wants that a second longer than a fetch may wait, and we never fetch. */
#define FETCH_WAIT_MS 10

static int set_socket_timeout(rd_kafka_conf_t *conf, int64_t timeout_ms, struct err *err)
{
	int64_t least = FETCH_WAIT_MS + 1000;
	char value[24];

	(void)snprintf(value, sizeof(value), "%d", FETCH_WAIT_MS);
	if (set(conf, "fetch.wait.max.ms", value, NULL, err) < 0)
		return -1;
	(void)snprintf(value, sizeof(value), "%" PRId64, timeout_ms > least ? timeout_ms : least);
	return set(conf, "socket.timeout.ms", value, NULL, err);
}

static int set_ours(rd_kafka_conf_t *conf, const struct kafka_options *o, struct err *err)
{
	static const char *const ours[][2] = {
		{"client.id", "hexlag"},
		{"group.id", "hexlag"},
		{"reconnect.backoff.max.ms", "1000"},
		{"socket.keepalive.enable", "true"},
		{"log.connection.close", "false"},
		{"statistics.interval.ms", "5000"},
	};

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (set(conf, ours[i][0], ours[i][1], NULL, err) < 0)
			return -1;
	return set_socket_timeout(conf, o->timeout_ms, err);
}

static int set_forced(rd_kafka_conf_t *conf, const struct kafka_options *o, struct err *err)
{
	char group[2] = "";
	size_t size = sizeof(group);

	/* An empty group.id brings back the crash that kafka.h tells of. */
	if (rd_kafka_conf_get(conf, "group.id", group, &size) != RD_KAFKA_CONF_OK || size <= 1)
		return err_set(
			err, ERR_CONFIG, "Kafka client property 'group.id' must not be empty");
	if ((o->bootstrap && set(conf, "bootstrap.servers", o->bootstrap, NULL, err) < 0) ||
		set(conf, "enable.auto.commit", "false", NULL, err) < 0 ||
		set(conf, "allow.auto.create.topics", "false", NULL, err) < 0)
		return -1;
	return set(conf, "isolation.level",
		o->read_committed ? "read_committed" : "read_uncommitted", NULL, err);
}

rd_kafka_conf_t *kafkaconf_new(const struct kafka_options *o, struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	if (set_ours(conf, o, err) < 0 ||
		set_all(conf, &o->properties, "properties", set_value, err) < 0 ||
		set_all(conf, &o->property_files, "property_files", set_from_file, err) < 0 ||
		set_all(conf, &o->property_env, "property_env", set_from_env, err) < 0 ||
		set_forced(conf, o, err) < 0) {
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	return conf;
}

int kafka_check(const struct kafka_options *options, struct err *err)
{
	rd_kafka_conf_t *conf = kafkaconf_new(options, err);

	if (!conf)
		return -1;
	rd_kafka_conf_destroy(conf);
	return 0;
}
