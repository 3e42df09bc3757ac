"""HexServerAutoscaler objects in the namespace `shop`, for the tests of hexlag with objects."""

import json

from kubeapi import KubeApi
from world import AT_ONCE, ROOT, wait_until

CRD = ROOT + "/k8s/crd.yaml"
NAME = "hexserverautoscalers.autoscaling.hexfuture.net"
GROUP, TOPIC, PARTITIONS = "workers", "orders", 12


def autoscaler(name, target="orders", lag=100, **spec):
    """An object; what is None is left out."""
    whole = {"maxReplicas": 10, "minReplicas": 2, **AT_ONCE, "consumergroups": groups(lag),
             "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}}
    whole.update(spec)
    return {"apiVersion": "autoscaling.hexfuture.net/v1alpha1", "kind": "HexServerAutoscaler",
            "metadata": {"namespace": "shop", "name": name},
            "spec": {k: v for k, v in whole.items() if v is not None}}


def groups(lag=100, name=GROUP, topic=TOPIC):
    return [{"name": name, "topicsThreshold": [{"topic": topic, "lag": lag}]}]


def grants():
    """What k8s/bases/operator grants besides what k8s/bases/scaler does."""
    return grant("objects",
                 {"apiGroups": ["autoscaling.hexfuture.net"], "resources": ["hexserverautoscalers"],
                  "verbs": ["list", "watch"]},
                 {"apiGroups": ["autoscaling.hexfuture.net"],
                  "resources": ["hexserverautoscalers/status"], "verbs": ["patch"]})


def grant(name, *rules):
    """To the account of world.grant_hexlag(), everywhere."""
    rbac = "rbac.authorization.k8s.io"
    return [{"apiVersion": rbac + "/v1", "kind": "ClusterRole", "metadata": {"name": name},
             "rules": list(rules)},
            {"apiVersion": rbac + "/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
             "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
             "subjects": [{"kind": "ServiceAccount", "name": "hexlag-scaler", "namespace": "hexlag"}]}]


def define(world):
    world.kubectl("apply", "-f", CRD)
    world.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", CRD)


def make_lax(world):
    """The definition takes every spec from now on, so that hexlag gets to see it."""
    lax = json.loads(world.kubectl("get", "crd", NAME, "-o", "json"))
    lax["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = {
        "type": "object", "x-kubernetes-preserve-unknown-fields": True}
    world.kubectl("replace", "-f", "-", text=json.dumps(lax))
    probe = json.dumps(autoscaler("probe", lax=True))

    def is_served():
        """Until then what is unknown is pruned."""
        return world.kubectl("create", "--dry-run=server", "--validate=false", "-o",
                             "jsonpath={.spec.lax}", "-f", "-", text=probe) == "true"

    wait_until(is_served, "the lax definition in force")


def status(world, name):
    return world.get(name, "hsa").get("status", {})


def condition(world, name, kind):
    """Status and reason, None without such a condition."""
    for c in status(world, name).get("conditions", []):
        if c["type"] == kind:
            return c["status"], c["reason"]
    return None


def events(world, name, reason, kind="HexServerAutoscaler"):
    _, found = KubeApi(world).get("event")
    return [e for e in found["items"] if e["reason"] == reason
            and (e["regarding"]["kind"], e["regarding"]["name"]) == (kind, name)]
