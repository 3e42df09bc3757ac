#include "cli/settings.h"

#include "common/mem.h"
#include "tests/tap.h"
#include "tests/unit/settingscase.h"

static const struct {
	const char *name, *table, *error; /* "": valid */
} rows[] = {
	{"an empty table", "", ""},
	{"all of it",
		"enabled = true; namespace = \"a\"; name = \"b\"; identity = \"c\"; lease_duration "
		"= "
		"\"30s\"; renew_deadline = \"20s\"; retry_period = \"4s\";",
		""},
	{"an unknown key", "lease = 1;", "scaler.leader_election.lease: unknown key"},
	{"a deadline as long as the lease", "renew_deadline = \"15s\";",
		"f:4: scaler.leader_election.renew_deadline: 15000ms is not less than "
		"lease_duration 15000ms"},
	{"a lease shorter than the default deadline", "lease_duration = \"10s\";",
		"renew_deadline: 10000ms is not less than lease_duration 10000ms"},
	{"a period that leaves no try", "retry_period = \"9s\";",
		"f:4: scaler.leader_election.retry_period: 9000ms, times 1.2, is not less than"},
	{"a lease of a second and a half",
		"lease_duration = \"1500ms\"; renew_deadline = \"1s\"; retry_period = \"100ms\";",
		"lease_duration: 1500ms is not whole seconds from 1s to 24h"},
	{"a lease that is too short", "lease_duration = \"500ms\";", "lease_duration: "},
	{"no duration", "lease_duration = \"fast\";", "lease_duration: "},
	{"an identity with a newline", "identity = \"a\\nb\";",
		"scaler.leader_election.identity: 'a"},
	{"a name that is a path", "name = \"a/b\";",
		"scaler.leader_election.name: 'a/b' is not a name"},
	{"a namespace that is a path", "namespace = \"..\";",
		"scaler.leader_election.namespace: '..' is not a name"},
	{"times that leave no time to write",
		"enabled = true; lease_duration = \"6s\"; renew_deadline = \"4s\"; retry_period = "
		"\"1s\";",
		"f:3: scaler.timeout: 5000ms is more than 4000ms, which leader_election leaves"},
	{"which do not matter while it is off",
		"lease_duration = \"6s\"; renew_deadline = \"4s\"; retry_period = \"1s\";", ""},
};

/* A whole configuration with this table, to be freed. */
static char *text_of(const char *table)
{
	return mem_printf("kafka: { bootstrap = \"k:9092\"; };\n"
			  "scaler: {\n"
			  "timeout = \"5s\";\n"
			  "leader_election = { %s };\n"
			  "rules = ( { scaleTargetRef = { name = \"d\"; }; maxReplicas = 3;\n"
			  "consumergroups = ( { name = \"g\"; topicsThreshold = (\n"
			  "{ topic = \"t\"; lag = 1; } ); } ); } ); };\n",
		table);
}

static void check_errors(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text CLEANUP(mem_free_at) = text_of(rows[i].table);

		settings_case(rows[i].name, text, rows[i].error);
	}
}

static int parse(const char *table, struct settings *ret, struct conf_errors *errors)
{
	char *text CLEANUP(mem_free_at) = text_of(table);

	return settings_parse(text, "f", ret, errors);
}

static void check_values(void)
{
	struct conf_errors errors = {0};
	struct settings s;

	TAP_INT("the defaults", parse("", &s, &errors), 0);
	TAP_TRUE("it is off", !s.scaler.lease.enabled);
	TAP_STR("the name", s.scaler.lease.name, "hexlag");
	TAP_STR("no identity", s.scaler.lease.identity, NULL);
	TAP_STR("no namespace", s.scaler.lease.namespace, NULL);
	TAP_INT("the lease", s.scaler.lease.duration_ms, 15000);
	TAP_INT("the deadline", s.scaler.lease.deadline_ms, 10000);
	TAP_INT("the period", s.scaler.lease.period_ms, 2000);
	settings_release(&s);
	TAP_INT("given values", parse(rows[1].table, &s, &errors), 0);
	TAP_TRUE("it is on", s.scaler.lease.enabled);
	TAP_STR("its namespace", s.scaler.lease.namespace, "a");
	TAP_STR("its name", s.scaler.lease.name, "b");
	TAP_STR("its identity", s.scaler.lease.identity, "c");
	TAP_INT("its lease", s.scaler.lease.duration_ms, 30000);
	TAP_INT("its deadline", s.scaler.lease.deadline_ms, 20000);
	TAP_INT("its period", s.scaler.lease.period_ms, 4000);
	settings_release(&s);
	strbuf_release(&errors.text);
}

int main(void)
{
	check_errors();
	check_values();
	return tap_done();
}
