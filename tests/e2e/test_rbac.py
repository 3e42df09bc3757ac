#!/usr/bin/env -S python3 -B
"""Least privilege, proved: hexlag runs by the configuration of each overlay as the account that it makes, and
the API server's own log tells what it used. All of that is granted, and all that is granted was used, but for
what WAITS says.

A feature that asks more of the API server has its rule in k8s/, and is made to happen by the overlay's
drive(). Events go to core/v1 only where events.k8s.io is refused: so each scaler runs twice, the second time
without the right to the one. Overlays that have no name in common are proved at once."""

import base64
import json
import os
import re
import ssl
import tempfile
import threading
import urllib.error
import urllib.request

from definitions import scaled_objects
from world import (HEXLAG, ROOT, Background, World, case, expect, expect_that, folder, free_port, main,
                   namespace, run, wait_equal, wait_until, workload)

GROUP, TOPIC = "group1", "orders"  # of the configurations

world = World("--audit")


def grants(group, resource, *verbs):
    return {(group, resource, verb) for verb in verbs}


HEX, LEASES, EVENTS_GROUP = "autoscaling.hexfuture.net", "coordination.k8s.io", "events.k8s.io"

# What is granted and not made to happen here. That something of it is used is a failure, too.
WAITS = {
    # Its role is the sidecar's, where all of it is used.
    "native-sidecar": grants(EVENTS_GROUP, "events", "patch") | grants("", "events", "create", "patch"),
}


def set_up():
    world.ready()
    world.create(TOPIC, 12)
    world.traffic("commit", GROUP, TOPIC, *[0] * 12)
    world.traffic("produce", TOPIC, 20000)
    for path in ("namespace.yaml", "crd.yaml"):
        world.kubectl("apply", "-f", f"{ROOT}/k8s/{path}")
    world.apply(namespace(), namespace("monitoring"), scaled_objects(), {
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": "monitoring", "name": "prometheus-k8s"}})
    for name in DRIVES:
        proofs[name] = Proof(name, proofs.get(AFTER.get(name)))


# --- what is granted ---

class Overlay:
    """What an overlay declares. `account` is (namespace, name), None without one."""

    def __init__(self, name):
        self.name, self.path = name, f"{ROOT}/k8s/overlays/{name}"
        out = world.kubectl("create", "--dry-run=client", "--validate=false", "-o", "json", "-k", self.path)
        self.objects, decoder = [], json.JSONDecoder()
        while out.strip():
            item, end = decoder.raw_decode(out.lstrip())
            out = out.lstrip()[end:]
            self.objects += item["items"] if item["kind"] == "List" else [item]
        accounts = self.of_kind("ServiceAccount")
        self.account = (accounts[0]["metadata"]["namespace"],
                        accounts[0]["metadata"]["name"]) if accounts else None

        (deployment,) = self.of_kind("Deployment")
        # What is scaled: a sidecar's own Deployment, or one that no other overlay scales. From fewer replicas the
        # first write would be minReplicas.
        self.target = deployment if "sidecar" in name else workload(f"orders-of-{name}")
        self.target["spec"]["replicas"] = 2
        self.target_name = self.target["metadata"]["name"]

    def of_kind(self, *kinds):
        return [o for o in self.objects if o["kind"] in kinds]

    def rules(self):
        """The rules of all roles that are bound to the account."""
        roles = {(o["kind"], o["metadata"]["name"]): o for o in self.of_kind("Role", "ClusterRole")}
        found = []
        for binding in self.of_kind("RoleBinding", "ClusterRoleBinding"):
            ref = binding["roleRef"]["kind"], binding["roleRef"]["name"]
            if self.account in [(s["namespace"], s["name"]) for s in binding["subjects"]]:
                found += roles[ref]["rules"]
        return found

    def granted(self):
        return {(group, resource, verb) for r in self.rules() for group in r["apiGroups"]
                for resource in r["resources"] for verb in r["verbs"]}


# --- what is used ---

def log_size():
    return os.path.getsize(world.vars["HEXLAG_WORLD_AUDIT"])


def requests(account, since=0):
    """What the account has asked of the API server: entries of its log, which had that size before."""
    who = f"system:serviceaccount:{account[0]}:{account[1]}"
    with open(world.vars["HEXLAG_WORLD_AUDIT"], "rb") as log:
        log.seek(since)
        entries = [json.loads(line) for line in log if who.encode() in line and line.endswith(b"\n")]
    return [e for e in entries if e["user"]["username"] == who]


def is_for_everybody(entry):
    """Discovery and the like, which every authenticated user may ask for."""
    return 'ClusterRole "system:' in entry["annotations"].get("authorization.k8s.io/reason", "")


def is_allowed(entry):
    return entry["annotations"].get("authorization.k8s.io/decision") == "allow"


def used(entries):
    found = set()
    for entry in entries:
        ref = entry.get("objectRef", {})
        if not is_for_everybody(entry):
            found.add((ref.get("apiGroup", ""), "/".join(filter(None, (
                ref.get("resource"), ref.get("subresource")))), entry["verb"]))
    return found


# --- hexlag as the account ---

def kubeconfig(account):
    token = world.kubectl("-n", account[0], "create", "token", account[1]).strip()
    with open(world.vars["HEXLAG_WORLD_CA"], "rb") as file:
        ca = base64.b64encode(file.read()).decode()
    path = f"{folder}/{account[1]}.kubeconfig"
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "x",
                   "clusters": [{"name": "x", "cluster": {
                       "server": world.vars["KUBE_API"], "certificate-authority-data": ca}}],
                   "users": [{"name": "x", "user": {"token": token}}],
                   "contexts": [{"name": "x", "context": {
                       "cluster": "x", "user": "x", "namespace": account[0]}}]}, file)
    return path


