#!/usr/bin/env -S python3 -B
"""A real API server takes the manifests: every field known, every pod within the restricted Pod
Security Standard and hardened beyond it. Nothing runs, there is no node. What the accounts may do is
proved in test_rbac.py."""

import functools
import json
import os
import re
import subprocess

from world import HEXLAG, ROOT, World, case, expect, expect_that, folder, main, run, wait_until

K8S = ROOT + "/k8s"
CRDS = ROOT + "/tests/cases/k8s/crds.yaml"
OVERLAYS = sorted(os.listdir(K8S + "/overlays"))
FILES = ["servicemonitor.yaml", "podmonitor.yaml", "alerts.yaml"]
SIDECAR_POLICY = "overlays/sidecar/hexlag/networkpolicy.yaml"  # which is not in the overlay
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
APP = "app.kubernetes.io/name"

world = World("--brokers", "0")


def set_up():
    world.ready()
    world.kubectl("apply", "-f", CRDS)
    for path in (f"{K8S}/namespace.yaml", f"{K8S}/crd.yaml"):
        for _ in range(2):
            code, out, err = kubectl("apply", "--validate=strict", "-f", path)
            expect((code, err), (0, ""), f"kubectl apply {path}: {out}")
    world.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {
        "pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"}}})
    world.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")


def kubectl(*args, text=None):
    """Exit code, stdout and stderr."""
    done = run(world.vars["KUBECTL"], *args, env=world.env, text=text, check=False)
    return done.returncode, done.stdout, done.stderr


@functools.cache
def render(path):
    return world.kubectl("kustomize", path)


@functools.cache
def objects(text):
    """What a text declares, as the client reads it."""
    out = world.kubectl("create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-",
                        text=text)
    decoder, found = json.JSONDecoder(), []
    while out.strip():
        item, end = decoder.raw_decode(out.lstrip())
        out = out.lstrip()[end:]
        found += item["items"] if item["kind"] == "List" else [item]
    return found


def of_kind(overlay, kind):
    return [o for o in objects(render(f"{K8S}/overlays/{overlay}")) if o["kind"] == kind]


def deployment(overlay):
    (found,) = of_kind(overlay, "Deployment")
    return found


def pod_spec(overlay):
    return deployment(overlay)["spec"]["template"]["spec"]


def containers(overlay):
    spec = pod_spec(overlay)
    return spec["containers"] + spec.get("initContainers", [])


def hexlag(overlay):
    (found,) = [c for c in containers(overlay) if c["name"] == "hexlag"]
    return found


def selected(selector, overlay):
    """Whether a selector is of this overlay's pods: never empty, which would be of all."""
    labels = deployment(overlay)["spec"]["template"]["metadata"]["labels"]
    return bool(selector) and selector.items() <= labels.items()


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


@case("every overlay and file is accepted twice, with strict decoding and without a warning")
def accepted():
    for what in [("-k", K8S)] + [("-k", f"{K8S}/overlays/{o}") for o in OVERLAYS] + [
            ("-f", f"{K8S}/{name}") for name in FILES + [SIDECAR_POLICY]]:
        # apply merges; that it can be applied again is part of the contract.
        for _ in range(2):
            code, out, err = kubectl("apply", "--validate=strict", *what)
            expect((code, err), (0, ""), f"kubectl apply {what}: {out}")


@case("a field that does not exist is refused, so acceptance means something")
def strict():
    for text, right, wrong in (
            (render(K8S), "readOnlyRootFilesystem", "readOnlyRootFileSystem"),
            (read(f"{K8S}/servicemonitor.yaml"), "scrapeTimeout", "scrapeTimout"),
            (read(f"{K8S}/alerts.yaml"), "annotations:", "anotations:")):
        code, _, err = kubectl("apply", "--validate=strict", "--dry-run=server", "-f", "-",
                               text=text.replace(right, wrong))
        expect(code, 1, f"exit code with {wrong}")
        expect_that("unknown field" in err, f"a complaint about {wrong}", err)


@case("the kustomization of the folder is the exporter")
def kustomization():
    expect(render(K8S), render(K8S + "/overlays/exporter"), "kubectl kustomize k8s")


