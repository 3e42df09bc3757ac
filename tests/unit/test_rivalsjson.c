#include "scaler/rivalsjson.h"

#include "tests/tap.h"

#define LIST(kind, version, meta, items)                                            \
	"{\"kind\":\"" kind "\",\"apiVersion\":\"" version "\",\"metadata\":{" meta \
	"},\"items\":" items "}"
#define HPAS(items) LIST("HorizontalPodAutoscalerList", "autoscaling/v2", "", items)
#define OBJECTS(items) LIST("ScaledObjectList", "keda.sh/v1alpha1", "", items)
#define ITEM(name, target) \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"scaleTargetRef\":{" target "}}}"

#define ANNOTATED(annotations)                                                        \
	"{\"metadata\":{\"name\":\"s\",\"annotations\":{" annotations "}},\"spec\":{" \
	"\"scaleTargetRef\":{\"name\":\"orders\"}}}"
#define KEDA(annotation, value) "\"autoscaling.keda.sh/" annotation "\":\"" value "\""

static const struct {
	const char *name;
	enum rival_kind kind;
	const char *text;
	size_t count;
	struct rival first;
} good[] = {
	{"an HPA", RIVAL_HPA,
		HPAS("[" ITEM("h", "\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\","
				   "\"name\":\"orders\"") "]"),
		1, {(char *)"h", (char *)"apps", (char *)"Deployment", (char *)"orders"}},
	{"an HPA without a version means the core group", RIVAL_HPA,
		HPAS("[" ITEM("h", "\"kind\":\"ReplicationController\",\"name\":\"orders\"") "]"),
		1, {(char *)"h", (char *)"", (char *)"ReplicationController", (char *)"orders"}},
	{"an HPA without a kind scales nothing", RIVAL_HPA,
		HPAS("[" ITEM("h", "\"apiVersion\":\"apps/v1\",\"name\":\"orders\"") "]"), 0, {0}},
	{"nor one without a name", RIVAL_HPA,
		HPAS("[" ITEM("h", "\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\"") "]"), 0,
		{0}},
	{"what is no object is left out", RIVAL_HPA, HPAS("[1,null,{},{\"spec\":[]}]"), 0, {0}},
	{"a ScaledObject with a name alone scales a Deployment", RIVAL_SCALED_OBJECT,
		OBJECTS("[" ITEM("s", "\"name\":\"orders\"") "]"), 1,
		{(char *)"s", (char *)"apps", (char *)"Deployment", (char *)"orders"}},
	{"or something else", RIVAL_SCALED_OBJECT,
		OBJECTS("[" ITEM("s", "\"apiVersion\":\"example.com/v1\",\"kind\":\"Widget\","
				      "\"name\":\"w\"") "]"),
		1, {(char *)"s", (char *)"example.com", (char *)"Widget", (char *)"w"}},
	{"one that is paused scales nothing", RIVAL_SCALED_OBJECT,
		OBJECTS("[" ANNOTATED(KEDA("paused", "true")) "]"), 0, {0}},
	{"in any word but those for false", RIVAL_SCALED_OBJECT,
		OBJECTS("[" ANNOTATED(KEDA("paused", "True")) "," ANNOTATED(
			KEDA("paused", "yes")) "]"),
		0, {0}},
	{"one that is not does", RIVAL_SCALED_OBJECT,
		OBJECTS("[" ANNOTATED(KEDA("paused", "false")) "]"), 1,
		{(char *)"s", (char *)"apps", (char *)"Deployment", (char *)"orders"}},
	{"one that is paused at a size keeps it", RIVAL_SCALED_OBJECT,
		OBJECTS("[" ANNOTATED(KEDA("paused", "true") "," KEDA("paused-replicas", "4")) "]"),
		1, {(char *)"s", (char *)"apps", (char *)"Deployment", (char *)"orders"}},
	{"two of them", RIVAL_SCALED_OBJECT,
		OBJECTS("[" ITEM("s", "\"name\":\"a\"") "," ITEM("t", "\"name\":\"b\"") "]"), 2,
		{(char *)"s", (char *)"apps", (char *)"Deployment", (char *)"a"}},
	{"none", RIVAL_HPA, HPAS("[]"), 0, {0}},
	{"none as null", RIVAL_HPA, HPAS("null"), 0, {0}},
};

static const struct {
	const char *name, *text, *message;
} bad[] = {
	{"an empty answer", "", "not JSON"},
	{"a cut list", "{\"kind\":\"HorizontalPodAutoscalerList\",\"items\":[", "not JSON"},
	{"another list", OBJECTS("[]"), "'ScaledObjectList' of 'keda.sh/v1alpha1', not Horizontal"},
	{"another version", LIST("HorizontalPodAutoscalerList", "autoscaling/v1", "", "[]"),
		"not HorizontalPodAutoscalerList of autoscaling/v2"},
	{"an array", "[]", "not HorizontalPodAutoscalerList"},
	{"items that are none", HPAS("{}"), "items of the HorizontalPodAutoscalerList is no list"},
};

static void check_good(void)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct rivals_list CLEANUP(rivals_list_release) list = {0};
		struct rival none = {0}, *first;
		struct err err = {0};

		TAP_INT(good[i].name,
			rivalsjson_page(
				good[i].text, strlen(good[i].text), good[i].kind, &list, &err),
			0);
		TAP_INT("so many", list.count, good[i].count);
		first = list.count ? &list.items[0] : &none;
		TAP_STR("its name", first->name, good[i].first.name);
		TAP_STR("the group of its target", first->group, good[i].first.group);
		TAP_STR("its kind", first->target_kind, good[i].first.target_kind);
		TAP_STR("and name", first->target_name, good[i].first.target_name);
		TAP_STR("that is all", list.next, NULL);
	}
}

static void check_bad(void)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct rivals_list CLEANUP(rivals_list_release) list = {0};
		struct err err = {0};

		TAP_INT(bad[i].name,
			rivalsjson_page(bad[i].text, strlen(bad[i].text), RIVAL_HPA, &list, &err),
			-1);
		TAP_HAS("says why", err.msg, bad[i].message);
		TAP_INT("and adds nothing", list.count, 0);
	}
}

static void check_pages(void)
{
	static const char one[] = LIST("ScaledObjectList", "keda.sh/v1alpha1",
		"\"continue\":\"abc\",\"remainingItemCount\":1",
		"[" ITEM("s", "\"name\":\"a\"") "]");
	static const char two[] = LIST("ScaledObjectList", "keda.sh/v1alpha1", "\"continue\":\"\"",
		"[" ITEM("t", "\"name\":\"b\"") "]");
	struct rivals_list CLEANUP(rivals_list_release) list = {0};
	struct err err = {0};

	TAP_INT("a page", rivalsjson_page(one, strlen(one), RIVAL_SCALED_OBJECT, &list, &err), 0);
	TAP_STR("tells the next", list.next, "abc");
	TAP_INT("which", rivalsjson_page(two, strlen(two), RIVAL_SCALED_OBJECT, &list, &err), 0);
	TAP_INT("is added", list.count, 2);
	TAP_STR("and is the last", list.next, NULL);
}

int main(void)
{
	check_good();
	check_bad();
	check_pages();
	return tap_done();
}
