#!/usr/bin/env -S python3 -B
"""hexlag run by HexServerAutoscaler objects: real Kafka, real API server, RBAC on."""

import json
import time

from world import (ROOT, Hexlag, World, case, expect, expect_that, main, namespace, rule,
                   wait_equal, wait_until, workload)

TOPIC, GROUP, PARTITIONS = "orders", "workers", 12
MANY = 500
CRD = ROOT + "/k8s/crd.yaml"
NAME = "hexserverautoscalers.autoscaling.hexfuture.net"

world = World()


def grants():
    """What k8s/bases/operator grants besides what k8s/bases/scaler does."""
    rules = [{"apiGroups": ["autoscaling.hexfuture.net"], "resources": ["hexserverautoscalers"],
              "verbs": ["list", "watch"]},
             {"apiGroups": ["autoscaling.hexfuture.net"], "resources": ["hexserverautoscalers/status"],
              "verbs": ["patch"]}]
    rbac = "rbac.authorization.k8s.io"
    return [{"apiVersion": rbac + "/v1", "kind": "ClusterRole", "metadata": {"name": "objects"},
             "rules": rules},
            {"apiVersion": rbac + "/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "objects"},
             "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "objects"},
             "subjects": [{"kind": "ServiceAccount", "name": "hexlag-scaler", "namespace": "hexlag"}]}]