@case("each kustomization tells in the lines above what it is for, and an overlay how to apply it")
def described():
    for parent, _, names in os.walk(K8S):
        if "kustomization.yaml" not in names:
            continue
        head = re.match(r"(#.*\n)+", read(parent + "/kustomization.yaml"))
        expect_that(head, "a comment at the top", parent)
        if "/overlays/" in parent and parent.count("/") == K8S.count("/") + 2:
            expect_that(f"kubectl apply -k k8s/overlays/{os.path.basename(parent)}\n" in head[0],
                        "how to apply it", head[0])
            expect_that(head[0].count("\n") <= 4, "few lines", head[0])


@case("the pods are made under the restricted Pod Security Standard")
def restricted():
    for overlay in OVERLAYS:
        d = deployment(overlay)
        name, space = d["metadata"]["name"], d["metadata"]["namespace"]
        labels = json.loads(world.kubectl("get", "namespace", space, "-o", "json"))["metadata"]["labels"]
        expect(labels.get("pod-security.kubernetes.io/enforce"), "restricted", f"standard of {space}")
        # The newest template's pods, since overlays follow each other under one name.
        code, out, err = kubectl("apply", "-k", f"{K8S}/overlays/{overlay}")
        expect((code, err), (0, ""), out)
        wait_until(lambda space=space, name=name: json.loads(world.kubectl(
            "-n", space, "get", "deployment", name, "-o", "json"))["status"].get("updatedReplicas"),
            f"pods of {overlay}")


@case("the same pod as root, or with a writable privilege, is refused there")
def enforced():
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "hexlag"},
           "spec": pod_spec("exporter")}
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


@case("root filesystems are read-only, users are 65532, nothing is mounted writable but the state")
def hardened():
    for overlay in OVERLAYS:
        spec = pod_spec(overlay)
        expect((spec["securityContext"]["runAsNonRoot"], spec["securityContext"]["runAsUser"],
                spec["securityContext"]["runAsGroup"], spec["securityContext"]["seccompProfile"]),
               (True, 65532, 65532, {"type": "RuntimeDefault"}), f"{overlay}: the pod")
        for c in containers(overlay):
            what, limits = f"{overlay}: container {c['name']}", c["resources"]["limits"]
            expect(c["securityContext"]["readOnlyRootFilesystem"], True, what)
            expect(c["securityContext"]["capabilities"], {"drop": ["ALL"]}, what)
            expect(c["securityContext"]["allowPrivilegeEscalation"], False, what)
            expect(set(c["resources"]["requests"]), {"cpu", "memory"}, what)
            expect_that("memory" in limits, f"{what}: a limit of memory", limits)
            writable = [m["name"] for m in c.get("volumeMounts", []) if not m.get("readOnly")]
            expect_that(set(writable) <= {"state"}, f"{what}: only the state", writable)


@case("probes, Services and policies meet at the port of the configuration, on the right pods")
def ports():
    for overlay in OVERLAYS:
        c = hexlag(overlay)
        (port,) = c["ports"]
        expect(port["containerPort"], 9308, f"{overlay}: port")
        scheme = {"scheme": "HTTPS"} if overlay == "protected" else {}
        want = {"path": "/healthz", "port": port["name"], **scheme}
        expect(c["livenessProbe"]["httpGet"], want, f"{overlay}: livenessProbe")
        if "sidecar" in overlay:  # the pod's readiness is the consumer's
            expect("readinessProbe" in c, False, f"{overlay}: a readinessProbe")
        else:
            expect(c["readinessProbe"]["httpGet"], {**want, "path": "/readyz"}, overlay)
            (service,) = of_kind(overlay, "Service")
            (service_port,) = service["spec"]["ports"]
            expect((service_port["name"], service_port["targetPort"]), ("metrics", port["name"]), overlay)
            expect_that(selected(service["spec"]["selector"], overlay), "this pod", service)
        policies = of_kind(overlay, "NetworkPolicy")
        if "sidecar" in overlay:  # it would cut off the consumer
            expect(policies, [], f"{overlay}: policies")
            policies = objects(read(f"{K8S}/{SIDECAR_POLICY}"))
        (policy,) = policies
        expect_that(selected(policy["spec"]["podSelector"].get("matchLabels"), overlay), "this pod", policy)
        (opened,) = policy["spec"]["ingress"][0]["ports"]
        expect(opened["port"], port["name"], f"{overlay}: port that the policy opens")


