#!/usr/bin/env -S python3 -B
"""The main job: a slow group on a real Kafka, its Deployment on a real kube-apiserver.

hexlag runs as the user of HEXLAG_KUBECONFIG, who may do what k8s/overlays/scaler grants and no more.
"""

import re

from definitions import define, definition
from world import (DEADLINE, HEXLAG, Hexlag, World, case, expect, expect_that, main, namespace, rule,
                   run, wait_equal, wait_until, workload)

TOPIC, GROUP, PARTITIONS = "orders", "workers", 12
TARGET = "shop/Deployment/orders"
# A scale that nothing changes is read again after 15 s only.
REREAD = DEADLINE + 15

world = World()


def hexlag_rules():
    lag = [(GROUP, TOPIC, 100)]
    return [
        rule("orders", lag),
        rule("rehearsal", lag, dryRun=True),
        rule("orders", [(GROUP, TOPIC, 200)], kind="StatefulSet"),
        rule("orders", [(GROUP, TOPIC, 400)], kind="Widget", apiVersion="example.org/v1"),
    ]


def set_up():
    global hexlag
    world.ready()
    world.create(TOPIC, PARTITIONS)
    world.traffic("commit", GROUP, TOPIC, *[0] * PARTITIONS)
    world.apply(namespace(), workload("orders"), workload("rehearsal"),
                workload("orders", kind="StatefulSet"))
    define(world, definition("Widget", replicas="count"))  # an unusual place for replicas
    world.apply({"apiVersion": "example.org/v1", "kind": "Widget",
                 "metadata": {"namespace": "shop", "name": "orders"}, "spec": {"count": 1}})
    hexlag = Hexlag("hexlag", world.bootstrap, hexlag_rules(), world.hexlag_kubeconfig)
    hexlag.wait_ready()


def granted():
    """What hexlag's user may do: lines of `kubectl auth can-i --list`, in one spacing."""
    return {" ".join(line.split())
            for line in world.as_hexlag("-n", "shop", "auth", "can-i", "--list").splitlines()}


def scale_of(target, metric="hexlag_scaler_writes_total"):
    return hexlag.metrics().one(metric, target=target)


def denials(target):
    return hexlag.log_lines(f"{target}: .*403 Forbidden.*trying again")


@case("without a grant hexlag logs 403 once per target, and tries again ever less often")
def forbidden_is_said_once():
    # Tries at 0, 1 and 3 s.
    wait_until(lambda: scale_of(TARGET, "hexlag_scaler_errors_total") >= 3, "3 failed tries")
    expect(len(denials(TARGET)), 1, "log lines on 403")
    expect_that(len(hexlag.log_lines()) < 15, "under 15 log lines", hexlag.log())
    expect(world.replicas("orders"), 1, "replicas")
    expect(hexlag.get("/readyz")[0], 200, "/readyz, which is about Kafka")


@case("k8s/overlays/scaler grants get and update of deployments/scale, and what is around it")
def least_privilege():
    before = granted()
    world.grant_hexlag()
    wait_equal(lambda: granted() - before, {
        "deployments.apps/scale [] [] [get update]", "horizontalpodautoscalers.autoscaling [] [] [list]",
        "scaledobjects.keda.sh [] [] [list]", "events [] [] [create patch]",
        "events.events.k8s.io [] [] [create patch]"}, "granted")
    may = [verb for verb in ("get", "list", "watch", "create", "update", "patch", "delete")
           if world.as_hexlag("-n", "shop", "auth", "can-i", verb,
                              "deployments.apps", "--subresource=scale") == "yes"]
    expect(may, ["get", "update"], "verbs on deployments/scale")
    for verb, what in (("get", "deployments.apps"), ("update", "deployments.apps"),
                       ("get", "secrets"), ("list", "pods"), ("update", "statefulsets.apps/scale")):
        expect(world.as_hexlag("-n", "shop", "auth", "can-i", verb, what), "no", f"{verb} {what}")


@case("once granted, hexlag recovers without a restart")
def recovers_when_granted():
    hexlag.wait_log(f"{TARGET}: can be scaled again", REREAD)
    expect_that(hexlag.alive(), "the same process", hexlag.log())
    wait_equal(lambda: scale_of(TARGET, "hexlag_scaler_replicas"), 1, "replicas in /metrics")


@case("a burst on a slow group raises the Deployment from minReplicas to maxReplicas")
def burst_raises():
    slow = world.consumer("slow", GROUP, TOPIC, 20)
    members = "kafka_consumergroup_members"
    wait_equal(lambda: hexlag.metrics().one(members, consumergroup=GROUP), 1, members)
    expect(world.replicas("orders"), 1, "replicas before the burst")
    world.traffic("produce", TOPIC, 1800)
    # 18 times the threshold: 1 + ceil(0.8 * 17) = 15, of which 10 are allowed.
    wait_equal(lambda: world.replicas("orders"), 10, "replicas")
    expect(len(hexlag.log_lines(f"{TARGET}: .* scaled from 1 to 10 replicas: lag of group")), 1,
           "log lines on the write")
    slow.stop()


