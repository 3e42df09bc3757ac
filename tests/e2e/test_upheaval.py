#!/usr/bin/env -S python3 -B
"""A consumer group that never rests, and a broker that is killed in mid-burst, on three brokers."""

import itertools
import threading
import time

from scaling import GROUP, LASTING, RATE, TOPIC, Stage, main_to_sigterm, note
from world import World, case, expect, expect_that, wait_equal, wait_until

UNREST = 20  # seconds
HOLD = 25    # seconds that a rebalance may hold a size: longer than the unrest
STAY = 1     # second that a passing member stays

world = World("--brokers", "3", "--replication", "3")


def set_up():
    global stage
    world.ready()
    stage = Stage(world, replication=3, holdLimit=f"{HOLD}s")


class Passers:
    """Members of the group that join, stay for a second, leave, and are followed by the next."""

    def __init__(self):
        self.count = 0
        self.states = set()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._pass, daemon=True)
        self.thread.start()

    def _pass(self):
        for number in itertools.count(1):
            member = world.consumer(f"passer-{number}", GROUP, TOPIC, RATE)
            ended = self.stopped.wait(STAY)
            member.process.terminate()
            member.process.wait(30)
            self.count = number
            if ended:
                return

    def stop(self):
        self.stopped.set()
        self.thread.join()


def reversals(sizes):
    """How often it went the other way than before."""
    ways = [b > a for a, b in zip(sizes, sizes[1:])]
    return sum(a != b for a, b in zip(ways, ways[1:]))


def group_states():
    found = stage.hexlag.metrics().all("hexlag_consumergroup_state", consumergroup=GROUP)
    return {dict(labels)["state"] for labels, n in found.items() if n}


@case("members that come and go every second: without lag to speak of the size is left alone")
def unrest_without_load():
    passers, start, writes = Passers(), stage.watch.mark(), stage.writes()
    began, states = time.monotonic(), set()

    def over():
        states.update(group_states())
        stage.produce(4)
        return time.monotonic() - began > UNREST
    wait_until(over, "the end of the unrest", UNREST + 30)
    passers.stop()
    note(f"{passers.count} members came and went; states seen: {sorted(states)}")
    expect_that(states - {"Stable"} and passers.count >= 5, "a group that rebalances", states)
    expect(stage.watch.sizes(start), [stage.low], "sizes")
    expect(stage.writes(), writes, "writes")
    stage.check()


@case("a burst in the same unrest is answered all the same, and the size does not swing")
def unrest_with_burst():
    # A group that does not settle is waited for no longer than HOLD.
    wait_until(lambda: group_states() == {"Stable"}, "a group at rest", 120)
    passers, start, began = Passers(), stage.watch.mark(), time.time()
    wait_until(lambda: passers.count >= 2, "members that come and go")
    before = stage.reasons()
    stage.produce(LASTING)
    up = stage.wait_size(stage.high, HOLD + 55, start) - began
    wait_until(lambda: time.time() - began > UNREST, "the end of the unrest", UNREST + 30)
    passers.stop()
    new = {k: int(n - before.get(k, 0)) for k, n in stage.reasons().items() if n > before.get(k, 0)}
    sizes = stage.watch.sizes(start)
    note(f"maxReplicas after {up:.1f} s; {passers.count} members came and went; sizes {sizes}; {new}")
    expect_that(reversals(sizes) <= 1, "at most one turn", sizes)
    expect_that(new.get("Rebalancing"), "decisions held for the rebalance", new)
    stage.drains(150)
    expect_that(reversals(stage.watch.sizes(start)) <= 1, "at most one turn",
                stage.watch.sizes(start))
    stage.check()


@case("a broker killed in mid-burst: nothing is lowered on part of the lag, and then it drains")
def broker_killed():
    m = stage.hexlag.metrics()
    lost = int(m.one("kafka_topic_partition_leader", topic=TOPIC, partition=0))
    before, start, began = stage.reasons(), stage.watch.mark(), time.time()
    stage.produce(LASTING)
    # It may be over before it is told that the broker is dead.
    kill = threading.Thread(target=world.broker, args=("kill", lost))
    kill.start()
    partial = []  # the sizes while not all of the lag is known

    def complete():
        known = stage.lag() is not None
        if not known:
            partial.append(stage.watch.size())
        return known and partial
    wait_until(complete, "partial lag, then all of it", 60)
    kill.join()
    expect_that(partial == sorted(partial), "no lowering while not all is known", partial)
    up = stage.wait_size(stage.high, 75, start) - began
    after = stage.reasons()
    note(f"broker {lost}; maxReplicas after {up:.1f} s; decisions since: "
         f"{ {k: int(n - before.get(k, 0)) for k, n in after.items() if n > before.get(k, 0)} }")
    stage.drains(150)
    note(f"minReplicas after {time.time() - began:.1f} s, with two brokers")
    stage.check()


@case("with the broker back a burst is answered as before")
def broker_back():
    lost = int({1, 2, 3}.difference(
        int(v) for v in stage.hexlag.metrics().by_partition(
            "kafka_topic_partition_leader", topic=TOPIC).values()).pop())
    world.broker("start", lost)
    wait_equal(lambda: stage.hexlag.metrics().one("kafka_brokers"), 3, "brokers")
    up, down = stage.burst(120)
    note(f"maxReplicas {up:.2f} s, minReplicas {down:.1f} s after the burst began")
    stage.check()


if __name__ == "__main__":
    main_to_sigterm(set_up, lambda: stage)