def autoscaler(name, target="orders", lag=100, **spec):
    whole = {"maxReplicas": 10, "minReplicas": 2, "cooldown": "1s",
             "consumergroups": [{"name": GROUP, "topicsThreshold": [{"topic": TOPIC, "lag": lag}]}],
             "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}}
    whole.update(spec)
    return {"apiVersion": "autoscaling.hexfuture.net/v1alpha1", "kind": "HexServerAutoscaler",
            "metadata": {"namespace": "shop", "name": name},
            "spec": {k: v for k, v in whole.items() if v is not None}}


def set_up():
    global hexlag
    world.ready()
    world.create(TOPIC, PARTITIONS)
    world.traffic("commit", GROUP, TOPIC, *[0] * PARTITIONS)
    world.grant_hexlag()
    world.apply(namespace(), workload("orders"), workload("filed"), *grants())
    hexlag = Hexlag("hexlag", world.bootstrap, [rule("filed", [(GROUP, TOPIC, 10**9)])],
                    world.hexlag_kubeconfig, scaler={"objects": {"enabled": True}})
    hexlag.wait_ready()


def status(name):
    return world.get(name, "hsa").get("status", {})


def condition(name, kind):
    for c in status(name).get("conditions", []):
        if c["type"] == kind:
            return c["status"], c["reason"]
    return None


def events(name):
    out = world.kubectl("-n", "shop", "get", "events.events.k8s.io", "-o", "json")
    return [e for e in json.loads(out)["items"]
            if (e["regarding"]["kind"], e["regarding"]["name"]) == ("HexServerAutoscaler", name)]


def count(state):
    return hexlag.metrics().one("hexlag_objects", state=state)


@case("without the resource hexlag runs by its file, and says what is missing")
def no_resource():
    hexlag.wait_log("hexserverautoscalers: 404")
    wait_equal(lambda: hexlag.metrics().one("hexlag_objects_synced"), 0, "hexlag_objects_synced")
    expect_that(hexlag.alive(), "running", hexlag.log())


@case("once the resource is there, an object scales its target by lag")
def scales():
    world.kubectl("apply", "-f", CRD)
    world.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", CRD)
    world.apply(autoscaler("first"))
    world.traffic("produce", TOPIC, 1800)
    wait_equal(lambda: world.replicas("orders"), 10, "replicas", 60)


@case("its status has sizes, lag, and the conditions of an autoscaler")
def has_status():
    wait_equal(lambda: (status("first").get("currentReplicas"), status("first").get("lag")), (10, 1800),
               "current replicas and lag", 40)
    s = status("first")
    expect((s["observedGeneration"], s["desiredReplicas"]), (1, 10), "generation and size")
    expect(s["thresholds"][0]["quality"], "complete", "quality")
    expect_that("lastScaleTime" in s, "lastScaleTime", s)
    expect([c["type"] for c in s["conditions"]], ["AbleToScale", "ScalingActive", "ScalingLimited"],
           "conditions")
    wait_equal(lambda: condition("first", "ScalingActive"), ("True", "ValidMetricFound"), "ScalingActive")


@case("kubectl get shows it, and kubectl describe the events")
def shows():
    row = world.kubectl("-n", "shop", "get", "hsa", "first").splitlines()[1].split()
    expect(row[:7], ["first", "orders", "2", "10", "10", "10", "1800"], "columns")
    wait_until(lambda: [e for e in events("first") if e["reason"] == "SuccessfulRescale"],
               "an event SuccessfulRescale")
    expect_that("SuccessfulRescale" in world.kubectl("-n", "shop", "describe", "hsa", "first"),
                "the event in kubectl describe", "nothing")


@case("steady state writes no status")
def silent():
    seen = ["", 0.0]  # resourceVersion, and since when

    def unchanged():
        version = world.get("first", "hsa")["metadata"]["resourceVersion"]
        if version != seen[0]:
            seen[:] = version, time.monotonic()
        return time.monotonic() - seen[1] >= 20

    wait_until(unchanged, "20 s without another resourceVersion", 60)


@case("a second object for a target, and one for a target of the file, are told so")
def ambiguous():
    world.apply(autoscaler("second"), autoscaler("third", target="filed"))
    for name in ("second", "third"):
        wait_equal(lambda n=name: condition(n, "ScalingActive"), ("False", "AmbiguousTarget"), name)
        wait_until(lambda n=name: [e for e in events(n) if e["reason"] == "AmbiguousTarget"],
                   f"an event on {name}")
    wait_equal(lambda: count("ambiguous"), 2, "hexlag_objects")


@case("the younger takes over when the older goes")
def takes_over():
    world.kubectl("-n", "shop", "delete", "hsa", "first")
    wait_equal(lambda: condition("second", "ScalingActive"), ("True", "ValidMetricFound"), "second")


@case("a target that does not exist is told, and nothing else is disturbed")
def no_target():
    world.apply(autoscaler("lost", target="nobody"))
    wait_equal(lambda: condition("lost", "AbleToScale"), ("False", "FailedGetScale"), "AbleToScale")
    expect(condition("second", "ScalingActive"), ("True", "ValidMetricFound"), "second")


@case("objects that only a lax definition lets in get a condition and an event each")
def invalid():
    lax = json.loads(world.kubectl("get", "crd", NAME, "-o", "json"))
    version = lax["spec"]["versions"][0]
    version["schema"]["openAPIV3Schema"]["properties"]["spec"] = {
        "type": "object", "x-kubernetes-preserve-unknown-fields": True}
    world.kubectl("replace", "-f", "-", text=json.dumps(lax))
    long = "x" * 5000
    topic = [{"name": GROUP, "topicsThreshold": [{"topic": TOPIC, "lag": -1}]}]
    bad = {"no-maximum": ({"maxReplicas": None}, "spec.maxReplicas: missing"),
           "no-target": ({"scaleTargetRef": None}, "spec.scaleTargetRef: missing"),
           "policy": ({"policy": "magic"}, 'spec.policy: got "magic"'),
           "negative": ({"consumergroups": topic}, "topicsThreshold[0].lag: -1 is outside"),
           "huge": ({"maxReplicas": 10**20}, "spec.maxReplicas: got 1e+20"),
           "long": ({"scaleTargetRef": {"name": long}}, "spec.scaleTargetRef: name"),
           "elsewhere": ({"scaleTargetRef": {"name": "x", "namespace": "kube-system"}},
                         "is not the namespace of the object"),
           "unknown": ({"maxReplica": 5}, "spec.maxReplica: unknown key")}

    def lax_is_served():
        """Until then what is unknown is pruned."""
        probe = json.dumps(autoscaler("probe", **bad["elsewhere"][0]))
        return "kube-system" in world.kubectl("create", "--dry-run=server", "--validate=false", "-o",
                                              "jsonpath={.spec.scaleTargetRef}", "-f", "-", text=probe)

    wait_until(lax_is_served, "the lax definition in force")
    world.apply(*[autoscaler(n, **change) for n, (change, _) in bad.items()])
    for name, (_, want) in bad.items():
        wait_equal(lambda n=name: condition(n, "ScalingActive"), ("False", "InvalidSpec"), name)
        expect_that(want in status(name)["message"], want, status(name)["message"])
        wait_until(lambda n=name: [e for e in events(n) if e["reason"] == "InvalidSpec"],
                   f"an event on {name}")
    expect(count("invalid"), len(bad), "hexlag_objects")
    world.kubectl("-n", "shop", "delete", "hsa", *bad)
    world.kubectl("replace", "-f", "-", text=world.kubectl("create", "--dry-run=client", "-o", "json",
                                                           "-f", CRD))


@case(f"{MANY} objects: known at once, in bounded memory, with one watch")
def many():
    objects = [autoscaler(f"many-{i}", target=f"nobody-{i}", paused=True) for i in range(MANY)]
    known = sum(count(state) for state in ("valid", "ambiguous"))
    world.kubectl("create", "-f", "-", text="\n---\n".join(json.dumps(o) for o in objects))
    wait_equal(lambda: sum(count(state) for state in ("valid", "ambiguous")), known + MANY,
               "hexlag_objects", 30)
    restarted = Hexlag("second", world.bootstrap, (), world.hexlag_kubeconfig,
                       scaler={"objects": {"enabled": True}})
    began = time.monotonic()
    wait_until(lambda: restarted.log_lines("exporter on"), "up")
    # Without the file there is one less that is ambiguous.
    wait_until(lambda: sum(restarted.metrics().one("hexlag_objects", state=s) or 0
                           for s in ("valid", "ambiguous")) == known + MANY,
               "all of them after a start")
    print(f"# known {time.monotonic() - began:.2f} s after the start")
    with open(f"/proc/{restarted.pid}/status", encoding="ascii") as file:
        rss = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    print(f"# resident memory: {rss} KiB")
    expect(restarted.metrics().one("hexlag_objects_lists_total"), 1, "lists")
    expect_that(rss < 48 * 1024, "less than 48 MiB", rss)
    restarted.stop()


main(set_up)
