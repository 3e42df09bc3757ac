/* @include: files of a folder of our own, read as `hexlag run` reads them. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/settings.h"
#include "common/mem.h"
#include "tests/tap.h"

#define HEAD "kafka: { bootstrap = \"k:9092\"; };\n"
#define TARGET(name) "{ scaleTargetRef = { name = \"" name "\"; };\n"
#define REST                                                                                       \
	"consumergroups = ( { name = \"g\"; topicsThreshold = ( { topic = \"t\"; lag = 1; } ); } " \
	"); }"
#define RULE(name) TARGET(name) "maxReplicas = 3;\n" REST "\n"
#define RULES(list) HEAD "scaler: { rules = (\n" list "\n); };\n"

#define FILES 6

static char root[] = "/tmp/hexlag-include.XXXXXX";

/* The first file is the one that is read. "@" in an error stands for the folder. */
static const struct row {
	const char *name;
	struct {
		const char *path, *text;
	} files[FILES];
	size_t rules;      /* of a valid one */
	const char *error; /* "": valid */
} rows[] = {
	{"files in a list",
		{{"main", RULES("@include \"a\" , @include \"b\"")}, {"a", RULE("a")},
			{"b", RULE("b") "," RULE("c")}},
		3, ""},
	{"a pattern in a list needs no commas",
		{{"main", RULES("@include \"rules.d/*.conf\"")}, {"rules.d/b.conf", RULE("b")},
			{"rules.d/a.conf", RULE("a") "# no comma\n"},
			{"rules.d/README", "not included"}},
		2, ""},
	{"a folder is its *.conf files, hidden ones left out",
		{{"main", RULES(RULE("z") ", @include \"rules.d\"")}, {"rules.d/a.conf", RULE("a")},
			{"rules.d/.b.conf", "no"}, {"rules.d/c.txt", "no"}},
		2, ""},
	{"a section, and within a group",
		{{"main", "@include \"kafka\"\nexporter: { @include \"listen\" };"},
			{"kafka", HEAD}, {"listen", "listen = \":1\";"}},
		0, ""},
	{"a file in a folder includes what lies beside it",
		{{"main", RULES("@include \"rules.d/a\"")}, {"rules.d/a", "@include \"b\""},
			{"rules.d/b", RULE("b")}},
		1, ""},
	{"the same file twice, one after the other, is no loop",
		{{"main", "@include \"kafka\"\nexporter: {};\n@include \"none\" @include \"none\""},
			{"kafka", HEAD}, {"none", "# nothing\n"}},
		0, ""},
	{"a file without a newline at its end",
		{{"main", RULES("@include \"a\"")}, {"a", TARGET("a") "maxReplicas = 3;" REST}}, 1,
		""},
	{"an empty pattern is nothing", {{"main", HEAD "exporter: {};\n@include \"*.none\""}}, 0,
		""},
	{"an error in an included file has its name and line",
		{{"main", RULES("@include \"rules.d/a\"")},
			{"rules.d/a", "\n\n" TARGET("a") "maxReplicas = 0;" REST}},
		0, "@/rules.d/a:4: scaler.rules[0].maxReplicas: 0 is outside"},
	{"one behind it has that of the file around",
		{{"main", "@include \"kafka\"\n\nexporter: { listen = 1; };"}, {"kafka", HEAD}}, 0,
		"@/main:3: exporter.listen: got 1"},
	{"one on the same line, too",
		{{"main", "@include \"kafka\" exporter: { listen = 1; };"}, {"kafka", HEAD}}, 0,
		"@/main:1: exporter.listen: got 1"},
	{"a syntax error", {{"main", RULES("@include \"a\"")}, {"a", "\n{ a = ; }"}}, 0,
		"@/a:2: syntax error"},
	{"an integer that does not fit",
		{{"main", RULES("@include \"a\"")},
			{"a", TARGET("a") "maxReplicas = 4294967297;" REST}},
		0, "@/a:2: scaler.rules[0].maxReplicas: 4294967297 is outside"},
	{"two rules for one target in two files",
		{{"main", RULES("@include \"*.conf\"")}, {"a.conf", RULE("d")},
			{"b.conf", "\n" RULE("d")}},
		0,
		"@/b.conf:2: scaler.rules[1]: scaleTargetRef Deployment/d is also that of "
		"rules[0] (@/a.conf:1)"},
	{"a key twice in two files",
		{{"main", HEAD "exporter: { listen = \":1\"; @include \"a\" };"},
			{"a", "listen = \":2\";"}},
		0, "@/a:1: duplicate setting name"},
	{"a file that is not there", {{"main", HEAD "\n@include \"rules.d/a\""}}, 0,
		"@/main:3: @include: @/rules.d/a: No such file"},
	{"a pattern of a folder that is not there", {{"main", HEAD "@include \"rules.d/*.conf\""}},
		0, "@/main:2: @include: @/rules.d/: No such file"},
	{"an empty file", {{"main", HEAD "@include \"a\""}, {"a", ""}}, 0,
		"@/main:2: @include: @/a: is empty"},
	{"a device", {{"main", HEAD "@include \"/dev/zero\""}}, 0,
		"@/main:2: @include: /dev/zero: is not a regular file"},
	{"a file that includes itself", {{"main", HEAD "@include \"main\""}}, 0,
		"@/main:2: @include: @/main includes itself"},
	{"a loop of two files, by another path",
		{{"main", "@include \"a\""}, {"a", "\n@include \"b\""}, {"b", "@include \"./a\""}},
		0, "@/b:1: @include: @/./a includes itself"},
	{"a file that is cut off",
		{{"main", RULES("@include \"a\"")}, {"a", "\n" TARGET("a") "maxReplicas = 3;"}}, 0,
		"@/a:2: '{' is not closed in this file"},
	{"a file that closes more than it opens",
		{{"main", RULES("@include \"a\"")}, {"a", RULE("a") ");"}}, 0,
		"@/a:4: ')' closes what this file has not opened"},
	{"a string that goes on behind the file",
		{{"main", HEAD "@include \"a\"\n exporter: { listen = \":1\" }"},
			{"a", "\na = \"b"}},
		0, "@/a:2: a string does not end in this file"},
	{"a comment that does", {{"main", HEAD "@include \"a\"\n/* */"}, {"a", "/* b"}}, 0,
		"@/a:1: a comment does not end in this file"},
};