class Installed(Background):
    """hexlag by the overlay's ConfigMap, with what is elsewhere here put right."""

    def __init__(self, overlay):
        self.port, place = free_port(), tempfile.mkdtemp(dir=folder)
        self.overlay, self.since = overlay, log_size()
        (config,) = overlay.of_kind("ConfigMap")
        for name, text in config["data"].items():
            for there, here in (("kafka-bootstrap.kafka:9092", world.bootstrap),
                                ('":9308"', f'"127.0.0.1:{self.port}"'), ("/var/lib/hexlag", place),
                                ('"shop"; name = "orders"', f'"shop"; name = "{overlay.target_name}"'),
                                ("/etc/hexlag-tls/tls.crt", f"{world.vars['HEXLAG_WORLD_DIR']}/server.crt"),
                                ("/etc/hexlag-tls/tls.key", f"{world.vars['HEXLAG_WORLD_DIR']}/server.key")):
                text = text.replace(there, here)
            with open(f"{place}/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        env = {k: v for k, v in os.environ.items() if k != "KUBECONFIG"}
        if overlay.account:
            env["KUBECONFIG"] = kubeconfig(overlay.account)
        if "sidecar" in overlay.name:
            env["POD_NAME"] = wait_until(pod_of_consumer, "a pod of the consumer")
        super().__init__(os.path.basename(place), HEXLAG, "run", "-c", f"{place}/hexlag.conf", env=env)

    def wait_used(self, *wanted, deadline=60):
        """Waits until these were asked for, each (group, resource, verb), and allowed."""
        def missing():
            return sorted(set(wanted) - used(e for e in requests(self.overlay.account, self.since)
                                             if is_allowed(e)))
        wait_equal(missing, [], "not asked for yet", deadline)

    def status(self, path, scheme="http", token=None):
        """Of a GET."""
        request = urllib.request.Request(f"{scheme}://127.0.0.1:{self.port}{path}", headers={
            "Authorization": f"Bearer {token}"} if token else {})
        trust = ssl.create_default_context(cafile=world.vars["HEXLAG_WORLD_CA"])
        try:
            with urllib.request.urlopen(request, timeout=15, context=trust) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code


def pod_of_consumer():
    return world.kubectl("-n", "shop", "get", "pods", "-o", "name", "-l",
                         "app.kubernetes.io/name=orders").partition("\n")[0].partition("/")[2]


def drive_exporter(hexlag, _group):
    wait_equal(lambda: hexlag.status("/readyz"), 200, "/readyz")


def drive_protected(hexlag, _group):
    wait_equal(lambda: hexlag.status("/readyz", "https"), 200, "/readyz")
    token = {name: world.kubectl("-n", space, "create", "token", name).strip()
             for space, name in (("monitoring", "prometheus-k8s"), ("monitoring", "default"))}
    expect(hexlag.status("/metrics", "https"), 401, "/metrics for nobody")
    expect(hexlag.status("/metrics", "https", token["default"]), 403, "/metrics for somebody")
    expect(hexlag.status("/metrics", "https", token["prometheus-k8s"]), 200, "/metrics for Prometheus")
    # Who may get /api/* of the API server, as everybody may, may not for that reason get ours.
    expect(hexlag.status("/api/v1/lag", "https", token["default"]), 403, "/api for somebody")
    expect(hexlag.status("/api/v1/lag", "https", token["prometheus-k8s"]), 200, "/api for Prometheus")


def drive_sidecar(hexlag, group):
    wait_equal(lambda: world.replicas(hexlag.overlay.target_name), 10, "replicas", 60)
    hexlag.wait_used((group, "events", "create"))
    expect_that(hexlag.alive(), "alive", hexlag.log())


def lose_target(hexlag, *wanted):
    world.kubectl("-n", "shop", "delete", "deployment", hexlag.overlay.target_name)
    hexlag.wait_used(*wanted)


def drive_events(hexlag, group):
    """A target that is lost twice is one event, and then a second of the same."""
    patch = group, "events", "patch"
    drive_sidecar(hexlag, group)
    lose_target(hexlag)
    hexlag.wait_log("404 NotFound: deployments.apps .*orders.* not found", 60)
    world.apply(hexlag.overlay.target)
    hexlag.wait_log("can be scaled again", 60)
    lose_target(hexlag, patch)


def autoscaler(target):
    """The sample object, with names of this world."""
    with open(f"{ROOT}/k8s/samples/hexserverautoscaler.yaml", encoding="utf-8") as file:
        text = file.read()
    for there, here in (("b-subs", "shop"), ("accuratescanhte", target), ("test_topic_lag1", TOPIC)):
        expect_that(there in text, there, text)
        text = text.replace(there, here)
    return text


def drive_operator(hexlag, group):
    world.kubectl("apply", "-f", "-", text=autoscaler(hexlag.overlay.target_name))
    drive_events(hexlag, group)
    hexlag.wait_used((HEX, "hexserverautoscalers", "list"), (HEX, "hexserverautoscalers", "watch"),
                     (HEX, "hexserverautoscalers/status", "patch"))
    wait_equal(able_to_scale, "FailedGetScale", "AbleToScale without the target")
    world.kubectl("-n", "shop", "delete", "hsa", "--all")


def able_to_scale():
    conditions = world.get("hexserverautoscaler-sample", "hsa")["status"]["conditions"]
    return {c["type"]: c["reason"] for c in conditions}["AbleToScale"]


DRIVES = {"exporter": drive_exporter, "protected": drive_protected, "scaler": drive_events,
          "operator": drive_operator, "sidecar": drive_events, "native-sidecar": drive_sidecar}


def run_installed(overlay, group):
    """Runs hexlag through the overlay's drive(). What it asked of the API server."""
    world.kubectl("-n", "shop", "delete", "--ignore-not-found", "deployment", overlay.target_name)
    if "sidecar" in overlay.name:
        wait_until(lambda: not pod_of_consumer(), "no pods of before")
    if overlay.account:
        world.apply(overlay.target)
    hexlag = Installed(overlay)
    DRIVES[overlay.name](hexlag, group)
    expect(hexlag.stop()[0], 0, "exit code")
    return requests(overlay.account, hexlag.since) if overlay.account else []


def take_back_events(overlay):
    """The right to those of events.k8s.io."""
    roles = json.loads(json.dumps(overlay.of_kind("Role", "ClusterRole")))
    for r in [r for role in roles for r in role["rules"]]:
        r["apiGroups"] = [group for group in r["apiGroups"] if group != EVENTS_GROUP]
    world.apply(*roles)


def refused(entries):
    return used(e for e in entries if not is_allowed(e))


def prove(name):
    overlay = Overlay(name)
    world.kubectl("apply", "-k", overlay.path)
    if "sidecar" in name:
        world.kubectl("-n", "shop", "delete", "leases", "--all")
    entries = run_installed(overlay, EVENTS_GROUP)
    expect(refused(entries), set(), "requests that were not granted")
    if grants(EVENTS_GROUP, "events", "patch") & overlay.granted() and name not in WAITS:
        take_back_events(overlay)
        old = run_installed(overlay, "")
        expect(refused(old), grants(EVENTS_GROUP, "events", "create"), "what was taken back")
        entries += old
    asked, waits = used(entries), WAITS.get(name, set())
    expect(sorted(asked - overlay.granted()), [], "used by a grant of somebody else")
    unused = overlay.granted() - asked
    expect(sorted(unused - waits), [], "granted, and neither used nor in WAITS")
    expect(sorted(waits - unused), [], "in WAITS, and used or not granted")


AFTER = {"protected": "exporter", "native-sidecar": "sidecar"}  # whose names are the same
proofs = {}


class Proof(threading.Thread):
    """prove() beside the others', after the one that is given; end() waits for its end and fails as it did."""

    def __init__(self, name, after):
        super().__init__(name=name, daemon=True)
        self.after, self.error = after, None
        self.start()

    def run(self):
        if self.after:
            self.after.join()
        try:
            prove(self.name)
        except Exception as error:
            self.error = error

    def end(self):
        self.join()
        if self.error:
            raise self.error


for _name in DRIVES:
    case(f"{_name}: what is used is granted, and what is granted is used")(lambda n=_name: proofs[n].end())


@case("what is not driven in the native sidecar is in the sidecar's role, word for word")
def same_role():
    roles = [[o["rules"] for o in Overlay(name).of_kind("Role")] for name in ("sidecar", "native-sidecar")]
    expect(roles[0], roles[1], "rules")


@case("every overlay is proved, and none grants everything")
def complete():
    expect(sorted(DRIVES), sorted(os.listdir(ROOT + "/k8s/overlays")), "overlays")
    for name in DRIVES:
        text = world.kubectl("kustomize", f"{ROOT}/k8s/overlays/{name}")
        expect(re.findall(r"^ *- ['\"]?\*['\"]?$", text, re.MULTILINE), [], f"{name}: stars in rules")


@case("a request that is not granted would be seen")
def seen():
    overlay = Overlay("scaler")
    path = kubeconfig(overlay.account)
    run(world.vars["KUBECTL"], "--kubeconfig", path, "-n", "shop", "get", "pods", check=False)
    entry = wait_until(lambda: [e for e in requests(overlay.account)
                                if e.get("objectRef", {}).get("resource") == "pods"], "the request")[-1]
    expect((entry["annotations"]["authorization.k8s.io/decision"], entry["verb"]), ("forbid", "list"))


SCALER, OPERATOR, SIDECAR = ("hexlag", "hexlag-scaler"), ("hexlag", "hexlag-operator"), ("shop", "orders")
REVIEWER, READER, OTHER = ("hexlag", "hexlag"), ("monitoring", "prometheus-k8s"), ("monitoring", "default")

# Who, what, and whether they may: (verb, group, resource, name, namespace), or (verb, path).
BOUNDS = [
    (SCALER, ("update", "apps", "deployments/scale", "any", "elsewhere"), True),
    (SCALER, ("update", "apps", "deployments", "any", "elsewhere"), False),
    (SCALER, ("update", "apps", "statefulsets/scale", "any", "shop"), False),
    (SCALER, ("update", LEASES, "leases", "hexlag-scaler", "hexlag"), True),
    (SCALER, ("update", LEASES, "leases", "hexlag-operator", "hexlag"), False),
    (SCALER, ("create", LEASES, "leases", "", "shop"), False),
    (SCALER, ("get", "", "secrets", "any", "hexlag"), False),
    (SCALER, ("list", "", "pods", "", "hexlag"), False),
    (OPERATOR, ("update", LEASES, "leases", "hexlag-operator", "hexlag"), True),
    (OPERATOR, ("update", LEASES, "leases", "hexlag-scaler", "hexlag"), False),
    (OPERATOR, ("patch", HEX, "hexserverautoscalers/status", "any", "elsewhere"), True),
    (OPERATOR, ("patch", HEX, "hexserverautoscalers", "any", "elsewhere"), False),
    (SIDECAR, ("update", "apps", "deployments/scale", "orders", "shop"), True),
    (SIDECAR, ("update", "apps", "deployments/scale", "other", "shop"), False),
    (SIDECAR, ("update", "apps", "deployments/scale", "orders", "hexlag"), False),
    (SIDECAR, ("update", LEASES, "leases", "hexlag-deployment-orders", "shop"), True),
    (SIDECAR, ("update", LEASES, "leases", "other", "shop"), False),
    (SIDECAR, ("list", "autoscaling", "horizontalpodautoscalers", "", "hexlag"), False),
    (SIDECAR, ("list", "", "pods", "", "shop"), False),
    (SIDECAR, ("get", "", "secrets", "any", "shop"), False),
    (REVIEWER, ("create", "authentication.k8s.io", "tokenreviews", "", ""), True),
    (REVIEWER, ("get", "/metrics"), False),
    (READER, ("get", "/metrics"), True),
    (OTHER, ("get", "/metrics"), False),
    # Why the right to read /metrics is asked for whatever is read.
    (OTHER, ("get", "/api/v1/lag"), True),
]


def question(who, what):
    groups = ["system:serviceaccounts", "system:authenticated"]
    spec = {"user": f"system:serviceaccount:{who[0]}:{who[1]}", "groups": groups}
    if len(what) == 2:
        spec["nonResourceAttributes"] = dict(zip(("verb", "path"), what))
    else:
        resource, _, sub = what[2].partition("/")
        spec["resourceAttributes"] = {"verb": what[0], "group": what[1], "resource": resource,
                                      "subresource": sub, "name": what[3], "namespace": what[4]}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}


@case("names and namespaces bound what the accounts may do")
def bounded():
    text = "\n---\n".join(json.dumps(question(who, what)) for who, what, _ in BOUNDS)
    out = world.kubectl("create", "-o", "jsonpath={.status.allowed}{'\\n'}", "-f", "-", text=text)
    answers = [line == "true" for line in out.split()]
    for (who, what, want), got in zip(BOUNDS, answers, strict=True):
        expect(got, want, f"{who} may {what}")


main(set_up)
