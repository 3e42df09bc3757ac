#!/usr/bin/env -S python3 -B
"""Sidecars: hexlag finds what it is a pod of. The pods are real objects that never run; what runs is a
hexlag for each, told which pod it is."""

import json
import os

from world import (AT_ONCE, HEXLAG, Hexlag, World, case, expect, expect_that, folder, main, namespace, run,
                   wait_equal, workload)

TOPIC, GROUP, PARTITIONS = "orders", "workers", 12

world = World()


def rule_on_self(**options):
    return {"target": "self", "minReplicas": 1, "maxReplicas": 10, **AT_ONCE,
            "consumergroups": [{"name": GROUP, "topicsThreshold": [{"topic": TOPIC, "lag": 100}]}],
            **options}


def may(name, *rules):
    """A role of hexlag's user in the namespace: (group, resource, verbs) each."""
    return [{
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"namespace": "shop", "name": name},
        "rules": [{"apiGroups": [group], "resources": [resource], "verbs": verbs}
                  for group, resource, verbs in rules],
    }, {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"namespace": "shop", "name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "namespace": "hexlag", "name": "hexlag-scaler"}],
    }]


def pods(app):
    out = world.kubectl("-n", "shop", "get", "pods", "-l", f"app={app}", "-o", "json")
    return [item["metadata"]["name"] for item in json.loads(out)["items"]]


def start(name, pod, **options):
    os.environ["POD_NAME"] = pod
    return Hexlag(name, world.bootstrap, [rule_on_self(**options)], kubeconfig)


def set_up():
    global kubeconfig
    world.ready()
    world.create(TOPIC, PARTITIONS)
    world.traffic("commit", GROUP, TOPIC, *[0] * PARTITIONS)
    world.traffic("produce", TOPIC, 1800)
    world.apply(namespace(), workload("orders"), {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "shop", "name": "alone"},
        "spec": {"containers": [{"name": "c", "image": "none"}]}})
    wait_equal(lambda: len(pods("orders")), 1, "pods of the Deployment")
    # In a pod the namespace of the credentials is that of the pod.
    kubeconfig = f"{folder}/kubeconfig"
    with open(kubeconfig, "w", encoding="utf-8") as f:
        f.write(run(world.vars["KUBECTL"], "--kubeconfig", world.hexlag_kubeconfig, "config",
                    "view", "--raw", "--flatten").stdout)
    run(world.vars["KUBECTL"], "--kubeconfig", kubeconfig, "config", "set-context", "--current",
        "--namespace", "shop")
    world.grant_hexlag()


@case("without a grant the log names verb and resource, and hexlag goes on trying")
def not_granted():
    global hexlag
    hexlag = start("hexlag", pods("orders")[0])
    hexlag.wait_ready()
    hexlag.wait_log('target "self": the verb get on pods in namespace .shop. is needed: .*403')
    expect(world.replicas("orders"), 1, "replicas")


@case("once granted it finds the Deployment of its pod, and scales it")
def found():
    world.apply(*may("self", ("", "pods", ["get"]), ("apps", "replicasets", ["get"]),
                     ("autoscaling", "horizontalpodautoscalers", ["list"]),
                     ("keda.sh", "scaledobjects", ["list"]),
                     ("coordination.k8s.io", "leases", ["get", "create", "update"])))
    hexlag.wait_log('target "self" is shop/Deployment/orders: pod orders-.* belongs to it')
    wait_equal(lambda: world.replicas("orders"), 10, "replicas")
    rules = json.loads(hexlag.get("/api/v1/decisions")[1])["rules"]
    expect([r["target"] for r in rules], ["shop/Deployment/orders"], "targets")
    expect(hexlag.metrics().one("hexlag_scaler_writes_total", target="shop/Deployment/orders"), 1,
           "writes")


@case("a reload keeps the target and takes what is new")
def reloaded():
    with open(hexlag.config_path, encoding="utf-8") as f:
        text = f.read()
    with open(hexlag.config_path, "w", encoding="utf-8") as f:
        f.write(text.replace("maxReplicas = 10;", "maxReplicas = 6;"))
    wait_equal(lambda: world.replicas("orders"), 6, "replicas")
    expect(len(hexlag.log_lines('target "self" is')), 1, "log lines on finding it")


@case("explain finds it, too")
def explained():
    out = run(HEXLAG, "explain", "-c", hexlag.config_path).stdout
    expect_that("shop/Deployment/orders" in out, "the target", out)


@case("a second sidecar stands by: it asks Kafka nothing, exports no group, and is ready")
def stands_by():
    global second
    second = start("second", pods("orders")[1], maxReplicas=6)
    second.wait_log('target "self" is shop/Deployment/orders')
    expect(second.get("/readyz"), (200, "ready: standby, another replica leads\n"), "/readyz")
    expect(second.get("/healthz"), (200, "ok"), "/healthz")
    expect(second.get("/api/v1/lag")[0], 503, "/api/v1/lag")
    groups = "kafka_consumergroup_lag"
    expect(len(hexlag.metrics().all(groups)), PARTITIONS, "series of the leader")
    expect(len(second.metrics().all(groups)), 0, "series of the standby")
    asked = "hexlag_kafka_calls_total"
    expect_that(sum(hexlag.metrics().all(asked).values()) > 0, "calls of the leader", 0)
    expect(sum(second.metrics().all(asked).values()), 0, "calls to Kafka")
    expect(json.loads(second.get("/api/v1/decisions")[1])["leads"], False, "leads")
    leases = world.kubectl("-n", "shop", "get", "leases", "-o", "name").split()
    expect(leases, ["lease.coordination.k8s.io/hexlag-deployment-orders"], "Leases")


@case("when the first one ends, within 2 s, the second one leads, exports and scales")
def takes_over():
    code, took = hexlag.stop()
    expect(code, 0, "exit code")
    expect_that(took < 2, "an end within 2 s", took)
    second.wait_lag(GROUP, TOPIC, {p: 150 for p in range(PARTITIONS)})
    expect(second.get("/readyz")[0], 200, "/readyz")
    world.kubectl("-n", "shop", "scale", "deployment", "orders", "--replicas=9")
    wait_equal(lambda: world.replicas("orders"), 6, "replicas")
    second.stop()


@case("a pod that nobody controls has nothing to scale, which is said")
def alone():
    lonely = start("lonely", "alone")
    lonely.wait_log("pod 'alone' in namespace 'shop' has no controller: nothing to scale; trying")
    lonely.wait_ready()
    lonely.stop()


@case("minReplicas 0 is refused with a reason")
def not_zero():
    zero = start("zero", "alone", minReplicas=0)
    zero.wait_log("minReplicas: 0 is not possible with target .self.: the sidecar would scale "
                  "itself away and could not come back")
    wait_equal(zero.alive, False, "a process that goes on")


main(set_up)
