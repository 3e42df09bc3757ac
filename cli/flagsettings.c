#include "cli/flagsettings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/attr.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pattern.h"
#include "common/readfile.h"
#include "sidecar/httpd.h"
#include "sidecar/labels.h"
#include "sidecar/profile.h"
#include "sidecar/web.h"

#define PEM_MAX ((size_t)1 << 20)

static void replace(char **to, const char *value)
{
	free(*to);
	*to = mem_strdup(value);
}

static void add_property(struct settings *s, const char *name, const char *value)
{
	conf_strings_add(&s->kafka.properties, mem_printf("%s=%s", name, value));
}

/* Whether the library was built with a feature; it tells by taking a request for it or not. */
static bool has_feature(const char *feature)
{
	char *CLEANUP(mem_free_at) request = mem_printf("builtin.features=%s", feature);
	struct kafka_options options = {
		.properties = {.items = &request, .count = 1}, .timeout_ms = 1000};
	struct err err = {0};

	return kafka_check(&options, &err) == 0;
}

/* `value` of `--flag` with what is wrong with it. */
static int wrong(struct err *err, const char *flag, const char *value, const char *why)
{
	return err_set(err, ERR_CONFIG, "--%s=%s: %s", flag, value, why);
}

/* --- the exporter's own --- */

static int take_pattern(char **to, const char *flag, const char *text, struct err *err)
{
	struct pattern *p = pattern_new(text, err);

	if (!p)
		return err_wrap(err, "--%s", flag);
	pattern_free(p);
	replace(to, text);
	return 0;
}

static int take_labels(const char *list, struct settings *s, struct err *err)
{
	struct labels labels = {0};

	int rc = labels_parse(list, &labels, err);

	if (rc == 0)
		rc = profile_check_labels((enum profile_id)s->exporter.profile, &labels, err);
	labels_release(&labels);
	if (rc < 0)
		return err_wrap(err, "--kafka.labels=%s", list);
	if (*list)
		replace(&s->exporter.labels, list);
	return 0;
}

static int take_exporter(const struct flags *f, struct settings *s, struct err *err)
{
	if (httpd_check_address(f->listen, err) < 0)
		return err_wrap(err, "--web.listen-address=%s", f->listen);
	if (web_check_path(f->path, err) < 0)
		return err_wrap(err, "--web.telemetry-path=%s", f->path);
	replace(&s->exporter.listen, f->listen);
	replace(&s->exporter.path, f->path);
	s->exporter.show_all = f->show_all;
	if (take_labels(f->labels, s, err) < 0 ||
		take_pattern(&s->exporter.topic_filter, "topic.filter", f->topic_filter, err) < 0 ||
		take_pattern(&s->exporter.topic_exclude, "topic.exclude", f->topic_exclude, err) <
			0 ||
		take_pattern(&s->exporter.group_filter, "group.filter", f->group_filter, err) < 0)
		return -1;
	return take_pattern(&s->exporter.group_exclude, "group.exclude", f->group_exclude, err);
}

/* Flags instead of a web configuration file. The names of files are borrowed from them. */
static int take_server_tls(const struct flags *f, struct settings *s, struct err *err)
{
	struct webconfig_source *web = &s->exporter.web;

	if (!f->server_tls.enabled)
		return 0;
	if (!*f->server_tls.cert || !*f->server_tls.key)
		return err_set(err, ERR_CONFIG,
			"--server.tls.enabled needs --server.tls.cert-file and "
			"--server.tls.key-file");
	web->cert_file = f->server_tls.cert;
	web->key_file = f->server_tls.key;
	web->mutual = f->server_tls.mutual;
	if (web->mutual && !*f->server_tls.ca)
		return err_set(err, ERR_CONFIG,
			"--server.tls.mutual-auth-enabled needs --server.tls.ca-file");
	if (web->mutual)
		web->client_ca_file = f->server_tls.ca;
	return httpd_check_web(web, err);
}

static int take_log(const struct flags *f, struct settings *s, struct err *err)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	size_t level = 0;

	while (level < ARRAY_LEN(levels) && strcmp(f->log_level, levels[level]) != 0)
		level++;
	if (level == ARRAY_LEN(levels))
		return wrong(err, "log.level", f->log_level, "want debug, info, warn or error");
	s->log.level = f->verbosity >= 1 ? LOG_LEVEL_DEBUG : (int)level;
	s->log.format = strcmp(f->log_format, "json") == 0;
	if (!s->log.format && strcmp(f->log_format, "logfmt") != 0)
		return wrong(err, "log.format", f->log_format, "want logfmt or json");
	return 0;
}

