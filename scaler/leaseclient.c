#include "scaler/leaseclient.h"

#include <stdlib.h>

#include "common/mem.h"
#include "common/strbuf.h"

int leaseclient_open(struct leaseclient *c, const struct kube_options *options,
	const char *namespace, const char *name, struct err *err)
{
	struct strbuf path CLEANUP(strbuf_release) = STRBUF_INIT;

	*c = (struct leaseclient){.kube = kube_new(options, err)};
	if (!c->kube)
		return -1;
	c->namespace = mem_strdup(namespace && *namespace ? namespace : kube_namespace(c->kube));
	c->name = mem_strdup(name);
	if (kube_check_segment("namespace of the Lease", c->namespace, err) < 0 ||
		kube_check_segment("name of the Lease", c->name, err) < 0)
		return -1;
	c->label = mem_printf("%s/%s", c->namespace, c->name);
	strbuf_adds(&path, "/apis/coordination.k8s.io/v1/namespaces");
	kube_add_segment(&path, c->namespace);
	strbuf_adds(&path, "/leases");
	c->create_path = mem_printf("%s?fieldManager=hexlag", strbuf_str(&path));
	kube_add_segment(&path, c->name);
	c->write_path = mem_printf("%s?fieldManager=hexlag", strbuf_str(&path));
	c->path = strbuf_take(&path);
	return 0;
}

void leaseclient_release(struct leaseclient *c)
{
	kube_free(c->kube);
	free(c->namespace);
	free(c->name);
	free(c->label);
	free(c->create_path);
	free(c->path);
	free(c->write_path);
	*c = (struct leaseclient){0};
}

static int parse_record(const char *text, size_t len, void *out, struct err *err)
{
	return leasejson_parse(text, len, out, err);
}

static int ask(struct leaseclient *c, const struct kube_request *request, const char *verb,
	struct err *err)
{
	struct err why = {0};

	if (kube_request(c->kube, request, &why) == 0)
		return 0;
	if (why.kind == ERR_DENIED)
		err_wrap(&why,
			"it takes the verb %s on leases of coordination.k8s.io in namespace '%s'",
			verb, c->namespace);
	if (err && err->kind == ERR_NONE)
		*err = why;
	return -1;
}

int leaseclient_read(struct leaseclient *c, struct lease_record *ret_record, struct err *err)
{
	struct kube_request request = {
		.method = "GET", .path = c->path, .parse = parse_record, .out = ret_record};

	return ask(c, &request, "get", err);
}

int leaseclient_write(struct leaseclient *c, const struct lease_record *seen,
	const struct lease_write *w, struct lease_record *ret_record, struct err *err)
{
	char *body CLEANUP(mem_free_at) = leasejson_body(c->namespace, c->name, seen, w);
	struct kube_request request = {
		.method = seen ? "PUT" : "POST",
		.path = seen ? c->write_path : c->create_path,
		.body = body,
		.parse = parse_record,
		.out = ret_record,
	};

	return ask(c, &request, seen ? "update" : "create", err);
}
