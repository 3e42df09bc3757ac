#!/usr/bin/env -S python3 -B
"""One broker of three hangs, dies and comes back: who is not on it does not notice.

    tests/e2e/test_isolation.py [--cycles N [--minutes N]]

Records are produced to every partition all the time, and one group per coordinator commits all the
time (tests/tools/pulse). The time of each acknowledgement is held against what each of ten scrapes a
second shows (judge.py): stale is what Kafka has acknowledged for longer than hexlag has shown it.
Where a broker is away it acknowledges nothing, so nothing is demanded there but the last value and
its age; from the first new acknowledgement on hexlag has three cycles.

With --cycles so many faults follow each other, most of them short pauses, each tenth a kill and a
restart, and the memory is told; --minutes ends it early.
"""

import argparse
import json
import os
import sys
import time

from exposition import Checked, Scraper
from judge import INTERVAL, NOTICED, Judge, Outage
from pulse import Pulse
from world import World, case, expect, expect_that, folder, main, wait_equal, wait_until

TOPIC = "pulse"
DOOMED = "doomed"        # deleted while the coordinator of a group with a commit on it is away
PARTITIONS = 12
BEFORE = 2000            # records in each partition at the start: no commit gets there
OFFSETS_PARTITIONS = 4   # of __consumer_offsets; the last is the one with replicas
MOVING = OFFSETS_PARTITIONS - 1
MIB = 1024 * 1024

three = World("--no-kube", "--brokers", "3", "--replication", "1",
              "--offsets-partitions", str(OFFSETS_PARTITIONS))


# --- the world ---

def java_hash(text):
    """String.hashCode() of Java; ASCII only."""
    value = 0
    for c in text:
        value = (31 * value + ord(c)) & 0xffffffff
    return value - (1 << 32) if value >= 1 << 31 else value


def group_on(offsets_partition, kind):
    return next(name for name in (f"{kind}-{n}" for n in range(1000))
                if abs(java_hash(name)) % OFFSETS_PARTITIONS == offsets_partition)


def replicate_moving():
    """Groups of this one partition of __consumer_offsets find another coordinator."""
    path = f"{folder}/reassignment.json"
    with open(path, "w", encoding="ascii") as f:
        json.dump({"version": 1, "partitions": [
            {"topic": "__consumer_offsets", "partition": MOVING, "replicas": [1, 2, 3]}]}, f)
    three.kafka_tool("ReassignPartitionsCommand", "--bootstrap-server", three.bootstrap,
                     "--reassignment-json-file", path, "--execute")


def leaders(topic):
    return hexlag.metrics().by_partition("kafka_topic_partition_leader", topic=topic)


def led_by(broker, topic):
    return {p for p, leader in leaders(topic).items() if leader == broker}


def groups_of(broker):
    """Those that are out of reach with this broker."""
    return {g for p in led_by(broker, "__consumer_offsets") - {MOVING}
            for g in (group_on(p, "live"), group_on(p, "still"))}


def set_up():
    global hexlag, judge, scraper, live, still, moving
    three.ready()
    three.create(TOPIC, PARTITIONS)
    three.traffic("produce", TOPIC, PARTITIONS * BEFORE)
    fixed = range(OFFSETS_PARTITIONS - 1)
    live = [group_on(p, "live") for p in fixed]
    moving = group_on(MOVING, "moving")
    still = [*(group_on(p, "still") for p in fixed), moving]
    for group in (*live, *still):
        three.traffic("commit", group, TOPIC, *[0] * PARTITIONS)
    three.create(DOOMED, 1)
    for group in still:
        three.traffic("commit", group, DOOMED, 7)
    hexlag = Checked("hexlag", three.bootstrap, interval=f"{INTERVAL:g}s", timeout="2s")
    hexlag.wait_ready()
    replicate_moving()
    wait_equal(lambda: hexlag.metrics().by_partition("kafka_topic_partition_in_sync_replica",
                                                     topic="__consumer_offsets"),
               {**dict.fromkeys(fixed, 1), MOVING: 3}, "replicas in sync")
    wait_equal(lambda: set(leaders("__consumer_offsets").values()), {1, 2, 3}, "coordinators")
    pulses = {None: Pulse(three, "produce", "produce", TOPIC, 100)}
    for group in live:
        pulses[group] = Pulse(three, group, "commit", group, TOPIC, 200)
    judge = Judge(TOPIC, pulses, still, PARTITIONS)
    wait_until(everything_moves, "commits of all groups")
    scraper = Scraper(hexlag, 0.1, judge.keep)


