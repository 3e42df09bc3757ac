#!/usr/bin/env -S python3 -B
"""Objects that are wrong, on a real API server whose definition lets everything through: each is told by a
condition and an event, and neither another object nor a rule of the file is disturbed."""

import json
import threading

import hsa
from definitions import define, definition
from hsa import GROUP, PARTITIONS, TOPIC, autoscaler, groups
from world import (Hexlag, World, case, expect, expect_that, main, namespace, rule, wait_equal,
                   wait_until, workload)

LONG = "x" * 5000
LAG = 1800

world = World()


def set_up():
    global hexlag
    world.ready()
    world.create(TOPIC, PARTITIONS)
    world.traffic("commit", GROUP, TOPIC, *[0] * PARTITIONS)
    world.traffic("produce", TOPIC, LAG)
    world.grant_hexlag()
    world.apply(namespace())
    hsa.define(world)
    hsa.make_lax(world)
    define(world, definition("Plant", scope="Cluster", replicas="replicas"), definition("Stone"))
    # The right is there: it is hexlag that refuses.
    world.apply(workload("orders"), workload("filed"), *hsa.grants(), *hsa.grant(
        "plants", {"apiGroups": ["example.org"], "resources": ["plants/scale"],
                   "verbs": ["get", "update"]}))
    world.apply({"apiVersion": "example.org/v1", "kind": "Plant", "metadata": {"name": "tree"},
                 "spec": {"replicas": 1}}, {"apiVersion": "example.org/v1", "kind": "Stone",
                                            "metadata": {"namespace": "shop", "name": "pebble"},
                                            "spec": {"replicas": 1}})
    hexlag = Hexlag("hexlag", world.bootstrap, [rule("filed", [(GROUP, TOPIC, 10**9)], minReplicas=3)],
                    world.hexlag_kubeconfig, scaler={"objects": {"enabled": True}})
    hexlag.wait_ready()


# A name, what differs from a good object, and what the message says.
INVALID = {
    "no-maximum": ({"maxReplicas": None}, "spec.maxReplicas: missing"),
    "no-target": ({"scaleTargetRef": None}, "spec.scaleTargetRef: missing"),
    "no-groups": ({"consumergroups": None}, "spec.consumergroups: missing"),
    "policy": ({"policy": "magic"}, 'spec.policy: got "magic"'),
    "negative": ({"consumergroups": groups(-1)}, "topicsThreshold[0].lag: -1 is outside"),
    "zero": ({"consumergroups": groups(0)}, "topicsThreshold[0].lag: 0 is outside"),
    "lag-text": ({"consumergroups": groups("many")}, "topicsThreshold[0].lag"),
    "beyond-int64": ({"consumergroups": groups(10**20)}, "topicsThreshold[0].lag: got 1e+20"),
    "huge": ({"maxReplicas": 10**20}, "spec.maxReplicas: got 1e+20"),
    "beyond-int32": ({"maxReplicas": 2**31}, "spec.maxReplicas: 2147483648 is outside"),
    "upside-down": ({"minReplicas": 11}, "minReplicas"),
    "fraction": ({"maxReplicas": 2.5}, "spec.maxReplicas: got 2.5"),
    "long-target": ({"scaleTargetRef": {"name": LONG}}, "spec.scaleTargetRef: name"),
    "long-group": ({"consumergroups": groups(name=LONG)}, "has 5000 characters"),
    "long-topic": ({"consumergroups": groups(topic=LONG)}, "has 5000 characters"),
    "elsewhere": ({"scaleTargetRef": {"name": "x", "namespace": "kube-system"}},
                  "is not the namespace of the object"),
    "unknown": ({"maxReplica": 5}, "spec.maxReplica: unknown key"),
}

# Right in themselves, but what they are about is not.
UNFIT = {
    "nobody": ({"name": "nobody"}, 'deployments.apps "nobody" not found'),
    "no-kind": ({"apiVersion": "apps/v1", "kind": "Deploymnt", "name": "x"},
                "there is no kind 'Deploymnt'"),
    "no-scale": ({"apiVersion": "example.org/v1", "kind": "Stone", "name": "pebble"},
                 "stones of example.org/v1 has no scale subresource"),
    "no-namespace": ({"apiVersion": "example.org/v1", "kind": "Plant", "name": "tree"},
                     "plants of example.org/v1 are in no namespace"),
}


def count(state):
    return hexlag.metrics().one("hexlag_objects", state=state)


