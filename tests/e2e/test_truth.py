#!/usr/bin/env -S python3 -B
"""What is exported and what a decision sees, case by case, on a real broker.

Three processes watch: "plain" exports only, "deciding" has two dry-run rules per row (offsetReset
latest and earliest), "committed" is the same with isolation read_committed. What the death of a
broker makes of it all is in test_isolation.py.
"""

import os
import signal

from groupmember import Member
from scaleapi import ScaleApi
from truth import REPLICAS, lags_shown, row, scrape, scrapers, start, watching
from world import (HEXLAG, ROOT, TRAFFIC, Background, World, case, expect, expect_that, main, run,
                   wait_equal, wait_until)

TRANSACT = os.path.dirname(TRAFFIC) + "/transact"

kafka = World("--no-kube")


# --- the world ---

def transact(*args):
    run(TRANSACT, "-b", kafka.bootstrap, *args)


def topic(name, *counts, config=()):
    """A topic with so many records in each of its partitions."""
    transact("topic", name, len(counts), *config)
    wait_until(lambda: run(TRAFFIC, "-b", kafka.bootstrap, "produce", name, 0), name)
    for partition, count in enumerate(counts):
        if count:
            kafka.traffic("produce", name, count, partition)


def commit(group, name, *offsets):
    kafka.traffic("commit", group, name, *offsets)


def background(name, *command):
    return Background(name, *command, env=kafka.env)


def ever(process, group, name):
    """{partition: the lags ever shown}."""
    return {p: set(lags) for (g, t, p), lags in lags_shown[process].items()
            if (g, t) == (group, name)}


# --- commits ---

def without_commit():
    topic("no-commit", 6, 6)
    topic("elsewhere", 5)
    commit("g-no-commit", "elsewhere", 1)


row("a group with no commit on a topic has no series there, and no lag for a decision",
    without_commit, "no-commit", quality=None)


def member_without_commit():
    topic("member", 6, 6)
    global member
    member = kafka.consumer("member", "g-member", "member", 0)


row("with members but without a commit, auto.offset.reset says what is ahead of them",
    member_without_commit, "member", quality=None, state="Stable", members=1, latest=0, earliest=12)


def some_commits():
    topic("some", 10, 10, 10, 10)
    commit("g-some", "some", "-", 4, "-", 9)


row("partitions without a commit are -1 and no part of the sums",
    some_commits, "some", lag={0: -1, 1: 6, 2: -1, 3: 1}, committed={0: -1, 1: 4, 2: -1, 3: 9},
    lag_sum=7, latest=7, earliest=27, state="Empty", members=0)


def below_start():
    topic("trimmed", 20)
    commit("g-trimmed", "trimmed", 8)
    transact("trim", "trimmed", 0, 14)


row("a commit below the log start: what is left to read is the lag, what was lost is told apart",
    below_start, "trimmed", lag={0: 6}, committed={0: 8}, lost={0: 6}, lag_sum=6, latest=6,
    earliest=6, start={0: 14}, end={0: 20})


def all_lost():
    topic("emptied", 20)
    commit("g-emptied", "emptied", 8)
    transact("trim", "emptied", 0, 20)


row("a commit below the start of an emptied log: nothing left to read, twelve lost",
    all_lost, "emptied", lag={0: 0}, committed={0: 8}, lost={0: 12}, lag_sum=0, latest=0,
    earliest=0, start={0: 20}, end={0: 20})


def beyond_end():
    topic("beyond", 10)
    commit("g-beyond", "beyond", 15)


row("a commit beyond the end: no negative lag, and by how much; consumers will reset",
    beyond_end, "beyond", lag={0: 0}, committed={0: 15}, beyond={0: 5}, lag_sum=0, latest=0,
    earliest=10)


# --- topics that come and go ---

def to_delete():
    topic("deleted", 7, 9)
    commit("g-deleted", "deleted", 1, 2)
    commit("g-deleted", "elsewhere", 3)


row("two topics of one group", to_delete, "deleted", lag={0: 6, 1: 7}, committed={0: 1, 1: 2},
    lag_sum=13, latest=13, earliest=13, end={0: 7, 1: 9})


def delete():
    kafka.traffic("delete", "deleted")
    transact("settle", "deleted")


