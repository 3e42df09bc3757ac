/* The configuration file changed on disk, in a folder of our own, with a clock that is stepped. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/reload.h"
#include "common/log.h"
#include "common/mem.h"
#include "tests/tap.h"

#define LOOK_MS 1000
#define START_WALL_MS 1700000000000

#define TEXT(exporter, rules, level)            \
	"kafka: { bootstrap = \"k:9092\"; };\n" \
	"exporter: { " exporter " };\n"         \
	"scaler: { rules = ( " rules " ); };\n" \
	"log: { level = \"" level "\"; };\n"
#define RULE(name)                                                                                 \
	"{ scaleTargetRef = { name = \"" name "\"; }; maxReplicas = 3;\n"                          \
	"consumergroups = ( { name = \"g\"; topicsThreshold = ( { topic = \"t\"; lag = 1; } ); } " \
	"); }"

static char root[] = "/tmp/hexlag-reload.XXXXXX";

struct bench {
	char *path;
	struct settings running;
	struct reload *reload;
	int64_t now_ms;
	int log, errors; /* descriptors: the log's file, what was stderr */

	size_t applied; /* times; and with what at last */
	size_t rules;
	const char *refusal; /* of what is to be applied; NULL: none */
};

static char *at(const char *name)
{
	return mem_printf("%s/%s", root, name);
}

/* By a file of another name, as editors do it. */
static void replace(const char *name, const char *text)
{
	char *CLEANUP(mem_free_at) path = at(name), *CLEANUP(mem_free_at) draft = at("draft");
	FILE *f = fopen(draft, "we");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0 || rename(draft, path) != 0)
		abort();
}

static int apply(void *ctx, const struct settings *s, struct err *err)
{
	struct bench *b = ctx;

	if (b->refusal)
		return err_set(err, ERR_CONFIG, "%s", b->refusal);
	b->applied++;
	b->rules = s->scaler.rules.count;
	return 0;
}

