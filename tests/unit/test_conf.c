/* The configuration reader with the tables of the real program. */
#include "cli/settings.h"
#include "tests/tap.h"
#include "tests/unit/settingscase.h"

#define KAFKA "kafka: { bootstrap = \"k:9092\"; };\n"
#define RULE(fields) \
	KAFKA "scaler: { rules = ( { scaleTargetRef = { name = \"d\"; };\n" fields " } ); };\n"
#define GROUPS                                                                                     \
	"consumergroups = ( { name = \"g\"; topicsThreshold = ( { topic = \"t\"; lag = 1; } ); } " \
	");\n"
#define MAX3 "maxReplicas = 3; "
#define SELF(before, after) \
	KAFKA "scaler: { rules = ( { target = \"self\"; " before after GROUPS " } ); };\n"

static const struct {
	const char *name, *text, *error; /* error "": valid */
} rows[] = {
	{"kafka and exporter are enough", KAFKA "exporter: {};", ""},
	{"a rule with defaults is valid", RULE("maxReplicas = 3; " GROUPS), ""},
	{"a lag beyond 32 bits with L is valid",
		RULE("maxReplicas = 3; consumergroups = ( { name = \"g\"; topicsThreshold = ( "
		     "{ topic = \"t\"; lag = 5000000000L; } ); } );"),
		""},
	{"numbers in strings and comments are left alone",
		"# 99999999999\n/* 99999999999 */ kafka: { bootstrap = \"a99999999999:1\"; };\n"
		"exporter: {};",
		""},
	{"an unknown key", KAFKA "exporter: { porte = 1; };", "f:2: exporter.porte: unknown key"},
	{"an unknown section", KAFKA "exporter: {}; web: {};", "f:2: web: unknown key"},
	{"a wrong type shows the value", KAFKA "exporter: { listen = 9308; };",
		"f:2: exporter.listen: got 9308, want a string in quotes"},
	{"a group where a string belongs", "kafka: { bootstrap = { a = 1; }; }; exporter: {};",
		"f:1: kafka.bootstrap: got a group { }, want a string in quotes"},
	{"a duration without a unit", KAFKA "exporter: { interval = \"10\"; };",
		"f:2: exporter.interval: got \"10\", want a duration"},
	{"a negative duration", KAFKA "exporter: { interval = \"-1s\"; };",
		"exporter.interval: got \"-1s\""},
	{"a duration out of range", KAFKA "exporter: { interval = \"1ms\"; };",
		"f:2: exporter.interval: \"1ms\" is outside 100ms to 3600000ms"},
	{"a duration that overflows", KAFKA "exporter: { interval = \"9223372036854775807h\"; };",
		"exporter.interval: got"},
	{"an unknown word", KAFKA "exporter: {}; log: { level = \"loud\"; };",
		"f:2: log.level: got \"loud\", want one of \"error\", \"warn\""},
	{"an empty string", "kafka: { bootstrap = \"\"; }; exporter: {};",
		"f:1: kafka.bootstrap: must not be empty"},
	{"a missing field", "kafka: {}; exporter: {};", "f:1: kafka.bootstrap: missing"},
	{"a missing section", "exporter: {};", "kafka: missing"},
	{"nothing to do", KAFKA, "neither exporter nor scaler"},
	{"minReplicas above maxReplicas", RULE("minReplicas = 5; maxReplicas = 4; " GROUPS),
		"f:3: scaler.rules[0].minReplicas: 5 is greater than maxReplicas 4"},
	{"minReplicas below 0", RULE("minReplicas = -1; maxReplicas = 4; " GROUPS),
		"f:3: scaler.rules[0].minReplicas: -1 is outside 0 to"},
	{"an integer that wraps to a valid one", RULE("maxReplicas = 4294967297; " GROUPS),
		"f:3: scaler.rules[0].maxReplicas: 4294967297 is outside 1 to 2147483647"},
	{"a hexadecimal one", RULE("maxReplicas = 0x100000001; " GROUPS),
		"scaler.rules[0].maxReplicas: 4294967297 is outside"},
	{"an integer beyond 64 bits", RULE("maxReplicas = 99999999999999999999; " GROUPS),
		"scaler.rules[0].maxReplicas: 9223372036854775807 is outside"},
	{"a lag beyond 32 bits without L",
		RULE("maxReplicas = 3; consumergroups = ( { name = \"g\"; topicsThreshold = ( "
		     "{ topic = \"t\"; lag = 4294967297; } ); } );"),
		"lag: 4294967297 does not fit 32 bits; write 4294967297L"},
	{"a threshold below 1",
		RULE("maxReplicas = 3; consumergroups = ( { name = \"g\"; topicsThreshold = ( "
		     "{ topic = \"t\"; lag = 0; } ); } );"),
		"topicsThreshold[0].lag: 0 is outside 1 to"},
	{"a fraction where a whole number belongs", RULE("maxReplicas = 3.5; " GROUPS),
		"scaler.rules[0].maxReplicas: got 3.5, want a whole number"},
	{"no thresholds",
		RULE("maxReplicas = 3; consumergroups = ( { name = \"g\"; topicsThreshold = ( ); } "
		     ");"),
		"topicsThreshold: has 0 elements"},
	{"two thresholds for one topic",
		RULE("maxReplicas = 3; consumergroups = ( { name = \"g\"; topicsThreshold = ( "
		     "{ topic = \"t\"; lag = 1; }, { topic = \"t\"; lag = 2; } ); } );"),
		"group \"g\" has two thresholds for topic \"t\""},
	{"two rules for one target, in two API versions",
		KAFKA "scaler: { rules = (\n{ scaleTargetRef = { name = \"d\"; }; maxReplicas = "
		      "1; " GROUPS
		      "},\n{ scaleTargetRef = { apiVersion = \"apps/v1beta1\"; name = \"d\"; }; "
		      "maxReplicas = 1; " GROUPS "} ); };",
		"f:5: scaler.rules[1]: scaleTargetRef Deployment/d is also that of rules[0]"},
	{"of three the first is named, and one of another name is none",
		KAFKA
		"scaler: { rules = (\n{ scaleTargetRef = { name = \"d\"; }; maxReplicas = "
		"1; " GROUPS "},\n{ scaleTargetRef = { name = \"c\"; }; maxReplicas = 1; " GROUPS
		"},\n{ scaleTargetRef = { name = \"d\"; namespace = \"n\"; }; maxReplicas = "
		"1; " GROUPS "},\n{ scaleTargetRef = { name = \"d\"; }; maxReplicas = 1; " GROUPS
		"} ); };",
		"f:9: scaler.rules[3]: scaleTargetRef Deployment/d is also that of rules[0] "
		"(f:3)\n"},
	{"a rule for the own workload", SELF("", "maxReplicas = 3; "), ""},
	{"which cannot scale itself away", SELF("", "minReplicas = 0; maxReplicas = 3; "),
		"f:2: scaler.rules[0].minReplicas: 0 is not possible with target \"self\": the "
		"sidecar would scale itself away and could not come back"},
	{"which names no other target", SELF("scaleTargetRef = { name = \"d\"; }; ", MAX3),
		"f:2: scaler.rules[0].target: \"self\" and scaleTargetRef exclude each other"},
	{"two rules for the own workload",
		KAFKA "scaler: { rules = (\n{ target = \"self\"; " MAX3 GROUPS
		      "},\n{ target = \"self\"; " MAX3 GROUPS "} ); };",
		"f:5: scaler.rules[1]: target self is also that of rules[0]"},
	{"another word for it",
		KAFKA "scaler: { rules = ( { target = \"other\"; " MAX3 GROUPS "} ); };",
		"f:2: scaler.rules[0].target: got \"other\", want one of \"self\""},
	{"a rule without any target", KAFKA "scaler: { rules = ( { " MAX3 GROUPS "} ); };",
		"f:2: scaler.rules[0].scaleTargetRef: missing, and target = \"self\", too"},
	{"a target without a name",
		KAFKA "scaler: { rules = ( { scaleTargetRef = {}; " MAX3 GROUPS "} ); };",
		"f:2: scaler.rules[0].scaleTargetRef.name: missing"},
	{"an expression that does not compile", KAFKA "exporter: { group_filter = \"(a\"; };",
		"f:2: exporter.group_filter: regular expression '(a': missing closing parenthesis"},
	{"a Kafka property that does not exist",
		"kafka: { bootstrap = \"k\"; properties = [ \"foo=1\" ]; }; exporter: {};",
		"f:1: kafka.properties: Kafka client property 'foo' does not exist"},
	{"a secret is not shown",
		"kafka: { bootstrap = \"k\"; properties = [ \"ssl.key.pem=hunter2\" ]; };\n"
		"exporter: {};",
		""},
	{"a property without a name is not shown either",
		"kafka: { bootstrap = \"k\"; properties = [ \"a=b\", \"hunter2\" ]; }; exporter: "
		"{};",
		"Kafka client property 'a' does not exist"},
	{"nor where it comes first",
		"kafka: { bootstrap = \"k\"; properties = [ \"hunter2\" ]; }; exporter: {};",
		"f:1: kafka.properties: properties[0] does not begin with 'name='"},
	{"nor where a list is missing",
		"kafka: { bootstrap = \"k\"; properties = \"hunter2\"; }; exporter: {};",
		"f:1: kafka.properties: want a list of strings"},
	{"an address that cannot be listened on", KAFKA "exporter: { listen = \"foo:bar\"; };",
		"f:2: exporter.listen: listen 'foo:bar': "},
	{"an empty group.id would crash the library",
		"kafka: { bootstrap = \"k\"; properties = [ \"group.id=\" ]; }; exporter: {};",
		"'group.id' must not be empty"},
	{"a secret's file that is not there",
		"kafka: { bootstrap = \"k\"; property_files = [ \"sasl.password=/nowhere\" ]; };\n"
		"exporter: {};",
		"'sasl.password': /nowhere: No such file"},
	{"an included file that is not there", "\n@include \"nowhere\"\n",
		"f:2: @include: nowhere: No such file or directory"},
	{"@include without a name", KAFKA "@include nowhere", "f:2: @include wants the name"},
	{"@include with half a name", KAFKA "@include \"nowhere\n\"",
		"f:2: @include wants the name"},
	{"@include in a string and in comments is none",
		"# @include \"x\"\n/* @include \"x\" */ kafka: { bootstrap = \"@include:1\"; };\n"
		"exporter: {};",
		""},
	{"a string without an end", KAFKA "exporter: { listen = \"a; };",
		"f:2: a string does not end in this file"},
	{"a syntax error has its line", KAFKA "exporter: { listen = ; };", "f:2: syntax error"},
	{"a key twice", KAFKA "exporter: { listen = \":1\"; listen = \":2\"; };",
		"f:2: duplicate setting name"},
};