def everything_moves():
    for pulse in judge.pulses.values():
        pulse.read()
    m = hexlag.metrics()
    return all(m.by_partition("kafka_consumergroup_current_offset", consumergroup=g)
               and m.by_partition("kafka_consumergroup_current_offset", consumergroup=g)[0] > 0
               for g in live) and not ages()


def ages(group=None):
    labels = {"consumergroup": group} if group else {}
    return hexlag.metrics().by_partition("hexlag_consumergroup_lag_age_seconds", topic=TOPIC,
                                         **labels)


def quality(group):
    return hexlag.metrics().one("hexlag_consumergroup_lag_quality", topic=TOPIC,
                                consumergroup=group)


def watch(seconds):
    """Lets so much more be scraped and judged."""
    until = time.monotonic() + seconds

    def judged():
        scraper.check()
        judge.judge()
        return judge.scrapes and judge.scrapes[0][0] > until
    wait_until(judged, f"{seconds} s of scrapes", seconds + 30)


def rss():
    with open(f"/proc/{hexlag.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") / MIB


# --- one fault ---

@case("with all brokers up everything is fresh within an interval")
def steady():
    global memory
    watch(3)
    judge.report("steady")
    judge.expect_fresh()
    judge.expect_kept()
    memory = rss()
    judge.reset()


@case("a broker hangs: within a time-out what it led has an age, and in the end no leader")
def hangs():
    global away, outage
    away = int(leaders("__consumer_offsets")[MOVING])
    outage = Outage(led_by(away, TOPIC), groups_of(away))
    expect_that(outage.partitions and outage.groups, "something that it leads", vars(outage))
    judge.outages.append(outage)
    three.broker("pause", away)
    wait_until(lambda: set(ages()) >= outage.partitions, "ages", NOTICED)
    wait_equal(lambda: led_by(away, TOPIC), set(), "partitions that it leads")
    watch(NOTICED)
    judge.report("hanging")
    partial, stale = 2, 1
    expect({g: quality(g) for g in judge.groups()},
           {g: stale if g in outage.groups else partial for g in judge.groups()}, "quality")


@case("its replicated coordinator moves: that group is fresh again where partitions are")
def moves():
    wait_until(lambda: leaders("__consumer_offsets").get(MOVING) not in (None, away), "a move")
    wait_equal(lambda: set(ages(moving)), outage.partitions, f"partitions of {moving} with an age")
    expect(hexlag.metrics().one("hexlag_consumergroup_coordinator_answered", consumergroup=moving),
           1, "coordinator answered")


@case("it is killed while it hangs, and nothing changes")
def killed():
    three.broker("kill", away)
    watch(3)
    judge.report("killed")
    expect_that(judge.aged > 0, "ages that were demanded", judge.aged)


@case("a topic deleted while a coordinator is away: its series vanish, also of that one's groups")
def deleted_meanwhile():
    three.traffic("delete", DOOMED)
    wait_equal(series_of_doomed, set(), "series of the topic")


def series_of_doomed():
    return {name for name, labels in hexlag.metrics().samples if ("topic", DOOMED) in labels}


@case("it is back: the right lag of everything, in the same process")
def back():
    outage.ended = time.monotonic()
    three.broker("start", away)
    wait_equal(lambda: (ages(), set(leaders(TOPIC).values())), ({}, {1, 2, 3}),
               "ages and leaders")
    watch(4)  # beyond the three cycles
    judge.report("from the fault to the end")
    expect_that(hexlag.alive(), "the same process", hexlag.log())


