"""What the proofs of the scaler share: one Deployment whose pods consume, and what must always hold."""

import re
import time

from kubelet import Kubelet
from watch import Watch
from world import (Hexlag, case, expect, expect_that, main, namespace, rule, wait_equal, wait_until,
                   workload)

TOPIC, GROUP, APP, PARTITIONS = "orders", "workers", "orders", 12
TARGET = "shop/Deployment/orders"
MIN, MAX = 2, 6
THRESHOLD = 100
RATE = 40      # records per second that one pod handles
FAST = 100000  # the same once a burst has shown what it is for
LASTING = 20000  # records, more than two pods handle in four minutes, or six in one
HOLD = 6       # seconds that a rollout or a rebalance may hold a size

# What lets a rule follow the lag at once: neither windows nor rates.
# The pods are real, so the group is waited for.
PATIENT = {"cooldown": "1s", "holdLimit": f"{HOLD}s", "behavior": {
    "scaleUp": {"policies": [{"type": "Pods", "value": 100, "periodSeconds": 1}]},
    "scaleDown": {"stabilizationWindowSeconds": 0}}}

SCALED = re.compile(r"(\w+): scaled from (\d+) to (\d+) replicas: (.*)")


def at_once(**options):
    return rule(APP, [(GROUP, TOPIC, THRESHOLD)],
                **{"policy": "perReplica", "minReplicas": MIN, "maxReplicas": MAX, **PATIENT,
                   **options})


class Stage:
    """A Deployment, its pods, the watch on it and hexlag, from the beginning of a file to its end."""

    def __init__(self, world, low=MIN, high=MAX, kubeconfig=None, partitions=PARTITIONS,
                 replication=1, interval="1s", scaler=None, **options):
        self.world, self.low, self.high = world, low, high
        world.create(TOPIC, partitions, replication)
        world.traffic("commit", GROUP, TOPIC, *[0] * partitions)
        world.grant_hexlag()
        world.apply(namespace(), workload(APP, replicas=max(low, 1)))
        self.watch = Watch(world, APP, lasting=True)
        self.kubelet = Kubelet(world, APP, GROUP, TOPIC, RATE)
        self.kubelet.wait_pods(max(low, 1))
        self.started = time.time()
        self.rule = at_once(minReplicas=low, maxReplicas=high, **options)
        self.interval, self.scaler = interval, scaler
        self.hexlag = self.start("hexlag", kubeconfig or world.hexlag_kubeconfig)
        wait_until(lambda: self.reasons(), "a decision")

    def start(self, name, kubeconfig):
        """One more hexlag with the same rule."""
        hexlag = Hexlag(name, self.world.bootstrap, [self.rule], kubeconfig, interval=self.interval,
                        timeout="3s", scaler=self.scaler)
        hexlag.wait_ready()
        return hexlag

    # --- what hexlag says ---

    def count(self, name, **labels):
        return sum(self.hexlag.metrics().all(name, **labels).values())

    def reasons(self):
        """Decisions so far, by reason."""
        found = self.hexlag.metrics().all("hexlag_scaler_decisions_total", target=TARGET)
        return {dict(labels)["reason"]: n for labels, n in found.items()}

    def decided(self, which, more=2, deadline=30):
        """Waits for `more` further decisions for one of these reasons."""
        def sum_of(reasons):
            return sum(n for reason, n in reasons.items() if reason in which.split())
        before = sum_of(self.reasons())
        wait_until(lambda: sum_of(self.reasons()) >= before + more, f"{more} times {which}", deadline)

    def requests(self, outcome):
        return self.count("hexlag_kube_requests_total", outcome=outcome)

    def errors(self):
        return self.count("hexlag_scaler_errors_total", target=TARGET)

    def writes(self):
        return self.count("hexlag_scaler_writes_total", target=TARGET)

    def scaled(self):
        """(reason, from, to, detail) of each write that was logged."""
        return [(m[1], int(m[2]), int(m[3]), m[4])
                for m in map(SCALED.search, self.hexlag.log_lines(f"{TARGET}: ")) if m]

    def lag(self):
        """Of the group, as hexlag exports it; None: not known in full."""
        m = self.hexlag.metrics()
        if m.one("hexlag_consumergroup_lag_quality", consumergroup=GROUP, topic=TOPIC) != 3:
            return None
        return sum(m.lag(GROUP, TOPIC).values())

    # --- what is done to it ---

    def produce(self, count):
        self.world.traffic("produce", TOPIC, count)

    def wait_size(self, size, deadline=30, start=0):
        return self.watch.await_size(lambda seen: seen == size, start, deadline)

    def converges(self, deadline=60):
        """All is drained, and the size is what no lag asks for."""
        wait_equal(self.lag, 0, "lag", deadline)
        wait_equal(self.watch.size, self.low, "replicas without lag", deadline)

    def drains(self, deadline=60):
        """The same, with pods that handle all that is left at once."""
        self.kubelet.handle(FAST)
        try:
            self.converges(deadline)
        finally:
            self.kubelet.handle(RATE)

    def burst(self, deadline=60, count=None, ends=None):
        """Enough records for all pods: the size goes to the most and, drained, to the least. Seconds
        that each of both took."""
        start, began = self.watch.mark(), time.time()
        self.produce(count or self.high * THRESHOLD * 3)
        up = self.wait_size(self.high, deadline, start) - began
        (ends or self.drains)(deadline)
        return up, time.time() - began

    # --- what must hold ---

    def check(self):
        """At the end of each case."""
        self.watch.check(self.low, self.high)
        expect_that(self.hexlag.alive(), "the same process", self.hexlag.log()[-2000:])
        expect(self.kubelet.error, None, "error of the pods")
        bad = self.hexlag.metrics().all("hexlag_scaler_bad_data_writes_total")
        expect({n for n in bad.values() if n}, set(), "writes on bad data")
        for reason, begin, to, detail in self.scaled():
            expect_that(to >= begin or " at least " not in f" {detail}",
                        "no lowering on part of the lag", (reason, begin, to, detail))
            expect_that("unknown" not in detail and "stale" not in detail,
                        "no write on data that is not there", (reason, begin, to, detail))

    def stop(self):
        self.kubelet.stop()
        expect(self.hexlag.stop()[0], 0, "exit code")


def main_to_sigterm(set_up, stage):
    """main() of a file whose last case is the end of the one hexlag; stage() is its Stage."""
    @case("SIGTERM ends it with exit code 0")
    def _end():
        stage().check()
        stage().stop()
    main(set_up)


def note(text):
    """A figure for the reader of the output."""
    print(f"# {text}", flush=True)
