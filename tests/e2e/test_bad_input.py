#!/usr/bin/env -S python3 -B
"""Wrong addresses, passwords, names, rights and files.

Each mistake gets a hexlag of its own, all at the same time, and a Deployment of its own that would
be scaled at once but for the mistake. Each must say what is wrong and show it in a metric, go on
without a busy loop, write nothing, and end within 2 s of SIGTERM.
"""

import dataclasses
import socket
import time
from functools import partial
from typing import Callable

from world import (DEADLINE, HEXLAG, Hexlag, World, case, expect, expect_that, folder, free_port,
                   main, namespace, rule, run, wait_equal, wait_until, workload)

GROUP, TOPIC, PARTITIONS = "workers", "orders", 2
PASSWORD = "not-the-password"
RETRIES = DEADLINE + 15  # the longest pause between two tries is 30 s

world = World("--sasl", "--tls")


def kafka_fails(m, _):
    return m.one("hexlag_metadata_ok") == 0 and \
        m.one("hexlag_kafka_call_failures_total", api="Metadata") > 0


def lag_unknown(m, target):
    return m.one("hexlag_scaler_decisions_total", reason="LagUnknown", target=target) and \
        m.one("hexlag_scaler_wanted_replicas", target=target) == 1


def target_fails(outcome):
    return lambda m, target: m.one("hexlag_scaler_errors_total", target=target) > 0 and \
        m.one("hexlag_kube_requests_total", outcome=outcome) > 0


@dataclasses.dataclass
class Mistake:
    name: str  # of the Deployment, too
    sentence: str
    log: str  # a line that names the value, and what happens next
    shows: Callable  # (metrics, target): the mistake can be seen
    bootstrap: Callable = lambda: world.bootstrap
    properties: tuple = ()
    group: str = GROUP
    topic: str = TOPIC
    kind: str = "Deployment"
    kubeconfig: Callable = lambda: world.hexlag_kubeconfig
    ready: int = 200

    def start(self):
        self.target = f"shop/{self.kind}/{self.name}"
        self.address = self.bootstrap()
        # A cycle that fails after its limit is not longer than the interval.
        self.hexlag = Hexlag(
            self.name, self.address, [rule(self.name, [(self.group, self.topic, 10)], self.kind,
                                           limitToPartitions=False)],
            self.kubeconfig(), self.properties, interval="1500ms", timeout="1s")


def nobody_there():
    return f"127.0.0.1:{free_port()}"


def other_kubeconfig(name, *change):
    path = f"{folder}/{name}.kubeconfig"
    with open(world.hexlag_kubeconfig, encoding="utf-8") as f, \
            open(path, "w", encoding="utf-8") as to:
        to.write(f.read().replace(*change))
    return path


SASL = ("security.protocol=SASL_PLAINTEXT", "sasl.mechanism=PLAIN", "sasl.username=hexlag",
        f"sasl.password={PASSWORD}")
AGAIN = "trying again"

MISTAKES = [
    Mistake("away", "a bootstrap address where nobody listens",
            f"no metadata from {{0.address}}: .*Connection refused.*{AGAIN}", kafka_fails,
            bootstrap=nobody_there, ready=503),
    Mistake("unresolved", "a bootstrap name that does not resolve",
            f"no metadata from {{0.address}}: .*resolve.*{AGAIN}", kafka_fails,
            bootstrap=lambda: "no-such-host.invalid:9092", ready=503),
    Mistake("password", "a wrong SASL password",
            f"no metadata from {{0.address}}: .*Authentication failed.*{AGAIN}", kafka_fails,
            bootstrap=lambda: world.vars["KAFKA_SASL_BOOTSTRAP"], properties=SASL, ready=503),
    Mistake("tls-to-plain", "TLS to the plaintext port",
            f"no metadata from {{0.address}}: .*SSL[ _](handshake|HANDSHAKE).*{AGAIN}", kafka_fails,
            properties=("security.protocol=SSL",), ready=503),
    Mistake("plain-to-tls", "plaintext to the TLS port",
            f"no metadata from {{0.address}}: .*{AGAIN}", kafka_fails,
            bootstrap=lambda: world.vars["KAFKA_TLS_BOOTSTRAP"], ready=503),
    Mistake("untrusted", "a broker certificate of an unknown CA",
            f"no metadata from {{0.address}}: .*certificate verify failed.*{AGAIN}", kafka_fails,
            bootstrap=lambda: world.vars["KAFKA_TLS_BOOTSTRAP"],
            properties=("security.protocol=SSL",), ready=503),
    Mistake("group", "a group that does not exist",
            "{0.target}: LagUnknown: staying at 1 replicas: .*'no-group'", lag_unknown,
            group="no-group"),
    Mistake("topic", "a topic that does not exist",
            "{0.target}: LagUnknown: staying at 1 replicas: .*'no-topic'.*topic does not exist",
            lag_unknown, topic="no-topic"),
    Mistake("absent", "a target that does not exist",
            f"{{0.target}}: GET .*/deployments/absent/scale: 404 .*{AGAIN} in",
            target_fails("absent")),
    Mistake("kind", "a target of a kind that does not exist",
            f"{{0.target}}: .*Deploymint.*{AGAIN} in",
            lambda m, target: m.one("hexlag_scaler_errors_total", target=target) > 0,
            kind="Deploymint"),
    Mistake("locked", "a target that may be read but not written",
            f"{{0.target}}: PUT .*/deployments/locked/scale.*: 403 .*{AGAIN} in",
            target_fails("denied")),
    Mistake("token", "a token that the API server does not know",
            f"{{0.target}}: GET .*: 401 .*{AGAIN} in", target_fails("denied"),
            kubeconfig=lambda: other_kubeconfig("token", world.vars["HEXLAG_WORLD_TOKEN"],
                                                "wrong")),
    Mistake("server", "an API server where nobody listens",
            f"{{0.target}}: .*onnect.*{AGAIN} in", target_fails("failed"),
            kubeconfig=lambda: other_kubeconfig("server", world.vars["KUBE_API"],
                                                f"https://{nobody_there()}")),
]


