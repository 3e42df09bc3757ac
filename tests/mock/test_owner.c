#include "scaler/owner.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/mock/apiserver.h"
#include "tests/tap.h"

#define OWNED(version, kind, name)                                                             \
	"{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"" version "\",\"kind\":\"" kind \
	"\",\"name\":\"" name "\",\"controller\":true}]}}"
#define ALONE "{\"metadata\":{\"name\":\"x\"}}"
#define FORBIDDEN "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"pods is forbidden\"}"

#define POD "/api/v1/namespaces/shop/pods/orders-5c-x2"
#define SET "/apis/apps/v1/namespaces/shop/replicasets/orders-5c"

static char config[] = "/tmp/hexlag-owner-XXXXXX";

/* Answers of the two requests; status 0: not asked. */
static const struct {
	const char *name;
	int pod_status;
	const char *pod;
	int set_status;
	const char *set;
	const char *api_version, *kind, *owner; /* NULL: an error */
	enum err_kind want;
	const char *message;
} rows[] = {
	{"a pod of a Deployment", 200, OWNED("apps/v1", "ReplicaSet", "orders-5c"), 200,
		OWNED("apps/v1", "Deployment", "orders"), "apps/v1", "Deployment", "orders",
		ERR_NONE, ""},
	{"a pod of a ReplicaSet of a custom kind", 200, OWNED("apps/v1", "ReplicaSet", "orders-5c"),
		200, OWNED("argoproj.io/v1alpha1", "Rollout", "orders"), "argoproj.io/v1alpha1",
		"Rollout", "orders", ERR_NONE, ""},
	{"a pod of a ReplicaSet of its own", 200, OWNED("apps/v1", "ReplicaSet", "orders-5c"), 200,
		ALONE, "apps/v1", "ReplicaSet", "orders-5c", ERR_NONE, ""},
	{"a pod of a StatefulSet", 200, OWNED("apps/v1", "StatefulSet", "db"), 0, NULL, "apps/v1",
		"StatefulSet", "db", ERR_NONE, ""},
	{"a pod of a custom kind", 200, OWNED("example.com/v1", "Widget", "w"), 0, NULL,
		"example.com/v1", "Widget", "w", ERR_NONE, ""},
	{"a ReplicaSet of another group is a custom kind", 200,
		OWNED("example.com/v1", "ReplicaSet", "w"), 0, NULL, "example.com/v1", "ReplicaSet",
		"w", ERR_NONE, ""},
	{"a pod without a controller", 200, ALONE, 0, NULL, NULL, NULL, NULL, ERR_ABSENT,
		"pod 'orders-5c-x2' in namespace 'shop' has no controller: nothing to scale"},
	{"a pod that is not there", 404, "", 0, NULL, NULL, NULL, NULL, ERR_ABSENT,
		"GET " POD ": 404"},
	{"a pod that may not be read", 403, FORBIDDEN, 0, NULL, NULL, NULL, NULL, ERR_DENIED,
		"the verb get on pods in namespace 'shop' is needed: GET " POD
		": 403 Forbidden: pods is forbidden"},
	{"a ReplicaSet that may not be read", 200, OWNED("apps/v1", "ReplicaSet", "orders-5c"), 403,
		FORBIDDEN, NULL, NULL, NULL, ERR_DENIED,
		"the verb get on replicasets in namespace 'shop' is needed: GET " SET},
	{"a ReplicaSet that is gone", 200, OWNED("apps/v1", "ReplicaSet", "orders-5c"), 404, "",
		NULL, NULL, NULL, ERR_ABSENT, "GET " SET ": 404"},
	{"a server in trouble", 500, "", 0, NULL, NULL, NULL, NULL, ERR_RETRY, "500"},
	{"an answer that is none", 200, "<html>", 0, NULL, NULL, NULL, NULL, ERR_RETRY, "not JSON"},
};

static struct kube *connect_to(struct apiserver *s)
{
	struct kube_options options = {.kubeconfig = config, .timeout_ms = 5000};
	struct err err = {0};
	struct kube *k;

	apiserver_kubeconfig(s, config, NULL);
	k = kube_new(&options, &err);
	if (!k) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return k;
}

static void answer(struct apiserver *s, const char *path, int status, const char *body)
{
	if (status)
		apiserver_fail(s, &(struct apiserver_fault){.kind = APISERVER_STATUS,
					  .method = "GET",
					  .path_has = path,
					  .status = status,
					  .headers = "Content-Type: application/json\r\n",
					  .body = body});
}

static void check_rows(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct apiserver *s = apiserver_start(0);
		struct kube *k = connect_to(s);
		struct rule_target t = {0};
		struct err err = {0};

		answer(s, POD, rows[i].pod_status, rows[i].pod);
		answer(s, SET, rows[i].set_status, rows[i].set);
		TAP_INT(rows[i].name, owner_find(k, "orders-5c-x2", &t, &err),
			rows[i].owner ? 0 : -1);
		TAP_INT("the kind of its error", err.kind, rows[i].want);
		TAP_HAS("which says why", err.msg, rows[i].message);
		TAP_STR("apiVersion", t.api_version, rows[i].api_version);
		TAP_STR("kind", t.kind, rows[i].kind);
		TAP_STR("name", t.name, rows[i].owner);
		TAP_STR("namespace", t.namespace, rows[i].owner ? "shop" : NULL);
		TAP_INT("requests", apiserver_count(s, "GET"), rows[i].set_status ? 2 : 1);
		rule_target_release(&t);
		kube_free(k);
		apiserver_stop(s);
	}
}

static void check_odd_names(void)
{
	static const char *const names[] = {"", "..", "a/b", "a%2fb"};
	struct apiserver *s = apiserver_start(0);
	struct kube *k = connect_to(s);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct rule_target t = {0};
		struct err err = {0};

		TAP_INT("no pod has that name", owner_find(k, names[i], &t, &err), -1);
		TAP_INT("nor ever will", err.kind, ERR_CONFIG);
	}
	TAP_INT("and nobody is asked", apiserver_count(s, NULL), 0);
	kube_free(k);
	apiserver_stop(s);
}

static void check_lease_names(void)
{
	char to[OWNER_LEASE_NAME_MAX], name[254], want[OWNER_LEASE_NAME_MAX];
	struct rule_target t = {.kind = (char *)"Deployment", .name = (char *)"orders"};

	TAP_STR("a Lease has the target's name", owner_lease_name(&t, to),
		"hexlag-deployment-orders");
	memset(name, 'a', 253);
	name[253] = '\0';
	t.name = name;
	TAP_INT("cut to what a name may be", strlen(owner_lease_name(&t, to)), 253);
	(void)snprintf(want, sizeof(want), "hexlag-deployment-%.235s", name);
	TAP_STR("at its end", to, want);
	memset(name + 230, '-', 10);
	TAP_INT("where no dash may be", strlen(owner_lease_name(&t, to)), 18 + 230);
}

int main(void)
{
	int fd = mkstemp(config);

	check_rows();
	check_odd_names();
	check_lease_names();
	(void)close(fd);
	(void)unlink(config);
	return tap_done();
}
