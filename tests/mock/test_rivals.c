#include "scaler/rivals.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "scaler/ruleset.h"
#include "tests/mock/apiserver.h"
#include "tests/tap.h"

#define DEADLINE_MS 10000
#define HPA_PATH "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
#define KEDA_PATH "/apis/keda.sh/v1alpha1/namespaces/shop/scaledobjects"

#define ITEM(name, target)                                                                    \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"scaleTargetRef\":{\"apiVersion\":" \
	"\"apps/v1\",\"kind\":\"Deployment\",\"name\":\"" target "\"}}}"
#define LIST(kind, version, next, items)                                                           \
	"{\"kind\":\"" kind "\",\"apiVersion\":\"" version "\",\"metadata\":{\"continue\":\"" next \
	"\"},\"items\":[" items "]}"
#define HPAS(items) LIST("HorizontalPodAutoscalerList", "autoscaling/v2", "", items)
#define MORE_HPAS(next, items) LIST("HorizontalPodAutoscalerList", "autoscaling/v2", next, items)
#define OBJECTS(items) LIST("ScaledObjectList", "keda.sh/v1alpha1", "", items)
#define FORBIDDEN "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"cannot list\"}"

static char config[] = "/tmp/hexlag-rivals-XXXXXX";

struct bench {
	struct apiserver *api;
	struct rivals *rivals;
	char why[200];
};

static struct rule rule_on(const char *namespace, const char *version, const char *kind)
{
	return (struct rule){
		.target = {(char *)version, (char *)kind, (char *)namespace, (char *)"orders"}};
}

static void set_rules(struct bench *b, const char *namespace)
{
	struct ruleset *set = ruleset_new();
	struct rule r = rule_on(namespace, "apps/v1", "Deployment");

	ruleset_add(set, &r, NULL);
	ruleset_add(set, &r, NULL); /* a namespace is asked about once */
	rivals_set_rules(b->rivals, set);
	ruleset_unref(set);
}

static void bench_open(struct bench *b)
{
	const struct kube_options options = {.kubeconfig = config, .timeout_ms = 2000};
	struct err err = {0};

	*b = (struct bench){.api = apiserver_start(0)};
	apiserver_kubeconfig(b->api, config, NULL);
	b->rivals = rivals_new(&options, &err);
	if (!b->rivals) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	set_rules(b, "shop");
}

static void bench_close(struct bench *b)
{
	rivals_free(b->rivals);
	apiserver_stop(b->api);
}

static void answer(struct bench *b, const char *path, int status, const char *body)
{
	apiserver_fail(b->api, &(struct apiserver_fault){.kind = APISERVER_STATUS,
				       .path_has = path,
				       .status = status,
				       .headers = "Content-Type: application/json\r\n",
				       .body = body});
}

/* What is told of the Deployment orders; NULL: nothing. */
static const char *found(struct bench *b)
{
	struct rule r = rule_on(NULL, "apps/v1", "Deployment");

	return rivals_find(b->rivals, &r, b->why, sizeof(b->why)) ? b->why : NULL;
}

static char *metrics(struct bench *b)
{
	struct exposition x = {0};

	rivals_metrics(b->rivals, &x);
	return strbuf_take(&x.text);
}

static const struct {
	const char *name;
	int hpa_status;
	const char *hpas;
	int keda_status;
	const char *objects;
	const char *want; /* NULL: no rival */
	int more;         /* looks that it takes to know */
} rows[] = {
	{"nobody else", 200, HPAS(""), 404, "404 page not found", NULL, 0},
	{"an HPA", 200, HPAS(ITEM("a", "billing") "," ITEM("h", "orders")), 404, "",
		"HorizontalPodAutoscaler 'h' has the same target", 0},
	{"an HPA of another target", 200, HPAS(ITEM("h", "order")), 200, OBJECTS(""), NULL, 0},
	{"a ScaledObject and the HPA that KEDA made for it", 200,
		HPAS(ITEM("keda-hpa-s", "orders")), 200, OBJECTS(ITEM("s", "orders")),
		"ScaledObject 's' and HorizontalPodAutoscaler 'keda-hpa-s' have the same target",
		0},
	{"a ScaledObject whose HPA may not be seen", 403, FORBIDDEN, 200,
		OBJECTS(ITEM("s", "orders")), "ScaledObject 's' has the same target", 0},
	{"what may not be listed is taken not to be there", 403, FORBIDDEN, 403, FORBIDDEN, NULL,
		0},
	{"nor does a server in trouble hold for ever", 500, "", 500, "", NULL, 1},
	{"an answer that is none", 200, "<html>", 200, HPAS(""), NULL, 1},
};