def set_up():
    world.ready()
    world.create(TOPIC, PARTITIONS)
    world.traffic("produce", TOPIC, 1000)
    world.traffic("commit", GROUP, TOPIC, *[0] * PARTITIONS)
    names = [m.name for m in MISTAKES if m.name not in ("absent", "kind")]
    world.apply(namespace(), *grants([n for n in names if n != "locked"]),
                *[workload(name) for name in names])
    for mistake in MISTAKES:
        mistake.start()


def grants(writable):
    """hexlag may read all Deployments' sizes, and write those of these names."""
    group = "rbac.authorization.k8s.io"
    scale = {"apiGroups": ["apps"], "resources": ["deployments/scale"]}
    return {
        "apiVersion": f"{group}/v1", "kind": "Role",
        "metadata": {"namespace": "shop", "name": "some"},
        "rules": [{**scale, "verbs": ["get"]},
                  {**scale, "verbs": ["update"], "resourceNames": ["absent", *writable]}],
    }, {
        "apiVersion": f"{group}/v1", "kind": "RoleBinding",
        "metadata": {"namespace": "shop", "name": "some"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "some"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "hexlag", "name": "hexlag-scaler"}],
    }


def check(mistake):
    hexlag = mistake.hexlag
    said = hexlag.wait_log(mistake.log.format(mistake))
    expect(len(said), 1, "log lines on the mistake")
    wait_until(lambda: mistake.shows(hexlag.metrics(), mistake.target), "a metric that shows it")
    expect(hexlag.get("/healthz")[0], 200, "/healthz")
    expect(hexlag.get("/readyz")[0], mistake.ready, "/readyz")
    expect_that(hexlag.alive(), "a process that goes on", hexlag.log())
    for secret in (PASSWORD, world.vars["HEXLAG_WORLD_TOKEN"]):
        expect_that(secret not in hexlag.log() + hexlag.get("/metrics")[1], "no secret told",
                    hexlag.log())


for m in MISTAKES:
    case(f"{m.sentence}: one log line that names it, a metric that shows it, no exit")(
        partial(check, m))


def cycles(mistake):
    return mistake.hexlag.metrics().one("hexlag_cycles_total")


@case("none of them loops busily: few cycles, little CPU time, no more log lines")
def no_busy_loop():
    began = time.monotonic()
    before = {m.name: (cycles(m), m.hexlag.cpu_seconds(), len(m.hexlag.log_lines()))
              for m in MISTAKES}
    wait_until(lambda: min(cycles(m) - before[m.name][0] for m in MISTAKES) >= 3,
               "3 cycles of each")
    seconds = time.monotonic() - began
    for m in MISTAKES:
        done, cpu, lines = before[m.name]
        expect_that(cycles(m) - done <= seconds + 3, f"a cycle a second of '{m.name}'",
                    (cycles(m) - done, seconds))
        expect_that(m.hexlag.cpu_seconds() - cpu < 0.1 * seconds,
                    f"under 10 % of a core for '{m.name}'", m.hexlag.cpu_seconds() - cpu)
        expect_that(len(m.hexlag.log_lines()) - lines <= 1, f"no new lines of '{m.name}'",
                    m.hexlag.log())