/* --- the way to Kafka --- */

static void take_servers(const struct flags *f, struct settings *s)
{
	struct strbuf list = STRBUF_INIT;

	for (size_t i = 0; i < f->servers.count; i++)
		strbuf_addf(&list, "%s%s", i ? "," : "", f->servers.items[i]);
	free(s->kafka.bootstrap);
	s->kafka.bootstrap = strbuf_take(&list);
}

/* Adds the property unless the flag is empty. The library's own message would not name the flag. */
static int take_pem(struct settings *s, const char *property, const char *flag, const char *path,
	struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!*path)
		return 0;
	if (readfile(path, PEM_MAX, &text, err) < 0)
		return err_wrap(err, "--%s", flag);
	add_property(s, property, path);
	return 0;
}

static int take_tls(const struct flags *f, struct settings *s, struct err *err)
{
	if (!f->tls.enabled)
		return 0;
	if (!has_feature("ssl"))
		return err_set(
			err, ERR_CONFIG, "--tls.enabled: this librdkafka was built without TLS");
	if (*f->tls.server_name)
		return wrong(err, "tls.server-name", f->tls.server_name,
			"librdkafka checks each broker's certificate against the address that it "
			"connects to and cannot be told another name; leave the flag out if the "
			"certificates name those addresses");
	if (!*f->tls.cert != !*f->tls.key)
		return err_set(err, ERR_CONFIG,
			"--tls.cert-file=%s, --tls.key-file=%s: one is of no use without the other",
			f->tls.cert, f->tls.key);
	if (f->tls.insecure) {
		add_property(s, "enable.ssl.certificate.verification", "false");
		add_property(s, "ssl.endpoint.identification.algorithm", "none");
	} else {
		/* The default of librdkafka before 2.0 is none. */
		add_property(s, "ssl.endpoint.identification.algorithm", "https");
	}
	if (take_pem(s, "ssl.ca.location", "tls.ca-file", f->tls.ca, err) < 0 ||
		take_pem(s, "ssl.certificate.location", "tls.cert-file", f->tls.cert, err) < 0)
		return -1;
	return take_pem(s, "ssl.key.location", "tls.key-file", f->tls.key, err);
}

/* User and secret; an empty flag leaves the secret to the environment. */
static int take_user(const struct flags *f, struct settings *s, const char *user,
	const char *secret, struct err *err)
{
	const char *variable = getenv("SASL_USER_PASSWORD");

	if (!*f->sasl.username)
		return err_set(err, ERR_CONFIG, "--sasl.enabled: wants --sasl.username");
	if (!*f->sasl.password && !(variable && *variable))
		return err_set(err, ERR_CONFIG,
			"--sasl.enabled: wants --sasl.password or the environment variable "
			"SASL_USER_PASSWORD");
	add_property(s, user, f->sasl.username);

	if (*f->sasl.password)
		add_property(s, secret, f->sasl.password);
	else
		conf_strings_add(
			&s->kafka.property_env, mem_printf("%s=SASL_USER_PASSWORD", secret));
	return 0;
}

static int take_password(const struct flags *f, struct settings *s, struct err *err)
{
	return take_user(f, s, "sasl.username", "sasl.password", err);
}

static int take_scram(const struct flags *f, struct settings *s, struct err *err)
{
	if (!has_feature("sasl_scram"))
		return wrong(err, "sasl.mechanism", f->sasl.mechanism,
			"this librdkafka was built without SCRAM");
	return take_password(f, s, err);
}

static int take_kerberos(const struct flags *f, struct settings *s, struct err *err)
{
	char *CLEANUP(mem_free_at) principal = NULL;

	if (strcmp(f->sasl.kerberos_auth, "keytabAuth") != 0)
		return wrong(err, "sasl.kerberos-auth-type", f->sasl.kerberos_auth,
			"librdkafka knows no Kerberos password; want keytabAuth");
	if (*f->sasl.kerberos_config)
		return wrong(err, "sasl.kerberos-config-path", f->sasl.kerberos_config,
			"cannot be set by a flag; set the environment variable KRB5_CONFIG");
	if (f->sasl.no_fast)
		return err_set(
			err, ERR_CONFIG, "--sasl.disable-PA-FX-FAST: not possible with librdkafka");
	if (!*f->sasl.username || !*f->sasl.keytab)
		return err_set(err, ERR_CONFIG,
			"--sasl.mechanism=gssapi: wants --sasl.username and --sasl.keytab-path");
	if (!has_feature("sasl_gssapi"))
		return wrong(err, "sasl.mechanism", f->sasl.mechanism,
			"this librdkafka was built without Kerberos");
	principal =
		mem_printf("%s%s%s", f->sasl.username, *f->sasl.realm ? "@" : "", f->sasl.realm);
	add_property(s, "sasl.kerberos.principal", principal);
	add_property(s, "sasl.kerberos.keytab", f->sasl.keytab);
	if (*f->sasl.service)
		add_property(s, "sasl.kerberos.service.name", f->sasl.service);
	return 0;
}

