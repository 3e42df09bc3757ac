#!/usr/bin/env -S python3 -B
"""Who else sets the size of a target: an HPA, a ScaledObject, somebody by hand. It is found and told, not
fought, and hexlag goes on once it is over. The HPA controller runs, but has no metrics."""

import json

from definitions import define, scaled_objects
from world import (DEADLINE, Hexlag, World, case, expect, expect_that, main, namespace, rule,
                   wait_equal, wait_until, workload)

TOPIC, GROUP, PARTITIONS = "orders", "workers", 12
# Rivals are listed once a minute; a scale that nothing changes is read again after 15 s only.
RELIST, REREAD = 60 + 15, DEADLINE + 15
LAG = [(GROUP, TOPIC, 100)]

world = World()


def hpa(name, target):
    return {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"minReplicas": 1, "maxReplicas": 20,
                 "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
                 "metrics": [{"type": "Resource", "resource": {
                     "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}]},
    }


def may_scale():
    """Enough to scale, and no more."""
    return [{
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"namespace": "shop", "name": "scales"},
        "rules": [{"apiGroups": ["apps"], "resources": ["deployments/scale"],
                   "verbs": ["get", "update"]}],
    }, {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"namespace": "shop", "name": "scales"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "scales"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "hexlag", "name": "hexlag-scaler"}],
    }]


def set_up():
    world.ready()
    world.create(TOPIC, PARTITIONS)
    world.traffic("commit", GROUP, TOPIC, *[0] * PARTITIONS)
    world.traffic("produce", TOPIC, 1800)  # 18 times the threshold: all are to have 10 replicas
    define(world, scaled_objects())
    world.apply(namespace(), *(workload(name) for name in ("orders", "billing", "free", "contested")))
    world.apply(hpa("orders-hpa", "orders"), hpa("keda-hpa-billing", "billing"), {
        "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
        "metadata": {"namespace": "shop", "name": "billing-so"},
        "spec": {"scaleTargetRef": {"name": "billing"}}})
    world.apply(*may_scale())


def of(target, metric):
    return hexlag.metrics().one(f"hexlag_scaler_{metric}", target=f"shop/Deployment/{target}")


def decision(target):
    rules = json.loads(hexlag.get("/api/v1/decisions")[1])["rules"]
    return next(r for r in rules if r["name"] == target)


@case("without the grant a warning names the verb, once for each kind, and rules go on")
def not_granted():
    blind = Hexlag("blind", world.bootstrap, [rule("free", LAG, dryRun=True)],
                   world.hexlag_kubeconfig)
    for resource in ("horizontalpodautoscalers", "scaledobjects"):
        blind.wait_log(f"namespace 'shop': the verb list on {resource} is needed")
    blind.wait_log("shop/Deployment/free: .*dry run, would scale from 1 to 10")
    expect(blind.metrics().one("hexlag_rival_lists_total", kind="ScaledObject", outcome="denied"),
           1, "lists that were denied")
    expect(len(blind.log_lines("the verb list on")), 2, "warnings")
    blind.stop()


@case("an HPA on the same target is found at the start")
def hpa_found():
    global hexlag
    world.grant_hexlag()
    hexlag = Hexlag("hexlag", world.bootstrap, [rule(name, LAG) for name in (
        "orders", "billing", "free", "contested")], world.hexlag_kubeconfig)
    hexlag.wait_ready()
    hexlag.wait_log("shop/Deployment/orders: Contended: HorizontalPodAutoscaler 'orders-hpa' has "
                    "the same target: the size is left alone")
    expect(len(hexlag.log_lines("orders: Contended: Horizontal")), 1, "log lines on that")


@case("so is a ScaledObject, and the HPA that KEDA makes for it: both are named")
def scaled_object_found():
    hexlag.wait_log("shop/Deployment/billing: Contended: ScaledObject 'billing-so' and "
                    "HorizontalPodAutoscaler 'keda-hpa-billing' have the same target")


@case("beside them nothing is written, and the reason is told")
def not_fought():
    for free in ("free", "contested"):
        wait_equal(lambda n=free: world.replicas(n), 10, f"replicas of {free}")
    for target in ("orders", "billing"):
        wait_equal(lambda t=target: decision(t)["reason"], "Contended", f"reason of {target}")
        expect(world.replicas(target), 1, f"replicas of {target}")
        expect(of(target, "writes_total"), 0, f"writes of {target}")
        expect(of(target, "contended"), 1, f"contended metric of {target}")
        expect_that("has the same target" in (decision(target)["contended"] or "")
                    or "have the same target" in decision(target)["contended"],
                    "who it is", decision(target))
    expect(of("free", "contended"), 0, "contended metric of a free one")
    expect([m for m in world.get("orders")["metadata"]["managedFields"]
            if m["manager"] == "hexlag"], [], "hexlag's fields")


@case("when the HPA is deleted hexlag goes on within a minute")
def goes_on():
    # Rivals are listed once a minute: what the next case waits for is there by the same list.
    world.apply(hpa("late-hpa", "free"))
    world.kubectl("-n", "shop", "delete", "hpa", "orders-hpa")
    wait_equal(lambda: world.replicas("orders"), 10, "replicas", RELIST)
    expect(len(hexlag.log_lines("orders: ContentionEnded: ")), 1, "log lines on that")
    expect(of("orders", "contended"), 0, "contended metric")
    expect(world.replicas("billing"), 1, "replicas of the one that still has a rival")


@case("an HPA that comes later is found within a minute, too")
def comes_later():
    hexlag.wait_log("free: Contended: HorizontalPodAutoscaler 'late-hpa' has the same", RELIST)


@case("a writer that takes back twice what was written is not fought")
def reverted():
    for _ in range(2):
        wait_equal(lambda: world.replicas("contested"), 10, "replicas", REREAD)
        world.kubectl("-n", "shop", "scale", "deployment", "contested", "--replicas=1")
    hexlag.wait_log("contested: Contended: somebody else took back what was written", REREAD)
    written = of("contested", "writes_total")
    expect(written, 2, "writes")

    def decisions():
        return hexlag.metrics().one("hexlag_scaler_decisions_total", reason="Contended",
                                    target="shop/Deployment/contested") or 0
    before = decisions()
    wait_until(lambda: decisions() >= before + 5, "five more decisions")
    expect(of("contested", "writes_total"), written, "writes after that")
    expect(world.replicas("contested"), 1, "replicas")


@case("SIGTERM ends hexlag within 2 s with exit code 0")
def stops():
    code, took = hexlag.stop()
    expect(code, 0, "exit code")
    expect_that(took < 2, "an end within 2 s", took)


main(set_up)
