#!/usr/bin/env -S python3 -B
"""The closed loop on the real control plane: bursts, a minute without API server, rolling updates.

Each pod of the Deployment is a consumer. A watch sees every size from the first to the last.
"""

import time

from scaling import APP, HOLD, LASTING, TARGET, THRESHOLD, Stage, main_to_sigterm, note
from world import World, case, expect, expect_that, wait_equal, wait_until

OUTAGE = 60   # seconds without an API server
SECONDS = 10  # "at once" on a machine that has much to do; the next reading comes after 15

world = World()


def set_up():
    global stage
    world.ready()
    stage = Stage(world)


@case("a burst raises to maxReplicas, in one go and at once; drained it goes back to minReplicas")
def burst_and_drain():
    start = stage.watch.mark()
    up, down = stage.burst(ends=stage.converges)
    note(f"maxReplicas {up:.2f} s after the burst began, minReplicas {down:.1f} s")
    sizes = stage.watch.sizes(start)
    expect(sizes[:2], [stage.low, stage.high], "the first step")
    expect_that(up < SECONDS, f"the raise within {SECONDS} s", up)
    stage.check()


@case("what is written is logged, counted and watched alike")
def told_alike():
    wait_equal(lambda: stage.watch.size(), stage.low, "replicas")
    steps = stage.scaled()
    expect(stage.watch.sizes(), [steps[0][1]] + [to for _, _, to, _ in steps], "sizes")
    expect(stage.writes(), len(steps), "hexlag_scaler_writes_total")
    expect(stage.watch.since()[-1].generation, 1 + len(steps), "generation")
    expect(stage.requests("ok") > 0, True, "requests that went well")


@case("a burst in the midst of another's drain: bounds are kept, and it settles in the end")
def bursts():
    for _ in range(3):
        start, most = stage.watch.mark(), stage.high * THRESHOLD * 2
        stage.produce(most)
        stage.wait_size(stage.high)
        wait_until(lambda: 0 < (stage.lag() or 0) < most / 2, "half of it drained", 60)
    note(f"sizes: {stage.watch.sizes(start)}")
    stage.drains()
    writes = stage.writes()
    stage.decided("DesiredWithinRange TooFewReplicas ScaleDownStabilized", 6)
    expect(stage.writes(), writes, "writes once settled")
    stage.check()


@case("a rolling update with surge: more pods than spec.replicas are never written back")
def rollout_with_surge():
    stage.kubelet.delay = 2
    stage.produce(20)
    start, writes = stage.watch.mark(), stage.writes()
    world.kubectl("-n", "shop", "rollout", "restart", f"deployment/{APP}")
    surged = stage.watch.await_event(lambda e: e.pods > e.size, start)
    note(f"{surged.pods} pods of {surged.size}")
    world.kubectl("-n", "shop", "rollout", "status", f"deployment/{APP}", "--timeout=60s")
    stage.converges()
    expect(stage.watch.sizes(start), [stage.low], "sizes during the update")
    expect(stage.writes(), writes, "writes")
    stage.check()


@case("a burst during a rolling update is answered, by the size in the spec")
def burst_in_rollout():
    start = stage.watch.mark()
    world.kubectl("-n", "shop", "rollout", "restart", f"deployment/{APP}")
    stage.watch.await_event(lambda e: e.pods > e.size, start)
    up, down = stage.burst(120)
    note(f"maxReplicas after {up:.1f} s, minReplicas after {down:.1f} s")
    world.kubectl("-n", "shop", "rollout", "status", f"deployment/{APP}", "--timeout=60s")
    expect(stage.watch.size(), stage.low, "replicas")
    stage.check()
    stage.kubelet.delay = 0


@case("an update that never becomes ready: the surge stays, but does not hold the size for ever")
def stuck_rollout():
    stage.kubelet.delay = 10000
    start = stage.watch.mark()
    world.kubectl("-n", "shop", "rollout", "restart", f"deployment/{APP}")
    stage.watch.await_event(lambda e: e.pods > e.size, start)
    # As long as pods are on their way the size may be held: the records must not be gone by then.
    up, down = stage.burst(150, LASTING)
    note(f"maxReplicas after {up:.1f} s, minReplicas after {down:.1f} s")
    expect_that(up < HOLD + 15, f"the raise within {HOLD + 15} s", up)
    expect_that(stage.watch.since()[-1].pods > stage.low, "the surge still there",
                stage.watch.since()[-1])
    expect(stage.watch.sizes(start)[:2], [stage.low, stage.high], "the first step")
    stage.check()
    stage.kubelet.delay = 0
    world.kubectl("-n", "shop", "rollout", "undo", f"deployment/{APP}")
    world.kubectl("-n", "shop", "rollout", "status", f"deployment/{APP}", "--timeout=60s")


# The last one: after it the controllers come back later than hexlag, and rollouts with them.
@case("the API server is stopped for a minute while lag grows: seconds after it the size is right")
def outage():
    start, cpu = stage.watch.mark(), stage.hexlag.cpu_seconds()
    lines = len(stage.hexlag.log_lines(TARGET))
    world.apiserver("stop")
    began = time.monotonic()
    stage.produce(LASTING)
    wait_until(lambda: stage.lag(), "lag that goes on being shown")
    wait_until(lambda: time.monotonic() - began > OUTAGE, "a minute", OUTAGE + 5)
    expect(stage.watch.sizes(start), [stage.low], "sizes meanwhile")
    told = stage.hexlag.log_lines(TARGET)[lines:]
    expect_that(len(told) <= 5, "at most 5 log lines in a minute", told)
    spent = stage.hexlag.cpu_seconds() - cpu
    expect_that(spent < 2, "under 2 s of CPU in a minute", spent)
    expect(stage.hexlag.get("/readyz")[0], 200, "/readyz, which is about Kafka")
    world.apiserver("start")
    back = time.time()
    up = stage.wait_size(stage.high, 60, start) - back
    note(f"maxReplicas {up:.1f} s after the API server was ready; {len(told)} log lines, "
         f"{spent:.2f} s of CPU")
    expect_that(up < SECONDS, f"within {SECONDS} s", up)
    stage.drains(120)
    expect(stage.watch.sizes(start)[:2], [stage.low, stage.high], "the first step")
    stage.check()


if __name__ == "__main__":
    main_to_sigterm(set_up, lambda: stage)
