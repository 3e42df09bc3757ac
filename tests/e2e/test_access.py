#!/usr/bin/env -S python3 -B
"""exporter.auth = "kubernetes" on a real API server: tokens of real ServiceAccounts, rights that come and go,
and an API server that is slow or away. Kafka is not needed: /metrics is there without it."""

import http.client
import json
import threading
import time

from world import Hexlag, World, case, expect, expect_that, free_port, main, namespace, rule, wait_equal

KEPT = 10  # seconds that a verdict holds
TIMEOUT = 3  # of a question

world = World("--brokers", "0", "--audit")


def account(name):
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": "shop", "name": name}}


def reader(name):
    """The right to read the metrics, for this account."""
    group = "rbac.authorization.k8s.io"
    return {"apiVersion": f"{group}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": f"read-{name}"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "hexlag-reader"},
            "subjects": [{"kind": "ServiceAccount", "namespace": "shop", "name": name}]}


def rights():
    """Of hexlag, and of who reads."""
    group = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{group}/v1", "kind": "ClusterRole"}
    return [
        {**role, "metadata": {"name": "hexlag-reader"},
         "rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]},
        {**role, "metadata": {"name": "hexlag-review"},
         "rules": [{"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
                   {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"],
                    "verbs": ["create"]}]},
    ]


def grant_reviews():
    world.kubectl("create", "clusterrolebinding", "hexlag-review", "--clusterrole=hexlag-review",
                  "--serviceaccount=hexlag:hexlag-scaler")


def token(name):
    return world.kubectl("-n", "shop", "create", "token", name).strip()


def set_up():
    global hexlag, tokens
    world.ready()
    world.apply(namespace(), *rights(), *(account(n) for n in ("alice", "bob", "carol")), reader("alice"),
                reader("carol"))
    tokens = {name: token(name) for name in ("alice", "bob", "carol")}
    hexlag = start("hexlag")
    wait_equal(lambda: asked("/healthz"), 200, "/healthz")


class Guarded(Hexlag):
    """hexlag whose reviews go by the kubeconfig of its scaler section, for which there has to be a rule."""

    def get(self, path, headers=()):
        """Status and text of a GET."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path, headers=dict(headers))
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text


def start(name):
    return Guarded(name, f"127.0.0.1:{free_port()}", rules=[rule("none", [("g", "t", 1)])],
                   kubeconfig=world.hexlag_kubeconfig, exporter={"auth": "kubernetes"})


def asked(path="/metrics", who=None):
    """The status of a GET with somebody's token."""
    return hexlag.get(path, {"Authorization": f"Bearer {tokens.get(who, who)}"} if who else {})[0]


def reviews():
    with open(world.vars["HEXLAG_WORLD_AUDIT"], encoding="utf-8") as log:
        entries = [json.loads(line) for line in log if line.endswith("\n")]
    return [e["objectRef"]["resource"] for e in entries
            if "hexlag-scaler" in e["user"]["username"] and e["verb"] == "create"]


@case("as long as hexlag may not ask nobody comes in, and it says why once")
def not_granted():
    expect((asked(), asked(who="alice")), (401, 503), "/metrics")
    wait_equal(lambda: asked(who="bob"), 503, "/metrics")
    expect(len(hexlag.wait_log("who asks for metrics cannot be found out.*403.*tokenreviews")), 1, "log lines")
    grant_reviews()
    wait_equal(lambda: asked(who="alice"), 200, "/metrics when it may")
    hexlag.wait_log("the API server tells again who asks")


@case("who may comes in, who may not and who is nobody do not, and probes need no token")
def verdicts():
    for path in ("/metrics", "/api/v1/lag", "/api/v1/decisions", "/", "/nothing"):
        expect((asked(path), asked(path, "bob"), asked(path, "nobody"), asked(path, tokens["alice"][:-3])),
               (401, 403, 401, 401), path)
    expect([asked(path, "alice") for path in ("/metrics", "/api/v1/decisions", "/", "/nothing")],
           [200, 200, 200, 404], "for alice")
    expect((asked("/healthz"), asked("/readyz")), (200, 503), "probes, with Kafka away")
    expect(asked("/healthz", "bob"), 200, "a probe with any token")


@case("many requests cost one review")
def cached():
    wait_equal(lambda: asked(who="carol"), 200, "/metrics")
    before = len(reviews())
    began = time.monotonic()
    for _ in range(50):
        expect(asked(who="carol"), 200, "/metrics")
    took = time.monotonic() - began
    expect_that(took < KEPT / 2, "50 requests in a few seconds", took)
    expect_that(len(reviews()) - before <= 2, "at most one TokenReview and SubjectAccessReview",
                reviews()[before:])


@case("a right that is taken away, or an account, is gone within 10 s")
def withdrawn():
    expect((asked(who="alice"), asked(who="carol")), (200, 200), "before")
    world.kubectl("delete", "clusterrolebinding", "read-alice")
    world.kubectl("-n", "shop", "delete", "serviceaccount", "carol")
    # The API server itself remembers a token's owner for up to 10 s more.
    wait_equal(lambda: (asked(who="alice"), asked(who="carol")), (403, 401), "after", 2 * KEPT + 5)
    world.apply(reader("alice"))
    wait_equal(lambda: asked(who="alice"), 200, "given back", KEPT + 5)


@case("while the API server hangs, probes and who is known are answered at once, others get 503 in time")
def hangs():
    wait_equal(lambda: asked(who="alice"), 200, "/metrics")
    stranger, waited = "unknown-until-now", []

    def ask():
        began = time.monotonic()
        waited.append((asked(who=stranger), time.monotonic() - began))
    world.apiserver("pause")
    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    slowest, known = 0, []
    while any(thread.is_alive() for thread in threads):
        began = time.monotonic()
        expect(asked("/healthz"), 200, "/healthz")
        known.append(asked(who="alice"))
        slowest = max(slowest, time.monotonic() - began)
    world.apiserver("resume")
    expect({status for status, _ in waited}, {503}, "for strangers")
    expect(len(waited), 20, "answers")
    expect_that(max(t for _, t in waited) < 2 * TIMEOUT + 2, "an answer in time", waited)
    expect_that(slowest < 1, "less than 1 s for probe and friend", slowest)
    expect(known[0], 200, "for who is known, at first")
    expect_that(set(known) <= {200, 503}, "who is known, until the verdict is old", set(known))
    wait_equal(lambda: (asked(who=stranger), asked(who="alice")), (401, 200), "afterwards", KEPT + 5)


@case("while the API server is away nobody new comes in")
def away():
    world.apiserver("stop")
    wait_equal(lambda: (asked(who="alice"), asked(who="bob")), (503, 503), "when verdicts are old", KEPT + 5)
    expect((asked(), asked("/healthz")), (401, 200), "without a token")
    world.apiserver("start")
    wait_equal(lambda: (asked(who="alice"), asked(who="bob")), (200, 403), "when it is back", KEPT + 15)


@case("refusals are counted by reason, and a stop waits for nobody")
def counted():
    text = hexlag.get("/metrics", {"Authorization": f"Bearer {tokens['alice']}"})[1]
    for reason in ("credentials", "forbidden", "unavailable"):
        lines = [line for line in text.splitlines()
                 if line.startswith(f'hexlag_http_requests_refused_total{{reason="{reason}"}}')]
        expect_that(len(lines) == 1 and int(lines[0].split()[1]) > 0, f"a count of {reason}", lines)
    expect(len(hexlag.log_lines("tokens come unencrypted")), 1, "warnings that there is no TLS")
    world.apiserver("pause")

    def wait():
        try:
            asked(who="yet-another")
        except (OSError, http.client.HTTPException):
            pass  # the server has ended
    waiting = threading.Thread(target=wait)
    waiting.start()
    code, took = hexlag.stop()
    world.apiserver("resume")
    waiting.join(10)
    expect(code, 0, "exit code")
    expect_that(took < 3, "an end within 3 s", took)
    expect_that(not any(t in hexlag.log() for t in tokens.values()), "no token in the log", hexlag.log())


main(set_up)