row("a deleted topic: its series vanish", delete, "deleted", quality=None, end={})


@case("no 0 was ever in their place, and the group's other topic is still there")
def deleted_for_good():
    for process in watching:
        expect(ever(process, "g-deleted", "deleted"), {0: {6}, 1: {7}}, f"{process}: lags shown")
        expect(watching[process].metrics().lag("g-deleted", "elsewhere"), {0: 2}, "other topic")


def recreate():
    topic("deleted", 5, 5)
    # A consumer that still has its old position.
    commit("g-deleted", "deleted", 12, 12)


row("a recreated topic: the old commit is beyond the new end", recreate, "deleted",
    lag={0: 0, 1: 0}, committed={0: 12, 1: 12}, beyond={0: 7, 1: 7}, lag_sum=0, latest=0,
    earliest=10, end={0: 5, 1: 5})


def catch_up():
    kafka.traffic("produce", "deleted", 15, 0)
    kafka.traffic("produce", "deleted", 7, 1)


row("and once the end has overtaken it, lag counts from it", catch_up, "deleted", lag={0: 8, 1: 0},
    committed={0: 12, 1: 12}, lag_sum=8, latest=8, earliest=8)


def to_grow():
    topic("growing", 10)
    commit("g-growing", "growing", 4)


row("a topic of one partition", to_grow, "growing", lag={0: 6}, committed={0: 4}, lag_sum=6,
    latest=6, earliest=6)


def grow():
    transact("grow", "growing", 3)
    wait_until(lambda: run(TRAFFIC, "-b", kafka.bootstrap, "produce", "growing", 9, 2, check=False)
               .returncode == 0, "records in the new partition")


row("partitions added: -1 until there is a commit", grow, "growing", lag={0: 6, 1: -1, 2: -1},
    committed={0: 4, 1: -1, 2: -1}, lag_sum=6, latest=6, earliest=15, end={0: 10, 1: 0, 2: 9})

row("and lag from their first commit on", lambda: commit("g-growing", "growing", "-", 0, 2),
    "growing", lag={0: 6, 1: 0, 2: 7}, committed={0: 4, 1: 0, 2: 2}, lag_sum=13, latest=13,
    earliest=13)


# --- transactions; each ends with a marker, which takes an offset ---

def transactions():
    topic("tx", 0)
    transact("commit", "tx", 0, 10)
    commit("g-tx", "tx", 0)


row("a committed transaction counts by offsets, its marker with it", transactions, "tx",
    lag={0: 11}, committed={0: 0}, lag_sum=11, latest=11, earliest=11, end={0: 11})


def drain():
    global reader
    reader = kafka.consumer("reader", "g-tx", "tx", 1000)


row("drained by a consumer, a transactional topic has no lag", drain, "tx", lag={0: 0},
    committed={0: 11}, lag_sum=0, latest=0, earliest=0, state="Stable", members=1)


def open_transaction():
    global pending
    reader.stop()
    pending = background("open", TRANSACT, "-b", kafka.bootstrap, "open", "tx", 0, 6)
    pending.wait_log("^open$")


row("an open transaction: lag by the high watermark, none by the last stable offset",
    open_transaction, "tx", lag={0: 6}, committed={0: 11}, lag_sum=6, latest=6, earliest=6,
    end={0: 17}, read_committed={"lag": {0: 0}, "lag_sum": 0, "latest": 0, "earliest": 0,
                                 "end": {0: 11}})

row("aborted, its records count as an offset distance until a consumer has passed them",
    lambda: pending.stop(), "tx", lag={0: 7}, committed={0: 11}, lag_sum=7, latest=7, earliest=7,
    end={0: 18})

row("and a consumer passes them", drain, "tx", lag={0: 0}, committed={0: 18}, lag_sum=0, latest=0,
    earliest=0)


def before_marker():
    topic("marker", 0)
    transact("commit", "marker", 0, 10)
    commit("g-marker", "marker", 10)


row("a commit right before the marker is one behind, as Kafka's own tool has it", before_marker,
    "marker", lag={0: 1}, committed={0: 10}, lag_sum=1, latest=1, earliest=1)


# --- groups ---

def group_dies():
    commit("g-dead", "elsewhere", 2)


