#include "scaler/owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/strbuf.h"
#include "scaler/ownerjson.h"

static int parse_controller(const char *text, size_t len, void *out, struct err *err)
{
	return ownerjson_controller(text, len, out, err);
}

/* The controller of the object `name`. */
static int ask(struct kube *k, const char *api, const char *resource, const char *name,
	struct ownerjson_ref *ret, struct err *err)
{
	struct strbuf path CLEANUP(strbuf_release) = STRBUF_INIT;
	struct kube_request c = {.method = "GET", .parse = parse_controller, .out = ret};
	struct err why = {0};

	if (kube_check_segment("the name of the pod", name, err) < 0)
		return -1;
	strbuf_addf(&path, "%s/namespaces", api);
	kube_add_segment(&path, kube_namespace(k));
	kube_add_segment(&path, resource);
	kube_add_segment(&path, name);
	c.path = strbuf_str(&path);
	if (kube_request(k, &c, &why) == 0)
		return 0;
	if (why.kind == ERR_DENIED)
		(void)err_wrap(&why, "the verb get on %s in namespace '%s' is needed", resource,
			kube_namespace(k));
	if (err && err->kind == ERR_NONE)
		*err = why;
	return -1;
}

static bool is_replica_set(const struct ownerjson_ref *r)
{
	return strcmp(r->kind, "ReplicaSet") == 0 && strncmp(r->api_version, "apps/", 5) == 0;
}

int owner_find(struct kube *k, const char *pod, struct rule_target *ret_target, struct err *err)
{
	struct ownerjson_ref ref, above;

	if (ask(k, "/api/v1", "pods", pod, &ref, err) < 0)
		return -1;
	if (!ref.found)
		return err_set(err, ERR_ABSENT,
			"pod '%s' in namespace '%s' has no controller: nothing to scale", pod,
			kube_namespace(k));
	if (is_replica_set(&ref)) {
		if (ask(k, "/apis/apps/v1", "replicasets", ref.name, &above, err) < 0)
			return -1;
		if (above.found)
			ref = above;
	}
	*ret_target = (struct rule_target){.api_version = mem_strdup(ref.api_version),
		.kind = mem_strdup(ref.kind),
		.namespace = mem_strdup(kube_namespace(k)),
		.name = mem_strdup(ref.name)};
	return 0;
}

static bool ends_a_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

const char *owner_lease_name(const struct rule_target *t, char to[OWNER_LEASE_NAME_MAX])
{
	size_t length;

	(void)snprintf(to, OWNER_LEASE_NAME_MAX, "hexlag-%s-%s", t->kind, t->name);
	length = strlen(to);
	for (size_t i = 0; i < length; i++)
		if (to[i] >= 'A' && to[i] <= 'Z')
			to[i] = (char)(to[i] - 'A' + 'a');
	while (length && !ends_a_name(to[length - 1]))
		to[--length] = '\0';
	return to;
}
