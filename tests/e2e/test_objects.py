#!/usr/bin/env -S python3 -B
"""HexServerAutoscaler objects on a real API server: the schema, and what the server refuses."""

import json
import re

from world import ROOT, World, case, expect, expect_that, main, namespace, run

CRD = ROOT + "/k8s/crd.yaml"
SAMPLE = ROOT + "/k8s/samples/hexserverautoscaler.yaml"

world = World("--brokers", "0")


def set_up():
    world.ready()
    world.apply(namespace("shop"), namespace("b-subs"))


def kubectl(*args, text=None):
    """stdout and stderr, whatever the exit code."""
    done = run(world.vars["KUBECTL"], *args, env=world.env, text=text, check=False)
    return done.returncode, done.stdout, done.stderr


def autoscaler(name, target="orders", **spec):
    whole = {"maxReplicas": 10, "minReplicas": 2,
             "consumergroups": [{"name": "g", "topicsThreshold": [{"topic": "t", "lag": 10}]}],
             "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}}
    whole.update(spec)
    return {"apiVersion": "autoscaling.hexfuture.net/v1alpha1", "kind": "HexServerAutoscaler",
            "metadata": {"namespace": "shop", "name": name},
            "spec": {k: v for k, v in whole.items() if v is not None}}


def thresholds(count, each, last):
    """Groups of so many topics each, but for the last one."""
    return [{"name": f"g{n}", "topicsThreshold": [
        {"topic": f"t{m}", "lag": 10} for m in range(last if n == count else each)]} for n in range(1, count + 1)]


def groups(lag=10, topic="t", name="g", **more):
    return [{"name": name, "topicsThreshold": [{"topic": topic, "lag": lag, **more}]}]


@case("the definition is accepted and established, without a warning")
def definition():
    code, out, err = kubectl("apply", "-f", CRD)
    expect((code, err), (0, ""), f"kubectl apply: {out}")
    world.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", CRD)
    crd = json.loads(world.kubectl("get", "-f", CRD, "-o", "json"))
    bad = [c for c in crd["status"]["conditions"]
           if c["type"] == "NonStructuralSchema" and c["status"] == "True"]
    expect(bad, [], "complaints about the schema")
    code, out, err = kubectl("apply", "-f", CRD)
    expect((code, err), (0, ""), "a second time")


@case("the sample object is accepted as it is, and gets the defaults")
def sample():
    code, out, err = kubectl("apply", "--validate=strict", "-f", SAMPLE)
    expect((code, err), (0, ""), f"kubectl apply: {out}")
    spec = json.loads(world.kubectl("get", "-f", SAMPLE, "-o", "json"))["spec"]
    expect((spec["minReplicas"], spec["maxReplicas"], spec["policy"], spec["limitToPartitions"],
            spec["paused"], spec["dryRun"]), (2, 10, "hex", True, False, False), "fields")


@case("the objects of the manuals are accepted as they are")
def manuals():
    for page in ("hexlag.conf.5", "hexlag-policies.7"):
        with open(f"{ROOT}/man/{page}", encoding="utf-8") as file:
            found = re.findall(r"^apiVersion: autoscaling.*?(?=^\.Ed$)", file.read(), re.MULTILINE | re.DOTALL)
        expect(len(found), 1, f"objects in {page}")
        code, out, err = kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", text=found[0])
        expect((code, err), (0, ""), f"{page}: {out}")


@case("kubectl get has the columns of an autoscaler, by the short name, too")
def columns():
    out = world.kubectl("-n", "b-subs", "get", "hsa")
    expect(out.splitlines()[0].split(), ["NAME", "TARGET", "MIN", "MAX", "CURRENT", "DESIRED", "LAG",
                                         "REASON", "AGE"], "columns")
    expect_that("accuratescanhte" in out, "the target", out)
    out = world.kubectl("-n", "b-subs", "get", "hsa", "-o", "wide")
    expect(out.splitlines()[0].split()[8:], ["KIND", "POLICY", "DRYRUN", "PAUSED", "MESSAGE", "AGE"], "more of them")
    expect_that("Deployment hex false false" in " ".join(out.split()), "their values", out)


def undescribed(schema, path):
    """Paths of all that kubectl explain would say nothing about."""
    found = [] if "description" in schema else [path]
    for name, field in schema.get("properties", {}).items():
        found += undescribed(field, f"{path}.{name}")
    return found + (undescribed(schema["items"], path + "[]") if "items" in schema else [])


@case("kubectl explain has a sentence on each field, and delete all means no object")
def explained():
    spec = json.loads(world.kubectl("get", "-f", CRD, "-o", "json"))["spec"]
    schema = spec["versions"][0]["schema"]["openAPIV3Schema"]
    for name in ("apiVersion", "kind", "metadata"):  # the API server describes these
        del schema["properties"][name]
    expect(undescribed(schema, ""), [], "without a description")
    expect(spec["names"].get("categories", []), [], "categories")


@case("what is wrong is refused with the field's name")
def refused():
    long = "x" * 5000
    rows = [
        ({"maxReplicas": None}, "spec.maxReplicas"),
        ({"maxReplicas": 0}, "spec.maxReplicas"),
        ({"maxReplicas": 3000000000}, "spec.maxReplicas"),
        ({"minReplicas": 11}, "minReplicas is greater than maxReplicas"),
        ({"minReplicas": -1}, "spec.minReplicas"),
        ({"policy": "magic"}, "spec.policy"),
        ({"policy": "rate"}, "needs ratePerReplica"),
        ({"scaleTargetRef": None}, "spec.scaleTargetRef"),
        ({"scaleTargetRef": {"kind": "Deployment"}}, "spec.scaleTargetRef.name"),
        ({"scaleTargetRef": {"name": long}}, "spec.scaleTargetRef.name"),
        ({"consumergroups": []}, "spec.consumergroups"),
        ({"consumergroups": groups(lag=-5)}, "consumergroups[0].topicsThreshold[0].lag"),
        ({"consumergroups": groups(lag=0)}, "consumergroups[0].topicsThreshold[0].lag"),
        ({"consumergroups": groups(lag=10**20)}, "consumergroups[0].topicsThreshold[0].lag"),
        ({"consumergroups": groups(lag="10")}, "consumergroups[0].topicsThreshold[0].lag"),
        ({"consumergroups": groups(topic=long)}, "consumergroups[0].topicsThreshold[0].topic"),
        ({"consumergroups": groups(name=long)}, "consumergroups[0].name"),
        ({"consumergroups": groups(name="")}, "consumergroups[0].name"),
        ({"consumergroups": groups() + groups()}, "Duplicate value"),
        ({"consumergroups": [{"name": "g", "topicsThreshold": [{"topic": "t", "lag": 1},
                                                               {"topic": "t", "lag": 2}]}]},
         "Duplicate value"),
        ({"consumergroups": thresholds(100, 2, 3)}, "more than 200 thresholds in all"),
        ({"consumergroups": thresholds(3, 100, 1)}, "more than 200 thresholds in all"),
        ({"cooldown": "60"}, "spec.cooldown"),
        ({"cooldown": "25h"}, "spec.cooldown"),
        ({"cooldown": "86400001ms"}, "has to be 0s to 24h"),
        ({"cooldown": "9" * 15 + "h"}, "spec.cooldown"),
        ({"holdLimit": "61m"}, "has to be 0s to 1h"),
        ({"drainTime": "999ms"}, "has to be 1s to 24h"),
        ({"drainTime": "1441m"}, "has to be 1s to 24h"),
        ({"fallback": {"after": "25h", "replicas": 2}}, "spec.fallback.after"),
        ({"tolerance": 0.1}, "spec.tolerance"),
        ({"cooldown": "-5s"}, "spec.cooldown"),
        ({"holdLimit": "soon"}, "spec.holdLimit"),
        ({"tolerance": 11}, "spec.tolerance"),
        ({"tolerance": "-0.1"}, "spec.tolerance"),
        ({"fallback": {"after": "3m"}}, "spec.fallback.replicas"),
        ({"fallback": {"replicas": 2, "behavior": "guess"}}, "spec.fallback.behavior"),
        ({"behavior": {"scaleUp": {"stabilizationWindowSeconds": 3601}}}, "stabilizationWindowSeconds"),
        ({"behavior": {"scaleDown": {"policies": []}}}, "spec.behavior.scaleDown.policies"),
        ({"behavior": {"scaleUp": {"policies": [{"type": "Pods", "value": 0, "periodSeconds": 5}]}}},
         "policies[0].value"),
        ({"behavior": {"scaleUp": {"policies": [{"type": "Pods", "value": 1,
                                                 "periodSeconds": 1801}]}}},
         "policies[0].periodSeconds"),
    ]
    for change, want in rows:
        code, out, err = kubectl("create", "--dry-run=server", "-f", "-",
                                 text=json.dumps(autoscaler("x", **change)))
        expect_that(code == 1 and want in err, f"a refusal of {str(change)[:80]} with {want!r}",
                    err or out)


@case("what is right to the limit is accepted")
def limits():
    for change in ({"consumergroups": thresholds(100, 2, 2)}, {"cooldown": "24h"}, {"cooldown": "0s"},
                   {"holdLimit": "3600000ms"}, {"drainTime": "1s"}, {"drainTime": "24h"}, {"tolerance": "10"},
                   {"fallback": {"after": "0s", "replicas": 20}}):
        code, out, err = kubectl("create", "--dry-run=server", "-f", "-", text=json.dumps(autoscaler("x", **change)))
        expect((code, err), (0, ""), f"{str(change)[:80]}: {out}")


@case("all fields together are accepted")
def whole():
    world.apply(autoscaler(
        "whole", policy="drain", drainTime="30s", ratePerReplica=1000, offsetReset="earliest",
        limitToPartitions=False, partitionSteps="on", tolerance="0.2", cooldown="5m",
        holdLimit="2m", paused=True, dryRun=True,
        fallback={"after": "3m", "behavior": "currentReplicas", "replicas": 4},
        behavior={"scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "tolerance": 0,
                              "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15},
                                           {"type": "Pods", "value": 4, "periodSeconds": 15}]},
                  "scaleDown": {"selectPolicy": "Disabled"}}))


main(set_up)