row("a group without members is empty", group_dies, "elsewhere", "g-dead", lag={0: 3},
    committed={0: 2}, lag_sum=3, latest=3, earliest=3, state="Empty", members=0)

row("a deleted group: its series vanish", lambda: transact("forget", "g-dead"), "elsewhere",
    "g-dead", quality=None)


@case("whatever they were")
def dead_for_good():
    for process in watching.values():
        m = process.metrics()
        # A rule still watches the group, so that what is left of it is known to be nobody's.
        left = {key: value for key, value in m.samples.items()
                if ("consumergroup", "g-dead") in key[1]
                and key[0] not in ("hexlag_consumergroup_state",
                                   "hexlag_consumergroup_coordinator_answered")}
        expect(left, {}, "series of the group")
    expect({k for k in watching["plain"].metrics().samples if ("consumergroup", "g-dead") in k[1]},
           set(), "series of the group where no rule watches it")


def completing():
    topic("moving", 9, 9)
    commit("g-moving", "moving", 1, 4)
    members.append(Member(kafka.bootstrap, "g-moving", "moving").await_answer())


members = []

row("a rebalance that waits for its leader: offsets and lag as ever", completing, "moving",
    lag={0: 8, 1: 5}, committed={0: 1, 1: 4}, lag_sum=13, latest=13, earliest=13,
    state="CompletingRebalance", members=1)

row("a rebalance that waits for a member: offsets and lag as ever",
    lambda: members.append(Member(kafka.bootstrap, "g-moving", "moving")), "moving",
    lag={0: 8, 1: 5}, committed={0: 1, 1: 4}, lag_sum=13, latest=13, earliest=13,
    state="PreparingRebalance", members=2)


def to_be_joined():
    topic("next", 10, 10)
    commit("g-next", "next", 0, 0)


row("a group that nobody is in yet", to_be_joined, "next", lag={0: 10, 1: 10},
    committed={0: 0, 1: 0}, lag_sum=20, latest=20, earliest=20, state="Empty", members=0)


def next_generation():
    java("ConsoleConsumer", "next", "g-next", "--consumer-property", "group.protocol=consumer",
         "--consumer-property", "auto.commit.interval.ms=100")
    wait_equal(lambda: watching["plain"].metrics().lag("g-next", "next"), {0: 0, 1: 0}, "lag")
    # It stays a member for its session of 45 s, and does not see the next records.
    consumers["g-next"].signal(signal.SIGSTOP)
    kafka.traffic("produce", "next", 5, 0)


consumers = {}


def java(tool, name, group, *options):
    consumers[group] = background(group, f"{ROOT}/tests/world/kafka-tool", tool,
                                  "--bootstrap-server", kafka.bootstrap, "--topic", name,
                                  "--group", group, *options)


def describes_new_groups():
    version = run(HEXLAG, "version").stdout
    numbers = version.partition("librdkafka ")[2].split()[0].split(".")
    return (int(numbers[0]), int(numbers[1])) >= (2, 10)


row("a group of the new protocol (KIP-848); its members may be unknown but never 0",
    next_generation, "next", lag={0: 5, 1: 0}, committed={0: 10, 1: 10}, lag_sum=5, latest=5,
    earliest=5, state="Stable", members=1 if describes_new_groups() else None)


def share_group():
    consumers["g-next"].signal(signal.SIGKILL)  # as it is, without running on
    java("ConsoleShareConsumer", "next", "g-share")
    wait_until(lambda: "g-share" in kafka.kafka_tool(
        "ShareGroupCommand", "--bootstrap-server", kafka.bootstrap, "--list"), "the share group")


@case("a share group is none of ours, and disturbs nobody")
def share_group_beside():
    share_group()
    for process in watching.values():
        before = process.metrics().one("hexlag_cycles_total")
        wait_until(lambda p=process, b=before: p.metrics().one("hexlag_cycles_total") > b + 2,
                   "two more cycles")
        m = process.metrics()
        expect({k for k in m.samples if ("consumergroup", "g-share") in k[1]}, set(), "its series")
        expect(m.one("hexlag_group_list_ok"), 1, "hexlag_group_list_ok")
        expect(m.lag("g-next", "next"), {0: 5, 1: 0}, "lag of another group on its topic")
    consumers["g-share"].kill()


# --- names ---