static int take_oauth(const struct flags *f, struct settings *s, struct err *err)
{
	const char *variable = getenv("SASL_OAUTHBEARER_TOKEN_URL");
	const char *url = *f->sasl.token_url ? f->sasl.token_url : variable ? variable : "";
	char *CLEANUP(mem_free_at) scopes = mem_strdup(f->sasl.scopes);

	if (!has_feature("oidc"))
		return wrong(err, "sasl.mechanism", f->sasl.mechanism,
			"this librdkafka was built without OAuth (OIDC)");
	if (!*url)
		return err_set(err, ERR_CONFIG,
			"--sasl.mechanism=oauthbearer: wants --sasl.oauthbearer-token-url or the "
			"environment variable SASL_OAUTHBEARER_TOKEN_URL");
	for (char *comma = scopes; (comma = strchr(comma, ','));)
		*comma = ' ';
	add_property(s, "sasl.oauthbearer.method", "oidc");
	add_property(s, "sasl.oauthbearer.token.endpoint.url", url);
	if (*scopes)
		add_property(s, "sasl.oauthbearer.scope", scopes);
	return take_user(f, s, "sasl.oauthbearer.client.id", "sasl.oauthbearer.client.secret", err);
}

static int take_aws(const struct flags *f, struct settings *s, struct err *err)
{
	(void)s;
	return wrong(err, "sasl.mechanism", f->sasl.mechanism,
		"librdkafka cannot sign in with AWS IAM; use SCRAM or client certificates");
}

static int take_sasl(const struct flags *f, struct settings *s, struct err *err)
{
	static const struct {
		const char *name, *property;
		int (*take)(const struct flags *f, struct settings *s, struct err *err);
	} mechanisms[] = {
		{"", "PLAIN", take_password},
		{"plain", "PLAIN", take_password},
		{"scram-sha256", "SCRAM-SHA-256", take_scram},
		{"scram-sha512", "SCRAM-SHA-512", take_scram},
		{"gssapi", "GSSAPI", take_kerberos},
		{"oauthbearer", "OAUTHBEARER", take_oauth},
		{"awsiam", "", take_aws},
	};

	if (!f->sasl.enabled)
		return 0;
	if (!f->sasl.handshake)
		return err_set(err, ERR_CONFIG,
			"--no-sasl.handshake: librdkafka always begins SASL with Kafka's "
			"handshake");
	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
		if (strcasecmp(f->sasl.mechanism, mechanisms[i].name) != 0)
			continue;
		if (mechanisms[i].take(f, s, err) < 0)
			return -1;
		add_property(s, "sasl.mechanisms", mechanisms[i].property);
		return 0;
	}
	return wrong(err, "sasl.mechanism", f->sasl.mechanism,
		"want plain, scram-sha256, scram-sha512, gssapi or oauthbearer");
}

static int take_kafka(const struct flags *f, struct settings *s, struct err *err)
{
	static const char *const protocols[2][2] = {
		{"PLAINTEXT", "SSL"}, {"SASL_PLAINTEXT", "SASL_SSL"}};
	struct kafka_options options;

	take_servers(f, s);
	add_property(s, "security.protocol", protocols[f->sasl.enabled][f->tls.enabled]);
	if (take_tls(f, s, err) < 0 || take_sasl(f, s, err) < 0)
		return -1;
	options = settings_kafka(s, NULL);
	return kafka_check(&options, err);
}

int flags_settings(const struct flags *f, struct settings *ret, struct err *err)
{
	struct conf_errors errors = {0};
	/* All that no flag tells has the default of the configuration file. */
	int rc = settings_parse(
		"kafka: { bootstrap = \"-\"; }; exporter: { };", "flags", ret, &errors);

	if (rc < 0)
		(void)err_set(err, ERR_CONFIG, "%s", strbuf_str(&errors.text));
	strbuf_release(&errors.text);
	if (rc < 0 || take_exporter(f, ret, err) < 0 || take_server_tls(f, ret, err) < 0 ||
		take_log(f, ret, err) < 0)
		return -1;
	return take_kafka(f, ret, err);
}
