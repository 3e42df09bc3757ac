#!/usr/bin/env -S python3 -B
"""A real API server takes the manifests: every field known, every pod within the restricted Pod
Security Standard, and no permission that is not needed. Nothing runs, there is no node."""

import json
import os
import re
import sys

from world import HEXLAG, ROOT, World, case, expect, expect_that, folder, main, run, wait_until

K8S = ROOT + "/k8s"
CRDS = ROOT + "/tests/cases/k8s/crds.yaml"
MANIFESTS = ["exporter.yaml", "rbac.yaml", "scaler.yaml", "servicemonitor.yaml", "alerts.yaml"]

world = World("--brokers", "0")


def set_up():
    world.ready()
    world.kubectl("apply", "-f", CRDS)
    world.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")


def kubectl(*args, text=None):
    """stdout and stderr, whatever the exit code."""
    done = run(world.vars["KUBECTL"], *args, env=world.env, text=text, check=False)
    return done.returncode, done.stdout, done.stderr


def objects(name):
    """What a file declares, as the client reads it."""
    out = world.kubectl("create", "--dry-run=client", "--validate=false", "-o", "json",
                        "-f", f"{K8S}/{name}")
    decoder, found = json.JSONDecoder(), []
    while out.strip():
        item, end = decoder.raw_decode(out.lstrip())
        out = out.lstrip()[end:]
        found += item["items"] if item["kind"] == "List" else [item]
    return found


def deployments():
    return [o for name in MANIFESTS for o in objects(name) if o["kind"] == "Deployment"]


def pods(app):
    out = world.kubectl("-n", "hexlag", "get", "pods", "-l", f"app.kubernetes.io/name={app}",
                        "-o", "json")
    return json.loads(out)["items"]


@case("every manifest is accepted, with strict decoding and without a warning")
def accepted():
    for name in MANIFESTS:
        # apply merges; that it can be applied again is part of the contract.
        for _ in range(2):
            code, out, err = kubectl("apply", "--validate=strict", "-f", f"{K8S}/{name}")
            expect((code, err), (0, ""), f"kubectl apply -f {name}: {out}")


@case("a field that does not exist is refused, so acceptance means something")
def strict():
    for name, right, wrong in (("exporter.yaml", "readOnlyRootFilesystem", "readOnlyRootFileSystem"),
                               ("servicemonitor.yaml", "scrapeTimeout", "scrapeTimout"),
                               ("alerts.yaml", "annotations:", "anotations:")):
        with open(f"{K8S}/{name}", encoding="utf-8") as file:
            text = file.read().replace(right, wrong)
        code, _, err = kubectl("apply", "--validate=strict", "--dry-run=server", "-f", "-", text=text)
        expect(code, 1, f"exit code with {wrong}")
        expect_that("unknown field" in err, f"a complaint about {wrong}", err)


@case("the kustomization is the exporter")
def kustomization():
    code, out, err = kubectl("kustomize", K8S)
    expect((code, err), (0, ""), "kubectl kustomize")
    done, out, err = kubectl("diff", "-f", "-", text=out)
    expect((done, out, err), (0, "", ""), "difference from exporter.yaml as it was applied")


@case("the pods are made under the restricted Pod Security Standard")
def restricted():
    labels = json.loads(world.kubectl("get", "namespace", "hexlag", "-o", "json"))["metadata"]["labels"]
    expect(labels.get("pod-security.kubernetes.io/enforce"), "restricted", "enforced standard")
    for app in ("hexlag", "hexlag-scaler"):
        wait_until(lambda app=app: pods(app), f"a pod of {app}")


@case("the same pod as root, or with a writable privilege, is refused there")
def enforced():
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "hexlag"},
           "spec": pods("hexlag")[0]["spec"]}
    pod["spec"].pop("nodeName", None)
    for change in ({"runAsUser": 0, "runAsNonRoot": False}, {"allowPrivilegeEscalation": True},
                   {"capabilities": {"drop": []}}, {"seccompProfile": {"type": "Unconfined"}}):
        spec = json.loads(json.dumps(pod["spec"]))
        spec["containers"][0]["securityContext"].update(change)
        code, _, err = kubectl("create", "--dry-run=server", "-f", "-",
                               text=json.dumps({**pod, "spec": spec}))
        expect(code, 1, f"exit code with {change}")
        expect_that('violates PodSecurity "restricted' in err, f"a refusal of {change}", err)
    code, _, err = kubectl("create", "--dry-run=server", "-f", "-", text=json.dumps(pod))
    expect((code, err), (0, ""), "the pod as it is")


@case("root filesystems are read-only, users are 65532, what is used is bounded")
def hardened():
    found = deployments()
    expect([d["metadata"]["name"] for d in found], ["hexlag", "hexlag-scaler"], "Deployments")
    for d in found:
        spec = d["spec"]["template"]["spec"]
        expect((spec["securityContext"]["runAsUser"], spec["securityContext"]["runAsGroup"]),
               (65532, 65532), "user and group")
        for c in spec["containers"]:
            expect(c["securityContext"]["readOnlyRootFilesystem"], True, "readOnlyRootFilesystem")
            expect(set(c["resources"]["requests"]), {"cpu", "memory"}, "requests")
            expect_that("memory" in c["resources"]["limits"], "a limit of memory", c["resources"])


