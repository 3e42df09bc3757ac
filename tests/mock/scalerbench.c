#include "tests/mock/scalerbench.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sidecar/publish.h"
#include "tests/unit/handmade.h"

#define MEMBERS 40 /* of the group: more than there are pods */

struct scaler_hooks hooks;
int64_t bench_timeout_ms = 2000;
uint64_t bench_rules_seq;

struct ruleset *rules_of(const struct rule *r)
{
	struct ruleset *set = ruleset_new();

	if (r)
		ruleset_add(set, r, NULL);
	return set;
}

static void set_rules_from(struct bench *b, const struct rule *r, uint64_t seq)
{
	struct ruleset *set = rules_of(r);

	scaler_set_rules(b->scaler, set, seq);
	ruleset_unref(set);
}

void set_rules(struct bench *b, const struct rule *r)
{
	set_rules_from(b, r, 0);
}

void bench_open(struct bench *b, int32_t replicas, bool dry_run)
{
	struct scaler_options options = {0};
	struct err err = {0};
	int fd;

	*b = (struct bench){.api = apiserver_start(0), .now_ms = 1000000};
	b->object = apiserver_add(b->api, "deployments", "shop", "orders", replicas);
	(void)snprintf(b->kubeconfig, sizeof(b->kubeconfig), "/tmp/hexlag-test.XXXXXX");
	fd = mkstemp(b->kubeconfig);
	(void)close(fd);
	apiserver_kubeconfig(b->api, b->kubeconfig, NULL);
	b->threshold = (struct rule_threshold){(char *)"t", 1000};
	b->group = (struct rule_group){(char *)"g", {&b->threshold, 1}};
	b->rule = (struct rule){.target = {(char *)"apps/v1", (char *)"Deployment", (char *)"shop",
					(char *)"orders"},
		.min = 2,
		.max = 10,
		.groups = {&b->group, 1},
		.cooldown_ms = 60000,
		.dry_run = dry_run};
	b->publish = publish_new();
	options.publish = b->publish;
	options.hooks = hooks;
	options.kube =
		(struct kube_options){.kubeconfig = b->kubeconfig, .timeout_ms = bench_timeout_ms};
	b->scaler = scaler_new(&options, &err);
	set_rules_from(b, &b->rule, bench_rules_seq);
}

void bench_close(struct bench *b)
{
	scaler_free(b->scaler);
	publish_free(b->publish);
	apiserver_stop(b->api);
	(void)unlink(b->kubeconfig);
}

void pass(struct bench *b, int64_t lag, int64_t later_ms)
{
	struct snapshot *s = empty_snapshot();

	add_topic(s, "t", 1)->partitions[0].end = lag;
	(void)add_commits(s, add_group(s, "g", MEMBERS), "t", (int64_t[]){0});
	s->seq = b->seq;
	b->now_ms += later_ms;
	scaler_pass(b->scaler, s, b->now_ms);
	snapshot_unref(s);
}

int64_t replicas(struct bench *b)
{
	return apiserver_replicas(b->api, b->object);
}
