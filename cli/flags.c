#include "cli/flags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/readfile.h"

/* More is a file that names itself. */
#define ARGUMENTS_MAX 10000
#define FILE_MAX ((size_t)1 << 20)

/* An unknown flag is taken for a misspelling of one that differs in no more places. */
#define TYPO_MAX 3
#define NAME_MAX_LEN 40

enum flag_type { FLAG_STRING, FLAG_BOOL, FLAG_INT, FLAG_LIST };

/* What a flag is good for: without that it changes nothing. */
enum flag_use { USE_ALWAYS, USE_NEVER, USE_SASL, USE_TLS, USE_SERVER_TLS };

struct flag {
	const char *name;
	enum flag_type type;
	enum flag_use use;
	size_t offset; /* in struct flags; unused with USE_NEVER */
	const char *fallback, *help;
};

#define AT(field) offsetof(struct flags, field)
#define NO_MEANING "accepted, without a meaning here"

static const struct flag table[] = {
	{"help", FLAG_BOOL, USE_ALWAYS, AT(help), "false", "show this list"},
	{"help-long", FLAG_BOOL, USE_ALWAYS, AT(help_long), "false", "the same"},
	{"version", FLAG_BOOL, USE_ALWAYS, AT(version), "false", "show the version"},
	{"kafka.server", FLAG_LIST, USE_ALWAYS, AT(servers), "kafka:9092",
		"broker to begin with, host:port; may be repeated"},
	{"kafka.labels", FLAG_STRING, USE_ALWAYS, AT(labels), "",
		"labels on every series: name=value,name=value"},
	{"topic.filter", FLAG_STRING, USE_ALWAYS, AT(topic_filter), ".*",
		"regular expression (RE2, unanchored) of the topics to show"},
	{"topic.exclude", FLAG_STRING, USE_ALWAYS, AT(topic_exclude), "^$",
		"and of those not to show"},
	{"group.filter", FLAG_STRING, USE_ALWAYS, AT(group_filter), ".*",
		"regular expression of the consumer groups to show"},
	{"group.exclude", FLAG_STRING, USE_ALWAYS, AT(group_exclude), "^$",
		"and of those not to show"},
	{"offset.show-all", FLAG_BOOL, USE_ALWAYS, AT(show_all), "true",
		"all partitions, not only those that members own"},
	{"web.listen-address", FLAG_STRING, USE_ALWAYS, AT(listen), ":9308",
		"where to serve HTTP: :port, host:port or [v6]:port"},
	{"web.telemetry-path", FLAG_STRING, USE_ALWAYS, AT(path), "/metrics",
		"path of the metrics"},
	{"sasl.enabled", FLAG_BOOL, USE_ALWAYS, AT(sasl.enabled), "false",
		"authenticate with SASL"},
	{"sasl.mechanism", FLAG_STRING, USE_SASL, AT(sasl.mechanism), "",
		"plain (also when empty), scram-sha256, scram-sha512, gssapi or oauthbearer"},
	{"sasl.username", FLAG_STRING, USE_SASL, AT(sasl.username), "",
		"user, Kerberos principal or OAuth client id"},
	{"sasl.password", FLAG_STRING, USE_SASL, AT(sasl.password), "",
		"password or OAuth client secret; $SASL_USER_PASSWORD when empty"},
	{"sasl.handshake", FLAG_BOOL, USE_SASL, AT(sasl.handshake), "true",
		"cannot be turned off here"},
	{"sasl.oauthbearer-token-url", FLAG_STRING, USE_SASL, AT(sasl.token_url), "",
		"where to get OAuth tokens; $SASL_OAUTHBEARER_TOKEN_URL when empty"},
	{"sasl.oauthbearer-scopes", FLAG_STRING, USE_SASL, AT(sasl.scopes), "",
		"OAuth scopes to ask for, separated by commas"},
	{"sasl.aws-region", FLAG_STRING, USE_NEVER, 0, "", NO_MEANING},
	{"sasl.service-name", FLAG_STRING, USE_SASL, AT(sasl.service), "",
		"Kerberos name of the brokers"},
	{"sasl.realm", FLAG_STRING, USE_SASL, AT(sasl.realm), "", "Kerberos realm"},
	{"sasl.kerberos-config-path", FLAG_STRING, USE_SASL, AT(sasl.kerberos_config), "",
		"cannot be set here; $KRB5_CONFIG can"},
	{"sasl.kerberos-auth-type", FLAG_STRING, USE_SASL, AT(sasl.kerberos_auth), "",
		"keytabAuth; userAuth is not possible here"},
	{"sasl.keytab-path", FLAG_STRING, USE_SASL, AT(sasl.keytab), "", "Kerberos keytab"},
	{"sasl.disable-PA-FX-FAST", FLAG_BOOL, USE_SASL, AT(sasl.no_fast), "false",
		"cannot be set here"},
	{"tls.enabled", FLAG_BOOL, USE_ALWAYS, AT(tls.enabled), "false",
		"connect to the brokers with TLS"},
	{"tls.server-name", FLAG_STRING, USE_TLS, AT(tls.server_name), "", "cannot be set here"},
	{"tls.ca-file", FLAG_STRING, USE_TLS, AT(tls.ca), "",
		"certificates that a broker's has to be signed by; the system's when empty"},
	{"tls.cert-file", FLAG_STRING, USE_TLS, AT(tls.cert), "", "client certificate"},
	{"tls.key-file", FLAG_STRING, USE_TLS, AT(tls.key), "", "and its key"},
	{"tls.insecure-skip-tls-verify", FLAG_BOOL, USE_TLS, AT(tls.insecure), "false",
		"take any certificate of a broker"},
	{"server.tls.enabled", FLAG_BOOL, USE_ALWAYS, AT(server_tls.enabled), "false",
		"serve HTTPS"},
	{"server.tls.mutual-auth-enabled", FLAG_BOOL, USE_SERVER_TLS, AT(server_tls.mutual),
		"false", "ask for a client certificate"},
	{"server.tls.ca-file", FLAG_STRING, USE_SERVER_TLS, AT(server_tls.ca), "",
		"certificates that a client's has to be signed by"},
	{"server.tls.cert-file", FLAG_STRING, USE_SERVER_TLS, AT(server_tls.cert), "",
		"certificate of the server"},
	{"server.tls.key-file", FLAG_STRING, USE_SERVER_TLS, AT(server_tls.key), "", "and its key"},
	{"verbosity", FLAG_INT, USE_ALWAYS, AT(verbosity), "0", "1 or more: log level debug"},
	{"log.level", FLAG_STRING, USE_ALWAYS, AT(log_level), "info", "debug, info, warn or error"},
	{"log.format", FLAG_STRING, USE_ALWAYS, AT(log_format), "logfmt", "logfmt (text) or json"},
	{"kafka.version", FLAG_STRING, USE_NEVER, 0, "2.0.0", NO_MEANING},
	{"kafka.allow-auto-topic-creation", FLAG_BOOL, USE_NEVER, 0, "false", NO_MEANING},
	{"refresh.metadata", FLAG_STRING, USE_NEVER, 0, "30s", NO_MEANING},
	{"concurrent.enable", FLAG_BOOL, USE_NEVER, 0, "false", NO_MEANING},
	{"topic.workers", FLAG_INT, USE_NEVER, 0, "100", NO_MEANING},
	{"group.workers", FLAG_INT, USE_NEVER, 0, "100", NO_MEANING},
	{"group.metrics.timeout", FLAG_STRING, USE_NEVER, 0, "5m", NO_MEANING},
	{"use.consumelag.zookeeper", FLAG_BOOL, USE_NEVER, 0, "false", NO_MEANING},
	{"zookeeper.server", FLAG_LIST, USE_NEVER, 0, "localhost:2181", NO_MEANING},
	{"log.enable-sarama", FLAG_BOOL, USE_NEVER, 0, "false", NO_MEANING},
};

