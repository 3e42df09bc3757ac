#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/reload.h"
#include "cli/settings.h"
#include "scaler/leasemetrics.h"
#include "scaler/objectsmetrics.h"
#include "scaler/rivals.h"
#include "scaler/scalermetrics.h"
#include "sidecar/httpdfamilies.h"
#include "sidecar/profile.h"
#include "sidecar/selfmetrics.h"
#include "sidecar/serieslabels.h"

static int usage(FILE *to, int code)
{
	(void)fprintf(to, "usage: hexlag check FILE\n"
			  "       hexlag check --list | --metrics\n\n"
			  "Prints `FILE: ok` and the number of rules, or every error, one a line.\n"
			  "  --list     print every option there is, with its default\n"
			  "  --metrics  print every metric there is: name, type, labels, help\n");
	return code;
}

static int list_options(void)
{
	struct strbuf CLEANUP(strbuf_release) list = STRBUF_INIT;

	settings_list(&list);
	(void)fputs(strbuf_str(&list), stdout);
	return EXIT_OK;
}

static void print_family(const struct family *f)
{
	(void)printf("%s\t%s\t%s\t%s\n", f->name, f->type, f->labels, f->help);
}

static void print_series(const struct series *s)
{
	struct strbuf CLEANUP(strbuf_release) labels = STRBUF_INIT;

	for (const struct series_label *l = series_labels(s); l->name; l++)
		strbuf_addf(&labels, "%s%s", labels.len ? "," : "", l->name);
	print_family(&(struct family){s->name, s->type, strbuf_str(&labels), s->help});
}

static int list_metrics(void)
{
	static const struct family *const families[] = {kafka_families, scalermetrics_families,
		leasemetrics_families, objectsmetrics_families, rivals_families,
		selfmetrics_families, httpd_families, reload_families};
	const struct series *s;

	for (size_t i = 0; i < series_own_count; i++)
		print_series(&series_own[i]);
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		for (const struct family *f = families[i]; f->name; f++)
			print_family(f);
	for (enum profile_id id = 0; id < PROFILE_COUNT; id++)
		for (size_t i = series_own_count; (s = profile_series(id, i)); i++)
			print_series(s);
	return EXIT_OK;
}

int cmd_check(int argc, char **argv)
{
	struct conf_errors errors = {0};
	struct settings settings;
	int code = EXIT_OK;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout, EXIT_OK);
	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list_options();
	if (argc == 2 && strcmp(argv[1], "--metrics") == 0)
		return list_metrics();
	if (argc != 2 || argv[1][0] == '-')
		return usage(stderr, EXIT_USAGE);
	if (settings_read(argv[1], &settings, &errors) < 0) {
		(void)fputs(strbuf_str(&errors.text), stderr);
		code = EXIT_USAGE;
	} else {
		(void)printf("%s: ok, %zu rule%s\n", argv[1], settings.scaler.rules.count,
			settings.scaler.rules.count == 1 ? "" : "s");
	}
	strbuf_release(&errors.text);
	settings_release(&settings);
	return code;
}
