#!/usr/bin/env -S python3 -B
"""Two processes with one rule and a Lease: the leader is killed, or stopped, in the midst of a write.

Each has a proxy to the API server of its own, which holds back the write of a size until another one
leads.
"""

import signal
import threading
import time

from kubeproxy import KubeProxy, kubeconfig
from scaling import LASTING, Stage, note
from world import World, case, expect, expect_that, main, wait_equal, wait_until

LEASE = {"leader_election": {"enabled": True, "namespace": "hexlag", "name": "hexlag-scaler"}}
# Seconds in which another one leads, on a machine that has much to do; test_lease.py is exact.
CRASH, CLEAN = 30, 10

world = World()


class Process:
    """One hexlag and its proxy."""

    def __init__(self, name):
        self.name, self.proxy, self.hexlag = name, KubeProxy(world), None
        self.kubeconfig = kubeconfig(name, self.proxy.url,
                                     {"token": world.vars["HEXLAG_WORLD_TOKEN"]})

    def start(self):
        self.hexlag = stage.start(f"{self.name}-{time.time():.0f}", self.kubeconfig)
        return self

    def leads(self):
        return self.hexlag.metrics().one("hexlag_leader") == 1

    def puts(self, since):
        return [r for r in self.proxy.since(since) if r.method == "PUT"]


def set_up():
    global stage, first, second
    world.ready()
    world.grant_hexlag()
    first, second = Process("first"), Process("second")
    stage = Stage(world, kubeconfig=first.kubeconfig, scaler=LEASE)
    first.hexlag = stage.hexlag
    wait_until(first.leads, "the first one leads")
    second.start()


def hold_write(leader):
    """A burst, and the leader's answer to it on the way. Returns what releases it."""
    released, holds = threading.Event(), []

    def hold(method, path):
        if method != "PUT" or "/scale" not in path or holds:
            return None
        holds.append(path)
        return released
    leader.proxy.fault = hold
    # The hold lasts as long as a lease: two pods must not be done by then.
    stage.produce(LASTING)
    wait_until(lambda: holds, "a write on its way")
    return released


def takes_over(other, start, began):
    """The other one leads and answers the burst."""
    wait_until(other.leads, "another leader", CRASH + 5)
    led = time.time() - began
    stage.hexlag = other.hexlag
    up = stage.wait_size(stage.high, 30, start) - began
    note(f"another leads after {led:.1f} s, maxReplicas after {up:.1f} s")
    expect_that(led < CRASH, f"another leader within {CRASH} s", led)


def refused(leader, since):
    """What was held back reaches the API server at last, and is refused."""
    wait_equal(lambda: [r.status for r in leader.puts(since)][:1], [409], "the answer to the late write")
    leader.proxy.fault = None


@case("two processes: the one that leads answers a burst, the other writes nothing")
def one_leads():
    began = time.time()
    up, down = stage.burst(90)
    note(f"maxReplicas after {up:.2f} s, minReplicas after {down:.1f} s")
    expect(second.puts(0), [], "writes of the other")
    expect(second.leads(), False, "whether the other leads")
    expect_that(first.puts(began), "writes of the leader", first.puts(began))
    stage.check()


@case("the leader killed in mid-write: another one takes over and decides; the late write is refused")
def killed():
    start, since = stage.watch.mark(), time.time()
    released = hold_write(first)
    first.hexlag.signal(signal.SIGKILL)
    takes_over(second, start, time.time())
    released.set()
    refused(first, since)
    stage.drains(120)
    sizes = stage.watch.sizes(start)
    expect(sizes[:2], [stage.low, stage.high], "the first step")
    expect(len(second.puts(since)) >= len(sizes) - 1, True, "all writes by the new leader")
    stage.check()


@case("the leader stopped in mid-write and woken when another one leads: it writes no more")
def stopped():
    first.start()
    start, since = stage.watch.mark(), time.time()
    released = hold_write(second)
    second.hexlag.signal(signal.SIGSTOP)
    takes_over(first, start, time.time())
    woken = time.time()
    second.hexlag.signal(signal.SIGCONT)
    released.set()
    refused(second, since)
    stage.drains(120)
    expect([r for r in second.puts(woken)], [], "writes of the one that led before")
    expect(second.leads(), False, "whether it leads")
    expect(stage.watch.sizes(start)[:2], [stage.low, stage.high], "the first step")
    stage.check()


@case("SIGTERM of the leader: the other leads before the lease is over, and answers a burst")
def handed_over():
    began = time.time()
    expect(first.hexlag.stop()[0], 0, "exit code")
    wait_until(second.leads, "the other one leads", CLEAN + 5)
    led = time.time() - began
    expect_that(led < CLEAN, f"within {CLEAN} s", led)
    stage.hexlag = second.hexlag
    wait_until(lambda: stage.reasons(), "a decision")
    up, _ = stage.burst(90)
    note(f"another leads after {led:.1f} s; then maxReplicas {up:.2f} s after a burst")
    stage.check()
    stage.stop()


if __name__ == "__main__":
    main(set_up)