static void write_file(const char *path, const char *text)
{
	char *CLEANUP(mem_free_at) full = mem_printf("%s/%s", root, path);
	char *slash = strrchr(full, '/');
	FILE *f;

	*slash = '\0';
	(void)mkdir(full, 0700);
	*slash = '/';
	f = fopen(full, "we");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

/* Nothing of one row is there for the next. */
static void empty_root(void)
{
	char *CLEANUP(mem_free_at) command = mem_printf("rm -rf '%s'", root);

	if (system(command) != 0 || mkdir(root, 0700) != 0)
		abort();
}

static char *expand(const char *error)
{
	struct strbuf out = STRBUF_INIT;

	for (const char *c = error; *c; c++)
		if (c[0] == '@' && c[1] == '/')
			strbuf_adds(&out, root);
		else
			strbuf_addc(&out, *c);
	return strbuf_take(&out);
}

static int read_main(struct settings *s, struct conf_errors *errors)
{
	char *CLEANUP(mem_free_at) path = mem_printf("%s/main", root);

	return settings_read(path, s, errors);
}

static void test_row(const struct row *row)
{
	struct conf_errors errors = {0};
	struct settings s;
	char *CLEANUP(mem_free_at) want = expand(row->error);
	int rc;

	empty_root();
	for (size_t i = 0; i < FILES && row->files[i].path; i++)
		write_file(row->files[i].path, row->files[i].text);
	rc = read_main(&s, &errors);
	if (*row->error) {
		TAP_HAS(row->name, rc < 0 ? strbuf_str(&errors.text) : "(valid)", want);
	} else {
		TAP_STR(row->name, strbuf_str(&errors.text), "");
		TAP_INT("  with its rules", s.scaler.rules.count, row->rules);
	}
	strbuf_release(&errors.text);
	settings_release(&s);
}

/* Files 0 to `last`, each of which includes the next. */
static void test_depth(int last, const char *error)
{
	struct conf_errors errors = {0};
	struct settings s;

	empty_root();
	write_file("main", HEAD "exporter: {};\n@include \"1\"");
	for (int i = 1; i <= last; i++) {
		char *CLEANUP(mem_free_at) path = mem_printf("%d", i);
		char *CLEANUP(mem_free_at) text = mem_printf("@include \"%d\"", i + 1);

		write_file(path, i < last ? text : "# the last\n");
	}
	TAP_INT("so many files deep", read_main(&s, &errors), *error ? -1 : 0);
	TAP_HAS("  with its error", strbuf_str(&errors.text), error);
	strbuf_release(&errors.text);
	settings_release(&s);
}

static bool lists(const struct settings *s, const char *path)
{
	char *CLEANUP(mem_free_at) full = mem_printf("%s/%s", root, path);

	for (size_t i = 0; i < s->files.count; i++)
		if (strcmp(s->files.items[i].path, full) == 0)
			return true;
	return false;
}

/* What has to be watched for changes. */
static void test_files(void)
{
	struct conf_errors errors = {0};
	struct settings s;

	empty_root();
	write_file("main", RULES("@include \"rules.d\", @include \"gone\""));
	write_file("rules.d/a.conf", RULE("a"));
	TAP_INT("a file that is missing", read_main(&s, &errors), -1);
	TAP_INT("is a file all the same", s.files.count, 4);
	TAP_TRUE("beside the outermost one", lists(&s, "main"));
	TAP_TRUE("the folder that was looked through", lists(&s, "rules.d/"));
	TAP_TRUE("the file found there", lists(&s, "rules.d/a.conf"));
	TAP_TRUE("and it", lists(&s, "gone"));
	TAP_TRUE("which has no mark", s.files.items[3].mark.inode == 0);
	TAP_TRUE("as the others have", s.files.items[2].mark.inode != 0);
	strbuf_release(&errors.text);
	settings_release(&s);
}

int main(void)
{
	if (!mkdtemp(root))
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		test_row(&rows[i]);
	test_depth(10, "");
	test_depth(11, "is more than 10 files deep");
	test_files();
	empty_root();
	(void)rmdir(root);
	return tap_done();
}
