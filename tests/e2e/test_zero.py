#!/usr/bin/env -S python3 -B
"""To zero and back (minReplicas 0), with a broker that is lost at the worst moments.

To zero only after a complete observation of no lag at all times of the cooldown; back on the first
record; and unknown is not zero.
"""

import time

from scaling import FAST, GROUP, LASTING, PATIENT, RATE, Stage, main_to_sigterm, note
from world import World, case, expect, expect_that, wait_equal, wait_until

COOLDOWN = 2   # seconds; doubled each time that a target is woken soon after, up to eight times
LONGEST = 8 * COOLDOWN
SECONDS = 10   # "at once" on a machine that has much to do; the next reading comes after 15
UNKNOWN = "LagUnknown LagStale"

world = World()


def set_up():
    global stage, started
    world.ready()
    stage = Stage(world, low=0, **{**PATIENT, "cooldown": f"{COOLDOWN}s"})
    started = stage.started


def goes_to_zero(start):
    """Waits until it is awake and then asleep, and for the end of its pods; the time when it fell
    asleep."""
    awake = stage.watch.await_event(lambda e: e.size > 0, start)
    at = stage.watch.await_event(lambda e: e.size == 0 and e.generation > awake.generation, start,
                                 60 + LONGEST).when
    stage.kubelet.wait_pods(0)
    expect({step[0] for step in stage.scaled() if step[2] == 0}, {"ScaleToZero"}, "reasons")
    return at


def drained_since():
    """Waits for a lag of 0 on complete data; the time just before it was first seen."""
    seen = time.time()

    def drained():
        nonlocal seen
        before, lag = time.time(), stage.lag()
        seen = before
        return lag == 0
    wait_until(drained, "no lag", 60)
    return seen - 0.5  # an interval: hexlag knows it before it is scraped


@case("without lag the target goes to zero, not before the cooldown is over")
def to_zero():
    at = goes_to_zero(0)
    expect_that(at - started >= COOLDOWN, f"at least {COOLDOWN} s after its start", at - started)
    expect(stage.watch.sizes(), [1, 0], "sizes")
    stage.check()


@case("the first record wakes it at once; then it sleeps again, after a cooldown with no lag")
def first_record():
    start, began = stage.watch.mark(), time.time()
    stage.produce(1)
    up = stage.wait_size(1, start=start) - began
    wait_equal(lambda: stage.scaled()[-1][0], "Activated", "reason")
    expect_that(up < SECONDS, f"awake within {SECONDS} s", up)
    zero_lag = drained_since()
    at = goes_to_zero(start)
    expect_that(at - zero_lag >= COOLDOWN, f"{COOLDOWN} s without lag before", at - zero_lag)
    note(f"awake after {up:.2f} s, asleep {at - zero_lag:.1f} s after the lag was 0")
    expect(stage.watch.sizes(start), [0, 1, 0], "sizes")
    stage.check()


@case("a burst wakes it to the size that the lag asks for")
def burst_wakes():
    start = stage.watch.mark()
    up, down = stage.burst(60 + LONGEST)
    expect([stage.watch.sizes(start)[i] for i in (0, 1, -1)], [0, stage.high, 0], "sizes")
    note(f"maxReplicas after {up:.2f} s, zero after {down:.1f} s")
    stage.check()


@case("at zero with the only broker gone nothing is known, and nothing is written")
def asleep_without_broker():
    start = stage.watch.mark()
    world.broker("stop", 1)
    stage.decided(UNKNOWN, 5, 60)
    world.broker("start", 1)
    stage.decided("DesiredWithinRange", 3, 60)
    expect(stage.watch.sizes(start), [0], "sizes")
    stage.check()


@case("the broker killed in mid-burst: the size is held, neither raised nor lowered; then it drains")
def killed_in_burst():
    start = stage.watch.mark()
    stage.produce(LASTING)
    stage.wait_size(stage.high, start=start)
    stage.kubelet.wait_pods(stage.high)
    wait_until(lambda: 0 < (stage.lag() or 0) < LASTING - 10 * RATE, "it is being drained", 60)
    world.broker("kill", 1)
    stage.decided(UNKNOWN, 1)
    held = stage.watch.mark()
    stage.decided(UNKNOWN, 5, 60)
    expect([e for e in stage.watch.since(held) if e.size != stage.high], [], "sizes while not known")
    wait_equal(lambda: stage.hexlag.get("/readyz")[0], 503, "/readyz")
    stage.kubelet.handle(FAST)
    world.broker("start", 1)
    began = time.time()
    zero_lag = drained_since()
    at = goes_to_zero(held)
    stage.kubelet.handle(RATE)
    expect_that(at - zero_lag >= COOLDOWN, f"{COOLDOWN} s without lag before", at - zero_lag)
    note(f"no lag {zero_lag - began:.1f} s after the broker was back, zero {at - zero_lag:.1f} s later")
    stage.check()


@case("the broker killed within the cooldown: not to zero, as not known is not zero")
def killed_before_zero():
    start = stage.watch.mark()
    stage.produce(1)
    stage.wait_size(1, start=start)
    drained_since()
    world.broker("kill", 1)
    stage.decided(UNKNOWN, 1)
    killed = time.time()
    wait_until(lambda: time.time() - killed > LONGEST + 2, "more than the longest cooldown", LONGEST + 9)
    expect(stage.watch.sizes(start), [0, 1], "sizes")
    world.broker("start", 1)
    zero_lag = drained_since()
    at = goes_to_zero(start)
    expect_that(at - zero_lag >= COOLDOWN, "a whole cooldown of zero lag anew", at - zero_lag)
    note(f"zero {at - zero_lag:.1f} s after no lag was known again")
    stage.check()


@case("with the API server stopped the first record waits; it wakes the target when it is back")
def woken_late():
    start = stage.watch.mark()
    world.apiserver("stop")
    stage.produce(1)
    wait_until(lambda: stage.errors() >= 2, "failed requests")
    world.apiserver("start")
    back = time.time()
    up = stage.wait_size(1, 30, start) - back
    note(f"awake {up:.1f} s after the API server was ready")
    goes_to_zero(start)
    stage.check()


@case("asleep for so long that Kafka forgot the group: the next record wakes it all the same")
def commits_expired():
    start = stage.watch.mark()
    world.kafka_tool("ConsumerGroupCommand", "--bootstrap-server", world.bootstrap, "--delete",
                     "--group", GROUP)
    wait_until(lambda: "no records since there was no lag" in stage.hexlag.get("/api/v1/decisions")[1],
               "that nothing came since")
    expect(stage.watch.sizes(start), [0], "sizes while nothing comes")
    stage.kubelet.handle(FAST)  # consumers without a commit read all there is
    stage.produce(1)
    stage.wait_size(1, start=start)
    wait_equal(lambda: stage.scaled()[-1][0], "Activated", "reason")
    goes_to_zero(start)
    stage.check()


if __name__ == "__main__":
    main_to_sigterm(set_up, lambda: stage)