@case("where there is more than one replica, one at a time may be evicted")
def disruption():
    replicas = {}
    for overlay in OVERLAYS:
        replicas[overlay] = deployment(overlay)["spec"].get("replicas")
        budgets = of_kind(overlay, "PodDisruptionBudget")
        expect(len(budgets), int(replicas[overlay] != 1), f"{overlay}: budgets")
        for budget in budgets:
            expect(budget["spec"]["maxUnavailable"], 1, overlay)
            if "sidecar" not in overlay:  # readiness of hexlag is Kafka's
                expect(budget["spec"].get("unhealthyPodEvictionPolicy"), "AlwaysAllow", overlay)
            expect_that(selected(budget["spec"]["selector"].get("matchLabels"), overlay), "this pod", budget)
        for spread in pod_spec(overlay).get("topologySpreadConstraints", []):
            expect_that(selected(spread["labelSelector"]["matchLabels"], overlay), "this pod", spread)
    # What hexlag scales has none, or each apply would set them back.
    expect(replicas, {"exporter": 1, "protected": 1, "scaler": 2, "operator": 2, "sidecar": None,
                      "native-sidecar": None}, "replicas")


@case("only what talks to the API server has a token, of an account that the overlay makes")
def tokens():
    for overlay in OVERLAYS:
        spec = pod_spec(overlay)
        if overlay == "exporter":
            expect((spec["automountServiceAccountToken"], spec.get("serviceAccountName")), (False, None))
            continue
        (account,) = of_kind(overlay, "ServiceAccount")
        expect(spec["serviceAccountName"], account["metadata"]["name"], f"{overlay}: account")
        expect(spec["automountServiceAccountToken"], "sidecar" not in overlay, f"{overlay}: a token for all")


@case("the token of a sidecar is hexlag's alone, with all that Kubernetes would mount beside it")
def own_token():
    for overlay in ("sidecar", "native-sidecar"):
        spec = pod_spec(overlay)
        (volume,) = [v for v in spec["volumes"] if "projected" in v]
        paths = {path for source in volume["projected"]["sources"] for what in source.values()
                 for path in [what.get("path")] + [i["path"] for i in what.get("items", [])]}
        expect(paths - {None}, {"token", "ca.crt", "namespace"}, f"{overlay}: files")
        mounts = {c["name"]: [m["mountPath"] for m in c.get("volumeMounts", []) if m["name"] == volume["name"]]
                  for c in containers(overlay)}
        expect(mounts, {"hexlag": [TOKEN_PATH], "orders": []}, f"{overlay}: where it is mounted")


@case("the overlays of hexlag's namespace differ in all names, so that they run beside each other")
def side_by_side():
    seen = {}
    for overlay in ("exporter", "scaler", "operator"):
        for o in objects(render(f"{K8S}/overlays/{overlay}")):
            key = o["kind"], o["metadata"]["name"]
            expect(seen.setdefault(key, overlay), overlay, f"{key} is of")


@case("a native sidecar is the sidecar, begun before the consumer and kept running")
def native():
    plain, native_one = pod_spec("sidecar"), pod_spec("native-sidecar")
    expect([c["name"] for c in plain["containers"]], ["hexlag", "orders"], "containers")
    expect([c["name"] for c in native_one["containers"]], ["orders"], "containers")
    sidecar = dict(native_one["initContainers"][0])
    expect(sidecar.pop("restartPolicy"), "Always", "restartPolicy")
    # The consumer waits for no probe of it.
    expect(sidecar, plain["containers"][0], "hexlag")
    expect(native_one["containers"][0], plain["containers"][1], "the consumer")


@case("the ServiceMonitor selects all Services, whose lag is counted once")
def monitored():
    spec = objects(read(f"{K8S}/servicemonitor.yaml"))[0]["spec"]
    (chosen,), (endpoint,) = spec["selector"]["matchExpressions"], spec["endpoints"]
    expect((chosen["operator"], spec["jobLabel"], endpoint["port"]), ("In", APP, "metrics"))
    # What the selector means is for the API server to say.
    out = world.kubectl("-n", "hexlag", "get", "services", "-o", "name", "-l",
                        f"{chosen['key']} in ({','.join(chosen['values'])})")
    expect(out.split(), ["service/hexlag", "service/hexlag-operator", "service/hexlag-scaler"],
           "Services that are selected")
    (dropped,) = endpoint["metricRelabelings"]
    expect((dropped["action"], dropped["sourceLabels"]), ("drop", ["job", "__name__"]))
    for job, name, want in (("hexlag", "kafka_consumergroup_lag_sum", False),
                            ("hexlag-scaler", "kafka_consumergroup_lag_sum", True),
                            ("hexlag-operator", "kafka_consumergroup_lag_sum", True),
                            ("hexlag-scaler", "hexlag_consumergroup_stuck", True),
                            ("hexlag-scaler", "hexlag_scaler_errors_total", False),
                            ("hexlag-operator", "hexlag_scaler_wanted_replicas", False),
                            ("hexlag-scaler", "hexlag_metadata_ok", False)):
        expect(re.fullmatch(dropped["regex"], f"{job};{name}") is not None, want, f"{name} is dropped")