_Static_assert(ARRAY_LEN(table) <= 64, "struct flags.given has 64 bits");

/* --- the arguments, with those of files --- */

/* Puts the arguments of `with` where the one at `i` is; takes them. */
static void replace(struct conf_strings *a, size_t i, struct conf_strings *with)
{
	size_t after = a->count - i - 1;

	free(a->items[i]);
	a->items = mem_resize(a->items, a->count + with->count, sizeof(*a->items));
	memmove(a->items + i + with->count, a->items + i + 1, after * sizeof(*a->items));
	if (with->count)
		memcpy(a->items + i, with->items, with->count * sizeof(*a->items));
	a->count = i + with->count + after;
	free(with->items);
}

static int expand_file(struct conf_strings *a, size_t i, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct conf_strings lines = {0};

	if (readfile(a->items[i] + 1, FILE_MAX, &text, err) < 0)
		return err_wrap(err, "arguments of a file");
	for (const char *line = strbuf_str(&text); *line;) {
		size_t len = strcspn(line, "\n"),
		       bare = len && line[len - 1] == '\r' ? len - 1 : len;

		if (*line != '#' && strspn(line, " \t\r") < len)
			conf_strings_add(&lines, mem_strndup(line, bare));
		line += len + (line[len] == '\n');
	}
	replace(a, i, &lines);
	if (a->count > ARGUMENTS_MAX)
		return err_set(err, ERR_CONFIG, "more than %d arguments", ARGUMENTS_MAX);
	return 0;
}

