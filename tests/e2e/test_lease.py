#!/usr/bin/env -S python3 -B
"""Candidates of ours and of client-go for one Lease on a real API server, with the default times.

Ours is tests/tools/elect, client-go's tests/world/elector; both print a line with the time whenever
they act. In the end no two ever acted at once.
"""

import os
import re
import signal
import time

from world import (ROOT, Background, Failure, Skip, World, case, expect, expect_that, main, namespace,
                   run, wait_equal, wait_until)

ELECT = os.environ.get("ELECT", ROOT + "/build/tests/tools/elect")
CLEAN = 5     # seconds in which another leads after a clean stop
CRASH = 20    # and after a crash
PEER = 25     # where client-go is to notice it: 15, 4.4 since it saw a renewal, 4.4 to its next look
LEASE = 15
DEADLINE = 10

world = World("--brokers", "0")
candidates = []
elector = None


def set_up():
    global elector
    built = run(ROOT + "/tests/world/build", "elector", check=False, timeout=900)
    if built.returncode == 3:
        raise Skip(built.stderr.strip().splitlines()[-1])
    if built.returncode:
        raise Failure(built.stderr[-2000:])
    elector = built.stdout.strip() + "/elector"
    world.ready()
    world.apply(namespace())


class Candidate(Background):
    """`lease` is the name of the Lease in namespace shop."""

    def __init__(self, name, program, kubeconfig, lease="hexlag"):
        super().__init__(name, program, kubeconfig, "shop", lease, name)
        self.name = name
        candidates.append(self)

    def times(self, what):
        """Seconds at which it said so."""
        return [int(line.split()[1]) / 1000 for line in self.log_lines(rf"^{what} \d+$")]

    def leads(self):
        """It acted just now."""
        acts = self.times("acting")
        return acts and time.time() - acts[-1] < 0.5

    def acts_after(self, moment, within):
        """Waits until it acts; returns how many seconds after the moment."""
        acts = wait_until(lambda: [t for t in self.times("acting") if t > moment],
                          f"{self.name} acts", moment + within + 2 - time.time())
        expect_that(acts[0] - moment < within, f"{self.name} acts in {within} s", acts[0] - moment)
        return acts[0] - moment


def ours(name, **options):
    return Candidate(name, ELECT, world.hexlag_kubeconfig, **options)


def theirs(name, **options):
    return Candidate(name, elector, world.vars["KUBECONFIG"], **options)


def named(name):
    return next(c for c in candidates if c.name == name)


def grant(verbs):
    world.apply(
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
         "metadata": {"namespace": "shop", "name": "lease"},
         "rules": [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
                    "verbs": verbs}]},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
         "metadata": {"namespace": "shop", "name": "lease"},
         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "lease"},
         "subjects": [{"kind": "ServiceAccount", "namespace": "hexlag", "name": "hexlag-scaler"}]})


def spec(lease="hexlag"):
    return world.get(lease, "lease")["spec"]


def state(lease="hexlag"):
    return world.get(lease, "lease")["metadata"]["annotations"]["autoscaling.hexfuture.net/state"]


def stays_following(candidate, seconds):
    """It keeps asking, and does not act: as long as a fast takeover would take."""
    acted = len(candidate.times("acting"))
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end or len(candidate.times("acting")) > acted,
               "the time is over", seconds + 5)
    expect(len(candidate.times("acting")) - acted, 0, f"acts of {candidate.name}")


@case("without the rights it does not lead, and says which verb is missing")
def rights():
    first = ours("first")
    first.wait_log("it takes the verb get on leases of coordination.k8s.io in namespace 'shop'")
    grant(["get"])
    first.wait_log("it takes the verb create on leases of coordination.k8s.io in namespace 'shop'")
    expect(first.times("acting"), [], "acts")
    grant(["get", "create", "update"])
    first.acts_after(time.time(), 6)
    said = len(first.log_lines("it takes the verb"))
    expect_that(said <= 3, "each is said once", said)
    expect((spec()["holderIdentity"], spec()["leaseDurationSeconds"], spec()["leaseTransitions"]),
           ("first", 15, 0), "holder, duration, transitions")
    expect_that(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", spec()["renewTime"]),
                "six digits", spec()["renewTime"])


