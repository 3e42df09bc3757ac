/* Any bytes, an argument a line, as the command line of kafka_exporter: read, or refused with a
 * reason. Of files that stand for arguments only those that hold none are opened, so that what
 * is read is the input alone. */
#include <string.h>

#include "cli/flags.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"

/* Cuts `text` at its newlines. Returns how many arguments there are, the name of the program, which is
 * argv[0], included. */
static int split(char *text, char ***ret_argv)
{
	char **argv = NULL;
	size_t count = 0;

	*(char **)mem_append(&argv, count++, sizeof(*argv)) = (char *)"kafka_exporter";
	for (char *line = text; line;) {
		char *end = strchr(line, '\n');

		if (end)
			*end++ = '\0';
		if (line[0] != '@' || strcmp(line, "@/dev/null") == 0 ||
			strcmp(line, "@/nowhere") == 0)
			*(char **)mem_append(&argv, count++, sizeof(*argv)) = line;
		line = end;
	}
	*ret_argv = argv;
	return (int)count;
}

/* What the header promises of flags that were read. */
static void check(const struct flags *f)
{
	CLEANUP(strbuf_release) struct strbuf idle = STRBUF_INIT;
	const char *const texts[] = {f->labels, f->listen, f->path, f->topic_filter,
		f->topic_exclude, f->group_filter, f->group_exclude, f->sasl.username,
		f->sasl.password, f->sasl.mechanism, f->sasl.token_url, f->sasl.scopes,
		f->sasl.service, f->sasl.realm, f->sasl.kerberos_config, f->sasl.keytab,
		f->sasl.kerberos_auth, f->tls.server_name, f->tls.ca, f->tls.cert, f->tls.key,
		f->server_tls.ca, f->server_tls.cert, f->server_tls.key, f->log_level,
		f->log_format};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		FUZZ_CHECK(texts[i]);
	FUZZ_CHECK(f->servers.count > 0);
	for (size_t i = 0; i < f->servers.count; i++)
		FUZZ_CHECK(*f->servers.items[i]);
	FUZZ_CHECK((flags_idle(f, &idle) > 0) == (idle.len > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text = mem_strndup((const char *)bytes, len), **argv;
	int argc = split(text, &argv);
	struct flags f;
	struct err err = {0};
	int rc = flags_parse(argc, argv, &f, &err);

	FUZZ_CHECK(rc == 0 || rc == -1);
	FUZZ_CHECK((rc == 0) == (err.kind == ERR_NONE));
	FUZZ_CHECK((rc == 0) == (*err.msg == '\0'));
	if (rc == 0)
		check(&f);
	flags_release(&f);
	free(argv);
	free(text);
	return 0;
}
