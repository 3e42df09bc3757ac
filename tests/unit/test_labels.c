#include "sidecar/labels.h"

#include "tests/tap.h"

static void test_labels(void)
{
	static const struct {
		const char *name, *list, *error;
	} bad[] = {
		{"a label needs an equals sign", "a=b,cluster", "label 'cluster' has no '='"},
		{"a label needs a name", "=east", "'' is not a label name"},
		{"a name begins with no digit", "1st=x", "'1st' is not a label name"},
		{"a name has no dash", "my-env=x", "'my-env' is not a label name"},
		{"names with two underscores are Prometheus's", "__name__=x",
			"'__name__' is not a label name"},
		{"a name is given once", "a=1,b=2,a=3", "label 'a' is given twice"},
	};
	struct labels l = {0};
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = {0};

		TAP_INT(bad[i].name, labels_parse(bad[i].list, &l, &err), -1);
		TAP_STR(bad[i].name, err.msg, bad[i].error);
		TAP_INT(bad[i].name, err.kind, ERR_CONFIG);
	}
	TAP_INT("nothing is no label", labels_parse("", &l, NULL), 0);
	TAP_INT("none", l.count, 0);
	TAP_INT("values may hold equals signs and quotes", labels_parse("z=a=\"b\",c=,", &l, NULL),
		0);
	labels_add(&l, NULL, NULL, &out);
	TAP_STR("and are sorted and escaped", strbuf_str(&out), "c=\"\",z=\"a=\\\"b\\\"\",");
	labels_release(&l);
}

int main(void)
{
	test_labels();
	return tap_done();
}