@case("objects that no rule can be made of are told so, each by a condition and an event")
def invalid():
    world.apply(*[autoscaler(name, **change) for name, (change, _) in INVALID.items()])
    for name, (_, want) in INVALID.items():
        wait_equal(lambda n=name: hsa.condition(world, n, "ScalingActive"), ("False", "InvalidSpec"), name)
        expect_that(want in hsa.status(world, name)["message"], want, hsa.status(world, name)["message"])
        wait_until(lambda n=name: hsa.events(world, n, "InvalidSpec"), f"an event on {name}")
    expect(count("invalid"), len(INVALID), "hexlag_objects")


@case("so are objects whose target is not there, has no scale, or is in no namespace")
def unfit():
    world.apply(*[autoscaler(name, scaleTargetRef=target) for name, (target, _) in UNFIT.items()])
    for name, (_, want) in UNFIT.items():
        wait_equal(lambda n=name: hsa.condition(world, n, "AbleToScale"), ("False", "FailedGetScale"), name)
        expect_that(want in hsa.status(world, name)["message"], want, hsa.status(world, name)["message"])
        (event,) = wait_until(lambda n=name: hsa.events(world, n, "FailedGetScale"), f"an event on {name}")
        expect_that(want in event["note"], want, event["note"])


@case("what everybody shares keeps its size, though hexlag might set it")
def cluster_scoped():
    expect(json.loads(world.kubectl("get", "plant", "tree", "-o", "json"))["spec"]["replicas"], 1, "size")


@case("a lag beyond int32 is a lag, and an object beside all of these scales at once")
def others_act():
    world.apply(workload("bulk"), autoscaler("wide", target="bulk", lag=2**40, minReplicas=1),
                autoscaler("good"))
    wait_equal(lambda: world.replicas("orders"), 10, "replicas")
    wait_equal(lambda: hsa.condition(world, "wide", "ScalingActive"), ("True", "ValidMetricFound"), "wide")
    expect(hsa.status(world, "wide")["thresholds"][0]["threshold"], 2**40, "threshold")
    expect(world.replicas("bulk"), 1, "replicas of bulk")


@case("a rule of the file goes on beside them, and kubectl describe shows its event on the target")
def file_rule():
    wait_equal(lambda: world.replicas("filed"), 3, "replicas")
    wait_until(lambda: hsa.events(world, "filed", "SuccessfulRescale", "Deployment"), "an event")
    out = world.kubectl("-n", "shop", "describe", "deployment", "filed")
    expect_that("SuccessfulRescale" in out, "SuccessfulRescale", out)


@case("a second object for a target is told who has it")
def ambiguous():
    world.apply(autoscaler("second"))
    wait_equal(lambda: hsa.condition(world, "second", "ScalingActive"), ("False", "AmbiguousTarget"), "second")
    expect_that('"good"' in hsa.status(world, "second")["message"], "good",
                hsa.status(world, "second")["message"])
    wait_until(lambda: hsa.events(world, "second", "AmbiguousTarget"), "an event")


def write_statuses(stop):
    """Somebody else writes the status, as fast as it can."""
    n = 0
    while not stop.is_set():
        n += 1
        world.kubectl("-n", "shop", "patch", "hsa", "good", "--subresource=status", "--type=merge", "-p",
                      json.dumps({"status": {"message": f"mine {n}"}}), check=False)
    writes.append(n)


writes = []


@case("while others write the same status it is written, and who is made anew gets its own")
def conflicts():
    stop = threading.Event()
    others = [threading.Thread(target=write_statuses, args=(stop,)) for _ in range(2)]
    for thread in others:
        thread.start()
    try:
        for _ in range(5):
            world.kubectl("-n", "shop", "delete", "hsa", "good")
            # The younger one has the target now, and then it is the older.
            world.apply(autoscaler("good", maxReplicas=8))
        wait_equal(lambda: hsa.condition(world, "good", "ScalingActive"), ("False", "AmbiguousTarget"),
                   "good", 60)
        wait_equal(lambda: hsa.condition(world, "second", "AbleToScale")[0], "True", "second")
    finally:
        stop.set()
        for thread in others:
            thread.join()
    print(f"# {sum(writes)} writes of somebody else")
    expect(hexlag.metrics().one("hexlag_objects_status_writes_total", outcome="failed") or 0, 0, "failures")


@case("an object that is put right acts at once")
def put_right():
    world.apply(workload("late"), autoscaler("policy", target="late"))
    wait_equal(lambda: world.replicas("late"), 10, "replicas")
    wait_equal(lambda: hsa.condition(world, "policy", "ScalingActive"), ("True", "ValidMetricFound"), "policy")
    expect(hexlag.alive(), True, "alive")


main(set_up)