@case("the exporter has no token; the scaler may size Deployments and nothing else")
def least_privilege():
    exporter, scaler = (d["spec"]["template"]["spec"] for d in deployments())
    expect(exporter.get("automountServiceAccountToken"), False, "automountServiceAccountToken")
    expect("serviceAccountName" in exporter, False, "an account of the exporter's own")
    expect(scaler["serviceAccountName"], "hexlag", "account of the scaler")
    for verb, resource, want in (("get", "deployments.apps/scale", "yes"),
                                 ("update", "deployments.apps/scale", "yes"),
                                 ("update", "deployments.apps", "no"), ("get", "secrets", "no"),
                                 ("list", "pods", "no"), ("create", "deployments.apps", "no")):
        answer = world.as_hexlag("auth", "can-i", verb, *resource.split("/", 1)[:1],
                                 *(["--subresource=scale"] if "/" in resource else []), "-n", "shop")
        expect(answer.splitlines()[-1], want, f"can-i {verb} {resource}")


@case("probes, Services, ServiceMonitor and policy meet at the port of the configuration")
def ports():
    by_kind = {o["kind"]: o for name in MANIFESTS if name != "scaler.yaml" for o in objects(name)}
    services = {o["metadata"]["name"]: o for name in MANIFESTS for o in objects(name)
                if o["kind"] == "Service"}
    (endpoint,) = by_kind["ServiceMonitor"]["spec"]["endpoints"]
    expect(by_kind["ServiceMonitor"]["spec"]["jobLabel"], "app.kubernetes.io/name", "jobLabel")
    for d in deployments():
        name = d["metadata"]["name"]
        (container,) = d["spec"]["template"]["spec"]["containers"]
        (port,) = container["ports"]
        expect((container["livenessProbe"]["httpGet"], container["readinessProbe"]["httpGet"]),
               ({"path": "/healthz", "port": port["name"]},
                {"path": "/readyz", "port": port["name"]}), "probes")
        (service_port,) = services[name]["spec"]["ports"]
        expect(service_port["targetPort"], port["name"], f"targetPort of the Service {name}")
        expect(endpoint["port"], service_port["name"], "port of the ServiceMonitor")
        expect_that(services[name]["spec"]["selector"].items()
                    <= d["spec"]["template"]["metadata"]["labels"].items(),
                    f"labels of the pod in the Service {name}", services[name]["spec"]["selector"])
    (opened,) = by_kind["NetworkPolicy"]["spec"]["ingress"][0]["ports"]
    expect(opened["port"], port["name"], "port that the policy opens")
    labels = by_kind["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selector = by_kind["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]
    expect_that(selector.items() <= labels.items(), "labels of the pod in the NetworkPolicy", selector)


@case("the ServiceMonitor selects both Services, whose lag is counted once")
def monitored():
    spec = objects("servicemonitor.yaml")[0]["spec"]
    (chosen,) = spec["selector"]["matchExpressions"]
    expect(chosen["operator"], "In")
    # What the selector means is for the API server to say.
    out = world.kubectl("-n", "hexlag", "get", "services", "-o", "name", "-l",
                        f"{chosen['key']} in ({','.join(chosen['values'])})")
    expect(out.split(), ["service/hexlag", "service/hexlag-scaler"], "Services that are selected")
    (dropped,) = spec["endpoints"][0]["metricRelabelings"]
    expect((dropped["action"], dropped["sourceLabels"]), ("drop", ["job", "__name__"]))
    for job, name, want in (("hexlag", "kafka_consumergroup_lag_sum", False),
                            ("hexlag-scaler", "kafka_consumergroup_lag_sum", True),
                            ("hexlag-scaler", "hexlag_consumergroup_stuck", True),
                            ("hexlag-scaler", "hexlag_scaler_errors_total", False),
                            ("hexlag-scaler", "hexlag_scaler_wanted_replicas", False),
                            ("hexlag-scaler", "hexlag_metadata_ok", False)):
        expect(re.fullmatch(dropped["regex"], f"{job};{name}") is not None, want, f"{name} is dropped")


@case("the configuration of each ConfigMap is one that hexlag takes, and serves that port")
def configuration():
    found = [o for name in MANIFESTS for o in objects(name) if o["kind"] == "ConfigMap"]
    expect(len(found), 2, "ConfigMaps")
    for o in found:
        path = f"{folder}/{o['metadata']['name']}.conf"
        with open(path, "w", encoding="utf-8") as file:
            file.write(o["data"]["hexlag.conf"])
        run(HEXLAG, "check", path)
        expect(re.findall(r'listen = "(.*?)"', o["data"]["hexlag.conf"]), [":9308"], "listen")


@case("the image has the version of the program")
def version():
    ours = run(HEXLAG, "version").stdout.split()[1]
    for d in deployments():
        expect([c["image"] for c in d["spec"]["template"]["spec"]["containers"]],
               [f"hexlag:{ours}"], "image")
    with open(f"{K8S}/kustomization.yaml", encoding="utf-8") as file:
        expect(re.findall(r"newTag: (\S+)", file.read()), [ours], "newTag of the kustomization")


main(set_up)
