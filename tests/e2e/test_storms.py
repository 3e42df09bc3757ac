#!/usr/bin/env -S python3 -B
"""Storms on the scale of one Deployment: other clients that write 50 times a second, and
one that takes back what is written."""

import http.client
import itertools
import re
import threading
import time

from kubeapi import KubeApi
from scaling import APP, LASTING, TARGET, Stage, main_to_sigterm, note
from world import World, case, expect, expect_that, wait_equal, wait_until

DEPLOYMENT = f"/apis/apps/v1/namespaces/shop/deployments/{APP}"
PERIOD = 0.02   # of the storms, in seconds
STORM = 500     # writes, so 10 s at least

world = World()


def set_up():
    global stage
    world.ready()
    stage = Stage(world)


class Storm:
    """Another client that writes one body after the other to one path, until it is stopped."""

    def __init__(self, path, bodies):
        self.path, self.bodies = path, itertools.cycle(bodies)
        self.api = KubeApi(world)
        self.statuses = []
        self.began = time.monotonic()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._blow, daemon=True)
        self.thread.start()

    def _blow(self):
        due = time.monotonic()
        while not self.stopped.wait(max(0, due - time.monotonic())):
            due = max(due + PERIOD, time.monotonic() - PERIOD)
            try:
                self.statuses.append(self.api.merge(self.path, next(self.bodies)))
            except (OSError, http.client.HTTPException):
                self.statuses.append(0)

    def wait_writes(self, count):
        wait_until(lambda: len(self.statuses) >= count, f"{count} writes of the storm", 150)

    def stop(self):
        self.stopped.set()
        self.thread.join()
        ok = self.statuses.count(200)
        rate = ok / (time.monotonic() - self.began)
        note(f"the storm: {ok} writes, {rate:.0f} a second")
        expect_that(rate >= 3, "at least 3 writes a second, by a loaded machine", rate)


def said():
    """Log lines on the target. Those on Kafka are those of a machine that has much to do."""
    return stage.hexlag.log_lines(TARGET)


@case("other clients write annotations up to 50 times a second: the size is written through conflicts")
def annotations():
    conflicts, start = stage.requests("conflict"), stage.watch.mark()
    lines, writes = len(said()), stage.writes()
    bodies = [{"metadata": {"annotations": {"storm": str(i)}}} for i in range(100)]
    storms = [Storm(DEPLOYMENT, bodies), Storm(DEPLOYMENT, bodies)]
    # Whether a write falls between a reading and a write of hexlag is a matter of luck.
    for _ in range(8):
        up, down = stage.burst(120, LASTING)
        note(f"maxReplicas after {up:.2f} s, minReplicas after {down:.1f} s, "
             f"{stage.requests('conflict') - conflicts:.0f} conflicts")
        if stage.requests("conflict") > conflicts:
            break
    for storm in storms:
        storm.stop()
    sizes, told = stage.watch.sizes(start), said()[lines:]
    expect_that(stage.requests("conflict") > conflicts, "409s that are counted", conflicts)
    expect(sizes[:2], [stage.low, stage.high], "the first step")
    wait_equal(lambda: stage.writes() - writes, len(sizes) - 1, "writes")
    expect_that(len(told) <= 8 * len(sizes) + 5, "no flood of log lines", told)
    stage.check()


@case("another client writes sizes up to 50 times a second: bounds are kept, and there is no fight")
def sizes_storm():
    lines, writes, start = len(said()), stage.writes(), stage.watch.mark()
    stage.produce(LASTING)
    storm = Storm(DEPLOYMENT + "/scale", [{"spec": {"replicas": n}} for n in (3, 4, 5)])
    storm.wait_writes(STORM)
    storm.stop()
    ended, written, told = time.time(), stage.writes() - writes, said()[lines:]
    note(f"{written:.0f} writes of hexlag, {len(told)} log lines")
    expect_that(written <= 5, "at most 5 writes of hexlag meanwhile", written)
    expect_that(len(told) <= 30, "at most 30 log lines", told)
    up = stage.wait_size(stage.high, 90, start)
    note(f"maxReplicas {max(up - ended, 0):.1f} s after the storm")
    stage.drains(120)
    stage.check()


@case("another client takes each size back at once: told, left alone, and right after its end")
def taken_back():
    start, lines, writes = stage.watch.mark(), len(said()), stage.writes()
    stage.produce(LASTING)
    storm = Storm(DEPLOYMENT + "/scale", [{"spec": {"replicas": stage.low}}])
    stage.decided("Contended", 2, 120)
    contended, written = time.time(), stage.writes() - writes
    expect_that(written <= 3, "at most 3 writes before it gives way", written)
    contentions = [line for line in said()[lines:] if " Contended: somebody else " in line]
    expect(len(contentions), 1, "log lines on the contention")
    # Twice as long where the storm before was one, too.
    pause = 60 * int(re.search(r"so for (\d+) min", contentions[0])[1])
    expect_that(pause <= 120, "a minute, or two", contentions)
    stage.decided("Contended", 10)
    expect(stage.writes() - writes, written, "writes while contended")
    storm.stop()
    ended = time.time()
    mark = stage.watch.mark()
    up = stage.wait_size(stage.high, pause + 30, mark)
    note(f"contended after {written:.0f} writes; maxReplicas {up - ended:.1f} s after the other's end, "
         f"{up - contended:.1f} s after it was told; sizes {stage.watch.sizes(start)}")
    expect_that(up - contended < pause + 30, "no longer than that and a reading", up - contended)
    stage.hexlag.wait_log(f"{TARGET}: ContentionEnded")
    stage.drains(150)
    stage.check()


if __name__ == "__main__":
    main_to_sigterm(set_up, lambda: stage)