@case("while ours leads client-go follows, and has it in 5 s after a clean stop")
def clean_stop():
    first = named("first")
    peer = theirs("peer")
    peer.wait_log("leader first")
    stays_following(peer, 6)
    expect_that(first.leads(), "the first still leads", first.log()[-500:])
    moment = time.time()
    code, _ = first.stop()
    expect(code, 0, "exit code")
    took = peer.acts_after(moment, CLEAN)
    print(f"# client-go led {took:.1f} s after a clean stop of ours")
    expect(spec()["leaseTransitions"], 1, "transitions")


@case("while client-go leads ours follows, and has it in 5 s after a clean stop")
def clean_stop_of_theirs():
    peer = named("peer")
    second = ours("second")
    second.wait_log("'peer' leads")
    stays_following(second, 6)
    moment = time.time()
    peer.stop()
    took = second.acts_after(moment, CLEAN)
    print(f"# ours led {took:.1f} s after a clean stop of client-go's")
    second.wait_log("^state left by first")


@case("ours is killed: client-go has it, and not before the lease is over")
def kill_ours():
    second = named("second")
    peer = theirs("peer2")
    peer.wait_log("leader second")
    moment = time.time()
    second.signal(signal.SIGKILL)
    took = peer.acts_after(moment, PEER)
    print(f"# client-go led {took:.1f} s after ours was killed")
    expect_that(took > LEASE - 3, "the lease is respected", took)


@case("client-go is killed: ours has it in 20 s, and not before the lease is over")
def kill_theirs():
    peer = named("peer2")
    third = ours("third")
    third.wait_log("'peer2' leads")
    moment = time.time()
    peer.signal(signal.SIGKILL)
    took = third.acts_after(moment, CRASH)
    print(f"# ours led {took:.1f} s after client-go's was killed")
    expect_that(took > LEASE - 3, "the lease is respected", took)


@case("ours is stopped past its lease: going on it does not lead, before it has asked anybody")
def frozen():
    third = named("third")
    peer = theirs("peer3")
    peer.wait_log("leader third")
    wait_equal(state, "left by third", "state, which goes with a renewal")
    moment = time.time()
    third.signal(signal.SIGSTOP)
    peer.acts_after(moment, PEER)
    acted = len(third.times("acting"))
    # It cannot ask: whatever it does in the first moments it does by its clock.
    world.apiserver("pause")
    third.signal(signal.SIGCONT)
    third.wait_log("no longer leading: the last renewal is")
    stays_following(third, 2)
    world.apiserver("resume")
    third.wait_log("'peer3' leads")
    expect(len(third.times("acting")), acted, "acts since it was stopped")
    moment = time.time()
    peer.stop()
    third.acts_after(moment, CLEAN)
    third.wait_log("^state left by third")


@case("an API server that hangs ends leading at the deadline, until it is back")
def hanging():
    third = named("third")
    transitions = spec()["leaseTransitions"]
    moment = time.time()
    world.apiserver("pause")
    try:
        lost = wait_until(lambda: [t for t in third.times("following") if t > moment],
                          "it ceases to lead", DEADLINE + 5)
    finally:
        world.apiserver("resume")
    expect_that(lost[0] - moment < DEADLINE + 0.5, "within the deadline", lost[0] - moment)
    third.acts_after(lost[0], CRASH)
    expect(spec()["leaseTransitions"], transitions, "transitions: nobody else has led")


@case("someone who edits the Lease does not disturb the leader, nor it their annotation")
def edited():
    third = named("third")
    world.kubectl("-n", "shop", "annotate", "lease", "hexlag", "note=keep")
    before = spec()["renewTime"]
    wait_until(lambda: spec()["renewTime"] > before, "a renewal")
    expect(world.get("hexlag", "lease")["metadata"]["annotations"]["note"], "keep", "annotation")
    expect_that(third.leads(), "it still leads", third.log()[-500:])
    world.kubectl("-n", "shop", "delete", "lease", "hexlag")
    third.wait_log("no longer leading: the Lease was deleted")
    third.acts_after(time.time(), CLEAN)


@case("no two ever acted at once")
def never_two():
    named("third").stop()
    acts = []
    for candidate in candidates:
        term = 0
        for line in candidate.log_lines(r"^(leading|acting) \d+$"):
            what, at = line.split()
            term += what == "leading"
            if what == "acting":
                acts.append((int(at), candidate.name, term))
    runs = []
    for _, name, term in sorted(acts):
        if not runs or runs[-1] != (name, term):
            runs.append((name, term))
    expect_that(len(runs) >= 8, "several terms", runs)
    expect(len(set(runs)), len(runs), f"terms in one piece each, of {runs}")


main(set_up)
