#include "cli/explainjson.h"

#include <string.h>

#include "tests/tap.h"

#define RULE                                                                                      \
	"{\"target\":\"shop/Deployment/orders\",\"min\":2,\"max\":10,\"policy\":\"hex\","         \
	"\"dry_run\":false,\"thresholds\":[{\"group\":\"g\",\"topic\":\"t\",\"lag\":1000,"        \
	"\"observed\":{\"quality\":\"partial\",\"why\":\"some partitions did not answer\","       \
	"\"lag\":5120,\"age_ms\":0,\"partitions\":6,\"known\":5,\"with_lag\":4,\"max_lag\":2000," \
	"\"state\":\"Stable\",\"members\":3},\"proposal\":9}],"                                   \
	"\"replicas\":3,\"wanted\":9,\"reason\":\"ScaleUp\",\"write\":true,"                      \
	"\"detail\":\"much lag\",\"steps\":[{\"step\":\"policy\",\"replicas\":9,"                 \
	"\"reason\":\"ScaleUp\"}],\"problem\":null}"

#define NEW                                                                             \
	"{\"target\":\"shop/Deployment/new\",\"min\":1,\"max\":4,\"policy\":\"drain\"," \
	"\"thresholds\":[{\"group\":\"g\",\"topic\":\"t\",\"lag\":10,"                  \
	"\"observed\":null,\"proposal\":null}],\"replicas\":null,\"wanted\":null,"      \
	"\"reason\":null,\"write\":false,\"detail\":null,\"steps\":[],"                 \
	"\"problem\":\"403 Forbidden\"}"

static const struct {
	const char *name, *document, *only;
	const char *want; /* NULL: refused */
	const char *why;
} rows[] = {
	{"every figure of a decision is told",
		"{\"running\":true,\"leads\":true,\"rules\":[" RULE "]}", NULL,
		"shop/Deployment/orders: ScaleUp: 3 -> 9 replicas, to be written\n"
		"  policy hex, 2 to 10 replicas\n"
		"  group g, topic t: lag 5120 (partial: some partitions did not answer; 5 of 6 "
		"partitions known, 4 with lag, at most 2000; Stable, members 3), threshold 1000: "
		"asks for 9\n"
		"  policy     9  ScaleUp\n"
		"  much lag\n",
		NULL},
	{"what is unknown is a question mark", "{\"running\":true,\"rules\":[" RULE "," NEW "]}",
		"new",
		"shop/Deployment/new: no decision yet: ? replicas, left alone\n"
		"  policy drain, 1 to 4 replicas\n"
		"  group g, topic t: not looked at, threshold 10: asks for ?\n"
		"  cannot act: 403 Forbidden\n",
		NULL},
	{"a target that no rule has", "{\"running\":true,\"rules\":[" RULE "]}", "nothing", NULL,
		"no rule has a target with 'nothing'"},
	{"an exporter alone decides nothing", "{\"running\":false,\"rules\":[]}", NULL, NULL,
		"no scaler runs there"},
	{"no rules", "{\"running\":true,\"rules\":[]}", NULL, NULL, "there is no rule"},
	{"another document", "{\"groups\":[]}", NULL, NULL, "there are no decisions"},
	{"no JSON", "<html>", NULL, NULL, "is not JSON"},
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf CLEANUP(strbuf_release) out = STRBUF_INIT;
		struct err err = {0};
		int rc = explainjson(
			rows[i].document, strlen(rows[i].document), rows[i].only, &out, &err);

		TAP_INT(rows[i].name, rc, rows[i].want ? 0 : -1);
		if (rows[i].want)
			TAP_STR("as text", strbuf_str(&out), rows[i].want);
		else
			TAP_HAS("why", err.msg, rows[i].why);
	}
	return tap_done();
}