static void test_rows(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		settings_case(rows[i].name, rows[i].text, rows[i].error);
}

static void test_all_errors(void)
{
	struct conf_errors errors = {0};
	struct settings settings;

	int rc = settings_parse("kafka: { bootstrap = \"\"; a = 1; };\nexporter: { listen = 1; };\n"
				"scaler: { rules = ( { minReplicas = \"x\"; } ); };",
		"f", &settings, &errors);

	TAP_INT("a file with several errors is refused", rc, -1);
	TAP_INT("all errors are listed, not only the first", errors.count, 7);
	strbuf_release(&errors.text);
	settings_release(&settings);
}

static void test_values(void)
{
	struct conf_errors errors = {0};
	struct settings s;
	const struct rule *rule;
	const struct rule_threshold *threshold;
	const char *group;

	TAP_INT("the sample parses", settings_read("conf/hexlag-minimal.conf", &s, &errors), 0);
	rule = s.scaler.rules.items;
	TAP_INT("default interval of the scaler", s.scaler.interval_ms, 1000);
	TAP_INT("default cooldown", rule->cooldown_ms, 60000);
	TAP_INT("default policy", rule->policy, POLICY_HEX);
	TAP_STR("default kind", rule->target.kind, "Deployment");
	TAP_INT("min as given", rule->min, 2);
	TAP_TRUE("the first threshold is there", rule_threshold(rule, 0, &group, &threshold));
	TAP_STR("its group", group, "group1");
	TAP_INT("its lag", threshold->lag, 1000);
	TAP_TRUE("there is no second", !rule_threshold(rule, 1, &group, &threshold));
	strbuf_release(&errors.text);
	settings_release(&s);
}

static void test_files(void)
{
	static const struct {
		const char *name, *path, *error;
	} files[] = {
		{"a folder", "/", "/: Is a directory"},
		{"a file that is not there", "/nowhere", "/nowhere: No such file"},
		{"an empty file", "/dev/null", "/dev/null: is empty"},
		{"an endless file", "/dev/zero", "/dev/zero: larger than 4194304 bytes"},
		{"every option, with its default", "conf/hexlag.conf", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct conf_errors errors = {0};
		struct settings s;
		int rc = settings_read(files[i].path, &s, &errors);

		TAP_INT(files[i].name, rc, *files[i].error ? -1 : 0);
		TAP_HAS(files[i].name, strbuf_str(&errors.text), files[i].error);
		strbuf_release(&errors.text);
		settings_release(&s);
	}
}

int main(void)
{
	test_rows();
	test_all_errors();
	test_values();
	test_files();
	return tap_done();
}