static int expand(struct conf_strings *a, struct err *err)
{
	int files = 0;

	for (size_t i = 0; i < a->count && strcmp(a->items[i], "--") != 0;) {
		if (a->items[i][0] != '@') {
			i++;
			continue;
		}
		if (++files > 100)
			return err_set(
				err, ERR_CONFIG, "%s: files within files without end", a->items[i]);
		if (expand_file(a, i, err) < 0)
			return -1;
	}
	return 0;
}

/* --- names --- */

static size_t find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strncmp(table[i].name, name, len) == 0 && !table[i].name[len])
			return i;
	return ARRAY_LEN(table);
}

/* In how many letters two names differ (Levenshtein); names longer than NAME_MAX_LEN differ wholly. */
static size_t distance(const char *a, const char *b, size_t b_len)
{
	size_t row[NAME_MAX_LEN + 1];

	if (b_len > NAME_MAX_LEN)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < b_len; j++) {
			size_t best = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (diagonal + 1 < best)
				best = diagonal + 1;
			row[j + 1] = best;
		}
	}
	return row[b_len];
}

static int reject_unknown(const char *argument, const char *name, size_t len, struct err *err)
{
	const char *nearest = NULL;
	size_t least = TYPO_MAX + 1, dashes = (size_t)(name - argument);

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		size_t d = distance(table[i].name, name, len);

		if (d < least && d < len) {
			least = d;
			nearest = table[i].name;
		}
	}
	/* Without its value, which may be a secret. */
	return err_set(err, ERR_CONFIG, "unknown flag '%.*s'%s%s%s", (int)(dashes + len), argument,
		nearest ? "; did you mean '--" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/* --- values --- */

static int set_int(const struct flag *flag, const char *value, struct flags *f, struct err *err)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (errno || end == value || *end)
		return err_set(err, ERR_CONFIG, "--%s=%s: not a whole number", flag->name, value);
	if (flag->use != USE_NEVER)
		*(int64_t *)((char *)f + flag->offset) = number;
	return 0;
}

static int set(const struct flag *flag, const char *value, struct flags *f, struct err *err)
{
	void *field = (char *)f + flag->offset;
	struct conf_strings *list = field;

	if (flag->type == FLAG_INT)
		return set_int(flag, value, f, err);
	if (flag->use == USE_NEVER)
		return 0;
	switch (flag->type) {
	case FLAG_BOOL:
		*(bool *)field = strcmp(value, "true") == 0;
		break;
	case FLAG_LIST:
		if (!*value)
			return err_set(err, ERR_CONFIG, "--%s=: must not be empty", flag->name);
		conf_strings_add(list, mem_strdup(value));
		break;
	default:
		mem_free_at(field);
		*(char **)field = mem_strdup(value);
		break;
	}
	return 0;
}

static bool is_given(const struct flags *f, size_t i)
{
	return f->given >> i & 1;
}

static int set_defaults(struct flags *f, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (!is_given(f, i) && set(&table[i], table[i].fallback, f, err) < 0)
			return -1;
	return 0;
}

/* --- one flag --- */