TOPICS = "dots.in.it", "under_score", "dash-es", "x" * 249
GROUPS = ('"quoted"', "it's", "back\\slash \\n \\", "two  blanks", " around ", "new\nline", "tab\t",
          "größe", "\u5927\u304d\u3055", "\U0001f600 \U00010348", "a,b={c}", "#", "\u007f", "$HOME %s")


@case("topics with dots, groups with quotes, blanks, backslashes, newlines and any script")
def names():
    for name in TOPICS:
        topic(name, 5)
    for n, group in enumerate(GROUPS):
        transact("place", group, TOPICS[n % len(TOPICS)], n % 5)
    wanted = {(group, TOPICS[n % len(TOPICS)]): 5 - n % 5 for n, group in enumerate(GROUPS)}

    def lags(process):
        found = watching[process].metrics().all("kafka_consumergroup_lag")
        labels = {key: dict(key) for key in found}
        return {(labels[k]["consumergroup"], labels[k]["topic"]): lag for k, lag in found.items()
                if labels[k]["topic"] in TOPICS}
    for process in watching:
        wait_equal(lambda p=process: lags(p), wanted, f"{process}: lag by group and topic")
        m = watching[process].metrics()
        expect({g: m.one("hexlag_consumergroup_coordinator_answered", consumergroup=g)
                for g in GROUPS}, dict.fromkeys(GROUPS, 1), "answered")


# --- compaction ---

COMPACTED = 40


def compact():
    """All records have one key. The cleaner leaves the segment that is written to, so there is
    another record after a time that begins a new one."""
    topic("compacted", 0, config=["cleanup.policy=compact", "segment.ms=1000",
                                  "min.cleanable.dirty.ratio=0.01", "max.compaction.lag.ms=1000"])
    keyed(COMPACTED)
    commit("g-compacted", "compacted", 10)


def keyed(count):
    run("kcat", "-P", "-b", kafka.bootstrap, "-t", "compacted", "-K", ":", text="k:v\n" * count)


def records():
    return len(run("kcat", "-C", "-b", kafka.bootstrap, "-t", "compacted", "-o", "beginning", "-e",
                   "-q").stdout.splitlines())


def await_compaction():
    more = 0

    def cleaned():
        nonlocal more
        keyed(1)
        more += 1
        return records() < COMPACTED
    wait_until(cleaned, "fewer records than offsets", 60)
    end = COMPACTED + more
    wait_equal(lambda: watching["plain"].metrics().lag("g-compacted", "compacted"),
               {0: end - 10}, "lag")


@case("a compacted topic: the lag is the distance of offsets, also where records are gone")
def compacted():
    await_compaction()
    for process in ("deciding", "committed"):
        m = watching[process].metrics()
        expect(m.lag("g-compacted", "compacted"),
               watching["plain"].metrics().lag("g-compacted", "compacted"), "lag")


# --- everything ---

@case("a rule that waits for a topic nobody has made is no failure of its group")
def no_false_alarm():
    for name, process in watching.items():
        expect(process.log_lines("NULL or non-empty"), [], f"calls of {name} that the library refused")


@case("every scrape was valid, without duplicates and below-zero lags, and nothing was written")
def all_scrapes():
    for scraper in scrapers:
        scraper.stop()
    api.check()
    for name, process in watching.items():
        expect_that(process.alive(), "a process that lives", name)
        below = {key: lags for key, lags in lags_shown[name].items() if min(lags) < -1}
        expect(below, {}, "lags below -1")
    # A broken exposition is what its reader refuses.
    try:
        told = run("promtool", "check", "metrics", text=watching["plain"].get("/metrics")[1],
                   check=False)
    except FileNotFoundError:
        return
    expect_that("error while linting" not in told.stderr, "no error of promtool", told.stderr)


def set_up():
    global api
    kafka.ready()
    compact()
    api = ScaleApi(REPLICAS)
    start("plain", kafka.bootstrap, api.kubeconfig)
    start("deciding", kafka.bootstrap, api.kubeconfig)
    start("committed", kafka.bootstrap, api.kubeconfig, isolation="read_committed")
    for process in watching.values():
        process.wait_ready()
    for process in watching:
        scrape(process)


if __name__ == "__main__":
    main(set_up)