@case("none of them has written a size")
def no_write():
    seen = {m.name: world.get(m.name)["metadata"]["generation"]
            for m in MISTAKES if m.name not in ("absent", "kind")}
    expect(seen, dict.fromkeys(seen, 1), "generations")
    writes = {m.name: m.hexlag.metrics().one("hexlag_scaler_writes_total", target=m.target)
              for m in MISTAKES}
    expect(writes, dict.fromkeys(writes, 0), "writes in /metrics")


@case("SIGTERM ends each of them within 2 s with exit code 0")
def sigterm():
    ends = {}
    began = time.monotonic()
    for m in MISTAKES:
        m.hexlag.process.terminate()

    def all_ended():
        for m in MISTAKES:
            if not m.hexlag.alive():
                ends.setdefault(m.name, time.monotonic() - began)
        return len(ends) == len(MISTAKES)
    wait_until(all_ended, "an end of each", 10)
    expect({m.name: m.hexlag.process.returncode for m in MISTAKES},
           {m.name: 0 for m in MISTAKES}, "exit codes")
    expect({name: end for name, end in ends.items() if end > 2}, {}, "those slower than 2 s")


def begin_again(name):
    """Starts one of them again and waits until it is at its mistake."""
    mistake = next(m for m in MISTAKES if m.name == name)
    mistake.start()
    mistake.hexlag.wait_log(mistake.log.format(mistake))
    return mistake.hexlag


@case("a group that appears is scaled for, without a restart")
def group_appears():
    hexlag = begin_again("group")
    world.traffic("commit", "no-group", TOPIC, 0, 0)
    wait_equal(lambda: world.replicas("group"), 10, "replicas")
    expect(hexlag.stop()[0], 0, "exit code")


@case("a topic that appears is scaled for, without a restart")
def topic_appears():
    hexlag = begin_again("topic")
    world.create("no-topic", 3)
    world.traffic("produce", "no-topic", 300)
    hexlag.wait_log("LagUnknown|the group has no commit")
    world.traffic("commit", GROUP, "no-topic", 0, 0, 0)
    wait_equal(lambda: world.replicas("topic"), 10, "replicas")
    expect(hexlag.stop()[0], 0, "exit code")


@case("a target that appears is scaled, without a restart")
def target_appears():
    hexlag = begin_again("absent")
    world.apply(workload("absent"))
    hexlag.wait_log("shop/Deployment/absent: can be scaled again", RETRIES)
    wait_equal(lambda: world.replicas("absent"), 10, "replicas")
    expect(hexlag.stop()[0], 0, "exit code")


def run_config(path):
    done = run(HEXLAG, "run", "-c", path, check=False, timeout=10)
    checked = run(HEXLAG, "check", path, check=False, timeout=10)
    expect((done.returncode, checked.returncode), (2, 2), f"exit codes of run and check {path}")
    expect(checked.stderr, done.stderr, "message of check")
    return done.stderr


def config_file(name, text):
    with open(f"{folder}/{name}", "w", encoding="utf-8") as f:
        f.write(text)
    return f"{folder}/{name}"


@case("a configuration that is a directory, absent or empty: its name and exit 2")
def no_configuration():
    for path in (folder, f"{folder}/no-such.conf", config_file("empty.conf", "")):
        said = run_config(path)
        expect_that(path in said, "a message with the path", said)


@case("a broken configuration: file:line of every error and exit 2")
def broken_configuration():
    path = config_file("syntax.conf", 'kafka: {\n  bootstrap = "x:9092"\n  timeout = = "2s";\n};\n')
    said = run_config(path)
    expect_that(f"{path}:3" in said, "the line of the syntax error", said)
    path = config_file("values.conf", 'kafka: {\n  bootstrap = "x:9092";\n  timeout = "2y";\n};\n'
                                      'exporter: {\n  listne = ":1";\n};\n')
    said = run_config(path)
    for line, what in ((3, "2y"), (6, "listne")):
        expect_that([x for x in said.splitlines() if x.startswith(f"{path}:{line}:") and what in x],
                    f"line {line} with {what}", said)


@case("a port in use: the address in the log, an exit that is not 0, no half-started process")
def port_in_use():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        hexlag = Hexlag("port", world.bootstrap, port=taken.getsockname()[1])
        wait_until(lambda: not hexlag.alive(), "an exit")
        expect_that(hexlag.process.returncode in (1, 2), "exit code 1 or 2",
                    hexlag.process.returncode)
        expect(len(hexlag.log_lines(f"127.0.0.1:{hexlag.port}.*in use")), 1,
               "log lines that name the port")


if __name__ == "__main__":
    main(set_up)