/* Reads the flag at `*at`, and its value where that is the next argument. */
static int take(const struct conf_strings *a, size_t *at, struct flags *f, struct err *err)
{
	const char *argument = a->items[(*at)++];
	const char *name = argument + 2, *value;
	size_t len = strcspn(name, "="), i = find(name, len);
	bool off = false;

	value = name[len] ? name + len + 1 : NULL;
	if (i == ARRAY_LEN(table) && strncmp(name, "no-", 3) == 0) {
		i = find(name + 3, len - 3);
		off = true;
	}
	if (i == ARRAY_LEN(table) || (off && table[i].type != FLAG_BOOL))
		return reject_unknown(argument, name, len, err);
	if (table[i].type == FLAG_BOOL) {
		if (value)
			return err_set(err, ERR_CONFIG,
				"--%s=%s: takes no value; write --%s or --no-%s", table[i].name,
				value, table[i].name, table[i].name);
		value = off ? "false" : "true";
	} else if (!value) {
		/* As kingpin: what begins with a dash is no value, a dash alone is an empty one. */
		if (*at == a->count || (a->items[*at][0] == '-' && a->items[*at][1]))
			return err_set(err, ERR_CONFIG, "--%s: expected a value", table[i].name);
		value = a->items[(*at)++];
		value = strcmp(value, "-") == 0 ? "" : value;
	}
	if (is_given(f, i) && table[i].type != FLAG_LIST)
		return err_set(err, ERR_CONFIG, "--%s: is given twice", table[i].name);
	f->given |= (uint64_t)1 << i;
	return set(&table[i], value, f, err);
}

static int take_all(const struct conf_strings *a, struct flags *f, struct err *err)
{
	for (size_t at = 0; at < a->count;) {
		const char *argument = a->items[at];

		if (strcmp(argument, "-h") == 0) {
			f->help = true;
			f->given |= 1;
			at++;
		} else if (argument[0] == '-' && argument[1] == '-' && argument[2]) {
			if (take(a, &at, f, err) < 0)
				return -1;
		} else if (argument[0] == '-' && argument[1] && strcmp(argument, "--") != 0) {
			return reject_unknown(
				argument, argument + 1, strcspn(argument + 1, "="), err);
		} else if (strcmp(argument, "--") != 0 || ++at < a->count) {
			return err_set(err, ERR_CONFIG, "unexpected argument '%s'", a->items[at]);
		}
	}
	return set_defaults(f, err);
}

int flags_parse(int argc, char **argv, struct flags *ret, struct err *err)
{
	CLEANUP(conf_strings_release) struct conf_strings a = {0};

	*ret = (struct flags){0};
	for (int i = 1; i < argc; i++)
		conf_strings_add(&a, mem_strdup(argv[i]));
	if (expand(&a, err) < 0)
		return -1;
	return take_all(&a, ret, err);
}

void flags_release(struct flags *f)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		void *field = (char *)f + table[i].offset;

		if (table[i].use == USE_NEVER)
			continue;
		if (table[i].type == FLAG_STRING)
			mem_free_at(field);
	}
	conf_strings_release(&f->servers);
	*f = (struct flags){0};
}

size_t flags_idle(const struct flags *f, struct strbuf *out)
{
	const bool idle[] = {[USE_ALWAYS] = false,
		[USE_NEVER] = true,
		[USE_SASL] = !f->sasl.enabled,
		[USE_TLS] = !f->tls.enabled,
		[USE_SERVER_TLS] = !f->server_tls.enabled};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (is_given(f, i) && idle[table[i].use])
			strbuf_addf(out, "%s--%s", count++ ? ", " : "", table[i].name);
	return count;
}

void flags_help(struct strbuf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct flag *flag = &table[i];
		size_t before = out->len;

		strbuf_addf(out, "  --%s%s", flag->type == FLAG_BOOL ? "[no-]" : "", flag->name);
		if (flag->type != FLAG_BOOL)
			strbuf_addf(out, "=%s", *flag->fallback ? flag->fallback : "\"\"");
		strbuf_addf(out, "%*s  %s%s\n",
			before + 40 > out->len ? (int)(before + 40 - out->len) : 0, "", flag->help,
			flag->type == FLAG_BOOL && *flag->fallback == 't' ? " (default on)" : "");
	}
}