static void check_rows(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_open(&b);
		answer(&b, HPA_PATH, rows[i].hpa_status, rows[i].hpas);
		answer(&b, KEDA_PATH, rows[i].keda_status, rows[i].objects);
		TAP_STR("before the first look nothing is known", found(&b), "");
		(void)rivals_look(b.rivals, 0);
		TAP_INT("requests", apiserver_count(b.api, NULL), 2);
		for (int more = 1; more <= rows[i].more; more++) {
			TAP_STR("a failure is no answer", found(&b), "");
			(void)rivals_look(b.rivals, more * 100000);
		}
		TAP_STR(rows[i].name, found(&b), rows[i].want);
		bench_close(&b);
	}
}

static void check_targets(void)
{
	static const struct {
		const char *name, *namespace, *version, *kind;
		bool want;
	} targets[] = {
		{"the namespace of the credentials is meant", "", "apps/v1", "Deployment", true},
		{"or it is named", "shop", "apps/v1", "Deployment", true},
		{"another version of the group", "shop", "apps/v1beta2", "Deployment", true},
		{"another kind", "shop", "apps/v1", "StatefulSet", false},
		{"another group", "shop", "example.com/v1", "Deployment", false},
		{"the core group", "shop", "v1", "Deployment", false},
	};
	struct bench b;

	bench_open(&b);
	answer(&b, HPA_PATH, 200, HPAS(ITEM("h", "orders")));
	(void)rivals_look(b.rivals, 0);
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct rule r = rule_on(targets[i].namespace, targets[i].version, targets[i].kind);

		TAP_INT(targets[i].name, rivals_find(b.rivals, &r, b.why, sizeof(b.why)),
			targets[i].want);
	}
	bench_close(&b);
}

static void check_times(void)
{
	struct bench b;
	struct rule stage;
	char line[512], *text;

	bench_open(&b);
	answer(&b, HPA_PATH, 200, HPAS(ITEM("h", "orders")));
	TAP_INT("a minute later it looks again", rivals_look(b.rivals, 0), 60000);
	TAP_INT("not before", rivals_look(b.rivals, 59999), 60000);
	TAP_INT("in two requests so far", apiserver_count(b.api, NULL), 2);
	answer(&b, HPA_PATH, 503, "");
	TAP_INT("after a failure in ten seconds", rivals_look(b.rivals, 60000), 70000);
	TAP_STR("with what was known", found(&b),
		"HorizontalPodAutoscaler 'h' has the same target");
	TAP_INT("KEDA, which is not there, is not asked", apiserver_count(b.api, NULL), 3);
	answer(&b, HPA_PATH, 200, HPAS(""));
	(void)rivals_look(b.rivals, 70000);
	TAP_STR("an HPA that is gone is no rival", found(&b), NULL);
	answer(&b, KEDA_PATH, 200, OBJECTS(ITEM("s", "orders")));
	answer(&b, HPA_PATH, 200, HPAS(""));
	(void)rivals_look(b.rivals, 600000);
	TAP_STR("KEDA is asked after ten minutes", found(&b),
		"ScaledObject 's' has the same target");
	TAP_HAS("pages are small", apiserver_last_line(b.api, line, sizeof(line)),
		"GET " KEDA_PATH "?limit=100 ");
	set_rules(&b, "stage");
	stage = rule_on("stage", "apps/v1", "Deployment");
	TAP_TRUE("a namespace that is new is not known",
		rivals_find(b.rivals, &stage, b.why, sizeof(b.why)) && !*b.why);
	(void)rivals_look(b.rivals, 600001);
	TAP_HAS("and looked at, at once", apiserver_last_line(b.api, line, sizeof(line)),
		"/namespaces/stage/");
	text = metrics(&b);
	TAP_HAS("lists are counted", text, "{kind=\"HorizontalPodAutoscaler\",outcome=\"ok\"} 3\n");
	TAP_HAS("by kind and outcome", text, "{kind=\"ScaledObject\",outcome=\"absent\"} 2\n");
	free(text);
	bench_close(&b);
}