@case("the ServiceMonitor of a protected exporter is one, too")
def monitored_by_token():
    text, count = re.subn(r"# (scheme|authorization|tlsConfig):", r"\1:",
                          read(f"{K8S}/servicemonitor.yaml"))
    expect(count, 3, "lines to uncomment")
    code, out, err = kubectl("apply", "--validate=strict", "--dry-run=server", "-f", "-", text=text)
    expect((code, err), (0, ""), out)
    (endpoint,) = objects(text)[0]["spec"]["endpoints"]
    expect((endpoint["scheme"], endpoint["tlsConfig"]["serverName"]), ("https", "hexlag.hexlag.svc"))
    # The Secret of its token, as the comment beside the rights of readers has it.
    (secret,) = re.findall(r"^#   (\{.*\n#.*\}\})$", read(f"{K8S}/components/protected/reader.yaml"), re.MULTILINE)
    (secret,) = objects(secret.replace("\n#", "\n"))
    expect(endpoint["authorization"]["credentials"], {"name": secret["metadata"]["name"], "key": "token"})
    world.kubectl("-n", "hexlag", "create", "serviceaccount", "hexlag-reader")
    world.apply(secret)


@case("the PodMonitor selects the sidecar's pods, and lag is counted once")
def pods_monitored():
    (monitor,) = objects(read(f"{K8S}/podmonitor.yaml"))
    for overlay in ("sidecar", "native-sidecar"):
        expect(monitor["metadata"]["namespace"], deployment(overlay)["metadata"]["namespace"], overlay)
        expect_that(selected(monitor["spec"]["selector"]["matchLabels"], overlay), "these pods", monitor)
        (endpoint,), (port,) = monitor["spec"]["podMetricsEndpoints"], hexlag(overlay)["ports"]
        expect(endpoint["port"], port["name"], f"{overlay}: port")
    (dropped,) = endpoint["metricRelabelings"]
    for name, want in (("kafka_consumergroup_lag_sum", True), ("hexlag_consumergroup_stuck", True),
                       ("hexlag_scaler_errors_total", False), ("hexlag_leader", False)):
        expect(re.fullmatch(dropped["regex"], name) is not None, want, f"{name} is dropped")


@case("an overlay of one's own, as the sample, takes image and configuration, and components, too")
def own_overlay():
    path, place = f"{K8S}/samples/overlay", folder + "/overlay"
    os.mkdir(place)
    for name in os.listdir(path):
        text = read(f"{path}/{name}").replace("../../", os.path.relpath(K8S, place) + "/")
        with open(f"{place}/{name}", "w", encoding="utf-8") as file:
            file.write(re.sub(r"^# (components:)", r"\1", text, flags=re.MULTILINE))
    rendered = {protected: objects(render(p)) for protected, p in ((False, path), (True, place))}
    run(HEXLAG, "check", f"{path}/hexlag.conf")
    for protected, found in rendered.items():
        kinds = {(o["kind"], o["metadata"]["name"]): o for o in found}
        pod = kinds["Deployment", "hexlag-operator"]["spec"]["template"]["spec"]
        (c,) = pod["containers"]
        expect(c["image"].partition(":")[0], "registry.example.com/hexlag", "image")
        expect([v["configMap"]["name"] for v in pod["volumes"] if "configMap" in v], ["hexlag-operator"], "mounted")
        expect(kinds["ConfigMap", "hexlag-operator"]["data"], {"hexlag.conf": read(f"{path}/hexlag.conf")}, "data")
        expect([c[probe]["httpGet"].get("scheme") for probe in ("livenessProbe", "readinessProbe")],
               ["HTTPS" if protected else None] * 2, "scheme of probes")
        if protected:
            (subject,) = kinds["ClusterRoleBinding", "hexlag-review"]["subjects"]
            expect(subject["name"], pod["serviceAccountName"], "who may ask for reviews")