@case("a commit on it is left with the group's coordinator, which missed the end; it is not shown")
def commit_left():
    """It comes to light when there is a topic of that name again."""
    expect(series_of_doomed(), set(), "series of the topic")
    three.create(DOOMED, 1)
    wait_until(lambda: hexlag.metrics().all("kafka_topic_partitions", topic=DOOMED), "the topic")
    seen = hexlag.metrics().all("hexlag_consumergroup_commit_beyond_end", topic=DOOMED)
    print(f"# groups with the old commit on the new topic: "
          f"{sorted(dict(labels)['consumergroup'] for labels in seen)}")


@case("it hangs until its groups have another coordinator, and wakes up still thinking it is theirs")
def two_coordinators():
    holder = int(leaders("__consumer_offsets")[MOVING])
    three.broker("pause", holder)
    try:
        wait_until(lambda: leaders("__consumer_offsets").get(MOVING) not in (None, holder), "a move")
    finally:
        three.broker("resume", holder)
    wait_equal(lambda: (ages(), set(leaders(TOPIC).values())), ({}, {1, 2, 3}),
               "ages and leaders")
    watch(4)


@case("end offsets and commits that Kafka served were never stale by more than an interval")
def fresh():
    expect_that(len(judge.stale_ends) > judge.unserved, "most of them served throughout",
                (len(judge.stale_ends), judge.unserved))
    judge.expect_fresh()


@case("the rest kept its last value with its age; no lag ever vanished, shrank, was 0 or -1")
def kept():
    judge.expect_kept()


@case("no scrape took longer than 100 ms")
def fast():
    judge.expect_fast()


@case("memory stays where it was")
def flat():
    print(f"# {memory:.1f} MiB before, {rss():.1f} MiB after")
    expect_that(rss() < memory + 4, f"under 4 MiB more than {memory:.1f}", rss())
    scraper.stop()
    expect(hexlag.stop()[0], 0, "exit code")


# --- many faults ---

def one_cycle(number):
    """A pause of up to 2.5 s, or each tenth time a kill and a restart."""
    broker = 1 + number % 3
    if number % 10 == 9:
        three.broker("kill", broker)
        watch(1)
        three.broker("start", broker)
    else:
        three.broker("pause", broker)
        watch(0.5 * (number % 6))
        three.broker("resume", broker)
    wait_equal(ages, {}, "ages", 60)
    expect_that(hexlag.alive(), "the same process", hexlag.log())


def many(cycles, minutes):
    """The report says how far it came; the memory of the last half must not grow."""
    set_up()
    memory, began = [], time.monotonic()
    for number in range(cycles):
        one_cycle(number)
        memory.append(rss())
        if number % 10 == 9 or number + 1 == cycles:
            watch(1)
            judge.report(f"{number + 1} faults, {memory[-1]:.1f} MiB")
            judge.expect_kept()
        if time.monotonic() - began > 60 * minutes:
            break
    half = memory[len(memory) // 2:]
    print(f"# {len(memory)} faults in {(time.monotonic() - began) / 60:.0f} minutes, resident MiB: "
          f"first {memory[0]:.1f}, at half {half[0]:.1f}, last {half[-1]:.1f}, max {max(memory):.1f}")
    judge.expect_fresh()
    judge.expect_fast()
    expect_that(half[-1] < half[0] + 2, "under 2 MiB more in the second half", half[-1] - half[0])
    scraper.stop()
    expect(hexlag.stop()[0], 0, "exit code")


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, metavar="N", help="faults one after another")
    parser.add_argument("--minutes", type=float, default=1e9, metavar="N")
    return parser.parse_args()


if __name__ == "__main__":
    options = parse()
    if options.cycles:
        try:
            many(options.cycles, options.minutes)
        except Exception as error:
            sys.exit(f"failed: {error}")
    else:
        main(set_up)