static void set_two(struct bench *b)
{
	static const char *const namespaces[] = {"shop", "stage"};
	struct ruleset *set = ruleset_new();

	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++) {
		struct rule r = rule_on(namespaces[i], "apps/v1", "Deployment");

		ruleset_add(set, &r, NULL);
	}
	rivals_set_rules(b->rivals, set);
	ruleset_unref(set);
}

static void check_absent(void)
{
	struct bench b;
	struct rule stage = rule_on("stage", "apps/v1", "Deployment");

	bench_open(&b);
	set_two(&b);
	answer(&b, "horizontalpodautoscalers", 200, HPAS(""));
	answer(&b, "horizontalpodautoscalers", 200, HPAS(""));
	(void)rivals_look(b.rivals, 0);
	TAP_INT("KEDA that is absent is asked for in one namespace", apiserver_count(b.api, NULL),
		3);
	TAP_TRUE("and known not to be in the other",
		!rivals_find(b.rivals, &stage, b.why, sizeof(b.why)));
	bench_close(&b);
}

static void check_overload(void)
{
	struct bench b;
	char line[512];

	bench_open(&b);
	set_two(&b);
	answer(&b, NULL, 429, "");
	TAP_INT("a server that throttles is left alone", rivals_look(b.rivals, 0), 10000);
	TAP_INT("after one request", apiserver_count(b.api, NULL), 1);
	answer(&b, NULL, 503, "");
	(void)rivals_look(b.rivals, 10000);
	TAP_HAS("the next look begins behind that list",
		apiserver_last_line(b.api, line, sizeof(line)), "GET " KEDA_PATH);
	TAP_INT("again one request", apiserver_count(b.api, NULL), 2);
	TAP_STR("nothing is known", found(&b), "");
	answer(&b, NULL, 429, "");
	(void)rivals_look(b.rivals, 20000);
	TAP_STR("but that holds nobody for ever", found(&b), NULL);
	bench_close(&b);
}

static void check_pages(void)
{
	struct bench b;
	char line[512];

	bench_open(&b);
	answer(&b, HPA_PATH, 200, MORE_HPAS("to/ken+=", ITEM("a", "billing")));
	answer(&b, HPA_PATH, 200, HPAS(ITEM("h", "orders")));
	answer(&b, KEDA_PATH, 404, "");
	(void)rivals_look(b.rivals, 0);
	TAP_STR("the second page is read", found(&b),
		"HorizontalPodAutoscaler 'h' has the same target");
	TAP_INT("by one more request", apiserver_count(b.api, NULL), 3);
	answer(&b, HPA_PATH, 200, MORE_HPAS("to/ken+=", ""));
	answer(&b, HPA_PATH, 500, "");
	(void)rivals_look(b.rivals, 60000);
	TAP_HAS("the token is escaped", apiserver_last_line(b.api, line, sizeof(line)),
		"?limit=100&continue=to%2Fken%2B%3D ");
	TAP_STR("a list cut short changes nothing", found(&b),
		"HorizontalPodAutoscaler 'h' has the same target");
	bench_close(&b);
}

static void check_thread(void)
{
	struct bench b;
	struct err err = {0};

	bench_open(&b);
	answer(&b, "horizontalpodautoscalers", 200, HPAS(""));
	TAP_INT("a thread", rivals_start(b.rivals, &err), 0);
	TAP_TRUE("looks at once", apiserver_wait(b.api, NULL, 2));
	set_rules(&b, "stage");
	TAP_TRUE("and at other namespaces as soon as there are some",
		apiserver_wait(b.api, NULL, 3));
	rivals_stop(b.rivals);
	TAP_TRUE("it ends", rivals_join(b.rivals, clock_mono_ms() + DEADLINE_MS));
	bench_close(&b);
}

int main(void)
{
	int fd = mkstemp(config);

	log_init(LOG_LEVEL_ERROR, false);
	check_rows();
	check_targets();
	check_times();
	check_absent();
	check_overload();
	check_pages();
	check_thread();
	(void)close(fd);
	(void)unlink(config);
	return tap_done();
}