@case("the configuration of each ConfigMap is mounted, one that hexlag takes, and serves that port")
def configuration():
    for overlay in OVERLAYS:
        (found,) = of_kind(overlay, "ConfigMap")
        (volume,) = [v for v in pod_spec(overlay)["volumes"] if "configMap" in v]
        expect(volume["configMap"]["name"], found["metadata"]["name"], f"{overlay}: ConfigMap")
        mounts = {m["name"]: m["mountPath"] for m in hexlag(overlay)["volumeMounts"]}
        expect(hexlag(overlay)["args"], ["run", "-c", f"{mounts[volume['name']]}/hexlag.conf"], overlay)
        place = f"{folder}/{overlay}"
        os.mkdir(place)
        for name, text in found["data"].items():
            with open(f"{place}/{name}", "w", encoding="utf-8") as file:
                file.write(text.replace("/etc/hexlag-tls", place))
        if "tls" in mounts:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x",
                            "-keyout", f"{place}/tls.key", "-out", f"{place}/tls.crt"], check=True,
                           capture_output=True)
        run(HEXLAG, "check", f"{place}/hexlag.conf")
        expect(re.findall(r'listen = "(.*?)"', found["data"]["hexlag.conf"]), [":9308"], "listen")


@case("the Lease of a configuration is the one that the Role names, and another in each overlay")
def leases():
    names = {}
    for overlay in ("scaler", "sidecar", "operator"):
        bound = [r["resourceNames"] for role in of_kind(overlay, "Role") for r in role["rules"]
                 if r["resources"] == ["leases"] and "resourceNames" in r]
        (names[overlay],), = bound
        (config,) = of_kind(overlay, "ConfigMap")
        text = config["data"]["hexlag.conf"]
        elected = re.findall(r'leader_election = { enabled = true; name = "(.*?)"; }', text)
        if 'target = "self"' in text:  # its name is made of that of the Deployment
            expect(elected, [], f"{overlay}: a name")
            elected = ["hexlag-deployment-" + deployment(overlay)["metadata"]["name"]]
        expect(elected, [names[overlay]], f"{overlay}: Lease")
    expect(names, {"scaler": "hexlag-scaler", "sidecar": "hexlag-deployment-orders",
                   "operator": "hexlag-operator"}, "Leases")


@case("a sidecar is told the name of its pod, whatever its host is called")
def pod_name():
    for overlay in ("sidecar", "native-sidecar"):
        (variable,) = hexlag(overlay)["env"]
        expect((variable["name"], variable["valueFrom"]["fieldRef"]["fieldPath"]),
               ("POD_NAME", "metadata.name"), overlay)


@case("what the operator's comment says is enough, and the sample is an object of its kind")
def samples():
    for text in re.findall(r"^#   kubectl (.*)$", read(f"{K8S}/overlays/operator/kustomization.yaml"),
                           re.MULTILINE):
        code, out, err = kubectl(*text.replace(" k8s/", f" {K8S}/").split())
        expect((code, err), (0, ""), f"kubectl {text}: {out}")
    world.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b-subs"}})
    code, out, err = kubectl("apply", "--validate=strict", "-f", f"{K8S}/samples/")
    expect((code, err), (0, ""), out)
    row = world.kubectl("-n", "b-subs", "get", "hsa").splitlines()[1].split()
    expect(row[:4], ["hexserverautoscaler-sample", "accuratescanhte", "2", "10"], "columns")


@case("to delete an overlay takes nothing of the others, no object and no namespace")
def deleted():
    for overlay in OVERLAYS:
        for kind in ("Namespace", "CustomResourceDefinition"):
            expect(of_kind(overlay, kind), [], f"{overlay}: kind {kind}")
    code, out, err = kubectl("delete", "--wait=false", "-k", f"{K8S}/overlays/operator")
    expect(code, 0, f"kubectl delete: {out}{err}")
    expect(world.kubectl("-n", "b-subs", "get", "hsa", "-o", "name").split(),
           ["hexserverautoscaler.autoscaling.hexfuture.net/hexserverautoscaler-sample"], "objects")
    expect(json.loads(world.kubectl("get", "namespace", "hexlag", "-o", "json"))["status"]["phase"], "Active")
    left = world.kubectl("-n", "hexlag", "get", "deployments", "-o", "name").split()
    expect_that({"deployment.apps/hexlag", "deployment.apps/hexlag-scaler"} <= set(left), "the others", left)


@case("the image has the version of the program")
def version():
    ours = run(HEXLAG, "version").stdout.split()[1]
    for overlay in OVERLAYS:
        expect(hexlag(overlay)["image"], f"hexlag:{ours}", f"{overlay}: image")


main(set_up)
