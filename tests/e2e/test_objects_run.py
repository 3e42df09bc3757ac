#!/usr/bin/env -S python3 -B
"""hexlag run by HexServerAutoscaler objects: real Kafka, real API server, RBAC on."""

import json
import time

import hsa
from hsa import GROUP, PARTITIONS, TOPIC, autoscaler
from world import (Hexlag, World, case, expect, expect_that, main, namespace, rule, wait_equal,
                   wait_until, workload)

MANY = 500

world = World()


def set_up():
    global hexlag
    world.ready()
    world.create(TOPIC, PARTITIONS)
    world.traffic("commit", GROUP, TOPIC, *[0] * PARTITIONS)
    world.grant_hexlag()
    world.apply(namespace(), workload("orders"), workload("filed"), *hsa.grants())
    hexlag = Hexlag("hexlag", world.bootstrap, [rule("filed", [(GROUP, TOPIC, 10**9)])],
                    world.hexlag_kubeconfig, scaler={"objects": {"enabled": True}})
    hexlag.wait_ready()


def status(name):
    return hsa.status(world, name)


def condition(name, kind):
    return hsa.condition(world, name, kind)


def events(name, reason):
    return hsa.events(world, name, reason)


def count(state):
    return hexlag.metrics().one("hexlag_objects", state=state)


@case("without the resource hexlag runs by its file, and says what is missing")
def no_resource():
    hexlag.wait_log("hexserverautoscalers: 404")
    wait_equal(lambda: hexlag.metrics().one("hexlag_objects_synced"), 0, "hexlag_objects_synced")
    expect_that(hexlag.alive(), "running", hexlag.log())


@case("once the resource is there, an object scales its target by lag")
def scales():
    hsa.define(world)
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
    wait_until(lambda: events("first", "SuccessfulRescale"),
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
        wait_until(lambda n=name: events(n, "AmbiguousTarget"),
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