@case("explain tells the steps, from the file, of the running process and from its document")
def explains():
    running = ["-u", f"http://127.0.0.1:{hexlag.port}"]
    document = run(HEXLAG, "explain", *running, "-o", "json").stdout
    for source in (["-c", hexlag.config_path], running, ["-u", "-"]):
        text = run(HEXLAG, "explain", *source, "Deployment/orders", text=document).stdout
        expect_that(text.startswith(f"{TARGET}: ") and " 10 replicas, " in text.splitlines()[0],
                    "the target and its size", text)
        expect_that(re.search(r"group workers, topic orders: lag \d+ \(complete; 12 of 12 partitions "
                              r"known, .*threshold 100: asks for \d+$", text, re.M),
                    "what the threshold sees", text)
    expect(run(HEXLAG, "explain", "-c", hexlag.config_path, "nothing", check=False).returncode, 1,
           "exit code for a target that no rule has")
    bad = run(HEXLAG, "explain", "-u", "-", check=False, text="no document")
    expect((bad.returncode, bad.stdout), (1, ""), "what is no document")
    expect_that("hexlag explain: " in bad.stderr, "why", bad.stderr)


@case("the controller sees the new size, and managedFields name hexlag")
def field_manager():
    entries = [m for m in world.get("orders")["metadata"]["managedFields"]
               if m["manager"] == "hexlag"]
    expect([(m["operation"], m["subresource"]) for m in entries], [("Update", "scale")], "entries")
    expect(entries[0]["fieldsV1"], {"f:spec": {"f:replicas": {}}}, "fields that hexlag owns")
    wait_equal(lambda: world.get("orders")["status"].get("replicas"), 10, "Pods' count")


@case("a dry run says what it would do, and writes nothing")
def dry_run():
    hexlag.wait_log("shop/Deployment/rehearsal: .*dry run, would scale from 1 to 10 replicas")
    target = "shop/Deployment/rehearsal"
    wait_until(lambda: scale_of(target, "hexlag_scaler_dry_run_writes_total") > 0,
               "a counted rehearsal")
    expect(scale_of(target), 0, "writes")
    seen = world.get("rehearsal")["metadata"]
    expect(seen["generation"], 1, "generation")
    expect([m for m in seen["managedFields"] if m["manager"] == "hexlag"], [], "hexlag's fields")


@case("a size above maxReplicas is corrected, by whatever it was set")
def out_of_bounds():
    world.kubectl("-n", "shop", "scale", "deployment", "orders", "--replicas=20")
    wait_equal(lambda: world.replicas("orders"), 10, "replicas", REREAD)
    expect(len(hexlag.log_lines("scaled from 20 to 10 replicas: 20 replicas are outside 1 to 10")),
           1, "log lines on the correction")


@case("a StatefulSet and a custom resource are scaled too, once that is granted")
def other_kinds():
    world.apply({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"namespace": "shop", "name": "more"},
        "rules": [{"apiGroups": ["apps"], "resources": ["statefulsets/scale"],
                   "verbs": ["get", "update"]},
                  {"apiGroups": ["example.org"], "resources": ["widgets/scale"],
                   "verbs": ["get", "update"]}],
    }, {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"namespace": "shop", "name": "more"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "more"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "hexlag", "name": "hexlag-scaler"}],
    })
    # The lag is just under 1800: 9 times one threshold, 4.5 times the other.
    wait_until(lambda: world.replicas("orders", "statefulset") > 5, "the StatefulSet above 5",
               REREAD)
    wait_until(lambda: world.get("orders", "widget")["spec"]["count"] > 3, "the Widget above 3",
               REREAD)


@case("drained lag lowers all of them to minReplicas, step by step")
def drained_lowers():
    fast = world.consumer("fast", GROUP, TOPIC, 100000)
    wait_equal(lambda: world.replicas("orders"), 1, "replicas", REREAD)
    wait_equal(lambda: world.replicas("orders", "statefulset"), 1, "StatefulSet", REREAD)
    wait_equal(lambda: world.get("orders", "widget")["spec"]["count"], 1, "Widget", REREAD)
    steps = [re.search(r"scaled from (\d+) to (\d+) ", line).groups()
             for line in hexlag.log_lines(f"{TARGET}: ScaleDown: scaled")]
    expect([steps[0][0], steps[-1][1]], ["10", "1"], "begin and end")
    expect([a for a, _ in steps[1:]], [b for _, b in steps[:-1]], "steps that follow each other")
    expect_that(all(int(b) >= int(a) / 2 for a, b in steps), "at most half given up a step", steps)
    fast.stop()


@case("a target switched off by hand (0 replicas) is left alone")
def switched_off():
    world.kubectl("-n", "shop", "scale", "deployment", "orders", "--replicas=0")
    world.traffic("produce", TOPIC, 1200)
    hexlag.wait_log(f"{TARGET}: ScalingDisabled", REREAD)
    wait_until(lambda: sum(hexlag.metrics().lag(GROUP, TOPIC).values()) >= 1200, "the lag")
    wait_until(lambda: scale_of("shop/Deployment/rehearsal", "hexlag_scaler_wanted_replicas") > 1,
               "another target to be decided on with that lag")
    expect(world.replicas("orders"), 0, "replicas")


@case("SIGTERM ends hexlag within 2 s with exit code 0")
def sigterm():
    code, seconds = hexlag.stop()
    expect(code, 0, "exit code")
    expect_that(seconds < 2, "an end within 2 s", seconds)


if __name__ == "__main__":
    main(set_up)
