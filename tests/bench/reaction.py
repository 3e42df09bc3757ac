"""Reaction: from a burst in Kafka to the size in the API server."""

import datetime
import random
import re
import statistics
import subprocess
import time

from figures import spread
from watch import Watch
from world import (TRAFFIC, Failure, Hexlag, World, namespace, rule, wait_until, workload)

TOPIC, GROUP, PARTITIONS, TARGET = "orders", "workers", 12, "orders"
MIN, MAX = 2, 10
RECORDS, THRESHOLD = 240, 5  # enough for MAX at once
INTERVALS = (("1s", 1.0), ("200ms", 0.2))
KEDA = {"median": 8.2, "worst": 14.0}  # KEDA 2.21 and HPA, defaults, measured in the same way


class Producer:
    """One long-lived producer; its answer to a burst are the times at which it was sent."""

    def __init__(self, world, topic=TOPIC):
        self.process = subprocess.Popen([TRAFFIC, "-b", world.bootstrap, "burst", topic], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.sent = 0

    def burst(self, count):
        """Seconds of the wall clock: before the first record, at the last acknowledgement."""
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"traffic burst ended: {self.process.wait()}")
        self.sent += count
        return [int(us) / 1e6 for us in line.split()]

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def pause_until(deadline):
    """Nothing is waited for here: the phase of a burst is chosen, not observed."""
    time.sleep(max(0, deadline - time.monotonic()))


def phases(count):
    """Random parts of an interval in random order, one in each of `count` equal slices: the same
    expectation as drawing freely, without the luck of the draw in the median."""
    drawn = [(i + random.random()) / count for i in range(count)]
    random.shuffle(drawn)
    return drawn


def logged_raise(hexlag, since):
    """When hexlag logged its write: the first one to leave MIN after `since`."""
    def found():
        for line in hexlag.log_lines(f"scaled from {MIN} to "):
            stamp = datetime.datetime.strptime(line.split()[0], "%Y-%m-%dT%H:%M:%S.%f%z")
            if stamp.timestamp() >= since - 0.001:
                return stamp.timestamp()
        return None
    return wait_until(found, "hexlag's log line on the write", 10)


def one_burst(world, hexlag, watch, producer, pause_s):
    """(reaction, the same to MAX, watch behind log, duration of the burst) in seconds."""
    world.traffic("commit", GROUP, TOPIC, *[producer.sent // PARTITIONS] * PARTITIONS)
    wait_until(lambda: watch.size() == MIN, f"{MIN} replicas")
    pause_until(time.monotonic() + pause_s)
    start = watch.mark()
    began, acknowledged = producer.burst(RECORDS)
    raised = watch.await_size(lambda size: size > MIN, start)
    full = watch.await_size(lambda size: size == MAX, start)
    return (raised - acknowledged, full - acknowledged, raised - logged_raise(hexlag, began),
            acknowledged - began)


def measure_interval(report, world, watch, producer, interval, seconds, bursts):
    hexlag = Hexlag(f"reaction-{interval}", world.bootstrap,
                    [rule(TARGET, [(GROUP, TOPIC, THRESHOLD)], minReplicas=MIN, maxReplicas=MAX,
                          cooldown="0s")],
                    world.vars["KUBECONFIG"], interval=interval)
    hexlag.wait_ready()
    # Not counted: every connection is open and every library initialized after it.
    one_burst(world, hexlag, watch, producer, 2 * seconds)
    measured = [one_burst(world, hexlag, watch, producer, (1 + phase) * seconds)
                for phase in phases(bursts)]
    hexlag.stop()
    reaction, full, behind, sending = ([m[i] for m in measured] for i in range(4))
    spread(report, f"interval {interval}", reaction, "s",
           {"median": seconds / 2 + 0.1, "worst": seconds + 0.3}, KEDA)
    early = sum(r < 0 for r in reaction)
    report.note(f"interval {interval}: {MAX} replicas after median "
                f"{statistics.median(full):.3f} s, worst {max(full):.3f} s; the watch told "
                f"{1000 * statistics.median(behind):.0f} ms (median) after hexlag's log line; "
                f"a burst took {1000 * statistics.median(sending):.0f} ms to be acknowledged, "
                f"and {early} of {bursts} raised it before they were complete (negative)")


def measure(report, options):
    world = World().ready()
    world.traffic("create", TOPIC, PARTITIONS, 1)
    world.apply(namespace(), workload(TARGET, replicas=MIN))
    watch, producer = Watch(world, TARGET), Producer(world)
    wait_until(lambda: watch.seen, "the first event of the watch")
    producer.burst(PARTITIONS)
    for interval, seconds in INTERVALS:
        measure_interval(report, world, watch, producer, interval, seconds, options.bursts)
    producer.stop()
    report.note(
        f"{options.bursts} bursts per interval of {RECORDS} records on {PARTITIONS} partitions, "
        "at random phases of the interval (one in\neach of as many equal slices, in random "
        "order), from the last acknowledgement to the arrival of the watch's\nMODIFIED event "
        f"with spec.replicas > {MIN}; threshold {THRESHOLD}, {MIN} to {MAX} replicas, cooldown "
        "0s, exporter on at the same interval")
    version = re.search(r"gitVersion: (\S+)", world.kubectl("version", "-o", "yaml"))[1]
    report.note(f"kube-apiserver {version}; peer: KEDA 2.21 and HPA with their defaults, "
                "measured earlier in the same way, not in this run")