/* Log lines go to a file of ours until bench_close(). */
static void bench_open(struct bench *b, const char *text)
{
	struct conf_errors errors = {0};
	char *CLEANUP(mem_free_at) log = at("log");

	*b = (struct bench){.path = at("main"), .now_ms = 1000000};
	log_set_level(LOG_LEVEL_INFO);
	replace("main", text);
	TAP_INT("a file is read", settings_read(b->path, &b->running, &errors), 0);
	strbuf_release(&errors.text);
	b->reload = reload_new(
		&(struct reload_options){
			.path = b->path, .running = &b->running, .apply = apply, .ctx = b},
		START_WALL_MS);
	b->log = open(log, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	b->errors = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	(void)dup2(b->log, STDERR_FILENO);
}

static void bench_close(struct bench *b)
{
	(void)dup2(b->errors, STDERR_FILENO);
	(void)close(b->errors);
	(void)close(b->log);
	reload_free(b->reload);
	settings_release(&b->running);
	free(b->path);
}

static int64_t wall_ms(const struct bench *b)
{
	return START_WALL_MS + b->now_ms;
}

static void look(struct bench *b, int times)
{
	for (int i = 0; i < times; i++) {
		b->now_ms += LOOK_MS;
		reload_look(b->reload, b->now_ms, wall_ms(b));
	}
}

/* What has been logged since the last call; the caller frees it. */
static char *logged(struct bench *b)
{
	static char text[32768];
	ssize_t n = pread(b->log, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	if (ftruncate(b->log, 0) != 0)
		abort();
	return mem_strdup(text);
}

static size_t count(const char *text, const char *needle)
{
	size_t found = 0;

	for (; (text = strstr(text, needle)); text++)
		found++;
	return found;
}

static bool shows(struct bench *b, const char *sample)
{
	struct exposition x = {0};
	bool has;

	reload_metrics(b->reload, &x);
	has = strstr(strbuf_str(&x.text), sample) != NULL;
	strbuf_release(&x.text);
	return has;
}

static char *complaint(struct bench *b)
{
	struct strbuf out = STRBUF_INIT;

	reload_complaint(b->reload, &out);
	return strbuf_take(&out);
}

#define SUCCESSFUL "hexlag_config_last_reload_successful "
#define SUCCESS_TIME "hexlag_config_last_reload_success_timestamp_seconds "

static void test_change(void)
{
	struct bench b;
	char *CLEANUP(mem_free_at) log = NULL;

	bench_open(&b, TEXT("", RULE("a"), "info"));
	TAP_TRUE("the start counts as a reading", shows(&b, SUCCESSFUL "1\n"));
	TAP_TRUE("with its time", shows(&b, SUCCESS_TIME "1700000000\n") ||
					  shows(&b, SUCCESS_TIME "1700000000.000\n"));
	look(&b, 3);
	TAP_INT("nothing changes, nothing is read", b.applied, 0);
	replace("main", TEXT("", RULE("a") "," RULE("b"), "warn"));
	look(&b, 1);
	TAP_INT("a change is waited for to end", b.applied, 0);
	look(&b, 1);
	TAP_INT("then it is read", b.applied, 1);
	TAP_INT("  its rules", b.rules, 2);
	TAP_TRUE("  its level", !log_enabled(LOG_LEVEL_INFO));
	TAP_TRUE("  the time", !shows(&b, SUCCESS_TIME "1700000000"));
	log = logged(&b);
	TAP_HAS("  in the log", log, "is read again: 2 rules");
	TAP_TRUE("  without a warning", !strstr(log, "restart"));
	look(&b, 3);
	TAP_INT("once", b.applied, 1);
	replace("main", TEXT("", RULE("a") "," RULE("b"), "warn") "# a comment\n");
	look(&b, 2);
	TAP_INT("other bytes that say the same put nothing in force", b.applied, 1);
	bench_close(&b);
}

static void test_asked(void)
{
	struct bench b;
	char *CLEANUP(mem_free_at) log = NULL;

	bench_open(&b, TEXT("", RULE("a"), "info"));
	reload_now(b.reload, b.now_ms, wall_ms(&b));
	log = logged(&b);
	TAP_HAS("who asks is answered", log, "nothing has changed");
	replace("main", TEXT("", RULE("b"), "info"));
	reload_now(b.reload, b.now_ms, wall_ms(&b));
	TAP_INT("and need not wait", b.applied, 1);
	look(&b, 3);
	TAP_INT("nor is it read twice", b.applied, 1);
	bench_close(&b);
}

static void test_bad(void)
{
	struct bench b;
	char *CLEANUP(mem_free_at) log = NULL, *CLEANUP(mem_free_at) later = NULL,
				   *CLEANUP(mem_free_at) said = NULL,
				   *CLEANUP(mem_free_at) none = NULL,
				   *CLEANUP(mem_free_at) right = NULL;

	bench_open(&b, TEXT("", RULE("a"), "info"));
	replace("main", TEXT("porte = 1; listen = 3;", RULE("a"), "info"));
	look(&b, 2);
	log = logged(&b);
	TAP_INT("a bad file is not put in force", b.applied, 0);
	TAP_HAS("each error is logged", log, "main:2: exporter.porte: unknown key");
	TAP_HAS("  the second, too", log, "main:2: exporter.listen: got 3");
	TAP_HAS("  and what comes of it", log, "keeping the one before");
	TAP_TRUE("the metric shows it", shows(&b, SUCCESSFUL "0\n"));
	TAP_TRUE("with the time of the good one", shows(&b, SUCCESS_TIME "1700000000"));
	said = complaint(&b);
	TAP_HAS("so does the complaint", said, "not in force, 2 errors: ");
	TAP_HAS("  with the first error", said, "exporter.porte: unknown key\n");
	look(&b, 20);
	later = logged(&b);
	TAP_STR("nothing is logged again", later, "");
	replace("main", TEXT("", RULE("a"), "info"));
	look(&b, 2);
	TAP_TRUE("a good one ends that", shows(&b, SUCCESSFUL "1\n"));
	none = complaint(&b);
	TAP_STR("  all of it", none, "");
	right = logged(&b);
	TAP_INT("  said once", count(right, "nothing has changed"), 1);
	TAP_INT("what was in force all along is not put in force again", b.applied, 0);
	bench_close(&b);
}

/* A file that is right, of which something cannot be put in force. */
static void test_refused(void)
{
	struct bench b;
	char *CLEANUP(mem_free_at) log = NULL, *CLEANUP(mem_free_at) later = NULL,
				   *CLEANUP(mem_free_at) said = NULL,
				   *CLEANUP(mem_free_at) again = NULL;

	bench_open(&b, TEXT("", RULE("a"), "info"));
	replace("main", TEXT("", RULE("b"), "warn"));
	b.refusal = "no such rule";
	look(&b, 2);
	log = logged(&b);
	TAP_HAS("what is refused is an error", log, "main: no such rule");
	TAP_HAS("  and what comes of it", log, "keeping the one before");
	TAP_TRUE("  not told as read", !strstr(log, "is read again"));
	TAP_TRUE("nothing of it is in force", log_enabled(LOG_LEVEL_INFO));
	TAP_TRUE("the metric shows it", shows(&b, SUCCESSFUL "0\n"));
	TAP_TRUE("with the time of the good one", shows(&b, SUCCESS_TIME "1700000000"));
	said = complaint(&b);
	TAP_HAS("so does the complaint", said, "not in force, 1 error: ");
	look(&b, 20);
	later = logged(&b);
	TAP_STR("nothing is logged again", later, "");
	reload_now(b.reload, b.now_ms, wall_ms(&b));
	again = logged(&b);
	TAP_HAS("but for who asks", again, "main: no such rule");
	b.refusal = NULL;
	look(&b, 6);
	TAP_INT("it is tried again", b.applied, 1);
	TAP_TRUE("which ends the error", shows(&b, SUCCESSFUL "1\n"));
	bench_close(&b);
}

static void test_many_errors(void)
{
	struct strbuf CLEANUP(strbuf_release) keys = STRBUF_INIT;
	char *CLEANUP(mem_free_at) text = NULL, *CLEANUP(mem_free_at) log = NULL;
	struct bench b;

	for (int i = 0; i < 150; i++)
		strbuf_addf(&keys, "k%d = 1;\n", i);
	text = mem_printf("kafka: { bootstrap = \"k\"; };\nexporter: { %s };\n", keys.data);
	bench_open(&b, TEXT("", RULE("a"), "info"));
	replace("main", text);
	look(&b, 2);
	log = logged(&b);
	TAP_INT("of many errors a hundred are logged", count(log, "unknown key"), 100);
	TAP_HAS("and who lists the others", log, "lists all 150 errors");
	bench_close(&b);
}

static void test_restart(void)
{
	struct bench b;
	char *CLEANUP(mem_free_at) log = NULL, *CLEANUP(mem_free_at) one = NULL,
				   *CLEANUP(mem_free_at) back = NULL;

	bench_open(&b, TEXT("", RULE("a"), "info"));
	replace("main", TEXT("listen = \":1\"; labels = \"a=b\"; group_states = [ \"Stable\" ];",
				RULE("b"), "info"));
	look(&b, 2);
	log = logged(&b);
	TAP_HAS("what takes a restart is named", log,
		"exporter.listen, exporter.group_states, exporter.labels changed: they take effect "
		"after a restart");
	TAP_INT("in one warning", count(log, "restart"), 1);
	TAP_INT("the rest is put in force", b.applied, 1);
	replace("main", TEXT("listen = \":1\";", RULE("c"), "info"));
	look(&b, 2);
	one = logged(&b);
	TAP_HAS("compared is what runs", one,
		"exporter.listen changed: takes effect after a restart");
	replace("main", TEXT("", RULE("c"), "info"));
	look(&b, 2);
	back = logged(&b);
	TAP_TRUE("taken back it is no warning", !strstr(back, "restart"));
	bench_close(&b);
}

static void test_sections(void)
{
	struct bench b;
	char *CLEANUP(mem_free_at) gone = NULL, *CLEANUP(mem_free_at) came = NULL;

	bench_open(&b, TEXT("", RULE("a"), "info"));
	replace("main", "kafka: { bootstrap = \"k:9092\"; };\nexporter: {};\n");
	look(&b, 2);
	gone = logged(&b);
	TAP_INT("without its section there are no rules", b.rules, 0);
	TAP_INT("  which is put in force", b.applied, 1);
	TAP_TRUE("  without a restart", !strstr(gone, "restart"));
	bench_close(&b);

	bench_open(&b, "kafka: { bootstrap = \"k:9092\"; };\nexporter: {};\n");
	replace("main", TEXT("", RULE("a"), "info"));
	look(&b, 2);
	came = logged(&b);
	TAP_HAS("a scaler is not started by a new section", came, "scaler changed: takes effect");
	bench_close(&b);
}

/* kubelet writes a new folder and moves a link to it into the place of the old one. */
static void swap(const char *to)
{
	char *CLEANUP(mem_free_at) link = at("..data"), *CLEANUP(mem_free_at) draft = at("..tmp");

	if (symlink(to, draft) != 0 || rename(draft, link) != 0)
		abort();
}

static void volume(const char *folder, const char *rules)
{
	char *CLEANUP(mem_free_at) path = at(folder), *CLEANUP(mem_free_at) file = NULL;

	if (mkdir(path, 0700) != 0)
		abort();
	file = mem_printf("%s/rules.conf", folder);
	replace(file, rules);
}

static void test_configmap(void)
{
	struct bench b;
	char *CLEANUP(mem_free_at) link = at("rules.conf");

	volume("..1", RULE("a"));
	volume("..2", RULE("a") "," RULE("b"));
	swap("..1");
	if (symlink("..data/rules.conf", link) != 0)
		abort();
	bench_open(&b, TEXT("", "@include \"rules.conf\"", "info"));
	look(&b, 2);
	TAP_INT("a volume that stays is not read again", b.applied, 0);
	swap("..2");
	look(&b, 2);
	TAP_INT("one whose link moves is", b.applied, 1);
	TAP_INT("  with its rules", b.rules, 2);
	swap("..1");
	look(&b, 2);
	TAP_INT("and back again", b.rules, 1);
	bench_close(&b);
}

static void test_folder(void)
{
	struct bench b;
	char *CLEANUP(mem_free_at) folder = at("rules.d"), *CLEANUP(mem_free_at) log = NULL,
				   *CLEANUP(mem_free_at) gone = at("rules.d/b.conf"),
				   *CLEANUP(mem_free_at) quiet = NULL;

	(void)mkdir(folder, 0700);
	replace("rules.d/a.conf", RULE("a"));
	bench_open(&b, TEXT("", "@include \"rules.d/*.conf\"", "info"));
	replace("rules.d/b.conf", RULE("b"));
	look(&b, 2);
	TAP_INT("a new file in a folder is found", b.rules, 2);
	replace("rules.d/b.conf", RULE("b") "," RULE("c"));
	look(&b, 2);
	TAP_INT("and looked at from then on", b.rules, 3);
	(void)unlink(gone);
	look(&b, 2);
	TAP_INT("one that is gone takes its rules along", b.rules, 1);
	log = logged(&b);
	replace("rules.d/.swap", "an editor's");
	look(&b, 2);
	quiet = logged(&b);
	TAP_STR("another file there is no news", quiet, "");
	replace("main", TEXT("", "@include \"rules.d/*.conf\", @include \"extra\"", "info"));
	look(&b, 2);
	TAP_TRUE("a file that is missing is an error", shows(&b, SUCCESSFUL "0\n"));
	replace("extra", RULE("x"));
	look(&b, 2);
	TAP_INT("until it is there", b.rules, 2);
	TAP_TRUE("  which ends the error", shows(&b, SUCCESSFUL "1\n"));
	bench_close(&b);
}

/* The secret is none of the files that are looked at. */
static void test_named_file(void)
{
	static const char with_secret[] = "kafka: { bootstrap = \"k:9092\"; property_files = [ "
					  "\"ssl.key.password=%s\" ]; };\n"
					  "exporter: {};\n";
	struct bench b;
	char *CLEANUP(mem_free_at) secret = at("secret");
	char *CLEANUP(mem_free_at) text = NULL;

	bench_open(&b, TEXT("", RULE("a"), "info"));
	text = mem_printf("%.*s%s%s", (int)(strstr(with_secret, "%s") - with_secret), with_secret,
		secret, strstr(with_secret, "%s") + 2);
	replace("main", text);
	look(&b, 2);
	TAP_TRUE("a file that a setting names is missing", shows(&b, SUCCESSFUL "0\n"));
	replace("secret", "password\n");
	look(&b, 6);
	TAP_TRUE("once it is there all is well", shows(&b, SUCCESSFUL "1\n"));
	bench_close(&b);
}

int main(void)
{
	char *CLEANUP(mem_free_at) clean = NULL;

	if (!mkdtemp(root))
		return 1;
	test_change();
	test_asked();
	test_bad();
	test_refused();
	test_many_errors();
	test_restart();
	test_sections();
	test_configmap();
	test_folder();
	test_named_file();
	clean = mem_printf("rm -rf '%s'", root);
	return system(clean) != 0 || tap_done();
}
