#include "cli/demoapi.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "scaler/kubejson.h"
#include "sidecar/httpd.h"

#define SCALE_PATH \
	"/apis/apps/v1/namespaces/" DEMO_NAMESPACE "/deployments/" DEMO_DEPLOYMENT "/scale"

/* A Scale is some hundred bytes. */
#define SCALE_MAX ((size_t)64 << 10)

struct demoapi {
	struct httpd *httpd;
	_Atomic int32_t replicas;
	unsigned version; /* only touched by the server's thread */
};

static const char resources[] =
	"{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"apps/"
	"v1\",\"resources\":["
	"{\"name\":\"deployments\",\"namespaced\":true,\"kind\":\"Deployment\",\"verbs\":[\"get\"]}"
	","
	"{\"name\":\"deployments/"
	"scale\",\"namespaced\":true,\"group\":\"autoscaling\",\"version\":\"v1\","
	"\"kind\":\"Scale\",\"verbs\":[\"get\",\"update\"]}]}";

static void refuse(struct httpd_reply *reply, unsigned status, const char *reason)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_addf(&text,
		"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\","
		"\"reason\":\"%s\",\"code\":%u}",
		reason, status);
	reply->status = status;
	httpd_reply_take(reply, 0, &text);
}

static void put_scale(struct demoapi *d, const struct httpd_request *req, struct httpd_reply *reply)
{
	struct kube_scale wanted;
	char version[sizeof(wanted.resource_version)];

	if (kubejson_scale_parse(req->body, req->body_len, &wanted, NULL) < 0) {
		refuse(reply, 422, "Invalid");
		return;
	}
	(void)snprintf(version, sizeof(version), "%u", d->version);
	if (strcmp(wanted.resource_version, version) != 0) {
		refuse(reply, 409, "Conflict");
		return;
	}
	d->version++;
	atomic_store(&d->replicas, wanted.spec_replicas);
}

static void get_scale(const struct demoapi *d, struct httpd_reply *reply)
{
	struct kube_scale now = {.uid = "demo"};
	CLEANUP(mem_free_at) char *body = NULL;
	struct strbuf text = STRBUF_INIT;

	(void)snprintf(now.resource_version, sizeof(now.resource_version), "%u", d->version);
	body = kubejson_scale_body(
		DEMO_NAMESPACE, DEMO_DEPLOYMENT, &now, atomic_load(&d->replicas));
	strbuf_adds(&text, body);
	httpd_reply_take(reply, 0, &text);
}

static void handle(void *ctx, const struct httpd_request *req, struct httpd_reply *reply)
{
	struct demoapi *d = ctx;

	reply->content_type = "application/json";
	if (strcmp(req->path, "/apis/apps/v1") == 0) {
		reply->parts[0] =
			(struct httpd_part){.data = resources, .len = sizeof(resources) - 1};
		return;
	}
	if (strcmp(req->path, SCALE_PATH) != 0) {
		refuse(reply, 404, "NotFound");
		return;
	}
	if (strcmp(req->method, "PUT") == 0)
		put_scale(d, req, reply);
	if (reply->status == 200)
		get_scale(d, reply);
}

struct demoapi *demoapi_start(int32_t replicas, struct err *err)
{
	struct demoapi *d = mem_zalloc(1, sizeof(*d));

	d->version = 1;
	atomic_init(&d->replicas, replicas);
	d->httpd = httpd_start(&(struct httpd_options){.listen = "127.0.0.1:0",
				       .handler = handle,
				       .ctx = d,
				       .body_max = SCALE_MAX},
		err);
	if (!d->httpd) {
		free(d);
		return NULL;
	}
	return d;
}

void demoapi_stop(struct demoapi *d)
{
	if (!d)
		return;
	httpd_stop(d->httpd);
	free(d);
}

unsigned demoapi_port(const struct demoapi *d)
{
	return httpd_port(d->httpd);
}

int32_t demoapi_replicas(const struct demoapi *d)
{
	return atomic_load(&d->replicas);
}
